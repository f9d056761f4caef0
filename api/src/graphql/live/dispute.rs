//! Following disputes.

use std::sync::Arc;

use async_graphql::{Context, ID, SimpleObject, Subscription};
use domain::access::Permission;
use domain::id::DisputeId;
use domain::refusal::Refusal;
use futures::{Stream, StreamExt};
use store::disputes::{DISPUTE_UPDATED, Dispute};
use store::outbox::FeedEvent;

use super::{events, states};
use crate::app::{App, Caller};
use crate::graphql::caller;
use crate::graphql::dispute::DisputeObject;
use crate::graphql::error::top_level;
use crate::graphql::id::parse_id;

/// Subscriptions about disputes.
#[derive(Debug, Default)]
pub struct DisputeSubscription;

/// A dispute as it stands.
#[derive(SimpleObject)]
pub struct DisputeUpdate {
    /// Where this state stands in the order of all changes: a text that grows.
    pub sequence: String,
    /// The dispute.
    pub dispute: DisputeObject,
}

#[Subscription]
impl DisputeSubscription {
    /// One dispute of the caller's organization: as it is now, and after each change, up to its end. Without an id every one of them, each after
    /// its next change.
    async fn dispute_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The dispute; without it every dispute of the caller's organization.")] id: Option<ID>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<DisputeUpdate>>> {
        let organization = caller(ctx).principal.require(Permission::TradesRead).map_err(top_level)?;
        let updates = match id {
            Some(id) => {
                let id: DisputeId = parse_id(&id, "id").map_err(top_level)?;
                let wanted = move |event: &FeedEvent| event.topic == DISPUTE_UPDATED && event.subject_id == id.0;
                let load = move |app: Arc<App>, caller: Caller| async move {
                    let dispute = crate::app::dispute::dispute(&app, &caller, id).await?;
                    dispute.ok_or_else(|| Refusal::not_found("id", "dispute").into())
                };
                states(ctx, wanted, load, |dispute: &Dispute| dispute.state().is_final()).await?
            }
            None => {
                let wanted = move |event: &FeedEvent| event.topic == DISPUTE_UPDATED && event.audience.contains(&organization);
                let load = |app: Arc<App>, caller: Caller, event: Arc<FeedEvent>| async move {
                    crate::app::dispute::dispute(&app, &caller, DisputeId(event.subject_id)).await
                };
                events(ctx, wanted, load).await?
            }
        };
        Ok(updates.map(|update| {
            let (sequence, dispute) = update?;
            Ok(DisputeUpdate { sequence, dispute: dispute.into() })
        }))
    }
}
