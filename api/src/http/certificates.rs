//! `/certificates`: what the exchange wrote down about a consent, for everybody who wants to check it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::form::language::direction;
use domain::id::CertificateId;
use serde_json::{Value, json};

use super::door::{Door, nothing};
use super::endpoint::problem_response;
use super::html::{COLOR, Policy, page, style};
use super::negotiate::Accepted;
use crate::app::AppError;
use crate::app::certificates::{CertificateShown, certificate_keys, certificate_show};

/// Facts of a certificate, as people see them.
const ROWS: &[(&str, &str)] = &[
    ("Certificate", "/id"),
    ("Issued by", "/issuer"),
    ("Lead", "/lead"),
    ("Form", "/form"),
    ("Version of the form", "/form_version"),
    ("Language", "/language"),
    ("Version of the consent", "/shown/consent_version"),
    ("SHA-256 of what was shown", "/shown/text_sha256"),
    ("Shown at", "/shown/at"),
    ("Sent at", "/submitted/at"),
    ("Seconds between", "/submitted/seconds_after_shown"),
    ("Hidden field filled", "/submitted/honeypot_filled"),
    ("Came from the page", "/from/page"),
    ("Inside another page", "/from/embedded"),
    ("Reported by the browser", "/browser_report"),
];

/// The routes.
pub fn routes(door: Door) -> Router {
    Router::new().route("/certificates/keys", get(keys)).route("/certificates/{id}", get(certificate)).with_state(door)
}

async fn keys(State(door): State<Door>) -> Response {
    match certificate_keys(&door.app).await {
        Ok(keys) => {
            let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=300")];
            (headers, keys.to_string()).into_response()
        }
        Err(error) => failed(&error),
    }
}

async fn certificate(State(door): State<Door>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let Ok(id) = id.parse::<CertificateId>() else { return problem_response(nothing("certificate")) };
    match certificate_show(&door.app, id).await {
        Ok(shown) if Accepted::read(&headers).wants_page() => for_people(&shown),
        Ok(shown) => Json(for_programs(&shown)).into_response(),
        Err(AppError::Refused(_)) => problem_response(nothing("certificate")),
        Err(error) => failed(&error),
    }
}

fn for_programs(shown: &CertificateShown) -> Value {
    let certificate = &shown.certificate;
    json!({
        "id": certificate.id,
        "payload": certificate.payload,
        "signature": URL_SAFE_NO_PAD.encode(&certificate.signature),
        "algorithm": "Ed25519",
        "key_id": certificate.key_id,
        "public_key": URL_SAFE_NO_PAD.encode(&shown.public_key),
        "shown_text": shown.text.text,
        "valid": shown.valid,
    })
}

fn for_people(shown: &CertificateShown) -> Response {
    let certificate = &shown.certificate;
    let payload: Value = serde_json::from_str(&certificate.payload).unwrap_or_default();
    let value = |pointer: &str| match payload.pointer(pointer) {
        None | Some(Value::Null) => "not known".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let rows: Vec<Value> = ROWS.iter().map(|(name, pointer)| json!({ "name": name, "value": value(pointer) })).collect();
    let style = style(COLOR);
    let context = json!({
        "style": style, "valid": shown.valid, "rows": rows, "text": shown.text.text, "payload": certificate.payload,
        "lang": shown.text.language, "dir": direction(&shown.text.language), "key_id": certificate.key_id,
        "signature": URL_SAFE_NO_PAD.encode(&certificate.signature),
    });
    page(StatusCode::OK, "certificate.html", &context, &Policy::alone(&style))
}

fn failed(error: &AppError) -> Response {
    tracing::error!(%error, "a certificate could not be shown");
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}
