//! Working on bought leads: outcomes, next steps, client cards.

use domain::access::Role;
use serde_json::{Value, json};

use super::case::{Case, case};
use crate::harness::{Actor, Exchange, on_each_backend};

const RECORD: &str = "mutation ($input: OutcomeRecordInput!) { outcomeRecord(input: $input) {
    outcome { kind reason until revenue { amount currencyCode } agentId } userErrors { code path } } }";
const OUTCOMES: &str = "query ($id: ID!) { outcomes(tradeId: $id) { kind recordedAt } }";
const STEP: &str = "mutation ($input: NextStepSetInput!) { nextStepSet(input: $input) {
    nextStep { kind dueAt note doneAt } userErrors { code path } } }";
const DONE: &str = "mutation ($input: NextStepCompleteInput!) { nextStepComplete(input: $input) {
    nextStep { doneAt } userErrors { code path } } }";
const AGENDA: &str = "{ agenda { edges { node { kind tradeId } } } }";
const CREATE: &str = "mutation ($input: ClientCreateInput!) { clientCreate(input: $input) {
    client { id name leadId version } userErrors { code path } } }";
const UPDATE: &str = "mutation ($input: ClientUpdateInput!) { clientUpdate(input: $input) {
    client { name reference version fields { key value } } userErrors { code path } } }";
const NOTE: &str = "mutation ($input: ClientNoteAddInput!) { clientNoteAdd(input: $input) {
    client { id entries { edges { node { kind text } } } } userErrors { code path } } }";
const CLIENT: &str = "query ($id: ID!) { client(id: $id) { name } clients { edges { node { id } } } }";

async fn record(x: &Exchange, case: &Case, who: &Actor, mut input: Value) -> Value {
    input["tradeId"] = json!(case.trade.id.to_string());
    who.run(x, RECORD, json!({ "input": input })).await["outcomeRecord"].clone()
}

