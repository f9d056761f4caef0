//! From events to one row for each endpoint that is told.

use domain::id::{OrganizationId, WebhookDeliveryId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook::{EventType, WebhookDeliveryState};
use serde_json::Value;

use crate::error::WriteError;
use crate::rows::{Column, Get};
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
    /// The event's number; none for a test.
    pub event_seq: Option<i64>,
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
}

const COLUMNS: &[Column<NewDelivery>] = &[
    ("id", Get::Id(|row| row.id.0)),
    ("endpoint_id", Get::Id(|row| row.endpoint.0)),
    ("organization_id", Get::Id(|row| row.organization.0)),
    ("event_seq", Get::MaybeInteger(|row| row.event_seq)),
    ("event_type", Get::Text(|row| row.event_type.as_str())),
    ("object", Get::Text(|row| &row.object)),
    ("sequence", Get::Integer(|row| row.sequence)),
    ("data", Get::Json(|row| &row.data)),
    ("occurred_at", Get::Instant(|row| row.occurred_at)),
];

impl Tx {
    /// Adds messages, due at once; answers how many. An event is told to an endpoint once.
    pub async fn webhook_deliveries_insert(&self, rows: Vec<NewDelivery>) -> Result<u64, WriteError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let now = self.now().await?;
        let mut added = 0_u64;
        for some in rows.chunks(crate::db::STATEMENT_ROWS) {
            let state = ("state", WebhookDeliveryState::Pending.as_str().into());
            let alike = [state, ("due_at", now.into()), ("created_at", now.into()), ("pending_since", now.into())];
            // Naming the key spares looking for conflicts with others.
            let conflict = "ON CONFLICT (endpoint_id, event_seq) DO NOTHING";
            added = added.saturating_add(self.insert_alike("webhook_delivery", COLUMNS, some, alike, conflict).await?);
        }
        Ok(added)
    }
}
