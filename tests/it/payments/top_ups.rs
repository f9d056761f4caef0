//! Money in by card.

use api::app::payments::work::payments_advance;
use serde_json::{Value, json};
use stripe_double::{PaymentBehavior, Phase, WebhookBehavior};

use super::till::{Till, session};
use crate::harness::on_each_backend;
use crate::wallet::eur;

on_each_backend! {
    async fn without_a_key_every_payment_is_refused_with_its_code(x: Exchange) {
        let buyer = x.organization("B").await;
        let before = x.row_counts().await;
        let amount = "amount: { amount: \"10\", currencyCode: \"EUR\" }";
        for (name, mutation) in [
            ("walletTopUp", format!("mutation {{ walletTopUp(input: {{ {amount}, idempotencyKey: \"k\" }}) {{ userErrors {{ code message }} }} }}")),
            ("walletWithdraw", format!("mutation {{ walletWithdraw(input: {{ {amount}, idempotencyKey: \"k\" }}) {{ userErrors {{ code message }} }} }}")),
            ("walletRefund", format!("mutation {{ walletRefund(input: {{ topUpId: \"top_00000000000000000000000009\", {amount}, idempotencyKey: \"k\" }}) {{ userErrors {{ code message }} }} }}")),
            ("payoutOnboardingStart", "mutation { payoutOnboardingStart { userErrors { code message } } }".to_owned()),
        ] {
            let error = buyer.run(&x, &mutation, json!({})).await[name]["userErrors"][0].clone();
            assert_eq!(error["code"], "PAYMENTS_NOT_CONFIGURED", "{name}");
            assert!(error["message"].as_str().unwrap().contains("an operator records deposits"), "{error}");
        }
        let cards = buyer.execute(&x, "{ savedCards { id } }", json!({})).await;
        assert_eq!(cards["errors"][0]["extensions"]["code"], "PAYMENTS_NOT_CONFIGURED");
        assert_eq!(x.row_counts().await, before);
    }

    async fn a_page_is_paid_and_the_wallet_credited_once(x: Exchange) {
        let till = Till::open(x).await;
        let (buyer, other) = (till.x.organization("B").await, till.x.organization("Other").await);
        till.double.set_webhook_behavior(WebhookBehavior { duplicates: 2, shuffle_seed: Some(7), ..WebhookBehavior::default() });
        let begun = till.begin(&buyer, "50", "k1").await;
        assert_eq!((&begun["state"], &begun["paid"]), (&json!("OPEN"), &Value::Null));
        assert_eq!(till.begin(&buyer, "50", "k1").await, begun, "the same key answers the same");
        let other_input = till.top_up(&buyer, json!({ "amount": eur("51"), "saveCard": true, "idempotencyKey": "k1" })).await;
        assert_eq!(other_input["userErrors"][0]["code"], "IDEMPOTENCY_MISMATCH");
        till.double.complete_checkout(&session(&begun)).unwrap();
        till.hear().await;
        let paid = till.read(&buyer, &begun).await;
        assert_eq!((&paid["state"], &paid["paid"]["amount"], &paid["url"]), (&json!("PAID"), &json!("50.00"), &Value::Null));
        assert!(paid["stripeReceiptUrl"].as_str().unwrap().starts_with("http"));
        assert_eq!(till.available(&buyer).await, "50.00");
        assert_eq!(till.begin(&buyer, "50", "k1").await["state"], "PAID");
        assert_eq!(till.read(&other, &begun).await, Value::Null);
        let statement = "{ walletStatement { edges { node { kind subjectId amount { amount } } } } }";
        let rows = buyer.run(&till.x, statement, json!({})).await["walletStatement"]["edges"].clone();
        assert_eq!(rows, json!([{ "node": { "kind": "DEPOSIT", "subjectId": begun["id"], "amount": { "amount": "50.00" } } }]));
        assert_eq!(till.there("/v1/checkout/sessions").await.len(), 1);
        till.close().await;
    }

    async fn amounts_are_bounded(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let before = till.x.row_counts().await;
        for (amount, code) in [("4.99", "INVALID"), ("100000.01", "TOO_LARGE"), ("0", "INVALID")] {
            let answer = till.top_up(&buyer, json!({ "amount": eur(amount), "idempotencyKey": "k" })).await;
            assert_eq!(answer["userErrors"][0]["code"], code, "{amount}");
        }
        let stranger = till.top_up(&buyer, json!({ "amount": eur("10"), "cardId": "pm_1", "idempotencyKey": "k" })).await;
        assert_eq!((&stranger["userErrors"][0]["code"], &stranger["userErrors"][0]["path"]), (&json!("NOT_FOUND"), &json!(["cardId"])));
        assert_eq!(till.x.row_counts().await, before);
        till.close().await;
    }

    async fn a_worker_asks_when_nobody_tells(x: Exchange) {
        let till = Till::open(x).await;
        till.deafen();
        let buyer = till.x.organization("B").await;
        let (paid, left) = (till.begin(&buyer, "50", "k1").await, till.begin(&buyer, "20", "k2").await);
        till.double.complete_checkout(&session(&paid)).unwrap();
        till.double.abandon_checkout(&session(&left)).unwrap();
        till.work_after(299).await;
        assert_eq!(till.available(&buyer).await, "0.00", "it is asked every five minutes");
        till.work_after(1).await;
        assert_eq!(till.read(&buyer, &paid).await["state"], "PAID");
        assert_eq!(till.read(&buyer, &left).await["state"], "EXPIRED");
        assert_eq!(till.available(&buyer).await, "50.00");
        till.work_after(3_600).await;
        assert_eq!(till.available(&buyer).await, "50.00");
        till.close().await;
    }

    async fn an_answer_lost_before_or_after_the_effect_is_asked_for_again(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        for (n, phase) in [Phase::Before, Phase::After].into_iter().enumerate() {
            till.fault("/v1/checkout/sessions", phase, 3);
            let input = json!({ "amount": eur("50"), "saveCard": phase == Phase::Before, "idempotencyKey": format!("k{n}") });
            let begun = till.top_up(&buyer, input).await["topUp"].clone();
            assert_eq!((&begun["state"], &begun["url"]), (&json!("CREATED"), &Value::Null));
            let restarted = till.restarted().await;
            till.wait(60);
            payments_advance(&restarted).await.unwrap();
            let now = till.read(&buyer, &begun).await;
            assert_eq!(now["state"], "OPEN");
            till.double.complete_checkout(&session(&now)).unwrap();
            till.hear().await;
        }
        assert_eq!(till.available(&buyer).await, "100.00");
        assert_eq!(till.there("/v1/checkout/sessions").await.len(), 2);
        till.close().await;
    }

    async fn a_page_is_paid_before_its_row_knows_it(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        till.fault("/v1/checkout/sessions", Phase::After, 3);
        let begun = till.begin(&buyer, "50", "k").await;
        assert_eq!(begun["state"], "CREATED");
        till.double.complete_checkout(&till.there("/v1/checkout/sessions").await[0]).unwrap();
        till.hear().await;
        assert_eq!((till.read(&buyer, &begun).await["state"].clone(), till.available(&buyer).await), (json!("PAID"), "50.00".to_owned()));
        till.work_after(3_600).await;
        assert_eq!(till.available(&buyer).await, "50.00");
        till.close().await;
    }

    async fn a_saved_card_pays_at_once_or_asks_its_holder_or_is_declined(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let card = till.card(&buyer, PaymentBehavior::Succeeds).await;
        let by_card = async |amount: &str, key: &str| {
            till.top_up(&buyer, json!({ "amount": eur(amount), "cardId": card, "idempotencyKey": key })).await["topUp"].clone()
        };
        let paid = by_card("20", "c1").await;
        assert_eq!((&paid["state"], &paid["paid"]["amount"]), (&json!("PAID"), &json!("20.00")));
        till.double.set_payment_method(&card, PaymentBehavior::Declined { decline_code: "insufficient_funds".into() }).unwrap();
        let declined = by_card("20", "c2").await;
        assert_eq!((&declined["state"], &declined["reason"]), (&json!("FAILED"), &json!("insufficient_funds")));
        till.double.set_payment_method(&card, PaymentBehavior::RequiresAuthentication).unwrap();
        let asks = by_card("30", "c3").await;
        assert_eq!(asks["state"], "AUTHENTICATION_REQUIRED");
        let payment = asks["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        till.double.complete_authentication(&payment, true).unwrap();
        till.hear().await;
        assert_eq!(till.read(&buyer, &asks).await["state"], "PAID");
        assert_eq!(till.available(&buyer).await, "60.00");
        let remove = "mutation ($id: ID!) { savedCardRemove(input: { cardId: $id }) { card { lastFour } userErrors { code } } }";
        let removed = buyer.run(&till.x, remove, json!({ "id": card })).await["savedCardRemove"].clone();
        assert_eq!(removed["userErrors"], json!([]));
        assert_eq!(buyer.run(&till.x, "{ savedCards { id } }", json!({})).await["savedCards"], json!([]));
        till.hear().await;
        till.close().await;
    }

    async fn a_card_is_charged_once_whichever_answer_is_lost(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let card = till.card(&buyer, PaymentBehavior::Succeeds).await;
        let before = till.there("/v1/payment_intents").await.len();
        for (n, phase) in [Phase::Before, Phase::After].into_iter().enumerate() {
            till.deafen();
            till.fault("/v1/payment_intents", phase, 3);
            let input = json!({ "amount": eur("20"), "cardId": card, "idempotencyKey": format!("c{n}") });
            let begun = till.top_up(&buyer, input).await["topUp"].clone();
            assert_eq!(begun["state"], "CREATED");
            // A day later Stripe may have forgotten the key: what it has is found by the exchange's own note.
            till.work_after(if phase == Phase::After { 86_400 } else { 60 }).await;
            assert_eq!(till.read(&buyer, &begun).await["state"], "PAID");
        }
        assert_eq!(till.there("/v1/payment_intents").await.len() - before, 2);
        assert_eq!(till.available(&buyer).await, "50.00");
        till.close().await;
    }
}
