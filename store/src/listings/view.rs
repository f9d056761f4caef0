//! What anybody who may see a listing sees of its lead: attributes and checks, never who it is.

use std::collections::BTreeMap;
use std::str::FromStr;

use domain::campaign::ConsentKind;
use domain::id::ListingId;
use domain::lead::{Audience, ContactKind, Interest, Offering, SourceKind, Temperature};
use domain::listing::{Listing, Terms};
use domain::reputation::Tally;
use domain::time::Timestamp;
use domain::verification::{CalledBy, CheckKind, Level, Outcome};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, IntoCondition, SimpleExpr};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait, FromQueryResult, JoinType, QueryResult, QuerySelect, RelationDef, Select};
use serde::Deserialize;

use super::StoredListing;
use crate::cells::Cells;
use crate::entity::{lead, listing, reputation, vertical};
use crate::error::StoreError;
use crate::reputation::Side;

/// A check's kind and outcome, and of a call who held it; other evidence stays with the seller and the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "CheckCell")]
pub struct PublicCheck {
    /// What was checked.
    pub kind: CheckKind,
    /// What was found.
    pub outcome: Outcome,
    /// Who held the call.
    pub called_by: Option<CalledBy>,
}

/// Which parts of a view are wanted: those that are not stay empty and are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingParts {
    /// The lead's public attributes.
    pub attributes: bool,
    /// The lead's checks.
    pub checks: bool,
    /// What disputes say of the seller.
    pub seller: bool,
}

impl ListingParts {
    /// Everything.
    pub const ALL: Self = Self { attributes: true, checks: true, seller: true };
}

/// A listing with the public side of its lead and seller.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingView {
    /// The listing.
    pub stored: StoredListing,
    /// The vertical's path.
    pub vertical_path: String,
    /// For whom the lead stands.
    pub audience: Audience,
    /// How much contact data there is.
    pub contact_kind: ContactKind,
    /// What the person asked for.
    pub interest: Interest,
    /// Who may buy it.
    pub offering: Offering,
    /// Where it came from.
    pub source_kind: SourceKind,
    /// What shows that the person asked.
    pub consent: ConsentKind,
    /// ISO 3166 country.
    pub country: String,
    /// Region.
    pub region: Option<String>,
    /// City.
    pub city: Option<String>,
    /// The public attributes.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// How far it is verified.
    pub level: Level,
    /// Points, 0..=100.
    pub score: i64,
    /// How near the person is to buying.
    pub temperature: Temperature,
    /// The latest outcome of each check.
    pub checks: Vec<PublicCheck>,
    /// Whether the contact details are made up, for a demonstration.
    pub synthetic: bool,
    /// When the person left the details; when the lead was brought where the seller does not say it.
    pub captured_at: Timestamp,
    /// Whether the seller says when the person left the details.
    pub dated: bool,
    /// What disputes say of the seller.
    pub seller: Tally,
}

/// What the database keeps of a check, as far as anybody may see it.
#[derive(Deserialize)]
struct CheckCell {
    kind: CheckKind,
    outcome: Outcome,
    #[serde(default)]
    evidence: EvidenceCell,
}

#[derive(Default, Deserialize)]
struct EvidenceCell {
    #[serde(default, rename = "calledBy")]
    called_by: Option<String>,
}

impl From<CheckCell> for PublicCheck {
    fn from(check: CheckCell) -> Self {
        let called_by = check.evidence.called_by.and_then(|desk| desk.parse().ok());
        Self { kind: check.kind, outcome: check.outcome, called_by }
    }
}

/// A view as it is read, with what a page is sorted by where the database works that out.
pub(super) struct SeenRow {
    view: Result<ListingView, StoreError>,
    sort_value: Option<i64>,
}

impl SeenRow {
    /// The view, and what the database worked out to sort it by.
    pub(super) fn into_view(self) -> Result<(ListingView, Option<i64>), StoreError> {
        Ok((self.view?, self.sort_value))
    }
}

impl FromQueryResult for SeenRow {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let mut cells = Cells::of(row)?;
        // A value that the domain does not know is no fault of the database.
        let view = match cells.view() {
            Err(StoreError::Db(error)) => return Err(error),
            view => view,
        };
        Ok(Self { view, sort_value: cells.take()? })
    }
}

/// The listings that are found by what is added, with those parts that are wanted: the columns that [`Cells`] reads, up to what a
/// page is sorted by, which is to be added last.
pub(super) fn seen(parts: ListingParts) -> Select<listing::Entity> {
    let part = |wanted: bool, columns: &'static str, none: &'static str| Expr::cust(if wanted { columns } else { none });
    let query = listing::Entity::find()
        .select_only()
        .expr(Expr::cust(LISTING))
        .expr(Expr::cust(WORDS))
        .expr(Expr::cust("lead.region, lead.city"))
        .expr(part(parts.attributes, "lead.attributes", "NULL"))
        .expr(Expr::cust("lead.score"))
        .expr(part(parts.checks, "lead.checks", "NULL"))
        .expr(Expr::cust("lead.synthetic, lead.captured_at, lead.dated"))
        .expr(part(parts.seller, "reputation.trades, reputation.upheld, reputation.rejected", "NULL, NULL, NULL"))
        .join(JoinType::InnerJoin, lead_of_listing())
        .join(JoinType::InnerJoin, vertical_of_listing());
    if parts.seller { query.join(JoinType::LeftJoin, record_of_seller()) } else { query }
}

