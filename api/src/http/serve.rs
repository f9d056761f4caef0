//! The routes, and the life of the server: listen, serve, drain, stop. Every wait for a client has an end, so that nobody holds a connection by doing nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware;
use axum::routing::{any, get};
use axum::serve::Listener;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::contract::Contract;
use super::patient::Patient;
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
    let patience = Duration::from_secs(contract.server.client_timeout_secs);
    let router = router(contract, others);
    let connections = TaskTracker::new();
    let stop = async {
        stop.await;
        tracing::info!(drain_secs = drain.as_secs(), "stopping: no new connections, streams close");
    };
    tokio::pin!(stop);
    let mut listener = listener;
    loop {
        // The listener bears what an accept may fail of, such as too many open files.
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        connections.spawn(connection(router.clone(), stream, peer, patience, stopping.clone()));
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    if tokio::time::timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!("requests under way were cut off at the end of the drain");
    }
    Ok(())
}

/// Serves one connection until its end or, once `stopping`, to the end of the request under way.
async fn connection(router: Router, stream: TcpStream, peer: SocketAddr, patience: Duration, stopping: CancellationToken) {
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience);
    let served = builder.serve_connection(TokioIo::new(Patient::new(stream, patience)), service).with_upgrades();
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stopping.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
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
