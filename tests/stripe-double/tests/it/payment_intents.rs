use serde_json::json;
use stripe_double::{Fee, Options, PaymentBehavior};

use crate::harness::{START, available, double, double_with, event_types, get, id, paid, platform, post, text};

#[tokio::test]
async fn succeed_with_a_charge_and_its_money() {
    let double = double().await;
    let intent = paid(&double, 2_500).await;
    assert_eq!((text(&intent, "status").as_str(), &intent["amount_received"]), ("succeeded", &json!(2_500)));
    let charge = get(&double, &format!("/v1/charges/{}", text(&intent, "latest_charge"))).ok().await;
    assert_eq!((&charge["paid"], &charge["amount"], &charge["payment_intent"]), (&json!(true), &json!(2_500), &intent["id"]));
    assert_eq!(platform(&double), 2_500);
    assert_eq!(event_types(&double).await, ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]);
    assert_eq!(get(&double, &format!("/v1/payment_intents/{}", id(&intent))).ok().await, intent);
    let receipt = get(&double, text(&charge, "receipt_url").strip_prefix(double.url.as_str()).unwrap()).send().await;
    assert_eq!(receipt.status, 200);
    double.check().unwrap();
}

#[tokio::test]
async fn go_from_creation_by_confirmation_to_success_once() {
    let double = double().await;
    let intent = post(&double, "/v1/payment_intents", "amount=900&currency=usd&metadata[order]=1").ok().await;
    assert_eq!(intent["status"], "requires_payment_method");
    let confirm = format!("/v1/payment_intents/{}/confirm", id(&intent));
    assert_eq!(post(&double, &confirm, "").send().await.refusal(), (400, "payment_intent_unexpected_state"));
    let confirmed = post(&double, &confirm, "payment_method=pm_card_visa").ok().await;
    assert_eq!((&confirmed["status"], &confirmed["metadata"]["order"]), (&json!("succeeded"), &json!("1")));
    let again = post(&double, &confirm, "payment_method=pm_card_visa").send().await;
    assert_eq!(again.refusal(), (400, "payment_intent_unexpected_state"));
    assert_eq!(again.body["error"]["payment_intent"]["id"], intent["id"]);
    assert_eq!(platform(&double), 900);
    let waiting = post(&double, "/v1/payment_intents", "amount=900&currency=usd&payment_method=pm_card_visa").ok().await;
    assert_eq!(waiting["status"], "requires_confirmation");
}

#[tokio::test]
async fn are_declined_with_402_and_can_be_tried_again() {
    let double = double().await;
    let form = "amount=900&currency=usd&payment_method=pm_card_chargeDeclinedInsufficientFunds&confirm=true";
    let reply = post(&double, "/v1/payment_intents", form).send().await;
    assert_eq!(reply.refusal(), (402, "card_declined"));
    let error = &reply.body["error"];
    assert_eq!((&error["type"], &error["decline_code"]), (&json!("card_error"), &json!("insufficient_funds")));
    let intent = &error["payment_intent"];
    assert_eq!((&intent["status"], &intent["payment_method"]), (&json!("requires_payment_method"), &json!(null)));
    assert_eq!(intent["last_payment_error"]["decline_code"], "insufficient_funds");
    let charge = get(&double, &format!("/v1/charges/{}", text(error, "charge"))).ok().await;
    assert_eq!(
        (&charge["status"], &charge["paid"], &charge["failure_code"]),
        (&json!("failed"), &json!(false), &json!("card_declined"))
    );
    assert_eq!(platform(&double), 0);
    assert_eq!(event_types(&double).await, ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]);

    let confirm = format!("/v1/payment_intents/{}/confirm", id(intent));
    let retried = post(&double, &confirm, "payment_method=pm_card_visa").ok().await;
    assert_eq!((&retried["status"], &retried["last_payment_error"]), (&json!("succeeded"), &json!(null)));
    assert_eq!(platform(&double), 900);
    let expired = "amount=900&currency=usd&payment_method=pm_card_chargeDeclinedExpiredCard&confirm=true";
    assert_eq!(post(&double, "/v1/payment_intents", expired).send().await.refusal(), (402, "expired_card"));
    double.check().unwrap();
}

