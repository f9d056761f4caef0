//! Signatures of messages: HMAC-SHA256 under a secret that both sides know.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 of `parts`, one behind the other, under `secret`.
#[must_use]
pub fn signature(secret: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    Some(keyed(secret, parts)?.finalize().into_bytes().into())
}

/// Whether `given` is the signature of `parts` under `secret`, in a time that does not depend on how much of it is right.
#[must_use]
pub fn signature_matches(secret: &[u8], parts: &[&[u8]], given: &[u8]) -> bool {
    keyed(secret, parts).is_some_and(|mac| mac.verify_slice(given).is_ok())
}

fn keyed(secret: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_this_message_under_this_secret() {
        // RFC 4231, test case 2.
        let expected = hex::decode("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        let parts: &[&[u8]] = &[b"what do ya want ", b"for nothing?"];
        assert_eq!(signature(b"Jefe", parts).unwrap().as_slice(), expected);
        assert!(signature_matches(b"Jefe", parts, &expected));
        assert!(!signature_matches(b"Jeff", parts, &expected) && !signature_matches(b"Jefe", &[b"what"], &expected));
        assert!(!signature_matches(b"Jefe", parts, &expected[..31]) && !signature_matches(b"Jefe", parts, b""));
    }
}
