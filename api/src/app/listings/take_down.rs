//! An operator takes a listing off the market.

use domain::access::StaffRole;
use domain::id::{ListingId, OrganizationId};
use domain::listing;
use domain::refusal::Refusal;
use serde::{Deserialize, Serialize};
use store::WriteError;
use store::listings as stored;

use crate::app::idempotency::idempotency_key;
use crate::app::wallet::text;
use crate::app::{App, AppError, Caller};

/// The longest reason, in characters.
const REASON_MAX: usize = 500;

/// A listing to be taken off the market.
#[derive(Debug, Clone, Serialize)]
pub struct ListingTakeDown {
    /// The listing.
    pub listing: ListingId,
    /// Why, for its seller and its bidders.
    pub reason: String,
    /// The operator's key.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// What a repeated call answers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Answer {
    listing: ListingId,
}

/// Ends an open listing as WITHDRAWN: its bids return what they reserved, sales already made stand. For operators.
pub async fn listing_take_down(app: &App, caller: &Caller, input: ListingTakeDown) -> Result<ListingId, AppError> {
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    let input = ListingTakeDown { reason: text("reason", &input.reason, REASON_MAX)?, ..input };
    let key = idempotency_key(OrganizationId(operator.0), &input.idempotency_key, "listing_take_down", &input)?;
    let ended = app.store.write("listing_take_down", |tx| {
        let (key, input) = (key.clone(), input.clone());
        async move {
            if let Some(Answer { listing }) = tx.replayed(&key).await? {
                return Ok::<_, WriteError>(listing);
            }
            let open = stored::listing_locked(&tx, input.listing).await?;
            let open = open.ok_or_else(|| Refusal::not_found("listingId", "listing"))?;
            listing::listing_withdraw(&open.listing, tx.now().await?).map_err(|refusal| refusal.at("listingId"))?;
            let ended = stored::listing_take_down(&tx, &open, &input.reason).await?;
            tx.remember(&key, &Answer { listing: ended.id }).await?;
            Ok(ended.id)
        }
    });
    Ok(ended.await?)
}