// As texts, since to make and to write an expression for each column takes longer than to read its cells.
const LISTING: &str = "listing.id, listing.lead_id, listing.seller_id, listing.vertical_id, listing.terms, listing.max_sales, \
    listing.sold_count, listing.opens_at, listing.closes_at, listing.ended_at, listing.relisted_from, listing.taken_down_for, \
    listing.version, vertical.path";

/// The columns whose values are words without a comma, none of them NULL, as one: a cell costs more than what is in it.
const WORDS: &str = "concat_ws(',', listing.state, listing.currency, lead.audience, lead.contact_kind, lead.interest, \
    lead.offering, lead.source_kind, lead.consent_kind, lead.country, lead.level, lead.temperature)";

/// The views that `query`, made of [`seen`], finds.
pub(super) async fn views(query: Select<listing::Entity>, db: &impl ConnectionTrait) -> Result<Vec<ListingView>, StoreError> {
    let rows = query.expr(nothing()).into_model::<SeenRow>().all(db).await?;
    rows.into_iter().map(|row| row.view).collect()
}

/// The view of one listing, as `stored` has it.
pub async fn listing_view(db: &impl ConnectionTrait, stored: StoredListing) -> Result<ListingView, StoreError> {
    let query = seen(ListingParts::ALL).filter(listing::Column::Id.eq(stored.id.0));
    let view = views(query, db).await?.pop().ok_or_else(|| StoreError::corrupt("a listing without a view"))?;
    Ok(ListingView { stored, ..view })
}

pub(super) fn lead_of_listing() -> RelationDef {
    listing::Entity::belongs_to(lead::Entity).from(listing::Column::LeadId).to(lead::Column::Id).into()
}

fn vertical_of_listing() -> RelationDef {
    listing::Entity::belongs_to(vertical::Entity).from(listing::Column::VerticalId).to(vertical::Column::Id).into()
}

fn record_of_seller() -> RelationDef {
    let record: RelationDef = listing::Entity::belongs_to(reputation::Entity)
        .from(listing::Column::SellerId)
        .to(reputation::Column::OrganizationId)
        .into();
    record
        .on_condition(|_, _| Expr::col((reputation::Entity, reputation::Column::Side)).eq(Side::Seller.as_str()).into_condition())
}

fn nothing() -> SimpleExpr {
    Expr::cust("NULL")
}

impl Cells<'_> {
    /// The columns of [`seen`], in their order.
    fn view(&mut self) -> Result<ListingView, StoreError> {
        let (id, lead, seller, vertical) = (self.id()?, self.id()?, self.id()?, self.id()?);
        let terms: Terms = self.json()?;
        let (max_sales, sold_count, opens_at, closes_at) = (self.count()?, self.count()?, self.take()?, self.take()?);
        let (ended_at, relisted_from) = (self.take()?, self.take::<Option<Uuid>>()?.map(ListingId::from));
        let (taken_down_for, version) = (self.take()?, self.take()?);
        let vertical_path = self.take()?;
        let mut words = Words(self.take::<&str>()?.split(','));
        let listing = Listing { state: words.next()?, terms, max_sales, sold_count, opens_at, closes_at };
        let currency = words.next()?;
        Ok(ListingView {
            stored: StoredListing {
                id,
                lead,
                seller,
                vertical,
                listing,
                currency,
                ended_at,
                relisted_from,
                taken_down_for,
                version,
            },
            vertical_path,
            audience: words.next()?,
            contact_kind: words.next()?,
            interest: words.next()?,
            offering: words.next()?,
            source_kind: words.next()?,
            consent: words.next()?,
            country: words.next()?,
            level: words.next()?,
            temperature: words.next()?,
            region: self.take()?,
            city: self.take()?,
            attributes: self.part()?,
            score: self.take()?,
            checks: self.part()?,
            synthetic: self.take()?,
            captured_at: self.take()?,
            dated: self.take()?,
            seller: Tally { trades: self.count_or_none()?, upheld: self.count_or_none()?, rejected: self.count_or_none()? },
        })
    }
}

/// What [`WORDS`] has put into one cell, in its order.
struct Words<'r>(std::str::Split<'r, char>);

impl Words<'_> {
    fn next<T: FromStr<Err: std::fmt::Display>>(&mut self) -> Result<T, StoreError> {
        let word = self.0.next().ok_or_else(|| StoreError::corrupt("a word of a listing is missing"))?;
        word.parse().map_err(StoreError::corrupt)
    }
}
