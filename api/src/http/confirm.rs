//! `/confirm`: the page behind the link in a confirmation message. Opening it changes nothing, since mail scanners open
//! links; one button on it confirms, the other withdraws the consent that somebody claims to have.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Form, Router};
use domain::access::Principal;
use domain::refusal::Code;
use domain::verification::ConfirmationWords;
use secrecy::SecretString;
use serde::Deserialize;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::app::confirmations::{Answer, confirmation_take};
use crate::app::consent::{Person, consent_withdraw};
use crate::app::{App, AppError, Caller};

const PATH: &str = "/confirm";
const MAX_TOKEN: usize = 100;
/// Whoever presses the button twice withdraws once.
const WITHDRAWAL_KEY: &str = "the page behind the link";
/// The token is in the address: it must reach nobody else, and the page loads nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
    #[serde(default)]
    lang: String,
    /// Which button was pressed.
    #[serde(default)]
    answer: Button,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Button {
    #[default]
    Yes,
    No,
}

impl Link {
    fn words(&self) -> &'static ConfirmationWords {
        ConfirmationWords::of(Some(&self.lang), None)
    }
}

/// The route. The token is a parameter and no part of the path, which the log shows.
pub fn routes(app: Arc<App>) -> Router {
    let patience = Duration::from_secs(app.config.server.client_timeout_secs);
    Router::new().route(PATH, get(ask).post(take)).layer(RequestBodyTimeoutLayer::new(patience)).with_state(app)
}

async fn ask(Query(link): Query<Link>) -> Response {
    let words = link.words();
    if !is_token(&link.token) {
        return page(words, StatusCode::BAD_REQUEST, words.incomplete, "");
    }
    let form = format!(
        "<form method=\"post\" action=\"{PATH}\"><input type=\"hidden\" name=\"token\" value=\"{}\">\
         <input type=\"hidden\" name=\"lang\" value=\"{}\">\
         <button name=\"answer\" value=\"yes\">{}</button> <button name=\"answer\" value=\"no\">{}</button></form>",
        link.token, words.language, words.yes, words.no
    );
    page(words, StatusCode::OK, words.question, &form)
}

async fn take(State(app): State<Arc<App>>, Form(link): Form<Link>) -> Response {
    let words = link.words();
    if !is_token(&link.token) {
        return page(words, StatusCode::BAD_REQUEST, words.incomplete, "");
    }
    let token = SecretString::from(link.token);
    let done = match link.answer {
        Button::Yes => confirmation_take(&app, Answer::Token(token)).await.map(|_| words.confirmed),
        Button::No => consent_withdraw(&app, &nobody(), WITHDRAWAL_KEY, Person::Link(token)).await.map(|_| words.withdrawn),
    };
    match done {
        Ok(text) => page(words, StatusCode::OK, text, ""),
        Err(AppError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.code == Code::NotFound) => {
            page(words, StatusCode::NOT_FOUND, words.unknown, "")
        }
        Err(AppError::Refused(_)) => page(words, StatusCode::GONE, words.expired, ""),
        Err(error) => {
            tracing::error!(%error, "an answer to a confirmation failed");
            page(words, StatusCode::INTERNAL_SERVER_ERROR, words.failed, "")
        }
    }
}

/// The token is the proof; nobody is logged in.
fn nobody() -> Caller {
    Caller { principal: Principal::Anonymous, request_id: "confirm".into(), address: None }
}

/// What a token of ours is made of, so that nothing else reaches the page.
fn is_token(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    !text.is_empty() && text.len() <= MAX_TOKEN && text.bytes().all(plain)
}

/// Every language here is written from left to right.
fn page(words: &ConfirmationWords, status: StatusCode, text: &str, form: &str) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let (language, title) = (words.language, words.subject);
    let html = format!(
        "<!doctype html><html lang=\"{language}\" dir=\"ltr\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>body{{font:1.1rem/1.5 system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}}\
         button{{font:inherit;padding:.6rem 1.2rem}}</style></head><body><h1>{title}</h1><p>{text}</p>{form}</body></html>"
    );
    (status, headers, Html(html)).into_response()
}
