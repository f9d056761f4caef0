//! A sold lead, and those who argue about it.

use api::app::dispute::disputes_advance;
use domain::id::{LeadId, UploadId};
use domain::ledger::AccountKind;
use sea_orm::prelude::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use store::WriteError;
use store::entity::upload;
use store::trades::Trade;

use crate::harness::{Actor, Exchange};
use crate::imports::put_for;
use crate::ledger::market::{balance, fund, sell, stall};

pub const HOUR: i64 = 3_600;

pub const OPEN: &str = "mutation ($input: DisputeOpenInput!) { disputeOpen(input: $input) {
    dispute { id status proof dueAt refundCause } userErrors { code path message } } }";
pub const RESPOND: &str = "mutation ($input: DisputeRespondInput!) { disputeRespond(input: $input) {
    dispute { id status refundCause dueAt } userErrors { code path } } }";
pub const WITHDRAW: &str = "mutation ($input: DisputeWithdrawInput!) { disputeWithdraw(input: $input) {
    dispute { id status } userErrors { code path } } }";
pub const APPEAL: &str = "mutation ($input: DisputeAppealInput!) { disputeAppeal(input: $input) {
    dispute { id status appealedRuling { refundPercent } } userErrors { code path } } }";
pub const RULE: &str = "mutation ($input: DisputeRuleInput!) { disputeRule(input: $input) {
    dispute { disputeId status proposedRefundPercent } userErrors { code path } } }";
pub const DISPUTE: &str = "query ($id: ID!) { dispute(id: $id) { status refundCause dueAt openedByExchange
    ruling { refundPercent byEvidence confirmed } } }";
pub const CALL: &str = "mutation ($input: CallAttemptLogInput!) { callAttemptLog(input: $input) {
    callAttempt { id disposition durationSecs } userErrors { code path } } }";

/// A lead that `buyer` bought of `seller`.
pub struct Case {
    pub seller: Actor,
    pub buyer: Actor,
    pub lead: LeadId,
    pub trade: Trade,
}

/// A listed lead whose source is of its form, and so are its terms.
pub async fn place(x: &Exchange, seller: &Actor, max_sales: i64) -> crate::ledger::market::Stall {
    let place = stall(x, seller.org(), max_sales).await;
    let source = r#"{"kind":"DIRECT","origin":"OWN_ACCORD"}"#;
    x.tamper(&format!("UPDATE lead SET source = '{source}'")).await.unwrap();
    let terms = r#"{"format":"FIXED","shared_minor":1000,"exclusive_minor":null}"#;
    x.tamper(&format!("UPDATE listing SET terms = '{terms}'")).await.unwrap();
    place
}

/// Puts a file of evidence; `size` is what the exchange is made to believe of it.
pub async fn uploaded(x: &Exchange, who: &Actor, content: &'static [u8], size: i64) -> UploadId {
    let id: UploadId = put_for(x, who, "EVIDENCE", "call.txt", content).await.parse().unwrap();
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("upload", move |tx| async move {
            let believed = upload::Entity::update_many().col_expr(upload::Column::SizeBytes, Expr::value(size));
            believed.filter(upload::Column::Id.eq(id.0)).exec(tx.db()).await?;
            Ok(())
        })
        .await;
    done.unwrap();
    id
}

/// A lead sold for `minor`, paid with all that the buyer has.
pub async fn case(x: &Exchange, minor: i64) -> Case {
    let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
    fund(&x.app, buyer.org(), minor).await;
    let place = place(x, &seller, 1).await;
    let trade = sell(&x.app, place, buyer.org(), minor).await.unwrap();
    Case { seller, buyer, lead: place.lead, trade }
}

/// The input of a claim on `trade`.
pub fn claim(trade: &Trade, claim: &str, detail: &str) -> Value {
    json!({ "tradeId": trade.id.to_string(), "claim": claim, "detail": detail, "statement": "it is not what was listed",
        "idempotencyKey": format!("open {}", trade.id) })
}

