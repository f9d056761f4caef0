//! What came of attempts, written for many at once: the log, the state of each message, and how each endpoint does.

use std::collections::BTreeMap;

use domain::id::{OrganizationId, WebhookDeliveryId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook::{Breaker, DisabledFor, Pause, WebhookAttemptOutcome, WebhookDeliveryState};
use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;

use crate::entity::{webhook_delivery, webhook_endpoint};
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::rows::{Column, Get, Given};
use crate::words::is;
use crate::write::Tx;

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// The message.
    pub delivery: WebhookDeliveryId,
    /// The number of the attempt.
    pub attempt: i64,
    /// Where to.
    pub endpoint: WebhookEndpointId,
    /// What it came to.
    pub outcome: WebhookAttemptOutcome,
    /// The status of the answer, if one came.
    pub status: Option<i64>,
    /// How long it took, in milliseconds.
    pub millis: i64,
    /// The beginning of the answer; never of one that could repeat personal data.
    pub answer: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// When the message is tried again if it failed; `None` when it is not.
    pub again_at: Option<Timestamp>,
}

/// What the owner of an endpoint is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It failed too often in a row, and is only probed for a while.
    Paused(WebhookEndpointId),
    /// It answered 410 and gets nothing more.
    Gone(WebhookEndpointId),
}

impl Attempted {
    /// Whether the message was delivered.
    #[must_use]
    pub const fn succeeded(&self) -> bool {
        matches!(self.outcome, WebhookAttemptOutcome::Delivered)
    }

    const fn state(&self) -> WebhookDeliveryState {
        match (self.succeeded(), self.again_at) {
            (true, _) => WebhookDeliveryState::Delivered,
            (false, Some(_)) => WebhookDeliveryState::Pending,
            (false, None) => WebhookDeliveryState::Dead,
        }
    }

    fn next(&self, now: Timestamp) -> Next {
        let state = self.state();
        let ended_at = (state != WebhookDeliveryState::Pending).then_some(now);
        Next { delivery: self.delivery, attempt: self.attempt, state, again_at: self.again_at, ended_at }
    }
}

const LOG: &[Column<Attempted>] = &[
    ("delivery_id", Get::Id(|row| row.delivery.0)),
    ("attempt", Get::Integer(|row| row.attempt)),
    ("endpoint_id", Get::Id(|row| row.endpoint.0)),
    ("outcome", Get::Text(|row| row.outcome.as_str())),
    ("status", Get::MaybeInteger(|row| row.status)),
    ("millis", Get::Integer(|row| row.millis)),
    ("answer", Get::MaybeText(|row| row.answer.as_deref())),
    ("began_at", Get::Instant(|row| row.began_at)),
];

/// What becomes of a message.
struct Next {
    delivery: WebhookDeliveryId,
    attempt: i64,
    state: WebhookDeliveryState,
    again_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

const STATE: &[Column<Next>] = &[
    ("id", Get::Id(|row| row.delivery.0)),
    ("attempt", Get::Integer(|row| row.attempt)),
    ("state", Get::Text(|row| row.state.as_str())),
    ("again_at", Get::MaybeInstant(|row| row.again_at)),
    ("ended_at", Get::MaybeInstant(|row| row.ended_at)),
];

/// How an endpoint did in some attempts.
struct Did {
    endpoint: WebhookEndpointId,
    failed: bool,
}

const DID: &[Column<Did>] = &[("id", Get::Id(|row| row.endpoint.0)), ("failed", Get::Flag(|row| row.failed))];

impl Tx {
    /// Writes down what came of attempts. One that was overtaken, because its lease had run out, is logged and changes nothing
    /// else. Answers whom to tell what.
    pub async fn webhook_attempted(
        &self,
        attempts: &[Attempted],
        failures_max: i64,
        probe_secs: i64,
    ) -> Result<Vec<Told>, WriteError> {
        if attempts.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.now().await?;
        self.insert_unless("webhook_attempt", LOG, attempts, "ON CONFLICT DO NOTHING").await?;
        let rows: Vec<Next> = attempts.iter().map(|attempt| attempt.next(now)).collect();
        let given = Given::new(self.backend(), STATE, &rows);
        let sql = format!(
            "UPDATE webhook_delivery SET state = given.state, due_at = COALESCE(given.again_at, due_at), leased_until = NULL, \
             ended_at = given.ended_at FROM {given} \
             WHERE webhook_delivery.id = given.id AND attempts = given.attempt AND webhook_delivery.state = 'PENDING'"
        );
        given.execute(self, sql).await?;
        self.breakers_move(attempts, failures_max, probe_secs, now).await
    }

