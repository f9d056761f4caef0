//! Where buyers want their leads: settings checked by the adapter of each system, secrets sealed and never shown again.

mod settings;
pub mod tokens;

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::account::name_of;
use domain::delivery::MAX_CAMPAIGN_DESTINATIONS;
use domain::id::{DestinationId, OrganizationId, TypedId};
use domain::refusal::{Code, Refusal};
use gateways::crm::{self, Lead, Secrets, Shown};
use secrecy::{ExposeSecret, SecretString};
use store::destinations::Destination;
use store::leads::Envelope;
use store::page::{Page, Slice};
use store::{Tx, WriteError};
use uuid::Uuid;

pub use settings::{DestinationSettings, PlanDraft, in_destination};
use settings::{completed, kind_of, policy, problems, secrets_refused, unrendered, with_secrets};

use super::deliveries::CONSUMER;
use super::email_verification::require_verified_email;
use super::invitation::limit_check;
use super::member::require_member;
use super::{App, AppError, Caller};
use crate::crypto::{Binding, Sealed};

/// A destination to be made.
#[derive(Debug, Clone)]
pub struct DestinationCreate {
    /// What its buyer calls it.
    pub name: String,
    /// How it is reached.
    pub settings: DestinationSettings,
    /// Its secrets.
    pub secrets: BTreeMap<String, SecretString>,
    /// Whether leads go there that no campaign sends elsewhere.
    pub is_default: bool,
}

/// A destination to be changed; what is absent stays.
#[derive(Debug, Clone)]
pub struct DestinationUpdate {
    /// Which.
    pub id: DestinationId,
    /// Another name.
    pub name: Option<String>,
    /// Other settings, all at once, of the same system.
    pub settings: Option<DestinationSettings>,
    /// Secrets to replace or to add.
    pub secrets: BTreeMap<String, SecretString>,
    /// Whether leads go there that no campaign sends elsewhere.
    pub is_default: Option<bool>,
}

/// What a sample of a lead would become there.
#[derive(Debug, Clone)]
pub struct DestinationPreview {
    /// What would be sent, without secrets.
    pub steps: Vec<Shown>,
    /// Everything wrong with the settings.
    pub problems: Vec<Refusal>,
}

/// To what the secrets of a destination are bound.
pub(super) const fn secrets_binding(destination: Uuid) -> Binding {
    Binding { purpose: "destination.secrets", object: destination }
}

/// The destinations of the caller's organization, disabled ones too, oldest first.
pub async fn destinations(app: &App, caller: &Caller, page: &Page<Uuid>) -> Result<Slice<Destination>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.destinations(organization, page).await?)
}

/// Those of `ids` that are the organization's, in no order.
pub async fn destinations_many(app: &App, caller: &Caller, ids: &[DestinationId]) -> Result<Vec<Destination>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.destinations_many(organization, ids).await?)
}

/// What a sample of a lead would become under these settings. Nothing is kept of it.
pub async fn destination_preview(
    app: &App,
    caller: &Caller,
    settings: DestinationSettings,
) -> Result<DestinationPreview, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    let (settings, mut problems) = completed(app, organization, settings).await?;
    let steps = settings.destination.preview(&Lead::sample(), &app.config.delivery.sender);
    let steps = steps.unwrap_or_else(|error| {
        if problems.is_empty() {
            problems.push(unrendered(&error));
        }
        Vec::new()
    });
    Ok(DestinationPreview { steps, problems })
}

