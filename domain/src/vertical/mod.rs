//! Kinds of demand: a tree of depth at most 3, each kind with a typed attribute schema in versions.

mod attribute;

pub use attribute::{AttributeKind, AttributeValue};
