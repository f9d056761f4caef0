//! Trades and the hold on their money. Every function that moves money does so in the caller's transaction, after the
//! trade's row is locked, by the store's clock.

mod due;
mod find;
mod hold;
mod open;
mod row;

pub use due::DueKey;
pub(crate) use due::held_claimed;
pub use find::TradeSide;
pub(crate) use hold::release_recorded;
pub use hold::{Commission, trade_deliver, trade_freeze, trade_refund, trade_release, trade_resume, trade_split};
pub use open::{PaidFrom, Sale, trade_open, trades_open};
pub(crate) use open::{opened, record as sale_record};
pub(crate) use row::{Change, count_ended, insert_all, opened_news, write_all};
pub use row::{Trade, trade_lock};
