//! Listings that begin and end with a sale: leads that were sold by an offer in real time.

use std::convert::identity;

use domain::id::{LeadId, ListingId, OrganizationId, VerticalId};
use domain::listing::{ListingState, Terms};
use domain::money::Currency;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::changes::Changes;
use crate::error::StoreError;
use crate::rows::{Column, Get};

/// A listing that is sold when it is written.
#[derive(Debug, Clone)]
pub struct SoldListing {
    /// Its id.
    pub id: ListingId,
    /// What was sold.
    pub lead: LeadId,
    /// Who sold it.
    pub seller: OrganizationId,
    /// The lead's vertical.
    pub vertical: VerticalId,
    /// How it was sold.
    pub terms: Terms,
    /// The currency of its amounts.
    pub currency: Currency,
    /// The most copies that were for sale.
    pub max_sales: u8,
    /// Copies that were sold.
    pub sold_count: u8,
    /// Whether the one copy is the only one.
    pub sold_exclusive: bool,
    /// When it was offered.
    pub opens_at: Timestamp,
    /// When it was sold.
    pub sold_at: Timestamp,
    /// The person who posted the lead, if it was one.
    pub created_by: Option<Uuid>,
}

struct Row {
    listing: SoldListing,
    terms: serde_json::Value,
}

const COLUMNS: &[Column<Row>] = &[
    ("id", Get::Id(|row| row.listing.id.0)),
    ("lead_id", Get::Id(|row| row.listing.lead.0)),
    ("seller_id", Get::Id(|row| row.listing.seller.0)),
    ("vertical_id", Get::Id(|row| row.listing.vertical.0)),
    ("format", Get::Text(|row| row.listing.terms.format().as_str())),
    ("terms", Get::Json(|row| &row.terms)),
    ("currency", Get::Text(|row| row.listing.currency.code())),
    ("price_minor", Get::Integer(|row| row.listing.terms.least_minor().max(1))),
    ("max_sales", Get::Integer(|row| row.listing.max_sales.into())),
    ("sold_count", Get::Integer(|row| row.listing.sold_count.into())),
    ("sold_exclusive", Get::Flag(|row| row.listing.sold_exclusive)),
    ("state", Get::Text(|_| ListingState::Sold.as_str())),
    ("opens_at", Get::Instant(|row| row.listing.opens_at)),
    ("closes_at", Get::Instant(|row| row.listing.sold_at)),
    ("ended_at", Get::MaybeInstant(|row| Some(row.listing.sold_at))),
    ("created_by", Get::MaybeId(|row| row.listing.created_by)),
    ("created_at", Get::Instant(|row| row.listing.opens_at)),
    ("version", Get::Integer(|_| 0)),
];

/// Keeps listings that were sold as they began.
pub(crate) fn sold_insert(changes: &mut Changes, listings: &[SoldListing]) -> Result<(), StoreError> {
    let row = |listing: &SoldListing| {
        let terms = serde_json::to_value(&listing.terms).map_err(StoreError::corrupt)?;
        Ok::<Row, StoreError>(Row { listing: listing.clone(), terms })
    };
    let rows: Vec<Row> = listings.iter().map(row).collect::<Result<_, _>>()?;
    changes.insert("listing", COLUMNS, &rows, identity);
    Ok(())
}
