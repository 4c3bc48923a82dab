//! End-to-end stories with real clients; the house rules.
