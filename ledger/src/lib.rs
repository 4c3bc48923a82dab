//! What all gateways must agree on, atomically: accounts, holds, switches.
