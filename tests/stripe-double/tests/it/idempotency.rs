use serde_json::json;
use stripe_double::{Fault, FaultAction, Phase};

use crate::harness::{double, get, id, onboarded, paid, platform, post};

const PAY: &str = "amount=500&currency=usd&payment_method=pm_card_visa&confirm=true";

#[tokio::test]
async fn a_key_replays_the_first_answer() {
    let double = double().await;
    let first = post(&double, "/v1/payment_intents", PAY).key("k1").send().await;
    assert_eq!((first.header("idempotency-key"), first.header("idempotent-replayed")), (Some("k1"), None));
    // The same parameters in another order are the same parameters.
    let reordered = "confirm=true&currency=usd&payment_method=pm_card_visa&amount=500";
    let second = post(&double, "/v1/payment_intents", reordered).key("k1").send().await;
    assert_eq!((second.status, &second.text, second.header("idempotent-replayed")), (200, &first.text, Some("true")));
    assert_ne!(first.header("request-id"), second.header("request-id"));
    assert_eq!(platform(&double), 500);
    post(&double, "/v1/payment_intents", PAY).key("k2").ok().await;
    assert_eq!(platform(&double), 1_000);
}

#[tokio::test]
async fn a_key_is_refused_for_other_parameters_or_another_path() {
    let double = double().await;
    post(&double, "/v1/payment_intents", PAY).key("k1").ok().await;
    for (path, form) in [("/v1/payment_intents", "amount=501&currency=usd"), ("/v1/customers", PAY)] {
        let reply = post(&double, path, form).key("k1").send().await;
        assert_eq!((reply.status, &reply.body["error"]["type"]), (400, &json!("idempotency_error")), "{path}");
    }
    assert_eq!(platform(&double), 500);
}

#[tokio::test]
async fn a_refusal_is_kept_once_execution_has_begun() {
    let double = double().await;
    let declined = PAY.replace("pm_card_visa", "pm_card_chargeDeclined");
    let first = post(&double, "/v1/payment_intents", &declined).key("k1").send().await;
    let second = post(&double, "/v1/payment_intents", &declined).key("k1").send().await;
    assert_eq!((second.status, &second.text, second.header("idempotent-replayed")), (402, &first.text, Some("true")));
    assert_eq!(get(&double, "/v1/payment_intents").ok().await["data"].as_array().unwrap().len(), 1);

    let account = onboarded(&double).await;
    let transfer = format!("amount=10&currency=usd&destination={account}");
    let short = post(&double, "/v1/transfers", &transfer).key("k2").send().await;
    assert_eq!(short.refusal(), (400, "balance_insufficient"));
    paid(&double, 10).await;
    let replayed = post(&double, "/v1/transfers", &transfer).key("k2").send().await;
    assert_eq!((replayed.refusal(), replayed.header("idempotent-replayed")), ((400, "balance_insufficient"), Some("true")));
    post(&double, "/v1/transfers", &transfer).key("k3").ok().await;
}

#[tokio::test]
async fn a_refusal_of_parameters_is_not_kept() {
    let double = double().await;
    let wrong = post(&double, "/v1/payment_intents", "amount=0&currency=usd").key("k1").send().await;
    assert_eq!(wrong.status, 400);
    assert_eq!(post(&double, "/v1/payment_intents", PAY).key("k1").ok().await["status"], "succeeded");
}

#[tokio::test]
async fn a_key_in_flight_is_refused_with_409() {
    let double = double().await;
    double.script_fault(Fault {
        method: None,
        path: "/v1/payment_intents".to_owned(),
        times: 1,
        phase: Phase::Before,
        action: FaultAction::Hang { millis: None },
        keep: false,
    });
    let first = post(&double, "/v1/payment_intents", PAY).key("k1").send();
    let meanwhile = async {
        double.until_hanging(1).await;
        let second = post(&double, "/v1/payment_intents", PAY).key("k1").send().await;
        assert_eq!(second.refusal(), (409, "idempotency_key_in_use"));
        assert_eq!(platform(&double), 0);
        double.release_hanging();
    };
    let (first, ()) = tokio::join!(first, meanwhile);
    assert_eq!((first.status, platform(&double)), (200, 500));
    let third = post(&double, "/v1/payment_intents", PAY).key("k1").send().await;
    assert_eq!((&third.text, third.header("idempotent-replayed")), (&first.text, Some("true")));
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let double = double().await;
    post(&double, "/v1/payment_intents", PAY).key("k1").ok().await;
    double.advance_clock(24 * 3600 - 1);
    post(&double, "/v1/payment_intents", PAY).key("k1").ok().await;
    assert_eq!(platform(&double), 500);
    double.advance_clock(1);
    post(&double, "/v1/payment_intents", PAY).key("k1").ok().await;
    assert_eq!(platform(&double), 1_000);
}

#[tokio::test]
async fn a_key_belongs_to_one_account_and_has_a_length() {
    let double = double().await;
    double.fund_platform(100, "usd").unwrap();
    let account = onboarded(&double).await;
    post(&double, "/v1/transfers", &format!("amount=50&currency=usd&destination={account}")).key("k1").ok().await;
    let payout = "amount=50&currency=usd";
    let own = post(&double, "/v1/payouts", payout).key("k2").ok().await;
    let theirs = post(&double, "/v1/payouts", payout).key("k2").account(&account).ok().await;
    assert_ne!(id(&own), id(&theirs));
    assert_eq!(post(&double, "/v1/customers", "").key(&"k".repeat(255)).send().await.status, 200);
    assert_eq!(post(&double, "/v1/customers", "").key(&"k".repeat(256)).send().await.status, 400);
}

#[tokio::test]
async fn a_get_has_no_use_for_a_key() {
    let double = double().await;
    let before = get(&double, "/v1/balance").key("k1").ok().await;
    paid(&double, 5).await;
    assert_ne!(get(&double, "/v1/balance").key("k1").ok().await, before);
}
