//! Which campaigns a lead meets: an index over all standing filters, and the choice of those that may win.
//!
//! Campaigns are partitioned by vertical, currency and the country that they ask for, if it is one. Within a partition the
//! values of each field fall into classes that no filter tells apart, and each class has a row with one bit for every campaign:
//! set when the campaign's filter cannot hold for a lead of that class. A lead picks one row for each field; who is open and in none of them passes. Rows are cut into
//! blocks of 512 campaigns, so that a row of a block is a cache line, and what changes with a campaign lies in one block.
//! What the rows cannot decide of a filter is compiled into a residual check of that campaign alone. Campaigns of like worth share
//! blocks, among them those that ask for the same, and of each block it is known which rows block it whole and the most that it
//! can bid: a lead skips what is blocked, and an auction looks into the dearest blocks first. Campaigns that come one by one wait
//! beside the rows of their block, each with its column, until there are enough to be written together.

mod block;
mod bulk;
mod class_set;
mod classes;
mod cluster;
mod entry;
mod fields;
mod fresh;
mod index;
mod markets;
mod overview;
mod partition;
mod parts;
mod prefixes;
mod residual;
mod rows;
mod select;
mod short;
mod texts;

pub use entry::{Entry, Lead, Slot, StandingOffer};
pub use index::{Index, Scratch};
pub use select::{Candidate, Selection, Standing};

#[cfg(test)]
mod tests;
