//! Organizations: registering, changing, and an operator's stop.

use std::fmt;

use domain::access::{Permission, Principal, Role, StaffRole};
use domain::account::{Email, Organization, OrganizationStatus, Person, country_of, locale_of, name_of, time_zone_of};
use domain::id::{MembershipId, OrganizationId, UserId};
use domain::refusal::Refusal;
use secrecy::{ExposeSecret, SecretString};

use super::email_verification::Proof;
use super::listings::ORGANIZATION_OFFERS_END;
use super::session::{Opening, SessionTokens, password_hash};
use super::{App, AppError, Caller};
use crate::auth::password_check;

/// A new organization with its owner.
#[derive(Clone)]
pub struct OrganizationRegister {
    /// Its name.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// IANA name.
    pub time_zone: String,
    /// The language of its mails.
    pub locale: String,
    /// The owner's name.
    pub owner_name: String,
    /// The owner's address, to log in with.
    pub email: String,
    /// The owner's password.
    pub password: SecretString,
    /// The organization that brought it, if any.
    pub referrer: Option<OrganizationId>,
}

/// What is to change of an organization.
#[derive(Debug, Clone, Default)]
pub struct OrganizationUpdate {
    /// Another name.
    pub name: Option<String>,
    /// Another country.
    pub country: Option<String>,
    /// Another time zone.
    pub time_zone: Option<String>,
    /// Another language.
    pub locale: Option<String>,
}

impl fmt::Debug for OrganizationRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrganizationRegister").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Registers an organization with its first owner, who is logged in at once, and who is asked to prove its address where
/// that is required.
pub async fn organization_register(
    app: &App,
    caller: &Caller,
    input: OrganizationRegister,
) -> Result<(Organization, SessionTokens), AppError> {
    let (organization, person) = registration_of(app, &input)?;
    app.throttle(app.registration_limit(caller.address).into_iter().collect()).await?;
    let hash = password_hash(app, input.password).await?;
    let member: MembershipId = app.store.id();
    let opening = Opening::new(app, person.id, Some(organization.id), None);
    let principal = Principal::Member { user: person.id, organization: organization.id, role: Role::Owner };
    let (start, token_hash, referrer) = (opening.start.clone(), opening.refresh.hash, input.referrer);
    let new = organization.clone();
    let proof = app.config.requires_verified_email().then(|| Proof::new(app, &person.email)).transpose()?;
    app.store
        .write("organization_register", move |tx| {
            let (new, person, hash, start, proof) = (new.clone(), person.clone(), hash.clone(), start.clone(), proof.clone());
            async move {
                if let Some(referrer) = referrer {
                    let known = tx.organization_lock(referrer).await?;
                    known.ok_or_else(|| Refusal::not_found("referrerId", "organization"))?;
                }
                tx.organization_insert(&new, referrer).await?;
                tx.person_insert(&person, &hash).await?;
                tx.member_insert(member, new.id, person.id, Role::Owner).await?;
                tx.session_insert(&start, &token_hash).await?;
                if let Some(proof) = proof {
                    proof.send(&tx, person.id).await?;
                }
                Ok::<_, AppError>(())
            }
        })
        .await?;
    Ok((organization, opening.tokens(app, principal).await?))
}

/// The organization that the caller may see under `id`: its own, or any for an operator.
pub async fn organization(app: &App, caller: &Caller, id: OrganizationId) -> Result<Option<Organization>, AppError> {
    Ok(organizations_many(app, caller, &[id]).await?.pop())
}

/// Those of `ids` that the caller may see, in no order.
pub async fn organizations_many(app: &App, caller: &Caller, ids: &[OrganizationId]) -> Result<Vec<Organization>, AppError> {
    let any = caller.principal.require_staff(StaffRole::Operator).is_ok();
    let own = caller.principal.organization();
    let visible: Vec<OrganizationId> = ids.iter().copied().filter(|id| any || own == Some(*id)).collect();
    if visible.is_empty() { Ok(Vec::new()) } else { Ok(app.store.organizations(&visible).await?) }
}

