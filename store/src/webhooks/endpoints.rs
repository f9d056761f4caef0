//! Endpoints and the secrets that sign for them.

use domain::id::{OrganizationId, UserId, WebhookEndpointId, WebhookSecretId};
use domain::time::Timestamp;
use domain::webhook::{Breaker, Pause, Subscription, WebhookEndpoint};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{Condition, FromQueryResult, QueryOrder, QuerySelect};

use crate::db::Store;
use crate::entity::{webhook_endpoint, webhook_secret};
use crate::error::{StoreError, WriteError};
use crate::page::{Page, Slice};
use crate::rows::{Column, Get, Given};
use crate::write::Tx;

/// A secret, sealed under its id.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Its id.
    pub id: WebhookSecretId,
    /// What it signs for.
    pub endpoint: WebhookEndpointId,
    /// The ring's key that wraps the data key.
    pub key_id: String,
    /// The data key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The secret, sealed.
    pub ciphertext: Vec<u8>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when it signs, once another has taken its place.
    pub ends_at: Option<Timestamp>,
}

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedSecret({})", self.id)
    }
}

/// Where messages to an endpoint go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The endpoint.
    pub endpoint: WebhookEndpointId,
    /// Where messages are posted.
    pub url: String,
    /// Whether `lead.delivered` brings the contact details.
    pub include_contact: bool,
    /// Grows with each change, that of its secrets included.
    pub version: i64,
}

const ORGANIZATION: &[Column<OrganizationId>] = &[("organization_id", Get::Id(|id| id.0))];

impl Store {
    /// The endpoints of `organization`, disabled ones too, oldest first.
    pub async fn webhook_endpoints(
        &self,
        organization: OrganizationId,
        page: &Page<Uuid>,
    ) -> Result<Slice<WebhookEndpoint>, StoreError> {
        let mut find = webhook_endpoint::Entity::find()
            .filter(webhook_endpoint::Column::OrganizationId.eq(organization.0))
            .order_by_asc(webhook_endpoint::Column::Id)
            .limit(page.limit());
        if let Some(after) = page.after {
            find = find.filter(webhook_endpoint::Column::Id.gt(after));
        }
        Slice::cut(find.all(self.read()).await?, page).try_map(of_row)
    }

    /// Those of `ids` that are the organization's, in no order.
    pub async fn webhook_endpoints_many(
        &self,
        organization: OrganizationId,
        ids: &[WebhookEndpointId],
    ) -> Result<Vec<WebhookEndpoint>, StoreError> {
        let wanted = webhook_endpoint::Column::Id.is_in(ids.iter().map(|id| id.0));
        let own = webhook_endpoint::Column::OrganizationId.eq(organization.0);
        let rows = webhook_endpoint::Entity::find().filter(wanted).filter(own).all(self.read()).await?;
        rows.into_iter().map(of_row).collect()
    }

    /// The endpoint, whosever it is, for the exchange's own work.
    pub async fn webhook_endpoint_any(&self, id: WebhookEndpointId) -> Result<Option<WebhookEndpoint>, StoreError> {
        webhook_endpoint::Entity::find_by_id(id.0).one(self.read()).await?.map(of_row).transpose()
    }

    /// The secrets of these endpoints that sign at `now`, the newest of each first.
    pub async fn webhook_secrets(&self, ids: &[WebhookEndpointId], now: Timestamp) -> Result<Vec<SealedSecret>, StoreError> {
        let stands = Condition::any().add(webhook_secret::Column::EndsAt.is_null()).add(webhook_secret::Column::EndsAt.gt(now));
        let rows = webhook_secret::Entity::find()
            .filter(webhook_secret::Column::EndpointId.is_in(ids.iter().map(|id| id.0)))
            .filter(stands)
            .order_by_desc(webhook_secret::Column::Id)
            .all(self.read())
            .await?;
        Ok(rows.into_iter().map(of_secret).collect())
    }

    /// Forgets secrets that have ended; answers how many.
    pub async fn webhook_secrets_prune(&self) -> Result<u64, WriteError> {
        self.write("webhook_secrets_prune", |tx| async move {
            let ended = webhook_secret::Column::EndsAt.lte(tx.now().await?);
            Ok(webhook_secret::Entity::delete_many().filter(ended).exec(tx.db()).await?.rows_affected)
        })
        .await
    }
}

impl Tx {
    /// How many endpoints of `organization` get messages.
    pub async fn webhook_endpoints_count(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        let live = webhook_endpoint::Entity::find()
            .filter(webhook_endpoint::Column::OrganizationId.eq(organization.0))
            .filter(webhook_endpoint::Column::DisabledAt.is_null());
        Ok(live.count(self.db()).await?)
    }

    /// The endpoints of these organizations that get messages.
    pub async fn webhook_endpoints_live(&self, organizations: &[OrganizationId]) -> Result<Vec<WebhookEndpoint>, StoreError> {
        if organizations.is_empty() {
            return Ok(Vec::new());
        }
        let given = Given::new(self.backend(), ORGANIZATION, organizations);
        let sql = format!(
            "SELECT webhook_endpoint.* FROM webhook_endpoint \
             WHERE organization_id IN (SELECT given.organization_id FROM {given}) AND disabled_at IS NULL ORDER BY id"
        );
        let rows = given.query(self, sql).await?;
        rows.iter().map(|row| of_row(webhook_endpoint::Model::from_query_result(row, "")?)).collect()
    }

