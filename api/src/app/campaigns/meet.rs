//! Campaigns and listings meet: a listing at a fixed or falling price is bought by the campaigns whose price is reached, an auction
//! is joined by them when it is cleared.

use std::collections::BTreeMap;

use domain::campaign::{Field, Sight};
use domain::clearing::{Auction, Pricing, SaleKind};
use domain::id::{CampaignId, ListingId, OrganizationId, VerticalId};
use domain::listing::{self, Terms};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::WriteError;
use store::job::Lane;
use store::listings::{CAMPAIGN_MEET, LISTING_MEET, ListingView, StoredListing, listing_view};
use store::settlement::{Batch, Needs, Selling};
use store::trades::PaidFrom;

use super::book::{Offered, Pick};
use super::facts::listing_facts;
use super::follow::book;
use crate::app::leads::person_of;
use crate::app::listings::settle::SaleTerms;
use crate::app::offers::{Used, allowed, used};
use crate::app::settlement::Command;
use crate::app::{App, AppError};
use crate::config::Exchange;

/// Listings looked at in one round, when a campaign meets the market.
const ROUND: u64 = 200;

/// The campaigns that meet an open listing under `auction`.
pub(in crate::app) async fn met(app: &App, view: &ListingView, auction: &Auction) -> Result<Vec<Pick>, AppError> {
    let stored = &view.stored;
    let person = person_of(app, stored.lead).await?;
    let postal = person.as_ref().and_then(|person| person.postal_code.as_deref());
    let now = app.now();
    let facts = listing_facts(view, postal, now);
    let behind = app.store.lead_behind(stored.lead).await?;
    let owners: BTreeMap<OrganizationId, (Timestamp, bool)> = app.store.buyers_of_person(&behind.hashes).await?;
    let vertical = view.vertical_path.parse().map_err(|_| AppError::internal("a vertical without its place"))?;
    let offered = Offered {
        vertical: &vertical,
        currency: stored.currency,
        facts: &facts,
        subject: stored.lead.0,
        seller: stored.seller,
        target: behind.target,
    };
    Ok(book(app).await?.picks(&offered, auction, &owners, now).picks)
}

/// Lets the campaigns buy from the open listing of a job's payload at its fixed price or at the present one of a falling price,
/// and comes again when the next of them is reached.
pub async fn listing_meet(app: &App, payload: &Value) -> Result<(), AppError> {
    let id: ListingId = id_of(payload, "listing")?;
    for _ in 0..ROUND {
        let Some(stored) = app.store.listing_any(id).await? else { return Ok(()) };
        let now = app.now();
        if !stored.listing.is_open_at(now) {
            return Ok(());
        }
        let view = listing_view(app.store.read(), stored).await?;
        let Some(auction) = at_least(&view.stored, now) else { return Ok(()) };
        let picks = met(app, &view, &auction).await?;
        let Some((kind, takers)) = takers(&view.stored, &picks, now) else {
            return later(app, &view.stored, &picks, now).await;
        };
        let mut bought = false;
        for pick in takers {
            bought |= campaign_buy(app, id, pick, kind).await?;
        }
        if !bought {
            // Whoever could buy by the book has no money or no room: the book has learned it, and finds others or none.
            return Ok(());
        }
    }
    Ok(())
}

/// Sends every open listing at a fixed or falling price that the campaign of a job's payload could want to meet it.
pub async fn campaign_meet(app: &App, payload: &Value) -> Result<(), AppError> {
    let id: CampaignId = id_of(payload, "campaign")?;
    let Some(campaign) = app.store.campaign_any(id).await? else { return Ok(()) };
    let verticals = below(app, campaign.vertical).await?;
    let mut after = None;
    loop {
        let listings = app.store.listings_priced(&verticals, campaign.currency, after, ROUND).await?;
        after = listings.last().map(|listing| listing.id);
        let count = listings.len();
        let ids: Vec<ListingId> = listings.iter().map(|listing| listing.id).collect();
        let mut wanted = Vec::new();
        for view in app.store.lookback_views(&ids).await? {
            // A postal code is not unsealed to look: it counts as fulfilled until the listing meets the campaign.
            let facts = listing_facts(&view, None, app.now());
            if campaign.standing.terms.filter.seen(&Sight::whole(&facts).without([Field::PostalCode])) != Some(false) {
                wanted.push(view.stored.id);
            }
        }
        if !wanted.is_empty() {
            let wanted = &wanted;
            let sent = app.store.write("campaign_meet", |tx| async move {
                let now = tx.now().await?;
                for listing in wanted {
                    tx.enqueue_once(Lane::Meetings, LISTING_MEET, json!({ "listing": listing }), now).await?;
                }
                Ok::<(), WriteError>(())
            });
            sent.await?;
        }
        if u64::try_from(count).is_ok_and(|count| count < ROUND) {
            return Ok(());
        }
    }
}

