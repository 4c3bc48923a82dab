//! The journey of one request. Each step is a room's work; this page is the order in which they come.
//!
//! | # | step | what it gives |
//! |---|---|---|
//! | 1 | accept | a connection (`front/`) |
//! | 2 | identify | who calls |
//! | 3 | read | the whole request, decoded |
//! | 4 | match | the route and its meter |
//! | 5 | shape | the request as it will leave |
//! | 6 | quote | the most it may cost |
//! | 7 | plan | the accounts it touches |
//! | 8 | reserve | a hold on all of them, or none |
//! | 9 | decide | yes or no, on the balances that came back |
//! | 10 | admit | the durable entry, and the permit it mints |
//! | 11 | forward | the vendor's answer, metered as it passes |
//! | 12 | settle | the charge, at the end of the answer (`forward/metering.rs`) |
//!
//! Any step may refuse; a refusal loses nothing: a hold that was not dispatched releases itself when it is dropped.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use types::Reason;

use crate::exchange::Exchange;
use crate::front::{Connection, ReplyBody};
use crate::house::Gateway;

/// Serves one request of a connection, from its head to the answer's head.
pub(crate) async fn serve<B>(
    gateway: &Arc<Gateway>,
    connection: &Connection,
    request: Request<B>,
) -> Response<ReplyBody>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut exchange = match Exchange::accept(gateway, connection, &request) {
        Ok(exchange) => exchange,
        Err(answer) => return *answer,
    };
    match travel(&mut exchange, request).await {
        Ok(answer) => answer,
        Err(reason) => exchange.refuse(reason),
    }
}

async fn travel<B>(exchange: &mut Exchange<'_>, request: Request<B>) -> Result<Response<ReplyBody>, Reason>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, body) = request.into_parts();
    let house = Arc::clone(&exchange.house);
    exchange.identify(&head)?;
    // The route is found before the body is read, so that a host nobody listed cannot make us buffer for it.
    let way = exchange.find(&house, &head)?;
    let mut draft = exchange.read(&way, head, body).await?;
    exchange.shape(&way, &mut draft)?;
    exchange.quote(&way, &draft)?;
    let plan = exchange.plan(&way, &draft)?;
    let mut hold = exchange.reserve(&plan).await?;
    exchange.decide(&way, &mut draft, &hold)?;
    let permit = exchange.admit(&way, &draft, &mut hold).await?;
    exchange.forward(&way, draft, hold, permit).await
}
