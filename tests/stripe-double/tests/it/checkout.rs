use serde_json::{Value, json};
use stripe_double::{PaymentBehavior, StripeDouble};

use crate::harness::{START, call, double, event_types, get, id, platform, post, text};

const ITEMS: &str = "mode=payment&success_url=https://example.com/ok?session={CHECKOUT_SESSION_ID}&cancel_url=https://example.com/no\
    &line_items[0][quantity]=2&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=1500\
    &line_items[0][price_data][product_data][name]=Top-up";

async fn open(double: &StripeDouble, more: &str) -> Value {
    post(double, "/v1/checkout/sessions", &format!("{ITEMS}{more}")).ok().await
}

fn path(object: &Value, double: &StripeDouble) -> String {
    text(object, "url").strip_prefix(double.url.as_str()).unwrap().to_owned()
}

#[tokio::test]
async fn opens_a_session_without_a_payment_intent() {
    let double = double().await;
    let session = open(&double, "&client_reference_id=wallet_1&metadata[tenant]=7&customer_email=a@example.com").await;
    assert_eq!((&session["status"], &session["payment_status"]), (&json!("open"), &json!("unpaid")));
    assert_eq!((&session["amount_total"], &session["currency"]), (&json!(3_000), &json!("usd")));
    assert_eq!((&session["payment_intent"], &session["client_reference_id"]), (&json!(null), &json!("wallet_1")));
    assert_eq!(session["expires_at"], START + 24 * 3600);
    assert!(session.get("line_items").is_none());
    let with_items = get(&double, &format!("/v1/checkout/sessions/{}?expand[]=line_items", id(&session))).ok().await;
    assert_eq!(with_items["line_items"]["data"][0]["amount_total"], 3_000);
    assert_eq!(get(&double, &format!("/v1/checkout/sessions/{}", id(&session))).ok().await, session);
}

#[tokio::test]
async fn completes_once_with_card_and_customer_kept() {
    let double = double().await;
    let session =
        open(&double, "&payment_intent_data[setup_future_usage]=off_session&payment_intent_data[metadata][tenant]=7").await;
    let paid = double.complete_checkout(&id(&session)).unwrap();
    assert_eq!((&paid["status"], &paid["payment_status"], &paid["url"]), (&json!("complete"), &json!("paid"), &json!(null)));
    let intent = get(&double, &format!("/v1/payment_intents/{}", text(&paid, "payment_intent"))).ok().await;
    assert_eq!((&intent["status"], &intent["metadata"]["tenant"]), (&json!("succeeded"), &json!("7")));
    assert_eq!(intent["setup_future_usage"], "off_session");
    let cards = get(&double, &format!("/v1/customers/{}/payment_methods", text(&paid, "customer"))).ok().await;
    assert_eq!(cards["data"][0]["id"], intent["payment_method"]);
    assert_eq!(platform(&double), 3_000);
    assert_eq!(
        event_types(&double).await,
        [
            "customer.created",
            "payment_intent.created",
            "payment_method.attached",
            "charge.succeeded",
            "payment_intent.succeeded",
            "checkout.session.completed"
        ]
    );
    assert!(double.complete_checkout(&id(&session)).is_err());
    assert_eq!(post(&double, &format!("/v1/checkout/sessions/{}/expire", id(&session)), "").send().await.status, 400);
    assert_eq!(platform(&double), 3_000);
    double.check().unwrap();
}

#[tokio::test]
async fn stays_open_after_a_declined_card() {
    let double = double().await;
    let customer = id(&post(&double, "/v1/customers", "email=a@example.com").ok().await);
    let session = open(&double, &format!("&customer={customer}")).await;
    let declined =
        double.pay_checkout(&id(&session), PaymentBehavior::Declined { decline_code: "generic_decline".to_owned() }).unwrap();
    assert_eq!((&declined["status"], &declined["payment_status"]), (&json!("open"), &json!("unpaid")));
    let paid = double.complete_checkout(&id(&session)).unwrap();
    assert_eq!((&paid["payment_intent"], &paid["customer"]), (&declined["payment_intent"], &json!(customer)));
    assert_eq!(paid["customer_details"]["email"], "a@example.com");
    assert_eq!(platform(&double), 3_000);
}

#[tokio::test]
async fn completes_after_authentication() {
    let double = double().await;
    let session = open(&double, "").await;
    let waiting = double.pay_checkout(&id(&session), PaymentBehavior::RequiresAuthentication).unwrap();
    assert_eq!(waiting["status"], "open");
    double.complete_authentication(&text(&waiting, "payment_intent"), true).unwrap();
    assert_eq!(get(&double, &format!("/v1/checkout/sessions/{}", id(&session))).ok().await["status"], "complete");
    assert_eq!(event_types(&double).await.last().unwrap(), "checkout.session.completed");
}

#[tokio::test]
async fn completes_unpaid_when_the_bank_answers_later_and_tells_what_it_answered() {
    for (succeeds, status, last) in [(true, "paid", "succeeded"), (false, "unpaid", "failed")] {
        let double = double().await;
        let session = open(&double, "").await;
        let done = double.pay_checkout(&id(&session), PaymentBehavior::Delayed).unwrap();
        assert_eq!((&done["status"], &done["payment_status"]), (&json!("complete"), &json!("unpaid")));
        let intent = text(&done, "payment_intent");
        assert_eq!(get(&double, &format!("/v1/payment_intents/{intent}")).ok().await["status"], "processing");
        assert_eq!(event_types(&double).await[1..], ["payment_intent.processing", "checkout.session.completed"]);
        assert_eq!(post(&double, &format!("/v1/payment_intents/{intent}/cancel"), "").send().await.status, 400);
        assert_eq!(platform(&double), 0);
        double.settle_payment(&intent, succeeds).unwrap();
        assert!(double.settle_payment(&intent, succeeds).is_err());
        let session = get(&double, &format!("/v1/checkout/sessions/{}", id(&session))).ok().await;
        assert_eq!((&session["status"], &session["payment_status"]), (&json!("complete"), &json!(status)));
        assert_eq!(event_types(&double).await.last().unwrap(), &format!("checkout.session.async_payment_{last}"));
        assert_eq!(platform(&double), if succeeds { 3_000 } else { 0 });
        double.check().unwrap();
    }
}

