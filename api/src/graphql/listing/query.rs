//! Browsing.

use async_graphql::{Context, ID, Object};
use domain::access::Permission;
use domain::id::ListingId;
use store::listings::{ListingKey, ListingParts, ListingSort, ListingView};
use store::page::Slice;

use super::Listing;
use super::input::{ListingFilterInput, ListingSortInput};
use crate::app::AppError;
use crate::app::bids::bids_of_listings;
use crate::app::listings::{self, ListingsInput};
use crate::graphql::connection::{NodeConnection, connection, page, page_cost};
use crate::graphql::error::answer;
use crate::graphql::written::AtOnce;
use crate::graphql::{app, caller};

/// Queries of listings.
#[derive(Debug, Default)]
pub struct ListingQuery;

#[Object]
impl ListingQuery {
    /// Listings that the caller may see: the open market, or its own side of it. Needs `market:read`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn listings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to look for.")] filter: Option<ListingFilterInput>,
        #[graphql(desc = "The order; the youngest first when absent.")] sort: Option<ListingSortInput>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one, of the same order.")] after: Option<String>,
    ) -> async_graphql::Result<AtOnce<NodeConnection<Listing>>> {
        let sort = sort.map(ListingSort::from).unwrap_or_default();
        let result = found(ctx, filter.unwrap_or_default(), sort, first, after.as_deref()).await;
        let slice = answer(ctx, result)?;
        Ok(AtOnce(connection(sort.name(), slice, after.is_some(), |(key, _)| *key, |(_, listing)| listing)))
    }

    /// One listing: an open one, one's own, or one that the caller has bid for or bought from. Needs `market:read`.
    async fn listing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The listing's id.")] id: ID,
    ) -> async_graphql::Result<Option<Listing>> {
        let view = answer(ctx, one(ctx, &id).await)?;
        match view {
            Some(view) => Ok(Some(answer(ctx, Listing::load_one(app(ctx), caller(ctx), view).await)?)),
            None => Ok(None),
        }
    }
}

async fn one(ctx: &Context<'_>, id: &ID) -> Result<Option<ListingView>, AppError> {
    caller(ctx).principal.require(Permission::MarketRead)?;
    match id.parse::<ListingId>() {
        Ok(id) => listings::listing(app(ctx), caller(ctx), id).await,
        Err(_) => Ok(None),
    }
}

async fn found(
    ctx: &Context<'_>,
    filter: ListingFilterInput,
    sort: ListingSort,
    first: Option<i32>,
    after: Option<&str>,
) -> Result<Slice<(ListingKey, Listing)>, AppError> {
    caller(ctx).principal.require(Permission::MarketRead)?;
    let page = page(sort.name(), first, after)?;
    let (filter, attributes) = filter.parse().map_err(|refusal| refusal.at("filter"))?;
    let selected = ctx.look_ahead().field("edges").field("node");
    let wants = |field: &str| selected.field(field).exists();
    let parts = ListingParts { attributes: wants("attributes"), checks: wants("checks"), seller: wants("sellerReputation") };
    let bids_wanted = wants("ownBid");
    let input = ListingsInput { filter, attributes, sort, page, parts };
    let slice = listings::listings(app(ctx), caller(ctx), input).await?;
    let (keys, views): (Vec<ListingKey>, Vec<_>) = slice.rows.into_iter().unzip();
    let bids = if bids_wanted {
        let listings = views.iter().map(|view| (view.stored.id, view.stored.currency)).collect();
        bids_of_listings(app(ctx), caller(ctx), listings).await?
    } else {
        Vec::new()
    };
    let nodes = Listing::of(app(ctx), caller(ctx), views, bids);
    Ok(Slice { rows: keys.into_iter().zip(nodes).collect(), has_next: slice.has_next })
}
