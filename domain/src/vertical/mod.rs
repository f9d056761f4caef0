//! Kinds of demand: a tree of depth at most 3, each kind with a typed attribute schema in versions.

mod attribute;
mod definition;
mod path;
mod starter;

pub use attribute::{Attribute, AttributeKind, AttributeValue, DEFAULT_TEXT, EnumValue, Labels, MAX_TEXT, MAX_VALUES};
pub use definition::{CORE_KEYS, Definition, Fitted, MAX_ATTRIBUTES};
pub use path::{MAX_DEPTH, VerticalPath};
pub use starter::{StarterVertical, starter_set};
