//! Who sees what of a dispute, and what looking leaves behind.

use domain::access::{Permission, Principal, Role};
use domain::id::ApiKeyId;
use serde_json::{Value, json};

use super::case::{Case, HOUR, RESPOND, WITHDRAW, case, in_charge, opened, place, rule, tick, uploaded};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{fund, sell};

const ENTRIES: &str = "query ($id: ID!) { dispute(id: $id) { entries { kind side text refundPercent } files { fileName } } }";
const ADD: &str = "mutation ($input: DisputeEvidenceAddInput!) { disputeEvidenceAdd(input: $input) {
    dispute { id } userErrors { code path } } }";
const INSPECT: &str = "mutation ($input: DeskDisputeInput!) { disputeInspect(input: $input) { case {
    dispute { proposedRefundPercent } entries { kind refundPercent } person { name } outcomes { kind }
    lead { country region verticalPath audience interest source { kind } consent { text } session { typedFields } checks { kind outcome } }
    listing { format exclusive maxSales } facts { suppressed outcome phonePromised spoken } }
    userErrors { code } } }";
const CONFIRM: &str = "mutation ($input: DisputeConfirmInput!) { disputeConfirm(input: $input) {
    dispute { status } userErrors { code path } } }";

async fn seen(x: &Exchange, who: &Actor, id: &str) -> Value {
    who.run(x, ENTRIES, json!({ "id": id })).await["dispute"].clone()
}

async fn inspected(x: &Exchange, arbiter: &Actor, id: &str) -> Value {
    arbiter.run(x, INSPECT, json!({ "input": { "disputeId": id } })).await["disputeInspect"]["case"].clone()
}

/// The kinds of the rulings in a history, with their percent.
fn rulings(entries: &Value) -> Vec<(String, Value)> {
    let all = entries.as_array().unwrap().iter();
    let of = |entry: &Value| (entry["kind"].as_str().unwrap().to_owned(), entry["refundPercent"].clone());
    all.map(of).filter(|(kind, _)| ["RULED", "CONFIRMED", "DECLINED"].contains(&kind.as_str())).collect()
}

async fn contested(x: &Exchange, case: &Case) -> String {
    let id = case.open(x).await;
    assert_eq!(case.respond(x, &id, "CONTEST", Some("no")).await["dispute"]["status"], "UNDER_REVIEW");
    id
}

/// Somebody else of the same organization.
fn key(of: &Actor, scopes: &[Permission]) -> Actor {
    let organization = of.org();
    let key = ApiKeyId(uuid::Uuid::from_u128(7));
    Actor { principal: Principal::Key { key, organization, scopes: scopes.iter().copied().collect() }, ..of.clone() }
}

