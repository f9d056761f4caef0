use serde_json::json;
use stripe_double::{Options, StripeDouble};

use crate::harness::{double, double_with, event_types, get, id, onboarded, paid, platform, post, text};

async fn refunded(double: &StripeDouble, charge: &str) -> i64 {
    get(double, &format!("/v1/charges/{charge}")).ok().await["amount_refunded"].as_i64().unwrap()
}

#[tokio::test]
async fn never_exceed_the_charge() {
    let double = double().await;
    let charge = text(&paid(&double, 1_000).await, "latest_charge");
    let refund =
        post(&double, "/v1/refunds", &format!("charge={charge}&amount=400&reason=requested_by_customer&metadata[why]=x"))
            .ok()
            .await;
    assert_eq!(
        (&refund["status"], &refund["amount"], &refund["metadata"]["why"]),
        (&json!("succeeded"), &json!(400), &json!("x"))
    );
    let over = post(&double, "/v1/refunds", &format!("charge={charge}&amount=601")).send().await;
    assert_eq!((over.status, &over.body["error"]["param"]), (400, &json!("amount")));
    assert_eq!((refunded(&double, &charge).await, platform(&double)), (400, 600));
    let rest = post(&double, "/v1/refunds", &format!("charge={charge}")).ok().await;
    assert_eq!(rest["amount"], 600);
    let none_left = post(&double, "/v1/refunds", &format!("charge={charge}&amount=1")).send().await;
    assert_eq!(none_left.refusal(), (400, "charge_already_refunded"));
    let charge = get(&double, &format!("/v1/charges/{charge}")).ok().await;
    assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(1_000), &json!(true)));
    assert_eq!(platform(&double), 0);
    assert_eq!(event_types(&double).await[3..], ["refund.created", "charge.refunded", "refund.created", "charge.refunded"]);
    double.check().unwrap();
}

#[tokio::test]
async fn are_created_by_payment_intent_and_listed_by_both() {
    let double = double().await;
    let (first, second) = (paid(&double, 100).await, paid(&double, 200).await);
    let refund = post(&double, "/v1/refunds", &format!("payment_intent={}", id(&first))).ok().await;
    post(&double, "/v1/refunds", &format!("payment_intent={}", id(&second))).ok().await;
    assert_eq!((&refund["charge"], &refund["payment_intent"]), (&first["latest_charge"], &first["id"]));
    assert_eq!(get(&double, &format!("/v1/refunds/{}", id(&refund))).ok().await, refund);
    for filter in [format!("payment_intent={}", id(&first)), format!("charge={}", text(&first, "latest_charge"))] {
        assert_eq!(get(&double, &format!("/v1/refunds?{filter}")).ok().await["data"], json!([refund]));
    }
    assert_eq!(get(&double, "/v1/refunds").ok().await["data"].as_array().unwrap().len(), 2);
    let updated = post(&double, &format!("/v1/refunds/{}", id(&refund)), "metadata[note]=1").ok().await;
    assert_eq!(updated["metadata"]["note"], "1");
}

#[tokio::test]
async fn refuse_what_cannot_be_refunded() {
    let double = double().await;
    let intent = id(&post(&double, "/v1/payment_intents", "amount=9&currency=usd").ok().await);
    let refusal = async |form: &str| post(&double, "/v1/refunds", form).send().await.refusal().1.to_owned();
    assert_eq!(refusal(&format!("payment_intent={intent}")).await, "payment_intent_unexpected_state");
    assert_eq!(refusal("").await, "parameter_missing");
    assert_eq!(refusal("charge=ch_1&payment_intent=pi_1").await, "parameters_exclusive");
    assert_eq!(refusal("charge=ch_none").await, "resource_missing");
    assert_eq!(refusal(&format!("payment_intent={intent}&amount=0")).await, "parameter_invalid_integer");
    let declined =
        post(&double, "/v1/payment_intents", "amount=9&currency=usd&payment_method=pm_card_chargeDeclined&confirm=true")
            .send()
            .await;
    assert_eq!(refusal(&format!("charge={}", text(&declined.body["error"], "charge"))).await, "charge_not_refundable");
    assert_eq!(get(&double, "/v1/refunds").ok().await["data"], json!([]));
}

#[tokio::test]
async fn wait_for_funds_that_the_platform_does_not_have() {
    let double = double().await;
    let charge = text(&paid(&double, 1_000).await, "latest_charge");
    let account = onboarded(&double).await;
    post(&double, "/v1/transfers", &format!("amount=800&currency=usd&destination={account}")).ok().await;
    let refund = post(&double, "/v1/refunds", &format!("charge={charge}&amount=500")).ok().await;
    assert_eq!((&refund["status"], &refund["pending_reason"]), (&json!("pending"), &json!("insufficient_funds")));
    assert_eq!((platform(&double), refunded(&double, &charge).await), (200, 500));
    double.fund_platform(300, "usd").unwrap();
    let refund = get(&double, &format!("/v1/refunds/{}", id(&refund))).ok().await;
    assert_eq!((&refund["status"], platform(&double)), (&json!("succeeded"), 0));
    assert_eq!(event_types(&double).await.last().unwrap(), "refund.updated");
    double.check().unwrap();
}

#[tokio::test]
async fn come_back_when_the_cards_bank_cannot_take_them() {
    let double = double_with(Options::default()).await;
    let charge = text(&paid(&double, 1_000).await, "latest_charge");
    let refund = id(&post(&double, "/v1/refunds", &format!("charge={charge}")).ok().await);
    assert_eq!(platform(&double), 0);
    let failed = double.fail_refund(&refund, "lost_or_stolen_card").unwrap();
    assert_eq!((&failed["status"], &failed["failure_reason"]), (&json!("failed"), &json!("lost_or_stolen_card")));
    assert!(failed["failure_balance_transaction"].is_string());
    assert_eq!((platform(&double), refunded(&double, &charge).await), (1_000, 0));
    assert_eq!(event_types(&double).await[5..], ["refund.failed", "refund.updated"]);
    assert!(double.fail_refund(&refund, "unknown").is_err());
    assert_eq!(post(&double, "/v1/refunds", &format!("charge={charge}")).ok().await["status"], "succeeded");
    double.check().unwrap();
}
