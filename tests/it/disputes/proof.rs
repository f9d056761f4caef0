//! What the exchange proves by itself, with leads that came in, were listed and bought as clients do it.

use std::collections::HashMap;
use std::sync::Arc;

use api::app::App;
use api::ports::KnownMailDomains;
use domain::id::LeadId;
use domain::verification::MailDomain;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use store::WriteError;
use store::entity::lead;

use super::case::OPEN;
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{DAY, assert_clean, fund};
use crate::market::stand::{buy, listed, money};

const SPOKEN: &str = "mutation ($input: CallRecordInput!) { callRecord(input: $input) { lead { id } userErrors { code } } }";

/// A number that no plan assigns.
const DEAD: &str = "+4710000000";

/// A lead that was submitted and became VERIFIED; answers its id.
async fn submitted(x: &Exchange, seller: &Actor, input: Value) -> String {
    let payload = x.lead_submit(seller, input).await;
    assert_eq!(payload["lead"]["state"], "VERIFIED", "{payload:#}");
    payload["lead"]["id"].as_str().unwrap().to_owned()
}

/// Lists and sells a lead; answers the trade's id.
async fn bought(x: &Exchange, seller: &Actor, buyer: &Actor, lead: &str) -> String {
    fund(&x.app, buyer.org(), 4_000).await;
    let terms = json!({ "fixed": { "exclusivePrice": money("40") } });
    let listing = listed(x, seller, lead.parse().unwrap(), 1, None, terms).await;
    let sold = buy(x, buyer, &listing, "EXCLUSIVE", &format!("buy {lead}")).await;
    assert_eq!(sold["userErrors"], json!([]), "{sold:#}");
    sold["trade"]["id"].as_str().unwrap().to_owned()
}

/// Claims something; answers the state of the dispute and what proved it.
async fn claimed(x: &Exchange, buyer: &Actor, trade: &str, claim: &str, detail: &str) -> (String, Value) {
    let input = json!({ "tradeId": trade, "claim": claim, "detail": detail, "statement": "see for yourself",
        "idempotencyKey": format!("{claim} {trade}") });
    let answer = buyer.run(x, OPEN, json!({ "input": input })).await["disputeOpen"].clone();
    assert_eq!(answer["userErrors"], json!([]), "{answer:#}");
    (answer["dispute"]["status"].as_str().unwrap().to_owned(), answer["dispute"]["proof"].clone())
}

fn open() -> (String, Value) {
    ("OPEN".into(), Value::Null)
}

fn proved(proof: &str) -> (String, Value) {
    ("REFUNDED".into(), json!(proof))
}

/// Makes a check of a lead one that had another outcome at intake, as if what it looks at had changed since.
async fn check_was(x: &Exchange, id: &str, kind: &str, (outcome, evidence): (&str, Value)) {
    let id: LeadId = id.parse().unwrap();
    let row = lead::Entity::find_by_id(id.0).one(x.app.store.read()).await.unwrap().unwrap();
    let mut checks = row.checks;
    for check in checks.as_array_mut().unwrap().iter_mut().filter(|check| check["kind"] == kind) {
        assert_ne!(check["outcome"], outcome);
        check["outcome"] = json!(outcome);
        check["evidence"] = evidence.clone();
    }
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("check", move |tx| {
            let checks = checks.clone();
            async move {
                lead::Entity::update_many()
                    .col_expr(lead::Column::Checks, Expr::value(checks))
                    .filter(lead::Column::Id.eq(id.0))
                    .exec(tx.db())
                    .await?;
                Ok(())
            }
        })
        .await;
    done.unwrap();
}

/// A lead with a number that no plan assigns and an address that is one.
fn half_dead(x: &Exchange, n: u32) -> Value {
    let mut input = x.lead_input(n);
    input["contact"]["phones"] = json!([DEAD.replace("0000000", &format!("000{n:04}"))]);
    input
}

/// The exchange with a look-up that knows this domain to be absent.
fn without_domain(mut x: Exchange, domain: &str) -> Exchange {
    let known = KnownMailDomains(HashMap::from([(domain.to_owned(), MailDomain::Absent)]));
    x.app = Arc::new(App { mail_domains: Arc::new(known), ..(*x.app).clone() });
    x.schema = api::graphql::schema(x.app.clone());
    x
}

