//! Pings and posts of test keys: checked like any other, and answered by a market that does not exist. No lead, no trade and no
//! money comes of them.

use domain::clearing::Sale;
use domain::id::{BidId, LeadId, OrganizationId, VerticalId};
use domain::lead::LeadState;
use domain::offer::{OfferState, conclude, offer_take};
use domain::receipt::Receipt;
use domain::refusal::Refusal;
use domain::test_mode::{Course, bidders, bids};
use domain::time::plus_secs;
use serde::{Deserialize, Serialize};
use store::offers::{StoredOffer, StoredPing};
use store::test_offers::TestOffer;

use super::conclude::{Concluded, reissued};
use super::make::{Asked, facts};
use super::ping::fingerprint;
use super::post::{LeadPost, Posted, agrees, pinged, prepared};
use crate::app::leads::Prepared;
use crate::app::{App, AppError};

/// What a post was answered, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    lead: LeadId,
    concluded: Concluded,
}

/// The offer for a ping; the same ping gets the same offer while it is open.
pub(super) async fn ping(
    app: &App,
    seller: OrganizationId,
    vertical: VerticalId,
    (ping, postal): (StoredPing, Option<&str>),
    asked: Asked,
) -> Result<Option<StoredOffer>, AppError> {
    let fingerprint = fingerprint(app, &ping, &asked)?;
    let found = made(app, (seller, vertical), (ping, fingerprint), asked, Course::of(postal));
    if found.offer.receipt.result.sales.is_empty() {
        return Ok(None);
    }
    Ok(Some(app.store.test_offer_put(&found).await?.offer))
}

/// Concludes a test offer. The same post again answers the same.
pub(super) async fn post(app: &App, seller: OrganizationId, input: LeadPost) -> Result<Posted, AppError> {
    let unknown = || Refusal::not_found("offerId", "offer");
    let found = app.store.test_offer(seller, input.offer).await?.ok_or_else(unknown)?;
    let captured_at = input.draft.captured_at.or(Some(found.offer.ping.ping.captured_at));
    let prepared = prepared(app, seller, domain::lead::LeadDraft { captured_at, ..input.draft }).await?;
    agrees(app, &found.offer.ping, &prepared)
        .map_err(|found| found.into_iter().map(|refusal| refusal.at("lead")).collect::<Vec<_>>())?;
    if found.posted.is_none() {
        let state = if found.course == Course::Expired { OfferState::Expired } else { found.offer.state };
        offer_take(state, found.offer.expires_at, app.now()).map_err(|refusal| refusal.at("offerId"))?;
    }
    concluded(app, found).await
}

/// Offers a lead and concludes at once. The same post again answers the same.
pub(super) async fn direct_post(
    app: &App,
    seller: OrganizationId,
    (prepared, postal): (&Prepared, Option<&str>),
    asked: Asked,
) -> Result<Posted, AppError> {
    // A ping of the same lead has a fingerprint of its own: what it was offered is not concluded here.
    let fingerprint = prepared.fingerprint.to_vec();
    if let Some(before) = app.store.test_offer_of(seller, &fingerprint).await? {
        return concluded(app, before).await;
    }
    let ping = pinged(app, prepared, postal);
    let found = made(app, (seller, prepared.kind.vertical.id), (ping, fingerprint), asked, Course::of(postal));
    if found.offer.receipt.result.sales.is_empty() {
        let concluded = Concluded { listing: None, sales: Vec::new(), fallen: Vec::new() };
        return Ok(Posted { lead: app.store.id(), state: LeadState::Verified, offer: None, concluded });
    }
    let kept = app.store.test_offer_put(&found).await?;
    concluded(app, kept).await
}

/// What the market that does not exist offers; no sales when nobody offers anything.
fn made(
    app: &App,
    (seller, vertical): (OrganizationId, VerticalId),
    (ping, fingerprint): (StoredPing, Vec<u8>),
    asked: Asked,
    course: Course,
) -> TestOffer {
    let now = app.now();
    let count = if course == Course::NoOffer { 0 } else { bidders(&asked.auction) };
    let ids: Vec<BidId> = (0..count).map(|_| app.store.id()).collect();
    let expires_at = plus_secs(now, app.config.campaigns.offer_secs);
    let listing = facts(&ping.ping, (app.store.id(), asked.currency), (now, expires_at));
    let bids = bids(&asked.auction, &ids, now);
    let offer = StoredOffer {
        id: app.store.id(),
        seller,
        vertical,
        fingerprint,
        ping,
        state: OfferState::Open,
        currency: asked.currency,
        receipt: Receipt::issue(listing, asked.auction, bids),
        bidders: Vec::new(),
        lead: None,
        listing: None,
        created_at: now,
        expires_at,
        ended_at: None,
        version: 0,
        test: true,
    };
    TestOffer { offer, course, posted: None }
}

async fn concluded(app: &App, found: TestOffer) -> Result<Posted, AppError> {
    let stands = match found.posted {
        Some(_) => found,
        None => app.store.test_offer_posted(&conclusion(app, found)?).await?,
    };
    let answer = stands.posted.ok_or_else(|| AppError::internal("a test offer that was posted has no answer"))?;
    let Answer { lead, concluded } = serde_json::from_value(answer).map_err(AppError::internal)?;
    Ok(Posted { lead, state: LeadState::Verified, offer: Some(stands.offer), concluded })
}

/// The offer as its post leaves it.
fn conclusion(app: &App, found: TestOffer) -> Result<TestOffer, AppError> {
    let TestOffer { mut offer, course, .. } = found;
    let barred = course.barred(&offer.receipt);
    let sale = |sale: &Sale| {
        // Who was promised a price pays no more than that.
        let promised = offer.receipt.result.sales.iter().find(|promised| promised.bid == sale.bid);
        let price_minor = promised.map_or(sale.price_minor, |promised| promised.price_minor.min(sale.price_minor));
        (sale.bid, app.store.id(), sale.kind, price_minor)
    };
    let result = conclude(&offer.receipt, &barred);
    let concluded = Concluded::of(&offer.receipt, &barred, result.sales.iter().map(sale));
    let lead: LeadId = app.store.id();
    offer.state = if concluded.sales.is_empty() { OfferState::Refused } else { OfferState::Concluded };
    offer.receipt = reissued(&offer.receipt, &barred);
    (offer.lead, offer.listing, offer.ended_at) = (Some(lead), concluded.listing, Some(app.now()));
    offer.version = offer.version.saturating_add(1);
    let answer = Answer { lead, concluded };
    let posted = serde_json::to_value(&answer).map_err(AppError::internal)?;
    Ok(TestOffer { offer, course, posted: Some(posted) })
}
