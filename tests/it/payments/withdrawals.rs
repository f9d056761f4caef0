//! Money out through connected accounts.

use api::app::payments::reconcile::stripe_reconcile;
use api::app::payments::work::payments_advance;
use domain::time::{Window, plus_secs};
use serde_json::{Value, json};
use stripe_double::{Phase, WebhookBehavior};

use super::till::Till;
use crate::harness::{Actor, on_each_backend};
use crate::wallet::eur;

const START: &str = "mutation { payoutOnboardingStart { url onboarding { ready requirements } userErrors { code } } }";
const SHOWN: &str = "{ payoutOnboarding { ready detailsSubmitted requirements disabledReason } }";
const WITHDRAW: &str = "mutation ($input: WalletWithdrawInput!) { walletWithdraw(input: $input) {
    withdrawal { id state method failure returned { amount } } userErrors { code message } } }";
const OWED: &str = "query ($state: WithdrawalState) { withdrawals(state: $state) { edges { node {
    id state returned { amount } returnDue { amount } returnFailure } } } }";
const LIST: &str = "{ withdrawals { edges { node { id state method failure returned { amount } } } } }";

async fn withdraw(till: &Till, who: &Actor, amount: &str, key: &str) -> Value {
    who.run(&till.x, WITHDRAW, json!({ "input": { "amount": eur(amount), "idempotencyKey": key } })).await["walletWithdraw"]
        .clone()
}

async fn listed(till: &Till, who: &Actor) -> Value {
    who.run(&till.x, LIST, json!({})).await["withdrawals"]["edges"][0]["node"].clone()
}

/// An organization with money, whom Stripe may pay; answers its account.
async fn ready(till: &Till, name: &str) -> (Actor, String) {
    let seller = till.x.organization(name).await;
    till.paid(&seller, "100", &format!("fund-{name}")).await;
    seller.run(&till.x, START, json!({})).await;
    let account = till.made("/v1/accounts").last().unwrap().clone();
    till.double.complete_onboarding(&account).unwrap();
    till.hear().await;
    (seller, account)
}

/// What an operator sees of the withdrawals that are owed back.
async fn owed(till: &Till, operator: &Actor) -> Vec<Value> {
    let found = operator.run(&till.x, OWED, json!({ "state": "RETURNING" })).await["withdrawals"]["edges"].clone();
    found.as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
}

/// How often each transfer's reversal was asked for.
fn reversals(till: &Till, transfer: &str) -> usize {
    till.asked(&format!("/v1/transfers/{transfer}/reversals"))
}

