//! Keys of machines.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::account::ApiKey;
use uuid::Uuid;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::session::PermissionName;
use super::{app, caller};
use crate::app::api_key::{self, ApiKeyCreate as NewKey};
use crate::mutation_errors;

/// Queries about API keys.
#[derive(Debug, Default)]
pub struct ApiKeyQuery;

/// Mutations of API keys.
#[derive(Debug, Default)]
pub struct ApiKeyMutation;

mutation_errors!(ApiKeyCreate: [Invalid, Required, TooLarge, LimitReached]);
mutation_errors!(ApiKeyRevoke: [Invalid, NotFound]);

/// A machine's key, without its secret.
#[derive(Debug, SimpleObject)]
#[graphql(name = "ApiKey")]
pub struct ApiKeyObject {
    /// The id.
    pub id: ID,
    /// What it is for.
    pub name: String,
    /// The first characters of the secret, to tell keys apart.
    pub prefix: String,
    /// What it permits.
    pub scopes: Vec<PermissionName>,
    /// Whether it is for trying out only: it pings and posts leads, nothing of that is kept, and no money moves.
    pub test: bool,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when, if it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// The last use, to the hour.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl From<ApiKey> for ApiKeyObject {
    fn from(key: ApiKey) -> Self {
        Self {
            id: to_id(key.id),
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes.into_iter().map(PermissionName::from).collect(),
            test: key.test,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// A key to make.
#[derive(Debug, InputObject)]
pub struct ApiKeyCreateInput {
    /// What it is for, at most 120 characters.
    pub name: String,
    /// What it permits: at least one, and none that the caller lacks.
    pub scopes: Vec<PermissionName>,
    /// Makes a key that only tries out `leadPing`, `leadPost` and `leadDirectPost`: answers follow from the input alone, nothing
    /// is kept, and no money moves.
    #[graphql(default)]
    pub test: bool,
    /// When it ends; never when not said.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key to revoke.
#[derive(Debug, InputObject)]
pub struct ApiKeyRevokeInput {
    /// Which.
    pub api_key_id: ID,
}

/// The answer of `apiKeyCreate`.
#[derive(SimpleObject)]
pub struct ApiKeyCreatePayload {
    /// The key.
    pub api_key: Option<ApiKeyObject>,
    /// The secret, for the header `Authorization: Bearer ..`. It is shown this once.
    pub secret: Option<String>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ApiKeyCreate>>,
}

/// The answer of `apiKeyRevoke`.
#[derive(Debug, SimpleObject)]
pub struct ApiKeyRevokePayload {
    /// The key as it is now.
    pub api_key: Option<ApiKeyObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ApiKeyRevoke>>,
}

#[Object]
impl ApiKeyQuery {
    /// The API keys of the caller's organization, revoked ones too, oldest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<ApiKeyObject>> {
        let page = page::<Uuid>("apiKeys:oldest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, api_key::api_keys(app(ctx), caller(ctx), &page).await)?;
        Ok(connection("apiKeys:oldest", slice, page.after.is_some(), |row| row.id.0, ApiKeyObject::from))
    }
}

#[Object]
impl ApiKeyMutation {
    /// Makes an API key for the caller's organization. Its secret is shown in this answer and never again.
    async fn api_key_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ApiKeyCreateInput,
    ) -> async_graphql::Result<ApiKeyCreatePayload> {
        let scopes = input.scopes.into_iter().map(Into::into).collect();
        let new = NewKey { name: input.name, scopes, test: input.test, expires_at: input.expires_at };
        let (created, user_errors) = settle(ctx, api_key::api_key_create(app(ctx), caller(ctx), new).await)?;
        let (api_key, secret) = created.map(|(key, token)| (key.into(), token.expose().to_owned())).unzip();
        Ok(ApiKeyCreatePayload { api_key, secret, user_errors })
    }

    /// Revokes an API key, at once and for good.
    async fn api_key_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ApiKeyRevokeInput,
    ) -> async_graphql::Result<ApiKeyRevokePayload> {
        let result = match parse_id(&input.api_key_id, "apiKeyId") {
            Ok(id) => api_key::api_key_revoke(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (key, user_errors) = settle(ctx, result)?;
        Ok(ApiKeyRevokePayload { api_key: key.map(ApiKeyObject::from), user_errors })
    }
}
