//! The exchange as the HTTP side's host.

use std::sync::Arc;

use async_graphql::Request;
use domain::refusal::Code;
use futures::FutureExt;
use futures::future::BoxFuture;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::door::Door;
use super::host::{Admitted, Credentials, Host, Readiness};
use super::problem::{Problem, ProblemCode};
use super::{
    Contract, DemoLogin, certificates, confirm, delivery_files, evidence, forms, hooks, jwks, payments, record, refusals, serve,
    statement, trade_page, uploads,
};
use crate::app::session::authenticate;
use crate::app::{App, AppError, Caller};

/// Serves the whole exchange at `listener` until `stop` is ready, and drains. `logins` are offered by the explorer: a demo's.
pub async fn exchange_serve(
    app: Arc<App>,
    logins: Vec<DemoLogin>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let host = Arc::new(ExchangeHost::new(Arc::clone(&app)));
    let schema = crate::graphql::schema(Arc::clone(&app));
    let (server, limits) = (app.config.server.clone(), app.config.graphql.clone());
    let contract = Contract::new(schema, &crate::graphql::sdl(), host.clone(), server, limits).with_demo_logins(logins);
    let door = Door::new(Arc::clone(&app), host);
    let others = jwks::router(Arc::clone(&app))
        .merge(confirm::routes(app))
        .merge(delivery_files::routes(door.clone()))
        .merge(certificates::routes(door.clone()))
        .merge(evidence::routes(door.clone()))
        .merge(forms::routes(door.clone()))
        .merge(hooks::routes(door.clone()))
        .merge(payments::routes(door.clone()))
        .merge(record::routes(door.clone()))
        .merge(refusals::routes(door.clone()))
        .merge(statement::routes(door.clone()))
        .merge(trade_page::routes(door.clone()))
        .merge(uploads::routes(door));
    serve::serve(listener, Arc::new(contract), others, stop).await
}

/// Serves requests for `App`.
#[derive(Debug, Clone)]
pub struct ExchangeHost {
    app: Arc<App>,
}

impl ExchangeHost {
    /// For `app`.
    #[must_use]
    pub const fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

impl Host for ExchangeHost {
    fn admit(&self, credentials: Credentials) -> BoxFuture<'_, Result<Admitted, Problem>> {
        async move {
            let bearer = credentials.bearer.as_ref().map(ExposeSecret::expose_secret);
            let known = authenticate(&self.app, bearer).await.map_err(|error| refused(&error, credentials.request_id))?;
            let now = self.app.now();
            let lasts = known.until.map(|until| until.signed_duration_since(now).to_std().unwrap_or_default());
            Ok(Admitted { principal: known.principal, address: credentials.address, lasts })
        }
        .boxed()
    }

    fn equip(&self, request: Request, caller: &Admitted, request_id: Uuid) -> Request {
        let caller =
            Caller { principal: caller.principal.clone(), request_id: request_id.to_string().into(), address: caller.address };
        crate::graphql::equip(request, Arc::clone(&self.app), caller)
    }

    fn ready(&self) -> BoxFuture<'_, Vec<Readiness>> {
        async {
            let migrated = self.app.store.is_migrated().await;
            vec![
                Readiness { name: "database", holds: migrated.is_ok() },
                Readiness { name: "migrations", holds: matches!(migrated, Ok(true)) },
            ]
        }
        .boxed()
    }

    fn request_id(&self) -> Uuid {
        self.app.entropy.uuid(self.app.clock.now())
    }
}

fn refused(error: &AppError, request_id: Uuid) -> Problem {
    let AppError::Refused(refusals) = error else {
        tracing::error!(%request_id, %error, "a caller could not be recognised");
        return Problem::new(ProblemCode::Internal, "something went wrong on our side; quote the request id when you report it");
    };
    let first = refusals.first();
    let code = match first.map(|refusal| refusal.code) {
        Some(Code::Suspended) => ProblemCode::Suspended,
        _ => ProblemCode::Unauthenticated,
    };
    Problem::new(code, first.map_or("log in first", |refusal| refusal.message.as_str()))
}
