use serde_json::json;
use stripe_double::{Happening, Options, StripeDouble};

use crate::harness::{START, call, double, get, id, onboarded, paid, platform, post, text};

async fn command(double: &StripeDouble, name: &str, fields: serde_json::Value) -> serde_json::Value {
    call(double, "POST", &format!("/_control/{name}"), &fields.to_string()).ok().await
}

#[tokio::test]
async fn every_command_is_there_over_http() {
    let double = double().await;
    let customer = id(&post(&double, "/v1/customers", "").ok().await);
    let card = command(&double, "create_payment_method", json!({ "customer": customer })).await;
    let declined = json!({ "payment_method": id(&card), "payment": { "behavior": "declined", "decline_code": "do_not_honor" } });
    command(&double, "set_payment_method", declined).await;
    let pay = format!("amount=5&currency=usd&customer={customer}&payment_method={}&confirm=true&off_session=true", id(&card));
    assert_eq!(post(&double, "/v1/payment_intents", &pay).send().await.body["error"]["decline_code"], "do_not_honor");
    command(
        &double,
        "set_payment_method",
        json!({ "payment_method": id(&card), "payment": { "behavior": "requires_authentication" } }),
    )
    .await;
    let refused = post(&double, "/v1/payment_intents", &pay).send().await;
    let intent = id(&refused.body["error"]["payment_intent"]);
    assert_eq!(command(&double, "complete_authentication", json!({ "payment_intent": intent })).await["status"], "succeeded");

    let form = "mode=payment&success_url=https://a&line_items[0][quantity]=1&line_items[0][price_data][currency]=usd\
        &line_items[0][price_data][unit_amount]=95&line_items[0][price_data][product_data][name]=x";
    let session = id(&post(&double, "/v1/checkout/sessions", form).ok().await);
    assert_eq!(command(&double, "complete_checkout", json!({ "session": session })).await["payment_status"], "paid");
    let session = id(&post(&double, "/v1/checkout/sessions", form).ok().await);
    assert_eq!(command(&double, "abandon_checkout", json!({ "session": session })).await["status"], "expired");

    let charge = text(&paid(&double, 100).await, "latest_charge");
    let dispute = command(&double, "open_dispute", json!({ "charge": charge, "amount": 40 })).await;
    assert_eq!((&dispute["reason"], platform(&double)), (&json!("fraudulent"), 160));
    assert_eq!(command(&double, "decide_dispute", json!({ "dispute": id(&dispute), "won": true })).await["status"], "won");
    let other = text(&paid(&double, 10).await, "latest_charge");
    let refund = id(&post(&double, "/v1/refunds", &format!("charge={other}")).ok().await);
    assert_eq!(command(&double, "fail_refund", json!({ "refund": refund })).await["failure_reason"], "lost_or_stolen_card");

    let account = id(&post(&double, "/v1/accounts", "type=express").ok().await);
    assert_eq!(command(&double, "complete_onboarding", json!({ "account": account })).await["payouts_enabled"], true);
    let required = json!({ "account": account, "requirements": ["tos_acceptance.ip"] });
    assert_eq!(
        command(&double, "require_of_account", required).await["requirements"]["currently_due"],
        json!(["tos_acceptance.ip"])
    );
    let transfer = id(&post(&double, "/v1/transfers", &format!("amount=50&currency=usd&destination={account}")).ok().await);
    assert_eq!(command(&double, "reverse_transfer", json!({ "transfer": transfer, "amount": 20 })).await["amount"], 20);
    let payout = command(&double, "pay_out", json!({ "account": account, "currency": "usd" })).await;
    assert_eq!(payout["amount"], 30);
    assert_eq!(command(&double, "settle_payout", json!({ "payout": id(&payout) })).await["status"], "paid");
    assert_eq!(command(&double, "fail_payout", json!({ "payout": id(&payout) })).await["failure_code"], "account_closed");
    assert_eq!(command(&double, "fund_platform", json!({ "amount": 7, "currency": "eur" })).await["type"], "topup");
    assert_eq!(command(&double, "advance_clock", json!({ "secs": 60 })).await, json!({ "now": START + 60 }));
    assert_eq!(call(&double, "GET", "/_control/check", "").ok().await, json!({ "balanced": true, "faults": [] }));
    let balances = call(&double, "GET", "/_control/balances", "").ok().await;
    assert_eq!(balances["platform"]["eur"], json!({ "available_minor": 7, "pending_minor": 0 }));
}

