//! Certificates of consent: the exchange's own are signed here and checked by anybody; those of others are asked about behind the
//! commit of a lead's intake.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use domain::access::StaffRole;
use domain::certificate::{Certificate, Keeper, Statement};
use domain::id::{CertificateId, LeadId};
use domain::refusal::Refusal;
use domain::time::plus_secs;
use domain::verification::{CertificateFound, Finding, certificate as finding_of, look_up_pause_secs};
use serde_json::{Value, json};
use store::accounts::StoredSigningKey;
use store::forms::StoredText;
use store::job::Lane;
use store::leads::{Finder, LeadScope, StoredLead};

use super::leads::{Certified, Recorded, findings_record, leads_of, person_of, schema_of};
use super::{App, AppError, Caller};
use crate::auth::{SigningKey, SigningKeys};
use crate::ports::CertificateQuestion;

/// The kind of the jobs that ask about certificates.
pub const CERTIFICATE_CHECK: &str = "certificate_check";

/// A certificate with what is needed to check it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateShown {
    /// The certificate.
    pub certificate: Certificate,
    /// The public half of the key that signed it.
    pub public_key: Vec<u8>,
    /// The words that were shown, of which the certificate holds the hash.
    pub text: StoredText,
    /// Whether the signature is of these bytes, and the hash of these words.
    pub valid: bool,
}

impl App {
    /// The key that signs certificates; the first call on a new exchange makes one.
    pub(super) async fn certificate_key(&self) -> Result<SigningKey, AppError> {
        let active = self.store.certificate_keys().await?.into_iter().find(|key| key.retired_at.is_none());
        match active {
            Some(key) => SigningKey::unseal(&self.keys, key.public_key, &key.sealed_private_key, None).map_err(|error| {
                AppError::internal(format_args!("the key of certificates does not open with this key ring: {error}"))
            }),
            None => self.certificate_key_renew(false).await,
        }
    }

    /// Retires the key that signs certificates and makes a new one; answers its name. What the old ones signed stays good.
    pub async fn certificate_keys_rotate(&self) -> Result<String, AppError> {
        Ok(self.certificate_key_renew(true).await?.kid)
    }

    async fn certificate_key_renew(&self, retire: bool) -> Result<SigningKey, AppError> {
        let key = SigningKey::generate(self.entropy.as_ref()).ok_or_else(|| AppError::internal("no signing key can be made"))?;
        let sealed_private_key = key.seal(&self.keys, self.entropy.as_ref()).map_err(AppError::internal)?;
        let stored =
            StoredSigningKey { kid: key.kid.clone(), public_key: key.public_key.clone(), sealed_private_key, retired_at: None };
        self.store
            .write("certificate_key_renew", move |tx| {
                let stored = stored.clone();
                async move {
                    if retire {
                        tx.certificate_keys_retire().await?;
                    }
                    tx.certificate_key_insert(&stored).await?;
                    Ok::<_, AppError>(())
                }
            })
            .await?;
        Ok(key)
    }
}

/// The public halves of every key that ever signed a certificate, as a JWK set.
pub async fn certificate_keys(app: &App) -> Result<Value, AppError> {
    app.certificate_key().await?;
    let public = |key: StoredSigningKey| SigningKey::public(key.public_key, key.retired_at);
    Ok(SigningKeys::new(app.store.certificate_keys().await?.into_iter().map(public).collect()).jwks())
}

/// Signs a statement.
pub(super) fn certified(key: &SigningKey, statement: &Statement, origin: [u8; 32]) -> Result<Certified, AppError> {
    let payload = statement.payload();
    let signature = key.sign(payload.as_bytes()).ok_or_else(|| AppError::internal("a certificate cannot be signed"))?;
    let certificate = Certificate {
        id: statement.id,
        lead: statement.lead,
        form: statement.form,
        form_version: statement.form_version,
        language: statement.language.clone(),
        key_id: key.kid.clone(),
        payload,
        signature,
        issued_at: statement.submitted_at,
    };
    Ok((certificate, origin))
}

/// A certificate for everybody; it names nobody.
pub async fn certificate_show(app: &App, id: CertificateId) -> Result<CertificateShown, AppError> {
    let certificate = app.store.certificate(id).await?.ok_or_else(|| Refusal::not_found("id", "certificate"))?;
    let text = app.store.form_text(certificate.form, certificate.form_version, &certificate.language).await?;
    let text = text.ok_or_else(|| AppError::internal("a certificate without its words"))?;
    let keys = app.store.certificate_keys().await?;
    let key = keys.into_iter().find(|key| key.kid == certificate.key_id);
    let public_key = key.ok_or_else(|| AppError::internal("a certificate without its key"))?.public_key;
    let valid = is_signed(&certificate, &public_key) && is_of(&certificate, &text);
    Ok(CertificateShown { certificate, public_key, text, valid })
}

fn is_signed(certificate: &Certificate, public_key: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(certificate.payload.as_bytes(), &certificate.signature).is_ok()
}

