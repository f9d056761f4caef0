//! What a campaign makes of a lead, and that it tells no more than the market shows.

use serde_json::{Value, json};

use super::stand::{created, draft, money, turn};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::fund;
use crate::market::stand::{self, LeadSpec, vertical};

const EXPLAIN: &str = "query($campaign: ID!, $listing: ID, $lead: ID) {
    matchExplain(campaignId: $campaign, listingId: $listing, leadId: $lead) {
        inScope matches reason price { shared { amount } exclusive { amount } } conditions { path holds }
        caps { period leads usedLeads } } }";

async fn asked(x: &Exchange, who: &Actor, campaign: &str, listing: Option<&str>, lead: Option<&str>) -> Value {
    who.execute(x, EXPLAIN, json!({ "campaign": campaign, "listing": listing, "lead": lead })).await
}

async fn explained(x: &Exchange, who: &Actor, campaign: &str, listing: &str) -> Value {
    let answer = asked(x, who, campaign, Some(listing), None).await;
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"]["matchExplain"].clone()
}

/// The conditions as `path: holds`.
fn told(explanation: &Value) -> Vec<(String, Value)> {
    let path = |each: &Value| {
        each["path"].as_array().unwrap().iter().map(|part| part.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(".")
    };
    explanation["conditions"].as_array().unwrap().iter().map(|each| (path(each), each["holds"].clone())).collect()
}

fn fixed(shared: &str) -> Value {
    json!({ "fixed": { "sharedPrice": money(shared) } })
}

on_each_backend! {
    async fn each_condition_is_told_at_its_place(x: Exchange) {
        let auto = vertical(&x, "auto").await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let spec = LeadSpec { attributes: json!({ "car": "VAN", "horsepower": 120, "garage": true, "renewal": "2026-05-31" }), ..LeadSpec::of(auto) };
        let lead = stand::lead(&x, seller.org(), spec).await;
        let listing = stand::listed(&x, &seller, lead, 2, None, fixed("5.00")).await;
        let filter = json!({ "all": [
            { "attribute": { "key": "car", "in": ["VAN"] } },
            { "any": [{ "attribute": { "key": "horsepower", "max": "100" } }, { "attribute": { "key": "garage", "equals": "true" } }] },
            { "not": { "attribute": { "key": "renewal", "min": "2026-06-01" } } },
            { "attribute": { "key": "gender", "missing": true } },
            { "region": ["LISBOA"] },
            { "missing": "CITY" },
            { "score": { "min": 50, "max": 50 } },
            { "maxSellerBadTradesBp": 500 },
        ] });
        let campaign = created(&x, &buyer, draft(json!({ "filter": filter, "caps": [{ "period": "DAY", "leads": 9 }] }))).await;
        let explanation = explained(&x, &buyer, &campaign, &listing).await;
        let expected = [
            ("all.0.attribute", true), ("all.1.any.0.attribute", false), ("all.1.any.1.attribute", true),
            ("all.2.not.attribute", false), ("all.3.attribute", true), ("all.4.region", true), ("all.5.missing", true),
            ("all.6.score", true), ("all.7.maxSellerBadTradesBp", true),
        ];
        assert_eq!(told(&explanation), expected.map(|(path, holds)| (path.to_owned(), json!(holds))));
        let rest = ["inScope", "matches", "reason", "price", "caps"].map(|field| explanation[field].clone());
        let price = json!({ "shared": { "amount": "10.00" }, "exclusive": null });
        assert_eq!(json!(rest), json!([true, true, null, price, [{ "period": "DAY", "leads": 9, "usedLeads": 0 }]]));
    }

    async fn what_the_market_hides_is_not_told(x: Exchange) {
        let auto = vertical(&x, "auto").await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let lead = stand::lead(&x, seller.org(), LeadSpec::of(auto)).await;
        let listing = stand::listed(&x, &seller, lead, 2, None, fixed("5.00")).await;
        x.clock.advance_secs(600);
        let alone = async |filter: Value| {
            let campaign = created(&x, &buyer, draft(json!({ "filter": filter }))).await;
            let explanation = explained(&x, &buyer, &campaign, &listing).await;
            let holds = told(&explanation)[0].1.clone();
            assert_eq!(explanation["matches"], holds);
            (holds, explanation["reason"].clone())
        };
        for hidden in [
            json!({ "postalPrefix": ["1"] }),
            json!({ "missing": "POSTAL_CODE" }),
            json!({ "seller": [seller.org().to_string()] }),
            json!({ "seller": [buyer.org().to_string()] }),
            json!({ "consent": ["NONE"] }),
            // It was left ten minutes ago; the market tells the hour.
            json!({ "ageSecs": { "max": 599 } }),
            json!({ "ageSecs": { "min": 600, "max": 600 } }),
            json!({ "ageSecs": { "min": 1 } }),
        ] {
            assert_eq!(alone(hidden.clone()).await, (Value::Null, Value::Null), "{hidden}");
        }
        // It cannot be from before the hour.
        assert_eq!(alone(json!({ "ageSecs": { "max": 600 } })).await, (json!(true), Value::Null));
        assert_eq!(alone(json!({ "ageSecs": { "min": 601 } })).await, (json!(false), json!("FILTER_MISMATCH")));
        let rule = json!({ "priceRules": [{ "when": { "postalPrefix": ["1"] }, "price": { "shared": money("1.00") } }] });
        let campaign = created(&x, &buyer, draft(rule)).await;
        let explanation = explained(&x, &buyer, &campaign, &listing).await;
        assert_eq!((&explanation["price"], &explanation["matches"]), (&Value::Null, &json!(true)));
        assert_eq!(x.count("contact_reveal").await, 0);
    }

    async fn the_first_thing_in_the_way_is_named(x: Exchange) {
        let auto = vertical(&x, "auto").await;
        vertical(&x, "boats").await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        let lead = stand::lead(&x, seller.org(), LeadSpec { phone: Some("1"), ..LeadSpec::of(auto) }).await;
        let listing = stand::listed(&x, &seller, lead, 2, None, fixed("5.00")).await;
        let reason = async |who: &Actor, more: Value| {
            let campaign = created(&x, who, draft(more)).await;
            explained(&x, who, &campaign, &listing).await["reason"].clone()
        };
        assert_eq!(reason(&buyer, json!({})).await, "INSUFFICIENT_FUNDS");
        fund(&x.app, buyer.org(), 100_000).await;
        assert_eq!(reason(&buyer, json!({ "name": "now" })).await, Value::Null);
        assert_eq!(reason(&buyer, json!({ "vertical": "boats" })).await, "FILTER_MISMATCH");
        assert_eq!(reason(&buyer, json!({ "filter": { "country": ["NO"] } })).await, "FILTER_MISMATCH");
        let sundays = json!({ "schedule": [{ "days": ["SUNDAY"], "from": "00:00", "until": "24:00" }] });
        assert_eq!(reason(&buyer, sundays).await, "OUT_OF_SCHEDULE");
        assert_eq!(reason(&buyer, json!({ "caps": [{ "period": "DAY", "spend": money("9.99") }] })).await, "BUDGET_EXHAUSTED");
        assert_eq!(reason(&buyer, json!({ "price": { "shared": money("4.99") } })).await, "BELOW_RESERVE");
        assert_eq!(reason(&buyer, json!({ "price": { "exclusive": money("90.00") } })).await, "BELOW_RESERVE");
        let campaign = created(&x, &buyer, draft(json!({ "name": "paused" }))).await;
        turn(&x, &buyer, "Pause", &campaign).await;
        assert_eq!(explained(&x, &buyer, &campaign, &listing).await["reason"], "OUT_OF_SCHEDULE");
        fund(&x.app, seller.org(), 10_000).await;
        assert_eq!(reason(&seller, json!({})).await, "OWN_LEAD");
        // The same person, bought elsewhere.
        let same = stand::lead(&x, seller.org(), LeadSpec { phone: Some("1"), ..LeadSpec::of(auto) }).await;
        let elsewhere = stand::listed(&x, &seller, same, 2, None, fixed("5.00")).await;
        assert_eq!(stand::buy(&x, &buyer, &elsewhere, "SHARED", "k").await["userErrors"], json!([]));
        assert_eq!(reason(&buyer, json!({ "name": "again" })).await, "DUPLICATE_FOR_BUYER");
    }

    async fn a_lead_that_was_bought_is_told_of_to_those_who_may_see_it(x: Exchange) {
        x.verticals().await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let mut input = x.lead_input(1);
        input["geography"] = json!({ "country": "NO", "city": "Bergen", "postalCode": "5015" });
        let lead = x.lead_submit(&seller, input).await["lead"]["id"].as_str().unwrap().to_owned();
        let listing = stand::listed(&x, &seller, lead.parse().unwrap(), 2, None, fixed("5.00")).await;
        let filter = json!({ "all": [
            { "postalPrefix": ["50"] }, { "postalPrefix": ["502"] }, { "seller": [seller.org().to_string()] }, { "consent": ["TEXT"] },
        ] });
        let campaign = created(&x, &buyer, draft(json!({ "vertical": "travel", "filter": filter }))).await;
        let holds = async |who: &Actor| {
            let answer = asked(&x, who, &campaign, None, Some(&lead)).await;
            let explanation = answer["data"]["matchExplain"].clone();
            let told: Vec<Value> = told(&explanation).into_iter().map(|(_, holds)| holds).collect();
            json!([told, explanation["reason"]])
        };
        let unknown = asked(&x, &buyer, &campaign, None, Some(&lead)).await;
        assert_eq!(unknown["errors"][0]["extensions"], json!({ "code": "NOT_FOUND", "argument": "leadId" }));
        let bought = stand::buy(&x, &buyer, &listing, "SHARED", "k").await;
        let trade = bought["trade"]["id"].clone();
        assert_eq!(holds(&buyer).await, json!([[null, null, true, true], null]), "its details were not looked at yet");
        let reveal = "mutation($trade: ID!) { contactReveal(input: { tradeId: $trade }) { userErrors { code } } }";
        let revealed = buyer.run(&x, reveal, json!({ "trade": trade })).await;
        assert_eq!(revealed["contactReveal"]["userErrors"], json!([]));
        assert_eq!(holds(&buyer).await, json!([[true, false, true, true], "FILTER_MISMATCH"]));
        let viewer = x.member(buyer.org(), domain::access::Role::Viewer).await;
        assert_eq!(holds(&viewer).await, json!([[null, null, true, true], null]), "who may not look does not find out");
        assert_eq!(explained(&x, &buyer, &campaign, &listing).await["reason"], "FILTER_MISMATCH");
    }

    async fn one_thing_is_asked_about(x: Exchange) {
        let auto = vertical(&x, "auto").await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        let campaign = created(&x, &buyer, draft(json!({}))).await;
        let lead = stand::lead(&x, seller.org(), LeadSpec { target: Some(seller.org()), ..LeadSpec::of(auto) }).await;
        let hidden = stand::listed(&x, &seller, lead, 1, None, json!({ "fixed": { "exclusivePrice": money("1.00") } })).await;
        let refused = async |listing: Option<&str>, lead: Option<&str>| {
            asked(&x, &buyer, &campaign, listing, lead).await["errors"][0]["extensions"].clone()
        };
        assert_eq!(refused(None, None).await, json!({ "code": "REQUIRED", "argument": "listingId" }));
        let lead = lead.to_string();
        assert_eq!(refused(Some(&hidden), Some(&lead)).await, json!({ "code": "INVALID", "argument": "leadId" }));
        assert_eq!(refused(Some(&hidden), None).await, json!({ "code": "NOT_FOUND", "argument": "listingId" }));
        assert_eq!(refused(None, Some(&lead)).await, json!({ "code": "NOT_FOUND", "argument": "leadId" }));
    }
}
