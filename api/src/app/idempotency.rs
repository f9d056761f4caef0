//! Idempotency keys as use cases make them of a caller's text and input.

use domain::id::OrganizationId;
use domain::refusal::{Code, Refusal};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::idempotency::{IdempotencyKey, MAX_KEY_LEN};

/// The key `key` of `organization` for one call of `operation` with `input` (the key itself left out of it). Refused when
/// it is empty, longer than [`MAX_KEY_LEN`] characters, or holds control characters.
pub fn idempotency_key(
    organization: OrganizationId,
    key: &str,
    operation: &'static str,
    input: &impl Serialize,
) -> Result<IdempotencyKey, Refusal> {
    if key.trim().is_empty() {
        return Err(Refusal::required("idempotencyKey"));
    }
    if key.chars().count() > MAX_KEY_LEN {
        return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_KEY_LEN} characters")).at("idempotencyKey"));
    }
    if key.chars().any(char::is_control) {
        return Err(Refusal::invalid("idempotencyKey", "no control characters"));
    }
    // Inputs are plain data with text keys, which always serialise.
    let text = serde_json::to_vec(input).unwrap_or_default();
    Ok(IdempotencyKey { organization, key: key.to_owned(), operation, input_hash: Sha256::digest(&text).to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_and_tied_to_their_input() {
        let organization = OrganizationId(uuid::Uuid::from_u128(1));
        let of = |key: &str, input: i64| idempotency_key(organization, key, "bid_place", &input);
        assert!(of(&"ä".repeat(MAX_KEY_LEN), 1).is_ok());
        assert_eq!(of(&"ä".repeat(MAX_KEY_LEN + 1), 1).unwrap_err().code, Code::TooLarge);
        assert_eq!(of(" ", 1).unwrap_err().code, Code::Required);
        assert_eq!(of("a\0b", 1).unwrap_err().code, Code::Invalid);
        assert_eq!(of("k", 1).unwrap(), of("k", 1).unwrap());
        assert_ne!(of("k", 1).unwrap().input_hash, of("k", 2).unwrap().input_hash);
    }
}
