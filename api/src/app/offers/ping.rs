//! The ping: what a lead is, without who it is.

use std::collections::BTreeSet;

use domain::access::Mode;
use domain::campaign::{ConsentKind, Facts, Traits, fold_postal};
use domain::id::OrganizationId;
use domain::lead::{LeadDraft, admit_ping};
use domain::offer::Ping;
use domain::refusal::{Code, Refusal};
use domain::time::{Timestamp, plus_secs};
use store::offers::{StoredOffer, StoredPing};
use store::reputation::Side;
use store::verticals::StoredVertical;

use super::make::{Asked, OfferTerms, Sought, offer_make};
use super::test_mode;
use crate::app::email_verification::require_verified_email;
use crate::app::leads::digest_hash;
use crate::app::verticals::vertical_at;
use crate::app::{App, AppError, Caller};

/// Digests in one ping.
const MAX_DIGESTS: usize = 6;

/// What a seller shows of a lead.
#[derive(Debug, Clone)]
pub struct LeadPing {
    /// The lead without its contact, which is not looked at.
    pub draft: LeadDraft,
    /// What will show that the person asked.
    pub consent: ConsentKind,
    /// SHA-256 of the person's phones (E.164) and addresses (lower case), in hexadecimal digits.
    pub digests: Vec<String>,
    /// What the seller asks for it.
    pub terms: OfferTerms,
}

/// Asks the market what it offers for a lead; `None` when nobody offers anything, or the lead may not be sold. Why is not said:
/// it could tell what others know of the person.
pub async fn lead_ping(app: &App, caller: &Caller, input: LeadPing) -> Result<Option<StoredOffer>, AppError> {
    let (seller, mode) = caller.principal.seller()?;
    require_verified_email(app, caller).await?;
    let now = app.now();
    let mut refusals = Vec::new();
    let asked = input.terms.check(app, now).map_err(|found| refusals.extend(found)).ok();
    refusals.extend(digest_refusals(&input.digests));
    let vertical = vertical_at(app, &input.draft.vertical).await?;
    let vertical = match vertical {
        Ok(vertical) => vertical,
        Err(refusal) => {
            refusals.push(refusal.at("lead"));
            return Err(refusals.into());
        }
    };
    let ping = admit_ping(&input.draft, &vertical.path, &vertical.definition, now);
    let ping = ping.map_err(|found| refusals.extend(found.into_iter().map(|refusal| refusal.at("lead")))).ok();
    let (Some(asked), Some(ping)) = (asked.filter(|_| refusals.is_empty()), ping) else { return Err(refusals.into()) };
    let postal = input.draft.geography.postal_code.as_deref();
    let stored = stored(app, ping, &input.digests, postal, input.consent);
    if mode == Mode::Test {
        return test_mode::ping(app, seller, vertical.id, (stored, postal), asked).await;
    }
    let hashes: Vec<[u8; 32]> = input.digests.iter().map(|digest| digest_hash(app, digest)).collect();
    if taken(app, &hashes, now).await? {
        return Ok(None);
    }
    let sought = sought(app, seller, &vertical, stored, postal, (asked, &hashes)).await?;
    offer_make(app, sought).await
}

/// What is kept of a ping.
pub(super) fn stored(app: &App, ping: Ping, digests: &[String], postal: Option<&str>, consent: ConsentKind) -> StoredPing {
    let digests: BTreeSet<String> = digests.iter().map(|digest| hex::encode(digest_hash(app, digest))).collect();
    StoredPing { ping, digests: digests.into_iter().collect(), postal: postal.map(|code| postal_hash(app, code)), consent }
}

/// The keyed hash under which an offer keeps a postal code.
pub(super) fn postal_hash(app: &App, code: &str) -> String {
    hex::encode(app.keys.keyed_hash("POSTAL_CODE", &fold_postal(code)))
}

/// Whether nobody may be offered the person: another lead of it was brought inside the window, or it asked to be left alone.
async fn taken(app: &App, hashes: &[[u8; 32]], now: Timestamp) -> Result<bool, AppError> {
    let since = plus_secs(now, app.config.exchange.duplicate_window_secs.saturating_neg());
    Ok(app.store.person_taken(hashes, since).await?)
}

/// All that an offer for a ping needs.
pub(super) async fn sought(
    app: &App,
    seller: OrganizationId,
    vertical: &StoredVertical,
    ping: StoredPing,
    postal: Option<&str>,
    (asked, hashes): (Asked, &[[u8; 32]]),
) -> Result<Sought, AppError> {
    let now = app.now();
    let tally = app.store.tally(seller, Side::Seller).await?;
    let shown = &ping.ping;
    let traits = Traits {
        audience: shown.audience,
        contact_kind: shown.contact_kind,
        interest: shown.interest,
        source: shown.source,
        consent: ping.consent,
        country: &shown.country,
        region: shown.region.as_deref(),
        city: shown.city.as_deref(),
        postal_code: postal,
        attributes: &shown.attributes,
        temperature: None,
        score: None,
        level: None,
        seller,
        seller_bad_bp: tally.seller_band().bad_bp,
        captured_at: Some(shown.captured_at),
    };
    let facts = Facts::of(&traits, now);
    let owners = app.store.buyers_of_person(hashes).await?;
    let fingerprint = fingerprint(app, &ping, &asked)?;
    let path = vertical.path.clone();
    Ok(Sought { seller, vertical: vertical.id, path, facts, ping, fingerprint, asked, owners })
}

/// A keyed hash of what is pinged and asked. The instant of a capture that the seller does not date is not part of it.
pub(super) fn fingerprint(app: &App, ping: &StoredPing, asked: &Asked) -> Result<Vec<u8>, AppError> {
    let terms = serde_json::to_value(&asked.terms).map_err(AppError::internal)?;
    let mut shown = serde_json::to_value(ping).map_err(AppError::internal)?;
    if let Some(shown) = shown.pointer_mut("/ping").and_then(serde_json::Value::as_object_mut) {
        shown.remove("captured_at");
    }
    let text = serde_json::json!([shown, terms, asked.auction.max_sales, asked.currency]).to_string();
    Ok(app.keys.keyed_hash("PING", &text).to_vec())
}

fn digest_refusals(digests: &[String]) -> Vec<Refusal> {
    if digests.is_empty() {
        return vec![Refusal::required("digests")];
    }
    if digests.len() > MAX_DIGESTS {
        return vec![Refusal::new(Code::TooLarge, format!("at most {MAX_DIGESTS}")).at("digests")];
    }
    let form = |text: &String| text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let broken = digests.iter().enumerate().filter(|(_, text)| !form(text));
    let message = "a SHA-256 in 64 lower-case hexadecimal digits: the number or address itself has no place in a ping";
    broken.map(|(index, _)| Refusal::new(Code::Invalid, message).at(index).at("digests")).collect()
}