/// Whether what was signed is about this lead and these words: the columns beside the payload are not signed.
fn is_of(certificate: &Certificate, text: &StoredText) -> bool {
    use sha2::Digest;
    let Ok(payload) = serde_json::from_str::<Value>(&certificate.payload) else { return false };
    let is = |pointer: &str, expected: &str| payload.pointer(pointer).and_then(Value::as_str) == Some(expected);
    is("/id", &certificate.id.to_string())
        && is("/lead", &certificate.lead.to_string())
        && is("/form", &certificate.form.to_string())
        && is("/shown/text_sha256", &hex::encode(sha2::Sha256::digest(text.text.as_bytes())))
}

/// The certificates of those of `leads` that the caller sees in its own right: as their seller, as a party to a dispute about
/// one, or as staff.
pub async fn certificates_many(app: &App, caller: &Caller, leads: &[LeadId]) -> Result<HashMap<LeadId, Certificate>, AppError> {
    let staff = [StaffRole::Operator, StaffRole::Arbiter].into_iter().any(|role| caller.principal.require_staff(role).is_ok());
    let known = staff || caller.principal.organization().is_some();
    let found = if known { app.store.certificates_of(leads).await? } else { Vec::new() };
    Ok(found.into_iter().map(|certificate| (certificate.lead, certificate)).collect())
}

/// Asks the keepers of the certificates that the leads of a job's payload name, and records what they say. One that does not
/// answer is INCONCLUSIVE, and asked again later.
pub async fn certificate_check(app: &App, payload: &Value) -> Result<(), AppError> {
    let tries = payload.get("tries").and_then(Value::as_u64).and_then(|tries| u32::try_from(tries).ok()).unwrap_or(0);
    let mut silent = Vec::new();
    for id in leads_of(payload)? {
        let Some(lead) = app.store.lead(LeadScope::Exchange, id).await?.filter(|lead| lead.state.is_open()) else { continue };
        let Some(url) = lead.consent.as_ref().and_then(|consent| consent.certificate_url.clone()) else { continue };
        let keeper = Keeper::of(&url, &app.config.server.public_url);
        let found = asked(app, &lead, &keeper).await?;
        record(app, &lead, finding_of(keeper.name(), found)).await?;
        if found.may_be_asked_again() {
            silent.push(id);
        }
    }
    let Some(pause) = look_up_pause_secs(tries).filter(|_| !silent.is_empty()) else { return Ok(()) };
    let (silent, tries) = (&silent, tries.saturating_add(1));
    app.store
        .write("certificate_check_again", |tx| async move {
            let run_at = plus_secs(tx.now().await?, pause);
            tx.enqueue_in(Lane::LookUps, CERTIFICATE_CHECK, json!({ "leads": silent, "tries": tries }), run_at).await?;
            Ok::<_, AppError>(())
        })
        .await
}

async fn asked(app: &App, lead: &StoredLead, keeper: &Keeper) -> Result<CertificateFound, AppError> {
    let id = match keeper {
        Keeper::Own(id) => return own(app, lead.id, *id).await,
        Keeper::Unknown => return Ok(CertificateFound::UnknownKeeper),
        Keeper::TrustedForm(id) | Keeper::Jornaya(id) => id.clone(),
    };
    let person = person_of(app, lead.id).await?;
    let contact = person.as_ref().map(|person| &person.contact);
    let question = CertificateQuestion {
        id,
        phone: contact.and_then(|contact| contact.phones.first()).map(|phone| phone.e164.clone()),
        email: contact.and_then(|contact| contact.emails.first()).map(|email| email.address.clone()),
        now: app.now(),
    };
    let keepers = Arc::clone(&app.consent_certificates);
    Ok(match keeper {
        Keeper::Jornaya(_) => keepers.jornaya(&question).await,
        _ => keepers.trusted_form(&question).await,
    })
}

async fn own(app: &App, lead: LeadId, id: CertificateId) -> Result<CertificateFound, AppError> {
    match certificate_show(app, id).await {
        Ok(shown) if !shown.valid => Ok(CertificateFound::Forged),
        Ok(shown) if shown.certificate.lead != lead => Ok(CertificateFound::AnotherLead),
        Ok(_) => Ok(CertificateFound::Valid),
        Err(AppError::Refused(_)) => Ok(CertificateFound::Unknown),
        Err(error) => Err(error),
    }
}

async fn record(app: &App, before: &StoredLead, finding: Finding) -> Result<(), AppError> {
    let schema = &schema_of(app, before).await?;
    let recorded = &[Recorded::Found(finding)];
    let done: Result<StoredLead, AppError> = app
        .store
        .write("certificate_check", |tx| async move {
            findings_record(app, &tx, LeadScope::Exchange, before.id, schema, recorded, Finder::default()).await
        })
        .await;
    match done {
        // A lead that was closed meanwhile needs no checks.
        Ok(_) | Err(AppError::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
