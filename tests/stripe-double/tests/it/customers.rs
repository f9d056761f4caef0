use serde_json::json;
use stripe_double::PaymentBehavior;

use crate::harness::{double, event_types, get, id, post, text};

#[tokio::test]
async fn are_created_retrieved_and_updated() {
    let double = double().await;
    let form = "email=a@example.com&name=Ada&metadata[tenant]=7&address[city]=London&address[line1]=1%20Road";
    let customer = post(&double, "/v1/customers", form).ok().await;
    assert_eq!((customer["email"].as_str(), customer["name"].as_str()), (Some("a@example.com"), Some("Ada")));
    assert_eq!(customer["metadata"], json!({ "tenant": "7" }));
    assert_eq!(customer["address"]["city"], "London");
    assert_eq!(customer["address"]["state"], json!(null));
    let path = format!("/v1/customers/{}", id(&customer));
    assert_eq!(get(&double, &path).ok().await, customer);

    let updated = post(&double, &path, "name=&metadata[tenant]=&metadata[plan]=pro").ok().await;
    assert_eq!((&updated["name"], &updated["email"]), (&json!(null), &json!("a@example.com")));
    assert_eq!(updated["metadata"], json!({ "plan": "pro" }));
    assert_eq!(get(&double, &path).ok().await, updated);
    assert_eq!(event_types(&double).await, ["customer.created", "customer.updated"]);
}

#[tokio::test]
async fn keep_payment_methods_that_others_cannot_use() {
    let double = double().await;
    let (mine, other) = (id(&post(&double, "/v1/customers", "").ok().await), id(&post(&double, "/v1/customers", "").ok().await));
    let card = text(&double.create_payment_method(Some(&mine), PaymentBehavior::Succeeds).unwrap(), "id");
    let list = get(&double, &format!("/v1/customers/{mine}/payment_methods?type=card")).ok().await;
    assert_eq!(list["data"][0]["id"], card.as_str());
    assert_eq!(get(&double, &format!("/v1/customers/{other}/payment_methods")).ok().await["data"], json!([]));
    assert_eq!(get(&double, &format!("/v1/customers/{mine}/payment_methods/{card}")).ok().await["id"], card.as_str());
    assert_eq!(get(&double, &format!("/v1/customers/{other}/payment_methods/{card}")).send().await.status, 404);

    let default = format!("invoice_settings[default_payment_method]={card}");
    let updated = post(&double, &format!("/v1/customers/{mine}"), &default).ok().await;
    assert_eq!(updated["invoice_settings"]["default_payment_method"], card.as_str());
    assert_eq!(
        post(&double, &format!("/v1/customers/{other}"), &default).send().await.refusal(),
        (400, "payment_method_unexpected_state")
    );
    let pay = format!("amount=5&currency=usd&customer={other}&payment_method={card}&confirm=true");
    assert_eq!(post(&double, "/v1/payment_intents", &pay).send().await.refusal(), (400, "payment_method_unexpected_state"));
}

#[tokio::test]
async fn attach_and_detach_cards() {
    let double = double().await;
    let customer = id(&post(&double, "/v1/customers", "").ok().await);
    let card = id(&post(&double, "/v1/payment_methods", "type=card&card[token]=tok_visa").ok().await);
    let attach = format!("customer={customer}");
    let attached = post(&double, &format!("/v1/payment_methods/{card}/attach"), &attach).ok().await;
    assert_eq!(attached["customer"], customer.as_str());
    let detached = post(&double, &format!("/v1/payment_methods/{card}/detach"), "").ok().await;
    assert_eq!(detached["customer"], json!(null));
    assert_eq!(
        post(&double, &format!("/v1/payment_methods/{card}/attach"), &attach).send().await.refusal(),
        (400, "payment_method_unexpected_state")
    );
    assert_eq!(get(&double, &format!("/v1/payment_methods/{card}")).ok().await, detached);
    assert_eq!(event_types(&double).await, ["customer.created", "payment_method.attached", "payment_method.detached"]);
}
