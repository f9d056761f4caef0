//! What ends with an organization's access: its open listings and bids, each in a transaction of its own behind the commit
//! that suspended it, because a listing's row comes before every other lock.

use domain::account::OrganizationStatus;
use domain::id::{ListingId, OrganizationId};
use domain::listing::ListingState;
use store::listings as stored;
use store::{Tx, WriteError};

use crate::app::{App, AppError};

/// The job that ends what a suspended organization offers.
pub const ORGANIZATION_OFFERS_END: &str = "organization_offers_end";

/// Rows looked at in one round.
const ROUND: u64 = 200;

/// Which side of a listing ends.
#[derive(Debug, Clone, Copy)]
enum Side {
    Seller,
    Buyer,
}

/// Takes the open listings of a suspended organization off the market, and ends its open bids; what bids reserved returns.
/// One that was reinstated meanwhile keeps the rest.
pub async fn organization_offers_end(app: &App, payload: &serde_json::Value) -> Result<(), AppError> {
    let organization = payload.get("organization").and_then(serde_json::Value::as_str).and_then(|id| id.parse().ok());
    let organization: OrganizationId = organization.ok_or_else(|| AppError::internal("a job without its organization"))?;
    let mut after = None;
    loop {
        let listings = app.store.listings_open_of(organization, after, ROUND).await?;
        for listing in &listings {
            offer_end(app, organization, *listing, Side::Seller).await?;
        }
        after = listings.last().copied();
        if after.is_none() {
            break;
        }
    }
    let mut after = None;
    loop {
        let bids = app.store.bids_open_of(organization, after, ROUND).await?;
        for (_, listing) in &bids {
            offer_end(app, organization, *listing, Side::Buyer).await?;
        }
        after = bids.last().map(|(bid, _)| *bid);
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn offer_end(app: &App, organization: OrganizationId, listing: ListingId, side: Side) -> Result<(), AppError> {
    let ended = app.store.write("organization_offers_end", move |tx| async move {
        let Some(open) = stored::listing_locked(&tx, listing).await? else { return Ok::<(), WriteError>(()) };
        if open.listing.state != ListingState::Open || !suspended(&tx, organization).await? {
            return Ok(());
        }
        match side {
            Side::Seller => stored::listing_return(&tx, &open).await.map(drop),
            Side::Buyer => stored::bid_return(&tx, &open, organization).await,
        }
    });
    Ok(ended.await?)
}

async fn suspended(tx: &Tx, organization: OrganizationId) -> Result<bool, WriteError> {
    let found = tx.organization_lock(organization).await?;
    Ok(found.is_some_and(|found| found.status == OrganizationStatus::Suspended))
}
