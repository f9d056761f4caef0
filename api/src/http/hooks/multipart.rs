//! Submissions of Jotform: a multipart form whose part `rawRequest` holds the answers as JSON.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::request::Parts;
use domain::refusal::{Code, Refusal};
use serde_json::{Map, Value};

use super::json_of;
use crate::http::negotiate::{FORM, media_type};
use crate::http::record::form_record;

/// Parts of one message.
const PARTS_MAX: usize = 50;
/// The part with the answers.
const ANSWERS: &str = "rawRequest";
/// The answers once more, as one text for people.
const PRETTY: &str = "pretty";

/// The answers of a submission, with the ids that stand beside them.
pub(super) async fn submission(parts: Parts, bytes: Bytes) -> Result<Value, Refusal> {
    let mut fields = if media_type(&parts.headers) == FORM {
        form_record(&bytes)?.into_iter().map(|(name, text)| (name, Value::String(text))).collect()
    } else {
        fields_of(parts, bytes).await?
    };
    let answers = fields.remove(ANSWERS).ok_or_else(|| Refusal::required(ANSWERS))?;
    let Ok(Value::Object(mut answers)) = json_of(answers.as_str().unwrap_or_default().as_bytes()) else {
        return Err(Refusal::invalid(ANSWERS, "a JSON object"));
    };
    fields.remove(PRETTY);
    // What stands beside the answers is Jotform's own, and wins.
    answers.extend(fields);
    Ok(Value::Object(answers))
}

async fn fields_of(parts: Parts, bytes: Bytes) -> Result<Map<String, Value>, Refusal> {
    let broken = || Refusal::new(Code::Invalid, "not a multipart form");
    let request = Request::from_parts(parts, Body::from(bytes));
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
    let mut fields = Map::new();
    let mut seen = 0_usize;
    while let Some(field) = form.next_field().await.map_err(|_| broken())? {
        seen = seen.saturating_add(1);
        if seen > PARTS_MAX {
            return Err(Refusal::new(Code::TooLarge, format!("a message has at most {PARTS_MAX} parts")));
        }
        let Some(name) = field.name().filter(|name| !name.is_empty()).map(str::to_owned) else { continue };
        let text = field.text().await.map_err(|_| broken())?;
        if fields.insert(name.clone(), Value::String(text)).is_some() {
            return Err(Refusal::invalid(&name, "given twice"));
        }
    }
    Ok(fields)
}
