//! Who sees contact details, and what a look leaves behind.

use api::app::contact::contact_binding;
use domain::access::Role;
use domain::contact::Contact;
use domain::lead::Sealed;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use store::WriteError;
use store::entity::lead_contact;
use store::trades::trade_refund;

use crate::disputes::case::place;
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{DAY, Stall, fund, on_trade, sell, stall};

const REVEAL: &str = "mutation ($input: ContactRevealInput!) { contactReveal(input: $input) {
    contact { name phones emails comments } trade { id deliveredAt holdEndsAt holdWaitsForDelivery } userErrors { code path } } }";
const LOOKS: &str = "query ($lead: ID) { contactReveals(leadId: $lead) { edges { node {
    leadId tradeId organizationId userId apiKeyId at } } } }";

/// Gives the lead of `place` contact details: Ada Lovelace's.
pub async fn sealed(x: &Exchange, place: Stall) {
    let contact =
        Contact { name: "Ada Lovelace".into(), phones: vec![], emails: vec![], messenger: None, company: None, position: None };
    let person = Sealed {
        contact,
        age: Some(36),
        postal_code: None,
        identifying: Default::default(),
        comments: Some("call me".into()),
        call_me_at: None,
        trace: Default::default(),
    };
    let plain = serde_json::to_vec(&person).unwrap();
    let envelope = x.app.keys.seal(x.app.entropy.as_ref(), contact_binding(place.lead), &plain).unwrap();
    let row = lead_contact::ActiveModel {
        lead_id: Set(place.lead.0),
        key_id: Set(envelope.key_id),
        wrapped_key: Set(envelope.wrapped_key),
        ciphertext: Set(envelope.ciphertext),
    };
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("seal", move |tx| {
            let row = row.clone();
            async move {
                lead_contact::Entity::insert(row).exec_without_returning(tx.db()).await?;
                Ok(())
            }
        })
        .await;
    done.unwrap();
}

async fn reveal(x: &Exchange, who: &Actor, input: Value) -> Value {
    who.run(x, REVEAL, json!({ "input": input })).await["contactReveal"].clone()
}