/// Changes the caller's organization.
pub async fn organization_update(app: &App, caller: &Caller, input: OrganizationUpdate) -> Result<Organization, AppError> {
    let id = caller.principal.require(Permission::OrganizationWrite)?;
    let mut refusals = Vec::new();
    let mut checked = |field: &str, value: Option<String>, check: fn(&str) -> Result<String, Refusal>| {
        value.and_then(|value| check(&value).map_err(|refusal| refusals.push(refusal.at(field))).ok())
    };
    let name = checked("name", input.name, name_of);
    let country = checked("country", input.country, country_of);
    let time_zone = checked("timeZone", input.time_zone, time_zone_of);
    let locale = checked("locale", input.locale, locale_of);
    if !refusals.is_empty() {
        return Err(refusals.into());
    }
    app.store
        .write("organization_update", move |tx| {
            let (name, country, time_zone, locale) = (name.clone(), country.clone(), time_zone.clone(), locale.clone());
            async move {
                let gone = || AppError::internal("the caller's organization is gone");
                let now = tx.organization_lock(id).await?.ok_or_else(gone)?;
                let changed = Organization {
                    name: name.unwrap_or(now.name),
                    country: country.unwrap_or(now.country),
                    time_zone: time_zone.unwrap_or(now.time_zone),
                    locale: locale.unwrap_or(now.locale),
                    ..now
                };
                tx.organization_update(&changed).await?;
                Ok(changed)
            }
        })
        .await
}

/// Stops an organization: its people and keys lose access, its open listings and bids end. For operators.
pub async fn organization_suspend(app: &App, caller: &Caller, id: OrganizationId) -> Result<Organization, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    organization_status_set(app, "organization_suspend", id, OrganizationStatus::Suspended).await
}

/// Lets a stopped organization act again. For operators.
pub async fn organization_reinstate(app: &App, caller: &Caller, id: OrganizationId) -> Result<Organization, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    organization_status_set(app, "organization_reinstate", id, OrganizationStatus::Active).await
}

async fn organization_status_set(
    app: &App,
    name: &'static str,
    id: OrganizationId,
    status: OrganizationStatus,
) -> Result<Organization, AppError> {
    let changed = app
        .store
        .write(name, move |tx| async move {
            let now = tx.organization_lock(id).await?.ok_or_else(|| Refusal::not_found("organizationId", "organization"))?;
            if now.status == status {
                return Err(AppError::from(Refusal::wrong_state(format!("the organization is {} already", status.as_str()))));
            }
            let changed = Organization { status, ..now };
            tx.organization_update(&changed).await?;
            if status == OrganizationStatus::Suspended {
                let payload = serde_json::json!({ "organization": id });
                tx.enqueue(ORGANIZATION_OFFERS_END, payload, tx.now().await?).await?;
            }
            Ok(changed)
        })
        .await?;
    app.identity.forget();
    Ok(changed)
}

fn registration_of(app: &App, input: &OrganizationRegister) -> Result<(Organization, Person), Vec<Refusal>> {
    let name = name_of(&input.name).map_err(|refusal| refusal.at("name"));
    let country = country_of(&input.country).map_err(|refusal| refusal.at("country"));
    let time_zone = time_zone_of(&input.time_zone).map_err(|refusal| refusal.at("timeZone"));
    let locale = locale_of(&input.locale).map_err(|refusal| refusal.at("locale"));
    let owner = name_of(&input.owner_name).map_err(|refusal| refusal.at("ownerName"));
    let email = input.email.parse::<Email>().map_err(|refusal| refusal.at("email"));
    let password = password_check(input.password.expose_secret(), &input.email).map_err(|refusal| refusal.at("password"));
    match (name, country, time_zone, locale, owner, email, password) {
        (Ok(name), Ok(country), Ok(time_zone), Ok(locale), Ok(owner), Ok(email), Ok(())) => {
            let person = Person { id: app.store.id::<UserId>(), email, name: owner, locale: locale.clone() };
            let (id, created_at, status) = (app.store.id(), app.now(), OrganizationStatus::Active);
            Ok((Organization { id, name, country, time_zone, locale, status, created_at }, person))
        }
        (name, country, time_zone, locale, owner, email, password) => {
            let texts = [name.err(), country.err(), time_zone.err(), locale.err(), owner.err()];
            Err(texts.into_iter().chain([email.err(), password.err()]).flatten().collect())
        }
    }
}
