//! Ids, times and notes in Stripe's objects.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use gateways::payments::{GatewayError, Metadata, Mode};
use stripe_types::{AsCursorOpt, Expandable, Object};

/// Stripe's ids are shorter.
const MAX_ID_CHARS: usize = 255;

/// An id that becomes a part of a path or a header. What cannot be one of Stripe's ids names nothing there.
pub(crate) fn id(text: &str) -> Result<&str, GatewayError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if text.is_empty() || text.len() > MAX_ID_CHARS || !plain {
        return Err(GatewayError::NotFound);
    }
    Ok(text)
}

/// The id in a field that may hold the whole object.
pub(crate) fn id_of<T: Object>(field: Option<Expandable<T>>) -> Option<String> {
    field.and_then(|field| field.id().as_cursor_opt().map(str::to_owned))
}

/// Stripe's times are whole seconds of this century; none of them is out of range.
pub(crate) fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

pub(crate) const fn mode(livemode: bool) -> Mode {
    if livemode { Mode::Live } else { Mode::Test }
}

/// The notes to send, none if there are none.
pub(crate) fn notes(metadata: &Metadata) -> Option<HashMap<String, String>> {
    (!metadata.is_empty()).then(|| metadata.clone().into_iter().collect())
}

/// The notes that came.
pub(crate) fn metadata(notes: Option<HashMap<String, String>>) -> Metadata {
    notes.unwrap_or_default().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_names_nothing() {
        assert_eq!(id("pi_3Abc"), Ok("pi_3Abc"));
        for bad in ["", "pi_1/confirm", "pi_1?x=1", "..", "ä", &"x".repeat(256)] {
            assert_eq!(id(bad), Err(GatewayError::NotFound), "{bad:?}");
        }
    }
}
