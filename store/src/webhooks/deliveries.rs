//! Messages and attempts as their organization sees them, sending again, and forgetting.

use domain::id::{OrganizationId, WebhookDeliveryId, WebhookEndpointId, uuid_v7};
use domain::refusal::Refusal;
use domain::time::Timestamp;
use domain::webhook::{EventType, WebhookAttemptOutcome, WebhookDeliveryState};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect, QueryTrait};
use serde_json::Value;

use crate::db::Store;
use crate::entity::{webhook_attempt, webhook_delivery};
use crate::error::{StoreError, WriteError};
use crate::page::{Page, Slice};
use crate::words::is;
use crate::write::Tx;

/// How many rows are forgotten in one transaction.
const PRUNED_ROWS: u64 = 5_000;

/// A message to one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its id, the same at each attempt.
    pub id: WebhookDeliveryId,
    /// Where to.
    pub endpoint: WebhookEndpointId,
    /// What happened.
    pub event_type: EventType,
    /// To which object.
    pub object: String,
    /// Its place among the messages about the object.
    pub sequence: i64,
    /// What is said of it.
    pub data: Value,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Where it stands.
    pub state: WebhookDeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next, while it is pending.
    pub due_at: Timestamp,
    /// When it was delivered or given up.
    pub ended_at: Option<Timestamp>,
}

/// An attempt to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The message.
    pub delivery: WebhookDeliveryId,
    /// Its number.
    pub attempt: i64,
    /// What it came to.
    pub outcome: WebhookAttemptOutcome,
    /// The status of the answer, if one came.
    pub status: Option<i64>,
    /// How long it took, in milliseconds.
    pub millis: i64,
    /// The beginning of the answer.
    pub answer: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
}

/// Which messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// To this endpoint.
    pub endpoint: Option<WebhookEndpointId>,
    /// Where they stand.
    pub state: Option<WebhookDeliveryState>,
    /// Of this type.
    pub event_type: Option<EventType>,
}

/// What to send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayOf {
    /// One message.
    One(WebhookDeliveryId),
    /// What happened in a span of time, as far as it was told to one endpoint and its sending is over.
    Range {
        /// The endpoint.
        endpoint: WebhookEndpointId,
        /// The first instant.
        from: Timestamp,
        /// The first instant behind it.
        until: Timestamp,
        /// Only what stands so.
        state: Option<WebhookDeliveryState>,
        /// At most so many, the oldest.
        limit: u64,
    },
}

impl TryFrom<webhook_delivery::Model> for Delivery {
    type Error = StoreError;

    fn try_from(row: webhook_delivery::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            endpoint: row.endpoint_id.into(),
            event_type: row.event_type.parse().map_err(StoreError::corrupt)?,
            object: row.object,
            sequence: row.sequence,
            data: row.data,
            occurred_at: row.occurred_at,
            state: row.state.parse().map_err(StoreError::corrupt)?,
            attempts: row.attempts,
            due_at: row.due_at,
            ended_at: row.ended_at,
        })
    }
}

impl TryFrom<webhook_attempt::Model> for Attempt {
    type Error = StoreError;

    fn try_from(row: webhook_attempt::Model) -> Result<Self, StoreError> {
        Ok(Self {
            delivery: row.delivery_id.into(),
            attempt: row.attempt,
            outcome: row.outcome.parse().map_err(StoreError::corrupt)?,
            status: row.status,
            millis: row.millis,
            answer: row.answer,
            began_at: row.began_at,
        })
    }
}

impl Store {
    /// A page of the organization's messages, newest first.
    pub async fn webhook_deliveries(
        &self,
        organization: OrganizationId,
        filter: DeliveryFilter,
        page: &Page<WebhookDeliveryId>,
    ) -> Result<Slice<Delivery>, StoreError> {
        let only = Condition::all()
            .add(webhook_delivery::Column::OrganizationId.eq(organization.0))
            .add_option(filter.endpoint.map(|id| webhook_delivery::Column::EndpointId.eq(id.0)))
            .add_option(filter.state.map(|state| webhook_delivery::Column::State.eq(state.as_str())))
            .add_option(filter.event_type.map(|event_type| webhook_delivery::Column::EventType.eq(event_type.as_str())))
            .add_option(page.after.map(|after| webhook_delivery::Column::Id.lt(after.0)));
        let rows = webhook_delivery::Entity::find().filter(only).order_by_desc(webhook_delivery::Column::Id).limit(page.limit());
        Slice::cut(rows.all(self.read()).await?, page).try_map(Delivery::try_from)
    }

    /// Those of `ids` that are the organization's, in no order.
    pub async fn webhook_deliveries_many(
        &self,
        organization: OrganizationId,
        ids: &[WebhookDeliveryId],
    ) -> Result<Vec<Delivery>, StoreError> {
        let wanted = webhook_delivery::Column::Id.is_in(ids.iter().map(|id| id.0));
        let own = webhook_delivery::Column::OrganizationId.eq(organization.0);
        let rows = webhook_delivery::Entity::find().filter(wanted).filter(own).all(self.read()).await?;
        rows.into_iter().map(Delivery::try_from).collect()
    }

