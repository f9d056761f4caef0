use super::*;
use crate::crm::testing::{KEY, accepted, header, is_broken, is_rejected, json, lead, outcome, render, request, retry};
use crate::crm::{Destination, Kind, Lead, Policy, Secrets};
use proptest::prelude::*;
use serde_json::json;

fn web() -> Kind {
    Kind::SalesforceWeb(Web { organization_id: "00D000000000001".into(), return_url: Some("https://exchange.example/ok".into()) })
}

fn rest(external_id_field: Option<&str>) -> Kind {
    Kind::SalesforceRest(Rest {
        instance_url: "https://acme.my.salesforce.com".into(),
        api_version: "62.0".into(),
        external_id_field: external_id_field.map(Into::into),
    })
}

fn token() -> Secrets {
    Secrets::new().with("access_token", "00D!tok")
}

fn pairs(request: &Request) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&request.body.bytes).into_owned().collect()
}

#[test]
fn web_to_lead_is_a_form() {
    let request = request(web(), &Secrets::new(), &Stage::First);
    assert_eq!(request.url.expose(), "https://webto.salesforce.com/servlet/servlet.WebToLead?encoding=UTF-8");
    assert_eq!(header(&request, "content-type").unwrap(), "application/x-www-form-urlencoded");
    assert_eq!(header(&request, "idempotency-key").unwrap(), KEY);
    let expected = [
        ("oid", "00D000000000001"),
        ("retURL", "https://exchange.example/ok"),
        ("first_name", "Erika"),
        ("last_name", "Mustermann"),
        ("company", "Erika Mustermann"),
        ("email", "erika@example.com"),
        ("phone", "+12025550143"),
        ("city", "Berlin"),
        ("state", "Berlin"),
        ("zip", "10115"),
        ("country", "DE"),
        ("description", "Year: 2021\nMake: Volkswagen\nModel: Golf"),
        ("lead_source", "Clearlead"),
    ];
    assert_eq!(pairs(&request), expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    assert!(!Destination::from(web()).confirms());
}

#[test]
fn a_missing_family_name_is_filled_in() {
    let lead = Lead { last_name: None, ..lead() };
    let Step::Http(web) = render(&web().into(), &Secrets::new(), &lead, &Stage::First).unwrap() else { unreachable!() };
    assert!(pairs(&web).contains(&("last_name".into(), "Erika".into())));
    let Step::Http(rest) = render(&rest(None).into(), &token(), &lead, &Stage::First).unwrap() else { unreachable!() };
    assert_eq!(json(&rest)["LastName"], "Erika");
}

#[test]
fn rest_makes_a_lead_or_upserts_it() {
    let create = request(rest(None), &token(), &Stage::First);
    assert_eq!(
        (create.method, create.url.expose().as_str()),
        (Method::Post, "https://acme.my.salesforce.com/services/data/v62.0/sobjects/Lead")
    );
    assert_eq!(header(&create, "authorization").unwrap(), "Bearer 00D!tok");
    let expected = json!({
        "FirstName": "Erika", "LastName": "Mustermann", "Company": "Erika Mustermann", "Email": "erika@example.com",
        "Phone": "+12025550143", "City": "Berlin", "State": "Berlin", "PostalCode": "10115", "Country": "DE",
        "Description": "Year: 2021\nMake: Volkswagen\nModel: Golf", "LeadSource": "Clearlead"
    });
    assert_eq!(json(&create), expected);
    let upsert = request(rest(Some("Exchange_Id__c")), &token(), &Stage::First);
    assert_eq!(upsert.method, Method::Patch);
    assert_eq!(upsert.url.expose(), "https://acme.my.salesforce.com/services/data/v62.0/sobjects/Lead/Exchange_Id__c/dlv-1");
}

#[test]
fn answers() {
    let of = |status, body: &str| outcome(&rest(None), status, body);
    let error = |code: &str| format!(r#"[{{"message":"said","errorCode":"{code}","fields":[]}}]"#);
    assert_eq!(of(201, r#"{"id":"00Q1","success":true,"errors":[]}"#), accepted("00Q1"));
    assert_eq!(of(200, r#"{"id":"00Q1","success":true,"errors":[],"created":false}"#), accepted("00Q1"));
    assert_eq!(of(204, ""), Outcome::Accepted { external_id: None });
    assert_eq!(of(400, &error("DUPLICATES_DETECTED")), Outcome::Duplicate);
    assert!(is_rejected(&of(400, &error("REQUIRED_FIELD_MISSING")), "REQUIRED_FIELD_MISSING: said"));
    assert!(is_broken(&of(400, &error("INVALID_FIELD")), "INVALID_FIELD"));
    assert!(is_broken(&of(401, &error("INVALID_SESSION_ID")), "INVALID_SESSION_ID"));
    assert_eq!(of(403, &error("REQUEST_LIMIT_EXCEEDED")), retry(3_600));
    assert!(is_broken(&of(403, &error("INSUFFICIENT_ACCESS")), "INSUFFICIENT_ACCESS"));
    assert_eq!(of(400, &error("UNABLE_TO_LOCK_ROW")), Outcome::Retry { after: None });
    assert_eq!(of(503, "<html>"), Outcome::Retry { after: None });
    let web = |status| outcome(&web(), status, "<html>");
    assert_eq!((web(200), web(302)), (Outcome::Accepted { external_id: None }, Outcome::Accepted { external_id: None }));
    assert_eq!(web(500), Outcome::Retry { after: None });
}

#[test]
fn settings_are_checked() {
    let bad = Rest {
        instance_url: "https://salesforce.com.evil.example".into(),
        api_version: "latest".into(),
        external_id_field: Some("a/b".into()),
    };
    let paths: Vec<_> =
        Destination::from(Kind::SalesforceRest(bad)).check(&Policy::default()).into_iter().map(|p| p.path).collect();
    assert_eq!(paths, ["instance_url", "api_version", "external_id_field"]);
    assert!(Destination::from(rest(None)).check(&Policy::default()).is_empty());
}

proptest! {
    #[test]
    fn forms_give_back_what_went_in(first in "\\PC{1,30}[a-z]", last in any::<String>()) {
        let lead = Lead { first_name: Some(first.clone()), last_name: Some(format!("x{last}")), ..lead() };
        let Step::Http(request) = render(&web().into(), &Secrets::new(), &lead, &Stage::First).unwrap() else { unreachable!() };
        prop_assert!(pairs(&request).contains(&("first_name".into(), first)));
        prop_assert!(pairs(&request).contains(&("last_name".to_owned(), ["x", last.as_str()].concat())));
    }
}
