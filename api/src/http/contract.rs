//! One GraphQL request from its parameters to its results, whatever the transport.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request, Response as GraphqlResponse, ServerError, Value};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use serde::Serialize;
use serde::ser::SerializeMap;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::apq::PersistedQueries;
use super::documents::Documents;
use super::explorer::DemoLogin;
use super::host::{Admitted, Host};
use super::limits::{self, Asked};
use super::parameters::Parameters;
use super::problem::{Problem, ProblemCode, internal_error, public_errors};
use super::streams::StreamShares;
use crate::config::{Graphql, Server};
use crate::graphql::written::written_text;

/// How deep the value of a variable may nest.
pub const VARIABLES_DEPTH: usize = 16;

/// The contract with clients: an executor behind limits, and the exchange that it serves.
pub struct Contract<E> {
    pub(super) executor: E,
    pub(super) host: Arc<dyn Host>,
    pub(super) server: Server,
    pub(super) limits: Graphql,
    pub(super) persisted: PersistedQueries,
    documents: Documents,
    pub(super) shares: StreamShares,
    pub(super) stopping: CancellationToken,
    pub(super) sdl: Arc<str>,
    pub(super) demo_logins: Vec<DemoLogin>,
}

/// A request that kept the limits and may run.
pub struct Prepared {
    /// What it asks for.
    pub asked: Asked,
    request: Request,
}

/// One result of an operation, ready to be written.
#[derive(Debug)]
pub struct Outcome {
    /// The data; `None` when the operation did not run, [`Value::Null`] when an error reached the root.
    pub data: Option<Value>,
    /// What the client is told of what went wrong.
    pub errors: Vec<ServerError>,
}

impl<E: Executor> Contract<E> {
    /// The contract of `executor`, whose schema in the definition language is `sdl`, served for `host`.
    pub fn new(executor: E, sdl: &str, host: Arc<dyn Host>, server: Server, limits: Graphql) -> Self {
        Self {
            executor,
            host,
            persisted: PersistedQueries::new(limits.persisted_queries_max),
            documents: Documents::default(),
            shares: StreamShares::new(limits.sockets_max, limits.sockets_per_principal_max),
            server,
            limits,
            stopping: CancellationToken::new(),
            sdl: sdl.into(),
            demo_logins: Vec::new(),
        }
    }

    /// Shows these log-ins in the explorer: a demo's, never a real exchange's.
    #[must_use]
    pub fn with_demo_logins(mut self, logins: Vec<DemoLogin>) -> Self {
        self.demo_logins = logins;
        self
    }

    /// Cancelled when the server is told to stop: streams end, readiness fails.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Finds and checks the document of a request.
    pub(super) fn prepare(&self, mut parameters: Parameters) -> Result<Prepared, Problem> {
        let query: Arc<str> = match (&parameters.persisted_hash, parameters.query.take()) {
            (Some(hash), query) => self.persisted.resolve(hash, query)?,
            (None, Some(query)) => query.into(),
            (None, None) => return Err(Problem::new(ProblemCode::BadRequest, "`query` is missing")),
        };
        let document = self.documents.read(&query, &self.limits)?;
        let asked = limits::operation(&document, parameters.operation_name.as_deref(), &parameters.variables)?;
        if let Some(hash) = &parameters.persisted_hash {
            self.persisted.put(hash, &query);
        }
        let mut request = Request::new(&*query).variables(parameters.take_variables());
        request.operation_name.clone_from(&parameters.operation_name);
        request.set_parsed_query(document);
        if !self.limits.introspection {
            request = request.disable_introspection();
        }
        Ok(Prepared { asked, request })
    }

    /// Runs a query or mutation to its end.
    pub async fn execute(&self, prepared: Prepared, caller: &Admitted, request_id: Uuid) -> Outcome {
        let request = self.host.equip(prepared.request, caller, request_id);
        let work = AssertUnwindSafe(self.executor.execute(request)).catch_unwind();
        let limit = Duration::from_secs(self.server.request_timeout_secs);
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(response)) => self.outcome(response, request_id),
            Ok(Err(_)) => {
                tracing::error!(%request_id, "a resolver panicked");
                Outcome { data: None, errors: vec![internal_error(request_id)] }
            }
            Err(_) => Problem::new(ProblemCode::TimedOut, "the operation took too long and was stopped").into(),
        }
    }

    /// Runs an operation of any kind and gives its results as they come.
    pub fn results(self: &Arc<Self>, prepared: Prepared, caller: &Admitted, request_id: Uuid) -> BoxStream<'static, Outcome> {
        if prepared.asked.kind != OperationType::Subscription {
            let (contract, caller) = (Arc::clone(self), caller.clone());
            return futures::stream::once(async move { contract.execute(prepared, &caller, request_id).await }).boxed();
        }
        let request = self.host.equip(prepared.request, caller, request_id);
        let contract = Arc::clone(self);
        AssertUnwindSafe(self.executor.execute_stream(request, None))
            .catch_unwind()
            .map(move |result| match result {
                Ok(response) => contract.outcome(response, request_id),
                Err(_) => {
                    tracing::error!(%request_id, "a subscription panicked");
                    Outcome { data: None, errors: vec![internal_error(request_id)] }
                }
            })
            .boxed()
    }

    fn outcome(&self, response: GraphqlResponse, request_id: Uuid) -> Outcome {
        // An error of the executor itself has no path; one of a resolver has, even when it took the whole data with it.
        let ran =
            response.data != Value::Null || response.errors.is_empty() || response.errors.iter().any(|e| !e.path.is_empty());
        let errors = public_errors(response.errors, self.limits.errors_max, request_id);
        Outcome { data: ran.then_some(response.data), errors }
    }
}

impl Outcome {
    /// The result as JSON. What was [written at once](crate::graphql::written) is copied; the serializer would read it again.
    pub(super) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let Some(Value::Object(fields)) = self.data.as_ref().filter(|_| self.errors.is_empty()) else {
            return serde_json::to_vec(self);
        };
        let mut out = br#"{"data":{"#.to_vec();
        for (index, (key, value)) in fields.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            serde_json::to_writer(&mut out, key.as_str())?;
            out.push(b':');
            match written_text(value) {
                Some(text) => out.extend_from_slice(text.as_bytes()),
                None => serde_json::to_writer(&mut out, value)?,
            }
        }
        out.extend_from_slice(b"}}");
        Ok(out)
    }
}

impl From<Problem> for Outcome {
    fn from(problem: Problem) -> Self {
        Self { data: None, errors: vec![problem.into()] }
    }
}

impl Serialize for Outcome {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.errors.is_empty() {
            map.serialize_entry("errors", &self.errors)?;
        }
        if let Some(data) = &self.data {
            map.serialize_entry("data", data)?;
        }
        map.end()
    }
}