on_each_backend! {
    async fn a_buyers_first_look_starts_the_hold_and_every_look_is_recorded(x: Exchange) {
        let (seller, buyer, stranger) = (x.organization("S").await, x.organization("B").await, x.organization("Other").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let place = stall(&x, seller.org(), 2).await;
        sealed(&x, place).await;
        let trade = sell(&x.app, place, buyer.org(), 1_000).await.unwrap();
        let (of_trade, of_lead) = (json!({ "tradeId": trade.id.to_string() }), json!({ "leadId": place.lead.to_string() }));
        let hidden = reveal(&x, &stranger, of_trade.clone()).await;
        assert_eq!(hidden, json!({ "contact": null, "trade": null, "userErrors": [{ "code": "NOT_FOUND", "path": ["tradeId"] }] }));
        assert_eq!(reveal(&x, &stranger, of_lead.clone()).await["userErrors"][0]["code"], "NOT_FOUND");
        assert_eq!(reveal(&x, &buyer, json!({})).await["userErrors"][0]["code"], "REQUIRED");
        let own = reveal(&x, &seller, of_lead.clone()).await;
        assert_eq!((own["contact"]["name"].clone(), own["trade"].clone()), (json!("Ada Lovelace"), Value::Null));
        x.clock.advance_secs(60);
        let seen = reveal(&x, &buyer, of_trade.clone()).await;
        assert_eq!(seen["contact"], json!({ "name": "Ada Lovelace", "phones": [], "emails": [], "comments": "call me" }));
        assert_eq!(seen["trade"]["deliveredAt"], "2026-03-02T09:01:00+00:00");
        assert_eq!(seen["trade"]["holdEndsAt"], "2026-03-09T09:01:00+00:00");
        x.clock.advance_secs(DAY);
        assert_eq!(reveal(&x, &buyer, of_lead.clone()).await["trade"]["deliveredAt"], "2026-03-02T09:01:00+00:00");
        assert_eq!(x.count("contact_reveal").await, 3);
        on_trade!(x.app, trade_refund, trade.id).unwrap();
        let before = x.row_counts().await;
        assert_eq!(reveal(&x, &buyer, of_trade).await["userErrors"][0]["code"], "WRONG_STATE");
        assert_eq!(reveal(&x, &buyer, of_lead.clone()).await["userErrors"][0]["code"], "WRONG_STATE");
        assert_eq!(x.row_counts().await, before);
        let viewer = x.member(buyer.org(), domain::access::Role::Viewer).await;
        let denied = viewer.execute(&x, REVEAL, json!({ "input": of_lead })).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }

    async fn trades_are_seen_by_their_parties(x: Exchange) {
        let (seller, buyer, stranger) = (x.organization("S").await, x.organization("B").await, x.organization("Other").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let trade = sell(&x.app, stall(&x, seller.org(), 1).await, buyer.org(), 1_000).await.unwrap();
        let one = "query ($id: ID!) { trade(id: $id) { state price { amount } commission { amount } holdWaitsForDelivery } }";
        let id = json!({ "id": trade.id.to_string() });
        let seen = json!({ "state": "HELD", "price": { "amount": "10.00" }, "commission": { "amount": "1.00" }, "holdWaitsForDelivery": true });
        for party in [&seller, &x.operator().await] {
            assert_eq!(party.run(&x, one, id.clone()).await["trade"], seen);
        }
        let buyers = buyer.run(&x, one, id.clone()).await["trade"].clone();
        assert_eq!((&buyers["price"], &buyers["commission"]), (&seen["price"], &Value::Null));
        assert_eq!(stranger.run(&x, one, id.clone()).await["trade"], Value::Null);
        let sides = "query ($side: TradeSide, $state: TradeState) { trades(side: $side, state: $state) { edges { node { id } } } }";
        let count = async |who: &Actor, variables: Value| who.run(&x, sides, variables).await["trades"]["edges"].as_array().unwrap().len();
        assert_eq!(count(&seller, json!({ "side": "SELLER" })).await, 1);
        assert_eq!(count(&seller, json!({ "side": "BUYER" })).await, 0);
        assert_eq!(count(&buyer, json!({ "state": "HELD" })).await, 1);
        assert_eq!(count(&buyer, json!({ "state": "REFUNDED" })).await, 0);
        assert_eq!(count(&stranger, json!({})).await, 0);
    }

    async fn looks_are_listed_for_those_whom_they_concern(x: Exchange) {
        let (seller, buyer, stranger) = (x.organization("S").await, x.organization("B").await, x.organization("Other").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let place = place(&x, &seller, 2).await;
        sealed(&x, place).await;
        let trade = sell(&x.app, place, buyer.org(), 1_000).await.unwrap();
        let agent = x.member(buyer.org(), Role::Agent).await;
        reveal(&x, &seller, json!({ "leadId": place.lead.to_string() })).await;
        x.clock.advance_secs(60);
        reveal(&x, &agent, json!({ "tradeId": trade.id.to_string() })).await;
        let looks = async |who: &Actor, variables: Value| {
            let edges = who.run(&x, LOOKS, variables).await["contactReveals"]["edges"].clone();
            edges.as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect::<Vec<_>>()
        };
        let look = |who: &Actor, of: &Actor, trade: Value, at: &str| {
            let user = if of.organization == who.organization || of.organization.is_none() { json!(who.user.to_string()) } else { Value::Null };
            json!({ "leadId": place.lead.to_string(), "tradeId": trade, "organizationId": who.org().to_string(), "userId": user, "apiKeyId": null, "at": at })
        };
        let (first, then) = ("2026-03-02T09:00:00+00:00", "2026-03-02T09:01:00+00:00");
        let by_trade = json!(trade.id.to_string());
        let of_lead = json!({ "lead": place.lead.to_string() });
        let operator = x.operator().await;
        for who in [&seller, &operator] {
            let expected = [look(&agent, who, by_trade.clone(), then), look(&seller, who, Value::Null, first)];
            assert_eq!(looks(who, of_lead.clone()).await, expected);
        }
        for variables in [of_lead.clone(), json!({})] {
            assert_eq!(looks(&buyer, variables).await, [look(&agent, &buyer, by_trade.clone(), then)]);
        }
        assert_eq!(looks(&seller, json!({})).await, [look(&seller, &seller, Value::Null, first)]);
        assert_eq!(looks(&stranger, of_lead.clone()).await, Vec::<Value>::new());
        let denied = agent.execute(&x, LOOKS, of_lead).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert_eq!(operator.execute(&x, LOOKS, json!({})).await["errors"][0]["extensions"]["code"], "REQUIRED");
    }
}
