use super::*;
use crate::crm::testing::{accepted, header, headers, is_broken, is_rejected, json as body, next, outcome, request, retry};
use crate::crm::{Kind, Policy, Secrets};

fn form(secure: bool) -> Kind {
    Kind::HubspotForm(Form { portal_id: "123".into(), form_guid: "a1-b2".into(), secure, page_url: None, consent_text: None })
}

fn contact(update_existing: bool) -> Kind {
    Kind::HubspotContact(Contact { update_existing })
}

fn token() -> Secrets {
    Secrets::new().with("access_token", "pat-1")
}

#[test]
fn a_form_is_submitted_as_documented() {
    let request = request(form(false), &Secrets::new(), &Stage::First);
    assert_eq!(request.method, Method::Post);
    assert_eq!(request.url.expose(), "https://api.hsforms.com/submissions/v3/integration/submit/123/a1-b2");
    assert_eq!(
        headers(&request),
        [("content-type".into(), "application/json".into()), ("idempotency-key".into(), "dlv-1".into())]
    );
    let field = |name: &str, value: &str| json!({ "objectTypeId": "0-1", "name": name, "value": value });
    let fields = [
        field("email", "erika@example.com"),
        field("phone", "+12025550143"),
        field("firstname", "Erika"),
        field("lastname", "Mustermann"),
        field("country", "DE"),
        field("state", "Berlin"),
        field("city", "Berlin"),
        field("zip", "10115"),
        field("message", "Year: 2021\nMake: Volkswagen\nModel: Golf"),
    ];
    assert_eq!(body(&request), json!({ "submittedAt": "1800000000000", "fields": fields }));
}

#[test]
fn a_secure_form_carries_token_page_and_consent() {
    let Kind::HubspotForm(form) = form(true) else { unreachable!() };
    let form = Form { page_url: Some("https://seller.example/offer".into()), consent_text: Some("I agree".into()), ..form };
    let request = request(Kind::HubspotForm(form), &token(), &Stage::First);
    assert_eq!(request.url.expose(), "https://api.hsforms.com/submissions/v3/integration/secure/submit/123/a1-b2");
    assert_eq!(header(&request, "authorization").unwrap(), "Bearer pat-1");
    assert!(!format!("{request:?} {:?}", request.shown()).contains("pat-1"));
    assert_eq!(body(&request)["context"], json!({ "pageUri": "https://seller.example/offer", "pageName": "auto/used" }));
    assert_eq!(body(&request)["legalConsentOptions"], json!({ "consent": { "consentToProcess": true, "text": "I agree" } }));
}

#[test]
fn a_field_can_belong_to_another_object() {
    let mapping = Mapping::of(&[("email", Core::Email), ("0-2/name", Core::FullName)]);
    let request =
        request(crate::crm::Destination { mapping: Some(mapping), ..form(false).into() }, &Secrets::new(), &Stage::First);
    let company = json!({ "objectTypeId": "0-2", "name": "name", "value": "Erika Mustermann" });
    assert_eq!(body(&request)["fields"][1], company);
    let shown = crate::crm::Destination::from(form(false)).preview(&crate::crm::Lead::sample(), "Clearlead").unwrap();
    assert!(shown[0].body.contains("[TEST]"), "a sample says so: {shown:?}");
}

#[test]
fn answers_of_forms() {
    let of = |status, body: &str| outcome(&form(false), status, body);
    assert_eq!(of(200, r#"{"inlineMessage":"Thanks"}"#), Outcome::Accepted { external_id: None });
    let error = |kind: &str| {
        format!(
            r#"{{"status":"error","message":"The request is not valid","errors":[{{"message":"Error in 'fields.email'","errorType":"{kind}"}}]}}"#
        )
    };
    assert!(is_rejected(&of(400, &error("INVALID_EMAIL")), "Error in 'fields.email'"));
    assert!(is_broken(&of(400, &error("FORM_HAS_RECAPTCHA_ENABLED")), "fields.email"));
    assert!(is_rejected(&of(400, "<p>not allowed</p>"), "refuses"));
    assert!(is_broken(&of(404, r#"{"message":"no form"}"#), "no form"));
    assert_eq!(of(429, ""), retry(10));
    assert_eq!(of(500, "<html>"), Outcome::Retry { after: None });
}

#[test]
fn a_contact_is_made_then_changed() {
    let first = request(contact(true), &token(), &Stage::First);
    assert_eq!((first.method, first.url.expose().as_str()), (Method::Post, "https://api.hubapi.com/crm/v3/objects/contacts"));
    assert_eq!(body(&first)["properties"]["email"], "erika@example.com");
    assert_eq!(header(&first, "authorization").unwrap(), "Bearer pat-1");
    let conflict = r#"{"message":"Contact already exists. Existing ID: 2926551","status":"error","category":"OBJECT_ALREADY_EXISTS",
        "errors":[{"message":"A contact with email lee@xyz.co.uk already exists. Existing ID: 2926551","in":"email"}]}"#;
    let stage = Stage::HubspotUpdate { contact_id: "2926551".into() };
    assert_eq!(next(&contact(true), &Stage::First, 409, conflict), Next::Continue(stage.clone()));
    let second = request(contact(true), &token(), &stage);
    assert_eq!(
        (second.method, second.url.expose().as_str()),
        (Method::Patch, "https://api.hubapi.com/crm/v3/objects/contacts/2926551")
    );
    assert_eq!(header(&second, "idempotency-key").unwrap(), "dlv-1-update");
    assert_eq!(body(&second), body(&first));
    assert_eq!(next(&contact(true), &stage, 200, r#"{"id":"2926551"}"#), Next::Done(accepted("2926551")));
    assert_eq!(next(&contact(true), &stage, 409, conflict), Next::Done(Outcome::Duplicate));
    assert!(matches!(next(&contact(true), &stage, 404, ""), Next::Done(Outcome::Rejected { .. })));
}

#[test]
fn answers_of_contacts() {
    let of = |status, body: &str| outcome(&contact(false), status, body);
    assert_eq!(of(201, r#"{"id":"512"}"#), accepted("512"));
    assert_eq!(of(409, r#"{"message":"Contact already exists. Existing ID: 7"}"#), Outcome::Duplicate);
    let invalid = r#"{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"error\":\"INVALID_EMAIL\"}]"}"#;
    assert!(is_rejected(&of(400, invalid), "Property values were not valid"));
    assert!(is_broken(&of(400, &invalid.replace("INVALID_EMAIL", "PROPERTY_DOESNT_EXIST")), "does not exist"));
    assert!(is_broken(&of(401, r#"{"category":"INVALID_AUTHENTICATION","message":"no credentials"}"#), "no credentials"));
    assert!(is_broken(&of(403, r#"{"category":"MISSING_SCOPES","message":"scope"}"#), "scope"));
    assert_eq!(of(429, r#"{"errorType":"RATE_LIMIT","policyName":"DAILY"}"#), retry(3_600));
    assert_eq!(of(429, r#"{"errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}"#), retry(10));
    assert_eq!(of(502, "bad gateway"), Outcome::Retry { after: None });
}

#[test]
fn settings_are_checked() {
    let bad =
        Form { portal_id: "1/2".into(), form_guid: String::new(), secure: false, page_url: Some("x".into()), consent_text: None };
    let problems = crate::crm::Destination::from(Kind::HubspotForm(bad)).check(&Policy::default());
    assert_eq!(problems.into_iter().map(|p| p.path).collect::<Vec<_>>(), ["portal_id", "form_guid", "page_url"]);
}
