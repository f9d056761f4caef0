//! Listings: offering a lead, taking it back, offering it again, buying it, and closing what is due.

mod browse;
mod buy;
mod close;
mod joining;
pub(super) mod settle;
mod suspend;
mod take_down;

use domain::access::Permission;
use domain::id::{LeadId, ListingId, OrganizationId};
use domain::listing::{self, LeadFacts, ListingDraft, ListingLimits, SaleFormat, TermsDraft};
use domain::refusal::Refusal;
use serde::{Deserialize, Serialize};
use store::job::Lane;
use store::listings::{self as stored, LISTING_MEET, ListingOrigin, ListingView, StoredListing};
use store::outbox::Event;
use store::{Tx, WriteError};

pub use browse::{
    AttributeAsk, ListingsInput, listing, listing_filter, listing_followed, listing_found, listings, listings_many,
};
pub use buy::{ListingBought, ListingBuy, listing_buy};
pub use close::{listing_close, listing_void, listings_close_due};
pub use suspend::{ORGANIZATION_OFFERS_END, organization_offers_end};
pub use take_down::{ListingTakeDown, listing_take_down};

use super::email_verification::require_verified_email;
use super::idempotency::idempotency_key;
use super::{App, AppError, Caller};
use crate::config::Exchange;

/// A lead to be listed.
#[derive(Debug, Clone)]
pub struct ListingCreate {
    /// The lead.
    pub lead: LeadId,
    /// The terms.
    pub draft: ListingDraft,
}

/// A lead to be listed again; what is absent is as it was.
#[derive(Debug, Clone)]
pub struct ListingRelist {
    /// The listing that ended.
    pub listing: ListingId,
    /// New terms.
    pub terms: Option<TermsDraft>,
    /// Another number of copies.
    pub max_sales: Option<i64>,
    /// Another time to be open, in seconds.
    pub open_secs: Option<i64>,
}

/// A listing to be taken back.
#[derive(Debug, Clone)]
pub struct ListingWithdraw {
    /// The listing.
    pub listing: ListingId,
    /// The caller's key.
    pub idempotency_key: String,
}

/// What a repeated call answers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Answer {
    listing: ListingId,
}

/// Offers a verified lead of the caller's for sale.
pub async fn listing_create(app: &App, caller: &Caller, input: ListingCreate) -> Result<ListingView, AppError> {
    let seller = caller.principal.require(Permission::ListingsWrite)?;
    require_verified_email(app, caller).await?;
    let (limits, created_by) = (limits(&app.config.exchange), caller.principal.user().map(|user| user.0));
    let opened = app.store.write("listing_create", |tx| {
        let (input, limits) = (input.clone(), limits.clone());
        async move {
            let lead = stored::lead_for_sale(&tx, seller, input.lead).await?;
            let lead = lead.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
            let origin = ListingOrigin { lead: lead.lead, seller, vertical: lead.vertical, relisted_from: None, created_by };
            open(&tx, origin, &lead.facts, &input.draft, &limits).await
        }
    });
    own_view(app, seller, opened.await?).await
}

/// Offers the lead of an ended listing again; what was sold of it before counts.
pub async fn listing_relist(app: &App, caller: &Caller, input: ListingRelist) -> Result<ListingView, AppError> {
    let seller = caller.principal.require(Permission::ListingsWrite)?;
    require_verified_email(app, caller).await?;
    let (limits, created_by) = (limits(&app.config.exchange), caller.principal.user().map(|user| user.0));
    let opened = app.store.write("listing_relist", |tx| {
        let (input, limits) = (input.clone(), limits.clone());
        async move {
            let before = own_listing(stored::listing_by_id(tx.db(), input.listing).await?, seller)?;
            listing::listing_relist(&before.listing).map_err(|refusal| refusal.at("listingId"))?;
            let lead = stored::lead_for_sale(&tx, seller, before.lead).await?;
            let lead = lead.ok_or_else(|| Refusal::not_found("listingId", "listing"))?;
            let draft = redraft(&input, &before, &lead.facts, &limits);
            let relisted_from = Some(before.id);
            let origin = ListingOrigin { lead: lead.lead, seller, vertical: lead.vertical, relisted_from, created_by };
            open(&tx, origin, &lead.facts, &draft, &limits).await
        }
    });
    own_view(app, seller, opened.await?).await
}

