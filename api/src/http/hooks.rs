//! `/v1/hooks/{id}`: where forms and advertising networks hand leads in, each in its own words.

mod meta;
mod multipart;
mod signature;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::lead_hook::{LeadHook, LeadHookKind, Sent, sent};
use domain::refusal::{Code, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};
use store::lead_hooks::LiveHook;

use super::door::{Door, nothing, problem};
use super::endpoint::problem_response;
use super::negotiate::{FORM, media_type};
use super::problem::{Problem, ProblemCode};
use super::record::{form_record, is_later, is_problem, kept, refused, refused_record};
use crate::app::lead_hooks::{HookTaken, hook_at, hook_open, hook_secrets, hook_take};
use crate::app::{App, AppError, Caller};

/// The longest message, in bytes.
const MESSAGE_MAX_BYTES: usize = 256 << 10;
/// The longest message of Meta, which names up to 1,000 leads.
const NOTICES_MAX_BYTES: usize = 1 << 20;

#[derive(Debug, Default, Deserialize)]
struct Asked {
    key: Option<String>,
}

/// The route.
pub fn routes(door: Door) -> Router {
    Router::new().route("/v1/hooks/{id}", post(taken).get(meta::handshake)).with_state(door)
}

async fn taken(State(door): State<Door>, Path(id): Path<String>, Query(asked): Query<Asked>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (caller, live) = match found(&door, &parts, &id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let (hook, app) = (&live.hook, &door.app);
    let in_message = hook.kind == LeadHookKind::GoogleAds;
    if !in_message
        && !hook.signed
        && let Err(refusal) = hook_open(&live, asked.key.as_deref())
    {
        return refused(&caller, refusal.into());
    }
    let max = if hook.kind == LeadHookKind::Meta { NOTICES_MAX_BYTES } else { MESSAGE_MAX_BYTES };
    let Ok(bytes) = to_bytes(body, max).await else {
        let message = format!("a message has at most {max} bytes");
        return problem_response(Problem::new(ProblemCode::PayloadTooLarge, message));
    };
    if hook.signed
        && let Err(error) = require_signature(app, hook, &parts.headers, &bytes).await
    {
        return refused(&caller, error);
    }
    if hook.kind == LeadHookKind::Meta {
        return meta::notices(app, &caller, hook, &bytes).await;
    }
    let messages = match message(hook.kind, parts, bytes).await {
        Ok(message) => sent(hook.kind, &message),
        Err(refusal) => Err(refusal),
    };
    // Who does not have the key is not told what else is wrong.
    let key = messages.as_ref().ok().and_then(|messages| messages.first()?.key.as_deref());
    if in_message && let Err(refusal) = hook_open(&live, key) {
        return refused(&caller, refusal.into());
    }
    match messages {
        Ok(messages) => handed_in(app, &caller, hook, &messages).await,
        Err(refusal) => refused(&caller, refusal.into()),
    }
}

/// The hook at an address, and who sent the request.
async fn found(door: &Door, parts: &Parts, id: &str) -> Result<(Caller, LiveHook), Response> {
    let caller = door.admit(parts).await.map_err(problem_response)?;
    match hook_at(&door.app, id).await {
        Ok(live) => Ok((caller, live)),
        Err(AppError::Refused(found)) if found.iter().any(|refusal| refusal.code == Code::NotFound) => {
            Err(problem_response(nothing("hook")))
        }
        Err(error) => Err(problem_response(problem(&caller, &error))),
    }
}

async fn require_signature(app: &App, hook: &LeadHook, headers: &HeaderMap, body: &[u8]) -> Result<(), AppError> {
    let secrets = hook_secrets(app, hook.id).await?;
    let signed = secrets.signing().is_some_and(|secret| signature::is_signed(hook.kind, headers, body, secret, app.now()));
    if signed {
        Ok(())
    } else {
        Err(Refusal::new(Code::Unauthenticated, "this message is not signed with the secret of this address").into())
    }
}

/// Hands the leads of a message in. Of several each has an answer of its own; only what may come right when all of it is sent again is
/// an answer to the whole.
async fn handed_in(app: &App, caller: &Caller, hook: &LeadHook, messages: &[Sent]) -> Response {
    if let [message] = messages {
        return match hook_take(app, hook, message).await {
            Ok(taken) => Json(told(&taken)).into_response(),
            Err(error) => refused(caller, error),
        };
    }
    let mut results = Vec::with_capacity(messages.len());
    for message in messages {
        match hook_take(app, hook, message).await {
            Ok(taken) => results.push(told(&taken)),
            Err(AppError::Refused(found)) if !is_problem(&found) && !is_later(&found) => results.push(refused_record(&found)),
            Err(error) => return refused(caller, error),
        }
    }
    Json(json!({ "results": results })).into_response()
}

fn told(taken: &HookTaken) -> Value {
    match taken {
        HookTaken::Lead(brought, rejected_by) => kept(brought, *rejected_by),
        HookTaken::LeftOut => json!({ "status": "LEFT_OUT" }),
    }
}

async fn message(kind: LeadHookKind, parts: Parts, bytes: Bytes) -> Result<Value, Refusal> {
    if kind == LeadHookKind::Jotform {
        return multipart::submission(parts, bytes).await;
    }
    if media_type(&parts.headers) == FORM {
        return form_record(&bytes).map(|record| json!(record));
    }
    json_of(&bytes)
}

/// The parser's own message would quote the message.
fn json_of(bytes: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(bytes).map_err(|_| Refusal::new(Code::Invalid, "not JSON"))
}
