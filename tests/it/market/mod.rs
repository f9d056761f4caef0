//! The market: listing, bidding, buying, clearing and browsing.

mod auctions;
mod browsing;
mod races;
mod selling;
pub mod stand;
mod suspension;
mod withdrawn;
