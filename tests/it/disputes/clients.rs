//! What a buyer keeps of the person behind a lead: how it begins, and how it ends.

use std::collections::BTreeSet;

use domain::access::{Permission, Principal, Role};
use domain::id::ApiKeyId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::case::{Case, place};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{fund, sell};
use crate::wallet::reveal::sealed;

const CREATE: &str = "mutation ($input: ClientCreateInput!) { clientCreate(input: $input) {
    client { id name phone } userErrors { code path } } }";
const RECORD: &str = "mutation ($input: OutcomeRecordInput!) { outcomeRecord(input: $input) {
    outcome { id } userErrors { code path } } }";
const UPDATE: &str = "mutation ($input: ClientUpdateInput!) { clientUpdate(input: $input) {
    client { name agentId version } userErrors { code path } } }";
const NOTE: &str = "mutation ($input: ClientNoteAddInput!) { clientNoteAdd(input: $input) {
    client { id } userErrors { code path } } }";
const STEP: &str = "mutation ($input: NextStepSetInput!) { nextStepSet(input: $input) {
    nextStep { note } userErrors { code path } } }";
const SEEN: &str = "query ($client: ID!, $trade: ID!) {
    client(id: $client) { name phone fields { key } erasedAt entries { edges { node { kind text } } } }
    clients { edges { node { name phone fields { key } erasedAt } } }
    node(id: $client) { ... on Client { name } }
    outcomes(tradeId: $trade) { kind reason } nextStep(tradeId: $trade) { note doneAt } agenda { edges { node { note } } } }";
const WITHDRAW: &str = "mutation ($input: ConsentWithdrawInput!) { consentWithdraw(input: $input) {
    refundedTrades userErrors { code path } } }";

/// A lead with contact details, bought and converted.
async fn converted(x: &Exchange) -> Case {
    let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
    fund(&x.app, buyer.org(), 1_000).await;
    let place = place(x, &seller, 1).await;
    sealed(x, place).await;
    let trade = sell(&x.app, place, buyer.org(), 1_000).await.unwrap();
    let case = Case { seller, buyer, lead: place.lead, trade };
    let revenue = json!({ "amount": "90.00", "currencyCode": "EUR" });
    let input = json!({ "tradeId": case.trade.id.to_string(), "kind": "CONVERTED", "revenue": revenue });
    case.buyer.run(x, RECORD, json!({ "input": input })).await;
    case
}

/// Everything that the buyer wrote down about the person: a card that was changed, a note, a reason, a step.
async fn written(x: &Exchange, case: &Case) -> Value {
    let trade = case.trade.id.to_string();
    let run = async |mutation: &str, input: Value| case.buyer.run(x, mutation, json!({ "input": input })).await;
    let made = run(CREATE, json!({ "tradeId": trade })).await["clientCreate"]["client"]["id"].clone();
    let card = json!({ "name": "Ada King", "phone": "+351 911 111 111", "fields": [{ "key": "policy", "value": "P7" }] });
    run(UPDATE, json!({ "clientId": made, "card": card, "version": 0 })).await;
    run(NOTE, json!({ "clientId": made, "text": "Ada prefers mail" })).await;
    run(RECORD, json!({ "tradeId": trade, "kind": "REFUSED_TO_BUY", "reason": "Ada has one" })).await;
    run(STEP, json!({ "tradeId": trade, "kind": "CALL", "dueAt": "2026-04-01T09:00:00Z", "note": "ask Ada again" })).await;
    made
}

/// What the buyer sees of it.
async fn seen(x: &Exchange, case: &Case, client: &Value) -> Value {
    case.buyer.run(x, SEEN, json!({ "client": client, "trade": case.trade.id.to_string() })).await
}

/// Nothing of the person is left, and the rest is.
async fn assert_erased(x: &Exchange, case: &Case, client: &Value) {
    let now = json!(x.app.now().to_rfc3339());
    let card = json!({ "name": null, "phone": null, "fields": [], "erasedAt": now });
    let history = json!({ "edges": [{ "node": { "kind": "NOTE", "text": null } }, { "node": { "kind": "UPDATED", "text": null } },
        { "node": { "kind": "CREATED", "text": null } }] });
    let mut whole = card.clone();
    whole["entries"] = history;
    assert_eq!(
        seen(x, case, client).await,
        json!({
            "client": whole, "clients": { "edges": [{ "node": card }] }, "node": { "name": null },
            "outcomes": [{ "kind": "CONVERTED", "reason": null }, { "kind": "REFUSED_TO_BUY", "reason": null }],
            "nextStep": { "note": null, "doneAt": now }, "agenda": { "edges": [] },
        })
    );
}

/// A machine of the buyer's with these scopes.
fn machine(of: &Actor, scopes: BTreeSet<Permission>) -> Principal {
    Principal::Key { key: ApiKeyId(Uuid::from_u128(7)), organization: of.org(), scopes }
}

