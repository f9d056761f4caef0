//! The orders of a list of listings, and where a row stands in each.

use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{Condition, ExprTrait, Order};
use serde::{Deserialize, Serialize};

use super::view::ListingView;
use crate::db::Backend;
use crate::entity::{lead, listing};

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

    pub(super) fn direction(self) -> Order {
        if self.ascending() { Order::Asc } else { Order::Desc }
    }

    /// Whether an index on the open listings has this order: the listings are looked at along it until the page is full.
    const fn is_walked(self) -> bool {
        matches!(self, Self::Newest | Self::ClosingSoon)
    }

    /// A column that open listings are filtered by. Where the order has an index, SQLite is kept from finding all that the filter
    /// finds by another one and sorting it.
    pub(super) fn filtered(self, backend: Backend, column: listing::Column) -> SimpleExpr {
        let is_sorted_by = self == Self::ClosingSoon && matches!(column, listing::Column::ClosesAt);
        if backend == Backend::Sqlite && self.is_walked() && !is_sorted_by {
            // A sign makes a column useless to an index.
            return Expr::cust(format!("+listing.{}", column.as_str()));
        }
        Expr::col((listing::Entity, column))
    }

    /// What the rows are sorted by before their ids. Ids grow with time: the newest need nothing besides. A plain column where
    /// there is one, so that an index can give the order.
    pub(super) fn value(self, backend: Backend, at: Timestamp) -> Option<SimpleExpr> {
        match self {
            Self::Newest => None,
            Self::ClosingSoon => Some(Expr::col((listing::Entity, listing::Column::ClosesAt))),
            Self::PriceUp | Self::PriceDown => Some(present_price(backend, at)),
            Self::ScoreDown => Some(Expr::col((lead::Entity, lead::Column::Score))),
        }
    }

    /// Whether the value is worked out by the database, and has to be read with the row.
    pub(super) const fn is_computed(self) -> bool {
        matches!(self, Self::PriceUp | Self::PriceDown)
    }

    /// Where `view` stands in this order as of `at`; `computed` is the value that the database worked out.
    pub(super) fn key(self, view: &ListingView, computed: Option<i64>, at: Timestamp) -> ListingKey {
        let value = match self {
            Self::Newest => 0,
            Self::ClosingSoon => view.stored.listing.closes_at.timestamp_micros(),
            Self::PriceUp | Self::PriceDown => computed.unwrap_or_default(),
            Self::ScoreDown => view.score,
        };
        ListingKey { value, id: view.stored.id.0, at }
    }

    /// The rows behind `key` in this order.
    pub(super) fn behind(self, backend: Backend, key: ListingKey) -> Condition {
        let (value, below) = (self.value(backend, key.at), listing::Column::Id.lt(key.id));
        let Some(value) = value else { return Condition::all().add(below) };
        let bound = match self {
            Self::ClosingSoon => Expr::value(Timestamp::from_timestamp_micros(key.value)),
            _ => Expr::value(key.value),
        };
        let tied = Condition::all().add(value.clone().eq(bound.clone()));
        if self.ascending() {
            let tied = tied.add(listing::Column::Id.gt(key.id));
            // Said twice, so that an index on the value finds where to begin.
            Condition::all().add(value.clone().gte(bound.clone())).add(Condition::any().add(value.gt(bound)).add(tied))
        } else {
            Condition::any().add(value.lt(bound)).add(tied.add(below))
        }
    }
}

/// The price at `now`: a Dutch price falls without anybody writing it, as `Terms::price_at` says.
pub(super) fn present_price(backend: Backend, now: Timestamp) -> SimpleExpr {
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
