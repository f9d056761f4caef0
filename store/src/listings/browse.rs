//! Browsing: which listings a viewer may see, filtered, in an order with a keyset.

use domain::account::OrganizationStatus;
use domain::id::{ListingId, OrganizationId};
use domain::lead::{Audience, ContactKind, Interest, LeadState, Offering, SourceKind, Temperature};
use domain::listing::{ListingState, SaleFormat};
use domain::money::Currency;
use domain::reputation::SellerBand;
use domain::time::Timestamp;
use domain::verification::Level;
use domain::vertical::{Attribute, Definition};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{Condition, ExprTrait, JoinType, Order, QueryOrder, QuerySelect, RelationDef};
use serde::{Deserialize, Serialize};

use super::view::{ListingView, views};
use super::{AttributeFilter, StoredListing};
use crate::db::{Backend, Store};
use crate::entity::{bid, lead, listing, organization, trade, vertical, vertical_version};
use crate::error::StoreError;
use crate::page::{Page, Slice};

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

/// The order of a list of listings; ties go by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListingSort {
    /// The youngest first.
    #[default]
    Newest,
    /// Those that close next first.
    ClosingSoon,
    /// The cheapest first.
    PriceUp,
    /// The dearest first.
    PriceDown,
    /// The best score first.
    ScoreDown,
}

/// Where a row stands in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingKey {
    /// The value sorted by: microseconds, minor units or points.
    pub value: i64,
    /// The listing.
    pub id: Uuid,
    /// When the first page was read: a Dutch price falls between two pages, and the order must not.
    pub at: Timestamp,
}

/// Amounts in one currency, both ends included, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceRange {
    /// The currency.
    pub currency: Currency,
    /// The least.
    pub min_minor: Option<i64>,
    /// The greatest.
    pub max_minor: Option<i64>,
}

/// What a viewer looks for; an empty list or `None` asks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListingFilter {
    /// Which listings.
    pub scope: ListingScope,
    /// One of these; any when there are none.
    pub ids: Vec<ListingId>,
    /// In one of these states.
    pub states: Vec<ListingState>,
    /// The path of a vertical: itself and everything below it.
    pub vertical_path: Option<String>,
    /// All of these hold.
    pub attributes: Vec<AttributeFilter>,
    /// ISO 3166 countries.
    pub countries: Vec<String>,
    /// Regions.
    pub regions: Vec<String>,
    /// Cities.
    pub cities: Vec<String>,
    /// Audiences.
    pub audiences: Vec<Audience>,
    /// Sources.
    pub sources: Vec<SourceKind>,
    /// Contact kinds.
    pub contact_kinds: Vec<ContactKind>,
    /// Interests.
    pub interests: Vec<Interest>,
    /// Temperatures.
    pub temperatures: Vec<Temperature>,
    /// Levels of verification.
    pub levels: Vec<Level>,
    /// The least score.
    pub min_score: Option<i64>,
    /// The greatest score.
    pub max_score: Option<i64>,
    /// Formats.
    pub formats: Vec<SaleFormat>,
    /// The present price, or the least reserve of an auction.
    pub price: Option<PriceRange>,
    /// Only sellers whose expected share of bad trades is at most this, in basis points.
    pub max_seller_bad_bp: Option<i64>,
}