/// Makes a destination of the caller's organization.
pub async fn destination_create(app: &App, caller: &Caller, input: DestinationCreate) -> Result<Destination, AppError> {
    let (maker, organization, _) = require_member(caller, Permission::KeysWrite)?;
    require_verified_email(app, caller).await?;
    let (settings, refused) = completed(app, organization, input.settings).await?;
    let mut refused = in_destination(refused);
    let name = name_of(&input.name).map_err(|refusal| refused.push(refusal.at("name"))).unwrap_or_default();
    refused.extend(secrets_refused(&input.secrets));
    let secrets = with_secrets(Secrets::new(), &input.secrets);
    refused.extend(problems(&settings.destination.check_secrets(&secrets, &policy(app)), &settings.destination.kind));
    if !refused.is_empty() {
        return Err(refused.into());
    }
    let (id, now): (DestinationId, _) = (app.store.id(), app.now());
    let new = Destination {
        id,
        organization,
        name,
        kind: kind_of(&settings.destination.kind),
        settings: json(&settings.destination)?,
        plan: settings.plan,
        secret_names: secrets.names().map(str::to_owned).collect(),
        sealed: seal_secrets(app, secrets_binding(id.uuid()), &secrets)?,
        is_default: input.is_default,
        booked_until: None,
        created_at: now,
        updated_at: now,
        disabled_at: None,
        disabled_reason: None,
    };
    let most = app.config.delivery.destinations_max;
    let (made, secrets, has_oauth) = (&new, &secrets, settings.destination.oauth.is_some());
    app.store
        .write("destination_create", |tx| async move {
            tx.organization_lock(organization).await?;
            limit_check(tx.destinations_count(organization).await?, most, "destinations")?;
            if made.is_default {
                tx.destination_default_clear(organization).await?;
            }
            tx.destination_insert(made, maker).await?;
            if has_oauth {
                tokens::tokens_begin(app, &tx, made.id, secrets, 0).await?;
            }
            // With the first destination there is something to deliver.
            tx.feed_consumer_make(CONSUMER).await?;
            Ok::<_, AppError>(())
        })
        .await?;
    Ok(new)
}

/// Changes a destination. What waits for it is tried at once.
pub async fn destination_update(app: &App, caller: &Caller, input: DestinationUpdate) -> Result<Destination, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    require_verified_email(app, caller).await?;
    let mut refused = secrets_refused(&input.secrets);
    let name = input.name.as_deref().map(name_of).transpose().map_err(|refusal| refused.push(refusal.at("name"))).ok().flatten();
    let settings = match input.settings {
        Some(settings) => {
            let (settings, found) = completed(app, organization, settings).await?;
            refused.extend(in_destination(found));
            Some(settings)
        }
        None => None,
    };
    if !refused.is_empty() {
        return Err(refused.into());
    }
    let (name, settings, secrets) = (&name, &settings, &input.secrets);
    app.store
        .write("destination_update", |tx| async move {
            tx.organization_lock(organization).await?;
            let was = locked(&tx, organization, input.id).await?;
            let mut next = Destination { updated_at: tx.now().await?, ..was.clone() };
            if let Some(settings) = settings {
                if kind_of(&settings.destination.kind) != was.kind {
                    let message = format!("a destination keeps its system, {}: make another", was.kind.as_str());
                    return Err(Refusal::invalid("settings", message).at("destination").into());
                }
                (next.settings, next.plan) = (json(&settings.destination)?, settings.plan.clone());
            }
            next.name = name.clone().unwrap_or(next.name);
            let merged = with_secrets(opened(app, &was)?, secrets);
            let target = target(&next)?;
            let wrong = problems(&target.check_secrets(&merged, &policy(app)), &target.kind);
            if !wrong.is_empty() {
                return Err(wrong.into());
            }
            if !secrets.is_empty() {
                next.secret_names = merged.names().map(str::to_owned).collect();
                next.sealed = seal_secrets(app, secrets_binding(was.id.uuid()), &merged)?;
            }
            next.is_default = input.is_default.unwrap_or(next.is_default);
            if next.is_default && !was.is_default {
                tx.destination_default_clear(organization).await?;
            }
            tx.destination_save(&next).await?;
            let changed = settings.is_some();
            tokens::tokens_follow(app, &tx, next.id, target.oauth.as_ref(), &merged, secrets, changed).await?;
            tx.deliveries_hurry(next.id).await?;
            Ok::<_, AppError>(next)
        })
        .await
}

/// Lets nothing more be brought to a destination. What waits for it is given up; `deliveryRetry` brings it once the destination is enabled again.
pub async fn destination_disable(app: &App, caller: &Caller, id: DestinationId) -> Result<Destination, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    app.store
        .write("destination_disable", |tx| async move {
            let was = locked(&tx, organization, id).await?;
            disable(&tx, was, "disabled by its organization").await
        })
        .await
}