/// Opens a dispute that must open; answers its id.
pub async fn opened(x: &Exchange, buyer: &Actor, trade: &Trade, reason: &str, detail: &str) -> String {
    let answer = buyer.run(x, OPEN, json!({ "input": claim(trade, reason, detail) })).await["disputeOpen"].clone();
    assert_eq!(answer["userErrors"], json!([]));
    answer["dispute"]["id"].as_str().unwrap().to_owned()
}

impl Case {
    /// Opens a dispute that nothing proves at once.
    pub async fn open(&self, x: &Exchange) -> String {
        opened(x, &self.buyer, &self.trade, "MISTAKE", "WRONG_PERSON").await
    }

    /// The seller's answer.
    pub async fn respond(&self, x: &Exchange, id: &str, answer: &str, statement: Option<&str>) -> Value {
        let input =
            json!({ "disputeId": id, "answer": answer, "statement": statement, "idempotencyKey": format!("answer {id}") });
        self.seller.run(x, RESPOND, json!({ "input": input })).await["disputeRespond"].clone()
    }

    /// `who` appeals with these words and nothing else.
    pub async fn appeal_in_words(&self, x: &Exchange, who: &Actor, id: &str, words: Option<&str>) -> Value {
        let input = json!({ "disputeId": id, "statement": words, "idempotencyKey": format!("appeal {id} {words:?}") });
        who.run(x, APPEAL, json!({ "input": input })).await["disputeAppeal"].clone()
    }

    /// `who` appeals with a file that no arbiter has seen.
    pub async fn appeal(&self, x: &Exchange, who: &Actor, id: &str) -> Value {
        let file = uploaded(x, who, b"a letter of the person", 22).await.to_string();
        let input = json!({ "disputeId": id, "uploadIds": [file], "idempotencyKey": format!("appeal {id} {file}") });
        who.run(x, APPEAL, json!({ "input": input })).await["disputeAppeal"].clone()
    }

    /// The dispute as the buyer sees it.
    pub async fn see(&self, x: &Exchange, id: &str) -> Value {
        self.buyer.run(x, DISPUTE, json!({ "id": id })).await["dispute"].clone()
    }

    /// What the buyer and the seller can spend, and what is held.
    pub async fn money(&self, x: &Exchange) -> (i64, i64, i64) {
        (
            balance(x, self.buyer.org(), AccountKind::Available).await,
            balance(x, self.seller.org(), AccountKind::Available).await,
            balance(x, self.seller.org(), AccountKind::Escrow).await,
        )
    }
}

/// What an arbiter rules.
pub async fn rule(x: &Exchange, arbiter: &Actor, id: &str, percent: i64) -> Value {
    let input = json!({ "disputeId": id, "refundPercent": percent, "grounds": "the evidence says so",
        "idempotencyKey": format!("rule {id} {percent}") });
    arbiter.run(x, RULE, json!({ "input": input })).await["disputeRule"].clone()
}

/// Lets the deadlines pass that have come, in a process that was started just now; answers how many disputes it touched.
pub async fn tick(x: &Exchange) -> u64 {
    let process = x.second_process().await;
    let done = disputes_advance(&process).await.unwrap();
    process.store.close().await.unwrap();
    done
}

/// The arbiter who has the dispute.
pub async fn in_charge<'a>(x: &Exchange, arbiters: &'a [Actor], id: &str) -> &'a Actor {
    let desk = "{ deskDisputes { edges { node { disputeId } } } }";
    for arbiter in arbiters {
        let edges = arbiter.run(x, desk, json!({})).await["deskDisputes"]["edges"].clone();
        if edges.as_array().unwrap().iter().any(|edge| edge["node"]["disputeId"] == id) {
            return arbiter;
        }
    }
    panic!("nobody has {id}");
}

/// The state of a lead.
pub async fn lead_state(x: &Exchange, lead: LeadId) -> String {
    store::entity::lead::Entity::find_by_id(lead.0).one(x.app.store.read()).await.unwrap().unwrap().state
}
