use super::*;
use crate::crm::testing::{accepted, header, is_broken, is_rejected, json, lead, outcome, render, request, retry};
use crate::crm::{Destination, Kind, Lead, Policy};
use serde_json::json;

fn kind(platform: Platform, header: Option<&str>) -> Kind {
    Kind::Hook(Hook { platform, header: header.map(Into::into), attributes: true })
}

fn url(url: &str) -> Secrets {
    Secrets::new().with("url", url)
}

#[test]
fn the_body_is_flat_with_stable_keys() {
    let request = request(kind(Platform::Zapier, None), &url("https://hooks.zapier.com/hooks/catch/1/abcd/"), &Stage::First);
    assert_eq!(
        (request.url.expose().as_str(), request.url.shown().as_str()),
        ("https://hooks.zapier.com/hooks/catch/1/abcd/", "***")
    );
    let expected = json!({
        "lead_id": "lead_sample", "trade_id": "trade_sample", "idempotency_key": "dlv-1", "test": false, "vertical": "auto/used",
        "first_name": "Erika", "last_name": "Mustermann", "full_name": "Erika Mustermann", "phone": "+12025550143",
        "email": "erika@example.com", "country": "DE", "region": "Berlin", "city": "Berlin", "postal_code": "10115", "language": "de",
        "price": "25.00", "currency": "EUR", "submitted_at": "2027-01-15T08:00:00Z", "bought_at": "2027-01-15T08:01:00Z",
        "link": "https://exchange.example/leads/lead_sample", "summary": "Year: 2021\nMake: Volkswagen\nModel: Golf",
        "attribute_year": "2021", "attribute_make": "Volkswagen", "attribute_model": "Golf"
    });
    assert_eq!(json(&request), expected);
}

#[test]
fn absent_values_keep_their_keys() {
    let lead = Lead { phones: vec![], price: None, link: None, test: true, ..lead() };
    let Step::Http(request) =
        render(&kind(Platform::Other, None).into(), &url("https://any.example/"), &lead, &Stage::First).unwrap()
    else {
        unreachable!()
    };
    let body = json(&request);
    assert_eq!(
        (&body["phone"], &body["price"], &body["link"], &body["test"]),
        (&Value::Null, &Value::Null, &Value::Null, &Value::Bool(true))
    );
}

#[test]
fn a_header_can_carry_a_key() {
    let secrets = url("https://hook.eu1.make.com/abc").with("header_value", "k3y");
    let request = request(kind(Platform::Make, Some("X-Make-ApiKey")), &secrets, &Stage::First);
    assert_eq!(header(&request, "x-make-apikey").unwrap(), "k3y");
    assert!(!format!("{:?}", request.shown()).contains("k3y"));
    let broken = url("https://any.example").with("header_value", "a\r\nb: c");
    let refused = render(&kind(Platform::Make, Some("X-Make-ApiKey")).into(), &broken, &lead(), &Stage::First).unwrap_err();
    assert_eq!(refused, RenderError::BadHeader { path: "headers.x-make-apikey".into() });
}

#[test]
fn answers() {
    let of = |status, body: &str| outcome(&kind(Platform::Zapier, None), status, body);
    assert_eq!(of(200, r#"{"attempt":"1","id":"0190-a","request_id":"0190-a","status":"success"}"#), accepted("0190-a"));
    assert_eq!(of(200, "Accepted"), Outcome::Accepted { external_id: None });
    assert_eq!(of(410, ""), Outcome::Unsubscribed);
    assert_eq!(of(400, "Queue is full."), retry(60));
    assert!(is_rejected(&of(400, r#"{"message":"bad json"}"#), "bad json"));
    assert!(is_broken(&of(404, r#"{"code":404,"message":"The requested webhook is not registered."}"#), "not registered"));
    assert!(is_broken(&of(401, ""), "401"));
    assert_eq!(of(429, ""), Outcome::Retry { after: None });
    assert_eq!(of(500, "oops"), Outcome::Retry { after: None });
    assert!(!Destination::from(kind(Platform::Make, None)).confirms());
}

#[test]
fn the_address_belongs_to_the_platform() {
    let paths = |platform, address: &str| {
        let problems = Destination::from(kind(platform, None)).check_secrets(&url(address), &Policy::default());
        assert!(!format!("{problems:?}").contains("catch/1"));
        problems.len()
    };
    assert_eq!(paths(Platform::Zapier, "https://hooks.zapier.com/hooks/catch/1/a"), 0);
    assert_eq!(paths(Platform::Zapier, "https://hooks.zapier.com.evil.example/hooks/catch/1/a"), 1);
    assert_eq!(paths(Platform::Make, "https://hook.eu1.make.com/a"), 0);
    assert_eq!(paths(Platform::N8n, "https://n8n.acme.example/webhook/a"), 0);
    assert_eq!(paths(Platform::N8n, "https://n8n.acme.example/webhook-test/a"), 1);
    assert_eq!(paths(Platform::Other, "http://any.example/"), 1);
    assert_eq!(Destination::from(kind(Platform::Other, Some("Host"))).check(&Policy::default())[0].path, "header");
}