#[tokio::test]
async fn ask_for_authentication_on_session() {
    let double = double().await;
    let form =
        "amount=900&currency=usd&payment_method=pm_card_authenticationRequired&confirm=true&return_url=https://example.com/back";
    let intent = post(&double, "/v1/payment_intents", form).ok().await;
    assert_eq!((&intent["status"], &intent["next_action"]["type"]), (&json!("requires_action"), &json!("redirect_to_url")));
    assert_eq!(intent["next_action"]["redirect_to_url"]["return_url"], "https://example.com/back");
    assert_eq!(platform(&double), 0);
    let done = double.complete_authentication(&id(&intent), true).unwrap();
    assert_eq!((&done["status"], &done["next_action"]), (&json!("succeeded"), &json!(null)));
    assert_eq!(platform(&double), 900);

    let second = post(&double, "/v1/payment_intents", form).ok().await;
    let failed = double.complete_authentication(&id(&second), false).unwrap();
    assert_eq!(failed["status"], "requires_payment_method");
    assert_eq!(failed["last_payment_error"]["code"], "payment_intent_authentication_failure");
    assert_eq!(platform(&double), 900);
    let types = event_types(&double).await;
    assert_eq!(types.iter().filter(|one| *one == "payment_intent.requires_action").count(), 2);
    assert_eq!(types.last().unwrap(), "payment_intent.payment_failed");
    assert!(double.complete_authentication(&id(&intent), true).is_err(), "it succeeded before");
}

#[tokio::test]
async fn fail_off_session_when_authentication_is_required_and_succeed_when_the_customer_returns() {
    let double = double().await;
    let customer = id(&post(&double, "/v1/customers", "").ok().await);
    let card = id(&double.create_payment_method(Some(&customer), PaymentBehavior::RequiresAuthentication).unwrap());
    let form = format!("amount=900&currency=usd&customer={customer}&payment_method={card}&confirm=true&off_session=true");
    let reply = post(&double, "/v1/payment_intents", &form).send().await;
    assert_eq!(reply.refusal(), (402, "authentication_required"));
    assert_eq!(reply.body["error"]["decline_code"], "authentication_required");
    assert_eq!(reply.body["error"]["payment_method"]["id"], card.as_str());
    let intent = id(&reply.body["error"]["payment_intent"]);
    assert_eq!(reply.body["error"]["payment_intent"]["status"], "requires_payment_method");
    assert_eq!(double.complete_authentication(&intent, true).unwrap()["status"], "succeeded");
    assert_eq!(platform(&double), 900);

    // The same card pays off-session once its bank no longer asks.
    double.set_payment_method(&card, PaymentBehavior::Succeeds).unwrap();
    assert_eq!(post(&double, "/v1/payment_intents", &form).ok().await["status"], "succeeded");
    double.set_payment_method(&card, PaymentBehavior::Declined { decline_code: "lost_card".to_owned() }).unwrap();
    let reply = post(&double, "/v1/payment_intents", &form).send().await;
    assert_eq!((reply.refusal(), &reply.body["error"]["decline_code"]), ((402, "card_declined"), &json!("lost_card")));
    assert_eq!(platform(&double), 1_800);
    double.check().unwrap();
}

#[tokio::test]
async fn are_paid_once_though_the_bank_stopped_asking_before_the_customer_returned() {
    let double = double().await;
    let customer = id(&post(&double, "/v1/customers", "").ok().await);
    let card = id(&double.create_payment_method(Some(&customer), PaymentBehavior::RequiresAuthentication).unwrap());
    let form = format!("amount=900&currency=usd&customer={customer}&payment_method={card}&confirm=true&off_session=true");
    let refused = post(&double, "/v1/payment_intents", &form).send().await;
    double.set_payment_method(&card, PaymentBehavior::Succeeds).unwrap();
    let intent = id(&refused.body["error"]["payment_intent"]);
    assert_eq!(double.complete_authentication(&intent, true).unwrap()["status"], "succeeded");
    assert_eq!(platform(&double), 900);
    double.check().unwrap();
}

