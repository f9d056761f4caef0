//! Typed ids at the edge.

use async_graphql::ID;
use domain::id::TypedId;
use domain::refusal::Refusal;

/// The id behind `id`; a refusal at `field` when it is none of this type.
pub fn parse_id<I: TypedId>(id: &ID, field: &str) -> Result<I, Refusal> {
    id.parse().map_err(|error: domain::id::IdError| Refusal::invalid(field, error.to_string()))
}

/// The text of an id.
pub fn to_id<I: TypedId>(id: I) -> ID {
    ID(id.to_string())
}
