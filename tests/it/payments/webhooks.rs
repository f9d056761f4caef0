//! What Stripe calls: believed when signed, kept once and sealed, of the right mode.

use std::sync::Arc;

use api::app::App;
use api::app::envelopes::envelopes_rewrap;
use api::app::payments::payments_open;
use api::crypto::{Binding, Sealed};
use api::ports::SeededEntropy;
use reqwest::Client;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use store::entity::stripe_event;
use stripe_double::signature_header;

use super::till::{SECRET, Till, session, settings};
use crate::harness::{on_each_backend, start_of_time};

async fn call(till: &Till, body: &str, signature: &str) -> (u16, Value) {
    let request = Client::new().post(&till.webhook).header("stripe-signature", signature).body(body.to_owned());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn event(id: &str, kind: &str, live: bool) -> String {
    json!({ "id": id, "object": "event", "api_version": "2026-09-30.endive", "created": start_of_time().timestamp(), "livemode": live,
        "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null }, "type": kind,
        "data": { "object": { "id": "obj_1", "object": "something", "email": "person@example.com" } } })
    .to_string()
}

on_each_backend! {
    async fn only_what_stripe_signed_lately_is_believed(x: Exchange) {
        let till = Till::open(x).await;
        let (now, body) = (start_of_time().timestamp(), event("evt_1", "something.happened", false));
        let before = till.x.row_counts().await;
        for signature in [
            String::new(),
            "t=1,v1=00".to_owned(),
            signature_header(&body, "whsec_other", now),
            signature_header(&body, SECRET, now - 301),
            signature_header("{}", SECRET, now),
        ] {
            assert_eq!(call(&till, &body, &signature).await.0, 400, "{signature}");
        }
        let live = event("evt_2", "something.happened", true);
        assert_eq!(call(&till, &live, &signature_header(&live, SECRET, now)).await.0, 400, "the other mode");
        let long = "x".repeat((256 << 10) + 1);
        assert_eq!(call(&till, &long, &signature_header(&long, SECRET, now)).await.0, 413);
        assert_eq!(till.x.row_counts().await, before);
        let header = signature_header(&body, SECRET, now);
        for _ in 0..2 {
            assert_eq!(call(&till, &body, &header).await, (200, json!({ "received": true })), "unknown types are acknowledged");
        }
        assert_eq!((till.x.count("stripe_event").await, till.x.count("job").await), (1, 0));
        assert!(!till.x.dump(&["stripe_event"]).await.contains("person@example.com"));
        till.close().await;
    }

    async fn play_money_and_real_money_never_share_a_database(x: Exchange) {
        let till = Till::open(x).await;
        let test = settings(&till.double);
        let live = test.replace("sk_test_", "sk_live_").replace("http://", "https://");
        let other = till.x.process_with(&live).await;
        let error = payments_open(&other).await.unwrap_err().to_string();
        assert!(error.contains("is a live key, but this database holds test payments"), "{error}");
        payments_open(till.restarted().await.as_ref()).await.unwrap();
        payments_open(till.x.process_with("").await.as_ref()).await.unwrap();
        till.close().await;
    }

    async fn held_back_and_shuffled_events_change_nothing_about_the_end(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let behavior = stripe_double::WebhookBehavior { hold: true, duplicates: 2, shuffle_seed: Some(5), ..Default::default() };
        till.double.set_webhook_behavior(behavior);
        let begun = till.begin(&buyer, "50", "k").await;
        till.double.complete_checkout(&session(&begun)).unwrap();
        till.work_after(300).await;
        assert_eq!(till.available(&buyer).await, "50.00", "the worker was faster");
        till.double.flush_webhooks().await;
        till.hear().await;
        assert_eq!(till.available(&buyer).await, "50.00");
        till.close().await;
    }

    async fn messages_are_forgotten_in_time(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        till.paid(&buyer, "50", "k").await;
        assert!(till.x.count("stripe_event").await > 0);
        till.x.clock.advance_secs(91 * 86_400);
        api::app::forgetting::forget_old(&till.x.app).await.unwrap();
        assert_eq!(till.x.count("stripe_event").await, 0);
    }

    async fn messages_move_to_the_active_key_of_the_ring_and_open_as_before(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        till.paid(&buyer, "50", "k").await;
        let before = stripe_event::Entity::find().all(till.x.app.store.read()).await.unwrap();
        let opened = |app: &App, event: &stripe_event::Model| {
            let (key_id, wrapped_key, ciphertext) = (event.key_id.clone(), event.wrapped_key.clone(), event.ciphertext.clone());
            app.keys.open(Binding { purpose: "stripe.event", object: event.object_uuid }, &Sealed { key_id, wrapped_key, ciphertext })
        };
        let rotated = till.x.app.keys.rotated(&SeededEntropy::new(9), "next").unwrap();
        let app = App { keys: Arc::new(rotated), ..App::clone(&till.x.app) };
        let count = u64::try_from(before.len()).unwrap();
        assert!(count > 0);
        assert_eq!((envelopes_rewrap(&app).await.unwrap(), envelopes_rewrap(&app).await.unwrap()), (count, 0));
        for old in &before {
            let new = stripe_event::Entity::find_by_id(&old.id).one(app.store.read()).await.unwrap().unwrap();
            assert_eq!((old.key_id.as_str(), new.key_id.as_str(), &new.ciphertext), ("test", "next", &old.ciphertext));
            let body: Value = serde_json::from_slice(&opened(&app, &new).unwrap()).unwrap();
            assert_eq!((&body["id"], &body["type"]), (&json!(old.id), &json!(old.kind)));
            assert_eq!(*opened(&app, old).unwrap(), *opened(&app, &new).unwrap(), "the new ring opens both");
            assert!(opened(&till.x.app, &new).is_err(), "the old ring does not hold the new key");
            let moved = stripe_event::Model { object_uuid: uuid::Uuid::nil(), ..new };
            assert!(opened(&app, &moved).is_err(), "a seal is of one row");
        }
        // What came before is known still, and comes once.
        till.double.resend_event(&before[0].id).unwrap();
        till.hear().await;
        assert_eq!((till.x.count("stripe_event").await, till.available(&buyer).await), (i64::try_from(count).unwrap(), "50.00".to_owned()));
        till.close().await;
    }
}
