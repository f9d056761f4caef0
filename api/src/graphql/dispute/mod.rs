//! Disputes: claims on traded leads, the arbiter's desk, and what disputes say of an organization.

pub mod case;
pub mod desk;
pub mod exchange;
pub mod input;
pub mod mutation;
pub mod object;
pub mod query;

pub use desk::{DeskMutation, DeskQuery};
pub use exchange::ExchangeDisputeQuery;
pub use mutation::DisputeMutation;
pub use object::DisputeObject;
pub use query::DisputeQuery;