impl Store {
    /// A page of the listings that `viewer` may see.
    pub async fn listings_page(
        &self,
        viewer: OrganizationId,
        filter: &ListingFilter,
        sort: ListingSort,
        page: &Page<ListingKey>,
        now: Timestamp,
    ) -> Result<Slice<(ListingKey, ListingView)>, StoreError> {
        let at = page.after.map_or(now, |key| key.at);
        let value = sort_value(sort, self.backend(), at);
        let order = if sort.ascending() { Order::Asc } else { Order::Desc };
        let mut query = listing::Entity::find()
            .select_only()
            .column(listing::Column::Id)
            .expr_as(value.clone(), "sort_value")
            .join(JoinType::InnerJoin, lead_of_listing())
            .join(JoinType::InnerJoin, vertical_of_listing())
            .filter(visible(viewer))
            .filter(scoped(viewer, filter.scope, now))
            .filter(matching(filter, self.backend(), now))
            .filter(page.after.map_or_else(Condition::all, |key| behind(sort, value.clone(), key)))
            .limit(page.limit());
        if sort != ListingSort::Newest {
            query = query.order_by(value, order.clone());
        }
        query = query.order_by(listing::Column::Id, order);
        let rows: Vec<(Uuid, i64)> = query.into_tuple().all(self.read()).await?;
        let slice = Slice::cut(rows, page);
        if slice.rows.is_empty() {
            return Ok(Slice { rows: Vec::new(), has_next: false });
        }
        let ids: Vec<Uuid> = slice.rows.iter().map(|(id, _)| *id).collect();
        let views = views(self.read(), listings_in_order(self, &ids).await?).await?;
        let keys = slice.rows.iter().map(|&(id, value)| ListingKey { value, id, at });
        Ok(Slice { rows: keys.zip(views).collect(), has_next: slice.has_next })
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
        let row = listing::Entity::find_by_id(id.0)
            .join(JoinType::InnerJoin, lead_of_listing())
            .filter(visible(viewer))
            .one(self.read())
            .await?;
        let stored = row.into_iter().map(StoredListing::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(views(self.read(), stored).await?.pop())
    }

    /// Those of `ids` that `viewer` may see, in no order.
    pub async fn listings_visible(&self, viewer: OrganizationId, ids: &[ListingId]) -> Result<Vec<ListingView>, StoreError> {
        let concerned = Condition::any()
            .add(Condition::all().add(listing::Column::State.eq(ListingState::Open.as_str())).add(seller_active()))
            .add(listing::Column::SellerId.eq(viewer.0))
            .add(has_bid(viewer))
            .add(has_bought(viewer));
        let rows = listing::Entity::find()
            .join(JoinType::InnerJoin, lead_of_listing())
            .filter(listing::Column::Id.is_in(ids.iter().map(|id| id.0)))
            .filter(visible(viewer))
            .filter(concerned)
            .all(self.read())
            .await?;
        let stored = rows.into_iter().map(StoredListing::try_from).collect::<Result<Vec<_>, _>>()?;
        views(self.read(), stored).await
    }
}

impl ListingSort {
    const fn ascending(self) -> bool {
        matches!(self, Self::ClosingSoon | Self::PriceUp)
    }

    /// The name that binds a cursor to its order.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Newest => "listing.newest",
            Self::ClosingSoon => "listing.closing",
            Self::PriceUp => "listing.price_up",
            Self::PriceDown => "listing.price_down",
            Self::ScoreDown => "listing.score",
        }
    }
}

/// The views of the listings `ids`, in their order.
pub(crate) async fn views_of(store: &Store, ids: &[Uuid]) -> Result<Vec<ListingView>, StoreError> {
    views(store.read(), listings_in_order(store, ids).await?).await
}

async fn listings_in_order(store: &Store, ids: &[Uuid]) -> Result<Vec<StoredListing>, StoreError> {
    let rows = listing::Entity::find().filter(listing::Column::Id.is_in(ids.iter().copied())).all(store.read()).await?;
    let mut by_id: std::collections::BTreeMap<Uuid, listing::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    ids.iter().filter_map(|id| by_id.remove(id)).map(StoredListing::try_from).collect()
}

fn lead_of_listing() -> RelationDef {
    listing::Entity::belongs_to(lead::Entity).from(listing::Column::LeadId).to(lead::Column::Id).into()
}

fn vertical_of_listing() -> RelationDef {
    listing::Entity::belongs_to(vertical::Entity).from(listing::Column::VerticalId).to(vertical::Column::Id).into()
}

/// A TARGETED lead exists only for its seller and its advertiser.
pub(crate) fn visible(viewer: OrganizationId) -> Condition {
    Condition::any()
        .add(lead::Column::Offering.ne(Offering::Targeted.as_str()))
        .add(lead::Column::TargetId.eq(viewer.0))
        .add(listing::Column::SellerId.eq(viewer.0))
}

