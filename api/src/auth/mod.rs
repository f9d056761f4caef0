//! How people and machines prove who they are: passwords, and access tokens that are signed and short-lived.

pub mod access_token;
pub mod password;
pub mod password_rule;
pub mod signing_key;

pub use access_token::{AccessClaims, AccessTokens, TokenError};
pub use password::{Passwords, Verdict};
pub use password_rule::password_check;
pub use signing_key::{SigningKey, SigningKeys};
