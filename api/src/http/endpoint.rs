//! `/graphql` over HTTP: POST of JSON, GET of queries, the explorer for browsers. Statuses and media types are those of
//! GraphQL over HTTP.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use secrecy::SecretString;
use tokio::time::timeout;

use super::contract::{Contract, Outcome, Prepared, VARIABLES_DEPTH};
use super::host::{Admitted, Credentials};
use super::log::{LoggedAtEnd, Operation, request_id};
use super::negotiate::{Accepted, Media, Telling, require_json, require_origin, wants_socket};
use super::parameters::Parameters;
use super::problem::{Problem, ProblemCode, code_of};
use super::{explorer, sse, ws};
use crate::config::Server;

/// Everything that `/graphql` answers.
pub(super) async fn graphql<E: Executor>(State(contract): State<Arc<Contract<E>>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    if wants_socket(&parts.method, &parts.headers) {
        return socket(&contract, &mut parts).await;
    }
    let accepted = Accepted::read(&parts.headers);
    if parts.method == Method::GET && accepted.wants_page() {
        return explorer::page(&contract.limits);
    }
    let mut operation = Operation::default();
    let mut response = match answer(&contract, &parts, body, accepted, &mut operation).await {
        Ok(response) => response,
        Err(problem) => {
            operation.error = Some(problem.code.as_str().to_owned());
            refusal(problem, accepted.refusal())
        }
    };
    if response.extensions().get::<LoggedAtEnd>().is_none() {
        response.extensions_mut().insert(operation);
    }
    response
}

/// `/graphql/ws`: the WebSocket, and nothing else.
pub(super) async fn graphql_ws<E: Executor>(State(contract): State<Arc<Contract<E>>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    if wants_socket(&parts.method, &parts.headers) {
        return socket(&contract, &mut parts).await;
    }
    let problem = Problem::new(ProblemCode::BadRequest, "this is a WebSocket: connect with the subprotocol graphql-transport-ws");
    refusal(problem, Telling::JSON)
}

