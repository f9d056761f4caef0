//! Running a draft over the listings of the past.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::campaign::{BLUR_BP, Field, Outlook, PastListing, Preview};
use domain::id::{LeadId, ListingId, OrganizationId};
use domain::money::Currency;
use domain::refusal::Refusal;
use domain::time::{Timestamp, plus_secs};
use store::campaigns::{Lookback, Outcome, Person};
use store::listings::ListingView;
use store::reputation::Side;

use super::facts::listing_facts;
use super::{CampaignDraft, Checked, checked};
use crate::app::{App, AppError, Caller};

/// Listings that are held in memory at once.
const CHUNK: usize = 1_000;

/// What a preview tells, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignPreviewed {
    /// What would have become of the draft.
    pub outlook: Outlook,
    /// The currency of its amounts.
    pub currency: Currency,
    /// The earliest opening that was looked at.
    pub since: Timestamp,
    /// Whether every listing since then was looked at; else only the newest were.
    pub complete: bool,
    /// Whether the draft asks about postal codes, which count as fulfilled.
    pub postal_ignored: bool,
    /// Whether the draft asks who sells, which counts as fulfilled.
    pub seller_ignored: bool,
}

/// What would have become of a draft, had it stood since a while ago.
pub async fn campaign_preview(app: &App, caller: &Caller, draft: CampaignDraft) -> Result<CampaignPreviewed, AppError> {
    let buyer = caller.principal.require(Permission::Buy)?;
    let below = |found: Vec<Refusal>| -> Vec<Refusal> { found.into_iter().map(|refusal| refusal.at("input")).collect() };
    let Checked { vertical, terms, .. } = checked(app, buyer, &draft).await?.map_err(below)?;
    app.throttle(vec![app.preview_limit(buyer)]).await?;

    let (now, settings) = (app.now(), &app.config.campaigns);
    let since = plus_secs(now, settings.preview_secs.saturating_neg());
    let lookback = Lookback { buyer, vertical_path: vertical.path.as_str(), currency: draft.currency, since };
    let most = settings.preview_listings_max;
    let mut listings = app.store.lookback(lookback, most.saturating_add(1)).await?;
    let limit = usize::try_from(most).unwrap_or(usize::MAX);
    let complete = listings.len() <= limit;
    listings.truncate(limit);
    listings.reverse();

    let weight_bp = i64::from(app.store.tally(buyer, Side::Buyer).await?.bidder_weight_bp());
    let [postal_ignored, seller_ignored] = [Field::PostalCode, Field::Seller].map(|field| terms.asks(&field));
    let mut preview = Preview::new(terms, weight_bp, since, now);
    for chunk in listings.chunks(CHUNK) {
        look_at(app, buyer, chunk, &mut preview).await?;
    }
    let outlook = preview.told();
    Ok(CampaignPreviewed { outlook, currency: draft.currency, since, complete, postal_ignored, seller_ignored })
}

async fn look_at(app: &App, buyer: OrganizationId, chunk: &[ListingId], preview: &mut Preview) -> Result<(), AppError> {
    let views = app.store.lookback_views(chunk).await?;
    let seen = views.into_iter().filter_map(|view| {
        let facts = listing_facts(&view, None, view.stored.listing.opens_at);
        preview.sees(view.stored.lead, &facts).then_some((view, facts))
    });
    let matching: Vec<_> = seen.collect();
    let ids: Vec<ListingId> = matching.iter().map(|(view, _)| view.stored.id).collect();
    let leads: BTreeSet<LeadId> = matching.iter().map(|(view, _)| view.stored.lead).collect();
    let mut outcomes = app.store.lookback_outcomes(buyer, &ids).await?;
    let persons = app.store.persons_known(buyer, &leads).await?;
    for (view, facts) in matching {
        let outcome = outcomes.remove(&view.stored.id).unwrap_or_default();
        preview.meets(&PastListing { facts, ..past(app, &view, outcome, &persons) });
    }
    Ok(())
}

fn past(app: &App, view: &ListingView, outcome: Outcome, persons: &BTreeMap<LeadId, Person>) -> PastListing {
    let Person { keys, bought } = persons.get(&view.stored.lead).cloned().unwrap_or_default();
    PastListing {
        lead: view.stored.lead,
        listing: view.stored.listing.clone(),
        ended_at: view.stored.ended_at,
        facts: domain::campaign::Facts::default(),
        sales: outcome.sales,
        bids: outcome.bids,
        person: keys,
        bought,
        blur_bp: blur_bp(app, view.stored.id),
    }
}

/// The blur of a listing's sealed amounts: drawn with a key that nobody outside has, and the same each time.
fn blur_bp(app: &App, listing: ListingId) -> i64 {
    let lot = app.keys.keyed_hash("campaign.preview.blur", &listing.to_string());
    let lot = lot.first_chunk::<4>().map_or(0, |head| i64::from(u32::from_be_bytes(*head)));
    lot.rem_euclid(BLUR_BP * 2 + 1) - BLUR_BP
}
