//! `/confirm`: the page behind the link in a confirmation message. Opening it changes nothing, since mail scanners open
//! links; the button on it confirms.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Form, Router};
use domain::refusal::Code;
use secrecy::SecretString;
use serde::Deserialize;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::app::confirmations::{Answer, confirmation_take};
use crate::app::{App, AppError};

const PATH: &str = "/confirm";
const MAX_TOKEN: usize = 100;
/// The token is in the address: it must reach nobody else, and the page loads nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

/// The route. The token is a parameter and no part of the path, which the log shows.
pub fn routes(app: Arc<App>) -> Router {
    let patience = Duration::from_secs(app.config.server.client_timeout_secs);
    Router::new().route(PATH, get(ask).post(confirm)).layer(RequestBodyTimeoutLayer::new(patience)).with_state(app)
}

async fn ask(Query(link): Query<Link>) -> Response {
    if !is_token(&link.token) {
        return page(StatusCode::BAD_REQUEST, "This link is not complete. Open it as it stands in the message.", "");
    }
    let form = format!(
        "<form method=\"post\" action=\"{PATH}\"><input type=\"hidden\" name=\"token\" value=\"{}\">\
         <button>Yes, I asked for this</button></form>",
        link.token
    );
    page(StatusCode::OK, "Somebody asked to be contacted with your details. Was it you? If not, close this page.", &form)
}

async fn confirm(State(app): State<Arc<App>>, Form(link): Form<Link>) -> Response {
    if !is_token(&link.token) {
        return page(StatusCode::BAD_REQUEST, "This link is not complete. Open it as it stands in the message.", "");
    }
    match confirmation_take(&app, Answer::Token(SecretString::from(link.token))).await {
        Ok(_) => page(StatusCode::OK, "Thank you. You will be contacted as you asked.", ""),
        Err(AppError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.code == Code::NotFound) => {
            page(StatusCode::NOT_FOUND, "This link is not known.", "")
        }
        Err(AppError::Refused(_)) => page(StatusCode::GONE, "This link no longer works. Ask for a new one.", ""),
        Err(error) => {
            tracing::error!(%error, "a confirmation failed");
            page(StatusCode::INTERNAL_SERVER_ERROR, "Something failed on our side. Try again later.", "")
        }
    }
}

/// What a token of ours is made of, so that nothing else reaches the page.
fn is_token(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    !text.is_empty() && text.len() <= MAX_TOKEN && text.bytes().all(plain)
}

fn page(status: StatusCode, words: &str, form: &str) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Your request</title><style>body{{font:1.1rem/1.5 system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}}\
         button{{font:inherit;padding:.6rem 1.2rem}}</style></head><body><h1>Your request</h1><p>{words}</p>{form}</body></html>"
    );
    (status, headers, Html(html)).into_response()
}
