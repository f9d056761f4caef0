//! Selling in real time: a ping is matched with campaigns and gets an offer, a post concludes it. A test key gets the same
//! answers from a market that does not exist.

mod conclude;
mod live;
mod make;
mod ping;
mod post;
mod read;
mod test_mode;

pub use make::OfferTerms;
pub(super) use make::{Used, allowed, used};
pub use ping::{LeadPing, lead_ping};
pub use post::{LeadDirectPost, LeadPost, Posted, PostedTrade, lead_direct_post, lead_post};
pub use read::{offer, offers, offers_expire, offers_many};
