//! Disputes: their rows, their history, and what a decision does to money, reputation and leads.
//!
//! Every change of a dispute locks all trades and all disputes of its lead first, in id order, so that a class refund finds
//! what it needs locked already.

mod arbiters;
mod checks;
mod due;
mod entries;
mod facts;
mod find;
mod many;
mod ring;
mod row;
mod settle;

pub use arbiters::{arbiter_draw, arbiter_tied};
pub use due::Rules;
pub(crate) use entries::call_of;
pub use entries::{Entry, Exhibits, NewEntry, SealedText, entry_add, evidence_add, exhibits};
pub use facts::{BuyerRecord, buyer_record, facts_known};
pub use find::DisputeFilter;
pub use many::File;
pub use row::{
    CaseFile, DISPUTE_UPDATED, Dispute, LeadLock, NewDispute, dispute_announce, dispute_insert, dispute_lock, lead_lock,
};
pub use settle::{dispute_move, dispute_settle};
