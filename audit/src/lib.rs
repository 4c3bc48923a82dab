//! The trail: append-only, hash-chained, signed, verifiable by anyone.
