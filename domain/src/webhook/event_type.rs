//! What integrators can be told, by the names under which they ask for it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::{UnknownText, text_enum};

text_enum! {
    /// What happened, as integrators are told.
    EventType {
        /// A lead was bought: to its buyer, with the contact details where the endpoint asks for them.
        LeadDelivered = "lead.delivered",
        /// A lead was sold: to its seller.
        TradeOpened = "trade.opened",
        /// The hold is over and the money is the seller's.
        TradeReleased = "trade.released",
        /// The money is back with the buyer.
        TradeRefunded = "trade.refunded",
        /// A ruling has divided the money.
        TradeSplit = "trade.split",
        /// A buyer claims that a lead is none, or the exchange reviews one.
        DisputeOpened = "dispute.opened",
        /// The seller does not agree: an arbiter decides.
        DisputeContested = "dispute.contested",
        /// An arbiter has ruled; appeal is possible.
        DisputeRuled = "dispute.ruled",
        /// A party has asked another arbiter.
        DisputeAppealed = "dispute.appealed",
        /// The ruling stands.
        DisputeClosed = "dispute.closed",
        /// The buyer has its money back without a ruling.
        DisputeRefunded = "dispute.refunded",
        /// The buyer gave up the claim.
        DisputeWithdrawn = "dispute.withdrawn",
        /// Something was added to a dispute, or it was proved after it ended.
        DisputeUpdated = "dispute.updated",
        /// An auction has ended: to its seller, and to each bidder with what became of its bid.
        AuctionCleared = "auction.cleared",
        /// A campaign was made.
        CampaignCreated = "campaign.created",
        /// A campaign's name or terms changed.
        CampaignUpdated = "campaign.updated",
        /// A campaign stopped buying.
        CampaignPaused = "campaign.paused",
        /// A campaign buys again.
        CampaignResumed = "campaign.resumed",
        /// A campaign is over.
        CampaignArchived = "campaign.archived",
        /// The wallet has fallen below the organization's alert; told again only after it had recovered.
        WalletLow = "wallet.low",
        /// A withdrawal was asked for.
        PayoutRequested = "payout.requested",
        /// The bank has carried a withdrawal out.
        PayoutPaid = "payout.paid",
        /// The bank has returned a withdrawal: the money is back in the wallet.
        PayoutFailed = "payout.failed",
        /// The organization took a withdrawal back.
        PayoutCancelled = "payout.cancelled",
        /// The buyer has recorded what became of a lead.
        OutcomeRecorded = "outcome.recorded",
        /// A test that `webhookEndpointTest` sends.
        WebhookTest = "webhook.test",
        /// An endpoint failed too often in a row and is only probed for a while: to the organization's other endpoints.
        WebhookPaused = "webhook.paused",
        /// An endpoint answered 410 and gets nothing more: to the organization's other endpoints.
        WebhookDisabled = "webhook.disabled",
    }
}

impl EventType {
    /// What an event of the feed is to integrators; `None` for what is only of use within the exchange. The buyer of a lead is
    /// told of its opened trade as [`EventType::LeadDelivered`].
    #[must_use]
    pub fn of(topic: &str, payload: &Value) -> Option<Self> {
        let said = |name: &str| payload.get(name).and_then(Value::as_str);
        match topic {
            "trade.updated" => Self::of_trade(said("state")?, said("was")),
            "dispute.updated" => Self::of_dispute(said("state")?, said("was"), said("change")?),
            "campaign.changed" => match said("change")? {
                "CREATED" => Some(Self::CampaignCreated),
                "UPDATED" => Some(Self::CampaignUpdated),
                "PAUSED" => Some(Self::CampaignPaused),
                "RESUMED" => Some(Self::CampaignResumed),
                "ARCHIVED" => Some(Self::CampaignArchived),
                _ => None,
            },
            "payout.changed" => match said("state")? {
                "REQUESTED" => Some(Self::PayoutRequested),
                "PAID" => Some(Self::PayoutPaid),
                "FAILED" => Some(Self::PayoutFailed),
                "CANCELLED" => Some(Self::PayoutCancelled),
                _ => None,
            },
            "auction.cleared" => Some(Self::AuctionCleared),
            "outcome.recorded" => Some(Self::OutcomeRecorded),
            "wallet.low" => Some(Self::WalletLow),
            "webhook.paused" => Some(Self::WebhookPaused),
            "webhook.disabled" => Some(Self::WebhookDisabled),
            _ => None,
        }
    }

