//! From events to one row for each endpoint that is told.

use std::collections::BTreeSet;

use domain::id::{OrganizationId, WebhookDeliveryId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook::{EventType, WebhookDeliveryState};
use serde_json::Value;

use super::Leased;
use crate::error::{StoreError, WriteError};
use crate::rows::{Column, Get, Given};
use crate::write::Tx;

/// A message to be sent to one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// Its id, the same at each attempt.
    pub id: WebhookDeliveryId,
    /// Where to.
    pub endpoint: WebhookEndpointId,
    /// Whose endpoint that is.
    pub organization: OrganizationId,
    /// What happened.
    pub event_type: EventType,
    /// To which object.
    pub object: String,
    /// Grows with each message about the object.
    pub sequence: i64,
    /// What is said of it; never personal data.
    pub data: Value,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Until when it is whoever adds it who sends it, as the first attempt; `None` leaves it to whoever takes it.
    pub leased_until: Option<Timestamp>,
}

impl NewDelivery {
    /// The message as whoever adds it and sends it itself has it.
    #[must_use]
    pub fn into_leased(self) -> Leased {
        Leased {
            id: self.id,
            endpoint: self.endpoint,
            organization: self.organization,
            event_type: self.event_type,
            object: self.object,
            sequence: self.sequence,
            data: self.data,
            occurred_at: self.occurred_at,
            attempt: 1,
            tries: 1,
        }
    }

    fn attempts(&self) -> i64 {
        i64::from(self.leased_until.is_some())
    }
}

/// The messages to an endpoint about one object, which go one after another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thread {
    /// Where to.
    pub endpoint: WebhookEndpointId,
    /// About what.
    pub object: String,
}

const COLUMNS: &[Column<NewDelivery>] = &[
    ("id", Get::Id(|row| row.id.0)),
    ("endpoint_id", Get::Id(|row| row.endpoint.0)),
    ("organization_id", Get::Id(|row| row.organization.0)),
    ("event_type", Get::Text(|row| row.event_type.as_str())),
    ("object", Get::Text(|row| &row.object)),
    ("sequence", Get::Integer(|row| row.sequence)),
    ("data", Get::Json(|row| &row.data)),
    ("occurred_at", Get::Instant(|row| row.occurred_at)),
    ("leased_until", Get::MaybeInstant(|row| row.leased_until)),
    ("attempts", Get::Integer(NewDelivery::attempts)),
    ("tries", Get::Integer(NewDelivery::attempts)),
];

const THREAD: &[Column<Thread>] =
    &[("endpoint_id", Get::Id(|thread| thread.endpoint.0)), ("object", Get::Text(|thread| &thread.object))];

impl Tx {
    /// Adds messages, due at once. That an event is told to an endpoint once is the reader's to see to: it moves on in this transaction.
    pub async fn webhook_deliveries_insert(&self, rows: &[NewDelivery]) -> Result<(), WriteError> {
        let now = self.now().await?;
        for some in rows.chunks(crate::db::STATEMENT_ROWS) {
            let state = ("state", WebhookDeliveryState::Pending.as_str().into());
            let alike = [state, ("due_at", now.into()), ("created_at", now.into()), ("pending_since", now.into())];
            self.insert_alike("webhook_delivery", COLUMNS, some, alike, "").await?;
        }
        Ok(())
    }

    /// Those of `threads` in which nothing may be sent ahead of what waits already: a message about the object that is not over, or any to
    /// the endpoint that is due and that nobody has taken.
    pub async fn webhook_threads_blocked(&self, threads: &[Thread]) -> Result<BTreeSet<Thread>, StoreError> {
        let mut blocked = BTreeSet::new();
        let now = self.now().await?;
        for some in threads.chunks(crate::db::STATEMENT_ROWS) {
            let mut given = Given::new(self.backend(), THREAD, some);
            let at = given.bind(now);
            // Subqueries with a limit are looked up one by one, whatever the planner believes of the table.
            let sql = format!(
                "SELECT given.endpoint_id, given.object FROM {given} \
                 WHERE (SELECT w.sequence FROM webhook_delivery w WHERE w.state = 'PENDING' AND w.endpoint_id = given.endpoint_id \
                 AND w.object = given.object ORDER BY w.sequence LIMIT 1) IS NOT NULL \
                 OR (SELECT w.sequence FROM webhook_delivery w WHERE w.state = 'PENDING' AND w.endpoint_id = given.endpoint_id \
                 AND w.due_at <= {at} AND (w.leased_until IS NULL OR w.leased_until <= {at}) \
                 ORDER BY w.due_at, w.sequence LIMIT 1) IS NOT NULL"
            );
            for row in given.query(self, sql).await? {
                let endpoint: uuid::Uuid = row.try_get("", "endpoint_id")?;
                blocked.insert(Thread { endpoint: endpoint.into(), object: row.try_get("", "object")? });
            }
        }
        Ok(blocked)
    }
}
