//! Fork-join for async code.
