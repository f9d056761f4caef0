//! An endpoint, and what it can be told.

use async_graphql::{ID, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::TextEnum;
use domain::webhook::{DisabledFor, EventType, WebhookEndpoint};

use super::super::id::to_id;
use super::super::word::Word;

/// An address to which an organization has messages posted, without its secret.
#[derive(Debug, SimpleObject)]
#[graphql(name = "WebhookEndpoint")]
pub struct WebhookEndpointObject {
    /// The id.
    pub id: ID,
    /// What it is for.
    pub name: String,
    /// Where messages are posted.
    pub url: String,
    /// What it is told of: event types, whole nouns as `dispute.*`, or `*`.
    pub event_types: Vec<String>,
    /// Whether `lead.delivered` brings the contact details.
    pub include_contact: bool,
    /// Since when; nothing that happened before is told.
    pub created_at: DateTime<Utc>,
    /// The last change.
    pub updated_at: DateTime<Utc>,
    /// Since when it gets nothing more.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why it gets nothing more.
    pub disabled_for: Option<Word<DisabledFor>>,
    /// Failures in a row.
    pub failures: i64,
    /// Since when it is left alone, because it failed too often in a row.
    pub paused_at: Option<DateTime<Utc>>,
    /// When one message is tried again while it is paused.
    pub probe_at: Option<DateTime<Utc>>,
}

impl From<WebhookEndpoint> for WebhookEndpointObject {
    fn from(endpoint: WebhookEndpoint) -> Self {
        let pause = endpoint.breaker.pause;
        Self {
            id: to_id(endpoint.id),
            event_types: endpoint.subscription.patterns().map(str::to_owned).collect(),
            name: endpoint.name,
            url: endpoint.url,
            include_contact: endpoint.include_contact,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            disabled_at: endpoint.disabled.map(|(at, _)| at),
            disabled_for: endpoint.disabled.map(|(_, why)| why.into()),
            failures: endpoint.breaker.failures,
            paused_at: pause.map(|pause| pause.since),
            probe_at: pause.map(|pause| pause.probe_at),
        }
    }
}

/// Something of which an endpoint can be told.
#[derive(Debug, SimpleObject)]
pub struct WebhookEventKind {
    /// Its name, such as `trade.released`.
    pub name: String,
    /// When it is told, and to whom.
    pub description: String,
}

impl From<EventType> for WebhookEventKind {
    fn from(event_type: EventType) -> Self {
        Self { name: event_type.as_str().to_owned(), description: event_type.description().trim().to_owned() }
    }
}
