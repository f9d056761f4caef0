//! Results as they come over one HTTP answer: server-sent events (graphql-sse, distinct connections) or the parts of a multipart
//! body (Apollo's subscription protocol). Signs of life keep proxies from closing an idle stream.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use axum::Extension;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::contract::{Contract, Outcome, Prepared};
use super::host::{Admitted, Credentials, Host};
use super::log::{LoggedAtEnd, Meter, Operation, metered};
use super::negotiate::Media;
use super::problem::{Problem, code_of};
use super::streams::StreamShare;

/// How many results wait for a client that reads slowly; then the stream waits too.
const BUFFERED: usize = 16;

/// Answers with a stream of the operation's results.
pub(super) fn respond<E: Executor>(
    contract: &Arc<Contract<E>>,
    prepared: Prepared,
    caller: &Admitted,
    credentials: Credentials,
    media: Media,
) -> Result<Response, Problem> {
    let request_id = credentials.request_id;
    let share = contract.shares.take(caller.stream_owner())?;
    let operation = Operation {
        kind: Some(prepared.asked.kind),
        name: prepared.asked.name.clone(),
        caller: Some(caller.clone()),
        error: None,
    };
    let is_subscription = prepared.asked.kind == OperationType::Subscription;
    let stream = Stream {
        results: contract.results(prepared, caller, request_id),
        framing: if media == Media::Multipart { Framing::Multipart } else { Framing::Events },
        heartbeat: Duration::from_secs(contract.limits.socket_keepalive_secs.max(1)),
        is_subscription,
        ends: caller.lasts.filter(|_| is_subscription),
        stopping: contract.stopping(),
        host: Arc::clone(&contract.host),
        caller: caller.clone(),
        credentials,
        operation,
        _share: share,
    };
    let (sender, receiver) = mpsc::channel(BUFFERED);
    tokio::spawn(stream.run(sender));
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver).map(Ok::<_, Infallible>));
    let headers = [
        (header::CONTENT_TYPE, media.content_type()),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((StatusCode::OK, headers, Extension(LoggedAtEnd), body).into_response())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Events,
    Multipart,
}

struct Stream {
    results: BoxStream<'static, Outcome>,
    framing: Framing,
    heartbeat: Duration,
    is_subscription: bool,
    ends: Option<Duration>,
    stopping: CancellationToken,
    host: Arc<dyn Host>,
    caller: Admitted,
    credentials: Credentials,
    operation: Operation,
    _share: StreamShare,
}

impl Stream {
    async fn run(mut self, sender: mpsc::Sender<Bytes>) {
        let started = Instant::now();
        let meter = Arc::new(Meter::default());
        let login_ends = tokio::time::sleep(self.ends.unwrap_or(Duration::MAX));
        tokio::pin!(login_ends);
        let mut heartbeat = tokio::time::interval(self.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.reset();
        if sender.send(self.framing.opening()).await.is_err() {
            return;
        }
        loop {
            let frame = tokio::select! {
                result = metered(Arc::clone(&meter), self.results.next()) => match result {
                    Some(outcome) => {
                        if self.is_subscription && !self.has_access().await {
                            break;
                        }
                        if self.operation.error.is_none() {
                            self.operation.error = outcome.errors.first().and_then(code_of);
                        }
                        self.framing.result(&outcome)
                    }
                    None => break,
                },
                _ = heartbeat.tick() => {
                    if !self.has_access().await {
                        break;
                    }
                    self.framing.sign_of_life()
                }
                () = self.stopping.cancelled() => break,
                () = &mut login_ends => break,
                () = sender.closed() => break,
            };
            if sender.send(frame).await.is_err() {
                break;
            }
        }
        // A client that has left is no failure.
        sender.send(self.framing.closing()).await.unwrap_or_default();
        self.operation.record(self.credentials.request_id, "stream", 200, started.elapsed(), &meter);
    }

    /// Whether the caller is still who it was when the stream began.
    async fn has_access(&mut self) -> bool {
        self.host.still(self.credentials.clone(), &self.caller).await
    }
}

impl Framing {
    const fn opening(self) -> Bytes {
        match self {
            Self::Events => Bytes::from_static(b":\n\n"),
            Self::Multipart => Bytes::from_static(b"--graphql"),
        }
    }

    fn result(self, outcome: &Outcome) -> Bytes {
        let json = serde_json::to_string(outcome).unwrap_or_default();
        match self {
            Self::Events => format!("event: next\ndata: {json}\n\n").into(),
            Self::Multipart => part(&format!("{{\"payload\":{json}}}")),
        }
    }

    fn sign_of_life(self) -> Bytes {
        match self {
            Self::Events => Bytes::from_static(b":\n\n"),
            Self::Multipart => part("{}"),
        }
    }

    const fn closing(self) -> Bytes {
        match self {
            Self::Events => Bytes::from_static(b"event: complete\ndata:\n\n"),
            Self::Multipart => Bytes::from_static(b"--\r\n"),
        }
    }
}

/// A part and the delimiter behind it, so that a client can read the part at once.
fn part(json: &str) -> Bytes {
    format!("\r\nContent-Type: application/json\r\n\r\n{json}\r\n--graphql").into()
}
