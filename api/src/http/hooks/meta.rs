//! Meta's side of a hook: the handshake by which it tries the address, and notices of leads.

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use domain::lead_hook::{LeadHook, LeadHookKind, meta_notices};
use domain::refusal::{Code, Refusal};
use serde::Deserialize;
use serde_json::json;

use super::{found, json_of};
use crate::app::lead_hooks::{meta_handshake, meta_notices_take};
use crate::app::{App, Caller};
use crate::http::door::{Door, nothing};
use crate::http::endpoint::problem_response;
use crate::http::record::refused;

/// The longest challenge that is echoed, in bytes.
const CHALLENGE_MAX_BYTES: usize = 256;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Handshake {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

/// Echoes the challenge to whoever knows the token, as plain text.
pub(super) async fn handshake(
    State(door): State<Door>,
    Path(id): Path<String>,
    Query(asked): Query<Handshake>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let (caller, live) = match found(&door, &parts, &id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    if live.hook.kind != LeadHookKind::Meta {
        return problem_response(nothing("hook of Meta"));
    }
    if let Err(error) = meta_handshake(&door.app, &live.hook, asked.verify_token.as_deref().unwrap_or_default()).await {
        return refused(&caller, error);
    }
    let challenge = asked.challenge.unwrap_or_default();
    let fits =
        !challenge.is_empty() && challenge.len() <= CHALLENGE_MAX_BYTES && challenge.bytes().all(|byte| byte.is_ascii_graphic());
    if asked.mode.as_deref() == Some("subscribe") && fits {
        return challenge.into_response();
    }
    refused(&caller, Refusal::new(Code::Invalid, "`hub.mode` is `subscribe`, and `hub.challenge` a short text").into())
}

/// Takes notices of leads; they are asked for behind the answer.
pub(super) async fn notices(app: &App, caller: &Caller, hook: &LeadHook, bytes: &[u8]) -> Response {
    let notices = match json_of(bytes).and_then(|body| meta_notices(&body)) {
        Ok(notices) => notices,
        Err(refusal) => return refused(caller, refusal.into()),
    };
    let named = notices.len();
    match meta_notices_take(app, hook, notices).await {
        Ok(new) => Json(json!({ "status": "RECEIVED", "leads": named, "new": new })).into_response(),
        Err(error) => refused(caller, error),
    }
}