    /// Adds an endpoint made by `maker`, with its secret.
    pub async fn webhook_endpoint_insert(
        &self,
        new: &WebhookEndpoint,
        maker: UserId,
        secret: SealedSecret,
    ) -> Result<(), WriteError> {
        let row = webhook_endpoint::ActiveModel {
            id: Set(new.id.0),
            organization_id: Set(new.organization.0),
            name: Set(new.name.clone()),
            url: Set(new.url.clone()),
            event_types: Set(serde_json::to_value(&new.subscription).map_err(StoreError::corrupt)?),
            include_contact: Set(new.include_contact),
            created_by: Set(maker.0),
            created_at: Set(new.created_at),
            updated_at: Set(new.updated_at),
            disabled_at: Set(None),
            disabled_for: Set(None),
            failures: Set(0),
            paused_at: Set(None),
            probe_at: Set(None),
            version: Set(new.version),
        };
        webhook_endpoint::Entity::insert(row).exec_without_returning(self.db()).await?;
        self.webhook_secret_insert(secret).await
    }

    /// Adds a secret.
    pub async fn webhook_secret_insert(&self, secret: SealedSecret) -> Result<(), WriteError> {
        let row = webhook_secret::ActiveModel {
            id: Set(secret.id.0),
            endpoint_id: Set(secret.endpoint.0),
            key_id: Set(secret.key_id),
            wrapped_key: Set(secret.wrapped_key),
            ciphertext: Set(secret.ciphertext),
            created_at: Set(secret.created_at),
            ends_at: Set(secret.ends_at),
        };
        webhook_secret::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Lets the secrets of an endpoint that have no end yet sign until `ends_at`, and ends those before them at once: never more
    /// than two sign.
    pub async fn webhook_secrets_end(&self, endpoint: WebhookEndpointId, ends_at: Timestamp) -> Result<(), WriteError> {
        let own = webhook_secret::Column::EndpointId.eq(endpoint.0);
        let ending = webhook_secret::Column::EndsAt.is_not_null();
        webhook_secret::Entity::delete_many().filter(own.clone()).filter(ending).exec(self.db()).await?;
        webhook_secret::Entity::update_many()
            .col_expr(webhook_secret::Column::EndsAt, Expr::value(ends_at))
            .filter(own)
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// The endpoint `id` of `organization`, locked.
    pub async fn webhook_endpoint_lock(
        &self,
        organization: OrganizationId,
        id: WebhookEndpointId,
    ) -> Result<Option<WebhookEndpoint>, StoreError> {
        let own = webhook_endpoint::Column::OrganizationId.eq(organization.0);
        let find = webhook_endpoint::Entity::find_by_id(id.0).filter(own).lock(LockType::NoKeyUpdate);
        find.one(self.db()).await?.map(of_row).transpose()
    }

    /// Writes what may change of an endpoint that is locked; answers it with its new version.
    pub async fn webhook_endpoint_save(&self, endpoint: WebhookEndpoint) -> Result<WebhookEndpoint, WriteError> {
        let version = endpoint.version.saturating_add(1);
        let pause = endpoint.breaker.pause;
        let types = serde_json::to_value(&endpoint.subscription).map_err(StoreError::corrupt)?;
        webhook_endpoint::Entity::update_many()
            .col_expr(webhook_endpoint::Column::Name, Expr::value(endpoint.name.clone()))
            .col_expr(webhook_endpoint::Column::Url, Expr::value(endpoint.url.clone()))
            .col_expr(webhook_endpoint::Column::EventTypes, Expr::value(types))
            .col_expr(webhook_endpoint::Column::IncludeContact, Expr::value(endpoint.include_contact))
            .col_expr(webhook_endpoint::Column::UpdatedAt, Expr::value(endpoint.updated_at))
            .col_expr(webhook_endpoint::Column::DisabledAt, Expr::value(endpoint.disabled.map(|(at, _)| at)))
            .col_expr(webhook_endpoint::Column::DisabledFor, Expr::value(endpoint.disabled.map(|(_, why)| why.as_str())))
            .col_expr(webhook_endpoint::Column::Failures, Expr::value(endpoint.breaker.failures))
            .col_expr(webhook_endpoint::Column::PausedAt, Expr::value(pause.map(|pause| pause.since)))
            .col_expr(webhook_endpoint::Column::ProbeAt, Expr::value(pause.map(|pause| pause.probe_at)))
            .col_expr(webhook_endpoint::Column::Version, Expr::value(version))
            .filter(webhook_endpoint::Column::Id.eq(endpoint.id.0))
            .exec(self.db())
            .await?;
        Ok(WebhookEndpoint { version, ..endpoint })
    }
}

pub(super) fn of_row(row: webhook_endpoint::Model) -> Result<WebhookEndpoint, StoreError> {
    let subscription: Subscription = serde_json::from_value(row.event_types).map_err(StoreError::corrupt)?;
    let why = row.disabled_for.map(|why| why.parse()).transpose().map_err(StoreError::corrupt)?;
    let pause = row.paused_at.zip(row.probe_at).map(|(since, probe_at)| Pause { since, probe_at });
    Ok(WebhookEndpoint {
        id: row.id.into(),
        organization: row.organization_id.into(),
        name: row.name,
        url: row.url,
        subscription,
        include_contact: row.include_contact,
        created_at: row.created_at,
        updated_at: row.updated_at,
        disabled: row.disabled_at.zip(why),
        breaker: Breaker { failures: row.failures, pause },
        version: row.version,
    })
}

fn of_secret(row: webhook_secret::Model) -> SealedSecret {
    SealedSecret {
        id: row.id.into(),
        endpoint: row.endpoint_id.into(),
        key_id: row.key_id,
        wrapped_key: row.wrapped_key,
        ciphertext: row.ciphertext,
        created_at: row.created_at,
        ends_at: row.ends_at,
    }
}
