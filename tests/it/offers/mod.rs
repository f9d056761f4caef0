//! Selling in real time: pings, offers, posts.

mod meet;
mod ping;
mod post;
pub mod stand;
