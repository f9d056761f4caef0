//! HTTP: the API, the control plane and the pages, on one port.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State as Extension};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use hyper::body::Incoming as HyperBody;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::control;
use crate::error::ApiError;
use crate::form::Params;
use crate::gate::{self, Incoming};
use crate::options::API_VERSION;
use crate::page::{self, Page};
use crate::shared::Shared;
use crate::state::State;

/// Longest body that is read.
const MAX_BODY_BYTES: usize = 1 << 20;
/// The header by which every answer says what it is.
const DISCLAIMER: (&str, &str) = ("stripe-double", "this is not Stripe");

/// Marks an answer whose connection is closed instead.
#[derive(Debug, Clone, Copy)]
struct Dropped;

/// Serves until the double is dropped.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let router = router(shared);
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let router = router.clone();
        let service = service_fn(move |request: hyper::Request<HyperBody>| answer(router.clone(), request.map(Body::new)));
        connections.spawn(async move {
            // A connection ends with an error when its client leaves or a scripted fault drops it; neither concerns anyone else.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(router: Router, request: Request) -> Result<Response, std::io::Error> {
    let mut response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(impossible) => match impossible as Infallible {},
    };
    if response.extensions().get::<Dropped>().is_some() {
        return Err(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "dropped as scripted"));
    }
    response.headers_mut().insert(HeaderName::from_static(DISCLAIMER.0), HeaderValue::from_static(DISCLAIMER.1));
    Ok(response)
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/v1/{*path}", any(api))
        .route(
            "/c/pay/{id}",
            get(|shared, id| visit(shared, id, page::checkout))
                .post(|shared, id, body| press(shared, id, body, page::pay_checkout)),
        )
        .route(
            "/authenticate/{id}",
            get(|shared, id| visit(shared, id, page::authentication))
                .post(|shared, id, body| press(shared, id, body, page::authenticate)),
        )
        .route(
            "/setup/{id}",
            get(|shared, id| visit(shared, id, page::onboarding))
                .post(|shared, id, body| press(shared, id, body, |state, id, _| page::complete_onboarding(state, id))),
        )
        .route("/receipts/{id}", get(|shared, id| visit(shared, id, page::receipt)))
        .route("/_control/journal", get(|shared| read(shared, journal)))
        .route("/_control/check", get(|shared| read(shared, check)))
        .route("/_control/balances", get(|shared| read(shared, |state| json!(balances(state)))))
        .route("/_control/faults", get(|shared| read(shared, |state| json!(state.faults.pending()))))
        .route("/_control/webhooks", get(|shared| read(shared, webhooks)))
        .route("/_control/settle", get(settle))
        .route("/_control/{command}", post(command))
        .fallback(async || ApiError::unknown_path("any", "this path").into_response())
        .with_state(shared)
}

/// Runs a request to the API in a task of its own, so that a client which leaves does not undo it half-way.
async fn api(Extension(shared): Extension<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let is_get = parts.method == "GET";
    let form = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(_) if is_get => parts.uri.query().unwrap_or_default().as_bytes().to_vec(),
        Ok(bytes) => bytes.to_vec(),
        Err(_) => return ApiError::invalid("The body is too long or was cut off.", "body").into_response(),
    };
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let incoming = Incoming {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        form,
        authorization: header("authorization"),
        account: header("stripe-account"),
        idempotency_key: header("idempotency-key"),
    };
    let (key, version) = (incoming.idempotency_key.clone(), header("stripe-version"));
    let Ok(outcome) = tokio::spawn(gate::handle(shared, incoming)).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Some(reply) = outcome.reply else {
        let mut response = Response::default();
        response.extensions_mut().insert(Dropped);
        return response;
    };
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("content-type", "application/json");
    set("request-id", &outcome.request_id);
    set("stripe-version", version.as_deref().unwrap_or(API_VERSION));
    if let Some(key) = key {
        set("idempotency-key", &key);
    }
    if outcome.replayed {
        set("idempotent-replayed", "true");
    }
    (status, headers, reply.body).into_response()
}

async fn command(Extension(shared): Extension<Arc<Shared>>, Path(name): Path<String>, body: String) -> Response {
    let fields = if body.trim().is_empty() { Ok(json!({})) } else { serde_json::from_str::<Value>(&body) };
    let command = fields.and_then(|mut fields| {
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("command".to_owned(), name.into());
        }
        serde_json::from_value(fields)
    });
    match command {
        Err(error) => ApiError::control(&error.to_string()).into_response(),
        Ok(command) => match shared.with(|state| control::apply(state, command)) {
            Ok(answer) => axum::Json(answer).into_response(),
            Err(error) => error.into_response(),
        },
    }
}

async fn settle(Extension(shared): Extension<Arc<Shared>>) -> Response {
    shared.until(|state| state.webhooks.is_settled()).await;
    axum::Json(json!({ "settled": true })).into_response()
}

async fn read(Extension(shared): Extension<Arc<Shared>>, what: fn(&State) -> Value) -> Response {
    axum::Json(what(&shared.lock())).into_response()
}

async fn visit(Extension(shared): Extension<Arc<Shared>>, Path(id): Path<String>, page: fn(&State, &str) -> Page) -> Response {
    shared
        .with(|state| {
            state.tick();
            page(state, &id)
        })
        .into_response()
}

async fn press(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    body: String,
    page: fn(&mut State, &str, &str) -> Page,
) -> Response {
    let action = Params::parse(body.as_bytes()).ok().and_then(|params| params.text("action")).unwrap_or_default();
    shared
        .with(|state| {
            state.tick();
            page(state, &id, &action)
        })
        .into_response()
}

async fn show(Extension(shared): Extension<Arc<Shared>>) -> Response {
    page::root(&shared.lock()).into_response()
}

fn journal(state: &State) -> Value {
    json!({ "entries": state.journal, "postings": state.ledger.postings, "balances": balances(state) })
}

fn check(state: &State) -> Value {
    let faults = state.check();
    json!({ "balanced": faults.is_empty(), "faults": faults })
}

fn webhooks(state: &State) -> Value {
    let webhooks = &state.webhooks;
    json!({ "endpoints": webhooks.endpoints, "behavior": webhooks.behavior, "held": webhooks.held(), "settled": webhooks.is_settled() })
}

/// Every owner's funds by currency.
pub(crate) fn balances(
    state: &State,
) -> std::collections::BTreeMap<String, std::collections::BTreeMap<String, crate::ledger::Funds>> {
    let owners: std::collections::BTreeSet<_> =
        state.ledger.transactions.iter().map(|transaction| transaction.owner.clone()).collect();
    owners.into_iter().map(|owner| (owner.clone(), state.ledger.funds(&owner, state.now()))).collect()
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        match self {
            Self::Html(status, body) => (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), Html(body)).into_response(),
            Self::Redirect(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, axum::Json(self.body())).into_response()
    }
}
