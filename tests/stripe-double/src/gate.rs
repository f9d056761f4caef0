//! What every request to the API passes: scripted faults, the key, the account, idempotency.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::error::ApiError;
use crate::fault::{Fault, FaultAction, Phase};
use crate::form::Params;
use crate::idempotency::{Begun, Fingerprint, Reply};
use crate::journal::{Happening, RequestRecord};
use crate::shared::Shared;
use crate::state::{Call, CurrentRequest, State};

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incoming {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The query of a GET, the body of a POST.
    pub(crate) form: Vec<u8>,
    pub(crate) authorization: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

impl Incoming {
    /// The idempotency key, which has a meaning in a POST only.
    fn key(&self) -> Option<&str> {
        self.idempotency_key.as_deref().filter(|_| self.method == "POST")
    }
}

/// What goes back.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) request_id: String,
    pub(crate) replayed: bool,
    /// None closes the connection without an answer.
    pub(crate) reply: Option<Reply>,
}

/// What became of a request before any fault that befalls its answer.
struct Answered {
    reply: Reply,
    replayed: bool,
    executed: bool,
}

/// Answers a request to the API.
pub(crate) async fn handle(shared: Arc<Shared>, incoming: Incoming) -> Outcome {
    let (request_id, fault) = shared.with(|state| {
        state.tick();
        (state.new_id("req"), state.faults.take(&incoming.method, &incoming.path))
    });
    let before = fault.as_ref().filter(|fault| fault.phase == Phase::Before).map(|fault| fault.action);
    let answered = match before {
        Some(FaultAction::Drop) => None,
        Some(FaultAction::Status { status }) => {
            Some(Answered { reply: reply_of(&Err(ApiError::scripted(status))), replayed: false, executed: false })
        }
        hang => Some(pass(&shared, &incoming, &request_id, hang, fault.as_ref()).await),
    };
    let (replayed, executed) = answered.as_ref().map_or((false, false), |answered| (answered.replayed, answered.executed));
    let mut reply = answered.map(|answered| answered.reply);
    match fault.as_ref().filter(|fault| fault.phase == Phase::After).map(|fault| fault.action) {
        None => {}
        Some(FaultAction::Drop) => reply = None,
        Some(FaultAction::Status { status }) => reply = Some(reply_of(&Err(ApiError::scripted(status)))),
        Some(FaultAction::Hang { millis }) => hang(&shared, millis).await,
    }
    let record = RequestRecord {
        id: request_id.clone(),
        method: incoming.method.clone(),
        path: incoming.path.clone(),
        params: Params::parse(&incoming.form).map_or(Value::Null, |params| params.as_json()),
        account: incoming.account.clone(),
        idempotency_key: incoming.idempotency_key.clone(),
        replayed,
        executed,
        status: reply.as_ref().map(|reply| reply.status),
        object: reply.as_ref().and_then(|reply| object_id(&reply.body)),
        faulted: fault.is_some(),
    };
    shared.with(|state| state.record(Happening::Request(record)));
    Outcome { request_id, replayed, reply }
}

async fn pass(
    shared: &Shared,
    incoming: &Incoming,
    request_id: &str,
    before: Option<FaultAction>,
    fault: Option<&Fault>,
) -> Answered {
    let (call, begun) = match shared.with(|state| begin(state, incoming)) {
        Ok(begun) => begun,
        Err(error) => return Answered { reply: reply_of(&Err(error)), replayed: false, executed: false },
    };
    if let Some(FaultAction::Hang { millis }) = before {
        hang(shared, millis).await;
    }
    match begun {
        Begun::Replay(reply) => Answered { reply, replayed: true, executed: false },
        Begun::First => shared.with(|state| execute(state, incoming, &call, request_id, fault)),
    }
}

async fn hang(shared: &Shared, millis: Option<u64>) {
    let seen = shared.with(|state| state.faults.begin_hang());
    let released = shared.until(|state| state.faults.releases() != seen);
    match millis {
        None => released.await,
        Some(millis) => _ = tokio::time::timeout(Duration::from_millis(millis), released).await,
    }
    shared.with(|state| state.faults.end_hang());
}

fn begin(state: &mut State, incoming: &Incoming) -> Result<(Call, Begun), ApiError> {
    authenticate(state, incoming.authorization.as_deref())?;
    if let Some(account) = &incoming.account
        && state.accounts.find(account).is_none()
    {
        return Err(ApiError::unknown_account(account));
    }
    let call = Call { account: incoming.account.clone(), params: Params::parse(&incoming.form)? };
    let now = state.now();
    let begun = match incoming.key() {
        None => Begun::First,
        Some(key) => state.keys.begin(incoming.account.as_deref(), key, Fingerprint::of(&incoming.path, &incoming.form), now)?,
    };
    Ok((call, begun))
}

fn execute(state: &mut State, incoming: &Incoming, call: &Call, request_id: &str, fault: Option<&Fault>) -> Answered {
    state.tick();
    state.request = Some(CurrentRequest { id: request_id.to_owned(), idempotency_key: incoming.idempotency_key.clone() });
    let answer = crate::route::dispatch(state, call, &incoming.method, &incoming.path);
    state.request = None;
    let executed = answer.as_ref().err().is_none_or(|error| error.executed);
    let answer = answer.and_then(|answer| crate::expand::expand(state, &call.params, answer));
    let reply = reply_of(&answer);
    if let Some(key) = incoming.key() {
        let kept = match fault {
            Some(Fault { phase: Phase::After, action: FaultAction::Status { status }, keep: true, .. }) => {
                reply_of(&Err(ApiError::scripted(*status)))
            }
            _ => reply.clone(),
        };
        state.keys.end(incoming.account.as_deref(), key, executed.then_some(kept));
    }
    Answered { reply, replayed: false, executed }
}

/// The secret key is the password-less user of Basic authentication, or a Bearer token.
fn authenticate(state: &State, authorization: Option<&str>) -> Result<(), ApiError> {
    let Some(authorization) = authorization else {
        return Err(ApiError::unauthenticated(
            "You did not provide an API key: send it as a Bearer token or as the user name of Basic auth.",
        ));
    };
    let expected = &state.options.secret_key;
    let key = match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim().to_owned()),
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("basic") => basic_user(token.trim()),
        _ => None,
    };
    match key {
        Some(key) if key == *expected => Ok(()),
        Some(key) => {
            let shown: String = key.chars().take(8).collect();
            Err(ApiError::unauthenticated(&format!("Invalid API Key provided: {shown}***")))
        }
        None => Err(ApiError::unauthenticated("The Authorization header is neither Bearer nor Basic.")),
    }
}

fn basic_user(token: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    text.split(':').next().map(str::to_owned)
}

fn reply_of(answer: &Result<Value, ApiError>) -> Reply {
    match answer {
        Ok(body) => Reply { status: 200, body: body.to_string() },
        Err(error) => Reply { status: error.status, body: error.body().to_string() },
    }
}

fn object_id(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    body.get("id").and_then(Value::as_str).map(str::to_owned)
}
