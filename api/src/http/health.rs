//! What machines ask about the process: alive, ready, its metrics, its schema.

use std::sync::{Arc, OnceLock};

use async_graphql::Executor;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::json;

use super::contract::Contract;

/// Seconds; from a fraction of a millisecond to the longest request.
const BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Collects metrics from now on, once per process.
pub fn install_metrics() -> Option<&'static PrometheusHandle> {
    METRICS
        .get_or_init(|| {
            let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), BUCKETS).ok()?;
            builder.install_recorder().inspect_err(|error| tracing::error!(%error, "no metrics")).ok()
        })
        .as_ref()
}

/// `/health/live`: the process runs.
pub(super) async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// `/health/ready`: everything that requests need is there, and the process is not stopping.
pub(super) async fn ready<E: Executor>(State(contract): State<Arc<Contract<E>>>) -> Response {
    let mut checks = serde_json::Map::new();
    let mut ready = !contract.stopping.is_cancelled();
    checks.insert("running".to_owned(), ready.into());
    for check in contract.host.ready().await {
        ready &= check.holds;
        checks.insert(check.name.to_owned(), check.holds.into());
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ready" } else { "not ready" };
    (status, Json(json!({ "status": word, "checks": checks }))).into_response()
}

/// `/metrics`, as Prometheus reads them.
pub(super) async fn metrics() -> Response {
    match install_metrics() {
        Some(handle) => {
            handle.run_upkeep();
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
        }
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// `/schema.graphql`, for tools that would rather not introspect.
pub(super) async fn schema<E: Executor>(State(contract): State<Arc<Contract<E>>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], contract.sdl.to_string()).into_response()
}
