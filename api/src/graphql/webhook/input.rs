//! What mutations of webhooks are asked.

use async_graphql::{ID, InputObject};
use chrono::{DateTime, Utc};
use domain::webhook::WebhookDeliveryState;

use super::super::word::Word;

/// An endpoint to make.
#[derive(Debug, InputObject)]
pub struct WebhookEndpointCreateInput {
    /// What it is for, at most 120 characters.
    pub name: String,
    /// Where messages are posted: an `https` address of the public net, at most 2048 characters.
    pub url: String,
    /// What it is told of: event types, whole nouns as `dispute.*`, or `*`; at most 50. `webhookEventTypes` lists them.
    pub event_types: Vec<String>,
    /// Whether `lead.delivered` brings the contact details, which needs `contacts:reveal`. Each time is recorded as a look, and the
    /// first that arrives starts the hold.
    #[graphql(default)]
    pub include_contact: bool,
}

/// An endpoint to change; what is absent stays.
#[derive(Debug, InputObject)]
pub struct WebhookEndpointUpdateInput {
    /// Which.
    pub webhook_endpoint_id: ID,
    /// What it is for.
    pub name: Option<String>,
    /// Where messages are posted. Another address ends a pause.
    pub url: Option<String>,
    /// What it is told of.
    pub event_types: Option<Vec<String>>,
    /// Whether `lead.delivered` brings the contact details.
    pub include_contact: Option<bool>,
}

/// An endpoint to give another secret.
#[derive(Debug, InputObject)]
pub struct WebhookEndpointRotateSecretInput {
    /// Which.
    pub webhook_endpoint_id: ID,
}

/// An endpoint to disable.
#[derive(Debug, InputObject)]
pub struct WebhookEndpointDisableInput {
    /// Which.
    pub webhook_endpoint_id: ID,
}

/// An endpoint to enable.
#[derive(Debug, InputObject)]
pub struct WebhookEndpointEnableInput {
    /// Which.
    pub webhook_endpoint_id: ID,
}

/// An endpoint to test.
#[derive(Debug, InputObject)]
pub struct WebhookEndpointTestInput {
    /// Which.
    pub webhook_endpoint_id: ID,
}

/// What to send again: one message, or what was told to an endpoint in a span of time; exactly one of the two.
#[derive(Debug, InputObject)]
pub struct WebhookReplayInput {
    /// One message.
    pub webhook_delivery_id: Option<ID>,
    /// What was told in a span of time.
    pub range: Option<WebhookReplayRangeInput>,
}

/// What happened in a span of time, as far as it was told to an endpoint; at most the 10,000 oldest of it.
#[derive(Debug, InputObject)]
pub struct WebhookReplayRangeInput {
    /// The endpoint.
    pub webhook_endpoint_id: ID,
    /// The first instant.
    pub from: DateTime<Utc>,
    /// The first instant behind it.
    pub until: DateTime<Utc>,
    /// Only messages that stand so; what is pending is sent anyway.
    pub state: Option<Word<WebhookDeliveryState>>,
}
