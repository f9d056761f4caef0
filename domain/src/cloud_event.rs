//! Events of the feed as CloudEvents 1.0 in structured mode, for whoever consumes them on an engine of its own.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::id::{CampaignId, DisputeId, ImportId, LeadId, ListingId, OrganizationId, TradeId, WebhookEndpointId, WithdrawalId};
use crate::time::Timestamp;
use crate::webhook::{EventType, Happened};

/// An event with where it stands in the feed.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The event.
    pub happened: Happened<'a>,
    /// The writing transaction; 0 on SQLite.
    pub transaction_id: i64,
    /// The event's number.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
}

impl<'a> Placed<'a> {
    /// The event's id: the same whenever it is published.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}", self.transaction_id, self.seq)
    }

    /// What happened: as integrators are told where they are, else as the feed says.
    #[must_use]
    pub fn event_type(&self) -> &'a str {
        EventType::of(self.happened.topic, self.happened.payload).map_or(self.happened.topic, |known| known.as_str())
    }

    /// The event of an exchange that is reached at `source`. It holds ids, states and amounts, and never who a person is.
    #[must_use]
    pub fn cloud_event(&self, source: &str) -> Value {
        let happened = &self.happened;
        let audience: Vec<String> = happened.audience.iter().map(ToString::to_string).collect();
        let mut event = json!({
            "specversion": "1.0",
            "id": self.id(),
            "source": source,
            "type": self.event_type(),
            "subject": subject(happened.topic, happened.subject),
            "time": self.at,
            "datacontenttype": "application/json",
            // Extensions: their values are plain.
            "sequence": self.seq.to_string(),
            "topic": happened.topic,
            "data": happened.payload,
        });
        if let (Value::Object(event), false) = (&mut event, audience.is_empty()) {
            event.insert("audience".to_owned(), audience.join(",").into());
        }
        event
    }
}

/// The id of the object as the API has it.
fn subject(topic: &str, id: Uuid) -> String {
    match topic.split('.').next().unwrap_or_default() {
        "trade" | "outcome" => TradeId(id).to_string(),
        "dispute" => DisputeId(id).to_string(),
        "listing" | "auction" | "bid" => ListingId(id).to_string(),
        "campaign" => CampaignId(id).to_string(),
        "payout" => WithdrawalId(id).to_string(),
        "wallet" => OrganizationId(id).to_string(),
        "lead" => LeadId(id).to_string(),
        "import" => ImportId(id).to_string(),
        "webhook" => WebhookEndpointId(id).to_string(),
        _ => id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(topic: &str, audience: &[OrganizationId], payload: &Value) -> Value {
        let happened = Happened { topic, subject: Uuid::from_u128(1), audience, payload };
        let placed = Placed { happened, transaction_id: 7, seq: 42, at: Timestamp::UNIX_EPOCH };
        placed.cloud_event("https://leads.example")
    }

    #[test]
    fn an_event_has_the_attributes_of_the_specification() {
        let payload = json!({ "state": "RELEASED", "was": "HELD" });
        let audience = [OrganizationId(Uuid::from_u128(2)), OrganizationId(Uuid::from_u128(3))];
        let expected = json!({
            "specversion": "1.0", "id": "7-42", "source": "https://leads.example", "type": "trade.released",
            "subject": TradeId(Uuid::from_u128(1)), "time": "1970-01-01T00:00:00Z", "datacontenttype": "application/json",
            "sequence": "42", "topic": "trade.updated", "audience": format!("{},{}", audience[0], audience[1]),
            "data": { "state": "RELEASED", "was": "HELD" },
        });
        assert_eq!(event("trade.updated", &audience, &payload), expected);
    }

    #[test]
    fn what_has_no_name_for_integrators_keeps_that_of_the_feed() {
        let listing = event("listing.changed", &[], &json!({}));
        assert_eq!((&listing["type"], &listing["subject"]), (&json!("listing.changed"), &json!(ListingId(Uuid::from_u128(1)))));
        assert_eq!(listing.get("audience"), None);
        assert_eq!(event("ledger.stopped", &[], &json!({}))["subject"], "00000000-0000-0000-0000-000000000001");
    }
}
