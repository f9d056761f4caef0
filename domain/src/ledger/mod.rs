//! The double-entry ledger: which accounts there are, which movements a business event may make, and how each event's
//! journal is built. A journal is one business event; a movement takes a positive amount from one account to another.

mod account;
pub mod book;
pub mod card;
pub mod event;
mod journal;

pub use account::{Account, AccountKind, FEE_STRIPES, WalletAccount};
pub use event::Unbuildable;
pub use journal::{Journal, JournalError, JournalKind, Movement, Subject};
