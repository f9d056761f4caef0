//! The graph: one module per noun, each with its types, queries and mutations. Resolvers parse the input, call `app`,
//! and shape the answer; they decide nothing.

pub mod api_key;
pub mod bid;
pub mod campaign;
pub mod card_dispute;
pub mod card_refund;
pub mod certificate;
pub mod chargeback;
pub mod client;
pub mod confirmation;
pub mod connection;
pub mod consent;
pub mod delivery;
pub mod deposit;
pub mod destination;
pub mod dispute;
pub mod email;
pub mod error;
pub mod form;
pub mod id;
pub mod import;
pub mod lead;
pub mod lead_hook;
pub mod ledger;
pub mod listing;
pub mod live;
pub mod loader;
pub mod member;
pub mod node;
pub mod offer;
pub mod onboarding;
pub mod organization;
pub mod outcome;
pub mod payout;
pub mod receipt;
pub mod reveal;
mod roots;
pub mod scalar;
pub mod server;
pub mod session;
pub mod suppression;
pub mod top_up;
pub mod trade;
pub mod user;
pub mod vertical;
pub mod wallet;
pub mod wallet_alert;
pub mod webhook;
pub mod word;
pub mod written;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, MergedObject, Request, SchemaBuilder};

use domain::access::Permission;
use domain::refusal::Refusal;

use crate::app::{App, Caller};
use crate::feed::Feed;
pub use live::Subscription;

/// The schema of the exchange.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// What can be read.
#[derive(Debug, Default, MergedObject)]
pub struct Query(
    node::NodeQuery,
    roots::AccountQuery,
    roots::SupplyQuery,
    roots::MarketQuery,
    roots::QualityQuery,
    roots::MoneyQuery,
    roots::OutwardQuery,
);

/// What can be done.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(
    roots::AccountMutation,
    roots::SupplyMutation,
    roots::MarketMutation,
    roots::QualityMutation,
    roots::MoneyMutation,
    roots::OutwardMutation,
);

/// The schema over `app`. It refuses what costs too much; every other limit is the HTTP layer's.
#[must_use]
pub fn schema(app: Arc<App>) -> Schema {
    let most = app.config.graphql.complexity_max;
    let feed = Feed::new(app.store.clone(), Duration::from_millis(app.config.workers.poll_millis));
    builder().data(app).data(feed).limit_complexity(most).finish()
}

/// The schema in the definition language: what `schema.graphql` holds.
#[must_use]
pub fn sdl() -> String {
    builder().finish().sdl()
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    async_graphql::Schema::build(Query::default(), Mutation::default(), Subscription::default())
}

/// The request with what its resolvers need: its caller, and loaders of its own.
#[must_use]
pub fn equip(request: Request, app: Arc<App>, caller: Caller) -> Request {
    request.data(loader::loaders(app, caller.clone())).data(caller)
}

/// The use cases' context, in a resolver.
pub(crate) fn app<'c>(ctx: &Context<'c>) -> &'c Arc<App> {
    ctx.data_unchecked::<Arc<App>>()
}

/// Who asks, in a resolver.
pub(crate) fn caller<'c>(ctx: &Context<'c>) -> &'c Caller {
    ctx.data_unchecked::<Caller>()
}

/// The input, if the caller holds `permission` and the input could be read: what a caller may do comes before what it says.
pub(crate) fn permitted<T, E: Into<Vec<Refusal>>>(
    ctx: &Context<'_>,
    permission: Permission,
    input: Result<T, E>,
) -> Result<T, Vec<Refusal>> {
    caller(ctx).principal.require(permission)?;
    input.map_err(Into::into)
}
