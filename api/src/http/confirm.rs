//! `/confirm`: the page behind the link in a confirmation message. Opening it changes nothing, since mail scanners open
//! links; one button on it confirms, the other withdraws the consent that somebody claims to have.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use axum::{Form, Router};
use domain::access::Principal;
use domain::refusal::Code;
use domain::verification::ConfirmationWords;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::html::{COLOR, Policy, page, style};
use crate::app::confirmations::{Answer, confirmation_take};
use crate::app::consent::{Person, consent_withdraw};
use crate::app::{App, AppError, Caller};

const PATH: &str = "/confirm";
const MAX_TOKEN: usize = 100;
/// Whoever presses the button twice withdraws once.
const WITHDRAWAL_KEY: &str = "the page behind the link";
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
        return shown(words, StatusCode::BAD_REQUEST, words.incomplete, None);
    }
    shown(words, StatusCode::OK, words.question, Some(&link.token))
}

async fn take(State(app): State<Arc<App>>, Form(link): Form<Link>) -> Response {
    let words = link.words();
    if !is_token(&link.token) {
        return shown(words, StatusCode::BAD_REQUEST, words.incomplete, None);
    }
    let token = SecretString::from(link.token);
    let done = match link.answer {
        Button::Yes => confirmation_take(&app, Answer::Token(token)).await.map(|_| words.confirmed),
        Button::No => consent_withdraw(&app, &nobody(), WITHDRAWAL_KEY, Person::Link(token)).await.map(|_| words.withdrawn),
    };
    match done {
        Ok(text) => shown(words, StatusCode::OK, text, None),
        Err(AppError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.code == Code::NotFound) => {
            shown(words, StatusCode::NOT_FOUND, words.unknown, None)
        }
        Err(AppError::Refused(_)) => shown(words, StatusCode::GONE, words.expired, None),
        Err(error) => {
            tracing::error!(%error, "an answer to a confirmation failed");
            shown(words, StatusCode::INTERNAL_SERVER_ERROR, words.failed, None)
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

/// The page, with the buttons where there is a token. Every language here is written from left to right. The token is in the address: it must reach
/// nobody else, and the page loads nothing.
fn shown(words: &ConfirmationWords, status: StatusCode, text: &str, token: Option<&str>) -> Response {
    let style = style(COLOR);
    let ConfirmationWords { language, subject, yes, no, .. } = words;
    let context = json!({
        "style": style, "text": text, "token": token,
        "words": { "language": language, "subject": subject, "yes": yes, "no": no },
    });
    page(status, "confirm.html", &context, &Policy { secret: true, ..Policy::alone(&style) })
}
