//! Subscriptions (and queries) over WebSocket: the protocol graphql-transport-ws, with its close codes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::response::Response;
use domain::text::has_control_character;
use futures::StreamExt;
use futures::stream::BoxStream;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tokio_stream::StreamMap;

use super::contract::{Contract, Outcome, VARIABLES_DEPTH};
use super::endpoint::bearer_token;
use super::host::{Admitted, Credentials};
use super::log::{Meter, Operation, metered};
use super::parameters::Parameters;
use super::problem::{Problem, ProblemCode, code_of};
use super::streams::StreamShare;

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to read one message before the socket is given up.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const ID_LENGTH: usize = 128;
/// How many bytes of an id the reason of a close shows: all of it has at most 123 (RFC 6455, 5.5).
const ID_SHOWN: usize = 80;

/// Why a socket is closed, in the protocol's codes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Close(u16, String);

impl Close {
    fn new(code: u16, reason: impl Into<String>) -> Self {
        Self(code, reason.into())
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ClientMessage {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Map<String, Json>>,
    },
    Ping {
        #[serde(default)]
        payload: Option<Json>,
    },
    Pong {},
    Subscribe {
        id: String,
        payload: Map<String, Json>,
    },
    Complete {
        id: String,
    },
}

/// Becomes a WebSocket.
pub(super) fn upgrade<E: Executor>(
    contract: Arc<Contract<E>>,
    upgrade: WebSocketUpgrade,
    header_token: Option<SecretString>,
    address: Option<IpAddr>,
) -> Response {
    let most = contract.limits.body_max_bytes;
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(most)
        .max_frame_size(most)
        .on_upgrade(move |socket| async move { Box::pin(serve(contract, socket, header_token, address)).await })
}

async fn serve<E: Executor>(
    contract: Arc<Contract<E>>,
    mut socket: WebSocket,
    header_token: Option<SecretString>,
    address: Option<IpAddr>,
) {
    let close = if socket.protocol().is_some_and(|protocol| protocol == PROTOCOL) {
        let session = Session { contract, socket: &mut socket, header_token, address };
        session.run().await
    } else {
        Some(Close::new(4406, "Subprotocol not acceptable"))
    };
    // Reading on is what answers the peer's own close. A peer that is gone already has nobody left to tell.
    let farewell = async {
        if let Some(Close(code, reason)) = close {
            metrics::counter!("clearlead_socket_closes_total", "code" => code.to_string()).increment(1);
            socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await.ok()?;
        }
        while socket.recv().await?.is_ok() {}
        Some(())
    };
    tokio::time::timeout(Duration::from_secs(1), farewell).await.unwrap_or_default().unwrap_or_default();
}

struct Session<'s, E> {
    contract: Arc<Contract<E>>,
    socket: &'s mut WebSocket,
    header_token: Option<SecretString>,
    address: Option<IpAddr>,
}

/// A socket whose caller is known.
struct Open {
    caller: Admitted,
    credentials: Credentials,
    results: StreamMap<String, BoxStream<'static, Option<Outcome>>>,
    running: HashMap<String, Running>,
    _share: StreamShare,
}

struct Running {
    operation: Operation,
    request_id: uuid::Uuid,
    started: Instant,
    meter: Arc<Meter>,
    answered: bool,
}

/// `None` as the code of a close: the peer has gone by itself.
type Ended = Option<Close>;

