//! The ledger and the holds, against the in-memory book and against each other.

mod against_book;
mod corruption;
mod holds;
pub mod market;
mod worker;
