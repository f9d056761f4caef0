//! Following the market.

use std::sync::Arc;

use async_graphql::{Context, ID, SimpleObject, Subscription};
use domain::access::Permission;
use domain::id::ListingId;
use domain::listing::ListingState;
use domain::refusal::Refusal;
use futures::{Stream, StreamExt};
use store::outbox::FeedEvent;

use super::{events, states};
use crate::app::{App, AppError, Caller, listings};
use crate::graphql::error::{answer, top_level};
use crate::graphql::id::parse_id;
use crate::graphql::listing::Listing;
use crate::graphql::listing::input::ListingFilterInput;
use crate::graphql::{app, caller};

/// Subscriptions about listings.
#[derive(Debug, Default)]
pub struct ListingSubscription;

/// A listing as it stands.
#[derive(SimpleObject)]
pub struct AuctionUpdate {
    /// Where this state stands in the order of all changes: a text that grows.
    pub sequence: String,
    /// The listing.
    pub listing: Listing,
}

/// A listing that has come to the market.
#[derive(SimpleObject)]
pub struct ListingAddition {
    /// Where this stands in the order of all changes: a text that grows.
    pub sequence: String,
    /// The listing.
    pub listing: Listing,
}

#[Subscription]
impl ListingSubscription {
    /// One listing that the caller may see, of any format: as it is now, and after each change, up to its end, which everybody who
    /// followed it sees. Bids stay sealed.
    async fn auction_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The listing.")] id: ID,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<AuctionUpdate>>> {
        caller(ctx).principal.require(Permission::MarketRead).map_err(top_level)?;
        let id: ListingId = parse_id(&id, "id").map_err(top_level)?;
        let own = caller(ctx).principal.organization();
        let wanted = move |event: &FeedEvent| {
            let topic = event.topic.as_str();
            let concerns = event.audience.is_empty() || own.is_some_and(|own| event.audience.contains(&own));
            event.subject_id == id.0 && concerns && (topic == "listing.changed" || topic == "bid.changed")
        };
        // Who may see it now may see how it ends.
        let found = answer(ctx, listings::listing(app(ctx), caller(ctx), id).await)?;
        found.ok_or_else(|| top_level(Refusal::not_found("id", "listing")))?;
        let load = move |app: Arc<App>, caller: Caller| async move {
            let followed = listings::listing_followed(&app, &caller, id).await?;
            let view = followed.ok_or_else(|| AppError::from(Refusal::not_found("id", "listing")))?;
            let ended = view.stored.listing.state != ListingState::Open;
            Ok((Listing::load_one(&app, &caller, view).await?, ended))
        };
        let updates = states(ctx, wanted, load, |(_, ended): &(Listing, bool)| *ended);
        Ok(updates.await?.map(|update| {
            let (sequence, (listing, _)) = update?;
            Ok(AuctionUpdate { sequence, listing })
        }))
    }

    /// Each listing that comes to the market from now on, if the filter finds it.
    async fn listing_added(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to look for; everything when absent.")] filter: Option<ListingFilterInput>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<ListingAddition>>> {
        caller(ctx).principal.require(Permission::MarketRead).map_err(top_level)?;
        let parsed = filter.unwrap_or_default().parse().map_err(|refusal| top_level(refusal.at("filter")))?;
        let filter = answer(ctx, listings::listing_filter(app(ctx), parsed.0, &parsed.1).await)?;
        let filter = Arc::new(filter);
        let load = move |app: Arc<App>, caller: Caller, event: Arc<FeedEvent>| {
            let filter = Arc::clone(&filter);
            async move {
                match listings::listing_found(&app, &caller, &filter, ListingId(event.subject_id)).await? {
                    Some(view) => Listing::load_one(&app, &caller, view).await.map(Some),
                    None => Ok(None),
                }
            }
        };
        let additions = events(ctx, |event| event.topic == "listing.added", load).await?;
        Ok(additions.map(|addition| {
            let (sequence, listing) = addition?;
            Ok(ListingAddition { sequence, listing })
        }))
    }
}
