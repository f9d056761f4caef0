//! Organizations, people, their sessions and keys.

mod api_keys;
mod email_verifications;
mod forget;
mod invitations;
mod members;
mod organizations;
mod people;
mod resets;
mod sessions;
mod signing_keys;
mod throttle;

use std::str::FromStr;

use crate::error::StoreError;

pub use api_keys::KeyAccess;
pub(crate) use organizations::organization_is_stopped;
pub use people::{Credentials, StaffMember};
pub use sessions::{Refresh, SessionAccess, SessionStart};
pub use signing_keys::StoredSigningKey;

/// A stored text that must be a value of the domain.
fn stored<T: FromStr>(text: &str, column: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::corrupt(column))
}
