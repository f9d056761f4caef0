//! One line in the log and one observation in the metrics per request; a request's id and security headers on every answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_graphql::parser::types::OperationType;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use super::host::{Admitted, Host};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request, in its extensions.
#[derive(Debug, Clone, Copy)]
pub struct RequestId(pub Uuid);

/// Marks the answer of an operation that writes its own line when its stream ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoggedAtEnd;

/// Who sent a request beside GraphQL, once that is known, for its line.
#[derive(Debug, Clone, Default)]
struct Sender(Arc<OnceLock<Admitted>>);

/// What a request asked of the database.
#[derive(Debug, Default)]
pub struct Meter {
    queries: AtomicU64,
    micros: AtomicU64,
}

tokio::task_local! {
    static METER: Arc<Meter>;
}

impl Meter {
    /// How many statements.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    /// How long they took together.
    #[must_use]
    pub fn database_time(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }
}

/// Counts one statement for the request that this task works for, if any. The database connection calls this.
pub fn statement_done(elapsed: Duration) {
    METER
        .try_with(|meter| {
            meter.queries.fetch_add(1, Ordering::Relaxed);
            meter.micros.fetch_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        })
        .unwrap_or_default();
}

/// What counts the statements of the request that this task works for, if any.
pub fn meter() -> Option<Arc<Meter>> {
    METER.try_with(Arc::clone).ok()
}

/// Runs `work`, counting its statements in `meter`.
pub async fn metered<F: Future>(meter: Arc<Meter>, work: F) -> F::Output {
    METER.scope(meter, work).await
}

/// What the endpoint knows of an operation, for the log line; travels in the response's extensions.
#[derive(Debug, Clone, Default)]
pub struct Operation {
    /// Query, mutation or subscription, once the document is read.
    pub kind: Option<OperationType>,
    /// Its name as the client gave it, cut to 60 characters.
    pub name: Option<String>,
    /// The caller, once known.
    pub caller: Option<Admitted>,
    /// The code of the first error, if any.
    pub error: Option<String>,
}

impl Operation {
    fn kind_name(&self) -> &'static str {
        match self.kind {
            Some(OperationType::Query) => "query",
            Some(OperationType::Mutation) => "mutation",
            Some(OperationType::Subscription) => "subscription",
            None => "none",
        }
    }

    /// Writes the line and the metrics of an operation that has ended.
    pub fn record(&self, request_id: Uuid, transport: &'static str, status: u16, elapsed: Duration, meter: &Meter) {
        let kind = self.kind_name();
        let error = self.error.as_deref().unwrap_or("");
        tracing::info!(
            target: "clearlead::request",
            %request_id,
            transport,
            operation = self.name.as_deref().unwrap_or(""),
            kind,
            principal = self.caller.as_ref().map_or("unknown", Admitted::kind),
            principal_id = self.caller.as_ref().and_then(Admitted::id).unwrap_or_default(),
            status,
            error,
            queries = meter.queries(),
            db_us = u64::try_from(meter.database_time().as_micros()).unwrap_or(u64::MAX),
            elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        );
        let outcome = if error.is_empty() { "ok" } else { "error" };
        metrics::counter!("clearlead_operations_total", "kind" => kind, "transport" => transport, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("clearlead_operation_seconds", "kind" => kind, "transport" => transport)
            .record(elapsed.as_secs_f64());
        metrics::histogram!("clearlead_operation_database_seconds", "kind" => kind).record(meter.database_time().as_secs_f64());
        metrics::counter!("clearlead_operation_statements_total", "kind" => kind).increment(meter.queries());
    }
}

/// Notes who sent a request that is no operation of GraphQL.
pub(super) fn sent_by(extensions: &axum::http::Extensions, caller: &Admitted) {
    if let Some(Sender(sender)) = extensions.get() {
        sender.get_or_init(|| caller.clone());
    }
}

/// Gives each request an id, meters it, and logs how it ended. A panic that no handler caught is a 500 with the id.
pub async fn layer(State(host): State<Arc<dyn Host>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = host.request_id();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let sender = Sender::default();
    request.extensions_mut().insert(RequestId(id));
    request.extensions_mut().insert(sender.clone());
    let meter = Arc::new(Meter::default());
    let mut response = metered(Arc::clone(&meter), next.run(request)).await;
    let status = response.status();
    let (operation, later) = (response.extensions_mut().remove::<Operation>(), response.extensions_mut().remove::<LoggedAtEnd>());
    match (operation, later) {
        (Some(operation), _) => operation.record(id, "http", status.as_u16(), started.elapsed(), &meter),
        (None, Some(LoggedAtEnd)) => {}
        (None, None) => {
            let caller = sender.0.get();
            tracing::info!(
                target: "clearlead::request",
                request_id = %id,
                %method,
                path,
                principal = caller.map_or("unknown", Admitted::kind),
                principal_id = caller.and_then(Admitted::id).unwrap_or_default(),
                status = status.as_u16(),
                queries = meter.queries(),
                elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            );
        }
    }
    metrics::counter!("clearlead_http_responses_total", "status" => status.as_u16().to_string()).increment(1);
    dress(&mut response, id);
    response
}

/// The request's id, or nil outside of the layer.
#[must_use]
pub fn request_id(extensions: &axum::http::Extensions) -> Uuid {
    extensions.get::<RequestId>().map_or(Uuid::nil(), |id| id.0)
}

fn dress(response: &mut Response, id: Uuid) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-site"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
