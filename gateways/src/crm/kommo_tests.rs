use super::*;
use crate::crm::testing::{accepted, header, is_broken, is_rejected, json as body, lead, outcome, render, request, retry};
use crate::crm::{Destination, Kind, Lead, Policy, Secrets};

fn kind() -> Kind {
    Kind::Kommo(Kommo {
        account_url: "https://acme.kommo.com".into(),
        pipeline_id: Some(11),
        status_id: Some(22),
        responsible_user_id: None,
        tags: vec!["bought".into()],
    })
}

fn token() -> Secrets {
    Secrets::new().with("access_token", "long-lived")
}

#[test]
fn one_call_makes_lead_and_contact() {
    let request = request(kind(), &token(), &Stage::First);
    assert_eq!(request.url.expose(), "https://acme.kommo.com/api/v4/leads/complex");
    assert_eq!(header(&request, "authorization").unwrap(), "Bearer long-lived");
    let contact = json!({
        "first_name": "Erika", "last_name": "Mustermann",
        "custom_fields_values": [
            { "field_code": "PHONE", "values": [{ "value": "+12025550143", "enum_code": "WORK" }] },
            { "field_code": "EMAIL", "values": [{ "value": "erika@example.com", "enum_code": "WORK" }] }
        ]
    });
    let expected = json!([{
        "name": "auto/used: Erika Mustermann", "pipeline_id": 11, "status_id": 22, "created_at": 1_800_000_060, "request_id": "dlv-1",
        "_embedded": { "contacts": [contact], "tags": [{ "name": "bought" }] }
    }]);
    assert_eq!(body(&request), expected);
}

#[test]
fn prices_are_whole_and_custom_fields_go_by_number() {
    let mapping = Mapping::of(&[
        ("lead.name", Core::Title),
        ("lead.price", Core::Price),
        ("lead.901", Core::City),
        ("contact.902", Core::Language),
    ]);
    let destination = Destination { mapping: Some(mapping), ..kind().into() };
    assert!(destination.check(&Policy::default()).is_empty());
    let made = body(&request(destination.clone(), &token(), &Stage::First));
    assert_eq!(made[0]["price"], 25);
    assert_eq!(made[0]["custom_fields_values"], json!([{ "field_id": 901, "values": [{ "value": "Berlin" }] }]));
    assert_eq!(
        made[0]["_embedded"]["contacts"][0]["custom_fields_values"],
        json!([{ "field_id": 902, "values": [{ "value": "de" }] }])
    );
    let price = Some(crate::crm::Price { amount: "-3".into(), currency: "EUR".into() });
    let refused = render(&destination, &token(), &Lead { price, ..lead() }, &Stage::First).unwrap_err();
    assert_eq!(refused, RenderError::BadValue { field: "lead.price".into(), expected: "a number of 0 or more" });
}

#[test]
fn answers() {
    let of = |status, body: &str| outcome(&kind(), status, body);
    assert_eq!(
        of(200, r#"[{"id":9774766,"contact_id":12117258,"company_id":null,"request_id":["dlv-1"],"merged":false}]"#),
        accepted("9774766")
    );
    assert_eq!(of(200, r#"[{"id":9774766,"contact_id":12117258,"request_id":["dlv-1"],"merged":true}]"#), Outcome::Duplicate);
    let invalid = r#"{"validation-errors":[{"request_id":"0","errors":[{"code":"NotSupportedChoice","path":"status_id","detail":"The value is not valid."}]}],
        "title":"Bad Request","status":400,"detail":"Request validation failed"}"#;
    assert!(is_rejected(&of(400, invalid), "status_id: The value is not valid."));
    assert!(is_broken(&of(401, r#"{"title":"Unauthorized","status":401,"detail":"Bad token"}"#), "Bad token"));
    assert!(is_broken(&of(402, r#"{"title":"Payment Required"}"#), "Payment Required"));
    assert!(is_broken(&of(403, "<html>blocked</html>"), "403"));
    assert!(is_broken(&of(200, "<html>"), "names no lead"));
    assert_eq!(of(429, "Too many requests"), retry(1));
    assert_eq!(of(504, ""), Outcome::Retry { after: None });
}

#[test]
fn settings_are_checked() {
    let Kind::Kommo(kommo) = kind() else { unreachable!() };
    let bad = Kommo { account_url: "https://acme.example".into(), tags: vec!["a\nb".into()], ..kommo };
    let mapping =
        Mapping::of(&[("lead.name", Core::Title), ("lead.color", Core::City), ("company.1", Core::City), ("name", Core::City)]);
    let destination = Destination { mapping: Some(mapping), ..Kind::Kommo(bad).into() };
    let paths: Vec<_> = destination.check(&Policy::default()).into_iter().map(|p| p.path).collect();
    assert_eq!(paths, ["account_url", "tags.0", "mapping.1.field", "mapping.2.field", "mapping.3.field"]);
}
