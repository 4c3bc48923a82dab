//! The front on one end of a pipe, for tests on a clock that takes no time.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::house::Toy;
use crate::front::serve::{Shared, serve};
use crate::front::{Connection, Drain, FrontOptions, Mode, connect};

pub(super) struct Pipe {
    pub(super) client: DuplexStream,
    pub(super) toy: Arc<Toy>,
    pub(super) drain: Arc<Drain>,
    pub(super) front: JoinHandle<()>,
}

impl Pipe {
    pub(super) fn open() -> Self {
        Self::with(Arc::new(Toy::new()))
    }

    pub(super) fn with(toy: Arc<Toy>) -> Self {
        let (client, server) = duplex(1024 * 1024);
        let drain = Drain::new();
        let shared = Shared::new(Arc::clone(&toy), Arc::clone(&drain), FrontOptions::default());
        let mut closing = drain.closing();
        let front = tokio::spawn(async move {
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            let connection = Connection { mode: Mode::Reverse, peer, proxy_authorization: None, tls: false };
            if let Some(tunnel) = serve(&shared, server, &connection, &mut closing).await {
                connect::run(&shared, tunnel, &mut closing).await;
            }
        });
        Self { client, toy, drain, front }
    }

    /// Everything until the front closes.
    pub(super) async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        self.client.read_to_end(&mut all).await.unwrap();
        String::from_utf8_lossy(&all).into_owned()
    }
}
