//! Browsing: which listings a viewer may see, filtered, in an order with a keyset.

use std::collections::BTreeMap;

use domain::account::OrganizationStatus;
use domain::id::{ListingId, OrganizationId};
use domain::lead::{LeadState, Offering};
use domain::listing::ListingState;
use domain::time::Timestamp;
use domain::vertical::{Attribute, Definition};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Expr, SelectStatement, SimpleExpr};
use sea_orm::{Condition, ExprTrait, FromQueryResult, JoinType, QueryOrder, QuerySelect, QueryTrait, RelationDef};

use super::filter::{ListingFilter, matching};
use super::order::{ListingKey, ListingSort};
use super::view::{ListingParts, ListingView, SeenRow, lead_of_listing, seen, views};
use crate::db::Store;
use crate::entity::{bid, lead, listing, organization, trade, vertical, vertical_version};
use crate::error::StoreError;
use crate::page::{Page, Slice, limit_unseen};
use crate::words::{is, subtree};

/// Which listings a viewer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListingScope {
    /// Open listings.
    #[default]
    Market,
    /// The viewer's own listings, in any state.
    Selling,
    /// Listings that the viewer has bid for, in any state.
    Bidding,
    /// Listings from which the viewer has bought, in any state.
    Bought,
}

impl Store {
    /// A page of the listings that `viewer` may see, with those parts that are wanted, in one statement.
    pub async fn listings_page(
        &self,
        viewer: OrganizationId,
        filter: &ListingFilter,
        sort: ListingSort,
        page: &Page<ListingKey>,
        parts: ListingParts,
        now: Timestamp,
    ) -> Result<Slice<(ListingKey, ListingView)>, StoreError> {
        const PAGE: &str = "page";
        const VALUE: &str = "sort_value";
        let at = page.after.map_or(now, |key| key.at);
        let found = self.listings_found(viewer, filter, sort, page, now, VALUE);
        let of_page = |column: &'static str| Expr::col((Alias::new(PAGE), Alias::new(column)));
        let computed = if sort.is_computed() { of_page(VALUE) } else { Expr::value(Option::<i64>::None) };
        let mut query = seen(parts).expr(computed);
        let same = of_page("id").equals((listing::Entity, listing::Column::Id));
        QueryTrait::query(&mut query).join_subquery(JoinType::InnerJoin, found, PAGE, same);
        if sort.value(self.backend(), at).is_some() {
            query = query.order_by(of_page(VALUE), sort.direction());
        }
        let query = query.order_by(of_page("id"), sort.direction());
        let statement = limit_unseen(QueryTrait::build(&query, self.read().get_database_backend()));
        let rows = SeenRow::find_by_statement(statement).all(self.read()).await?;
        let key = |(view, computed): (ListingView, Option<i64>)| (sort.key(&view, computed, at), view);
        Slice::cut(rows, page).try_map(|row| Ok(key(row.into_view()?)))
    }

    /// The ids of a page's rows and of one more, with what they are sorted by as `value`.
    fn listings_found(
        &self,
        viewer: OrganizationId,
        filter: &ListingFilter,
        sort: ListingSort,
        page: &Page<ListingKey>,
        now: Timestamp,
        value: &'static str,
    ) -> SelectStatement {
        let at = page.after.map_or(now, |key| key.at);
        let mut query = listing::Entity::find()
            .select_only()
            .column(listing::Column::Id)
            .join(JoinType::InnerJoin, lead_of_listing())
            .filter(visible(viewer))
            .filter(scoped(viewer, filter.scope, sort.filtered(self.backend(), listing::Column::ClosesAt), now))
            .filter(matching(filter, self.backend(), now))
            .filter(filter.vertical_path.as_deref().map_or_else(Condition::all, |path| {
                // Found once, not joined: what is no part of it is left out before its lead is looked up.
                let wanted = vertical::Entity::find().select_only().column(vertical::Column::Id).filter(subtree(path));
                let within = sort.filtered(self.backend(), listing::Column::VerticalId);
                Condition::all().add(within.in_subquery(wanted.into_query()))
            }))
            .filter(page.after.map_or_else(Condition::all, |key| sort.behind(self.backend(), key)))
            .limit(page.limit());
        if let Some(sorted) = sort.value(self.backend(), at) {
            query = query.expr_as(sorted.clone(), value).order_by(sorted, sort.direction());
        }
        query.order_by(listing::Column::Id, sort.direction()).into_query()
    }

    /// The listing, if `viewer` may see it: an open one, one's own, or one that the viewer has bid for or bought from.
    pub async fn listing_visible(&self, viewer: OrganizationId, id: ListingId) -> Result<Option<ListingView>, StoreError> {
        let found = self.listings_visible(viewer, &[id]).await?;
        Ok(found.into_iter().next())
    }

