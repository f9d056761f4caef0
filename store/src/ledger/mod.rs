//! The ledger's rows: accounts locked in one order, balances and transfers written together, nothing ever rewritten.

mod accounts;
mod post;
mod statement;
mod stop;
mod totals;
mod verify;
mod wallet;

pub use post::{Ledger, Note, post};
pub use statement::{StatementKey, StatementRow};
pub use stop::MoneyStop;
pub(crate) use stop::{now_and_stopped, now_stopped_and};
pub use verify::{Check, Report};
pub use wallet::{Balances, Wallet};
