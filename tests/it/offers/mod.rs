//! Selling in real time: pings, offers, posts.

mod live;
mod meet;
pub mod over_http;
mod ping;
mod post;
pub mod stand;
mod test_mode;
