//! Everything that happened, in order, to reconcile against.

use serde::Serialize;
use serde_json::Value;

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub struct JournalEntry {
    /// Counts from 1 without gaps.
    pub sequence: u64,
    /// Seconds since the Unix epoch, by the double's clock.
    pub at: i64,
    /// What it was.
    #[serde(flatten)]
    pub what: Happening,
}

/// What can happen.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// A request to the API was answered, or its connection dropped.
    Request(RequestRecord),
    /// An event was made.
    Event {
        /// Its id.
        id: String,
        /// Its type, such as `payout.paid`.
        event_type: String,
        /// The object that it is about.
        object: String,
    },
    /// An event was sent to an endpoint.
    Delivery(DeliveryRecord),
    /// The control plane was used.
    Control {
        /// The command, as its JSON form names it.
        command: String,
        /// The object that it was about, if any.
        object: Option<String>,
    },
}

/// A request to the API, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct RequestRecord {
    /// As the header `Request-Id` gives it.
    pub id: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The parameters as a tree; values are strings.
    pub params: Value,
    /// Of `Stripe-Account`.
    pub account: Option<String>,
    /// Of `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Whether the answer was that of an earlier request with the same key.
    pub replayed: bool,
    /// Whether the endpoint was executed by this request.
    pub executed: bool,
    /// The status that the client was sent; none if the connection was dropped.
    pub status: Option<u16>,
    /// The id of the object in the answer, if it is one.
    pub object: Option<String>,
    /// Whether a scripted fault had a part in it.
    pub faulted: bool,
}

/// One attempt to deliver an event.
#[derive(Debug, Clone, Serialize)]
pub struct DeliveryRecord {
    /// The event.
    pub event: String,
    /// Its type.
    pub event_type: String,
    /// Where it was sent.
    pub url: String,
    /// Counts from 1 for each copy that is delivered.
    pub attempt: u32,
    /// Counts from 0; more than 0 is a scripted duplicate.
    pub copy: u32,
    /// What the endpoint answered; none if it did not.
    pub status: Option<u16>,
}