    fn of_trade(state: &str, was: Option<&str>) -> Option<Self> {
        match (state, was) {
            (_, None) => Some(Self::TradeOpened),
            (state, Some(was)) if state == was => None,
            ("RELEASED", _) => Some(Self::TradeReleased),
            ("REFUNDED", _) => Some(Self::TradeRefunded),
            ("SPLIT", _) => Some(Self::TradeSplit),
            _ => None,
        }
    }

    fn of_dispute(state: &str, was: Option<&str>, change: &str) -> Option<Self> {
        match (change, state, was) {
            ("OPENED", ..) => Some(Self::DisputeOpened),
            ("ADDED", ..) => Some(Self::DisputeUpdated),
            (_, "UNDER_REVIEW", Some("OPEN")) => Some(Self::DisputeContested),
            (_, "UNDER_REVIEW", Some("UPHELD" | "REJECTED" | "SPLIT")) => Some(Self::DisputeAppealed),
            (_, state, Some(was)) if state == was => None,
            (_, "UPHELD" | "REJECTED" | "SPLIT", _) => Some(Self::DisputeRuled),
            (_, "FINAL", _) => Some(Self::DisputeClosed),
            (_, "REFUNDED", _) => Some(Self::DisputeRefunded),
            (_, "WITHDRAWN", _) => Some(Self::DisputeWithdrawn),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dispute(was: Option<&str>, state: &str, change: &str) -> Option<EventType> {
        EventType::of("dispute.updated", &json!({ "state": state, "was": was, "change": change }))
    }

    #[test]
    fn a_trade_is_told_once_in_each_state() {
        let trade = |was: Option<&str>, state: &str| EventType::of("trade.updated", &json!({ "state": state, "was": was }));
        assert_eq!(trade(None, "HELD"), Some(EventType::TradeOpened));
        assert_eq!(trade(Some("HELD"), "HELD"), None, "the clock starts");
        assert_eq!(trade(Some("HELD"), "DISPUTED"), None, "the dispute is told");
        assert_eq!(trade(Some("DISPUTED"), "HELD"), None);
        assert_eq!(trade(Some("HELD"), "RELEASED"), Some(EventType::TradeReleased));
        assert_eq!(trade(Some("RELEASED"), "RELEASED"), None, "a late look at the contact");
        assert_eq!(trade(Some("RELEASED"), "REFUNDED"), Some(EventType::TradeRefunded));
        assert_eq!(trade(Some("DISPUTED"), "SPLIT"), Some(EventType::TradeSplit));
    }

    #[test]
    fn a_dispute_is_told_as_it_moves() {
        use EventType as E;
        assert_eq!(dispute(None, "OPEN", "OPENED"), Some(E::DisputeOpened));
        assert_eq!(dispute(None, "REFUNDED", "OPENED"), Some(E::DisputeOpened), "proved at once");
        assert_eq!(dispute(None, "OPEN", "ADDED"), Some(E::DisputeUpdated));
        assert_eq!(dispute(Some("OPEN"), "UNDER_REVIEW", "MOVED"), Some(E::DisputeContested));
        assert_eq!(dispute(Some("UNDER_REVIEW"), "UNDER_REVIEW", "MOVED"), None, "another arbiter");
        assert_eq!(dispute(Some("UNDER_REVIEW"), "SPLIT", "MOVED"), Some(E::DisputeRuled));
        assert_eq!(dispute(Some("SPLIT"), "UNDER_REVIEW", "MOVED"), Some(E::DisputeAppealed));
        assert_eq!(dispute(Some("UNDER_REVIEW"), "FINAL", "MOVED"), Some(E::DisputeClosed));
        assert_eq!(dispute(Some("OPEN"), "REFUNDED", "MOVED"), Some(E::DisputeRefunded));
        assert_eq!(dispute(Some("UNDER_REVIEW"), "WITHDRAWN", "MOVED"), Some(E::DisputeWithdrawn));
    }

    #[test]
    fn every_name_is_a_noun_and_a_verb() {
        for event_type in EventType::ALL {
            let (noun, verb) = event_type.as_str().split_once('.').unwrap();
            assert!(!noun.is_empty() && !verb.is_empty() && !verb.contains('.'));
            assert_eq!(event_type.as_str().parse::<EventType>(), Ok(*event_type));
        }
    }
}
