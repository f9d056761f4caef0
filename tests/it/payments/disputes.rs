//! Card payments that their payer's bank takes back.

use api::app::payments::card_disputes::chargebacks_write_off;
use domain::ledger::AccountKind;
use serde_json::{Value, json};
use stripe_double::{Command, WebhookBehavior};

use super::till::Till;
use crate::harness::{get, on_each_backend};
use crate::ledger::market::{DAY, fund, sell, stall};
use crate::wallet::eur;

const LIST: &str = "{ cardDisputes { edges { node { id state reason topUpId chargebackId submittedAt dueAt evidenceUrl } } }
    chargebacks { edges { node { id topUpId reference taken { amount } owed { amount } } } } }";

async fn shown(till: &Till, who: &crate::harness::Actor) -> (Value, Value) {
    let all = who.run(&till.x, LIST, json!({})).await;
    (all["cardDisputes"]["edges"][0]["node"].clone(), all["chargebacks"]["edges"].clone())
}

/// The bank takes the last payment back; answers the dispute's id.
async fn taken_back(till: &Till) -> String {
    let charge = till.double.journal().into_iter().rev().find_map(|entry| match entry.what {
        stripe_double::Happening::Event { event_type, object, .. } if event_type == "charge.succeeded" => Some(object),
        _ => None,
    });
    let dispute = till.double.open_dispute(&charge.unwrap(), "fraudulent").unwrap()["id"].as_str().unwrap().to_owned();
    till.hear().await;
    dispute
}

