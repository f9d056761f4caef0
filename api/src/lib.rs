//! The exchange behind the binary `clearlead`.
