//! The exchange itself.

use async_graphql::{Context, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::app;

/// Queries about the exchange itself.
#[derive(Debug, Default)]
pub struct ServerQuery;

/// The exchange behind this API.
#[derive(Debug, SimpleObject)]
pub struct Server {
    /// The version of the software.
    pub version: &'static str,
    /// The present instant by the exchange's clock.
    pub now: DateTime<Utc>,
}

#[Object]
impl ServerQuery {
    /// The exchange behind this API. Needs no log-in.
    async fn server(&self, ctx: &Context<'_>) -> Server {
        Server { version: env!("CARGO_PKG_VERSION"), now: app(ctx).now() }
    }
}
