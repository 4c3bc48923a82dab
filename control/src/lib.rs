//! The operator's plane: operator.sock, REST API, pages.
