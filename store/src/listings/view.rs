//! What anybody who may see a listing sees of its lead: attributes and checks, never who it is.

use std::collections::BTreeMap;

use domain::campaign::ConsentKind;
use domain::lead::{Audience, ContactKind, Interest, Offering, SourceKind, Temperature};
use domain::reputation::Tally;
use domain::time::Timestamp;
use domain::verification::{CalledBy, Check, CheckKind, Level, Outcome};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, FromQueryResult, QuerySelect};
use serde::Deserialize;

use super::StoredListing;
use crate::entity::{lead, vertical};
use crate::error::StoreError;
use crate::reputation::{Side, tallies_of};

/// A check's kind and outcome, and of a call who held it; other evidence stays with the seller and the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "Check")]
pub struct PublicCheck {
    /// What was checked.
    pub kind: CheckKind,
    /// What was found.
    pub outcome: Outcome,
    /// Who held the call.
    pub called_by: Option<CalledBy>,
}

impl From<Check> for PublicCheck {
    fn from(check: Check) -> Self {
        Self { kind: check.kind, outcome: check.outcome, called_by: check.called_by() }
    }
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

#[derive(Debug, FromQueryResult)]
struct LeadRow {
    id: Uuid,
    audience: String,
    contact_kind: String,
    interest: String,
    offering: String,
    source_kind: String,
    consent_kind: String,
    country: String,
    region: Option<String>,
    city: Option<String>,
    attributes: Json,
    level: String,
    score: i64,
    temperature: String,
    checks: Json,
    synthetic: bool,
    captured_at: DateTimeUtc,
    dated: bool,
}

/// The view of one listing.
pub async fn listing_view(db: &impl ConnectionTrait, listing: StoredListing) -> Result<ListingView, StoreError> {
    let view = views(db, vec![listing]).await?.into_iter().next();
    view.ok_or_else(|| StoreError::corrupt("a listing without a view"))
}

/// The views of `listings`, in their order.
pub(super) async fn views(db: &impl ConnectionTrait, listings: Vec<StoredListing>) -> Result<Vec<ListingView>, StoreError> {
    if listings.is_empty() {
        return Ok(Vec::new());
    }
    let mut leads = leads(db, &listings).await?;
    let paths = vertical_paths(db, &listings).await?;
    let sellers = tallies_of(db, Side::Seller, listings.iter().map(|stored| stored.seller)).await?;
    let view = |stored: StoredListing| {
        let lead = leads.remove(&stored.lead.0).ok_or_else(|| StoreError::corrupt("a listing without its lead"))?;
        let vertical_path = paths.get(&stored.vertical.0).cloned().unwrap_or_default();
        let seller = sellers.get(&stored.seller).copied().unwrap_or_default();
        lead.view(stored, vertical_path, seller)
    };
    listings.into_iter().map(view).collect()
}

async fn vertical_paths(db: &impl ConnectionTrait, listings: &[StoredListing]) -> Result<BTreeMap<Uuid, String>, StoreError> {
    let rows = vertical::Entity::find().filter(vertical::Column::Id.is_in(listings.iter().map(|stored| stored.vertical.0)));
    Ok(rows.all(db).await?.into_iter().map(|row| (row.id, row.path)).collect())
}

async fn leads(db: &impl ConnectionTrait, listings: &[StoredListing]) -> Result<BTreeMap<Uuid, LeadRow>, StoreError> {
    let rows = lead::Entity::find()
        .select_only()
        .columns([
            lead::Column::Id,
            lead::Column::Audience,
            lead::Column::Dated,
            lead::Column::ContactKind,
            lead::Column::Interest,
            lead::Column::Offering,
            lead::Column::SourceKind,
            lead::Column::ConsentKind,
            lead::Column::Country,
            lead::Column::Region,
            lead::Column::City,
            lead::Column::Attributes,
            lead::Column::Level,
            lead::Column::Score,
            lead::Column::Temperature,
            lead::Column::Checks,
            lead::Column::Synthetic,
            lead::Column::CapturedAt,
        ])
        .filter(lead::Column::Id.is_in(listings.iter().map(|stored| stored.lead.0)))
        .into_model::<LeadRow>()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

impl LeadRow {
    fn view(self, stored: StoredListing, vertical_path: String, seller: Tally) -> Result<ListingView, StoreError> {
        Ok(ListingView {
            stored,
            vertical_path,
            audience: self.audience.parse().map_err(StoreError::corrupt)?,
            contact_kind: self.contact_kind.parse().map_err(StoreError::corrupt)?,
            interest: self.interest.parse().map_err(StoreError::corrupt)?,
            offering: self.offering.parse().map_err(StoreError::corrupt)?,
            source_kind: self.source_kind.parse().map_err(StoreError::corrupt)?,
            consent: self.consent_kind.parse().map_err(StoreError::corrupt)?,
            country: self.country,
            region: self.region,
            city: self.city,
            attributes: serde_json::from_value(self.attributes).map_err(StoreError::corrupt)?,
            level: self.level.parse().map_err(StoreError::corrupt)?,
            score: self.score,
            temperature: self.temperature.parse().map_err(StoreError::corrupt)?,
            checks: serde_json::from_value(self.checks).map_err(StoreError::corrupt)?,
            synthetic: self.synthetic,
            captured_at: self.captured_at,
            dated: self.dated,
            seller,
        })
    }
}
