//! The control: the same page as most people would write it with async-graphql and sqlx. Objects are derived, the page is one
//! query, the sellers' records come through a loader, and the server is axum with the library's own extractor.
//!
//! It does less than the exchange: nobody is asked who they are, nothing is logged, counted or limited.

mod graph;
mod rows;

use async_graphql::dataloader::DataLoader;
use async_graphql::{EmptyMutation, EmptySubscription, Schema};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::Router;
use axum::extract::State;
use axum::routing::post;

use self::graph::Query;
use self::rows::{Pool, Records};
use crate::Failure;

/// What it is made of.
pub(super) const VERSIONS: &str = "control: async-graphql 7.2 with async-graphql-axum, sqlx 0.9";

#[derive(Clone)]
struct Control {
    schema: Schema<Query, EmptyMutation, EmptySubscription>,
    pool: Pool,
}

/// Serves the page from the database at `url`.
pub(super) async fn router(url: &str) -> Result<Router, Failure> {
    let pool = Pool::open(url).await?;
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription).data(pool.clone()).finish();
    Ok(Router::new().route("/graphql", post(graphql)).with_state(Control { schema, pool }))
}

async fn graphql(State(control): State<Control>, request: GraphQLRequest) -> GraphQLResponse {
    let records = DataLoader::new(Records { pool: control.pool }, tokio::spawn);
    control.schema.execute(request.into_inner().data(records)).await.into()
}
