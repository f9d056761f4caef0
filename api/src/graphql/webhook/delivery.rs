//! Messages and attempts.

use async_graphql::{ID, SimpleObject};
use chrono::{DateTime, Utc};
use domain::webhook::{WebhookAttemptOutcome, WebhookDeliveryState};
use store::webhooks::{Attempt, Delivery};

use super::super::id::to_id;
use super::super::word::Word;

/// A message to one endpoint.
#[derive(Debug, SimpleObject)]
#[graphql(name = "WebhookDelivery")]
pub struct WebhookDeliveryObject {
    /// The id: the message's `webhook-id`, the same at each attempt.
    pub id: ID,
    /// Where to.
    pub webhook_endpoint_id: ID,
    /// What happened.
    pub event_type: String,
    /// The id of the object that it happened to.
    pub object_id: ID,
    /// Grows with each message about the object; numbers are left out.
    pub sequence: String,
    /// What is said of it, as JSON. Contact details, which are added to `lead.delivered` where an endpoint asks for them, are not kept.
    pub data: String,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// Where it stands.
    pub state: Word<WebhookDeliveryState>,
    /// How often it was tried, attempts under way included.
    pub attempts: i64,
    /// When it is tried next at the earliest; null once that is over.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was delivered or given up.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<Delivery> for WebhookDeliveryObject {
    fn from(delivery: Delivery) -> Self {
        let is_pending = delivery.state == WebhookDeliveryState::Pending;
        Self {
            id: to_id(delivery.id),
            webhook_endpoint_id: to_id(delivery.endpoint),
            event_type: delivery.event_type.as_str().to_owned(),
            object_id: ID(delivery.object),
            sequence: delivery.sequence.to_string(),
            data: delivery.data.to_string(),
            occurred_at: delivery.occurred_at,
            state: delivery.state.into(),
            attempts: delivery.attempts,
            next_attempt_at: is_pending.then_some(delivery.due_at),
            ended_at: delivery.ended_at,
        }
    }
}

/// An attempt to deliver a message. What was sent is not in it.
#[derive(Debug, SimpleObject)]
#[graphql(name = "WebhookAttempt")]
pub struct WebhookAttemptObject {
    /// Its number.
    pub attempt: i64,
    /// What it came to.
    pub outcome: Word<WebhookAttemptOutcome>,
    /// The status of the answer, if one came.
    pub status: Option<i64>,
    /// How long it took, in milliseconds.
    pub millis: i64,
    /// The first KiB of the answer, without control characters; null where none came, and where the message held contact details,
    /// which the answer might repeat.
    pub answer: Option<String>,
    /// When it began.
    pub began_at: DateTime<Utc>,
}

impl From<Attempt> for WebhookAttemptObject {
    fn from(attempt: Attempt) -> Self {
        Self {
            attempt: attempt.attempt,
            outcome: attempt.outcome.into(),
            status: attempt.status,
            millis: attempt.millis,
            answer: attempt.answer,
            began_at: attempt.began_at,
        }
    }
}