    /// The attributes by which leads of the vertical at `path`, or of any below it, can be filtered; of all verticals when
    /// there is no path.
    pub async fn attributes_filterable(&self, path: Option<&str>) -> Result<Vec<Attribute>, StoreError> {
        let current = Condition::all().add(
            Expr::col((vertical_version::Entity, vertical_version::Column::Version))
                .equals((vertical::Entity, vertical::Column::CurrentVersion)),
        );
        let version: RelationDef = vertical::Entity::belongs_to(vertical_version::Entity)
            .from(vertical::Column::Id)
            .to(vertical_version::Column::VerticalId)
            .into();
        let definitions: Vec<serde_json::Value> = vertical::Entity::find()
            .select_only()
            .column(vertical_version::Column::Definition)
            .join(JoinType::InnerJoin, version)
            .filter(current)
            .filter(path.map_or_else(Condition::all, subtree))
            .into_tuple()
            .all(self.read())
            .await?;
        let mut attributes = Vec::new();
        for definition in definitions {
            let definition: Definition = serde_json::from_value(definition).map_err(StoreError::corrupt)?;
            attributes.extend(definition.attributes.into_iter().filter(|attribute| attribute.filterable));
        }
        Ok(attributes)
    }

    /// The listing, in whatever state, for a `viewer` who followed it while it was to be seen.
    pub async fn listing_followed(&self, viewer: OrganizationId, id: ListingId) -> Result<Option<ListingView>, StoreError> {
        let query = seen(ListingParts::ALL).filter(listing::Column::Id.eq(id.0)).filter(visible(viewer));
        Ok(views(query, self.read()).await?.pop())
    }

    /// Those of `ids` that `viewer` may see, in no order.
    pub async fn listings_visible(&self, viewer: OrganizationId, ids: &[ListingId]) -> Result<Vec<ListingView>, StoreError> {
        let concerned = Condition::any()
            .add(Condition::all().add(is(listing::Column::State, ListingState::Open.as_str())).add(seller_active()))
            .add(listing::Column::SellerId.eq(viewer.0))
            .add(has_bid(viewer))
            .add(has_bought(viewer));
        let query = seen(ListingParts::ALL)
            .filter(listing::Column::Id.is_in(ids.iter().map(|id| id.0)))
            .filter(visible(viewer))
            .filter(concerned);
        views(query, self.read()).await
    }
}

/// The views of the listings `ids`, in their order.
pub(crate) async fn views_of(store: &Store, ids: &[Uuid]) -> Result<Vec<ListingView>, StoreError> {
    let query = seen(ListingParts::ALL).filter(listing::Column::Id.is_in(ids.iter().copied()));
    let found = views(query, store.read()).await?;
    let mut by_id: BTreeMap<Uuid, ListingView> = found.into_iter().map(|view| (view.stored.id.0, view)).collect();
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

/// A TARGETED lead exists only for its seller and its advertiser.
pub(crate) fn visible(viewer: OrganizationId) -> Condition {
    Condition::any()
        .add(lead::Column::Offering.ne(Offering::Targeted.as_str()))
        .add(lead::Column::TargetId.eq(viewer.0))
        .add(listing::Column::SellerId.eq(viewer.0))
}

fn scoped(viewer: OrganizationId, scope: ListingScope, closes_at: SimpleExpr, now: Timestamp) -> Condition {
    match scope {
        ListingScope::Market => Condition::all()
            .add(is(listing::Column::State, ListingState::Open.as_str()))
            .add(closes_at.gt(now))
            .add(is(lead::Column::State, LeadState::Verified.as_str()))
            .add(seller_active()),
        ListingScope::Selling => Condition::all().add(listing::Column::SellerId.eq(viewer.0)),
        ListingScope::Bidding => Condition::all().add(has_bid(viewer)),
        ListingScope::Bought => Condition::all().add(has_bought(viewer)),
    }
}

/// What a suspended organization offers is not on the market.
fn seller_active() -> SimpleExpr {
    let suspended = organization::Entity::find()
        .select_only()
        .column(organization::Column::Id)
        .filter(organization::Column::Status.eq(OrganizationStatus::Suspended.as_str()));
    listing::Column::SellerId.not_in_subquery(suspended.into_query())
}

fn has_bid(viewer: OrganizationId) -> SimpleExpr {
    let own = bid::Entity::find().select_only().column(bid::Column::ListingId).filter(bid::Column::BuyerId.eq(viewer.0));
    listing::Column::Id.in_subquery(own.into_query())
}

fn has_bought(viewer: OrganizationId) -> SimpleExpr {
    let own = trade::Entity::find().select_only().column(trade::Column::ListingId).filter(trade::Column::BuyerId.eq(viewer.0));
    listing::Column::Id.in_subquery(own.into_query())
}
