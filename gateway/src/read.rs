//! Step 3: the request read whole, bounded and decoded, so that what is judged is what is forwarded.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body::Body;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use types::Reason;

/// Bodies may grow to this many times their encoded size before they count as a bomb.
const INFLATION_RATIO_MAX: u64 = 100;
const KIB: u64 = 1024;
/// The budget is taken in steps of this size, so that a small body asks once.
const STEP_BYTES: u64 = 64 * KIB;

/// Memory for bodies that are being judged, shared by all requests, in KiB.
#[derive(Clone)]
pub struct BodyBudget(Arc<Semaphore>);

impl BodyBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let kib = usize::try_from(bytes / KIB).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(kib)))
    }

    fn take(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Reason> {
        let kib = u32::try_from(bytes.div_ceil(KIB)).map_err(|_| Reason::BodyBudgetFull)?;
        self.0.clone().try_acquire_many_owned(kib).map_err(|_| Reason::BodyBudgetFull)
    }
}

/// A body as read: decoded, hashed as received, its memory accounted for until this is dropped.
pub(crate) struct ReadBody {
    /// The decoded bytes.
    pub bytes: Bytes,
    /// SHA-256 of the bytes as received, hex.
    pub received_hash: String,
    /// Whether `bytes` are the very bytes received, so that their hash is the same.
    pub verbatim: bool,
    _memory: Option<OwnedSemaphorePermit>,
}

/// Reads the body of a request to its end.
///
/// # Errors
/// [`Reason::BodyTooLarge`], [`Reason::BodyBudgetFull`], [`Reason::AmbiguousBody`] for a body that breaks off, is
/// encoded twice or is not what its encoding says.
pub(crate) async fn read<B>(
    body: B,
    headers: &HeaderMap,
    cap_bytes: u64,
    budget: &BodyBudget,
) -> Result<ReadBody, Reason>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return Ok(ReadBody { bytes: Bytes::new(), received_hash: hash(&[]), verbatim: true, _memory: None });
    }
    if declared_length(headers).is_some_and(|length| length > cap_bytes) {
        return Err(Reason::BodyTooLarge { cap_bytes });
    }
    let (received, mut memory) = gather(body, cap_bytes, budget).await?;
    let received_hash = hash(&received);
    let encoding = content_encoding(headers)?;
    let Some(encoding) = encoding else {
        return Ok(ReadBody { bytes: received, received_hash, verbatim: true, _memory: memory });
    };
    let bytes = plugins::decode::decode(Some(encoding), received, cap_bytes, INFLATION_RATIO_MAX)?;
    let grown = budget.take(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
    match &mut memory {
        Some(memory) => memory.merge(grown),
        None => memory = Some(grown),
    }
    Ok(ReadBody { bytes, received_hash, verbatim: false, _memory: memory })
}

async fn gather<B>(
    mut body: B,
    cap_bytes: u64,
    budget: &BodyBudget,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Reason>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut memory: Option<OwnedSemaphorePermit> = None;
    let mut reserved_bytes = 0;
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    let mut length: u64 = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Reason::AmbiguousBody { what: "the body breaks off".to_owned() })?;
        // Trailers of a request are read and left behind: nothing in them may alias a header.
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if length > cap_bytes {
            return Err(Reason::BodyTooLarge { cap_bytes });
        }
        if length > reserved_bytes {
            let step = (length - reserved_bytes).next_multiple_of(STEP_BYTES);
            let more = budget.take(step)?;
            reserved_bytes += step;
            match &mut memory {
                Some(memory) => memory.merge(more),
                None => memory = Some(more),
            }
        }
        match &mut rest {
            Some(rest) => rest.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                let mut joined = BytesMut::with_capacity(first.len().saturating_add(data.len()));
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&data);
                rest = Some(joined);
            }
        }
    }
    Ok((rest.map_or(first, BytesMut::freeze), memory))
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn content_encoding(headers: &HeaderMap) -> Result<Option<&str>, Reason> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let twice = || Reason::AmbiguousBody { what: "more than one content-encoding".to_owned() };
    if values.next().is_some() {
        return Err(twice());
    }
    let value = value.to_str().map_err(|_| twice())?;
    if value.contains(',') { Err(twice()) } else { Ok(Some(value)) }
}

/// SHA-256 as lower-case hex.
#[must_use]
pub(crate) fn hash(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::digest(bytes);
    let mut text = String::with_capacity(64);
    for byte in digest {
        for nibble in [byte >> 4, byte & 15] {
            text.push(DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};

    fn budget() -> BodyBudget {
        BodyBudget::new(1024 * KIB)
    }

    #[tokio::test]
    async fn a_body_over_the_cap_is_refused_before_it_is_kept() {
        let body = Full::new(Bytes::from(vec![b'x'; 2000]));
        let refused = read(body, &HeaderMap::new(), 1999, &budget()).await.err();
        assert_eq!(refused, Some(Reason::BodyTooLarge { cap_bytes: 1999 }));
    }

    #[tokio::test]
    async fn memory_is_given_back_when_the_body_is_dropped() {
        let budget = budget();
        let body = read(Full::new(Bytes::from_static(b"{}")), &HeaderMap::new(), 100, &budget).await.unwrap();
        assert_eq!(budget.0.available_permits(), 1024 - 64);
        drop(body);
        assert_eq!(budget.0.available_permits(), 1024);
    }

    #[tokio::test]
    async fn a_full_budget_refuses_instead_of_waiting() {
        let budget = BodyBudget::new(64 * KIB);
        let _first = read(Full::new(Bytes::from_static(b"{}")), &HeaderMap::new(), 100, &budget).await.unwrap();
        let second = read(Full::new(Bytes::from_static(b"{}")), &HeaderMap::new(), 100, &budget).await.err();
        assert_eq!(second, Some(Reason::BodyBudgetFull));
    }

    #[tokio::test]
    async fn frames_are_joined_in_order() {
        let frames = ["one ", "two ", "three"]
            .map(|part| Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::from(part))));
        let body = StreamBody::new(futures_util::stream::iter(frames));
        let read = read(body, &HeaderMap::new(), 100, &budget()).await.unwrap();
        assert_eq!(read.bytes, "one two three");
        assert_eq!(read.received_hash, hash(b"one two three"));
    }

    #[tokio::test]
    async fn two_encodings_are_ambiguous() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip, br"));
        let refused = read(Full::new(Bytes::from_static(b"x")), &headers, 100, &budget()).await.err();
        assert!(matches!(refused, Some(Reason::AmbiguousBody { .. })));
    }
}
