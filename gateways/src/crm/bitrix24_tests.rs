use super::*;
use crate::crm::testing::{
    accepted, answer, headers, is_broken, is_rejected, json as body, lead, outcome, render, request, retry,
};
use crate::crm::{Destination, Kind, Policy};

fn kind() -> Kind {
    Kind::Bitrix24(Bitrix24 {
        portal_url: "https://acme.bitrix24.com".into(),
        user_id: 7,
        status_id: "NEW".into(),
        source_id: Some("WEB".into()),
        assigned_by_id: Some(3),
    })
}

fn code() -> Secrets {
    Secrets::new().with("webhook_code", "c0dec0de")
}

#[test]
fn a_lead_is_added_as_documented() {
    let request = request(kind(), &code(), &Stage::First);
    assert_eq!(request.url.expose(), "https://acme.bitrix24.com/rest/7/c0dec0de/crm.lead.add.json");
    assert_eq!(request.url.shown(), "https://acme.bitrix24.com/rest/7/***/crm.lead.add.json");
    assert_eq!(
        headers(&request),
        [("content-type".into(), "application/json".into()), ("idempotency-key".into(), "dlv-1".into())]
    );
    let fields = json!({
        "TITLE": "auto/used: Erika Mustermann", "NAME": "Erika", "LAST_NAME": "Mustermann",
        "PHONE": [{ "VALUE": "+12025550143", "VALUE_TYPE": "WORK" }],
        "EMAIL": [{ "VALUE": "erika@example.com", "VALUE_TYPE": "WORK" }],
        "ADDRESS_CITY": "Berlin", "ADDRESS_PROVINCE": "Berlin", "ADDRESS_POSTAL_CODE": "10115", "ADDRESS_COUNTRY_CODE": "DE",
        "COMMENTS": "Year: 2021\nMake: Volkswagen\nModel: Golf", "SOURCE_DESCRIPTION": "https://exchange.example/leads/lead_sample",
        "STATUS_ID": "NEW", "OPENED": "Y", "SOURCE_ID": "WEB", "ASSIGNED_BY_ID": 3, "ORIGINATOR_ID": "Clearlead", "ORIGIN_ID": "dlv-1"
    });
    assert_eq!(body(&request), json!({ "fields": fields, "params": { "REGISTER_SONET_EVENT": "Y" } }));
}

#[test]
fn neither_code_nor_person_is_in_the_debug_form() {
    let request = request(kind(), &code(), &Stage::First);
    let debug = format!("{request:?} {:?} {:?}", lead(), code());
    for hidden in ["c0dec0de", "Erika", "Mustermann", "2025550143", "example.com", "Volkswagen"] {
        assert!(!debug.contains(hidden), "{hidden}: {debug}");
    }
    assert!(!format!("{:?}", request.shown()).contains("c0dec0de"));
    assert_eq!(code().mask("at /rest/7/c0dec0de/x"), "at /rest/7/***/x");
}

#[test]
fn a_code_cannot_lead_elsewhere() {
    let secrets = Secrets::new().with("webhook_code", "../../x?");
    assert_eq!(Destination::from(kind()).check_secrets(&secrets, &Policy::default())[0].path, "secrets.webhook_code");
    assert_eq!(
        render(&kind().into(), &secrets, &lead(), &Stage::First).unwrap_err(),
        RenderError::BadUrl { path: "secrets.webhook_code".into() }
    );
    assert_eq!(
        render(&kind().into(), &Secrets::new(), &lead(), &Stage::First).unwrap_err(),
        RenderError::MissingSecret { name: "webhook_code".into() }
    );
}

#[test]
fn answers() {
    let of = |status, body: &str| outcome(&kind(), status, body);
    let error = |code: &str| format!(r#"{{"error":"{code}","error_description":"said"}}"#);
    assert_eq!(of(200, r#"{"result":1263,"time":{"operating":0.1}}"#), accepted("1263"));
    assert_eq!(of(503, &error("QUERY_LIMIT_EXCEEDED")), retry(2));
    assert_eq!(of(429, &error("OPERATION_TIME_LIMIT")), retry(600));
    assert_eq!(of(429, ""), retry(600));
    assert_eq!(of(500, &error("INTERNAL_SERVER_ERROR")), Outcome::Retry { after: None });
    assert!(is_broken(&of(401, &error("NO_AUTH_FOUND")), "NO_AUTH_FOUND said"));
    assert!(is_broken(&of(401, &error("INVALID_CREDENTIALS")), "INVALID_CREDENTIALS"));
    assert!(is_broken(&of(403, &error("insufficient_scope")), "insufficient_scope"));
    assert!(is_broken(&of(403, &error("PAYMENT_REQUIRED")), "PAYMENT_REQUIRED"));
    assert!(is_rejected(&of(400, &error("")), "said"));
    assert!(is_rejected(&of(200, &error("")), "said"));
    assert!(is_rejected(&of(400, "<html>"), "answered 400"));
    assert!(is_broken(&of(403, &error("PORTAL_DELETED")), "PORTAL_DELETED"));
    assert!(is_rejected(&of(400, &error("ERROR_CORE")), "ERROR_CORE said"));
    assert!(is_broken(&of(200, "<html>log in</html>"), "names no lead"));
    assert_eq!(of(502, "<html>"), Outcome::Retry { after: None });
    let waits = Answer { headers: vec![("retry-after".into(), "9".into())], ..answer(503, &error("QUERY_LIMIT_EXCEEDED")) };
    assert_eq!(Destination::from(kind()).classify(&waits), retry(9));
}

#[test]
fn portals_are_the_vendors_unless_the_operator_allows() {
    let on = |portal: &str, base: Option<&str>, policy: Policy| {
        let Kind::Bitrix24(bitrix) = kind() else { unreachable!() };
        let kind = Kind::Bitrix24(Bitrix24 { portal_url: portal.into(), ..bitrix });
        Destination { base_url: base.map(Into::into), ..kind.into() }
            .check(&policy)
            .into_iter()
            .map(|p| p.path)
            .collect::<Vec<_>>()
    };
    let open = Policy { allow_base_url: true, ..Policy::default() };
    assert!(on("https://acme.bitrix24.ru", None, open).is_empty());
    assert_eq!(on("https://acme.bitrix24.evil.example", None, open), ["portal_url"]);
    assert_eq!(on("https://crm.acme.example", None, open), ["portal_url"]);
    assert!(on("https://crm.acme.example", Some("https://crm.acme.example"), open).is_empty());
    assert_eq!(on("https://crm.acme.example", Some("https://crm.acme.example"), Policy::default()), ["base_url"]);
}

#[test]
fn settings_are_stored_without_secrets() {
    let stored = serde_json::to_value(Destination::from(kind())).unwrap();
    let expected = json!({
        "kind": "bitrix24", "portal_url": "https://acme.bitrix24.com", "user_id": 7, "status_id": "NEW", "source_id": "WEB", "assigned_by_id": 3
    });
    assert_eq!(stored, expected);
    assert_eq!(serde_json::from_value::<Destination>(stored).unwrap(), kind().into());
    let read = Secrets::from_sealed_form(&code().sealed_form()).unwrap();
    assert_eq!(read.get("webhook_code").unwrap().expose_secret(), "c0dec0de");
    assert!(Secrets::from_sealed_form(&"[1]".to_owned().into()).is_err());
}
