use serde_json::json;

use crate::harness::{call, double, get, post};

#[tokio::test]
async fn every_answer_says_that_it_is_not_stripe() {
    let double = double().await;
    let root = call(&double, "GET", "/", "").send().await;
    assert_eq!(root.status, 200);
    assert!(root.text.contains("not Stripe"), "{}", root.text);
    for reply in [root, get(&double, "/v1/balance").send().await, get(&double, "/elsewhere").send().await] {
        assert_eq!(reply.header("stripe-double"), Some("this is not Stripe"));
    }
}

#[tokio::test]
async fn takes_the_secret_key_by_bearer_and_by_basic_only() {
    let double = double().await;
    let send =
        async |authorization: &str| call(&double, "GET", "/v1/balance", "").header("authorization", authorization).send().await;
    assert_eq!(send("Bearer sk_test_double").await.status, 200);
    // `sk_test_double:` and `sk_test_other:` in base64.
    assert_eq!(send("Basic c2tfdGVzdF9kb3VibGU6").await.status, 200);
    for wrong in ["Bearer sk_test_other", "Basic c2tfdGVzdF9vdGhlcjo=", "Basic !!", "Digest x", "Bearer sk_test_doubl"] {
        let reply = send(wrong).await;
        assert_eq!((reply.status, &reply.body["error"]["type"]), (401, &json!("invalid_request_error")), "{wrong}");
    }
    assert_eq!(call(&double, "GET", "/v1/balance", "").send().await.status, 401);
}

#[tokio::test]
async fn an_error_has_type_code_message_param_and_page() {
    let double = double().await;
    let reply = post(&double, "/v1/payment_intents", "currency=usd").send().await;
    assert_eq!(reply.refusal(), (400, "parameter_missing"));
    assert_eq!(
        reply.body,
        json!({ "error": {
            "type": "invalid_request_error", "code": "parameter_missing", "message": "Missing required param: amount.", "param": "amount",
            "doc_url": "https://docs.stripe.com/error-codes#parameter-missing",
        } })
    );
}

#[tokio::test]
async fn refuses_what_no_endpoint_or_object_is_for() {
    let double = double().await;
    assert_eq!(get(&double, "/v1/subscriptions").send().await.status, 404);
    assert_eq!(
        call(&double, "DELETE", "/v1/customers/cus_1", "").header("authorization", "Bearer sk_test_double").send().await.status,
        404
    );
    for path in
        ["customers", "payment_intents", "charges", "refunds", "disputes", "transfers", "payouts", "events", "checkout/sessions"]
    {
        let reply = get(&double, &format!("/v1/{path}/none_1")).send().await;
        assert_eq!(reply.refusal(), (404, "resource_missing"), "{path}");
        assert_eq!(reply.body["error"]["param"], "id");
    }
    // A parameter that names what does not exist is the client's mistake, not a missing page.
    let reply = post(&double, "/v1/payment_intents", "amount=1&currency=usd&customer=cus_none").send().await;
    assert_eq!(reply.refusal(), (400, "resource_missing"));
    assert_eq!(reply.body["error"]["param"], "customer");
    assert_eq!(get(&double, "/v1/balance").account("acct_none").send().await.refusal(), (403, "account_invalid"));
    assert_eq!(get(&double, "/v1/accounts/acct_none").send().await.refusal(), (403, "account_invalid"));
}

#[tokio::test]
async fn refuses_amounts_currencies_and_parameters_that_stripe_refuses() {
    let double = double().await;
    let refused = async |form: &str| {
        let reply = post(&double, "/v1/payment_intents", form).send().await;
        (reply.status, reply.refusal().1.to_owned(), reply.body["error"]["param"].as_str().unwrap_or_default().to_owned())
    };
    let refusal = |code: &str, param: &str| (400, code.to_owned(), param.to_owned());
    assert_eq!(refused("amount=0&currency=usd").await, refusal("parameter_invalid_integer", "amount"));
    assert_eq!(refused("amount=-5&currency=usd").await, refusal("parameter_invalid_integer", "amount"));
    assert_eq!(refused("amount=1.5&currency=usd").await, refusal("parameter_invalid_integer", "amount"));
    assert_eq!(refused("amount=100000000&currency=usd").await, refusal("amount_too_large", "amount"));
    assert_eq!(refused("amount=1&currency=USD").await, refusal("", "currency"));
    assert_eq!(refused("amount=1&currency=zzz").await, refusal("", "currency"));
    assert_eq!(refused("amount=1&currency=usd&amonut=2").await, refusal("parameter_unknown", "amonut"));
    assert_eq!(refused("amount=1&currency=usd&confirm=maybe").await, refusal("", "confirm"));
    assert_eq!(post(&double, "/v1/payment_intents", "amount=99999999&currency=usd").send().await.status, 200);
}

#[tokio::test]
async fn expands_ids_into_objects() {
    let double = double().await;
    let form = "amount=700&currency=usd&payment_method=pm_card_visa&confirm=true&expand[]=latest_charge.balance_transaction";
    let intent = post(&double, "/v1/payment_intents", form).ok().await;
    assert_eq!(intent["latest_charge"]["balance_transaction"]["net"], 700);
    let list = get(&double, "/v1/payment_intents?expand[0]=data.latest_charge").ok().await;
    assert_eq!(list["data"][0]["latest_charge"]["object"], "charge");
    assert_eq!(get(&double, "/v1/payment_intents?expand[]=data.nothing").send().await.status, 400);
}