fn scoped(viewer: OrganizationId, scope: ListingScope, now: Timestamp) -> Condition {
    match scope {
        ListingScope::Market => Condition::all()
            .add(listing::Column::State.eq(ListingState::Open.as_str()))
            .add(listing::Column::ClosesAt.gt(now))
            .add(lead::Column::State.eq(LeadState::Verified.as_str()))
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
    listing::Column::SellerId.not_in_subquery(sea_orm::QueryTrait::into_query(suspended))
}

fn has_bid(viewer: OrganizationId) -> SimpleExpr {
    let own = bid::Entity::find().select_only().column(bid::Column::ListingId).filter(bid::Column::BuyerId.eq(viewer.0));
    listing::Column::Id.in_subquery(sea_orm::QueryTrait::into_query(own))
}

fn has_bought(viewer: OrganizationId) -> SimpleExpr {
    let own = trade::Entity::find().select_only().column(trade::Column::ListingId).filter(trade::Column::BuyerId.eq(viewer.0));
    listing::Column::Id.in_subquery(sea_orm::QueryTrait::into_query(own))
}

fn matching(filter: &ListingFilter, backend: Backend, now: Timestamp) -> Condition {
    let names = |texts: &[&'static str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    let mut all = Condition::all();
    let lists: [(SimpleExpr, Vec<String>); 11] = [
        (Expr::col((listing::Entity, listing::Column::State)), names(&texts(&filter.states, ListingState::as_str))),
        (Expr::col((listing::Entity, listing::Column::Format)), names(&texts(&filter.formats, SaleFormat::as_str))),
        (Expr::col((lead::Entity, lead::Column::Country)), filter.countries.clone()),
        (Expr::col((lead::Entity, lead::Column::Region)), filter.regions.clone()),
        (Expr::col((lead::Entity, lead::Column::City)), filter.cities.clone()),
        (Expr::col((lead::Entity, lead::Column::Audience)), names(&texts(&filter.audiences, Audience::as_str))),
        (Expr::col((lead::Entity, lead::Column::SourceKind)), names(&texts(&filter.sources, SourceKind::as_str))),
        (Expr::col((lead::Entity, lead::Column::ContactKind)), names(&texts(&filter.contact_kinds, ContactKind::as_str))),
        (Expr::col((lead::Entity, lead::Column::Interest)), names(&texts(&filter.interests, Interest::as_str))),
        (Expr::col((lead::Entity, lead::Column::Temperature)), names(&texts(&filter.temperatures, Temperature::as_str))),
        (Expr::col((lead::Entity, lead::Column::Level)), names(&texts(&filter.levels, Level::as_str))),
    ];
    for (column, wanted) in lists {
        if !wanted.is_empty() {
            all = all.add(column.is_in(wanted));
        }
    }
    if !filter.ids.is_empty() {
        all = all.add(listing::Column::Id.is_in(filter.ids.iter().map(|id| id.0)));
    }
    all = all
        .add_option(filter.min_score.map(|least| lead::Column::Score.gte(least)))
        .add_option(filter.max_score.map(|greatest| lead::Column::Score.lte(greatest)))
        .add_option(filter.vertical_path.as_deref().map(subtree))
        .add_option(filter.price.map(|range| priced(range, backend, now)))
        .add_option(filter.max_seller_bad_bp.map(|limit| reputable(SellerBand::limit_bp(limit), backend)));
    filter.attributes.iter().fold(all, |all, attribute| all.add(attribute.condition(backend)))
}

fn texts<T: Copy>(values: &[T], text: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    values.iter().map(|value| text(*value)).collect()
}

fn subtree(path: &str) -> Condition {
    // A path holds lower-case letters, digits, hyphens and slashes: nothing that LIKE would take for a wildcard.
    Condition::any().add(vertical::Column::Path.eq(path)).add(vertical::Column::Path.starts_with(format!("{path}/")))
}

fn priced(range: PriceRange, backend: Backend, now: Timestamp) -> Condition {
    let price = || present_price(backend, now);
    Condition::all()
        .add(listing::Column::Currency.eq(range.currency.code()))
        .add_option(range.min_minor.map(|least| price().gte(least)))
        .add_option(range.max_minor.map(|greatest| price().lte(greatest)))
}

/// The mean of the seller's posterior, as `domain::reputation` has it: in hundredths of a trade, one bad in twenty at first.
fn reputable(max_bp: i64, backend: Backend) -> SimpleExpr {
    let record = |column: &str| {
        format!(
            "COALESCE((SELECT r.{column} FROM reputation AS r WHERE r.organization_id = listing.seller_id AND r.side = 'SELLER'), 0)"
        )
    };
    let (upheld, trades) = (record("upheld"), record("trades"));
    let limit = if backend == Backend::Postgres { "$1" } else { "?" };
    Expr::cust_with_values(format!("({upheld} + 100) * 10000 <= {limit} * ({trades} * 100 + 2000)"), [max_bp])
}

/// The price at `now`: a Dutch price falls without anybody writing it, as `Terms::price_at` says.
fn present_price(backend: Backend, now: Timestamp) -> SimpleExpr {
    match backend {
        Backend::Postgres => Expr::cust_with_values(
            "CASE WHEN listing.format = 'DUTCH' THEN GREATEST(CAST(listing.terms ->> 'floor_minor' AS bigint), \
             CAST(listing.terms ->> 'start_minor' AS bigint) - CAST(listing.terms ->> 'step_minor' AS bigint) \
             * CAST(floor(EXTRACT(EPOCH FROM ($1 - listing.opens_at)) / CAST(listing.terms ->> 'interval_secs' AS bigint)) AS bigint)) \
             ELSE listing.price_minor END",
            [now],
        ),
        Backend::Sqlite => Expr::cust_with_values(
            "CASE WHEN listing.format = 'DUTCH' THEN MAX(json_extract(listing.terms, '$.floor_minor'), \
             json_extract(listing.terms, '$.start_minor') - json_extract(listing.terms, '$.step_minor') \
             * ((CAST(round(unixepoch(?, 'subsec') * 1000) AS INTEGER) \
             - CAST(round(unixepoch(listing.opens_at, 'subsec') * 1000) AS INTEGER)) \
             / 1000 / json_extract(listing.terms, '$.interval_secs'))) \
             ELSE listing.price_minor END",
            [now],
        ),
    }
}

/// What each order sorts by, as a whole number. Ids grow with time: the newest need nothing besides.
fn sort_value(sort: ListingSort, backend: Backend, now: Timestamp) -> SimpleExpr {
    match (sort, backend) {
        (ListingSort::Newest, _) => Expr::value(0_i64),
        (ListingSort::PriceUp | ListingSort::PriceDown, _) => present_price(backend, now),
        (ListingSort::ScoreDown, _) => Expr::col((lead::Entity, lead::Column::Score)),
        (ListingSort::ClosingSoon, Backend::Postgres) => {
            Expr::cust("CAST(EXTRACT(EPOCH FROM listing.closes_at) * 1000000 AS bigint)")
        }
        (ListingSort::ClosingSoon, Backend::Sqlite) => {
            Expr::cust("CAST(round(unixepoch(listing.closes_at, 'subsec') * 1000) AS INTEGER)")
        }
    }
}

fn behind(sort: ListingSort, value: SimpleExpr, key: ListingKey) -> Condition {
    let below = listing::Column::Id.lt(key.id);
    match sort {
        ListingSort::Newest => Condition::all().add(below),
        ListingSort::ClosingSoon | ListingSort::PriceUp => {
            let tied = Condition::all().add(value.clone().eq(key.value)).add(listing::Column::Id.gt(key.id));
            Condition::any().add(value.gt(key.value)).add(tied)
        }
        ListingSort::PriceDown | ListingSort::ScoreDown => {
            let tied = Condition::all().add(value.clone().eq(key.value)).add(below);
            Condition::any().add(value.lt(key.value)).add(tied)
        }
    }
}
