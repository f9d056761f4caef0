//! The exchange behind the binary `clearlead`.

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
pub mod workers;
