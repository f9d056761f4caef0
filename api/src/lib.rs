//! The exchange behind the binary `clearlead`.

pub mod config;
pub mod crypto;
pub mod ports;