on_each_backend! {
    async fn a_dispute_freezes_takes_what_is_there_and_is_lost(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        till.double.set_webhook_behavior(WebhookBehavior { duplicates: 1, shuffle_seed: Some(11), ..WebhookBehavior::default() });
        let paid = till.paid(&buyer, "50", "k").await;
        let seller = till.x.organization("S").await;
        sell(&till.x.app, stall(&till.x, seller.org(), 1).await, buyer.org(), 2_000).await.unwrap();
        let id = taken_back(&till).await;
        assert_eq!(till.wallet(&buyer).await, ("0.00".into(), "20.00".into(), "0.00".into(), true));
        let (dispute, chargebacks) = shown(&till, &buyer).await;
        assert_eq!((&dispute["state"], &dispute["reason"], &dispute["topUpId"]), (&json!("NEEDS_RESPONSE"), &json!("fraudulent"), &paid["id"]));
        let node = json!({ "id": dispute["chargebackId"], "topUpId": paid["id"], "reference": id, "taken": { "amount": "30.00" }, "owed": { "amount": "20.00" } });
        assert_eq!(chargebacks, json!([{ "node": node }]));
        till.double.decide_dispute(&id, false).unwrap();
        till.hear().await;
        assert_eq!(shown(&till, &buyer).await.0["state"], "LOST");
        assert_eq!(till.wallet(&buyer).await, ("0.00".into(), "20.00".into(), "0.00".into(), true));
        till.close().await;
    }

    async fn a_dispute_that_is_won_gives_the_money_back_and_opens_the_wallet(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        till.paid(&buyer, "50", "k").await;
        let id = taken_back(&till).await;
        assert_eq!(till.wallet(&buyer).await, ("0.00".into(), "0.00".into(), "0.00".into(), true));
        till.double.decide_dispute(&id, true).unwrap();
        till.hear().await;
        till.work_after(3_600).await;
        assert_eq!(till.wallet(&buyer).await, ("50.00".into(), "0.00".into(), "0.00".into(), false));
        till.close().await;
    }

    async fn an_inquiry_takes_nothing(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        till.paid(&buyer, "50", "k").await;
        let charge = till.double.journal().into_iter().find_map(|entry| match entry.what {
            stripe_double::Happening::Event { event_type, object, .. } if event_type == "charge.succeeded" => Some(object),
            _ => None,
        });
        let open = Command::OpenDispute { charge: charge.unwrap(), amount: None, reason: "fraudulent".into(), inquiry: true };
        till.double.apply(open).unwrap();
        till.hear().await;
        assert_eq!(shown(&till, &buyer).await.0["state"], "INQUIRY");
        assert_eq!(till.wallet(&buyer).await, ("50.00".into(), "0.00".into(), "0.00".into(), false));
        till.close().await;
    }

    async fn the_evidence_names_what_was_bought_and_no_person(x: Exchange) {
        let till = Till::open(x).await;
        let (buyer, operator) = (till.x.organization("B").await, till.x.operator().await);
        fund(&till.x.app, buyer.org(), 2_000).await;
        till.paid(&buyer, "50", "k").await;
        let seller = till.x.organization("S").await;
        let mut trades = Vec::new();
        for minor in [2_000, 3_000, 1_000] {
            till.wait(60);
            trades.push(sell(&till.x.app, stall(&till.x, seller.org(), 1).await, buyer.org(), minor).await.unwrap().id.to_string());
        }
        let id = taken_back(&till).await;
        let dispute = shown(&till, &buyer).await.0;
        let asked = "query ($id: ID!) { chargebackEvidence(cardDisputeId: $id) }";
        let text = operator.run(&till.x, asked, json!({ "id": dispute["id"] })).await["chargebackEvidence"].as_str().unwrap().to_owned();
        assert!(!text.contains(&trades[0]), "the money that was there before paid the first: {text}");
        assert!(text.contains(&trades[1]) && text.contains(&trades[2]), "{text}");
        assert!(text.contains("2 purchases of 40.00 EUR in all"), "{text}");
        let url = till.x.listen(api::http::payments::routes, &[("operator", &operator), ("buyer", &buyer)]).await;
        let path = format!("{url}/card-disputes/{}/evidence.txt", dispute["id"].as_str().unwrap());
        assert_eq!(get(&path, Some("operator")).await, (200, text));
        assert_eq!(get(&path, Some("buyer")).await.0, 403);
        let submit = "mutation ($id: ID!) { chargebackEvidenceSubmit(input: { cardDisputeId: $id }) { cardDispute { state } userErrors { code } } }";
        let done = operator.run(&till.x, submit, json!({ "id": dispute["id"] })).await["chargebackEvidenceSubmit"].clone();
        assert_eq!(done, json!({ "cardDispute": { "state": "UNDER_REVIEW" }, "userErrors": [] }));
        let again = operator.run(&till.x, submit, json!({ "id": dispute["id"] })).await["chargebackEvidenceSubmit"]["userErrors"].clone();
        assert_eq!(again[0]["code"], "WRONG_STATE");
        till.double.decide_dispute(&id, false).unwrap();
        till.hear().await;
        till.close().await;
    }

    async fn an_operators_chargeback_and_stripes_are_one(x: Exchange) {
        let till = Till::open(x).await;
        let (buyer, operator) = (till.x.organization("B").await, till.x.operator().await);
        let paid = till.paid(&buyer, "50", "k").await;
        let record = "mutation ($input: ChargebackRecordInput!) { chargebackRecord(input: $input) { chargeback { id } userErrors { code path } } }";
        let input = |key: &str, reference: &str| json!({ "input": { "organizationId": buyer.org().to_string(), "topUpId": paid["id"],
            "amount": eur("50"), "reference": reference, "idempotencyKey": key } });
        let first = operator.run(&till.x, record, input("a", "letter 1")).await["chargebackRecord"].clone();
        assert_eq!(first["userErrors"], json!([]));
        taken_back(&till).await;
        let (dispute, chargebacks) = shown(&till, &buyer).await;
        assert_eq!((&dispute["chargebackId"], chargebacks.as_array().unwrap().len()), (&first["chargeback"]["id"], 1));
        let second = operator.run(&till.x, record, input("b", "letter 2")).await["chargebackRecord"]["userErrors"].clone();
        assert_eq!(second, json!([{ "code": "TAKEN", "path": ["topUpId"] }]));
        assert_eq!(till.wallet(&buyer).await, ("0.00".into(), "0.00".into(), "0.00".into(), true));
        till.close().await;
    }

    async fn what_is_not_paid_in_time_is_the_exchanges_loss_once(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        till.paid(&buyer, "50", "k").await;
        let seller = till.x.organization("S").await;
        sell(&till.x.app, stall(&till.x, seller.org(), 1).await, buyer.org(), 4_000).await.unwrap();
        till.wait(u32::try_from(8 * DAY).unwrap());
        till.x.app.store.trades_advance(10).await.unwrap();
        let id = taken_back(&till).await;
        assert_eq!(till.wallet(&buyer).await.1, "40.00");
        let operator = till.x.operator().await;
        operator.run(&till.x, crate::wallet::DEPOSIT, crate::wallet::deposit(&buyer, "15", "REF", "d")).await;
        assert_eq!(till.wallet(&buyer).await.1, "25.00", "income pays it first");
        assert_eq!(chargebacks_write_off(&till.x.app).await.unwrap(), 0);
        till.x.clock.advance_secs(14 * DAY);
        assert_eq!(chargebacks_write_off(&till.x.app).await.unwrap(), 1);
        assert_eq!(chargebacks_write_off(&till.x.app).await.unwrap(), 0);
        assert_eq!(till.x.app.store.balances_by_kind().await.unwrap()["LOSSES"], -2_500);
        assert_eq!(crate::ledger::market::balance(&till.x, buyer.org(), AccountKind::Receivable).await, 0);
        assert_eq!(till.x.app.store.organization(buyer.org()).await.unwrap().unwrap().status.as_str(), "SUSPENDED");
        till.double.decide_dispute(&id, true).unwrap();
        // The double's clock stands two weeks back, so that what it signs now is too old: the worker finds out.
        till.double.settle_webhooks().await;
        api::app::payments::work::payments_advance(&till.x.app).await.unwrap();
        assert_eq!(till.x.app.store.balances_by_kind().await.unwrap()["LOSSES"], 0, "the exchange's loss is made good first");
        assert_eq!(crate::ledger::market::balance(&till.x, buyer.org(), AccountKind::Available).await, 2_500);
        till.close().await;
    }
}
