use serde_json::json;
use stripe_double::StripeDouble;

use crate::harness::{START, available, double, event_types, get, id, onboarded, platform, post, text};

/// An account that has 1,000 US cents.
async fn funded(double: &StripeDouble) -> String {
    double.fund_platform(1_000, "usd").unwrap();
    let account = onboarded(double).await;
    post(double, "/v1/transfers", &format!("amount=1000&currency=usd&destination={account}")).ok().await;
    account
}

async fn types(double: &StripeDouble, account: &str) -> Vec<String> {
    let events = get(double, "/v1/events?types[]=payout.*").account(account).ok().await;
    events["data"].as_array().unwrap().iter().rev().map(|event| text(event, "type")).collect()
}

#[tokio::test]
async fn leave_the_accounts_balance_and_arrive_by_the_clock() {
    let double = double().await;
    let account = funded(&double).await;
    let payout = post(&double, "/v1/payouts", "amount=700&currency=usd&metadata[withdrawal]=4").account(&account).ok().await;
    assert_eq!((&payout["status"], &payout["automatic"]), (&json!("pending"), &json!(false)));
    assert_eq!((&payout["arrival_date"], &payout["metadata"]["withdrawal"]), (&json!(START + 2 * 24 * 3600), &json!("4")));
    assert_eq!(available(&double, &account), 300);
    let path = format!("/v1/payouts/{}", id(&payout));
    assert_eq!(get(&double, &path).account(&account).ok().await, payout);
    assert_eq!(get(&double, &path).send().await.status, 404, "it is not the platform's");
    double.advance_clock(2 * 24 * 3600 - 1);
    assert_eq!(get(&double, &path).account(&account).ok().await["status"], "pending");
    double.advance_clock(1);
    assert_eq!(get(&double, &path).account(&account).ok().await["status"], "paid");
    assert_eq!(types(&double, &account).await, ["payout.created", "payout.paid"]);
    assert_eq!(event_types(&double).await, ["transfer.created"]);
    double.check().unwrap();
}

#[tokio::test]
async fn return_the_money_when_they_fail_even_after_they_were_paid() {
    let double = double().await;
    let account = funded(&double).await;
    let payout = id(&double.pay_out(&account, "usd").unwrap());
    assert_eq!(available(&double, &account), 0);
    double.settle_payout(&payout).unwrap();
    assert!(double.settle_payout(&payout).is_err());
    let failed = double.fail_payout(&payout, "account_closed").unwrap();
    assert_eq!(
        (&failed["status"], &failed["failure_code"], &failed["automatic"]),
        (&json!("failed"), &json!("account_closed"), &json!(true))
    );
    assert_eq!(available(&double, &account), 1_000);
    assert!(double.fail_payout(&payout, "account_closed").is_err());
    assert_eq!(available(&double, &account), 1_000);
    assert_eq!(types(&double, &account).await, ["payout.created", "payout.paid", "payout.failed"]);
    double.check().unwrap();
}

#[tokio::test]
async fn never_exceed_the_balance_and_need_an_enabled_account() {
    let double = double().await;
    let account = funded(&double).await;
    let pay =
        async |amount: i64| post(&double, "/v1/payouts", &format!("amount={amount}&currency=usd")).account(&account).send().await;
    assert_eq!(pay(1_001).await.refusal(), (400, "balance_insufficient"));
    double.require_of_account(&account, &["external_account"], true).unwrap();
    assert_eq!(pay(1_000).await.refusal(), (400, "payouts_not_allowed"));
    assert_eq!(available(&double, &account), 1_000);
    assert_eq!(get(&double, "/v1/payouts").account(&account).ok().await["data"], json!([]));
}

#[tokio::test]
async fn are_canceled_while_pending_and_listed_by_owner() {
    let double = double().await;
    let account = funded(&double).await;
    double.fund_platform(50, "usd").unwrap();
    let own = post(&double, "/v1/payouts", "amount=50&currency=usd").ok().await;
    let payout = id(&post(&double, "/v1/payouts", "amount=700&currency=usd").account(&account).ok().await);
    let canceled = post(&double, &format!("/v1/payouts/{payout}/cancel"), "").account(&account).ok().await;
    assert_eq!((&canceled["status"], available(&double, &account)), (&json!("canceled"), 1_000));
    assert_eq!(post(&double, &format!("/v1/payouts/{payout}/cancel"), "").account(&account).send().await.status, 400);
    assert_eq!(get(&double, "/v1/payouts").ok().await["data"], json!([own]));
    assert_eq!(get(&double, "/v1/payouts?status=canceled").account(&account).ok().await["data"], json!([canceled]));
    assert_eq!(platform(&double), 0);
    double.check().unwrap();
}
