use serde_json::{Value, json};

use crate::harness::{START, double, get, id, onboarded, paid, post, text};

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn page_through_everything_once_in_both_directions() {
    let double = double().await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(id(&post(&double, "/v1/payment_intents", "amount=9&currency=usd").ok().await));
    }
    made.reverse();
    let (mut seen, mut path) = (Vec::new(), "/v1/payment_intents?limit=3".to_owned());
    loop {
        let page = get(&double, &path).ok().await;
        assert_eq!((&page["object"], &page["url"]), (&json!("list"), &json!("/v1/payment_intents")));
        seen.extend(ids(&page));
        if page["has_more"] == json!(false) {
            break;
        }
        path = format!("/v1/payment_intents?limit=3&starting_after={}", seen.last().unwrap());
    }
    assert_eq!(seen, made);
    let newer = get(&double, &format!("/v1/payment_intents?limit=2&ending_before={}", made[4])).ok().await;
    assert_eq!((ids(&newer), &newer["has_more"]), (made[2..4].to_vec(), &json!(true)));
    let newest = get(&double, &format!("/v1/payment_intents?limit=2&ending_before={}", made[2])).ok().await;
    assert_eq!((ids(&newest), &newest["has_more"]), (made[..2].to_vec(), &json!(false)));
}

#[tokio::test]
async fn limit_the_page_and_know_their_cursors() {
    let double = double().await;
    let status = async |query: &str| get(&double, &format!("/v1/events?{query}")).send().await.status;
    assert_eq!((status("limit=1").await, status("limit=100").await), (200, 200));
    assert_eq!((status("limit=0").await, status("limit=101").await), (400, 400));
    assert_eq!(get(&double, "/v1/events?starting_after=evt_none").send().await.refusal(), (400, "resource_missing"));
    let intent = id(&paid(&double, 5).await);
    assert_eq!(status(&format!("starting_after={intent}")).await, 400);
    let event = id(&get(&double, "/v1/events").ok().await["data"][0]);
    assert_eq!(status(&format!("starting_after={event}&ending_before={event}")).await, 400);
}

#[tokio::test]
async fn events_are_listed_by_type_time_and_account_for_thirty_days() {
    let double = double().await;
    paid(&double, 5).await;
    double.advance_clock(10);
    paid(&double, 5).await;
    let account = onboarded(&double).await;
    let count = async |query: &str| get(&double, &format!("/v1/events?{query}")).ok().await["data"].as_array().unwrap().len();
    assert_eq!(count("type=payment_intent.succeeded").await, 2);
    assert_eq!(count("type=payment_intent.*").await, 4);
    assert_eq!(count("types[0]=charge.succeeded&types[1]=payment_intent.created").await, 4);
    assert_eq!((count(&format!("created[gt]={START}")).await, count(&format!("created[gte]={START}")).await), (3, 6));
    assert_eq!((count(&format!("created[lt]={START}")).await, count(&format!("created[lte]={START}")).await), (0, 3));
    assert_eq!(count(&format!("created={}", START + 10)).await, 3);
    let own = get(&double, "/v1/events").account(&account).ok().await;
    assert_eq!(own["data"][0]["type"], "account.updated");
    let event = id(&own["data"][0]);
    assert_eq!(get(&double, &format!("/v1/events/{event}")).send().await.status, 404);
    assert_eq!(get(&double, &format!("/v1/events/{event}")).account(&account).ok().await, own["data"][0]);
    double.advance_clock(30 * 24 * 3600 - 5);
    assert_eq!(count("").await, 3);
}

#[tokio::test]
async fn balance_transactions_are_listed_by_source_type_and_owner() {
    let double = double().await;
    let charge = text(&paid(&double, 500).await, "latest_charge");
    let refund = post(&double, "/v1/refunds", &format!("charge={charge}&amount=200")).ok().await;
    let account = onboarded(&double).await;
    post(&double, "/v1/transfers", &format!("amount=300&currency=usd&destination={account}")).ok().await;
    let list = get(&double, "/v1/balance_transactions").ok().await;
    let seen: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|one| (text(one, "type"), one["net"].as_i64().unwrap())).collect();
    assert_eq!(seen, [("transfer".to_owned(), -300), ("refund".to_owned(), -200), ("charge".to_owned(), 500)]);
    let of_refund = get(&double, &format!("/v1/balance_transactions?source={}", id(&refund))).ok().await;
    assert_eq!(ids(&of_refund), [text(&refund, "balance_transaction")]);
    assert_eq!(ids(&get(&double, "/v1/balance_transactions?type=charge").ok().await).len(), 1);
    let own = get(&double, "/v1/balance_transactions").account(&account).ok().await;
    assert_eq!((&own["data"][0]["type"], &own["data"][0]["net"]), (&json!("payment"), &json!(300)));
    assert_eq!(get(&double, &format!("/v1/balance_transactions/{}", id(&own["data"][0]))).send().await.status, 404);
}

#[tokio::test]
async fn charges_are_listed_by_payment_intent_and_owner() {
    let double = double().await;
    let (first, second) = (paid(&double, 500).await, paid(&double, 600).await);
    let account = onboarded(&double).await;
    post(&double, "/v1/transfers", &format!("amount=300&currency=usd&destination={account}")).ok().await;
    let charges = get(&double, "/v1/charges").ok().await;
    assert_eq!(ids(&charges), [text(&second, "latest_charge"), text(&first, "latest_charge")]);
    let of_first = get(&double, &format!("/v1/charges?payment_intent={}", id(&first))).ok().await;
    assert_eq!(ids(&of_first), [text(&first, "latest_charge")]);
    let received = get(&double, "/v1/charges").account(&account).ok().await;
    assert_eq!(received["data"][0]["amount"], 300);
}
