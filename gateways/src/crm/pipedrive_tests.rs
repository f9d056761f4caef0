use super::*;
use crate::crm::testing::{accepted, header, is_broken, is_rejected, json as body, lead, next, outcome, render, request, retry};
use crate::crm::{Destination, Kind, Policy, Secrets, Source};

fn kind(version: Version) -> Kind {
    Kind::Pipedrive(Pipedrive { domain: "acme".into(), version, owner_id: Some(5), label_ids: vec!["f08b42a0-4e75-11ea".into()] })
}

fn token() -> Secrets {
    Secrets::new().with("api_token", "tok-123")
}

const LEAD: Stage = Stage::PipedriveLead { person_id: 1092 };

#[test]
fn the_person_comes_first() {
    let second = request(kind(Version::V2), &token(), &Stage::First);
    assert_eq!(second.url.expose(), "https://acme.pipedrive.com/api/v2/persons");
    assert_eq!(header(&second, "x-api-token").unwrap(), "tok-123");
    assert_eq!(header(&second, "idempotency-key").unwrap(), "dlv-1");
    let expected = json!({
        "name": "Erika Mustermann",
        "emails": [{ "value": "erika@example.com", "primary": true, "label": "work" }],
        "phones": [{ "value": "+12025550143", "primary": true, "label": "work" }],
        "owner_id": 5
    });
    assert_eq!(body(&second), expected);
    let first = request(kind(Version::V1), &token(), &Stage::First);
    assert_eq!(first.url.expose(), "https://acme.pipedrive.com/v1/persons");
    assert_eq!((&body(&first)["email"], &body(&first)["phone"]), (&expected["emails"], &expected["phones"]));
}

#[test]
fn the_lead_points_to_the_person() {
    let request = request(kind(Version::V2), &token(), &LEAD);
    assert_eq!(request.url.expose(), "https://acme.pipedrive.com/v1/leads");
    assert_eq!(header(&request, "idempotency-key").unwrap(), "dlv-1-lead");
    let expected = json!({
        "title": "auto/used: Erika Mustermann", "person_id": 1092, "origin_id": "dlv-1", "label_ids": ["f08b42a0-4e75-11ea"], "owner_id": 5
    });
    assert_eq!(body(&request), expected);
}

#[test]
fn custom_fields_and_values_have_their_places() {
    let key = "d4de1c1518b4531717c676029a45911c340390a6";
    let mapping = Mapping::of(&[
        ("person.name", Core::DisplayName),
        (&format!("person.{key}"), Core::City),
        ("lead.title", Core::Title),
        ("lead.value", Core::Price),
        ("lead.currency", Core::Currency),
        (&format!("lead.{key}"), Core::Vertical),
    ]);
    let destination = |version| Destination { mapping: Some(mapping.clone()), ..kind(version).into() };
    assert!(destination(Version::V2).check(&Policy::default()).is_empty());
    assert_eq!(body(&request(destination(Version::V2), &token(), &Stage::First))["custom_fields"], json!({ key: "Berlin" }));
    assert_eq!(body(&request(destination(Version::V1), &token(), &Stage::First))[key], "Berlin");
    let made = body(&request(destination(Version::V2), &token(), &LEAD));
    assert_eq!((&made["value"], &made[key]), (&json!({ "amount": 25.0, "currency": "EUR" }), &json!("auto/used")));
    let bad = mapping.clone().and("lead.color", Source::Constant { value: "x".into() });
    assert_eq!(
        Destination { mapping: Some(bad), ..kind(Version::V2).into() }.check(&Policy::default())[0].path,
        "mapping.6.field"
    );
}

#[test]
fn a_value_that_is_no_number_is_refused() {
    let mapping = Mapping::of(&[("lead.title", Core::Title), ("lead.value", Core::Vertical)]);
    let destination = Destination { mapping: Some(mapping), ..kind(Version::V2).into() };
    let refused = render(&destination, &token(), &lead(), &LEAD).unwrap_err();
    assert_eq!(refused, RenderError::BadValue { field: "lead.value".into(), expected: "a number" });
    assert_eq!(
        render(&destination, &token(), &lead(), &Stage::First).unwrap_err(),
        RenderError::MissingField { field: "person.name".into() }
    );
}

#[test]
fn answers_lead_from_step_to_step() {
    let kind = kind(Version::V2);
    assert_eq!(next(&kind, &Stage::First, 201, r#"{"success":true,"data":{"id":1092,"name":"E"}}"#), Next::Continue(LEAD));
    let made = r#"{"success":true,"data":{"id":"adf21080-0e10-11eb-879b-05d71fb426ec","person_id":1092}}"#;
    assert_eq!(next(&kind, &LEAD, 201, made), Next::Done(accepted("adf21080-0e10-11eb-879b-05d71fb426ec")));
    let of = |status, body: &str| outcome(&kind, status, body);
    let invalid = r#"{"success":false,"error":"Bad request","error_info":"name must be given"}"#;
    assert!(is_rejected(&of(400, invalid), "Bad request name must be given"));
    assert!(is_rejected(&of(200, invalid), "Bad request"));
    assert!(is_broken(&of(401, r#"{"success":false,"error":"unauthorized access"}"#), "unauthorized access"));
    assert!(is_broken(&of(402, r#"{"success":false,"error":"company account is not open"}"#), "not open"));
    assert!(is_broken(&of(200, "<html>"), "names no person"));
    assert_eq!(of(503, "down"), Outcome::Retry { after: None });
    let limited = Answer { status: 429, headers: vec![("X-RateLimit-Reset".into(), "2".into())], body: Vec::new() };
    assert_eq!(Destination::from(kind).next(&LEAD, &limited), Next::Done(retry(2)));
}

#[test]
fn the_preview_shows_both_steps_without_the_token() {
    let shown = Destination::from(kind(Version::V2)).preview(&crate::crm::Lead::sample(), "Clearlead").unwrap();
    assert_eq!(
        shown.iter().map(|s| s.target.as_str()).collect::<Vec<_>>(),
        ["https://acme.pipedrive.com/api/v2/persons", "https://acme.pipedrive.com/v1/leads"]
    );
    assert!(shown[0].headers.contains(&("x-api-token".into(), "***".into())));
    assert!(shown[1].body.contains("[TEST] auto/used"));
}
