//! Leads: intake, verification, scoring, and what their sellers may do with them.

mod aging;
mod close;
mod intake;
mod mail_domain;
mod prepare;
mod record;
mod sampling;
mod verify;
mod view;

use std::collections::BTreeMap;

use domain::contact::KeyKind;
use domain::id::{LeadId, OrganizationId};
use domain::lead::{Channel, Lead, Sealed};
use domain::scoring::Weights;
use domain::verification::CheckPolicy;
use sha2::{Digest, Sha256};
use store::StoreError;
use store::leads::{Brought, Envelope, Probe, Reach, StoredLead};
use store::verticals::StoredVertical;
use zeroize::Zeroizing;

use super::contact::contact_binding;
use super::{App, AppError};
use crate::crypto::Sealed as SealedBytes;

pub use aging::scores_age;
pub use close::{lead_erase, lead_withdraw};
pub(in crate::app) use intake::{AGAIN_SECS, Certified, lead_bring_certified};
pub use intake::{HookMessage, LeadBrought, LeadTaken, lead_bring, lead_bring_for, lead_intake, lead_record, lead_submit};
pub use mail_domain::{MAIL_DOMAIN_CHECK, mail_domain_check};
pub use prepare::{Incoming, Prepared, lead_prepare};
pub(super) use record::{Recorded, findings_record};
pub use sampling::sample_queue;
pub(in crate::app) use verify::leads_of;
pub use verify::{CallRecord, call_record, lead_reverify, lead_verify, sample_check_record};
pub use view::{ScoreExplained, checks_shown, lead_checks_many, lead_get, lead_list, leads_many, score_explain};

/// Who the person behind a lead is, for the exchange's own work; `None` once erased. To show it, use
/// [`contact_reveal`](super::contact::contact_reveal).
pub(in crate::app) async fn person_of(app: &App, lead: LeadId) -> Result<Option<Sealed>, AppError> {
    let envelope = app.store.lead_envelope(lead).await?;
    envelope.map(|envelope| unseal(app, lead, envelope)).transpose()
}

fn seal(app: &App, lead: LeadId, sealed: &Sealed) -> Result<Envelope, AppError> {
    let bytes = Zeroizing::new(serde_json::to_vec(sealed).map_err(AppError::internal)?);
    let sealed = app.keys.seal(app.entropy.as_ref(), contact_binding(lead), &bytes).map_err(AppError::internal)?;
    Ok(Envelope { key_id: sealed.key_id, wrapped_key: sealed.wrapped_key, ciphertext: sealed.ciphertext })
}

fn unseal(app: &App, lead: LeadId, envelope: Envelope) -> Result<Sealed, AppError> {
    let sealed = SealedBytes { key_id: envelope.key_id, wrapped_key: envelope.wrapped_key, ciphertext: envelope.ciphertext };
    let bytes = app
        .keys
        .open(contact_binding(lead), &sealed)
        .map_err(|error| AppError::internal(format!("contact of {lead}: {error}")))?;
    // The parser's own message would quote the contact.
    serde_json::from_slice(&bytes).map_err(|_| AppError::internal(format!("contact of {lead}: not of this version")))
}

/// Limits of the checks, by the settings.
fn check_policy(app: &App) -> CheckPolicy {
    let verification = &app.config.verification;
    CheckPolicy {
        duplicate_window_secs: app.config.exchange.duplicate_window_secs,
        bot_secs: u32::try_from(verification.form_min_secs).unwrap_or(u32::MAX),
        pasted_percent: verification.pasted_percent,
        device_leads_day: verification.device_leads_day,
        ip_leads_day: verification.ip_leads_day,
        form_fills_hour: app.config.forms.fills_hour,
        consent_max_age_secs: verification.consent_max_age_secs,
        ..CheckPolicy::default()
    }
}

/// How far one looks around a lead, by the settings.
fn reach(app: &App) -> Reach {
    let policy = check_policy(app);
    Reach { window_secs: policy.duplicate_window_secs, device_leads: policy.device_leads_day, ip_leads: policy.ip_leads_day }
}

/// The weights of a vertical under the settings.
fn weights(app: &App, vertical: &StoredVertical) -> Weights {
    let scoring = &app.config.scoring;
    let empty = BTreeMap::new();
    let points = scoring.weights.get(vertical.path.as_str()).unwrap_or(&empty);
    vertical.definition.weights.clone().under(points, scoring.warm_from.into(), scoring.hot_from.into())
}

/// What of a lead is looked for elsewhere.
fn probe(app: &App, seller: OrganizationId, lead: &Lead, own: Option<&StoredLead>) -> Probe {
    let contact = &lead.sealed.contact;
    let mut keys: Vec<_> =
        lead.keys().iter().map(|key| (key.kind, app.keys.keyed_hash(key.kind.as_str(), &key.canonical))).collect();
    let phones = contact.phones.iter().filter(|phone| phone.valid).map(|phone| (Channel::Phone, &phone.e164));
    let emails = contact.emails.iter().filter(|email| email.valid).map(|email| (Channel::Email, &email.address));
    let digest = |(channel, text): (Channel, &String)| (channel, digest_hash(app, &sha256_hex(text)));
    let digests: Vec<_> = phones.chain(emails).map(digest).collect();
    let channels = keys.iter().filter_map(|(kind, hash)| Some((kind.channel()?, *hash)));
    let suppression = channels.chain(digests.iter().copied()).collect();
    keys.extend(digests.iter().map(|(_, hash)| (KeyKind::Sha256, *hash)));
    let domains = contact.emails.iter().filter(|email| email.valid).map(domain::contact::Email::domain);
    let mail_domain = domains.filter(|domain| !domain::contact::is_free_mail(domain)).map(str::to_owned).next();
    let own = own.map(|stored| Brought { id: stored.id, at: stored.created_at, live: stored.state.is_live() });
    Probe { own, seller, keys, suppression, mail_domain, captured_at: lead.captured_at }
}

/// The keyed hash under which a list keeps somebody of whom it knows only a SHA-256, in lower-case hexadecimal digits.
pub(in crate::app) fn digest_hash(app: &App, digest: &str) -> [u8; 32] {
    app.keys.keyed_hash("SHA256", digest)
}

fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// The version of the vertical whose schema a stored lead fits.
pub(in crate::app) async fn schema_of(app: &App, lead: &StoredLead) -> Result<StoredVertical, AppError> {
    let vertical = app.store.vertical_version(lead.vertical, lead.vertical_version).await?;
    vertical.ok_or_else(|| StoreError::corrupt(format!("{} without its vertical's version", lead.id)).into())
}
