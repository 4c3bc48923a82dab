//! Meters: one folder a wire protocol.
