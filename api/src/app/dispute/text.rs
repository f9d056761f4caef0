//! Statements and grounds: people write names and numbers into them, so they are sealed like contact data.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::id::{DisputeEntryId, TypedId};
use serde_json::{Value, json};

use super::super::{App, AppError};
use crate::crypto::{Binding, Sealed};

fn binding(entry: DisputeEntryId) -> Binding {
    Binding { purpose: "dispute.text", object: entry.uuid() }
}

/// The body of an entry that holds `text`, readable only through [`text_opened`].
pub(super) fn text_sealed(app: &App, entry: DisputeEntryId, text: &str) -> Result<Value, AppError> {
    let sealed = app.keys.seal(app.entropy.as_ref(), binding(entry), text.as_bytes()).map_err(AppError::internal)?;
    Ok(json!({
        "keyId": sealed.key_id,
        "wrappedKey": STANDARD.encode(sealed.wrapped_key),
        "ciphertext": STANDARD.encode(sealed.ciphertext),
    }))
}

/// The text in the body of an entry, if it holds one.
pub(super) fn text_opened(app: &App, entry: DisputeEntryId, body: &Value) -> Result<Option<String>, AppError> {
    let Some(text) = body.get("text") else { return Ok(None) };
    let bytes = |field: &str| text.get(field).and_then(Value::as_str).and_then(|encoded| STANDARD.decode(encoded).ok());
    let key_id = text.get("keyId").and_then(Value::as_str);
    let (Some(key_id), Some(wrapped_key), Some(ciphertext)) = (key_id, bytes("wrappedKey"), bytes("ciphertext")) else {
        return Err(AppError::internal("a dispute's text is not of its form"));
    };
    let sealed = Sealed { key_id: key_id.to_owned(), wrapped_key, ciphertext };
    let opened = app.keys.open(binding(entry), &sealed).map_err(AppError::internal)?;
    let text = std::str::from_utf8(&opened).map_err(|_| AppError::internal("a dispute's text is no text"))?;
    Ok(Some(text.to_owned()))
}
