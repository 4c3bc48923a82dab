//! How the mock vendor behaves: speed, sizes and the ways it breaks, changed at run time or for one request.

use std::str::FromStr;

/// One way of going wrong, from what vendors and networks really do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Answers as it should.
    #[default]
    None,
    /// Reads the request and never answers.
    Hang,
    /// Answers half and then says nothing more.
    HangMid,
    /// Closes the connection without a byte of an answer.
    CloseAtOnce,
    /// Closes the connection after half of the answer.
    CloseMid,
    /// Says a longer `Content-Length` than it sends, then closes.
    LongLength,
    /// Says a shorter `Content-Length` than the answer needs: complete by its framing, cut by its meaning.
    ShortLength,
    /// A whole answer, and bytes behind it that belong to no answer (HTTP/1 only).
    ExtraBytes,
    /// An error answer of this status in the provider's shape.
    Status(u16),
    /// A stream that turns into the provider's error event half way.
    ErrorMid,
    /// A whole answer that does not say its usage.
    NoUsage,
    /// Status 200 and a body that is not JSON.
    NotJson,
}

impl FromStr for Fault {
    type Err = UnknownSetting;

    fn from_str(text: &str) -> Result<Self, UnknownSetting> {
        let fault = match text {
            "none" => Self::None,
            "hang" => Self::Hang,
            "hang_mid" => Self::HangMid,
            "close_at_once" => Self::CloseAtOnce,
            "close_mid" => Self::CloseMid,
            "long_length" => Self::LongLength,
            "short_length" => Self::ShortLength,
            "extra_bytes" => Self::ExtraBytes,
            "error_mid" => Self::ErrorMid,
            "no_usage" => Self::NoUsage,
            "not_json" => Self::NotJson,
            other => match other.parse::<u16>() {
                Ok(status @ 400..=599) => Self::Status(status),
                _ => return Err(UnknownSetting::new("fault", text)),
            },
        };
        Ok(fault)
    }
}

/// A setting or a value that the mock vendor does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mock vendor has no setting {key}={value}; see the README beside it")]
pub struct UnknownSetting {
    key: String,
    value: String,
}

impl UnknownSetting {
    fn new(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_owned() }
    }
}

/// Speed, sizes and faults of the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// Silence before the head of an answer, in milliseconds.
    pub latency_ms: u64,
    /// Silence between two chunks of a stream, in microseconds. At 0 each chunk is still a write of its own.
    pub interval_us: u64,
    /// Output tokens of a streamed answer: one chunk each, as long as the request's bound allows.
    pub chunks: u64,
    /// Output tokens of a whole answer, as long as the request's bound allows.
    pub output_tokens: u64,
    /// Input tokens that are told as read from a cache, at most all of them.
    pub cached_tokens: u64,
    /// The model that the answer names; the request's where `None`.
    pub model: Option<String>,
    /// Compress answers with gzip where the request accepts it.
    pub gzip: bool,
    /// What goes wrong.
    pub fault: Fault,
    /// How many answers it still goes wrong for; `None` for all.
    pub fault_times: Option<u64>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            interval_us: 0,
            chunks: 200,
            output_tokens: 74,
            cached_tokens: 0,
            model: None,
            gzip: false,
            fault: Fault::None,
            fault_times: None,
        }
    }
}

impl Behaviour {
    /// Changes one setting by its name, as `/__ctl?name=value` and the request header `mock-name: value` do.
    ///
    /// # Errors
    /// A name or a value that does not exist.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), UnknownSetting> {
        let wrong = || UnknownSetting::new(key, value);
        let number = || value.parse::<u64>().map_err(|_| wrong());
        match key {
            "latency_ms" => self.latency_ms = number()?,
            "interval_us" => self.interval_us = number()?,
            "chunks" => self.chunks = number()?,
            "output_tokens" => self.output_tokens = number()?,
            "cached_tokens" => self.cached_tokens = number()?,
            "model" => self.model = Some(value.to_owned()).filter(|name| !name.is_empty()),
            "gzip" => self.gzip = value.parse().map_err(|_| wrong())?,
            "fault" => {
                self.fault = value.parse()?;
                self.fault_times = None;
            }
            "fault_times" => self.fault_times = Some(number()?),
            _ => return Err(wrong()),
        }
        Ok(())
    }

    /// The behaviour for one request: the standing one, with what its `mock-…` headers change.
    ///
    /// # Errors
    /// A `mock-…` header that does not exist: a mistyped test must not pass by accident.
    pub fn for_request(&self, headers: &http::HeaderMap) -> Result<Self, UnknownSetting> {
        let mut behaviour = self.clone();
        for (name, value) in headers {
            let Some(key) = name.as_str().strip_prefix("mock-") else { continue };
            let value = String::from_utf8_lossy(value.as_bytes());
            behaviour.set(&key.replace('-', "_"), &value)?;
        }
        Ok(behaviour)
    }

    /// Takes the fault for one answer, and counts it down.
    pub fn take_fault(&mut self) -> Fault {
        match &mut self.fault_times {
            None => self.fault,
            Some(0) => Fault::None,
            Some(left) => {
                *left = left.saturating_sub(1);
                self.fault
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_from_the_control_page_and_from_request_headers() {
        let mut standing = Behaviour::default();
        standing.set("latency_ms", "50").unwrap();
        let mut headers = http::HeaderMap::new();
        headers.insert("mock-fault", "close_mid".parse().unwrap());
        headers.insert("mock-output-tokens", "7".parse().unwrap());
        let this = standing.for_request(&headers).unwrap();
        assert_eq!((this.latency_ms, this.output_tokens, this.fault), (50, 7, Fault::CloseMid));
        assert_eq!(standing.fault, Fault::None);
    }

    #[test]
    fn a_mistyped_setting_is_refused() {
        let mut behaviour = Behaviour::default();
        assert!(behaviour.set("latency", "50").is_err());
        assert!(behaviour.set("fault", "200").is_err());
        assert!(behaviour.set("chunks", "many").is_err());
    }

    #[test]
    fn a_counted_fault_ends() {
        let mut behaviour = Behaviour::default();
        behaviour.set("fault", "500").unwrap();
        behaviour.set("fault_times", "2").unwrap();
        let faults: Vec<_> = (0..3).map(|_| behaviour.take_fault()).collect();
        assert_eq!(faults, [Fault::Status(500), Fault::Status(500), Fault::None]);
    }
}
