//! The post: who the lead is. It must be the one that was pinged, and then it is sold.

use std::collections::BTreeSet;

use domain::access::Mode;
use domain::campaign::ConsentKind;
use domain::contact::KeyKind;
use domain::id::{LeadId, OfferId, OrganizationId};
use domain::lead::{LeadDraft, LeadState};
use domain::offer::{Ping, offer_take};
use domain::refusal::{Code, Refusal};
use sha2::{Digest, Sha256};
use store::idempotency::IdempotencyKey;
use store::offers::{StoredOffer, StoredPing};

use super::conclude::{Concluded, Conclusion};
use super::make::{OfferTerms, offer_make};
use super::ping::{postal_hash, sought};
use super::test_mode;
use crate::app::campaigns::follow::book_check;
use crate::app::email_verification::require_verified_email;
use crate::app::leads::{Prepared, lead_prepare, lead_record};
use crate::app::{App, AppError, Caller};

pub use super::conclude::ConcludedSale as PostedTrade;

/// The lead behind a ping.
#[derive(Debug, Clone)]
pub struct LeadPost {
    /// The offer to be concluded.
    pub offer: OfferId,
    /// The whole lead.
    pub draft: LeadDraft,
}

/// A lead that is sold to whoever offers most above a floor.
#[derive(Debug, Clone)]
pub struct LeadDirectPost {
    /// The whole lead.
    pub draft: LeadDraft,
    /// What the seller asks for it.
    pub terms: OfferTerms,
}

/// What became of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The lead, in the seller's stock.
    pub lead: LeadId,
    /// Where it stands.
    pub state: LeadState,
    /// The offer; `None` when nobody offered anything.
    pub offer: Option<StoredOffer>,
    /// The sales, and why others fell out.
    pub concluded: Concluded,
}

/// Concludes an offer with the lead behind it. The same post again answers the same.
pub async fn lead_post(app: &App, caller: &Caller, input: LeadPost) -> Result<Posted, AppError> {
    let (seller, mode) = seller_of(app, caller).await?;
    if mode == Mode::Test {
        return test_mode::post(app, seller, input).await;
    }
    let offer = app.store.offer(seller, input.offer).await?.ok_or_else(|| Refusal::not_found("offerId", "offer"))?;
    // A post that does not date the capture speaks of the one that was pinged.
    let captured_at = input.draft.captured_at.or(Some(offer.ping.ping.captured_at));
    let prepared = prepared(app, seller, LeadDraft { captured_at, ..input.draft }).await?;
    agrees(app, &offer.ping, &prepared)
        .map_err(|found| found.into_iter().map(|refusal| refusal.at("lead")).collect::<Vec<_>>())?;
    if offer.lead.is_none() {
        offer_take(offer.state, offer.expires_at, app.now()).map_err(|refusal| refusal.at("offerId"))?;
    }
    let (lead, state) = kept(app, seller, &prepared).await?;
    conclude(app, caller, offer, (lead, state), &prepared).await
}

/// Sells a lead at once to whoever offers most for it, at least the reserve. The same post again answers the same.
pub async fn lead_direct_post(app: &App, caller: &Caller, input: LeadDirectPost) -> Result<Posted, AppError> {
    let (seller, mode) = seller_of(app, caller).await?;
    let asked = input.terms.check(app, app.now())?;
    let postal = input.draft.geography.postal_code.clone();
    let prepared = prepared(app, seller, input.draft).await?;
    if mode == Mode::Test {
        return test_mode::direct_post(app, seller, (&prepared, postal.as_deref()), asked).await;
    }
    let (lead, state) = kept(app, seller, &prepared).await?;
    let none =
        || Posted { lead, state, offer: None, concluded: Concluded { listing: None, sales: Vec::new(), fallen: Vec::new() } };
    if let Some(offer) = app.store.offer_of_lead(seller, lead).await? {
        return conclude(app, caller, offer, (lead, state), &prepared).await;
    }
    if state != LeadState::Verified {
        return Ok(none());
    }
    let ping = pinged(app, &prepared, postal.as_deref());
    let vertical = prepared.kind.vertical.clone();
    let hashes = channel_hashes(&prepared);
    let sought = sought(app, seller, &vertical, ping, postal.as_deref(), (asked, &hashes)).await?;
    match offer_make(app, sought).await? {
        Some(offer) => conclude(app, caller, offer, (lead, state), &prepared).await,
        None => Ok(none()),
    }
}

async fn seller_of(app: &App, caller: &Caller) -> Result<(OrganizationId, Mode), AppError> {
    let seller = caller.principal.seller()?;
    require_verified_email(app, caller).await?;
    Ok(seller)
}

