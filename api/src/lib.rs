//! The exchange behind the binary `clearlead`.

// The graph merges some thirty nouns, one inside the other.
#![recursion_limit = "256"]

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod demo;
pub mod feed;
pub mod graphql;
pub mod http;
pub mod ports;
pub mod simulate;
pub mod workers;