/// Lets leads be brought to a destination again.
pub async fn destination_enable(app: &App, caller: &Caller, id: DestinationId) -> Result<Destination, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    require_verified_email(app, caller).await?;
    let most = app.config.delivery.destinations_max;
    app.store
        .write("destination_enable", |tx| async move {
            tx.organization_lock(organization).await?;
            let was = locked(&tx, organization, id).await?;
            if was.disabled_at.is_none() {
                return Ok(was);
            }
            limit_check(tx.destinations_count(organization).await?, most, "destinations")?;
            let now = tx.now().await?;
            let next = Destination { disabled_at: None, disabled_reason: None, updated_at: now, ..was };
            tx.destination_save(&next).await?;
            tokens::tokens_enabled(&tx, id).await?;
            Ok::<_, AppError>(next)
        })
        .await
}

/// Disables a destination that is locked, unless it is, and gives up what waits for it.
pub(super) async fn disable(tx: &Tx, was: Destination, reason: &str) -> Result<Destination, AppError> {
    if was.disabled_at.is_some() {
        return Ok(was);
    }
    let now = tx.now().await?;
    let next = Destination { disabled_at: Some(now), disabled_reason: Some(reason.to_owned()), updated_at: now, ..was };
    tx.destination_save(&next).await?;
    tx.deliveries_fail(next.id, "the destination is disabled").await?;
    Ok(next)
}

/// Refuses destinations of a campaign that are not the buyer's.
pub(super) async fn own_check(tx: &Tx, buyer: OrganizationId, ids: &[DestinationId]) -> Result<(), WriteError> {
    let own = tx.destinations_own(buyer, ids).await?;
    let all = u64::try_from(ids.len()).is_ok_and(|count| count == own);
    if all {
        Ok(())
    } else {
        Err(Refusal::not_found("destinationIds", "destination with one of these ids").at("campaign").into())
    }
}

/// The destinations of a campaign, each once; refused when they are too many.
pub fn campaign_destinations(mut ids: Vec<DestinationId>) -> Result<Vec<DestinationId>, Refusal> {
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MAX_CAMPAIGN_DESTINATIONS {
        return Err(
            Refusal::new(Code::TooLarge, format!("at most {MAX_CAMPAIGN_DESTINATIONS} destinations")).at("destinationIds")
        );
    }
    Ok(ids)
}

/// How a destination is reached, as it was stored.
pub(super) fn target(destination: &Destination) -> Result<crm::Destination, AppError> {
    serde_json::from_value(destination.settings.clone()).map_err(AppError::internal)
}

/// The secrets of a destination.
pub(super) fn opened(app: &App, destination: &Destination) -> Result<Secrets, AppError> {
    open_secrets(app, secrets_binding(destination.id.uuid()), &destination.sealed)
}

fn open_secrets(app: &App, binding: Binding, sealed: &Envelope) -> Result<Secrets, AppError> {
    let Envelope { key_id, wrapped_key, ciphertext } = sealed.clone();
    let plain = app.keys.open(binding, &Sealed { key_id, wrapped_key, ciphertext }).map_err(AppError::internal)?;
    let form = String::from_utf8(plain.to_vec()).map_err(|_| AppError::internal("the secrets of a destination are no text"))?;
    Secrets::from_sealed_form(&form.into()).map_err(AppError::internal)
}

fn seal_secrets(app: &App, binding: Binding, secrets: &Secrets) -> Result<Envelope, AppError> {
    let form = secrets.sealed_form();
    let sealed = app.keys.seal(app.entropy.as_ref(), binding, form.expose_secret().as_bytes());
    let Sealed { key_id, wrapped_key, ciphertext } = sealed.map_err(AppError::internal)?;
    Ok(Envelope { key_id, wrapped_key, ciphertext })
}

async fn locked(tx: &Tx, organization: OrganizationId, id: DestinationId) -> Result<Destination, AppError> {
    let found = tx.destination_lock(organization, id).await?;
    Ok(found.ok_or_else(|| Refusal::not_found("destinationId", "destination"))?)
}

fn json(destination: &crm::Destination) -> Result<serde_json::Value, AppError> {
    serde_json::to_value(destination).map_err(AppError::internal)
}