    async fn breakers_move(
        &self,
        attempts: &[Attempted],
        failures_max: i64,
        probe_secs: i64,
        now: Timestamp,
    ) -> Result<Vec<Told>, WriteError> {
        let mut by_endpoint: BTreeMap<WebhookEndpointId, Vec<&Attempted>> = BTreeMap::new();
        for attempt in attempts {
            by_endpoint.entry(attempt.endpoint).or_default().push(attempt);
        }
        let did: Vec<Did> = by_endpoint
            .iter()
            .map(|(id, attempts)| Did { endpoint: *id, failed: attempts.iter().any(|attempt| !attempt.succeeded()) })
            .collect();
        // An endpoint that does well is not written to.
        let given = Given::new(self.backend(), DID, &did);
        let sql = format!(
            "SELECT webhook_endpoint.* FROM webhook_endpoint JOIN {given} ON given.id = webhook_endpoint.id \
             WHERE given.failed OR failures > 0 ORDER BY webhook_endpoint.id{}",
            given.lock("webhook_endpoint")
        );
        let mut told = Vec::new();
        for row in given.query(self, sql).await? {
            let row = webhook_endpoint::Model::from_query_result(&row, "").map_err(StoreError::from)?;
            let attempts = by_endpoint.get(&row.id.into()).map(Vec::as_slice).unwrap_or_default();
            told.extend(self.breaker_move(row, attempts, failures_max, probe_secs, now).await?);
        }
        Ok(told)
    }

    async fn breaker_move(
        &self,
        row: webhook_endpoint::Model,
        attempts: &[&Attempted],
        failures_max: i64,
        probe_secs: i64,
        now: Timestamp,
    ) -> Result<Option<Told>, WriteError> {
        let id = WebhookEndpointId(row.id);
        let organization = OrganizationId(row.organization_id);
        if row.disabled_at.is_none() && attempts.iter().any(|attempt| attempt.status == Some(410)) {
            webhook_endpoint::Entity::update_many()
                .col_expr(webhook_endpoint::Column::DisabledAt, Expr::value(now))
                .col_expr(webhook_endpoint::Column::DisabledFor, Expr::value(DisabledFor::Gone.as_str()))
                .col_expr(webhook_endpoint::Column::UpdatedAt, Expr::value(now))
                .col_expr(webhook_endpoint::Column::Version, Expr::value(row.version.saturating_add(1)))
                .filter(webhook_endpoint::Column::Id.eq(row.id))
                .exec(self.db())
                .await?;
            self.webhook_deliveries_end(id).await?;
            self.endpoint_told("webhook.disabled", id, organization).await?;
            return Ok(Some(Told::Gone(id)));
        }
        let pause = row.paused_at.zip(row.probe_at).map(|(since, probe_at)| Pause { since, probe_at });
        let was = Breaker { failures: row.failures, pause };
        let succeeded: Vec<bool> = attempts.iter().map(|attempt| attempt.succeeded()).collect();
        let next = was.after(&succeeded, failures_max, probe_secs, now);
        if next == was {
            return Ok(None);
        }
        webhook_endpoint::Entity::update_many()
            .col_expr(webhook_endpoint::Column::Failures, Expr::value(next.failures))
            .col_expr(webhook_endpoint::Column::PausedAt, Expr::value(next.pause.map(|pause| pause.since)))
            .col_expr(webhook_endpoint::Column::ProbeAt, Expr::value(next.pause.map(|pause| pause.probe_at)))
            .filter(webhook_endpoint::Column::Id.eq(row.id))
            .exec(self.db())
            .await?;
        if was.pause.is_some() || next.pause.is_none() || row.disabled_at.is_some() {
            return Ok(None);
        }
        self.endpoint_told("webhook.paused", id, organization).await?;
        Ok(Some(Told::Paused(id)))
    }

    async fn endpoint_told(&self, topic: &'static str, id: WebhookEndpointId, to: OrganizationId) -> Result<(), StoreError> {
        self.emit(Event { topic, subject_id: id.0, audience: vec![to], payload: serde_json::json!({}) }).await
    }

    /// Ends what waits for an endpoint that gets nothing more; it can be replayed.
    pub async fn webhook_deliveries_end(&self, endpoint: WebhookEndpointId) -> Result<u64, WriteError> {
        let done = webhook_delivery::Entity::update_many()
            .col_expr(webhook_delivery::Column::State, Expr::value(WebhookDeliveryState::Dead.as_str()))
            .col_expr(webhook_delivery::Column::EndedAt, Expr::value(self.now().await?))
            .col_expr(webhook_delivery::Column::LeasedUntil, Expr::value(Option::<Timestamp>::None))
            .filter(webhook_delivery::Column::EndpointId.eq(endpoint.0))
            .filter(is(webhook_delivery::Column::State, WebhookDeliveryState::Pending.as_str()))
            .exec(self.db())
            .await?;
        Ok(done.rows_affected)
    }
}
