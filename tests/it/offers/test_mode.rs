//! Test keys: the answers of a market that does not exist, and nothing else.

use domain::access::{Permission, Principal};
use serde_json::{Value, json};

use super::stand::{buyer, campaign, euros, ledger_holds, offered, ping, ping_input, post, wallet};
use crate::harness::{Actor, Exchange, on_each_backend};

/// The seller with a test key.
async fn trying(x: &Exchange, seller: &Actor) -> Actor {
    let create = "mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { apiKey { test prefix } secret userErrors { code } } }";
    let input = json!({ "name": "Trying", "scopes": ["LEADS_WRITE", "LISTINGS_WRITE", "MARKET_READ"], "test": true });
    let made = seller.run(x, create, json!({ "input": input })).await["apiKeyCreate"].clone();
    assert_eq!(made["apiKey"]["test"], true, "{made:#}");
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("clk_test_") && secret.starts_with(made["apiKey"]["prefix"].as_str().unwrap()));
    let principal = crate::accounts::bearer(&x.app, secret).await.unwrap();
    assert!(matches!(principal, Principal::TestKey { .. }), "{principal:?}");
    Actor { principal, ..seller.clone() }
}

/// A ping and its lead with a postal code.
fn at(x: &Exchange, n: u32, postal: &str) -> (Value, Value) {
    let (mut ping, mut lead) = (ping_input(x, n), x.lead_input(n));
    ping["lead"]["geography"]["postalCode"] = postal.into();
    lead["geography"]["postalCode"] = postal.into();
    (ping, lead)
}

