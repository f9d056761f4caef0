//! `GET /.well-known/jwks.json`: the keys with which others can check our access tokens.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;

const PATH: &str = "/.well-known/jwks.json";
/// Shorter than the time that a retired key's tokens are good, so that nobody misses a new key for long.
const CACHE: &str = "public, max-age=300";

/// The route.
pub fn router(app: Arc<App>) -> Router {
    Router::new().route(PATH, get(move || answer(Arc::clone(&app))))
}

async fn answer(app: Arc<App>) -> Response {
    match app.signing_keys().await {
        Ok(keys) => {
            let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, CACHE)];
            (headers, keys.jwks().to_string()).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the signing keys could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
