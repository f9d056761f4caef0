//! Lists cost a handful of statements, however many rows they have.

use domain::id::CheckId;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use store::WriteError;
use store::entity::lead_check;

use crate::disputes::case::{Case, place};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{fund, sell};
use crate::market::stand::{LeadSpec, lead, listed, money, placed, vertical};

const NODES: &str = "query ($ids: [ID!]!) { a: nodes(ids: $ids) { __typename id } b: nodes(ids: $ids) { id } }";
const DISPUTES: &str =
    "query ($first: Int) { disputes(first: $first) { edges { node { id entries { kind } files { fileName } } } } }";
const LEADS: &str =
    "query ($first: Int) { leads(first: $first) { edges { node { id checkHistory(last: 2) { kind outcome } } } } }";

async fn statements(x: &Exchange, who: &Actor, query: &str, variables: Value) -> (Value, u64) {
    let (answer, statements) = x.counted(who.principal.clone(), query, variables).await;
    assert!(answer.get("errors").is_none(), "{answer:#}");
    (answer["data"].clone(), statements)
}

on_each_backend! {
    async fn fifty_nodes_of_many_types_cost_a_few_statements(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        let v = vertical(&x, "auto").await;
        fund(&x.app, buyer.org(), 100_000).await;
        let mut ids = vec![seller.org().to_string(), v.to_string()];
        for _ in 0..16 {
            let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
            ids.push(lead.to_string());
            ids.push(listed(&x, &seller, lead, 1, None, json!({ "fixed": { "exclusivePrice": money("9") } })).await);
            let place = place(&x, &seller, 1).await;
            ids.push(sell(&x.app, place, buyer.org(), 1_000).await.unwrap().id.to_string());
        }
        let (found, cost) = statements(&x, &seller, NODES, json!({ "ids": ids })).await;
        let shown: Vec<_> = found["a"].as_array().unwrap().iter().map(|node| node["id"].clone()).collect();
        assert_eq!(json!(shown), json!(ids), "in their order");
        // A batch is cut short when the machine is busy; one by one it would be hundreds.
        assert!(cost <= 30, "{cost} statements for 50 ids, twice");
    }

    async fn a_page_of_the_market_costs_one_statement_and_one_more_for_own_bids(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        let v = vertical(&x, "auto").await;
        fund(&x.app, buyer.org(), 100_000).await;
        for _ in 0..5 {
            let lead = lead(&x, seller.org(), LeadSpec { attributes: json!({ "car": "VAN" }), ..LeadSpec::of(v) }).await;
            let listing = listed(&x, &seller, lead, 1, None, json!({ "auction": { "exclusiveReserve": money("9") } })).await;
            placed(&x, &buyer, &listing, None, Some("10")).await;
        }
        let page = |fields: &str| {
            format!(
                "query {{ listings(filter: {{ vertical: \"auto\", minScore: 1 }}, sort: CLOSING_SOON) {{ edges {{ cursor node {{ {fields} }} }} \
                 pageInfo {{ endCursor }} }} }}"
            )
        };
        let nothing_else = "id exclusiveReserve { amount } country score";
        let with_seller = "id attributes { key value } checks { kind outcome } sellerReputation { trades badTradesBp badTradesHighBp }";
        let with_bids = format!("{} fragment F on Listing {{ ownBid {{ reserved {{ amount currencyCode }} }} }}", page("id ...F"));
        for (query, most) in [(page(nothing_else), 1), (page(with_seller), 1), (with_bids.clone(), 2)] {
            let (found, cost) = statements(&x, &buyer, &query, json!({})).await;
            let edges = found["listings"]["edges"].as_array().unwrap();
            assert_eq!((edges.len(), cost), (5, most), "{query}");
            for node in edges.iter().map(|edge| &edge["node"]) {
                if query == page(with_seller) {
                    assert_eq!(node["attributes"], json!([{ "key": "car", "value": "VAN" }]));
                    assert_eq!(node["checks"], json!([{ "kind": "PHONE", "outcome": "PASS" }]));
                    assert_eq!(node["sellerReputation"]["badTradesBp"], 500);
                }
                if query == with_bids {
                    assert_eq!(node["ownBid"]["reserved"], money("10.00"));
                }
            }
        }
    }

    async fn a_page_of_disputes_costs_a_few_statements(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        fund(&x.app, buyer.org(), 100_000).await;
        for _ in 0..8 {
            let place = place(&x, &seller, 1).await;
            let trade = sell(&x.app, place, buyer.org(), 1_000).await.unwrap();
            Case { seller: seller.clone(), buyer: buyer.clone(), lead: place.lead, trade }.open(&x).await;
        }
        let (page, many) = statements(&x, &buyer, DISPUTES, json!({ "first": 50 })).await;
        let edges = page["disputes"]["edges"].as_array().unwrap();
        assert_eq!(edges.len(), 8);
        assert!(edges.iter().all(|edge| edge["node"]["entries"][0]["kind"] == "OPENED"), "{page:#}");
        // A busy machine may cut a batch of loads in two; one by one they would be many more.
        assert!(many <= 16, "{many} statements for 8 disputes, each with two lists");
    }

    async fn the_history_of_checks_is_cut_and_read_for_all_leads_together(x: Exchange) {
        let seller = x.organization("S").await;
        let v = vertical(&x, "auto").await;
        let mut rows = Vec::new();
        for _ in 0..4 {
            let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
            for kind in ["NAME", "PHONE", "CONSENT"] {
                rows.push(lead_check::ActiveModel {
                    id: Set(x.app.store.id::<CheckId>().0),
                    lead_id: Set(lead.0),
                    kind: Set(kind.into()),
                    outcome: Set("PASS".into()),
                    evidence: Set(json!({})),
                    recorded_by: Set(None),
                    recording_id: Set(None),
                    recorded_at: Set(x.app.store.now()),
                });
            }
        }
        x.tamper(r#"UPDATE lead SET source = '{"kind":"DIRECT","origin":"OWN_ACCORD"}'"#).await.unwrap();
        let done: Result<(), WriteError> = x
            .app
            .store
            .write("checks", move |tx| {
                let rows = rows.clone();
                async move {
                    lead_check::Entity::insert_many(rows).exec_without_returning(tx.db()).await?;
                    Ok(())
                }
            })
            .await;
        done.unwrap();
        let (page, many) = statements(&x, &seller, LEADS, json!({})).await;
        let edges = page["leads"]["edges"].as_array().unwrap();
        let latest = json!([{ "kind": "PHONE", "outcome": "PASS" }, { "kind": "CONSENT", "outcome": "PASS" }]);
        assert!(edges.len() == 4 && edges.iter().all(|edge| edge["node"]["checkHistory"] == latest), "{page:#}");
        assert!(many <= 5, "{many} statements for 4 leads");
        let too_many = LEADS.replace("last: 2", "last: 101");
        let refused = seller.execute(&x, &too_many, json!({})).await;
        assert_eq!(refused["errors"][0]["extensions"], json!({ "code": "TOO_LARGE", "argument": "last" }));
    }
}
