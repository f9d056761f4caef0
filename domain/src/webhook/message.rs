//! What each organization is told of an event: ids, states and amounts of its own side, never who a person is.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::EventType;
use crate::id::{CampaignId, DisputeId, ListingId, OrganizationId, TradeId, WebhookEndpointId, WithdrawalId};
use crate::money::Money;

/// An event as it stands in the feed.
#[derive(Debug, Clone, Copy)]
pub struct Happened<'a> {
    /// What, as `noun.verb`.
    pub topic: &'a str,
    /// The object that it happened to.
    pub subject: Uuid,
    /// Whom it concerns.
    pub audience: &'a [OrganizationId],
    /// Ids, states, amounts in minor units.
    pub payload: &'a Value,
}

/// What one organization is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whom.
    pub to: OrganizationId,
    /// What happened.
    pub event_type: EventType,
    /// The id of the object that it happened to. Messages about one object keep their order.
    pub object: String,
    /// What is said of it.
    pub data: Value,
}

/// Who is told what of an event; nobody of what is only of use within the exchange. An organization gets one message of an
/// event at most.
#[must_use]
pub fn messages(happened: &Happened<'_>) -> Vec<Message> {
    let Some(event_type) = EventType::of(happened.topic, happened.payload) else { return Vec::new() };
    match happened.topic {
        "trade.updated" => of_trade(happened, event_type),
        "dispute.updated" => of_dispute(happened, event_type),
        _ => {
            let (object, data) = of_one(happened);
            let message = |to: &OrganizationId| Message { to: *to, event_type, object: object.clone(), data: data.clone() };
            happened.audience.iter().map(message).collect()
        }
    }
}

fn of_trade(happened: &Happened<'_>, event_type: EventType) -> Vec<Message> {
    let payload = happened.payload;
    let object = TradeId(happened.subject).to_string();
    let said = |name: &str| payload.get(name).cloned().unwrap_or_default();
    let side = |name: &str, event_type: EventType| {
        let to: OrganizationId = payload.get(name)?.as_str()?.parse().ok()?;
        let mut data = json!({
            "tradeId": object, "leadId": said("lead"), "listingId": said("listing"), "side": name.to_uppercase(),
            "state": said("state"), "exclusive": said("exclusive"), "price": money(payload, "priceMinor"),
        });
        let more = match (event_type, name) {
            (EventType::TradeReleased | EventType::TradeSplit, "seller") => &["refunded", "commission"][..],
            (EventType::TradeRefunded | EventType::TradeSplit, _) => &["refunded"][..],
            _ => &[],
        };
        for part in more {
            data[*part] = money(payload, &format!("{part}Minor"));
        }
        Some(Message { to, event_type, object: object.clone(), data })
    };
    let to_buyer = if event_type == EventType::TradeOpened { EventType::LeadDelivered } else { event_type };
    [side("buyer", to_buyer), side("seller", event_type)].into_iter().flatten().collect()
}

fn of_dispute(happened: &Happened<'_>, event_type: EventType) -> Vec<Message> {
    let payload = happened.payload;
    let object = DisputeId(happened.subject).to_string();
    let said = |name: &str| payload.get(name).cloned().unwrap_or_default();
    let side = |name: &str| {
        let to: OrganizationId = payload.get(name)?.as_str()?.parse().ok()?;
        let data = json!({
            "disputeId": object, "tradeId": said("trade"), "leadId": said("lead"), "side": name.to_uppercase(),
            "reason": said("reason"), "state": said("state"),
        });
        Some(Message { to, event_type, object: object.clone(), data })
    };
    ["buyer", "seller"].into_iter().filter_map(side).collect()
}

