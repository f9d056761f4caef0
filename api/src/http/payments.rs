//! What the payment provider calls, where people come back to from its pages, and files about payments:
//! `POST /v1/stripe/webhook`, `GET /payments/done`, `GET /top-ups/{id}/receipt`, `GET /card-disputes/{id}/evidence.txt`.

use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::id::{CardDisputeId, TopUpId};
use domain::refusal::Code;
use serde_json::json;

use super::door::{Door, nothing, problem};
use super::endpoint::problem_response;
use super::problem::{Problem, ProblemCode};
use crate::app::payments::card_disputes::chargeback_evidence;
use crate::app::payments::events::{NotTaken, stripe_event_receive};
use crate::app::payments::receipts::top_up_receipt;

/// The longest message, in bytes.
const MESSAGE_MAX_BYTES: usize = 256 << 10;
const SIGNATURE: &str = "stripe-signature";

/// The page at which a person lands who comes back. It promises nothing: only the provider's word counts.
const DONE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Clearlead</title>\
    <h1>Thank you</h1><p>You can close this page. What you did shows in your wallet as soon as it is confirmed.</p></html>";

/// The routes.
pub fn routes(door: Door) -> Router {
    Router::new()
        .route("/v1/stripe/webhook", post(told))
        .route("/payments/done", get(|| async { Html(DONE) }))
        .route("/top-ups/{id}/receipt", get(receipt))
        .route("/card-disputes/{id}/evidence.txt", get(evidence))
        .with_state(door)
}

async fn told(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MESSAGE_MAX_BYTES).await else {
        let message = format!("a message has at most {MESSAGE_MAX_BYTES} bytes");
        return problem_response(Problem::new(ProblemCode::PayloadTooLarge, message));
    };
    let signature = parts.headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match stripe_event_receive(&door.app, &body, signature).await {
        Ok(Ok(())) => Json(json!({ "received": true })).into_response(),
        Ok(Err(NotTaken::Unbelieved(error))) => {
            tracing::warn!(%error, "a webhook call was not believed");
            problem_response(Problem::new(ProblemCode::BadRequest, error.to_string()))
        }
        Ok(Err(NotTaken::WrongMode)) => {
            tracing::warn!("a webhook call was of the other mode");
            problem_response(Problem::new(ProblemCode::BadRequest, "the event is of the other mode than this exchange"))
        }
        Err(error) if error.refused_with(Code::PaymentsNotConfigured) => problem_response(nothing("webhook")),
        Err(error) => {
            // The provider sends it again.
            tracing::error!(%error, "a webhook call could not be kept");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "received": false }))).into_response()
        }
    }
}

async fn receipt(State(door): State<Door>, Path(id): Path<String>, request: Request) -> Response {
    let answer = async {
        let (parts, _) = request.into_parts();
        let caller = door.admit(&parts).await?;
        let id: TopUpId = id.parse().map_err(|_| nothing("receipt"))?;
        let found = top_up_receipt(&door.app, &caller, id).await.map_err(|error| problem(&caller, &error))?;
        Ok(file(&format!("receipt-{id}.txt"), found.ok_or_else(|| nothing("receipt"))?))
    };
    answer.await.unwrap_or_else(problem_response)
}

async fn evidence(State(door): State<Door>, Path(id): Path<String>, request: Request) -> Response {
    let answer = async {
        let (parts, _) = request.into_parts();
        let caller = door.admit(&parts).await?;
        let id: CardDisputeId = id.parse().map_err(|_| nothing("disputed payment"))?;
        let found = chargeback_evidence(&door.app, &caller, id).await.map_err(|error| problem(&caller, &error))?;
        Ok(file(&found.file_name(), found.text()))
    };
    answer.await.unwrap_or_else(problem_response)
}

fn file(name: &str, text: String) -> Response {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}
