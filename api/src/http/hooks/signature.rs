//! Where each sender writes the signature of a message, and how.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::lead_hook::LeadHookKind;
use domain::time::Timestamp;

use crate::crypto::signature_matches;

/// How old, or how far ahead, a message with a time in its signature may be, in seconds.
const TOLERANCE_SECS: u64 = 300;

/// Whether `body` is signed with `secret`, as whoever sends to hooks of `kind` does.
pub(super) fn is_signed(kind: LeadHookKind, headers: &HeaderMap, body: &[u8], secret: &[u8], now: Timestamp) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let given = match kind {
        LeadHookKind::Meta => header("x-hub-signature-256").and_then(prefixed).and_then(from_hex),
        LeadHookKind::Form => header("x-signature-256").and_then(prefixed).and_then(from_hex),
        LeadHookKind::Typeform => header("typeform-signature").and_then(prefixed).and_then(from_base64),
        LeadHookKind::Tally => header("tally-signature").and_then(from_base64),
        LeadHookKind::TikTok => return header("tiktok-signature").is_some_and(|text| tiktok(text, body, secret, now)),
        LeadHookKind::GoogleAds | LeadHookKind::Jotform => None,
    };
    given.is_some_and(|given| signature_matches(secret, &[body], &given))
}

/// `t=1700000000,s=…`: the time stands in what is signed, so that an old message cannot be sent again.
fn tiktok(text: &str, body: &[u8], secret: &[u8], now: Timestamp) -> bool {
    let part = |name: &str| text.split(',').find_map(|part| part.trim().split_once('=').filter(|(key, _)| *key == name));
    let (Some((_, time)), Some(given)) = (part("t"), part("s").and_then(|(_, text)| from_hex(text))) else { return false };
    let recent = time.parse::<i64>().is_ok_and(|secs| secs.abs_diff(now.timestamp()) <= TOLERANCE_SECS);
    recent && signature_matches(secret, &[time.as_bytes(), b".", body], &given)
}

fn prefixed(text: &str) -> Option<&str> {
    text.trim().strip_prefix("sha256=")
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}
