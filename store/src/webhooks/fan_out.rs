//! From events to one row for each endpoint that is told.

use domain::id::{OrganizationId, WebhookDeliveryId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook::EventType;
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

const COLUMNS: &[Column<(NewDelivery, Timestamp)>] = &[
    ("id", Get::Id(|(row, _)| row.id.0)),
    ("endpoint_id", Get::Id(|(row, _)| row.endpoint.0)),
    ("organization_id", Get::Id(|(row, _)| row.organization.0)),
    ("event_seq", Get::MaybeInteger(|(row, _)| row.event_seq)),
    ("event_type", Get::Text(|(row, _)| row.event_type.as_str())),
    ("object", Get::Text(|(row, _)| &row.object)),
    ("sequence", Get::Integer(|(row, _)| row.sequence)),
    ("data", Get::Json(|(row, _)| &row.data)),
    ("occurred_at", Get::Instant(|(row, _)| row.occurred_at)),
    ("state", Get::Text(|_| "PENDING")),
    ("due_at", Get::Instant(|(_, now)| *now)),
    ("created_at", Get::Instant(|(_, now)| *now)),
    ("pending_since", Get::Instant(|(_, now)| *now)),
];

/// Naming the key spares looking for conflicts with the others.
const UNLESS_TOLD: &str = "ON CONFLICT (endpoint_id, event_seq) DO NOTHING";

impl Tx {
    /// Adds messages, due at once; answers how many. An event is told to an endpoint once.
    pub async fn webhook_deliveries_insert(&self, rows: Vec<NewDelivery>) -> Result<u64, WriteError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let now = self.now().await?;
        let rows: Vec<(NewDelivery, Timestamp)> = rows.into_iter().map(|row| (row, now)).collect();
        let mut added = 0_u64;
        for some in rows.chunks(crate::db::STATEMENT_ROWS) {
            let done = self.insert_unless("webhook_delivery", COLUMNS, some, UNLESS_TOLD).await?;
            added = added.saturating_add(done);
        }
        Ok(added)
    }
}
