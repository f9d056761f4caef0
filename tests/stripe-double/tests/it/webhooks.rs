use std::collections::BTreeSet;

use serde_json::json;
use stripe_double::{Happening, WebhookBehavior, signature_header};

use crate::harness::{Receiver, START, double, event_types, get, id, onboarded, paid, platform, post, text};

#[tokio::test]
async fn carry_the_event_and_a_signature_over_its_bytes() {
    let double = double().await;
    let receiver = Receiver::start().await;
    double.set_webhook_endpoints(vec![receiver.endpoint(&[])]);
    double.advance_clock(7);
    let intent = paid(&double, 500).await;
    double.settle_webhooks().await;
    assert_eq!(receiver.types(), event_types(&double).await);
    for (signature, payload) in receiver.received() {
        assert_eq!(signature, signature_header(&payload, "whsec_test", START + 7));
    }
    let succeeded = receiver.events().pop().unwrap();
    assert_eq!((&succeeded["type"], &succeeded["data"]["object"]), (&json!("payment_intent.succeeded"), &intent));
    assert_eq!((&succeeded["object"], &succeeded["livemode"]), (&json!("event"), &json!(false)));
    assert_eq!(get(&double, &format!("/v1/events/{}", id(&succeeded))).ok().await, succeeded);
}

#[tokio::test]
async fn name_the_request_that_caused_them() {
    let double = double().await;
    let reply = post(&double, "/v1/customers", "").key("k1").send().await;
    let event = get(&double, "/v1/events").ok().await["data"][0].clone();
    assert_eq!(event["request"], json!({ "id": reply.header("request-id"), "idempotency_key": "k1" }));
    let charge = text(&paid(&double, 5).await, "latest_charge");
    double.open_dispute(&charge, "fraudulent").unwrap();
    let event = get(&double, "/v1/events").ok().await["data"][0].clone();
    assert_eq!(event["request"], json!({ "id": null, "idempotency_key": null }));
}

#[tokio::test]
async fn go_to_the_endpoints_that_want_them() {
    let double = double().await;
    let (all, some) = (Receiver::start().await, Receiver::start().await);
    double.set_webhook_endpoints(vec![all.endpoint(&["*"]), some.endpoint(&["payment_intent.*", "account.updated"])]);
    paid(&double, 5).await;
    let account = onboarded(&double).await;
    double.settle_webhooks().await;
    assert_eq!(some.types(), ["payment_intent.created", "payment_intent.succeeded", "account.updated"]);
    assert_eq!(all.types(), ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "account.updated"]);
    assert_eq!(some.events()[2]["account"], account.as_str());
    assert_eq!(some.events()[0].get("account"), None);
}

#[tokio::test]
async fn are_retried_until_answered_with_success_or_given_up() {
    let double = double().await;
    let receiver = Receiver::start().await;
    double.set_webhook_endpoints(vec![receiver.endpoint(&["payment_intent.succeeded"])]);
    double.set_webhook_behavior(WebhookBehavior { retry_base_millis: 1, max_attempts: 3, ..WebhookBehavior::default() });
    receiver.answer_with(&[500, 302, 204]);
    paid(&double, 5).await;
    double.settle_webhooks().await;
    assert_eq!(receiver.received().len(), 3);
    receiver.answer_with(&[500, 500, 500]);
    paid(&double, 5).await;
    double.settle_webhooks().await;
    assert_eq!(receiver.received().len(), 6);
    let ids: BTreeSet<_> = receiver.events().iter().map(id).collect();
    assert_eq!(ids.len(), 2);
    let attempts: Vec<_> = double
        .journal()
        .into_iter()
        .filter_map(|entry| match entry.what {
            Happening::Delivery(delivery) => Some((delivery.attempt, delivery.status)),
            _ => None,
        })
        .collect();
    assert_eq!(attempts, [(1, Some(500)), (2, Some(302)), (3, Some(204)), (1, Some(500)), (2, Some(500)), (3, Some(500))]);
}

#[tokio::test]
async fn survive_an_endpoint_that_is_not_there() {
    let double = double().await;
    let mut endpoint = Receiver::start().await.endpoint(&[]);
    endpoint.url = "http://127.0.0.1:1/hook".to_owned();
    double.set_webhook_endpoints(vec![endpoint]);
    double.set_webhook_behavior(WebhookBehavior { retry_base_millis: 1, max_attempts: 2, ..WebhookBehavior::default() });
    post(&double, "/v1/customers", "").ok().await;
    double.settle_webhooks().await;
    let deliveries =
        double.journal().into_iter().filter(|entry| matches!(&entry.what, Happening::Delivery(one) if one.status.is_none()));
    assert_eq!(deliveries.count(), 2);
}

#[tokio::test]
async fn come_twice_if_duplicates_are_scripted_or_an_event_is_sent_again() {
    let double = double().await;
    let receiver = Receiver::start().await;
    double.set_webhook_endpoints(vec![receiver.endpoint(&["payment_intent.succeeded"])]);
    double.set_webhook_behavior(WebhookBehavior { duplicates: 1, delay_millis: 1, ..WebhookBehavior::default() });
    paid(&double, 5).await;
    double.settle_webhooks().await;
    let events = receiver.events();
    assert_eq!((events.len(), &events[0]), (2, &events[1]));
    double.set_webhook_behavior(WebhookBehavior::default());
    double.resend_event(&id(&events[0])).unwrap();
    double.settle_webhooks().await;
    assert_eq!(receiver.events(), [events[0].clone(), events[0].clone(), events[0].clone()]);
    assert_eq!(platform(&double), 5);
}

#[tokio::test]
async fn are_held_back_and_flushed_in_another_order() {
    let double = double().await;
    let receiver = Receiver::start().await;
    double.set_webhook_endpoints(vec![receiver.endpoint(&[])]);
    double.set_webhook_behavior(WebhookBehavior { hold: true, shuffle_seed: Some(4), ..WebhookBehavior::default() });
    for _ in 0..3 {
        paid(&double, 5).await;
    }
    double.settle_webhooks().await;
    assert_eq!(receiver.received().len(), 0);
    double.flush_webhooks().await;
    let (received, made) = (receiver.types(), event_types(&double).await);
    assert_ne!(received, made);
    let sorted = |mut types: Vec<String>| {
        types.sort();
        types
    };
    assert_eq!(sorted(received), sorted(made));
}

#[tokio::test]
async fn are_shuffled_in_an_order_that_follows_from_the_seed() {
    let mut orders = Vec::new();
    for seed in [9, 9, 10] {
        let double = double().await;
        let receiver = Receiver::start().await;
        double.set_webhook_endpoints(vec![receiver.endpoint(&[])]);
        double.set_webhook_behavior(WebhookBehavior { hold: true, shuffle_seed: Some(seed), ..WebhookBehavior::default() });
        for _ in 0..4 {
            paid(&double, 5).await;
        }
        double.flush_webhooks().await;
        orders.push(receiver.events().iter().map(id).collect::<Vec<_>>());
    }
    assert_eq!(orders[0], orders[1]);
    assert_ne!(orders[0], orders[2]);
}