on_each_backend! {
    async fn what_a_test_key_sells_follows_from_the_lead_and_nothing_comes_of_it(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (real, _) = buyer(&x, "Real", 10_000, campaign(None, Some("50"), json!({}))).await;
        let key = trying(&x, &seller).await;
        let mut rows = x.row_counts().await;
        let (ping, lead) = at(&x, 1, "5004");
        let offer = offered(&x, &key, ping.clone()).await;
        assert_eq!((&offer["gross"]["amount"], &offer["net"]["amount"]), (&json!("6.00"), &json!("5.40")), "the second of 6.50, 6.00 and 5.50");
        assert_eq!(offered(&x, &key, ping.clone()).await, offer, "the same ping gets the same offer");
        let posted = post(&x, &key, &offer, lead.clone()).await;
        assert_eq!((&posted["userErrors"], &posted["offer"]["state"]), (&json!([]), &json!("CONCLUDED")), "{posted:#}");
        assert_eq!((&posted["sales"][0]["price"]["amount"], &posted["fallen"]), (&json!("6.00"), &json!([])));
        assert_eq!(post(&x, &key, &offer, lead.clone()).await, posted, "the same post is answered the same");
        // It is checked as any other.
        let mut other = lead.clone();
        other["geography"]["city"] = "Oslo".into();
        let refused = post(&x, &key, &offer, other).await;
        assert_eq!((&refused["userErrors"][0]["code"], &refused["userErrors"][0]["path"]), (&json!("CONFLICT"), &json!(["lead", "geography", "city"])));
        // The person was sold in no way: it can be pinged again, and for real.
        assert_ne!(offered(&x, &key, ping.clone()).await["id"], offer["id"]);
        let mut after = x.row_counts().await;
        assert_eq!(after["test_offer"].take(), json!(1));
        rows["test_offer"].take();
        assert_eq!(after, rows);
        assert_eq!(wallet(&x, &real).await, ("100.00".into(), "0.00".into()));
        assert_eq!(offered(&x, &seller, ping).await["net"]["amount"], "4.50", "the real market has one bidder, at the reserve");
        ledger_holds(&x).await;
    }

    async fn the_postal_code_says_what_happens(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let key = trying(&x, &seller).await;
        assert_eq!(ping(&x, &key, at(&x, 1, "5000").0).await, json!({ "offer": null, "userErrors": [] }));
        let (fallback, lead) = at(&x, 1, "5001");
        let offer = offered(&x, &key, fallback).await;
        let posted = post(&x, &key, &offer, lead).await;
        assert_eq!((&posted["fallen"], &posted["sales"][0]["instead"]), (&json!(["INSUFFICIENT_FUNDS"]), &json!("INSUFFICIENT_FUNDS")), "{posted:#}");
        assert_eq!(posted["sales"][0]["price"]["amount"], "5.50", "the third bid");
        let (nobody, lead) = at(&x, 1, "5002");
        let offer = offered(&x, &key, nobody).await;
        let posted = post(&x, &key, &offer, lead).await;
        assert_eq!((&posted["sales"], &posted["offer"]["state"]), (&json!([]), &json!("REFUSED")), "{posted:#}");
        let (late, lead) = at(&x, 1, "5003");
        let offer = offered(&x, &key, late).await;
        let posted = post(&x, &key, &offer, lead).await;
        assert_eq!((&posted["userErrors"][0]["code"], &posted["userErrors"][0]["path"]), (&json!("OUTSIDE_WINDOW"), &json!(["offerId"])));
        let (soon, lead) = at(&x, 1, "5004");
        let offer = offered(&x, &key, soon).await;
        x.clock.advance_secs(60);
        assert_eq!(post(&x, &key, &offer, lead).await["userErrors"][0]["code"], "OUTSIDE_WINDOW");
    }

    async fn a_direct_post_is_tried_too_and_nothing_else(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let key = trying(&x, &seller).await;
        let direct = "mutation ($input: LeadDirectPostInput!) { leadDirectPost(input: $input) {
            leadState offer { test copies } sales { tradeId price { amount } } userErrors { code path } } }";
        let terms = json!({ "sharedReserve": euros("5") });
        let mut input = json!({ "lead": at(&x, 1, "5004").1, "terms": terms, "maxSales": 3 });
        let posted = key.run(&x, direct, json!({ "input": input })).await["leadDirectPost"].clone();
        assert_eq!((&posted["offer"], &posted["leadState"]), (&json!({ "test": true, "copies": 3 }), &json!("VERIFIED")), "{posted:#}");
        assert_eq!(posted["sales"][2]["price"]["amount"], "6.00", "the fourth bid of 7.50 to 5.50");
        assert_eq!(key.run(&x, direct, json!({ "input": input })).await["leadDirectPost"], posted);
        input["lead"] = at(&x, 2, "5000").1;
        let unsold = key.run(&x, direct, json!({ "input": input })).await["leadDirectPost"].clone();
        assert_eq!((&unsold["offer"], &unsold["sales"], &unsold["userErrors"]), (&json!(null), &json!([]), &json!([])));
        // What it was offered is nobody's, not even its organization's.
        let offer = offered(&x, &key, at(&x, 3, "5004").0).await;
        assert_eq!(post(&x, &seller, &offer, at(&x, 3, "5004").1).await["userErrors"][0]["code"], "NOT_FOUND");
        let other = trying(&x, &x.organization("Other").await).await;
        assert_eq!(post(&x, &other, &offer, at(&x, 3, "5004").1).await["userErrors"][0]["code"], "NOT_FOUND");
        assert_eq!(seller.run(&x, "{ offers { edges { node { id } } } leads { edges { node { id } } } }", json!({})).await, json!({ "offers": { "edges": [] }, "leads": { "edges": [] } }));
        let asked = x.execute(key.principal.clone(), "{ offers { edges { node { id } } } }", Value::Null).await;
        assert_eq!(asked["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert!(!key.principal.may(Permission::MarketRead));
    }

    async fn records_are_tried_over_http(x: Exchange) {
        x.verticals().await;
        let key = trying(&x, &x.organization("Agency").await).await;
        let url = x.listen(api::http::record::routes, &[("try", &key)]).await;
        let record = crate::offers::over_http::ping();
        let (status, offer) = crate::offers::over_http::sent(&format!("{url}/v1/ping"), Some("try"), &record).await;
        assert_eq!((status, &offer["status"], &offer["test"], &offer["gross"]), (200, &json!("OFFER"), &json!(true), &json!("6.00")), "{offer:#}");
        let mut lead = crate::offers::over_http::lead();
        lead["offer_id"] = offer["offer_id"].clone();
        let (status, posted) = crate::offers::over_http::sent(&format!("{url}/v1/post"), Some("try"), &lead).await;
        assert_eq!((status, &posted["status"], &posted["test"]), (200, &json!("SOLD"), &json!(true)), "{posted:#}");
    }
}
