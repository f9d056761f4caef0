//! What can be found by its id, and by whom.

use serde_json::{Value, json};

use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::fund;
use crate::market::stand::{LeadSpec, lead, listed, money, placed, vertical};
use crate::wallet::payee;

const NODE: &str = "query ($id: ID!) { node(id: $id) { __typename id } }";

async fn kind(x: &Exchange, who: &Actor, id: &str) -> Value {
    who.run(x, NODE, json!({ "id": id })).await["node"]["__typename"].clone()
}

async fn id_of(x: &Exchange, who: &Actor, query: &str, path: &str) -> String {
    let found = who.run(x, query, json!({})).await;
    found.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{found:#}")).to_owned()
}

on_each_backend! {
    async fn each_type_with_a_query_is_found_by_its_id(x: Exchange) {
        let (seller, bidder, stranger) = (x.organization("S").await, x.organization("B").await, x.organization("Other").await);
        fund(&x.app, bidder.org(), 10_000).await;
        let v = vertical(&x, "auto").await;
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        x.tamper(r#"UPDATE lead SET source = '{"kind":"DIRECT","origin":"OWN_ACCORD"}'"#).await.unwrap();
        let listing = listed(&x, &seller, lead, 1, Some(60), json!({ "auction": { "exclusiveReserve": money("5") } })).await;
        let bid = placed(&x, &bidder, &listing, None, Some("20")).await;
        payee(&x, &bidder).await;
        let withdrawal = id_of(&x, &bidder, "mutation { withdrawalRequest(input: { amount: { amount: \"1\", currencyCode: \"EUR\" }, \
            idempotencyKey: \"w\" }) { withdrawal { id } } }", "/withdrawalRequest/withdrawal/id").await;
        let key = id_of(&x, &bidder, "mutation { apiKeyCreate(input: { name: \"k\", scopes: [MARKET_READ] }) { apiKey { id } } }",
            "/apiKeyCreate/apiKey/id").await;
        let invitation = id_of(&x, &bidder, "mutation { invitationCreate(input: { email: \"a@example.com\", role: VIEWER }) \
            { invitation { id } } }", "/invitationCreate/invitation/id").await;
        let upload = id_of(&x, &bidder, "mutation { uploadCreate(input: { purpose: LEADS, fileName: \"a.csv\" }) { upload { id } } }",
            "/uploadCreate/upload/id").await;
        let member = id_of(&x, &bidder, "{ members { edges { node { id } } } }", "/members/edges/0/node/id").await;
        x.clock.advance_secs(60);
        api::app::listings::listings_close_due(&x.app).await.unwrap();
        let receipt = format!("{{ clearingReceipt(listingId: \"{listing}\") {{ id }} }}");
        let receipt = id_of(&x, &bidder, &receipt, "/clearingReceipt/id").await;
        let organization = bidder.org().to_string();
        let own = [("Bid", &bid), ("Withdrawal", &withdrawal), ("ApiKey", &key), ("Invitation", &invitation), ("Upload", &upload),
            ("Member", &member), ("ClearingReceipt", &receipt), ("Organization", &organization)];
        for (name, id) in own {
            assert_eq!(kind(&x, &bidder, id).await, name);
            assert_eq!(kind(&x, &stranger, id).await, Value::Null, "{name} of others");
        }
        let operator = x.operator().await;
        for (name, id) in [("Withdrawal", &withdrawal), ("Organization", &organization), ("Lead", &lead.to_string())] {
            assert_eq!(kind(&x, &operator, id).await, name, "as the operator's queries show");
        }
        assert_eq!(kind(&x, &stranger, &v.to_string()).await, "Vertical");
        for none in ["", "lead_", "bid_00000000000000000000000009", "nothing", "_"] {
            assert_eq!(kind(&x, &bidder, none).await, Value::Null);
        }
    }

    async fn only_operators_look_at_any_organization(x: Exchange) {
        let of = json!({ "id": x.organization("A").await.org().to_string() });
        let query = "query ($id: ID!) { organization(id: $id) { name } }";
        assert_eq!(x.operator().await.run(&x, query, of.clone()).await["organization"]["name"], "A");
        assert_eq!(x.arbiter().await.run(&x, query, of).await["organization"], Value::Null);
    }
}