#[tokio::test]
async fn expires_on_demand_when_abandoned_and_by_the_clock() {
    let double = double().await;
    let (first, second, third) = (open(&double, "").await, open(&double, "").await, open(&double, "").await);
    let expired = post(&double, &format!("/v1/checkout/sessions/{}/expire", id(&first)), "").ok().await;
    assert_eq!((&expired["status"], &expired["url"]), (&json!("expired"), &json!(null)));
    assert_eq!(double.abandon_checkout(&id(&second)).unwrap()["status"], "expired");
    let status = async || text(&get(&double, &format!("/v1/checkout/sessions/{}", id(&third))).ok().await, "status");
    double.advance_clock(24 * 3600 - 1);
    assert_eq!(status().await, "open");
    double.advance_clock(1);
    assert_eq!(status().await, "expired");
    assert_eq!(event_types(&double).await, ["checkout.session.expired"; 3]);
    assert!(double.complete_checkout(&id(&third)).is_err());
}

#[tokio::test]
async fn alone_decides_about_its_payment_intent_and_cancels_it_in_the_end() {
    let double = double().await;
    let session = open(&double, "").await;
    let waiting = double.pay_checkout(&id(&session), PaymentBehavior::RequiresAuthentication).unwrap();
    let intent = text(&waiting, "payment_intent");
    for (verb, form) in [("cancel", ""), ("confirm", "payment_method=pm_card_visa")] {
        let reply = post(&double, &format!("/v1/payment_intents/{intent}/{verb}"), form).send().await;
        assert_eq!(reply.refusal(), (400, "payment_intent_unexpected_state"), "{verb}");
    }
    double.abandon_checkout(&id(&session)).unwrap();
    let canceled = get(&double, &format!("/v1/payment_intents/{intent}")).ok().await;
    assert_eq!((&canceled["status"], &canceled["cancellation_reason"]), (&json!("canceled"), &json!("automatic")));
    assert!(double.complete_authentication(&intent, true).is_err());
    assert_eq!(platform(&double), 0);
}

#[tokio::test]
async fn refuses_what_cannot_be_opened() {
    let double = double().await;
    let refused = async |form: &str| post(&double, "/v1/checkout/sessions", form).send().await.status;
    assert_eq!(refused("mode=subscription&success_url=https://example.com").await, 400);
    assert_eq!(refused("mode=payment&success_url=https://example.com").await, 400);
    assert_eq!(refused(&ITEMS.replace("quantity]=2", "quantity]=0")).await, 400);
    assert_eq!(refused(&ITEMS.replace("unit_amount]=1500", "unit_amount]=0")).await, 400);
    assert_eq!(refused(&ITEMS.replace("unit_amount]=1500", "unit_amount]=99999999")).await, 400);
    assert_eq!(refused(&format!("{ITEMS}&expires_at={}", START + 1799)).await, 400);
    assert_eq!(refused(&format!("{ITEMS}&expires_at={}", START + 24 * 3600 + 1)).await, 400);
    assert_eq!(refused(&format!("{ITEMS}&payment_intent_data[setup_future_usage]=sometimes")).await, 400);
    assert_eq!(refused(&format!("{ITEMS}&customer=cus_none")).await, 400);
    assert_eq!(get(&double, "/v1/checkout/sessions").ok().await["data"], json!([]));
}

#[tokio::test]
async fn a_person_pays_on_its_page() {
    let double = double().await;
    let session = open(&double, "").await;
    let page = call(&double, "GET", &path(&session, &double), "").send().await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("not Stripe") && page.text.contains("2 × Top-up") && page.text.contains("https://example.com/no"));
    let declined = call(&double, "POST", &path(&session, &double), "action=decline").send().await;
    assert_eq!((declined.status, platform(&double)), (200, 0));
    let paid = call(&double, "POST", &path(&session, &double), "action=pay").send().await;
    assert_eq!(
        (paid.status, paid.header("location")),
        (303, Some(format!("https://example.com/ok?session={}", id(&session)).as_str()))
    );
    assert_eq!(platform(&double), 3_000);
}

#[tokio::test]
async fn a_person_authenticates_on_the_banks_page() {
    let double = double().await;
    let session = open(&double, "").await;
    let sent = call(&double, "POST", &path(&session, &double), "action=authenticate").send().await;
    let bank = sent.header("location").unwrap().strip_prefix(double.url.as_str()).unwrap().to_owned();
    assert_eq!(call(&double, "GET", &bank, "").send().await.status, 200);
    let done = call(&double, "POST", &bank, "action=succeed").send().await;
    assert_eq!((done.status, platform(&double)), (303, 3_000));
    assert_eq!(done.header("location"), Some(format!("https://example.com/ok?session={}", id(&session)).as_str()));
}

#[tokio::test]
async fn its_page_escapes_what_it_shows() {
    let double = double().await;
    let form = ITEMS.replace("name]=Top-up", "name]=<script>alert(1)</script>");
    let session = post(&double, "/v1/checkout/sessions", &form).ok().await;
    let page = call(&double, "GET", &path(&session, &double), "").send().await;
    assert!(page.text.contains("&lt;script&gt;") && !page.text.contains("<script>"), "{}", page.text);
}
