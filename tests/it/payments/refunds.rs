//! Unspent money back to the card.

use serde_json::{Value, json};
use stripe_double::Phase;

use super::till::Till;
use crate::harness::{Actor, on_each_backend};
use crate::ledger::market::{sell, stall};
use crate::wallet::eur;

const REFUND: &str = "mutation ($input: WalletRefundInput!) { walletRefund(input: $input) {
    cardRefund { id state failure } userErrors { code path message } } }";
const TOLD: &str = "A refund to your card did not get there";
const LIST: &str = "{ cardRefunds { edges { node { state failure amount { amount } } } } }";

async fn refund(till: &Till, who: &Actor, top_up: &Value, amount: &str, key: &str) -> Value {
    let input = json!({ "topUpId": top_up["id"], "amount": eur(amount), "idempotencyKey": key });
    who.run(&till.x, REFUND, json!({ "input": input })).await["walletRefund"].clone()
}

/// The subjects of the mails since the last look.
fn mailed(till: &Till) -> Vec<String> {
    till.x.outbox.mail.take().into_iter().map(|mail| mail.subject).collect()
}

on_each_backend! {
    async fn no_more_goes_back_than_is_unspent_and_not_refunded(x: Exchange) {
        let till = Till::open(x).await;
        let (buyer, other) = (till.x.organization("B").await, till.x.organization("Other").await);
        let (first, second) = (till.paid(&buyer, "50", "k1").await, till.paid(&buyer, "30", "k2").await);
        let code = async |who: &Actor, top_up: &Value, amount: &str| {
            let error = refund(&till, who, top_up, amount, "no").await["userErrors"][0].clone();
            json!([error["code"], error["path"]])
        };
        assert_eq!(code(&buyer, &second, "30.01").await, json!(["TOO_LARGE", ["amount"]]));
        assert_eq!(code(&other, &second, "1").await, json!(["NOT_FOUND", ["topUpId"]]));
        let done = refund(&till, &buyer, &second, "20", "r1").await;
        assert_eq!((&done["userErrors"], &done["cardRefund"]["state"]), (&json!([]), &json!("SUCCEEDED")));
        assert_eq!(refund(&till, &buyer, &second, "20", "r1").await["cardRefund"]["id"], done["cardRefund"]["id"]);
        assert_eq!(code(&buyer, &second, "10.01").await, json!(["TOO_LARGE", ["amount"]]));
        let seller = till.x.organization("S").await;
        sell(&till.x.app, stall(&till.x, seller.org(), 1).await, buyer.org(), 4_000).await.unwrap();
        assert_eq!(code(&buyer, &first, "20.01").await, json!(["INSUFFICIENT_FUNDS", []]));
        assert_eq!(refund(&till, &buyer, &first, "20", "r2").await["cardRefund"]["state"], "SUCCEEDED");
        assert_eq!(till.available(&buyer).await, "0.00");
        till.hear().await;
        till.close().await;
    }

    async fn a_refund_that_the_cards_bank_sends_back_is_in_the_wallet_again(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let paid = till.paid(&buyer, "50", "k").await;
        refund(&till, &buyer, &paid, "50", "r").await;
        till.hear().await;
        assert_eq!(till.available(&buyer).await, "0.00");
        let id = till.there("/v1/refunds").await[0].clone();
        till.double.fail_refund(&id, "lost_or_stolen_card").unwrap();
        till.hear().await;
        let node = json!({ "state": "FAILED", "failure": "lost_or_stolen_card", "amount": { "amount": "50.00" } });
        assert_eq!(buyer.run(&till.x, LIST, json!({})).await["cardRefunds"]["edges"], json!([{ "node": node }]));
        assert_eq!(till.available(&buyer).await, "50.00");
        assert_eq!(mailed(&till), [TOLD]);
        assert_eq!(refund(&till, &buyer, &paid, "50", "again").await["cardRefund"]["state"], "SUCCEEDED");
        till.hear().await;
        till.close().await;
    }

    async fn a_refund_is_made_once_whichever_answer_is_lost(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let paid = till.paid(&buyer, "50", "k").await;
        till.deafen();
        for (n, (phase, wait)) in [(Phase::Before, 60), (Phase::After, 60), (Phase::After, 86_400)].into_iter().enumerate() {
            till.fault("/v1/refunds", phase, 3);
            assert_eq!(refund(&till, &buyer, &paid, "10", &format!("r{n}")).await["cardRefund"]["state"], "REQUESTED");
            till.work_after(wait).await;
            assert_eq!(till.there("/v1/refunds").await.len(), n + 1);
            let node = buyer.run(&till.x, LIST, json!({})).await["cardRefunds"]["edges"][0]["node"].clone();
            assert_eq!(node["state"], "SUCCEEDED");
        }
        assert_eq!(till.available(&buyer).await, "20.00");
        till.close().await;
    }

    async fn a_payment_that_stripe_does_not_know_is_refunded_to_the_wallet_for_good(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let paid = till.paid(&buyer, "50", "k").await;
        let node = json!({ "state": "FAILED", "failure": "payment_not_found", "amount": { "amount": "20.00" } });
        // At the mutation, and at the worker after an answer that was lost.
        till.answers("/v1/refunds", 404);
        let refused = refund(&till, &buyer, &paid, "20", "r1").await["cardRefund"].clone();
        assert_eq!((&refused["state"], &refused["failure"]), (&node["state"], &node["failure"]));
        till.fault("/v1/refunds", Phase::Before, 3);
        assert_eq!(refund(&till, &buyer, &paid, "20", "r2").await["cardRefund"]["state"], "REQUESTED");
        assert_eq!(till.available(&buyer).await, "30.00");
        till.answers("/v1/refunds", 404);
        till.work_after(60).await;
        assert_eq!(buyer.run(&till.x, LIST, json!({})).await["cardRefunds"]["edges"], json!([{ "node": node }, { "node": node }]));
        assert_eq!(till.available(&buyer).await, "50.00");
        till.hear().await;
        assert_eq!(mailed(&till), [TOLD, TOLD]);
        let asked = till.asked("/v1/refunds");
        till.work_after(86_400).await;
        assert_eq!(till.asked("/v1/refunds"), asked, "asking again changes nothing");
        till.close().await;
    }
}