/// What could have been pinged of the lead.
pub(super) fn pinged(app: &App, prepared: &Prepared, postal: Option<&str>) -> StoredPing {
    StoredPing {
        ping: Ping::of(&prepared.lead),
        digests: digests(prepared).into_iter().collect(),
        postal: postal.map(|code| postal_hash(app, code)),
        consent: ConsentKind::of(prepared.lead.consent.as_ref()),
    }
}

pub(super) async fn prepared(app: &App, seller: OrganizationId, draft: LeadDraft) -> Result<Prepared, AppError> {
    let prepared = lead_prepare(app, seller, vec![draft.into()]).await?.into_iter().next();
    let prepared = prepared.ok_or_else(|| AppError::internal("a draft without an answer"))?;
    prepared.map_err(|found| AppError::Refused(found.into_iter().map(|refusal| refusal.at("lead")).collect()))
}

/// Takes the lead into the seller's stock, with its instant checks; one that was taken by an earlier call is found again.
async fn kept(app: &App, seller: OrganizationId, prepared: &Prepared) -> Result<(LeadId, LeadState), AppError> {
    let one = std::slice::from_ref(prepared);
    let taken = app.store.write("lead_intake", |tx| async move { lead_record(app, &tx, seller, one).await }).await?;
    let taken = taken.into_iter().next().ok_or_else(|| AppError::internal("an intake without an answer"))?;
    match taken {
        Ok(taken) => Ok((taken.id, taken.state)),
        Err(refusals) => {
            let again = refusals.iter().any(|refusal| refusal.code == Code::Taken && refusal.path.is_empty());
            let before = if again { app.store.lead_by_fingerprint(seller, &prepared.fingerprint).await? } else { None };
            before.ok_or_else(|| AppError::Refused(refusals.into_iter().map(|refusal| refusal.at("lead")).collect()))
        }
    }
}

async fn conclude(
    app: &App,
    caller: &Caller,
    offer: StoredOffer,
    (lead, state): (LeadId, LeadState),
    prepared: &Prepared,
) -> Result<Posted, AppError> {
    let owners = app.store.buyers_of_person(&channel_hashes(prepared)).await?;
    let conclusion = Conclusion {
        key: key_of(&offer, lead),
        offer: offer.id,
        lead,
        owners,
        created_by: caller.principal.user().map(|user| user.0),
    };
    let outcome = app.settlement.run(conclusion).await?;
    for (campaign, usage, served_at) in outcome.used {
        app.book.used(campaign, usage, served_at);
        book_check(app, campaign).await?;
    }
    let offer = app.store.offer(offer.seller, offer.id).await?;
    Ok(Posted { lead, state, offer, concluded: outcome.concluded })
}

/// An offer is concluded once: its id is the key.
fn key_of(offer: &StoredOffer, lead: LeadId) -> IdempotencyKey {
    IdempotencyKey {
        organization: offer.seller,
        key: format!("post of {}", offer.id),
        operation: "offer_conclude",
        input_hash: Sha256::digest(lead.0.as_bytes()).to_vec(),
    }
}

pub(super) fn agrees(app: &App, pinged: &StoredPing, prepared: &Prepared) -> Result<(), Vec<Refusal>> {
    let mut refusals = pinged.ping.agrees(&prepared.lead).err().unwrap_or_default();
    let posted = digests(prepared);
    if !pinged.digests.iter().all(|digest| posted.contains(digest)) {
        refusals.push(Refusal::new(Code::Conflict, "a digest of the ping is of no phone and no address here").at("contact"));
    }
    let postal = prepared.lead.sealed.postal_code.as_deref().map(|code| postal_hash(app, code));
    if pinged.postal.is_some() && pinged.postal != postal {
        refusals.push(Refusal::new(Code::Conflict, "this is not what was pinged").at("postalCode").at("geography"));
    }
    if ConsentKind::of(prepared.lead.consent.as_ref()) != pinged.consent {
        refusals.push(Refusal::new(Code::Conflict, "this is not the kind of consent that was pinged").at("consent"));
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// The keyed hashes of the digests of the lead's phones and addresses.
fn digests(prepared: &Prepared) -> BTreeSet<String> {
    let keys = prepared.probe.keys.iter();
    keys.filter(|(kind, _)| *kind == KeyKind::Sha256).map(|(_, hash)| hex::encode(hash)).collect()
}

fn channel_hashes(prepared: &Prepared) -> Vec<[u8; 32]> {
    prepared.probe.keys.iter().filter(|(kind, _)| kind.is_channel()).map(|(_, hash)| *hash).collect()
}
