//! A buyer's standing order: which leads it wants, at what price, how many, and when.

mod analysis;
mod facts;
mod filter;

pub use facts::{ConsentKind, Fact, Facts};
pub use filter::{Field, Filter, MAX_DEPTH, MAX_LEAVES, MAX_VALUES, Predicate, Scalar, Span, Test};
