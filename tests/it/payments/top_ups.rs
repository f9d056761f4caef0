//! Money in by card.

use api::app::payments::work::payments_advance;
use domain::access::Role;
use serde_json::{Value, json};
use stripe_double::{PaymentBehavior, Phase, WebhookBehavior};

use super::till::{Till, session};
use crate::harness::{get, on_each_backend};
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

    async fn a_bank_that_answers_in_days_is_waited_for(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        till.double.set_webhook_behavior(WebhookBehavior { duplicates: 1, shuffle_seed: Some(9), ..WebhookBehavior::default() });
        for (n, (succeeds, told)) in [(true, true), (false, true), (true, false), (false, false)].into_iter().enumerate() {
            let begun = till.begin(&buyer, "50", &format!("k{n}")).await;
            let before = till.available(&buyer).await;
            let done = till.double.pay_checkout(&session(&begun), PaymentBehavior::Delayed).unwrap();
            assert_eq!((&done["status"], &done["payment_status"]), (&json!("complete"), &json!("unpaid")));
            till.hear().await;
            let waits = till.read(&buyer, &begun).await;
            assert_eq!((&waits["state"], &waits["paid"], &waits["url"]), (&json!("PROCESSING"), &Value::Null, &Value::Null));
            till.work_after(4 * 86_400).await;
            assert_eq!((till.read(&buyer, &begun).await["state"].clone(), till.available(&buyer).await), (json!("PROCESSING"), before.clone()));
            if !told {
                till.deafen();
            }
            till.double.settle_payment(done["payment_intent"].as_str().unwrap(), succeeds).unwrap();
            till.hear().await;
            if !told {
                till.work_after(300).await;
                till.listen();
            }
            let after = till.read(&buyer, &begun).await;
            if succeeds {
                assert_eq!((&after["state"], &after["paid"]["amount"], &after["reason"]), (&json!("PAID"), &json!("50.00"), &Value::Null));
            } else {
                assert_eq!((&after["state"], &after["paid"], &after["reason"]), (&json!("FAILED"), &Value::Null, &json!("insufficient_funds")));
                assert_eq!(till.available(&buyer).await, before);
            }
        }
        assert_eq!(till.available(&buyer).await, "100.00");
        till.close().await;
    }

    async fn a_page_is_the_same_for_as_long_as_stripe_knows_its_key_and_then_another(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        till.deafen();
        till.fault("/v1/checkout/sessions", Phase::After, 3);
        let early = till.begin(&buyer, "50", "k1").await;
        assert_eq!(early["state"], "CREATED");
        till.work_after(23 * 3_600).await;
        let pages = till.there("/v1/checkout/sessions").await;
        assert_eq!((pages.len(), session(&till.read(&buyer, &early).await)), (1, pages[0].clone()));
        till.listen();
        till.double.complete_checkout(&pages[0]).unwrap();
        till.hear().await;
        assert_eq!(till.read(&buyer, &early).await["state"], "PAID");
        // Nobody asks for longer than Stripe keeps the key: by then the first page is over, and another is made.
        till.deafen();
        till.fault("/v1/checkout/sessions", Phase::After, 3);
        let late = till.begin(&buyer, "30", "k2").await;
        till.work_after(86_400).await;
        let pages = till.there("/v1/checkout/sessions").await;
        let now = till.read(&buyer, &late).await;
        assert_eq!((pages.len(), &now["state"], session(&now)), (3, &json!("OPEN"), pages[2].clone()));
        till.listen();
        till.double.resend_event(&till.told("checkout.session.expired", &pages[1])).unwrap();
        till.hear().await;
        assert_eq!(till.read(&buyer, &late).await, now, "what becomes of a page that nobody saw is nobody's business");
        till.double.complete_checkout(&pages[2]).unwrap();
        till.hear().await;
        assert_eq!((till.read(&buyer, &late).await["state"].clone(), till.available(&buyer).await), (json!("PAID"), "80.00".to_owned()));
        till.close().await;
    }

    async fn a_receipt_is_for_those_who_may_see_the_top_up_once_it_is_paid(x: Exchange) {
        let till = Till::open(x).await;
        let (buyer, other, operator) = (till.x.organization("B <1>").await, till.x.organization("Other").await, till.x.operator().await);
        let agent = till.x.member(buyer.org(), Role::Agent).await;
        let (paid, open) = (till.paid(&buyer, "50", "k1").await, till.begin(&buyer, "20", "k2").await);
        let people = [("buyer", &buyer), ("agent", &agent), ("other", &other), ("operator", &operator)];
        let url = till.x.listen(api::http::payments::routes, &people).await;
        let id = paid["id"].as_str().unwrap();
        let path = format!("/top-ups/{id}/receipt");
        assert_eq!(paid["receiptUrl"], format!("{}{path}", till.x.app.config.server.public_url));
        let (status, text) = get(&format!("{url}{path}"), Some("buyer")).await;
        let payment = till.there("/v1/payment_intents").await[0].clone();
        assert_eq!(status, 200, "{text}");
        for line in [format!("Top-up          {id}"), "Wallet of       B <1>".into(), "Paid            50.00 EUR".into(),
            "Paid on         2026-03-02 09:00 UTC".into(), format!("Payment         {payment}")] {
            assert!(text.lines().any(|found| found == line), "no {line} in {text}");
        }
        assert_eq!(get(&format!("{url}{path}"), Some("operator")).await, (200, text));
        assert_eq!(get(&format!("{url}{path}"), Some("other")).await.0, 404);
        assert_eq!(get(&format!("{url}{path}"), Some("agent")).await.0, 403);
        assert_eq!(get(&format!("{url}{path}"), None).await.0, 401);
        let unpaid = format!("{url}/top-ups/{}/receipt", open["id"].as_str().unwrap());
        assert_eq!((&open["receiptUrl"], get(&unpaid, Some("buyer")).await.0), (&Value::Null, 404));
        assert_eq!(get(&format!("{url}/top-ups/x/receipt"), Some("buyer")).await.0, 404);
        let head = reqwest::Client::new().get(format!("{url}{path}")).bearer_auth("buyer").send().await.unwrap();
        let header = |name: &str| head.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("content-type"), header("cache-control")), ("text/plain; charset=utf-8".into(), "private, no-store".into()));
        assert_eq!(header("content-disposition"), format!("attachment; filename=\"receipt-{id}.txt\""));
        till.close().await;
    }
}
