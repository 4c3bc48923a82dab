//! To the vendor: resolve, check, dial, verify, send.
