//! Selling in real time: pings, offers, posts.

mod live;
mod meet;
mod over_http;
mod ping;
mod post;
pub mod stand;
