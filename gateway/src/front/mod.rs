//! From socket to request: listeners, the strict front, CONNECT, TLS, drain.