/// The object of what one organization is told, and what is said of it.
fn of_one(happened: &Happened<'_>) -> (String, Value) {
    let (subject, payload) = (happened.subject, happened.payload);
    let said = |name: &str| payload.get(name).cloned().unwrap_or_default();
    match happened.topic {
        "auction.cleared" => {
            let object = ListingId(subject).to_string();
            let mut data = Map::from_iter([("listingId".to_owned(), object.clone().into())]);
            data.extend(payload.as_object().cloned().unwrap_or_default());
            (object, data.into())
        }
        "campaign.changed" => {
            let object = CampaignId(subject).to_string();
            let data = json!({ "campaignId": object, "state": said("state"), "pauseReason": said("pauseReason") });
            (object, data)
        }
        "payout.changed" => {
            let object = WithdrawalId(subject).to_string();
            let data = json!({ "withdrawalId": object, "state": said("state"), "amount": money(payload, "amountMinor") });
            (object, data)
        }
        "outcome.recorded" => {
            let object = TradeId(subject).to_string();
            let data = json!({ "tradeId": object, "kind": said("kind") });
            (object, data)
        }
        "wallet.low" => {
            let object = OrganizationId(subject).to_string();
            let data = json!({ "available": money(payload, "availableMinor"), "threshold": money(payload, "thresholdMinor") });
            (object, data)
        }
        _ => {
            let object = WebhookEndpointId(subject).to_string();
            let data = json!({ "webhookEndpointId": object });
            (object, data)
        }
    }
}

/// The amount in minor units at `name`, as money is written for clients; null when there is none.
fn money(payload: &Value, name: &str) -> Value {
    let minor = payload.get(name).and_then(Value::as_i64);
    let currency = payload.get("currency").and_then(Value::as_str).and_then(|code| code.parse().ok());
    let (Some(minor), Some(currency)) = (minor, currency) else { return Value::Null };
    let money = Money::new(minor, currency);
    json!({ "amount": money.decimal(), "currencyCode": money.currency.code() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(n: u128) -> OrganizationId {
        OrganizationId(Uuid::from_u128(n))
    }

    fn trade(was: Value, state: &str) -> Vec<Message> {
        let payload = json!({
            "state": state, "was": was, "lead": "lead_1", "listing": "lst_1", "buyer": org(1), "seller": org(2), "exclusive": true,
            "priceMinor": 1250, "currency": "EUR", "refundedMinor": 250, "commissionMinor": 100,
        });
        let audience = [org(1), org(2)];
        messages(&Happened { topic: "trade.updated", subject: Uuid::from_u128(7), audience: &audience, payload: &payload })
    }

    #[test]
    fn each_side_of_a_sale_is_told_its_own() {
        let told = trade(Value::Null, "HELD");
        let shown: Vec<_> = told.iter().map(|message| (message.to, message.event_type, message.data["side"].clone())).collect();
        let expected = [(org(1), EventType::LeadDelivered, json!("BUYER")), (org(2), EventType::TradeOpened, json!("SELLER"))];
        assert_eq!(shown, expected);
        assert_eq!(told[0].object, TradeId(Uuid::from_u128(7)).to_string());
        assert_eq!(told[0].data["price"], json!({ "amount": "12.50", "currencyCode": "EUR" }));
        assert!(!told[0].data.to_string().contains("org_"), "nobody is told who the other side is");
    }

    #[test]
    fn what_the_exchange_takes_is_the_sellers_to_know() {
        let told = trade(json!("HELD"), "SPLIT");
        assert_eq!(told[0].data["refunded"]["amount"], "2.50");
        assert_eq!(told[0].data.get("commission"), None);
        assert_eq!(told[1].data["commission"]["amount"], "1.00");
        assert_eq!(trade(json!("HELD"), "DISPUTED"), []);
    }

    #[test]
    fn others_are_told_of_the_object_alone() {
        let told = |topic: &str, payload: Value| {
            messages(&Happened { topic, subject: Uuid::from_u128(7), audience: &[org(1)], payload: &payload }).remove(0)
        };
        let payout = told("payout.changed", json!({ "state": "PAID", "amountMinor": 500, "currency": "JPY" }));
        assert_eq!((payout.event_type, &payout.data["amount"]["amount"]), (EventType::PayoutPaid, &json!("500")));
        let low = told("wallet.low", json!({ "availableMinor": 1, "thresholdMinor": 100, "currency": "EUR" }));
        assert_eq!(low.data["threshold"], json!({ "amount": "1.00", "currencyCode": "EUR" }));
        let cleared = told("auction.cleared", json!({ "side": "BUYER", "bidId": "bid_1", "bidState": "LOST" }));
        assert_eq!((&cleared.data["bidState"], &cleared.data["listingId"]), (&json!("LOST"), &json!(cleared.object)));
        let payload = json!({});
        let unknown = Happened { topic: "listing.changed", subject: Uuid::nil(), audience: &[org(1)], payload: &payload };
        assert_eq!(messages(&unknown), []);
    }
}
