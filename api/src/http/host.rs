//! What the HTTP side asks of the exchange behind it: who is calling, what a request needs to run, whether the exchange is ready.

use std::net::IpAddr;
use std::time::Duration;

use async_graphql::Request;
use domain::access::Principal;
use futures::future::BoxFuture;
use secrecy::SecretString;
use uuid::Uuid;

use super::problem::{Problem, ProblemCode};

/// How a caller shows who it is.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The token of `Authorization: Bearer ..`, or of a socket's `connection_init`.
    pub bearer: Option<SecretString>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// The request.
    pub request_id: Uuid,
}

/// A caller that the exchange knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Who it is.
    pub principal: Principal,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// For how long the log-in still holds; `None` for one that does not end by itself.
    pub lasts: Option<Duration>,
}

impl Admitted {
    /// The kind of the caller, for logs and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.principal {
            Principal::Anonymous => "anonymous",
            Principal::Member { .. } => "member",
            Principal::Key { .. } => "key",
            Principal::TestKey { .. } => "test key",
            Principal::Staff { .. } => "staff",
        }
    }

    /// The caller's own id, for logs: it names no person by itself.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        match &self.principal {
            Principal::Anonymous => None,
            Principal::Member { user, .. } | Principal::Staff { user, .. } => Some(user.to_string()),
            Principal::Key { key, .. } | Principal::TestKey { key, .. } => Some(key.to_string()),
        }
    }

    /// Whose share of the streams a new one takes.
    #[must_use]
    pub fn stream_owner(&self) -> String {
        self.id().or_else(|| self.address.map(|address| address.to_string())).unwrap_or_default()
    }
}

/// One thing that must hold before the exchange takes requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// What.
    pub name: &'static str,
    /// Whether it holds.
    pub holds: bool,
}

/// The exchange behind the endpoint.
pub trait Host: Send + Sync + 'static {
    /// Who is calling. No credentials are fine and mean nobody; bad ones are a [`Problem`].
    fn admit(&self, credentials: Credentials) -> BoxFuture<'_, Result<Admitted, Problem>>;

    /// Whether `caller`, admitted with these credentials some time ago, is still the same.
    fn still<'h>(&'h self, credentials: Credentials, caller: &'h Admitted) -> BoxFuture<'h, bool> {
        Box::pin(async move {
            match self.admit(credentials).await {
                Ok(now) => now.principal == caller.principal,
                // An exchange that cannot tell now takes nothing away.
                Err(problem) => matches!(problem.code, ProblemCode::Unavailable | ProblemCode::Internal),
            }
        })
    }

    /// The request with what its resolvers need: the caller and fresh loaders.
    fn equip(&self, request: Request, caller: &Admitted, request_id: Uuid) -> Request;

    /// Looks at everything that the exchange needs.
    fn ready(&self) -> BoxFuture<'_, Vec<Readiness>>;

    /// A new request's id.
    fn request_id(&self) -> Uuid;
}
