//! `/v1/ping`, `/v1/post`, `/v1/leads` and their specification, as a system calls them that speaks no GraphQL.

use std::collections::BTreeSet;

use api::http::record::routes;
use domain::access::{Permission, Principal};
use reqwest::Client;
use serde_json::{Value, json};

use super::stand::{buyer, campaign, digest, ledger_holds};
use crate::harness::{Actor, get, on_each_backend};

/// Sends a record as JSON; answers the status and the answer.
pub async fn sent(url: &str, token: Option<&str>, record: &Value) -> (u16, Value) {
    let request = Client::new().post(url).json(record);
    let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// A ping of the lead that [`lead`] is.
pub fn ping() -> Value {
    json!({
        "vertical": "travel/tour", "exclusive_reserve": "5.00", "consent_kind": "TEXT",
        "digests": format!("{},{}", digest("+4791200001"), digest("kari.1@fjelltur.no")),
        "contact_kind": "INTERESTED", "interest": "CALLBACK", "source": "SEARCH_AD", "country": "NO", "city": "Bergen",
        "age": 41, "gender": "FEMALE", "language": "no", "destination_country": "Greece", "nights": 7, "adults": "2",
    })
}

/// The whole lead.
pub fn lead() -> Value {
    let mut lead = ping();
    let fields = lead.as_object_mut().unwrap();
    for field in ["digests", "consent_kind", "exclusive_reserve"] {
        fields.remove(field);
    }
    let person = json!({
        "name": "Kari Nordmann", "phone": "+4791200001", "email": "kari.1@fjelltur.no",
        "consent_text": "Yes, call me about tours that fit my answers.", "consent_page": "https://tours.example/form",
        "consent_at": "2026-03-02T09:00:00Z", "time_on_page_secs": 60, "typed_fields": 6, "honeypot_filled": false,
    });
    fields.extend(person.as_object().unwrap().clone());
    lead
}

on_each_backend! {
    async fn a_record_is_pinged_and_posted(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = x.listen(routes, &[("good", &seller)]).await;
        let (status, answer) = sent(&format!("{url}/v1/ping"), Some("good"), &ping()).await;
        assert_eq!((status, answer), (200, json!({ "status": "NO_OFFER" })));
        let (first, _) = buyer(&x, "First", 10_000, campaign(None, Some("20"), json!({}))).await;
        buyer(&x, "Second", 10_000, campaign(None, Some("12"), json!({}))).await;
        let (status, offer) = sent(&format!("{url}/v1/ping"), Some("good"), &ping()).await;
        assert_eq!((status, &offer["status"]), (200, &json!("OFFER")), "{offer:#}");
        assert_eq!((&offer["net"], &offer["gross"], &offer["currency"], &offer["copies"]), (&json!("10.80"), &json!("12.00"), &json!("EUR"), &json!(1)));
        // A form says the same.
        let form: Vec<(String, String)> = ping().as_object().unwrap().iter()
            .map(|(key, value)| (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect();
        let again = Client::new().post(format!("{url}/v1/ping")).bearer_auth("good").header("content-type", "application/x-www-form-urlencoded")
            .body(reqwest::Url::parse_with_params("http://form", &form).unwrap().query().unwrap().to_owned()).send().await.unwrap();
        assert_eq!(again.json::<Value>().await.unwrap(), offer);
        let mut record = lead();
        record["offer_id"] = offer["offer_id"].clone();
        let (status, posted) = sent(&format!("{url}/v1/post"), Some("good"), &record).await;
        assert_eq!((status, &posted["status"], &posted["lead_state"]), (200, &json!("SOLD"), &json!("VERIFIED")), "{posted:#}");
        assert_eq!((&posted["sales"][0]["price"], &posted["sales"][0]["net"]), (&json!("12.00"), &json!("10.80")));
        assert_eq!(crate::offers::stand::wallet(&x, &first).await, ("88.00".into(), "0.00".into()));
        assert_eq!(sent(&format!("{url}/v1/post"), Some("good"), &record).await, (200, posted));
        ledger_holds(&x).await;
    }

    async fn what_is_wrong_is_named_by_its_field(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let viewer = x.member(seller.org(), domain::access::Role::Viewer).await;
        let url = x.listen(routes, &[("good", &seller), ("viewer", &viewer)]).await;
        let (ping_url, post_url) = (format!("{url}/v1/ping"), format!("{url}/v1/post"));
        let refused = async |url: &str, change: Value| {
            let mut record = if url.ends_with("ping") { ping() } else { lead() };
            record.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let (status, answer) = sent(url, Some("good"), &record).await;
            let errors = answer["errors"].as_array().unwrap_or(&Vec::new()).clone();
            let field = |error: &Value| format!("{} {}", error["code"].as_str().unwrap(), error["field"].as_str().unwrap_or("-"));
            (status, errors.iter().map(field).collect::<Vec<_>>())
        };
        let one = |text: &str| (422, vec![text.to_owned()]);
        assert_eq!(refused(&ping_url, json!({ "phone": "+4791200001" })).await, one("INVALID phone"));
        assert_eq!(refused(&ping_url, json!({ "nights": "many" })).await, one("INVALID nights"));
        assert_eq!(refused(&ping_url, json!({ "digests": "+4791200001" })).await, one("INVALID digests"));
        assert_eq!(refused(&ping_url, json!({ "exclusive_reserve": "much" })).await, one("INVALID exclusive_reserve"));
        assert_eq!(refused(&ping_url, json!({ "exclusive_reserve": "" })).await, one("REQUIRED exclusive_reserve"));
        assert_eq!(refused(&ping_url, json!({ "country": "" })).await, one("REQUIRED country"));
        assert_eq!(refused(&ping_url, json!({ "city": { "name": "Bergen" } })).await, one("INVALID city"));
        assert_eq!(refused(&post_url, json!({ "offer_id": "ofr_1" })).await, one("NOT_FOUND offer_id"));
        assert_eq!(refused(&post_url, json!({})).await, one("REQUIRED exclusive_reserve"));
        assert_eq!(sent(&ping_url, None, &ping()).await.0, 401);
        assert_eq!(sent(&ping_url, Some("viewer"), &ping()).await.0, 403);
        let plain = Client::new().post(&ping_url).bearer_auth("good").body("country=NO").send().await.unwrap();
        assert_eq!(plain.status().as_u16(), 415);
        let long = Client::new().post(&ping_url).bearer_auth("good").json(&json!({ "city": "x".repeat(70_000) })).send().await.unwrap();
        assert_eq!(long.status().as_u16(), 413);
        assert_eq!(x.count("lead").await, 0);
    }

    async fn a_record_becomes_a_lead_of_the_stock_once(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (organization, scopes) = (seller.org(), BTreeSet::from([Permission::LeadsWrite]));
        let key = Principal::Key { key: x.app.store.id(), organization, scopes: scopes.clone() };
        let tried = Principal::TestKey { key: x.app.store.id(), organization, scopes };
        let [key, tried] = [key, tried].map(|principal| Actor { principal, ..seller.clone() });
        let viewer = x.member(seller.org(), domain::access::Role::Viewer).await;
        let url = format!("{}/v1/leads", x.listen(routes, &[("good", &key), ("try", &tried), ("viewer", &viewer)]).await);
        // A test key's record is looked at as any other, and not kept.
        assert_eq!(sent(&url, Some("try"), &lead()).await, (200, json!({ "status": "ACCEPTED", "test": true })));
        let mut wrong = lead();
        wrong["nights"] = json!("many");
        for token in ["good", "try"] {
            let (status, answer) = sent(&url, Some(token), &wrong).await;
            assert_eq!((status, &answer["errors"][0]["field"], &answer["errors"][0]["code"]), (422, &json!("nights"), &json!("INVALID")));
        }
        assert_eq!(x.count("lead").await, 0);
        let (status, first) = sent(&url, Some("good"), &lead()).await;
        assert_eq!((status, &first["status"], &first["lead_state"], &first["repeated"]), (200, &json!("ACCEPTED"), &json!("VERIFIED"), &json!(false)), "{first:#}");
        // The same record within a minute is the same lead; later it was brought before.
        x.clock.advance_secs(59);
        let (status, again) = sent(&url, Some("good"), &lead()).await;
        assert_eq!((status, &again["lead_id"], &again["repeated"]), (200, &first["lead_id"], &json!(true)));
        x.clock.advance_secs(2);
        let (status, late) = sent(&url, Some("good"), &lead()).await;
        assert_eq!((status, &late["errors"][0]["code"]), (422, &json!("TAKEN")), "{late:#}");
        assert_eq!(x.count("lead").await, 1);
        // A stock has no reserves.
        let mut sale = lead();
        sale["exclusive_reserve"] = json!("5.00");
        let (status, answer) = sent(&url, Some("good"), &sale).await;
        assert_eq!((status, &answer["errors"][0]["field"]), (422, &json!("exclusive_reserve")));
        assert_eq!(sent(&url, Some("viewer"), &lead()).await.0, 403);
        assert_eq!(sent(&url, None, &lead()).await.0, 401);
        // A person who does not exist is kept as rejected, with the check that said so.
        let mut bot = lead();
        bot["honeypot_filled"] = json!(true);
        bot["phone"] = json!("+4791200002");
        bot["email"] = json!("kari.2@fjelltur.no");
        let (status, rejected) = sent(&url, Some("good"), &bot).await;
        assert_eq!((status, &rejected["status"], &rejected["lead_state"]), (200, &json!("REJECTED"), &json!("REJECTED")), "{rejected:#}");
        assert!(rejected["rejected_by"].is_string());
    }

    async fn the_specification_fits_what_is_sent(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency <of> Bergen").await;
        let url = x.listen(routes, &[("good", &seller)]).await;
        let (status, text) = get(&format!("{url}/v1/spec/travel/tour?of=ping&format=schema"), None).await;
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &schema["properties"]["vertical"]["const"]), (200, &json!("travel/tour")));
        // Every field of a record that is taken stands in the schema, and those that it must have stand in the record.
        for (record, of) in [(ping(), "ping"), (lead(), "post"), (lead(), "leads")] {
            let text = get(&format!("{url}/v1/spec/travel/tour?of={of}&format=schema"), None).await.1;
            let schema: Value = serde_json::from_str(&text).unwrap();
            for field in record.as_object().unwrap().keys() {
                assert!(schema["properties"][field].is_object(), "{of} {field}");
            }
            for field in schema["required"].as_array().unwrap() {
                assert!(record.get(field.as_str().unwrap()).is_some(), "{of} {field}");
            }
        }
        let (status, page) = get(&format!("{url}/v1/spec/travel/tour"), Some("good")).await;
        assert_eq!(status, 200);
        assert!(page.contains("Agency &lt;of&gt; Bergen") && page.contains("<code>nights</code>") && page.contains("/v1/post") && page.contains("/v1/leads"));
        let headers = reqwest::get(format!("{url}/v1/spec/travel/tour")).await.unwrap().headers().clone();
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        assert_eq!(get(&format!("{url}/v1/spec/travel/nowhere"), None).await.0, 404);
        assert_eq!(get(&format!("{url}/v1/spec/travel"), None).await.0, 404);
    }
}