on_each_backend! {
    async fn a_ruling_that_does_not_stand_is_in_no_history(x: Exchange) {
        let arbiters = [x.arbiter().await, x.arbiter().await, x.arbiter().await];
        let case = case(&x, 100_001).await;
        let id = contested(&x, &case).await;
        rule(&x, in_charge(&x, &arbiters, &id).await, &id, 0).await;
        for party in [&case.buyer, &case.seller] {
            assert_eq!(rulings(&seen(&x, party, &id).await["entries"]), []);
        }
        let second = in_charge(&x, &arbiters, &id).await;
        let asked = inspected(&x, second, &id).await;
        assert_eq!((rulings(&asked["entries"]), asked["dispute"]["proposedRefundPercent"].clone()), (vec![("RULED".to_owned(), json!(0))], json!(0)));
        let declined = json!({ "input": { "disputeId": id, "agrees": false, "idempotencyKey": "c" } });
        second.run(&x, CONFIRM, declined).await;
        let withdraw = json!({ "input": { "disputeId": id, "idempotencyKey": "w" } });
        let escape = case.buyer.run(&x, WITHDRAW, withdraw).await;
        assert_eq!(escape["disputeWithdraw"]["userErrors"][0]["code"], "WRONG_STATE", "an arbiter has ruled");
        let third = in_charge(&x, &arbiters, &id).await;
        assert_eq!(rulings(&inspected(&x, third, &id).await["entries"]), [], "nobody leads the third");
        rule(&x, third, &id, 50).await;
        assert_eq!(rulings(&seen(&x, &case.buyer, &id).await["entries"]), [("RULED".to_owned(), json!(50))]);
        x.clock.advance_secs(48 * HOUR);
        tick(&x).await;
        let all = [("RULED".to_owned(), json!(0)), ("DECLINED".to_owned(), Value::Null), ("RULED".to_owned(), json!(50))];
        assert_eq!(rulings(&seen(&x, &case.seller, &id).await["entries"]), all, "at the end everything is told");
    }

    async fn what_was_said_is_for_those_who_argue_or_may_see_who_it_is(x: Exchange) {
        let case = case(&x, 1_000).await;
        let id = case.open(&x).await;
        let file = uploaded(&x, &case.seller, b"the form", 8).await.to_string();
        let events = async || x.dump(&["event"]).await.lines().filter(|row| row.contains("dispute.updated")).count();
        let before = events().await;
        let input = json!({ "disputeId": id, "uploadIds": [file], "statement": "she asked" });
        assert_eq!(case.seller.run(&x, ADD, json!({ "input": input })).await["disputeEvidenceAdd"]["userErrors"], json!([]));
        assert_eq!(events().await, before + 1, "both sides hear of it");
        let texts = async |who: &Actor| {
            let seen = seen(&x, who, &id).await;
            let texts = seen["entries"].as_array().unwrap().iter().map(|e| e["text"].clone()).filter(|text| !text.is_null());
            (json!(texts.collect::<Vec<_>>()), seen["files"][0]["fileName"].clone())
        };
        let all = (json!(["it is not what was listed", "she asked"]), json!("call.txt"));
        let agent = x.member(case.buyer.org(), Role::Agent).await;
        for who in [&case.buyer, &case.seller, &agent, &key(&case.buyer, &[Permission::TradesRead, Permission::DisputesWrite])] {
            assert_eq!(texts(who).await, all);
        }
        let (viewer, finance) = (x.member(case.seller.org(), Role::Viewer).await, x.member(case.buyer.org(), Role::Finance).await);
        for who in [&viewer, &finance, &key(&case.buyer, &[Permission::TradesRead])] {
            assert_eq!(texts(who).await, (json!([]), Value::Null));
        }
        case.respond(&x, &id, "ACCEPT", None).await;
        assert_eq!(texts(&case.buyer).await, (json!(["it is not what was listed"]), Value::Null), "who has the money back knows no more");
        assert_eq!(texts(&case.seller).await, all);
    }

    async fn the_arbiters_look_is_counted_among_those_at_the_contact(x: Exchange) {
        x.verticals().await;
        let (seller, buyer, arbiter) = (x.organization("Seller").await, x.organization("Buyer").await, x.arbiter().await);
        fund(&x.app, buyer.org(), 4_000).await;
        let lead = x.verified_lead(&seller, 1).await;
        let terms = json!({ "fixed": { "exclusivePrice": { "amount": "40", "currencyCode": "EUR" } } });
        let listing = crate::market::stand::listed(&x, &seller, lead.parse().unwrap(), 1, None, terms).await;
        let sold = crate::market::stand::buy(&x, &buyer, &listing, "EXCLUSIVE", "buy").await;
        let trade = x.app.store.trade_any(sold["trade"]["id"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
        let record = "mutation ($input: OutcomeRecordInput!) { outcomeRecord(input: $input) { userErrors { code } } }";
        for kind in ["CONTACTED", "NO_ANSWER"] {
            buyer.run(&x, record, json!({ "input": { "tradeId": trade.id.to_string(), "kind": kind } })).await;
        }
        x.clock.advance_secs(60);
        let add = "mutation ($input: SuppressionAddInput!) { suppressionAdd(input: $input) { added userErrors { code } } }";
        let contact = json!({ "input": { "contact": "+4791200001", "reason": "asked us", "country": "NO" } });
        assert_eq!(x.operator().await.run(&x, add, contact).await["suppressionAdd"]["added"], true);
        let id = opened(&x, &buyer, &trade, "NO_CONSENT", "DO_NOT_CONTACT").await;
        let answer = json!({ "input": { "disputeId": id, "answer": "CONTEST", "statement": "no", "idempotencyKey": "a" } });
        seller.run(&x, RESPOND, answer).await;
        let looks = x.count("contact_reveal").await;
        let case = inspected(&x, &arbiter, &id).await;
        assert_eq!(x.count("contact_reveal").await, looks + 1);
        assert_eq!(case["facts"], json!({ "suppressed": false, "outcome": "CONTACTED", "phonePromised": true, "spoken": false }),
            "who entered the list after the sale was not on it");
        assert_eq!(case["outcomes"], json!([{ "kind": "CONTACTED" }, { "kind": "NO_ANSWER" }]));
        assert_eq!(case["person"]["name"], "Kari Nordmann");
        assert_eq!(case["listing"], json!({ "format": "FIXED", "exclusive": true, "maxSales": 1 }));
        let lead = &case["lead"];
        assert_eq!((lead["country"].clone(), lead["verticalPath"].clone()), (json!("NO"), json!("travel/tour")));
        assert_eq!((lead["source"]["kind"].clone(), lead["session"]["typedFields"].clone()), (json!("SEARCH_AD"), json!(6)));
        assert_eq!(lead["consent"]["text"], "Yes, call me about tours that fit my answers.");
        assert!(lead["checks"].as_array().unwrap().contains(&json!({ "kind": "PHONE", "outcome": "PASS" })));
    }

    async fn operators_see_that_there_are_disputes_and_not_what_was_said(x: Exchange) {
        let operator = x.operator().await;
        let case = case(&x, 1_000).await;
        fund(&x.app, case.buyer.org(), 1_000).await;
        let other = place(&x, &case.seller, 1).await;
        let second = sell(&x.app, other, case.buyer.org(), 1_000).await.unwrap();
        let first = case.open(&x).await;
        let late = opened(&x, &case.buyer, &second, "STALE", "RESUBMITTED").await;
        case.respond(&x, &first, "ACCEPT", None).await;
        let list = "query ($status: DisputeStatus) { exchangeDisputes(status: $status) { edges { node { id status hasArbiter } } } }";
        let listed = async |status: Value| operator.run(&x, list, json!({ "status": status })).await["exchangeDisputes"]["edges"].clone();
        let (open, done) = (json!({ "node": { "id": late, "status": "OPEN", "hasArbiter": false } }), json!({ "node": { "id": first, "status": "REFUNDED", "hasArbiter": false } }));
        assert_eq!(listed(Value::Null).await, json!([open, done]));
        assert_eq!(listed(json!("OPEN")).await, json!([open]));
    }
}