    /// A page of the attempts of a message, the latest first. Whether the caller may see it is the caller's to check.
    pub async fn webhook_attempts(&self, of: WebhookDeliveryId, page: &Page<i64>) -> Result<Slice<Attempt>, StoreError> {
        let only = Condition::all()
            .add(webhook_attempt::Column::DeliveryId.eq(of.0))
            .add_option(page.after.map(|after| webhook_attempt::Column::Attempt.lt(after)));
        let rows =
            webhook_attempt::Entity::find().filter(only).order_by_desc(webhook_attempt::Column::Attempt).limit(page.limit());
        Slice::cut(rows.all(self.read()).await?, page).try_map(Attempt::try_from)
    }

    /// Gives up what has waited since before `pending_before`, and forgets what was made before `before` and is over; answers
    /// how many rows. A bounded number at a time.
    pub async fn webhook_deliveries_prune(&self, before: Timestamp, pending_before: Timestamp) -> Result<u64, WriteError> {
        self.write("webhook_deliveries_prune", move |tx| async move {
            let over = webhook_delivery::Entity::update_many()
                .col_expr(webhook_delivery::Column::State, Expr::value(WebhookDeliveryState::Dead.as_str()))
                .col_expr(webhook_delivery::Column::EndedAt, Expr::value(tx.now().await?))
                .filter(is(webhook_delivery::Column::State, WebhookDeliveryState::Pending.as_str()))
                .filter(webhook_delivery::Column::PendingSince.lt(pending_before))
                .exec(tx.db())
                .await?;
            // Ids grow with time, so that their index finds what is old.
            let oldest: Vec<Uuid> = webhook_delivery::Entity::find()
                .select_only()
                .column(webhook_delivery::Column::Id)
                .filter(webhook_delivery::Column::Id.lt(uuid_v7(before, [0; 10])))
                .filter(webhook_delivery::Column::State.ne(WebhookDeliveryState::Pending.as_str()))
                .order_by_asc(webhook_delivery::Column::Id)
                .limit(PRUNED_ROWS)
                .into_tuple()
                .all(tx.db())
                .await?;
            for some in oldest.chunks(crate::db::STATEMENT_ROWS) {
                let attempts = webhook_attempt::Column::DeliveryId.is_in(some.iter().copied());
                webhook_attempt::Entity::delete_many().filter(attempts).exec(tx.db()).await?;
                let deliveries = webhook_delivery::Column::Id.is_in(some.iter().copied());
                webhook_delivery::Entity::delete_many().filter(deliveries).exec(tx.db()).await?;
            }
            Ok(over.rows_affected.saturating_add(u64::try_from(oldest.len()).unwrap_or(0)))
        })
        .await
    }
}

impl Tx {
    /// Lets messages of the organization be sent again, from the first try on; answers how many. What is pending already is left
    /// as it is.
    pub async fn webhook_replay(&self, organization: OrganizationId, of: ReplayOf) -> Result<u64, WriteError> {
        let own = Condition::all().add(webhook_delivery::Column::OrganizationId.eq(organization.0));
        let which = match of {
            ReplayOf::One(id) => own.add(webhook_delivery::Column::Id.eq(id.0)),
            ReplayOf::Range { endpoint, from, until, state, limit } => {
                let of = own
                    .add(webhook_delivery::Column::EndpointId.eq(endpoint.0))
                    .add(webhook_delivery::Column::OccurredAt.gte(from))
                    .add(webhook_delivery::Column::OccurredAt.lt(until))
                    .add(webhook_delivery::Column::State.ne(WebhookDeliveryState::Pending.as_str()))
                    .add_option(state.map(|state| webhook_delivery::Column::State.eq(state.as_str())));
                let ids = webhook_delivery::Entity::find()
                    .select_only()
                    .column(webhook_delivery::Column::Id)
                    .filter(of)
                    .order_by_asc(webhook_delivery::Column::Id)
                    .limit(limit)
                    .into_query();
                Condition::all().add(webhook_delivery::Column::Id.in_subquery(ids))
            }
        };
        let now = self.now().await?;
        let done = webhook_delivery::Entity::update_many()
            .col_expr(webhook_delivery::Column::State, Expr::value(WebhookDeliveryState::Pending.as_str()))
            .col_expr(webhook_delivery::Column::Tries, Expr::value(0))
            .col_expr(webhook_delivery::Column::DueAt, Expr::value(now))
            .col_expr(webhook_delivery::Column::PendingSince, Expr::value(now))
            .col_expr(webhook_delivery::Column::LeasedUntil, Expr::value(Option::<Timestamp>::None))
            .col_expr(webhook_delivery::Column::EndedAt, Expr::value(Option::<Timestamp>::None))
            .filter(which)
            .filter(webhook_delivery::Column::State.ne(WebhookDeliveryState::Pending.as_str()))
            .exec(self.db())
            .await?;
        Ok(done.rows_affected)
    }

    /// The message, if it is the organization's.
    pub async fn webhook_delivery(&self, organization: OrganizationId, id: WebhookDeliveryId) -> Result<Delivery, WriteError> {
        let own = webhook_delivery::Column::OrganizationId.eq(organization.0);
        let row = webhook_delivery::Entity::find_by_id(id.0).filter(own).one(self.db()).await?;
        let row = row.ok_or_else(|| Refusal::not_found("webhookDeliveryId", "webhook delivery"))?;
        Ok(Delivery::try_from(row)?)
    }
}
