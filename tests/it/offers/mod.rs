//! Selling in real time: pings, offers, posts.

mod ping;
mod post;
mod stand;
