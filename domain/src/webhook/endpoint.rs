//! Addresses to which an organization has messages sent.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Breaker, EventType};
use crate::access::{UnknownText, text_enum};
use crate::id::{OrganizationId, WebhookEndpointId};
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

/// The most event types and patterns of one endpoint.
const PATTERNS_MAX: usize = 50;

text_enum! {
    /// Why an endpoint gets nothing more.
    DisabledFor {
        /// Its organization disabled it.
        Owner = "OWNER",
        /// It answered 410: it is gone.
        Gone = "GONE",
    }
}

/// What an endpoint is told of: event types, whole nouns as `dispute.*`, or `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subscription(BTreeSet<String>);

impl Subscription {
    /// The subscription that `patterns` write.
    pub fn new(patterns: &[String]) -> Result<Self, Refusal> {
        if patterns.is_empty() {
            return Err(Refusal::new(Code::Required, "name at least one event type, or `*`"));
        }
        if patterns.len() > PATTERNS_MAX {
            return Err(Refusal::new(Code::TooLarge, format!("at most {PATTERNS_MAX} event types")));
        }
        let known = |pattern: &str| EventType::ALL.iter().any(|event_type| covers(pattern, *event_type));
        match patterns.iter().position(|pattern| !known(pattern)) {
            Some(at) => {
                let message = "an event type such as `trade.released`, a noun as `dispute.*`, or `*`";
                Err(Refusal::new(Code::Invalid, message).at(at))
            }
            None => Ok(Self(patterns.iter().cloned().collect())),
        }
    }

    /// Whether it covers this type.
    #[must_use]
    pub fn covers(&self, event_type: EventType) -> bool {
        self.0.iter().any(|pattern| covers(pattern, event_type))
    }

    /// As it was written, sorted.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn covers(pattern: &str, event_type: EventType) -> bool {
    let noun = |pattern: &str| event_type.as_str().split_once('.').is_some_and(|(noun, _)| noun == pattern);
    pattern == "*" || pattern == event_type.as_str() || pattern.strip_suffix(".*").is_some_and(noun)
}

/// An address to which an organization has messages sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Whose.
    pub organization: OrganizationId,
    /// What it is for.
    pub name: String,
    /// Where messages are posted.
    pub url: String,
    /// What it is told of.
    pub subscription: Subscription,
    /// Whether `lead.delivered` brings the contact details.
    pub include_contact: bool,
    /// Since when.
    pub created_at: Timestamp,
    /// The last change.
    pub updated_at: Timestamp,
    /// Since when it gets nothing, and why.
    pub disabled: Option<(Timestamp, DisabledFor)>,
    /// How it has done lately.
    pub breaker: Breaker,
    /// How often it has changed.
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(patterns: &[&str]) -> Result<Subscription, Refusal> {
        Subscription::new(&patterns.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_subscription_covers_types_nouns_or_all() {
        let some = subscription(&["trade.released", "dispute.*"]).unwrap();
        assert!(some.covers(EventType::TradeReleased) && some.covers(EventType::DisputeRuled));
        assert!(!some.covers(EventType::TradeRefunded) && !some.covers(EventType::LeadDelivered));
        let all = subscription(&["*"]).unwrap();
        assert!(EventType::ALL.iter().all(|event_type| all.covers(*event_type)));
    }

    #[test]
    fn what_is_no_event_type_is_refused() {
        let refused = |patterns: &[&str]| subscription(patterns).unwrap_err();
        assert_eq!(refused(&[]).code, Code::Required);
        let unknown = refused(&["trade.released", "trade.sold"]);
        assert_eq!((unknown.code, unknown.path), (Code::Invalid, vec!["1".to_owned()]));
        for bad in ["", ".*", "trade*", "tr*", "trade.*.*", "TRADE.*"] {
            assert_eq!(refused(&[bad]).code, Code::Invalid, "{bad}");
        }
        assert_eq!(refused(&["*"; 51]).code, Code::TooLarge);
    }
}