/// An answer that only says what was wrong.
#[must_use]
pub(super) fn refusal(problem: Problem, telling: Telling) -> Response {
    let (status, always) = problem.code.status();
    let status = if always || telling.by_status { status } else { StatusCode::OK };
    let challenge = problem.code == ProblemCode::Unauthenticated;
    let allow = (problem.code == ProblemCode::MethodNotAllowed).then_some("POST");
    let close = problem.code == ProblemCode::RequestTimeout;
    let mut response = written(&problem.into(), telling.media, status);
    if close {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(methods) = allow {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    response
}

/// The same for a route beside GraphQL: JSON, with the status of the problem's code.
#[must_use]
pub fn problem_response(problem: Problem) -> Response {
    refusal(problem, Telling::STATUS_AND_TYPE)
}

/// Where the request came from: the peer, or what the outermost of our own proxies saw if the configuration trusts them.
/// Each proxy adds its peer at the right of `X-Forwarded-For`; what stands further left came from the client.
#[must_use]
pub fn client_address(parts: &Parts, server: &Server) -> Option<IpAddr> {
    let forwarded = || {
        let headers = parts.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let entries: Vec<&str> = headers.flat_map(|value| value.split(',')).collect();
        address_of(entries.iter().nth_back(server.trusted_proxies.saturating_sub(1))?.trim())
    };
    let peer = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    if server.trust_forwarded_for { forwarded().or_else(peer) } else { peer() }
}

/// The token of `Authorization: Bearer ..`.
pub fn bearer(headers: &HeaderMap) -> Result<Option<SecretString>, Problem> {
    match headers.get(header::AUTHORIZATION) {
        None => Ok(None),
        Some(value) => bearer_token(value.to_str().unwrap_or_default()).map(Some),
    }
}

/// The token in the text `Bearer ..`.
pub(super) fn bearer_token(text: &str) -> Result<SecretString, Problem> {
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => Ok(token.trim().into()),
        _ => Err(Problem::new(ProblemCode::Unauthenticated, "send `Authorization: Bearer` and a token")),
    }
}

/// An address, with the port that some proxies add.
fn address_of(entry: &str) -> Option<IpAddr> {
    entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

async fn answer<E: Executor>(
    contract: &Arc<Contract<E>>,
    parts: &Parts,
    body: Body,
    accepted: Accepted,
    operation: &mut Operation,
) -> Result<Response, Problem> {
    require_origin(&parts.headers, &parts.uri, &contract.server)?;
    let parameters = match parts.method {
        Method::POST => {
            require_json(&parts.headers)?;
            let patience = Duration::from_secs(contract.server.client_timeout_secs);
            let body = timeout(patience, read(body, contract.limits.body_max_bytes)).await.map_err(|_| too_slow())??;
            Parameters::from_body(&body, VARIABLES_DEPTH)?
        }
        Method::GET => Parameters::from_query_string(parts.uri.query().unwrap_or_default(), VARIABLES_DEPTH)?,
        _ => return Err(Problem::new(ProblemCode::MethodNotAllowed, "use POST, or GET for queries")),
    };
    operation.name = parameters.operation_name.as_deref().map(|name| name.chars().take(60).collect());
    let prepared = contract.prepare(parameters)?;
    operation.kind = Some(prepared.asked.kind);
    operation.name.clone_from(&prepared.asked.name);
    if parts.method == Method::GET && prepared.asked.kind == OperationType::Mutation {
        return Err(Problem::new(ProblemCode::MethodNotAllowed, "a mutation needs POST"));
    }
    let media = if prepared.asked.kind == OperationType::Subscription { accepted.stream() } else { accepted.single() }?;
    let credentials = Credentials {
        bearer: bearer(&parts.headers)?,
        address: client_address(parts, &contract.server),
        request_id: request_id(&parts.extensions),
    };
    let request_id = credentials.request_id;
    let caller = contract.host.admit(credentials.clone()).await?;
    operation.caller = Some(caller.clone());
    match media {
        Media::Json | Media::GraphqlResponse => Ok(single(contract, prepared, &caller, media, request_id, operation).await),
        Media::EventStream | Media::Multipart => sse::respond(contract, prepared, &caller, credentials, media),
    }
}

async fn single<E: Executor>(
    contract: &Arc<Contract<E>>,
    prepared: Prepared,
    caller: &Admitted,
    media: Media,
    request_id: uuid::Uuid,
    operation: &mut Operation,
) -> Response {
    let outcome = contract.execute(prepared, caller, request_id).await;
    operation.error = outcome.errors.first().and_then(code_of);
    written(&outcome, media, status(&outcome, media))
}

/// 200 when the operation ran, whatever became of its fields. Otherwise the status of the first error's code.
fn status(outcome: &Outcome, media: Media) -> StatusCode {
    if outcome.data.is_some() {
        return StatusCode::OK;
    }
    let code = outcome.errors.first().and_then(code_of);
    let known = ProblemCode::ALL.iter().find(|known| Some(known.as_str()) == code.as_deref());
    match known.map(|code| code.status()) {
        Some((status, always)) if always || media == Media::GraphqlResponse => status,
        None if media == Media::GraphqlResponse => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

fn written(outcome: &Outcome, media: Media, status: StatusCode) -> Response {
    match outcome.to_json() {
        Ok(body) => (status, [(header::CONTENT_TYPE, media.content_type())], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "a result cannot be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn read(body: Body, most: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(ProblemCode::PayloadTooLarge, format!("a request may have at most {most} bytes")))
        }
        Err(_) => Err(Problem::new(ProblemCode::BadRequest, "the body ended early")),
    }
}

fn too_slow() -> Problem {
    Problem::new(ProblemCode::RequestTimeout, "the request did not arrive in time")
}

async fn socket<E: Executor>(contract: &Arc<Contract<E>>, parts: &mut Parts) -> Response {
    if let Err(problem) = require_origin(&parts.headers, &parts.uri, &contract.server) {
        return refusal(problem, Telling::JSON);
    }
    let address = client_address(parts, &contract.server);
    let header_token = match bearer(&parts.headers) {
        Ok(token) => token,
        Err(problem) => return refusal(problem, Telling::JSON),
    };
    match WebSocketUpgrade::from_request_parts(parts, &()).await {
        Ok(upgrade) => ws::upgrade(Arc::clone(contract), upgrade, header_token, address),
        Err(rejection) => rejection.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn seen(settings: &str, forwarded: &[&str]) -> Option<String> {
        let server = Config::from_toml(&format!("[server]\n{settings}")).unwrap().server;
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4000))));
        for value in forwarded {
            request.headers_mut().append("x-forwarded-for", value.parse().unwrap());
        }
        client_address(&request.into_parts().0, &server).map(|address| address.to_string())
    }

    #[test]
    fn a_client_does_not_choose_its_own_address() {
        let trusting = "trust_forwarded_for = true";
        let cases: &[(&str, &[&str], &str)] = &[
            ("", &["198.51.100.7"], "10.0.0.1"),
            (trusting, &[], "10.0.0.1"),
            (trusting, &["198.51.100.7"], "198.51.100.7"),
            // The client wrote the first one, the proxy added the second.
            (trusting, &["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
            (trusting, &["1.2.3.4", "198.51.100.7"], "198.51.100.7"),
            (trusting, &["[2001:db8::7]:443"], "2001:db8::7"),
            (trusting, &["unknown"], "10.0.0.1"),
            ("trust_forwarded_for = true\ntrusted_proxies = 2", &["1.2.3.4, 198.51.100.7, 10.0.0.9"], "198.51.100.7"),
            ("trust_forwarded_for = true\ntrusted_proxies = 2", &["198.51.100.7"], "10.0.0.1"),
        ];
        for (settings, forwarded, expected) in cases {
            assert_eq!(seen(settings, forwarded).as_deref(), Some(*expected), "{settings} {forwarded:?}");
        }
    }
}
