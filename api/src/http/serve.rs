//! The routes, and the life of the server: listen, serve, drain, stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware;
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::contract::Contract;
use super::{endpoint, explorer, health, log};

/// Everything that the server answers: `contract` and the routes of `others`.
pub fn router<E: Executor>(contract: Arc<Contract<E>>, others: Router) -> Router {
    let host = Arc::clone(&contract.host);
    let cors = cors(&contract.server.allowed_origins);
    health::install_metrics();
    Router::new()
        .route("/graphql", any(endpoint::graphql::<E>))
        .route("/graphql/ws", any(endpoint::graphql_ws::<E>))
        .route("/graphql/explorer/logins.json", get(explorer::logins::<E>))
        .route("/graphql/explorer/assets/{name}", get(explorer::asset::<E>))
        .route("/schema.graphql", get(health::schema::<E>))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready::<E>))
        .route("/metrics", get(health::metrics))
        .with_state(contract)
        .merge(others)
        .layer(CatchPanicLayer::new())
        .layer(cors)
        .layer(middleware::from_fn_with_state(host, log::layer))
}

/// Serves until `stop` is ready, then lets requests under way end within the configured time and closes streams.
pub async fn serve<E: Executor>(
    listener: TcpListener,
    contract: Arc<Contract<E>>,
    others: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let drain = Duration::from_secs(contract.server.drain_secs);
    let stopping = contract.stopping();
    let service = router(contract, others).into_make_service_with_connect_info::<SocketAddr>();
    let stopped = stopping.clone();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        stop.await;
        tracing::info!(drain_secs = drain.as_secs(), "stopping: no new connections, streams close");
        stopped.cancel();
    });
    let too_late = async {
        stopping.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        served = server.into_future() => served,
        () = too_late => {
            tracing::warn!("requests under way were cut off at the end of the drain");
            Ok(())
        }
    }
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .expose_headers([HeaderName::from_static("x-request-id")])
        .max_age(Duration::from_secs(3600))
}
