//! Following trades.

use std::sync::Arc;

use async_graphql::{Context, ID, SimpleObject, Subscription};
use domain::access::Permission;
use domain::id::TradeId;
use domain::refusal::Refusal;
use futures::{Stream, StreamExt};
use store::outbox::FeedEvent;

use super::{events, states};
use crate::app::{App, Caller};
use crate::graphql::caller;
use crate::graphql::error::top_level;
use crate::graphql::id::parse_id;
use crate::graphql::trade::TradeObject;

/// Subscriptions about trades.
#[derive(Debug, Default)]
pub struct TradeSubscription;

/// A trade as it stands.
#[derive(Debug, SimpleObject)]
pub struct TradeUpdate {
    /// Where this state stands in the order of all changes: a text that grows.
    pub sequence: String,
    /// The trade.
    pub trade: TradeObject,
}

#[Subscription]
impl TradeSubscription {
    /// One trade: as it is now, and after each change. Without an id every trade of the caller's organization, each after its next
    /// change.
    async fn trade_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The trade; without it every trade of the caller's organization.")] id: Option<ID>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<TradeUpdate>>> {
        let updates = match id {
            Some(id) => {
                let id: TradeId = parse_id(&id, "id").map_err(top_level)?;
                let wanted = move |event: &FeedEvent| event.topic == "trade.updated" && event.subject_id == id.0;
                let load = move |app: Arc<App>, caller: Caller| async move {
                    let trade = crate::app::trade::trade(&app, &caller, id).await?;
                    trade.ok_or_else(|| Refusal::not_found("id", "trade").into())
                };
                states(ctx, wanted, load, |_| false).await?
            }
            None => {
                let organization = caller(ctx).principal.require(Permission::TradesRead).map_err(top_level)?;
                let wanted = move |event: &FeedEvent| event.topic == "trade.updated" && event.audience.contains(&organization);
                let load = |app: Arc<App>, caller: Caller, event: Arc<FeedEvent>| async move {
                    crate::app::trade::trade(&app, &caller, TradeId(event.subject_id)).await
                };
                events(ctx, wanted, load).await?
            }
        };
        let viewer = caller(ctx).principal.clone();
        Ok(updates.map(move |update| {
            let (sequence, trade) = update?;
            Ok(TradeUpdate { sequence, trade: TradeObject::seen(trade, &viewer) })
        }))
    }
}