/// Takes an open listing of the caller's back. Sales already made stand; open bids return what they reserved.
pub async fn listing_withdraw(app: &App, caller: &Caller, input: ListingWithdraw) -> Result<ListingView, AppError> {
    let seller = caller.principal.require(Permission::ListingsWrite)?;
    let key = idempotency_key(seller, &input.idempotency_key, "listing_withdraw", &input.listing)?;
    let withdrawn = app.store.write("listing_withdraw", |tx| {
        let key = key.clone();
        async move {
            if let Some(Answer { listing }) = tx.replayed(&key).await? {
                return Ok::<_, WriteError>(listing);
            }
            let open = own_listing(stored::listing_locked(&tx, input.listing).await?, seller)?;
            listing::listing_withdraw(&open.listing, tx.now().await?).map_err(|refusal| refusal.at("listingId"))?;
            let ended = stored::listing_return(&tx, &open).await?;
            tx.remember(&key, &Answer { listing: ended.id }).await?;
            Ok(ended.id)
        }
    });
    own_view(app, seller, withdrawn.await?).await
}

/// What the configuration allows a listing.
#[must_use]
pub fn limits(exchange: &Exchange) -> ListingLimits {
    ListingLimits {
        max_sales: u8::try_from(exchange.sales_max).unwrap_or(1),
        min_open_secs: exchange.auction_min_secs,
        max_auction_secs: exchange.auction_max_secs,
        max_open_secs: exchange.listing_max_secs,
        min_interval_secs: exchange.dutch_interval_min_secs,
    }
}

async fn open(
    tx: &Tx,
    origin: ListingOrigin,
    lead: &LeadFacts,
    draft: &ListingDraft,
    limits: &ListingLimits,
) -> Result<ListingId, WriteError> {
    let opening = listing::listing_open(draft, lead, limits, tx.now().await?)?;
    let opened = stored::listing_insert(tx, origin, &opening).await?;
    let payload = serde_json::json!({ "vertical": opened.vertical, "format": opening.terms.format() });
    if opening.terms.format() != SaleFormat::Auction {
        // Auctions are met by campaigns when they are cleared.
        tx.enqueue_in(Lane::Meetings, LISTING_MEET, serde_json::json!({ "listing": opened.id }), tx.now().await?).await?;
    }
    tx.emit(Event { topic: "listing.added", subject_id: opened.id.0, audience: Vec::new(), payload }).await?;
    Ok(opened.id)
}

fn redraft(input: &ListingRelist, before: &StoredListing, lead: &LeadFacts, limits: &ListingLimits) -> ListingDraft {
    let left = i64::from(limits.max_sales.saturating_sub(lead.sold_shared).max(1));
    let same_secs = before.listing.closes_at.signed_duration_since(before.listing.opens_at).num_seconds();
    ListingDraft {
        terms: input.terms.clone().unwrap_or_else(|| before.listing.terms.draft(before.currency, lead.sold_shared > 0)),
        max_sales: input.max_sales.unwrap_or_else(|| i64::from(before.listing.max_sales).min(left)),
        open_secs: input.open_secs.or(Some(same_secs)),
    }
}

fn own_listing(found: Option<StoredListing>, seller: OrganizationId) -> Result<StoredListing, Refusal> {
    found.filter(|listing| listing.seller == seller).ok_or_else(|| Refusal::not_found("listingId", "listing"))
}

async fn own_view(app: &App, seller: OrganizationId, id: ListingId) -> Result<ListingView, AppError> {
    let view = app.store.listing_visible(seller, id).await?;
    view.ok_or_else(|| AppError::internal("a seller does not see its own listing"))
}
