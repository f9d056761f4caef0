//! Where withdrawals go: the number is checked, sealed, and read whole by operators only, each look recorded.

use domain::ledger::AccountKind;
use serde_json::{Value, json};

use super::{WITHDRAW, eur, payee};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{assert_clean, balance, fund};
use crate::market::stand::errors;

const SET: &str = "mutation ($input: PayoutAccountSetInput!) { payoutAccountSet(input: $input) {
    payoutAccount { lastFour } userErrors { code path } } }";
const CANCEL: &str = "mutation ($input: WithdrawalCancelInput!) { withdrawalCancel(input: $input) {
    withdrawal { id state } userErrors { code path } } }";
const REVEAL: &str = "mutation ($input: WithdrawalRevealInput!) { withdrawalReveal(input: $input) {
    payee { iban holderName } userErrors { code path } } }";

fn one(code: &str, path: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), path.to_owned())]
}

async fn set(x: &Exchange, who: &Actor, iban: &str, holder: &str) -> Value {
    who.run(x, SET, json!({ "input": { "iban": iban, "holderName": holder } })).await["payoutAccountSet"].clone()
}

async fn ask(x: &Exchange, who: &Actor, key: &str) -> Value {
    who.run(x, WITHDRAW, json!({ "input": { "amount": eur("4"), "idempotencyKey": key } })).await["withdrawalRequest"].clone()
}

on_each_backend! {
    async fn an_operator_reads_whom_to_pay_and_nobody_else_does(x: Exchange) {
        let (operator, seller) = (x.operator().await, x.organization("S").await);
        fund(&x.app, seller.org(), 1_000).await;
        let before = x.row_counts().await;
        assert_eq!(errors(&ask(&x, &seller, "w0").await), one("WRONG_STATE", ""), "nobody knows where to pay");
        assert_eq!(errors(&set(&x, &seller, "PT51 0002 0123 1234 5678 9015 4", "Company").await), one("INVALID", "iban"));
        assert_eq!(errors(&set(&x, &seller, "PT50 0002 0123 1234 5678 9015 4", " ").await), one("REQUIRED", "holderName"));
        assert_eq!(errors(&set(&x, &seller, "PT50 0002 0123 1234 5678 9015 4", &"h".repeat(71)).await), one("TOO_LARGE", "holderName"));
        assert_eq!(x.row_counts().await, before);
        payee(&x, &seller).await;
        let first = ask(&x, &seller, "w1").await["withdrawal"]["id"].clone();
        assert_eq!(set(&x, &seller, "DE89370400440532013000", "Other").await["payoutAccount"]["lastFour"], "3000");
        let second = ask(&x, &seller, "w2").await["withdrawal"]["id"].clone();
        let see = "{ wallet { payoutAccount { lastFour } } withdrawals { edges { node { id payoutLastFour } } } }";
        let seen = seller.run(&x, see, json!({})).await;
        assert_eq!(seen["wallet"]["payoutAccount"]["lastFour"], "3000");
        let nodes = json!([{ "node": { "id": second, "payoutLastFour": "3000" } }, { "node": { "id": first, "payoutLastFour": "0154" } }]);
        assert_eq!(seen["withdrawals"]["edges"], nodes);
        let look = json!({ "input": { "withdrawalId": first } });
        let revealed = operator.run(&x, REVEAL, look.clone()).await["withdrawalReveal"].clone();
        assert_eq!(revealed["payee"], json!({ "iban": "PT50000201231234567890154", "holderName": "Company" }), "the account it was asked for");
        assert_eq!(x.count("payout_reveal").await, 1);
        let denied = seller.execute(&x, REVEAL, look).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let stored = x.dump(&["payout_account", "withdrawal", "event", "idempotency", "organization"]).await;
        assert!(!stored.contains("PT500002") && !stored.contains("Company"), "sealed at rest");
        assert!(x.tamper("DELETE FROM payout_reveal").await.is_err());
        let rotated = x.app.keys.rotated(x.app.entropy.as_ref(), "next").unwrap();
        let next = api::app::App { keys: std::sync::Arc::new(rotated), ..api::app::App::clone(&x.app) };
        assert_eq!(api::app::envelopes::envelopes_rewrap(&next).await.unwrap(), 2);
        let caller = crate::harness::caller(operator.principal.clone());
        let id = second.as_str().unwrap().parse().unwrap();
        assert_eq!(api::app::payouts::withdrawal_reveal(&next, &caller, id).await.unwrap().iban, "DE89370400440532013000");
    }

    async fn a_withdrawal_is_taken_back_until_the_bank_has_answered(x: Exchange) {
        let (operator, seller, other) = (x.operator().await, x.organization("S").await, x.organization("O").await);
        fund(&x.app, seller.org(), 1_000).await;
        payee(&x, &seller).await;
        let (kept, paid) = (ask(&x, &seller, "w1").await["withdrawal"]["id"].clone(), ask(&x, &seller, "w2").await["withdrawal"]["id"].clone());
        let confirm = "mutation ($input: WithdrawalConfirmInput!) { withdrawalConfirm(input: $input) { userErrors { code } } }";
        operator.run(&x, confirm, json!({ "input": { "withdrawalId": paid, "bankReference": "OUT", "idempotencyKey": "c" } })).await;
        let cancel = |id: &Value, key: &str| json!({ "input": { "withdrawalId": id, "idempotencyKey": key } });
        let before = x.row_counts().await;
        assert_eq!(errors(&other.run(&x, CANCEL, cancel(&kept, "x")).await["withdrawalCancel"]), one("NOT_FOUND", "withdrawalId"));
        assert_eq!(errors(&seller.run(&x, CANCEL, cancel(&paid, "x")).await["withdrawalCancel"]), one("WRONG_STATE", "withdrawalId"));
        assert_eq!(x.row_counts().await, before);
        for _ in 0..2 {
            let done = seller.run(&x, CANCEL, cancel(&kept, "x1")).await["withdrawalCancel"].clone();
            assert_eq!(done, json!({ "withdrawal": { "id": kept, "state": "CANCELLED" }, "userErrors": [] }));
        }
        assert_eq!(balance(&x, seller.org(), AccountKind::Available).await, 600);
        assert_clean(&x).await;
    }
}
