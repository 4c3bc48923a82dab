//! Which accounts a request touches, and yes, no or ask.
