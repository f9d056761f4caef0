//! What a viewer asks of listings, as conditions.

use domain::id::ListingId;
use domain::lead::{Audience, ContactKind, Interest, SourceKind, Temperature};
use domain::listing::{ListingState, SaleFormat};
use domain::money::Currency;
use domain::reputation::SellerBand;
use domain::time::Timestamp;
use domain::verification::Level;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{Condition, ExprTrait};

use super::AttributeFilter;
use super::browse::ListingScope;
use super::order::present_price;
use crate::db::Backend;
use crate::entity::{lead, listing};

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

/// The condition of everything in `filter` but its scope and its vertical, on `listing` with its `lead`.
pub(super) fn matching(filter: &ListingFilter, backend: Backend, now: Timestamp) -> Condition {
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
        .add_option(filter.price.map(|range| priced(range, backend, now)))
        .add_option(filter.max_seller_bad_bp.map(|limit| reputable(SellerBand::limit_bp(limit), backend)));
    filter.attributes.iter().fold(all, |all, attribute| all.add(attribute.condition(backend)))
}

fn texts<T: Copy>(values: &[T], text: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    values.iter().map(|value| text(*value)).collect()
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