/// The vertical and everything below it.
async fn below(app: &App, vertical: VerticalId) -> Result<Vec<VerticalId>, AppError> {
    let paths = app.store.vertical_paths().await?;
    let Some(top) = paths.get(&vertical).cloned() else { return Ok(Vec::new()) };
    let within = |path: &str| path.strip_prefix(top.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    Ok(paths.into_iter().filter(|(_, path)| within(path)).map(|(id, _)| id).collect())
}

/// The job that sends a campaign to the open listings.
pub(in crate::app) fn meeting(campaign: CampaignId) -> (&'static str, Value) {
    (CAMPAIGN_MEET, json!({ "campaign": campaign }))
}

fn id_of<I: std::str::FromStr>(payload: &Value, field: &str) -> Result<I, AppError> {
    let id = payload.get(field).and_then(Value::as_str).and_then(|id| id.parse().ok());
    id.ok_or_else(|| AppError::internal(format!("a job without its {field}")))
}

/// Where campaigns of a listing are looked for: of a fixed price at it, of a falling one at its floor. An auction is met when it
/// is cleared.
fn at_least(stored: &StoredListing, now: Timestamp) -> Option<Auction> {
    let reserve = |kind| match &stored.listing.terms {
        Terms::Fixed { .. } => stored.listing.price_at(kind, now),
        Terms::Dutch { kind: sold, floor_minor, .. } => (*sold == kind && stored.listing.offers(kind)).then_some(*floor_minor),
        Terms::Auction { .. } => None,
    };
    let (shared_reserve_minor, exclusive_reserve_minor) = (reserve(SaleKind::Shared), reserve(SaleKind::Exclusive));
    let left = stored.listing.max_sales.saturating_sub(stored.listing.sold_count);
    let pricing = Pricing::FirstPrice;
    let some = shared_reserve_minor.or(exclusive_reserve_minor).is_some();
    some.then_some(Auction { pricing, max_sales: left, shared_reserve_minor, exclusive_reserve_minor })
}

/// Those who buy at once, best first: the exclusive sale where it brings more than the copies that would be taken.
fn takers(stored: &StoredListing, picks: &[Pick], now: Timestamp) -> Option<(SaleKind, Vec<Pick>)> {
    let reaching = |kind: SaleKind| {
        let price_minor = stored.listing.price_at(kind, now)?;
        let amount = |pick: &Pick| match kind {
            SaleKind::Shared => pick.amounts.shared_minor,
            SaleKind::Exclusive => pick.amounts.exclusive_minor,
        };
        let mut takers: Vec<Pick> =
            picks.iter().filter(|pick| amount(pick).is_some_and(|minor| minor >= price_minor)).copied().collect();
        // Picks stand in the order of ties already.
        takers.sort_by_key(|pick| {
            std::cmp::Reverse(i128::from(amount(pick).unwrap_or(0)).saturating_mul(i128::from(pick.weight_bp)))
        });
        let left = stored.listing.max_sales.saturating_sub(stored.listing.sold_count);
        let copies = if kind == SaleKind::Exclusive { 1 } else { usize::from(left) };
        takers.truncate(copies);
        let worth = i64::try_from(takers.len()).unwrap_or(0).saturating_mul(price_minor);
        (!takers.is_empty()).then_some((worth, takers))
    };
    match (reaching(SaleKind::Exclusive), reaching(SaleKind::Shared)) {
        (Some((alone, takers)), Some((together, _))) if alone >= together => Some((SaleKind::Exclusive, takers)),
        (_, Some((_, takers))) => Some((SaleKind::Shared, takers)),
        (Some((_, takers)), None) => Some((SaleKind::Exclusive, takers)),
        (None, None) => None,
    }
}

/// Comes again when a falling price reaches the best of the campaigns that wait for it.
async fn later(app: &App, stored: &StoredListing, picks: &[Pick], now: Timestamp) -> Result<(), AppError> {
    let Terms::Dutch { kind, .. } = &stored.listing.terms else { return Ok(()) };
    let amount = |pick: &Pick| match kind {
        SaleKind::Shared => pick.amounts.shared_minor,
        SaleKind::Exclusive => pick.amounts.exclusive_minor,
    };
    let Some(best_minor) = picks.iter().filter_map(amount).max() else { return Ok(()) };
    let at = stored.listing.terms.reaches_at(best_minor, stored.listing.opens_at);
    let Some(at) = at.filter(|at| *at > now && *at < stored.listing.closes_at) else { return Ok(()) };
    let listing = stored.id;
    let sent = app.store.write("listing_meet_later", |tx| async move {
        tx.enqueue_once(Lane::Meetings, LISTING_MEET, json!({ "listing": listing }), at).await?;
        Ok::<(), WriteError>(())
    });
    Ok(sent.await?)
}

/// Buys for a campaign; answers whether it did. A refusal is no fault: somebody was faster, or the campaign has no room.
async fn campaign_buy(app: &App, listing: ListingId, pick: Pick, kind: SaleKind) -> Result<bool, AppError> {
    match app.settlement.run(CampaignBuying { listing, pick, kind }).await {
        Ok(usages) => {
            for (campaign, usage, served_at) in usages {
                app.book.used(campaign, usage, served_at);
                super::follow::book_check(app, campaign).await?;
            }
            Ok(true)
        }
        Err(AppError::Refused(refusals)) => {
            let later = |refusal: &Refusal| matches!(refusal.code, Code::MoneyStopped | Code::RetryLater);
            if refusals.iter().any(later) {
                return Err(AppError::Refused(refusals));
            }
            if let Some(campaign) = app.store.campaign_any(pick.campaign).await? {
                app.book.used(campaign.id, campaign.standing.usage, campaign.served_at);
            }
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// A purchase by a campaign on its way through the queue.
struct CampaignBuying {
    listing: ListingId,
    pick: Pick,
    kind: SaleKind,
}

impl Command for CampaignBuying {
    const NAME: &'static str = "campaign_buy";
    type Outcome = Vec<Used>;

    fn needs(&self, needs: &mut Needs) {
        needs.purchase(self.listing, self.pick.buyer);
        needs.campaign(self.pick.campaign, self.pick.buyer, self.pick.currency);
    }

    fn decide(&self, batch: &mut Batch, exchange: &Exchange) -> Result<Vec<Used>, WriteError> {
        let unknown = || Refusal::not_found("listingId", "listing");
        let pick = &self.pick;
        let open = batch.listing(self.listing).ok_or_else(unknown)?;
        let facts = batch.facts(self.listing, pick.buyer).ok_or_else(unknown)?;
        let barred = |_| Refusal::new(Code::LimitReached, "the campaign has no room for this lead");
        let amounts = allowed(batch, pick, open.currency, pick.amounts).map_err(barred)?;
        let most_minor = match self.kind {
            SaleKind::Shared => amounts.shared_minor,
            SaleKind::Exclusive => amounts.exclusive_minor,
        };
        let most_minor = Some(most_minor.ok_or_else(|| Refusal::invalid("kind", "the campaign does not want this kind"))?);
        let purchase = listing::listing_buy(&open.listing, facts, self.kind, most_minor, batch.now())?;
        let terms = SaleTerms::new(exchange, batch.seller_tally(self.listing));
        let sale = terms.sale(batch.id(), open, pick.buyer, (purchase.kind, purchase.price_minor), PaidFrom::Available);
        batch.sell(Selling { sale: &sale, terms: &terms.holds, purchase, ends: Vec::new() })?;
        batch.campaign_bought(pick.campaign, sale.trade, sale.price.minor)?;
        Ok(used(batch, std::iter::once(pick.campaign)))
    }
}
