//! `/v1/hooks/{id}`: where forms and advertising networks hand leads in, each in its own words.

use axum::body::to_bytes;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::lead_hook::{LeadHookKind, sent};
use domain::refusal::{Code, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::door::{Door, nothing, problem};
use super::endpoint::problem_response;
use super::negotiate::{FORM, media_type};
use super::problem::{Problem, ProblemCode};
use super::record::{form_record, kept, refused};
use crate::app::AppError;
use crate::app::lead_hooks::{HookTaken, hook_at, hook_open, hook_take};

/// The longest message, in bytes.
const MESSAGE_MAX_BYTES: usize = 256 << 10;

#[derive(Debug, Default, Deserialize)]
struct Asked {
    key: Option<String>,
}

/// The route.
pub fn routes(door: Door) -> Router {
    Router::new().route("/v1/hooks/{id}", post(taken)).with_state(door)
}

async fn taken(State(door): State<Door>, Path(id): Path<String>, Query(asked): Query<Asked>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let caller = match door.admit(&parts).await {
        Ok(caller) => caller,
        Err(problem) => return problem_response(problem),
    };
    let live = match hook_at(&door.app, &id).await {
        Ok(live) => live,
        Err(AppError::Refused(found)) if found.iter().any(|refusal| refusal.code == Code::NotFound) => {
            return problem_response(nothing("hook"));
        }
        Err(error) => return problem_response(problem(&caller, &error)),
    };
    let in_message = live.hook.kind == LeadHookKind::GoogleAds;
    if !in_message && let Err(refusal) = hook_open(&live, asked.key.as_deref()) {
        return refused(&caller, refusal.into());
    }
    let Ok(bytes) = to_bytes(body, MESSAGE_MAX_BYTES).await else {
        let message = format!("a message has at most {MESSAGE_MAX_BYTES} bytes");
        return problem_response(Problem::new(ProblemCode::PayloadTooLarge, message));
    };
    let message = message(&bytes, media_type(&parts.headers) == FORM).and_then(|body| sent(live.hook.kind, &body));
    // Who does not have the key is not told what else is wrong.
    let key = message.as_ref().ok().and_then(|message| message.key.as_deref());
    if in_message && let Err(refusal) = hook_open(&live, key) {
        return refused(&caller, refusal.into());
    }
    let message = match message {
        Ok(message) => message,
        Err(refusal) => return refused(&caller, refusal.into()),
    };
    match hook_take(&door.app, &live.hook, &message).await {
        Ok(HookTaken::Lead(brought, rejected_by)) => Json(kept(&brought, rejected_by)).into_response(),
        Ok(HookTaken::LeftOut) => Json(json!({ "status": "LEFT_OUT" })).into_response(),
        Err(error) => refused(&caller, error),
    }
}

fn message(bytes: &[u8], is_form: bool) -> Result<Value, Refusal> {
    if is_form {
        return form_record(bytes).map(|record| json!(record));
    }
    // The parser's own message would quote the message.
    serde_json::from_slice(bytes).map_err(|_| Refusal::new(Code::Invalid, "not JSON"))
}
