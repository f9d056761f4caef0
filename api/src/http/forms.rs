//! `/f/{id}`: hosted forms, as people see and send them, and the scripts that go with them.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::form::language::{chosen, is_tag};
use domain::form::page_address;
use domain::id::{CertificateId, FormId};
use domain::refusal::Code;
use serde::Deserialize;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::door::Door;
use super::endpoint::client_address;
use super::form_view::{end_page, form_page, thanks_page};
use super::negotiate::{FORM, media_type};
use crate::app::AppError;
use crate::app::form_sends::{Answers, FormAsked, FormSend, FormSent, FormShown, Notice, Visitor, form_send, form_show};

/// The longest form that can be sent, in bytes.
const SEND_MAX_BYTES: usize = 256 << 10;
/// The most fields that are read.
const FIELDS_MAX: usize = 200;
/// The longest text of a browser's header that is kept.
const HEADER_MAX: usize = 500;
const SCRIPT: &str = include_str!("../../static/form.js");
const EMBED: &str = include_str!("../../static/embed.js");
/// Languages in which it can be said that there is no form.
const SPOKEN: &[&str] = &["en", "de", "es", "fr", "pt", "uk", "ar", "fa", "he"];

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    lang: Option<String>,
    embed: Option<String>,
    page: Option<String>,
    /// The certificate of what was sent.
    c: Option<String>,
}

/// The routes.
pub fn routes(door: Door) -> Router {
    let patience = Duration::from_secs(door.app.config.server.client_timeout_secs);
    Router::new()
        .route("/f/form.js", get(|| async { script(SCRIPT) }))
        .route("/f/{id}", get(show).post(send))
        .route("/f/{id}/thanks", get(thanks))
        .route("/f/{id}/embed.js", get(|| async { script(EMBED) }))
        .layer(RequestBodyTimeoutLayer::new(patience))
        .with_state(door)
}

fn script(source: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Any page may name the script that embeds a form; where the form then stands is up to its own policy.
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (headers, source).into_response()
}

async fn show(State(door): State<Door>, Path(id): Path<String>, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Response {
    let asked = asked(&wanted, &headers);
    match shown(&door, &id, &asked).await {
        Ok(shown) => form_page(&shown, &Answers::default(), &BTreeMap::new(), None, StatusCode::OK),
        Err(error) => ended(&error, &asked),
    }
}

async fn thanks(State(door): State<Door>, Path(id): Path<String>, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Response {
    let asked = asked(&wanted, &headers);
    let certificate = wanted.c.and_then(|text| text.parse::<CertificateId>().ok());
    match shown(&door, &id, &asked).await {
        Ok(shown) => thanks_page(&shown, certificate),
        Err(error) => ended(&error, &asked),
    }
}

async fn send(State(door): State<Door>, Path(id): Path<String>, Query(wanted): Query<Wanted>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let asked = asked(&wanted, &parts.headers);
    let language = spoken(&asked);
    let Ok(form) = id.parse::<FormId>() else { return end_page(language, StatusCode::NOT_FOUND) };
    if media_type(&parts.headers) != FORM {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let Ok(bytes) = to_bytes(body, SEND_MAX_BYTES).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let mut fields = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(&bytes).take(FIELDS_MAX) {
        fields.entry(name.into_owned()).or_insert(value.into_owned());
    }
    let mut hidden = |name: &str| fields.remove(name).unwrap_or_default();
    let (ticket, work, report) = (hidden("_ticket"), hidden("_work"), hidden("_report"));
    let answers = Answers(fields);
    let send = FormSend { form, answers: answers.clone(), ticket, work, report, asked: asked.clone() };
    match form_send(&door.app, send, &visitor(&door, &parts)).await {
        Ok(FormSent::Taken { shown, certificate }) => Redirect::to(&thanks_address(&shown, certificate)).into_response(),
        Ok(FormSent::Again { shown, notice, faults }) => {
            let status = match notice {
                Some(Notice::TooMany) => StatusCode::TOO_MANY_REQUESTS,
                Some(Notice::Work) => StatusCode::PRECONDITION_REQUIRED,
                Some(Notice::Failed) => StatusCode::INTERNAL_SERVER_ERROR,
                Some(Notice::Expired) | None => StatusCode::UNPROCESSABLE_ENTITY,
            };
            form_page(&shown, &answers, &faults, notice, status)
        }
        Err(error) => ended(&error, &asked),
    }
}

/// Where a browser goes when its form is taken: going there again, or back and forth, sends nothing.
fn thanks_address(shown: &FormShown, certificate: Option<CertificateId>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("lang", &shown.text.language);
    if let Some(id) = certificate {
        query.append_pair("c", &id.to_string());
    }
    if shown.ticket.embedded {
        query.append_pair("embed", "1");
        shown.ticket.from_page.iter().for_each(|page| _ = query.append_pair("page", page));
    }
    format!("/f/{}/thanks?{}", shown.live.form.id, query.finish())
}

async fn shown(door: &Door, id: &str, asked: &FormAsked) -> Result<FormShown, AppError> {
    let unknown = || domain::refusal::Refusal::not_found("formId", "form");
    form_show(&door.app, id.parse().map_err(|_| unknown())?, asked).await
}

fn asked(wanted: &Wanted, headers: &HeaderMap) -> FormAsked {
    let embedded = wanted.embed.is_some();
    let claimed = wanted.page.as_deref().filter(|_| embedded);
    let referrer = text(headers, &header::REFERER);
    FormAsked {
        language: wanted.lang.clone().filter(|tag| is_tag(tag)),
        accepted: text(headers, &header::ACCEPT_LANGUAGE),
        embedded,
        from_page: claimed.or(referrer.as_deref()).and_then(page_address),
    }
}

fn visitor(door: &Door, parts: &Parts) -> Visitor {
    let address = client_address(parts, &door.app.config.server);
    Visitor { address, user_agent: text(&parts.headers, &header::USER_AGENT) }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(|text| text.chars().take(HEADER_MAX).collect())
}

fn spoken(asked: &FormAsked) -> &'static str {
    chosen(SPOKEN, asked.language.as_deref(), asked.accepted.as_deref()).unwrap_or("en")
}

fn ended(error: &AppError, asked: &FormAsked) -> Response {
    let status = match error {
        AppError::Refused(found) if found.iter().any(|refusal| refusal.code == Code::NotFound) => StatusCode::NOT_FOUND,
        AppError::Refused(found) if found.iter().any(|refusal| refusal.code == Code::Suspended) => StatusCode::GONE,
        error => {
            tracing::error!(%error, "a form could not be shown or taken");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    end_page(spoken(asked), status)
}