on_each_backend! {
    async fn what_the_buyer_saw_before_the_sale_proves_nothing(x: Exchange) {
        x.verticals().await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        for (n, claim, detail) in [(1, "STALE", "RESUBMITTED"), (2, "MISTAKE", "WRONG_PERSON"), (3, "BOT", "GIBBERISH_ANSWERS")] {
            let lead = submitted(&x, &seller, half_dead(&x, n)).await;
            let trade = bought(&x, &seller, &buyer, &lead).await;
            assert_eq!(claimed(&x, &buyer, &trade, claim, detail).await, open(), "the phone had failed in sight of all");
        }
        assert_clean(&x).await;
    }

    async fn a_number_that_died_proves_a_mistake_and_nothing_else(x: Exchange) {
        x.verticals().await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        let mut trades = Vec::new();
        for n in 1..=3 {
            let lead = submitted(&x, &seller, half_dead(&x, n)).await;
            check_was(&x, &lead, "PHONE", ("PASS", json!({}))).await;
            trades.push((lead.clone(), bought(&x, &seller, &buyer, &lead).await));
        }
        assert_eq!(claimed(&x, &buyer, &trades[0].1, "STALE", "RESUBMITTED").await, open());
        let spoken = |lead: &str| json!({ "input": { "leadId": lead, "disposition": "CONFIRMED_INTEREST", "durationSecs": 90 } });
        seller.run(&x, SPOKEN, spoken(&trades[1].0)).await;
        let by_word = claimed(&x, &buyer, &trades[1].1, "MISTAKE", "DEAD_NUMBER").await;
        assert_eq!(by_word, proved("PHONE_IMPOSSIBLE"), "a seller's word is no proof of a talk");
        let operator = x.operator().await;
        operator.run(&x, SPOKEN, spoken(&trades[2].0)).await;
        assert_eq!(claimed(&x, &buyer, &trades[2].1, "MISTAKE", "WRONG_PERSON").await, open(), "the exchange itself spoke with them");
        assert_clean(&x).await;
    }

    async fn an_address_whose_domain_is_gone_proves_that_mail_bounces(x: Exchange) {
        x.verticals().await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        let mut trades = Vec::new();
        for n in 1..=2 {
            let mut input = x.lead_input(n);
            input["contact"]["emails"] = json!([format!("kari.{n}@gone.example.no")]);
            let lead = submitted(&x, &seller, input).await;
            trades.push(bought(&x, &seller, &buyer, &lead).await);
        }
        let x = without_domain(x, "gone.example.no");
        assert_eq!(claimed(&x, &buyer, &trades[0], "OUT_OF_CRITERIA", "WRONG_REGION").await, open());
        assert_eq!(claimed(&x, &buyer, &trades[1], "MISTAKE", "BOUNCED_MAIL").await, proved("EMAIL_IMPOSSIBLE"));
        assert_clean(&x).await;
    }

    async fn a_person_sold_before_is_a_duplicate_to_who_claims_that(x: Exchange) {
        x.verticals().await;
        let (first, second) = (x.organization("First").await, x.organization("Second").await);
        let (early, late, later) = (x.organization("Early").await, x.organization("Late").await, x.organization("Later").await);
        let lead = submitted(&x, &first, x.lead_input(1)).await;
        // The window of intake has passed for the second seller; then the first one sells.
        x.clock.advance_secs(31 * DAY);
        let same = submitted(&x, &second, x.lead_input(1)).await;
        bought(&x, &first, &early, &lead).await;
        x.clock.advance_secs(DAY);
        let trade = bought(&x, &second, &late, &same).await;
        assert_eq!(claimed(&x, &late, &trade, "DUPLICATE", "SOLD_BEFORE").await, proved("DUPLICATE"));
        x.clock.advance_secs(31 * DAY);
        let third = x.organization("Third").await;
        let again = submitted(&x, &third, x.lead_input(1)).await;
        let trade = bought(&x, &third, &later, &again).await;
        assert_eq!(claimed(&x, &later, &trade, "DUPLICATE", "SOLD_BEFORE").await, open(), "the window has passed");
        assert_clean(&x).await;
    }

    async fn an_odd_consent_is_argued_about(x: Exchange) {
        x.verticals().await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        let mut input = x.lead_input(1);
        input["capturedAt"] = json!(x.app.now() - chrono::TimeDelta::days(2));
        let lead = submitted(&x, &seller, input).await;
        let trade = bought(&x, &seller, &buyer, &lead).await;
        assert_eq!(claimed(&x, &buyer, &trade, "NO_CONSENT", "CONSENT_MISMATCH").await, open(), "given after the lead");
    }

    async fn a_consent_that_was_void_at_the_sale_is_none(x: Exchange) {
        x.verticals().await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        let mut trades = Vec::new();
        for n in 1..=2 {
            let lead = submitted(&x, &seller, x.lead_input(n)).await;
            trades.push(bought(&x, &seller, &buyer, &lead).await);
            check_was(&x, &lead, "CONSENT", ("FAIL", json!({ "fault": "TOO_OLD" }))).await;
        }
        assert_eq!(claimed(&x, &buyer, &trades[0], "OUT_OF_CRITERIA", "WRONG_AGE").await, open());
        assert_eq!(claimed(&x, &buyer, &trades[1], "NO_CONSENT", "DID_NOT_ASK").await, proved("CONSENT_MISMATCHED"));
        assert_clean(&x).await;
    }
}
