//! Statements and grounds: people write names and numbers into them, so they are sealed like contact data, each under a data
//! key of its own, which the store keeps apart from the history.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::id::{DisputeEntryId, TypedId};
use serde_json::Value;
use store::data_keys::KeyPurpose;
use store::disputes::SealedText;

use super::super::data_keys::{DataKeys, key_binding};
use super::super::{App, AppError};
use crate::crypto::Binding;

fn binding(entry: DisputeEntryId) -> Binding {
    key_binding(KeyPurpose::DisputeText, entry.uuid())
}

/// The field `text` of an entry that holds `text`, readable only through [`text_opened`] once the entry is written.
pub(super) fn text_sealed(app: &App, entry: DisputeEntryId, text: &str) -> Result<Value, AppError> {
    let sealed = app.keys.seal(app.entropy.as_ref(), binding(entry), text.as_bytes()).map_err(AppError::internal)?;
    let ciphertext = STANDARD.encode(sealed.ciphertext).into();
    let text = SealedText { key_id: sealed.key_id, wrapped_key: sealed.wrapped_key, ciphertext };
    serde_json::to_value(text).map_err(AppError::internal)
}

/// The text in the body of an entry, if it holds one whose key was not destroyed.
pub(super) fn text_opened(keys: &DataKeys, entry: DisputeEntryId, body: &Value) -> Result<Option<String>, AppError> {
    let Some(text) = body.get("text") else { return Ok(None) };
    let ciphertext = text.as_str().and_then(|encoded| STANDARD.decode(encoded).ok());
    let ciphertext = ciphertext.ok_or_else(|| AppError::internal("a dispute's text is not of its form"))?;
    keys.open_text(entry.uuid(), binding(entry), &ciphertext)
}