#[tokio::test]
async fn need_confirmation_to_be_off_session() {
    let double = double().await;
    let reply = post(&double, "/v1/payment_intents", "amount=9&currency=usd&off_session=true").send().await;
    assert_eq!((reply.status, &reply.body["error"]["param"]), (400, &json!("off_session")));
    let reply = post(&double, "/v1/payment_intents", "amount=9&currency=usd&confirm=true").send().await;
    assert_eq!(reply.refusal(), (400, "parameter_missing"));
}

#[tokio::test]
async fn are_canceled_until_they_succeed() {
    let double = double().await;
    let open = id(&post(&double, "/v1/payment_intents", "amount=9&currency=usd").ok().await);
    let cancel = format!("/v1/payment_intents/{open}/cancel");
    let canceled = post(&double, &cancel, "cancellation_reason=abandoned").ok().await;
    assert_eq!((&canceled["status"], &canceled["cancellation_reason"]), (&json!("canceled"), &json!("abandoned")));
    assert_eq!(canceled["canceled_at"], START);
    assert_eq!(post(&double, &cancel, "").send().await.refusal(), (400, "payment_intent_unexpected_state"));
    let succeeded = id(&paid(&double, 9).await);
    assert_eq!(
        post(&double, &format!("/v1/payment_intents/{succeeded}/cancel"), "").send().await.refusal(),
        (400, "payment_intent_unexpected_state")
    );
}

#[tokio::test]
async fn keep_a_card_for_later_only_if_asked() {
    let double = double().await;
    let customer = id(&post(&double, "/v1/customers", "").ok().await);
    let cards = format!("/v1/customers/{customer}/payment_methods");
    let once = format!("amount=9&currency=usd&customer={customer}&payment_method=pm_card_visa&confirm=true");
    let intent = post(&double, "/v1/payment_intents", &once).ok().await;
    assert_eq!(get(&double, &cards).ok().await["data"], json!([]));
    let reuse =
        format!("amount=9&currency=usd&customer={customer}&payment_method={}&confirm=true", text(&intent, "payment_method"));
    assert_eq!(post(&double, "/v1/payment_intents", &reuse).send().await.refusal(), (400, "payment_method_unexpected_state"));
    let kept = post(&double, "/v1/payment_intents", &format!("{once}&setup_future_usage=off_session")).ok().await;
    assert_eq!(get(&double, &cards).ok().await["data"][0]["id"], kept["payment_method"]);
}

#[tokio::test]
async fn cost_a_fee_and_become_available_later_if_the_options_say_so() {
    let fee = Fee { basis_points: 290, fixed_minor: 30 };
    let double = double_with(Options { fee, available_after_secs: 100, ..Options::default() }).await;
    paid(&double, 10_001).await;
    let balance = get(&double, "/v1/balance").ok().await;
    // 2.9% of 100.01 is 2.90029, rounded up 2.91; and 0.30.
    assert_eq!((&balance["available"][0]["amount"], &balance["pending"][0]["amount"]), (&json!(0), &json!(10_001 - 321)));
    let transaction = get(&double, "/v1/balance_transactions").ok().await["data"][0].clone();
    assert_eq!((&transaction["status"], &transaction["fee"]), (&json!("pending"), &json!(321)));
    assert_eq!(transaction["fee_details"][0]["amount"], 321);
    double.advance_clock(100);
    assert_eq!(available(&double, "platform"), 9_680);
    let transaction = get(&double, &format!("/v1/balance_transactions/{}", id(&transaction))).ok().await;
    assert_eq!(transaction["status"], "available");
    double.check().unwrap();
}

#[tokio::test]
async fn name_allowed_types_and_no_longer_the_types_themselves() {
    let double = double().await;
    let allowed = "amount=900&currency=usd&payment_method=pm_card_visa&confirm=true&allowed_payment_method_types[0]=card";
    assert_eq!(post(&double, "/v1/payment_intents", allowed).ok().await["status"], "succeeded");
    let former = "amount=900&currency=usd&payment_method_types[0]=card";
    let refused = post(&double, "/v1/payment_intents", former).send().await;
    assert_eq!(refused.refusal(), (400, "payment_method_types_no_longer_supported"));
    assert_eq!(platform(&double), 900);
}