#[tokio::test]
async fn webhooks_are_commanded_over_http() {
    let double = double().await;
    let receiver = crate::harness::Receiver::start().await;
    let endpoint = json!({ "url": receiver.url, "secret": "whsec_test", "enabled_events": ["customer.created"] });
    command(&double, "set_webhook_endpoints", json!({ "endpoints": [endpoint] })).await;
    command(&double, "set_webhook_behavior", json!({ "hold": true })).await;
    post(&double, "/v1/customers", "").ok().await;
    assert_eq!(call(&double, "GET", "/_control/webhooks", "").ok().await["held"], 1);
    assert_eq!(command(&double, "flush_webhooks", json!({})).await, json!({ "flushed": 1 }));
    assert_eq!(call(&double, "GET", "/_control/settle", "").ok().await, json!({ "settled": true }));
    assert_eq!(receiver.types(), ["customer.created"]);
    let event = id(&receiver.events()[0]);
    command(&double, "set_webhook_behavior", json!({})).await;
    command(&double, "resend_event", json!({ "event": event })).await;
    double.settle_webhooks().await;
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn wrong_commands_change_nothing_and_say_why() {
    let double = double().await;
    for (name, fields) in [
        ("no_such_command", "{}"),
        ("complete_checkout", "{}"),
        ("complete_checkout", r#"{ "session": "cs_none" }"#),
        ("fund_platform", r#"{ "amount": 0, "currency": "usd" }"#),
        ("fund_platform", "not json"),
        ("pay_out", r#"{ "currency": "usd" }"#),
    ] {
        let reply = call(&double, "POST", &format!("/_control/{name}"), fields).send().await;
        assert!(reply.status == 400 && reply.body["error"]["message"].is_string(), "{name}: {}", reply.text);
    }
    assert!(double.journal().is_empty());
}

#[tokio::test]
async fn the_journal_has_everything_in_order() {
    let double = double().await;
    paid(&double, 5).await;
    post(&double, "/v1/customers", "name=Ada").key("k1").ok().await;
    post(&double, "/v1/customers", "name=Ada").key("k1").ok().await;
    double.fund_platform(3, "usd").unwrap();
    let kinds: Vec<_> = double
        .journal()
        .iter()
        .map(|entry| match &entry.what {
            Happening::Request(request) => format!("{} {} {}", request.method, request.path, request.replayed),
            Happening::Event { event_type, .. } => event_type.clone(),
            Happening::Control { command, .. } => command.clone(),
            Happening::Delivery(_) => "delivery".to_owned(),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "POST /v1/payment_intents false",
            "customer.created",
            "POST /v1/customers false",
            "POST /v1/customers true",
            "fund_platform"
        ]
    );
    let journal = call(&double, "GET", "/_control/journal", "").ok().await;
    let entries = journal["entries"].as_array().unwrap();
    assert_eq!(entries.iter().map(|entry| entry["sequence"].as_u64().unwrap()).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert_eq!((&entries[5]["params"]["name"], &entries[5]["idempotency_key"]), (&json!("Ada"), &json!("k1")));
    assert_eq!((&entries[5]["kind"], &entries[5]["status"]), (&json!("request"), &json!(200)));
    for posting in journal["postings"].as_array().unwrap() {
        let amounts = posting["entries"].as_array().unwrap().iter().map(|entry| entry["amount_minor"].as_i64().unwrap());
        assert_eq!(amounts.sum::<i64>(), 0);
    }
}

#[tokio::test]
async fn a_reset_forgets_objects_but_never_gives_an_id_again() {
    let double = double().await;
    let before = id(&paid(&double, 5).await);
    onboarded(&double).await;
    double.reset();
    assert_eq!((platform(&double), get(&double, "/v1/events").ok().await["data"].clone()), (0, json!([])));
    assert_eq!(get(&double, &format!("/v1/payment_intents/{before}")).send().await.status, 404);
    assert_ne!(id(&paid(&double, 5).await), before);
    double.check().unwrap();
}

#[tokio::test]
async fn a_double_runs_by_the_machines_time_with_a_key_and_ids_of_its_own() {
    let double = StripeDouble::start().await.unwrap();
    let before = double.now();
    double.advance_clock(1_000);
    assert!((1_000..1_060).contains(&(double.now() - before)));
    let options = Options { secret_key: "sk_test_mine".to_owned(), seed: 2, ..Options::default() };
    let other = StripeDouble::start_with(options).await.unwrap();
    assert_ne!(id(&paid(&double, 5).await), id(&paid(&other, 5).await));
    assert_eq!(get(&other, "/v1/balance").header("x", "y").send().await.status, 200);
    assert_eq!(call(&other, "GET", "/v1/balance", "").header("authorization", "Bearer sk_test_double").send().await.status, 401);
}
