//! The exchange behind the binary `clearlead`.

pub mod ports;
