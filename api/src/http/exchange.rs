//! The exchange as the HTTP side's host.

use std::sync::Arc;

use async_graphql::Request;
use domain::access::Principal;
use futures::FutureExt;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::host::{Admitted, Credentials, Host, Readiness};
use super::problem::{Problem, ProblemCode};
use crate::app::{App, Caller};

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
            let principal = match credentials.bearer {
                None => Principal::Anonymous,
                Some(_) => return Err(Problem::new(ProblemCode::Unauthenticated, "the token is unknown, expired or revoked")),
            };
            Ok(Admitted { principal, address: credentials.address, lasts: None })
        }
        .boxed()
    }

    fn equip(&self, request: Request, caller: &Admitted, request_id: Uuid) -> Request {
        let caller =
            Caller { principal: caller.principal.clone(), request_id: request_id.to_string().into(), address: caller.address };
        request.data(caller)
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