/// A payout of a part of what an account has, as its owner makes it; answers its id.
async fn part_paid_out(till: &Till, account: &str, minor: i64) -> String {
    let request = reqwest::Client::new().post(format!("{}/v1/payouts", till.double.url)).bearer_auth(&till.double.secret_key);
    let request = request.header("stripe-account", account).header("content-type", "application/x-www-form-urlencoded");
    let made: Value = request.body(format!("amount={minor}&currency=eur")).send().await.unwrap().json().await.unwrap();
    made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

on_each_backend! {
    async fn onboarding_leads_to_a_withdrawal_and_the_bank_has_it(x: Exchange) {
        let till = Till::open(x).await;
        let seller = till.x.organization("S").await;
        till.paid(&seller, "100", "fund").await;
        assert_eq!(seller.run(&till.x, SHOWN, json!({})).await["payoutOnboarding"], Value::Null);
        assert_eq!(withdraw(&till, &seller, "10", "w0").await["userErrors"][0]["code"], "ONBOARDING_INCOMPLETE");
        let started = seller.run(&till.x, START, json!({})).await["payoutOnboardingStart"].clone();
        assert_eq!((&started["userErrors"], &started["onboarding"]["ready"]), (&json!([]), &json!(false)));
        assert!(started["onboarding"]["requirements"].as_array().unwrap().contains(&json!("external_account")));
        let again = seller.run(&till.x, START, json!({})).await["payoutOnboardingStart"]["url"].clone();
        assert_ne!(again, started["url"], "each address works once");
        let account = till.made("/v1/accounts");
        assert_eq!(account.len(), 1);
        till.double.complete_onboarding(&account[0]).unwrap();
        till.hear().await;
        assert_eq!(seller.run(&till.x, SHOWN, json!({})).await["payoutOnboarding"],
            json!({ "ready": true, "detailsSubmitted": true, "requirements": [], "disabledReason": null }));
        let sent = withdraw(&till, &seller, "60", "w1").await["withdrawal"].clone();
        assert_eq!((&sent["state"], &sent["method"]), (&json!("SENT"), &json!("STRIPE")));
        assert_eq!(withdraw(&till, &seller, "60", "w1").await["withdrawal"]["id"], sent["id"]);
        assert_eq!(withdraw(&till, &seller, "40.01", "w2").await["userErrors"][0]["code"], "INSUFFICIENT_FUNDS");
        assert_eq!(till.wallet(&seller).await, ("40.00".into(), "0.00".into(), "0.00".into(), false));
        till.wait(60);
        let payout = till.double.pay_out(&account[0], "eur").unwrap()["id"].as_str().unwrap().to_owned();
        till.double.settle_payout(&payout).unwrap();
        till.hear().await;
        assert_eq!(listed(&till, &seller).await["state"], "PAID");
        let operator = till.x.operator().await;
        let confirm = "mutation ($id: ID!) { withdrawalConfirm(input: { withdrawalId: $id, bankReference: \"R\", idempotencyKey: \"c\" }) {
            userErrors { code message } } }";
        let refused = operator.run(&till.x, confirm, json!({ "id": sent["id"] })).await["withdrawalConfirm"]["userErrors"][0].clone();
        assert_eq!((&refused["code"], &refused["message"]), (&json!("WRONG_STATE"), &json!("Stripe carries this withdrawal out")));
        till.close().await;
    }

    async fn a_crash_at_any_point_neither_pays_twice_nor_loses_money(x: Exchange) {
        let till = Till::open(x).await;
        let (seller, _) = ready(&till, "S").await;
        till.deafen();
        for (n, (phase, wait)) in [(Phase::Before, 60), (Phase::After, 60), (Phase::After, 86_400)].into_iter().enumerate() {
            till.fault("/v1/transfers", phase, 3);
            let asked = withdraw(&till, &seller, "20", &format!("w{n}")).await["withdrawal"].clone();
            assert_eq!(asked["state"], "REQUESTED");
            assert_eq!(till.wallet(&seller).await.2, "20.00", "it is on its way out");
            let restarted = till.restarted().await;
            till.wait(wait);
            payments_advance(&restarted).await.unwrap();
            payments_advance(&restarted).await.unwrap();
            assert_eq!(listed(&till, &seller).await["state"], "SENT");
            assert_eq!(till.there("/v1/transfers").await.len(), n + 1);
        }
        assert_eq!(till.wallet(&seller).await, ("40.00".into(), "0.00".into(), "0.00".into(), false));
        till.close().await;
    }

    async fn the_news_of_a_transfer_overtakes_its_answer(x: Exchange) {
        let till = Till::open(x).await;
        let (seller, _) = ready(&till, "S").await;
        till.fault("/v1/transfers", Phase::After, 3);
        assert_eq!(withdraw(&till, &seller, "20", "w").await["withdrawal"]["state"], "REQUESTED");
        till.hear().await;
        assert_eq!(listed(&till, &seller).await["state"], "SENT");
        till.close().await;
    }

    async fn a_payout_that_the_bank_returns_is_back_in_the_wallet_even_late(x: Exchange) {
        let till = Till::open(x).await;
        let (seller, account) = ready(&till, "S").await;
        till.double.set_webhook_behavior(WebhookBehavior { duplicates: 1, shuffle_seed: Some(3), ..WebhookBehavior::default() });
        withdraw(&till, &seller, "30", "w1").await;
        till.wait(60);
        let payout = till.double.pay_out(&account, "eur").unwrap()["id"].as_str().unwrap().to_owned();
        till.double.settle_payout(&payout).unwrap();
        till.hear().await;
        assert_eq!(listed(&till, &seller).await["state"], "PAID");
        till.double.fail_payout(&payout, "account_closed").unwrap();
        till.hear().await;
        till.work_after(1).await;
        till.hear().await;
        assert_eq!(listed(&till, &seller).await, json!({ "id": listed(&till, &seller).await["id"], "state": "FAILED", "method": "STRIPE",
            "failure": "account_closed", "returned": { "amount": "30.00" } }));
        assert_eq!(till.available(&seller).await, "100.00");
        till.close().await;
    }

    async fn a_worker_finds_what_became_of_a_payout_by_itself(x: Exchange) {
        let till = Till::open(x).await;
        let (seller, account) = ready(&till, "S").await;
        till.deafen();
        withdraw(&till, &seller, "30", "w1").await;
        till.wait(60);
        let payout = till.double.pay_out(&account, "eur").unwrap()["id"].as_str().unwrap().to_owned();
        till.double.fail_payout(&payout, "account_closed").unwrap();
        till.work_after(300).await;
        till.work_after(1).await;
        assert_eq!((listed(&till, &seller).await["state"].clone(), till.available(&seller).await), (json!("FAILED"), "100.00".to_owned()));
        till.close().await;
    }

    async fn a_reversed_transfer_returns_in_parts(x: Exchange) {
        let till = Till::open(x).await;
        let (seller, _) = ready(&till, "S").await;
        withdraw(&till, &seller, "50", "w1").await;
        let transfer = till.there("/v1/transfers").await[0].clone();
        till.double.reverse_transfer(&transfer, Some(2_000)).unwrap();
        till.hear().await;
        let partly = listed(&till, &seller).await;
        assert_eq!((&partly["state"], &partly["returned"]["amount"]), (&json!("SENT"), &json!("20.00")));
        assert_eq!(till.available(&seller).await, "70.00");
        till.double.reverse_transfer(&transfer, None).unwrap();
        till.hear().await;
        let whole = listed(&till, &seller).await;
        assert_eq!((&whole["state"], &whole["failure"]), (&json!("FAILED"), &json!("the transfer was reversed")));
        assert_eq!(till.available(&seller).await, "100.00");
        till.close().await;
    }

    async fn too_little_in_the_exchanges_account_is_waited_for(x: Exchange) {
        let till = Till::open(x).await;
        let (seller, _) = ready(&till, "S").await;
        let bank = till.x.operator().await;
        bank.run(&till.x, crate::wallet::DEPOSIT, crate::wallet::deposit(&seller, "100", "REF", "d")).await;
        let asked = withdraw(&till, &seller, "150", "w1").await["withdrawal"].clone();
        assert_eq!((&asked["state"], &asked["failure"]), (&json!("REQUESTED"), &json!("balance_insufficient")));
        till.double.fund_platform(5_000, "eur").unwrap();
        till.work_after(300).await;
        assert_eq!(listed(&till, &seller).await["state"], "SENT");
        assert_eq!(till.there("/v1/transfers").await.len(), 1);
        let late = withdraw(&till, &seller, "50", "w2").await["withdrawal"].clone();
        assert_eq!(late["state"], "REQUESTED");
        till.work_after(259_200).await;
        let given_up = listed(&till, &seller).await;
        assert_eq!((&given_up["state"], &given_up["failure"]), (&json!("FAILED"), &json!("balance_insufficient")));
        assert_eq!(till.available(&seller).await, "50.00");
        till.hear().await;
        till.close().await;
    }

    async fn an_account_that_is_disabled_is_paid_nothing(x: Exchange) {
        let till = Till::open(x).await;
        let (seller, account) = ready(&till, "S").await;
        till.deafen();
        till.double.require_of_account(&account, &["individual.verification.document"], true).unwrap();
        let refused = withdraw(&till, &seller, "30", "w1").await["withdrawal"].clone();
        assert_eq!((&refused["state"], &refused["failure"]), (&json!("FAILED"), &json!("insufficient_capabilities_for_transfer")));
        assert_eq!(till.available(&seller).await, "100.00");
        till.work_after(86_400).await;
        let shown = seller.run(&till.x, SHOWN, json!({})).await["payoutOnboarding"].clone();
        assert_eq!((&shown["ready"], &shown["requirements"]), (&json!(false), &json!(["individual.verification.document"])));
        assert_eq!(withdraw(&till, &seller, "30", "w2").await["userErrors"][0]["code"], "ONBOARDING_INCOMPLETE");
        till.close().await;
    }

    async fn what_stripe_does_not_give_back_of_a_late_failure_is_asked_for_until_it_does(x: Exchange) {
        let till = Till::open(x).await;
        let ((seller, account), operator) = (ready(&till, "S").await, till.x.operator().await);
        let id = withdraw(&till, &seller, "30", "w1").await["withdrawal"]["id"].clone();
        let transfer = till.there("/v1/transfers").await[0].clone();
        till.wait(60);
        let paid_out = || till.double.pay_out(&account, "eur").unwrap()["id"].as_str().unwrap().to_owned();
        let first = paid_out();
        till.double.settle_payout(&first).unwrap();
        till.hear().await;
        assert_eq!(listed(&till, &seller).await["state"], "PAID");
        // Days later the bank returns it, and the next payout takes the money before the exchange does.
        till.double.fail_payout(&first, "account_closed").unwrap();
        let second = paid_out();
        till.hear().await;
        till.work_after(1).await;
        let node = json!({ "id": id, "state": "RETURNING", "returned": { "amount": "0.00" }, "returnDue": { "amount": "30.00" },
            "returnFailure": "balance_insufficient" });
        assert_eq!(owed(&till, &operator).await, std::slice::from_ref(&node));
        assert_eq!(till.available(&seller).await, "70.00");
        assert_eq!(till.x.app.store.withdrawals_refused_back().await.unwrap(), 1);
        let named = till.reconciled().await.differences;
        let words = "0.00 EUR taken back and 30.00 EUR to be taken back here, 0.00 EUR taken back there";
        assert_eq!(named.iter().map(|one| (one.id.as_str(), one.words.as_str())).collect::<Vec<_>>(), [(transfer.as_str(), words)]);
        // After five minutes, then ten, then twenty, each time as a call that Stripe has not answered yet.
        for (n, secs) in [300, 600, 1_200].into_iter().enumerate() {
            till.work_after(secs - 1).await;
            assert_eq!(reversals(&till, &transfer), n + 1);
            till.work_after(1).await;
            assert_eq!(reversals(&till, &transfer), n + 2);
        }
        assert_eq!(owed(&till, &operator).await, [node]);
        let of_another_year = Window { from: plus_secs(till.x.app.now(), -800 * 86_400), until: plus_secs(till.x.app.now(), -400 * 86_400) };
        assert_eq!(stripe_reconcile(&till.x.app, &of_another_year).await.unwrap().differences, named, "however old it is");
        // The bank returns that payout, too: the money is there again, and is taken back once, at the next attempt.
        till.double.fail_payout(&second, "account_closed").unwrap();
        till.hear().await;
        till.work_after(2_400).await;
        till.hear().await;
        let node = json!({ "id": id, "state": "FAILED", "method": "STRIPE", "failure": "account_closed", "returned": { "amount": "30.00" } });
        assert_eq!(listed(&till, &seller).await, node);
        assert_eq!((owed(&till, &operator).await, till.available(&seller).await), (Vec::new(), "100.00".to_owned()));
        let asked = reversals(&till, &transfer);
        till.work_after(86_400).await;
        assert_eq!((reversals(&till, &transfer), till.available(&seller).await), (asked, "100.00".to_owned()));
        till.close().await;
    }

    async fn a_lost_answer_to_a_reversal_takes_nothing_back_twice(x: Exchange) {
        let till = Till::open(x).await;
        let (seller, account) = ready(&till, "S").await;
        withdraw(&till, &seller, "30", "w1").await;
        let transfer = till.there("/v1/transfers").await[0].clone();
        till.wait(60);
        let payout = till.double.pay_out(&account, "eur").unwrap()["id"].as_str().unwrap().to_owned();
        till.double.settle_payout(&payout).unwrap();
        till.double.fail_payout(&payout, "account_closed").unwrap();
        till.hear().await;
        till.deafen();
        till.fault(&format!("/v1/transfers/{transfer}/reversals"), Phase::After, 3);
        till.work_after(1).await;
        assert_eq!(listed(&till, &seller).await["state"], "RETURNING");
        till.work_after(86_400).await;
        assert_eq!((listed(&till, &seller).await["state"].clone(), till.available(&seller).await), (json!("FAILED"), "100.00".to_owned()));
        till.close().await;
    }

    async fn a_part_that_came_back_leaves_the_rest_on_its_way(x: Exchange) {
        let till = Till::open(x).await;
        let ((seller, account), operator) = (ready(&till, "S").await, till.x.operator().await);
        withdraw(&till, &seller, "50", "w1").await;
        till.wait(60);
        let part = part_paid_out(&till, &account, 2_000).await;
        till.double.fail_payout(&part, "account_closed").unwrap();
        till.hear().await;
        assert_eq!(owed(&till, &operator).await[0]["returnDue"]["amount"], "20.00");
        till.work_after(1).await;
        till.hear().await;
        let partly = listed(&till, &seller).await;
        assert_eq!((&partly["state"], &partly["returned"]["amount"]), (&json!("SENT"), &json!("20.00")));
        assert_eq!((owed(&till, &operator).await, till.available(&seller).await), (Vec::new(), "70.00".to_owned()));
        till.wait(60);
        let rest = till.double.pay_out(&account, "eur").unwrap()["id"].as_str().unwrap().to_owned();
        till.double.settle_payout(&rest).unwrap();
        till.hear().await;
        assert_eq!(listed(&till, &seller).await["state"], "PAID");
        till.close().await;
    }
}