on_each_backend! {
    async fn outcomes_keep_their_history(x: Exchange) {
        let case = case(&x, 1_000).await;
        let agent = x.member(case.buyer.org(), Role::Agent).await;
        let first = record(&x, &case, &agent, json!({ "kind": "NO_ANSWER" })).await;
        assert_eq!(first["outcome"]["agentId"], agent.user.to_string());
        let before = x.row_counts().await;
        let wrong = record(&x, &case, &agent, json!({ "kind": "CONVERTED" })).await;
        assert_eq!(wrong, json!({ "outcome": null, "userErrors": [{ "code": "REQUIRED", "path": ["revenue"] }] }));
        assert_eq!(record(&x, &case, &case.seller, json!({ "kind": "CONTACTED" })).await["userErrors"][0]["code"], "NOT_FOUND");
        assert_eq!(record(&x, &case, &agent, json!({ "kind": "CONTACTED", "agentId": case.seller.user.to_string() })).await["userErrors"],
            json!([{ "code": "NOT_FOUND", "path": ["agentId"] }]));
        assert_eq!(x.row_counts().await, before);
        x.clock.advance_secs(60);
        let revenue = json!({ "amount": "120.00", "currencyCode": "EUR" });
        let sold = record(&x, &case, &agent, json!({ "kind": "CONVERTED", "revenue": revenue })).await;
        assert_eq!(sold["outcome"]["revenue"], revenue);
        let id = json!({ "id": case.trade.id.to_string() });
        let history = case.buyer.run(&x, OUTCOMES, id.clone()).await["outcomes"].clone();
        assert_eq!(history, json!([
            { "kind": "NO_ANSWER", "recordedAt": "2026-03-02T09:00:00+00:00" },
            { "kind": "CONVERTED", "recordedAt": "2026-03-02T09:01:00+00:00" },
        ]));
        assert_eq!(case.seller.run(&x, OUTCOMES, id).await["outcomes"], json!([]));
    }

    async fn the_agenda_shows_what_is_open_by_due_time(x: Exchange) {
        let case = case(&x, 1_000).await;
        let trade = case.trade.id.to_string();
        let input = |kind: &str, due: &str| json!({ "input": { "tradeId": trade, "kind": kind, "dueAt": due, "note": " ask for papers " } });
        let past = case.buyer.run(&x, STEP, input("CALL", "2026-03-02T09:00:00Z")).await;
        assert_eq!(past["nextStepSet"]["userErrors"], json!([{ "code": "INVALID", "path": ["dueAt"] }]));
        case.buyer.run(&x, STEP, input("CALL", "2026-03-03T09:00:00Z")).await;
        let set = case.buyer.run(&x, STEP, input("MEETING", "2026-03-04T09:00:00Z")).await["nextStepSet"]["nextStep"].clone();
        assert_eq!(set, json!({ "kind": "MEETING", "dueAt": "2026-03-04T09:00:00+00:00", "note": "ask for papers", "doneAt": null }));
        let open = case.buyer.run(&x, AGENDA, json!({})).await["agenda"]["edges"].clone();
        assert_eq!(open, json!([{ "node": { "kind": "MEETING", "tradeId": trade } }]));
        assert_eq!(case.seller.run(&x, AGENDA, json!({})).await["agenda"]["edges"], json!([]));
        let done = json!({ "input": { "tradeId": trade } });
        assert_eq!(case.buyer.run(&x, DONE, done.clone()).await["nextStepComplete"]["nextStep"]["doneAt"], "2026-03-02T09:00:00+00:00");
        assert_eq!(case.buyer.run(&x, DONE, done).await["nextStepComplete"]["userErrors"][0]["code"], "WRONG_STATE");
        assert_eq!(case.buyer.run(&x, AGENDA, json!({})).await["agenda"]["edges"], json!([]));
    }

    async fn a_converted_lead_becomes_a_client_of_its_buyer_only(x: Exchange) {
        let case = case(&x, 1_000).await;
        let trade = case.trade.id.to_string();
        let create = json!({ "input": { "tradeId": trade, "card": { "name": " Ada Lovelace ", "phone": "+351 911 111 111" } } });
        assert_eq!(case.buyer.run(&x, CREATE, create.clone()).await["clientCreate"]["userErrors"], json!([{ "code": "WRONG_STATE", "path": ["tradeId"] }]));
        record(&x, &case, &case.buyer, json!({ "kind": "CONVERTED", "revenue": { "amount": "1", "currencyCode": "EUR" } })).await;
        let made = case.buyer.run(&x, CREATE, create.clone()).await["clientCreate"]["client"].clone();
        assert_eq!((made["name"].clone(), made["leadId"].clone()), (json!("Ada Lovelace"), json!(case.lead.to_string())));
        assert_eq!(case.buyer.run(&x, CREATE, create).await["clientCreate"]["userErrors"][0]["code"], "TAKEN");
        let id = made["id"].clone();
        x.clock.advance_secs(1);
        let card = json!({ "name": "Ada King", "reference": "K-1", "fields": [{ "key": "policy", "value": "P7" }] });
        let update = |version: i64| json!({ "input": { "clientId": id, "card": card, "version": version } });
        let changed = case.buyer.run(&x, UPDATE, update(0)).await["clientUpdate"]["client"].clone();
        assert_eq!(changed, json!({ "name": "Ada King", "reference": "K-1", "version": 1, "fields": [{ "key": "policy", "value": "P7" }] }));
        assert_eq!(case.buyer.run(&x, UPDATE, update(0)).await["clientUpdate"]["userErrors"], json!([{ "code": "CONFLICT", "path": ["clientId"] }]));
        x.clock.advance_secs(1);
        let note = json!({ "input": { "clientId": id, "text": "prefers mail" } });
        let noted = case.buyer.run(&x, NOTE, note.clone()).await["clientNoteAdd"]["client"]["entries"]["edges"].clone();
        let kinds: Vec<_> = noted.as_array().unwrap().iter().map(|edge| edge["node"]["kind"].clone()).collect();
        assert_eq!(json!(kinds), json!(["NOTE", "UPDATED", "CREATED"]));
        assert_eq!(noted[0]["node"]["text"], "prefers mail");
        let before = x.row_counts().await;
        for who in [&case.seller, &x.organization("Stranger").await] {
            let seen = who.run(&x, CLIENT, json!({ "id": id })).await;
            assert_eq!(seen, json!({ "client": null, "clients": { "edges": [] } }));
            assert_eq!(who.run(&x, NOTE, note.clone()).await["clientNoteAdd"]["userErrors"][0]["code"], "NOT_FOUND");
            assert_eq!(who.run(&x, UPDATE, update(1)).await["clientUpdate"]["userErrors"][0]["code"], "NOT_FOUND");
        }
        assert_eq!(x.count("client_entry").await, before["client_entry"].as_i64().unwrap());
    }
}