on_each_backend! {
    async fn a_card_made_of_the_leads_contact_is_a_recorded_look(x: Exchange) {
        let case = converted(&x).await;
        let input = json!({ "input": { "tradeId": case.trade.id.to_string() } });
        let before = x.row_counts().await;
        let blind = machine(&case.buyer, [Permission::OutcomesWrite, Permission::TradesRead].into());
        let denied = x.execute(blind, CREATE, input.clone()).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert_eq!(x.row_counts().await, before);
        let seeing = machine(&case.buyer, [Permission::OutcomesWrite, Permission::ContactsReveal].into());
        let made = x.execute(seeing, CREATE, input).await["data"]["clientCreate"].clone();
        assert_eq!((made["client"]["name"].clone(), made["userErrors"].clone()), (json!("Ada Lovelace"), json!([])));
        assert_eq!(x.count("contact_reveal").await, 1);
        let trade = x.app.store.trade_any(case.trade.id).await.unwrap().unwrap();
        assert_eq!(trade.delivered_at, Some(x.app.now()));
    }

    async fn a_card_of_the_buyers_own_shows_nothing_of_the_lead(x: Exchange) {
        let case = converted(&x).await;
        let input = json!({ "input": { "tradeId": case.trade.id.to_string(), "card": { "name": "A. King" } } });
        let blind = machine(&case.buyer, [Permission::OutcomesWrite].into());
        let made = x.execute(blind, CREATE, input).await["data"]["clientCreate"]["client"].clone();
        assert_eq!((made["name"].clone(), made["phone"].clone()), (json!("A. King"), Value::Null));
        assert_eq!(x.count("contact_reveal").await, 0);
    }

    async fn what_a_buyer_writes_is_readable_and_lies_sealed(x: Exchange) {
        let case = converted(&x).await;
        let client = written(&x, &case).await;
        let seen = seen(&x, &case, &client).await;
        assert_eq!((seen["client"]["name"].clone(), seen["client"]["erasedAt"].clone()), (json!("Ada King"), Value::Null));
        assert_eq!(seen["client"]["entries"]["edges"][0]["node"]["text"], "Ada prefers mail");
        assert_eq!(seen["outcomes"][1], json!({ "kind": "REFUSED_TO_BUY", "reason": "Ada has one" }));
        assert_eq!(seen["nextStep"], json!({ "note": "ask Ada again", "doneAt": null }));
        assert_eq!(seen["agenda"]["edges"], json!([{ "node": { "note": "ask Ada again" } }]));
        let kept = x.dump(&["client", "client_entry", "outcome", "next_step"]).await;
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
        for text in ["Ada", "911", "P7"] {
            assert!(!kept.contains(text) && !kept.to_uppercase().contains(&hex(text)), "{text}");
        }
    }

    async fn a_refund_takes_the_person_out_of_what_the_buyer_wrote(x: Exchange) {
        let case = converted(&x).await;
        let client = written(&x, &case).await;
        let id = case.open(&x).await;
        case.respond(&x, &id, "ACCEPT", None).await;
        assert_eq!(case.money(&x).await, (1_000, 0, 0));
        assert_erased(&x, &case, &client).await;
        let before = x.row_counts().await;
        for (mutation, field, input) in [
            (NOTE, "clientId", json!({ "clientId": client, "text": "Ada" })),
            (UPDATE, "clientId", json!({ "clientId": client, "card": { "name": "Ada" }, "version": 1 })),
            (STEP, "tradeId", json!({ "tradeId": case.trade.id.to_string(), "kind": "CALL", "dueAt": "2026-04-01T09:00:00Z" })),
        ] {
            let answer = case.buyer.run(&x, mutation, json!({ "input": input })).await;
            let payload = answer.as_object().unwrap().values().next().unwrap().clone();
            assert_eq!(payload["userErrors"], json!([{ "code": "WRONG_STATE", "path": [field] }]));
        }
        assert_eq!(x.row_counts().await, before);
    }

    async fn a_withdrawal_of_consent_erases_the_client_of_a_delivered_trade(x: Exchange) {
        let case = converted(&x).await;
        let client = written(&x, &case).await;
        let input = json!({ "leadId": case.lead.to_string(), "idempotencyKey": "k" });
        let done = case.seller.run(&x, WITHDRAW, json!({ "input": input })).await["consentWithdraw"].clone();
        assert_eq!(done, json!({ "refundedTrades": 0, "userErrors": [] }), "what was delivered stays sold");
        assert_erased(&x, &case, &client).await;
        let record = async |input: Value| case.buyer.run(&x, RECORD, json!({ "input": input })).await["outcomeRecord"].clone();
        let trade = case.trade.id.to_string();
        let told = record(json!({ "tradeId": trade, "kind": "REFUSED_TO_BUY", "reason": "Ada again" })).await;
        assert_eq!(told["userErrors"], json!([{ "code": "WRONG_STATE", "path": ["tradeId"] }]));
        assert_eq!(record(json!({ "tradeId": trade, "kind": "NO_ANSWER" })).await["userErrors"], json!([]));
    }

    async fn an_absent_agent_stays_and_a_null_one_goes(x: Exchange) {
        let case = converted(&x).await;
        let agent = x.member(case.buyer.org(), Role::Agent).await;
        let input = json!({ "tradeId": case.trade.id.to_string(), "agentId": agent.user.to_string(), "card": { "name": "Ada" } });
        let id = case.buyer.run(&x, CREATE, json!({ "input": input })).await["clientCreate"]["client"]["id"].clone();
        let update = async |input: Value| case.buyer.run(&x, UPDATE, json!({ "input": input })).await["clientUpdate"]["client"].clone();
        let kept = update(json!({ "clientId": id, "card": { "name": "Ada" }, "version": 0 })).await;
        assert_eq!(kept["agentId"], json!(agent.user.to_string()));
        let gone = update(json!({ "clientId": id, "card": { "name": "Ada" }, "version": 1, "agentId": null })).await;
        assert_eq!((gone["agentId"].clone(), gone["version"].clone()), (Value::Null, json!(2)));
    }
}
