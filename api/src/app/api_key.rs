//! Keys of machines.

use domain::access::Permission;
use domain::account::{ApiKey, name_of, scopes_check};
use domain::id::ApiKeyId;
use domain::refusal::Refusal;
use domain::time::Timestamp;
use store::page::{Page, Slice};
use uuid::Uuid;

use super::email_verification::require_verified_email;
use super::invitation::limit_check;
use super::member::require_member;
use super::session::{KEY_PREFIX, TEST_KEY_PREFIX};
use super::{App, AppError, Caller};
use crate::crypto::Token;

/// A key being made.
#[derive(Debug, Clone)]
pub struct ApiKeyCreate {
    /// What it is for.
    pub name: String,
    /// What it permits.
    pub scopes: Vec<Permission>,
    /// Whether it is for trying out only.
    pub test: bool,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
}

/// The keys of the caller's organization, revoked ones too, oldest first.
pub async fn api_keys(app: &App, caller: &Caller, page: &Page<Uuid>) -> Result<Slice<ApiKey>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.api_keys(organization, page).await?)
}

/// Those of `ids` that are keys of the caller's organization, in no order.
pub async fn api_keys_many(app: &App, caller: &Caller, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.api_keys_many(organization, ids).await?)
}

/// Makes a key for the caller's organization. The secret is in this answer and nowhere else.
pub async fn api_key_create(app: &App, caller: &Caller, input: ApiKeyCreate) -> Result<(ApiKey, Token), AppError> {
    let (maker, organization, _) = require_member(caller, Permission::KeysWrite)?;
    require_verified_email(app, caller).await?;
    let now = app.now();
    let mut refusals = Vec::new();
    let name = name_of(&input.name).map_err(|refusal| refusals.push(refusal.at("name"))).unwrap_or_default();
    if let Err(refused) = scopes_check(&caller.principal, &input.scopes) {
        refusals.extend(refused.into_iter().map(|refusal| refusal.at("scopes")));
    }
    if input.expires_at.is_some_and(|expires_at| expires_at <= now) {
        refusals.push(Refusal::invalid("expiresAt", "must lie in the future"));
    }
    if !refusals.is_empty() {
        return Err(refusals.into());
    }
    let prefix = if input.test { TEST_KEY_PREFIX } else { KEY_PREFIX };
    let secret = Token::generate(app.entropy.as_ref(), prefix);
    let key = ApiKey {
        id: app.store.id(),
        organization,
        name,
        prefix: secret.shown.clone(),
        scopes: input.scopes.into_iter().collect(),
        test: input.test,
        created_at: now,
        expires_at: input.expires_at.map(domain::time::truncated),
        last_used_at: None,
        revoked_at: None,
    };
    let (new, hash, max) = (key.clone(), secret.hash, app.config.auth.api_keys_max);
    app.store
        .write("api_key_create", move |tx| {
            let new = new.clone();
            async move {
                tx.organization_lock(organization).await?;
                limit_check(tx.api_keys_count(organization).await?, max, "live API keys")?;
                tx.api_key_insert(&new, maker, &hash).await?;
                Ok::<_, AppError>(())
            }
        })
        .await?;
    Ok((key, secret))
}

/// Revokes a key at once and for good. Revoking it again changes nothing.
pub async fn api_key_revoke(app: &App, caller: &Caller, id: ApiKeyId) -> Result<ApiKey, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    let revoked = app
        .store
        .write("api_key_revoke", move |tx| async move {
            let revoked = tx.api_key_revoke(organization, id).await?;
            Ok::<_, AppError>(revoked.ok_or_else(|| Refusal::not_found("apiKeyId", "API key"))?)
        })
        .await?;
    app.identity.forget();
    Ok(revoked)
}