impl<E: Executor> Session<'_, E> {
    async fn run(mut self) -> Ended {
        let mut open = match self.initialise().await {
            Ok(open) => open,
            Err(ended) => return ended,
        };
        let ended = self.converse(&mut open).await;
        for running in open.running.into_values() {
            running.record();
        }
        ended
    }

    /// Waits for `connection_init` and answers it.
    async fn initialise(&mut self) -> Result<Open, Ended> {
        let patience = Duration::from_secs(self.contract.limits.socket_init_timeout_secs);
        let timer = tokio::time::sleep(patience);
        tokio::pin!(timer);
        let stopping = self.contract.stopping();
        let payload = loop {
            let message = tokio::select! {
                message = self.socket.recv() => message,
                () = &mut timer => return Err(Some(Close::new(4408, "Connection initialisation timeout"))),
                () = stopping.cancelled() => return Err(Some(Close::new(1001, "Going away"))),
            };
            match read(message)? {
                Some(ClientMessage::ConnectionInit { payload }) => break payload.unwrap_or_default(),
                Some(ClientMessage::Subscribe { .. }) => return Err(Some(Close::new(4401, "Unauthorized"))),
                Some(ClientMessage::Ping { payload }) => self.send(&pong(payload)).await?,
                Some(ClientMessage::Pong {} | ClientMessage::Complete { .. }) | None => {}
            }
        };
        let forbidden = |problem: Problem| match problem.code {
            ProblemCode::Unavailable | ProblemCode::Internal => Some(Close::new(1013, "Try again later")),
            _ => Some(Close::new(4403, "Forbidden")),
        };
        let credentials = self.credentials(&payload).map_err(forbidden)?;
        let caller = self.contract.host.admit(credentials.clone()).await.map_err(forbidden)?;
        let share = self.contract.shares.take(caller.stream_owner()).map_err(|problem| match problem.code {
            ProblemCode::TooManyStreams => Some(Close::new(4429, "Too many sockets")),
            _ => Some(Close::new(1013, "Try again later")),
        })?;
        self.send(&json!({ "type": "connection_ack" })).await?;
        Ok(Open { caller, credentials, results: StreamMap::new(), running: HashMap::new(), _share: share })
    }

    fn credentials(&self, payload: &Map<String, Json>) -> Result<Credentials, Problem> {
        let given =
            payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).and_then(|(_, value)| value.as_str());
        let bearer = match given {
            Some(text) => Some(bearer_token(text)?),
            None => self.header_token.clone(),
        };
        Ok(Credentials { bearer, address: self.address, request_id: self.contract.host.request_id() })
    }

    async fn converse(&mut self, open: &mut Open) -> Ended {
        let stopping = self.contract.stopping();
        let login_ends = tokio::time::sleep(open.caller.lasts.unwrap_or(Duration::MAX));
        tokio::pin!(login_ends);
        let mut keepalive = tokio::time::interval(Duration::from_secs(self.contract.limits.socket_keepalive_secs.max(1)));
        keepalive.reset();
        let mut silent = false;
        loop {
            let step = tokio::select! {
                message = self.socket.recv() => {
                    silent = false;
                    self.heard(open, message).await
                }
                Some((id, result)) = open.results.next(), if !open.results.is_empty() => self.deliver(open, id, result).await,
                _ = keepalive.tick() => {
                    if std::mem::replace(&mut silent, true) {
                        Err(Some(Close::new(1001, "No sign of life")))
                    } else {
                        self.ping(open).await
                    }
                }
                () = stopping.cancelled() => Err(Some(Close::new(1001, "Going away"))),
                () = &mut login_ends => Err(Some(Close::new(4403, "The log-in has ended; connect again with a new token"))),
            };
            if let Err(ended) = step {
                return ended;
            }
        }
    }

    async fn ping(&mut self, open: &mut Open) -> Result<(), Ended> {
        self.require_access(open).await?;
        self.send(&json!({ "type": "ping" })).await
    }

    /// Ends the socket unless its caller is still who it was: nothing runs and nothing is told in the name of another.
    async fn require_access(&mut self, open: &mut Open) -> Result<(), Ended> {
        if self.contract.host.still(open.credentials.clone(), &open.caller).await {
            Ok(())
        } else {
            Err(Some(Close::new(4403, "Access has ended or changed; connect again")))
        }
    }

    async fn heard(&mut self, open: &mut Open, message: Option<Result<Message, axum::Error>>) -> Result<(), Ended> {
        match read(message)? {
            None | Some(ClientMessage::Pong {}) => Ok(()),
            Some(ClientMessage::ConnectionInit { .. }) => Err(Some(Close::new(4429, "Too many initialisation requests"))),
            Some(ClientMessage::Ping { payload }) => self.send(&pong(payload)).await,
            Some(ClientMessage::Complete { id }) => {
                open.results.remove(&id);
                if let Some(running) = open.running.remove(&id) {
                    running.record();
                }
                Ok(())
            }
            Some(ClientMessage::Subscribe { id, payload }) => self.subscribe(open, id, payload).await,
        }
    }

    async fn subscribe(&mut self, open: &mut Open, id: String, payload: Map<String, Json>) -> Result<(), Ended> {
        if id.is_empty() || id.len() > ID_LENGTH || has_control_character(&id) {
            return Err(Some(Close::new(4400, "Invalid id")));
        }
        if open.running.contains_key(&id) {
            let (shown, _) = id.split_at(id.floor_char_boundary(ID_SHOWN));
            return Err(Some(Close::new(4409, format!("Subscriber for {shown} already exists"))));
        }
        self.require_access(open).await?;
        let request_id = self.contract.host.request_id();
        let prepared = if open.running.len() < self.contract.limits.socket_streams_max {
            Parameters::from_object(payload, VARIABLES_DEPTH).and_then(|parameters| self.contract.prepare(parameters))
        } else {
            let most = self.contract.limits.socket_streams_max;
            Err(Problem::new(ProblemCode::TooManyStreams, format!("at most {most} operations at once on one socket")))
        };
        let mut operation = Operation { caller: Some(open.caller.clone()), ..Operation::default() };
        let meter = Arc::new(Meter::default());
        match prepared {
            Err(problem) => {
                operation.error = Some(problem.code.as_str().to_owned());
                operation.record(request_id, "websocket", 400, Duration::ZERO, &meter);
                let outcome = Outcome::from(problem);
                self.send(&json!({ "id": id, "type": "error", "payload": outcome.errors })).await
            }
            Ok(prepared) => {
                operation.kind = Some(prepared.asked.kind);
                operation.name.clone_from(&prepared.asked.name);
                let results = self.contract.results(prepared, &open.caller, request_id);
                // The end of a stream is told as `None`, since a map of streams drops what has ended without a word.
                let ending = metered_stream(results, Arc::clone(&meter)).map(Some).chain(futures::stream::once(async { None }));
                let running = Running { operation, request_id, started: Instant::now(), meter, answered: false };
                open.running.insert(id.clone(), running);
                open.results.insert(id, ending.boxed());
                Ok(())
            }
        }
    }

    async fn deliver(&mut self, open: &mut Open, id: String, result: Option<Outcome>) -> Result<(), Ended> {
        let kind = open.running.get(&id).and_then(|running| running.operation.kind);
        if kind == Some(OperationType::Subscription) && result.is_some() {
            self.require_access(open).await?;
        }
        let Some(running) = open.running.get_mut(&id) else { return Ok(()) };
        let (message, ends) = match result {
            None => (json!({ "id": id, "type": "complete" }), true),
            Some(outcome) => {
                if running.operation.error.is_none() {
                    running.operation.error = outcome.errors.first().and_then(code_of);
                }
                let first = !std::mem::replace(&mut running.answered, true);
                if outcome.data.is_none() && first {
                    (json!({ "id": id, "type": "error", "payload": outcome.errors }), true)
                } else {
                    (json!({ "id": id, "type": "next", "payload": outcome }), false)
                }
            }
        };
        if ends {
            open.results.remove(&id);
            if let Some(running) = open.running.remove(&id) {
                running.record();
            }
        }
        self.send(&message).await
    }

    async fn send(&mut self, message: &Json) -> Result<(), Ended> {
        match tokio::time::timeout(SEND_TIMEOUT, self.socket.send(Message::text(message.to_string()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(Close::new(1013, "The client reads too slowly"))),
        }
    }
}

impl Running {
    fn record(&self) {
        let status = if self.operation.error.is_some() && !self.answered { 400 } else { 200 };
        self.operation.record(self.request_id, "websocket", status, self.started.elapsed(), &self.meter);
    }
}

fn metered_stream(results: BoxStream<'static, Outcome>, meter: Arc<Meter>) -> BoxStream<'static, Outcome> {
    futures::stream::unfold((results, meter), |(mut results, meter)| async move {
        let outcome = metered(Arc::clone(&meter), results.next()).await?;
        Some((outcome, (results, meter)))
    })
    .boxed()
}

fn pong(payload: Option<Json>) -> Json {
    match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }),
        None => json!({ "type": "pong" }),
    }
}

/// A message of the protocol; `None` for frames below it.
fn read(message: Option<Result<Message, axum::Error>>) -> Result<Option<ClientMessage>, Ended> {
    match message {
        None | Some(Err(_) | Ok(Message::Close(_))) => Err(None),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Binary(_))) => Err(Some(Close::new(4400, "Messages are JSON texts"))),
        Some(Ok(Message::Text(text))) => {
            serde_json::from_str(&text).map(Some).map_err(|_| Some(Close::new(4400, "Invalid message")))
        }
    }
}
