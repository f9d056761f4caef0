use serde_json::json;

use super::*;
use crate::crm::testing::{answer, header, json as body, request};
use crate::crm::{Kind, Stage, bitrix24, hubspot, kommo, pipedrive, salesforce};

fn with(kind: Kind) -> Destination {
    let oauth = Oauth { client_id: "app 1".into(), grant: Grant::RefreshToken, redirect_url: None };
    Destination { oauth: Some(oauth), ..kind.into() }
}

fn kommo() -> Destination {
    let account_url = "https://acme.kommo.com".into();
    let kommo = kommo::Kommo { account_url, pipeline_id: None, status_id: None, responsible_user_id: None, tags: Vec::new() };
    let mut destination = with(Kind::Kommo(kommo));
    destination.oauth = destination.oauth.map(|oauth| Oauth { redirect_url: Some("https://app.example/back".into()), ..oauth });
    destination
}

fn salesforce() -> Destination {
    with(Kind::SalesforceRest(salesforce::Rest {
        instance_url: "https://acme.my.salesforce.com".into(),
        api_version: "62.0".into(),
        external_id_field: None,
    }))
}

fn pipedrive() -> Destination {
    with(Kind::Pipedrive(pipedrive::Pipedrive {
        domain: "acme".into(),
        version: pipedrive::Version::V2,
        owner_id: None,
        label_ids: Vec::new(),
    }))
}

fn bitrix24() -> Destination {
    with(Kind::Bitrix24(bitrix24::Bitrix24 {
        portal_url: "https://acme.bitrix24.com".into(),
        user_id: 0,
        status_id: "NEW".into(),
        source_id: None,
        assigned_by_id: None,
    }))
}

fn hubspot() -> Destination {
    with(Kind::HubspotContact(hubspot::Contact { update_existing: false }))
}

fn secrets() -> Secrets {
    Secrets::new().with(CLIENT_SECRET, "s3&cret").with(REFRESH_TOKEN, "r3fresh").with(ACCESS_TOKEN, "t0ken")
}

fn text(request: &Request) -> String {
    String::from_utf8(request.body.bytes.clone()).unwrap()
}

#[test]
fn each_vendor_is_asked_as_it_documents() {
    let asked = salesforce().token_request(&secrets()).unwrap();
    assert_eq!(asked.url.expose(), "https://acme.my.salesforce.com/services/oauth2/token");
    assert_eq!(text(&asked), "grant_type=refresh_token&client_id=app+1&client_secret=s3%26cret&refresh_token=r3fresh");
    assert_eq!(asked.shown().body, "grant_type=refresh_token&client_id=app+1&client_secret=***&refresh_token=***");
    let mut own = salesforce();
    own.oauth = own.oauth.map(|oauth| Oauth { grant: Grant::ClientCredentials, ..oauth });
    assert_eq!(own.required_secrets(), [CLIENT_SECRET]);
    assert_eq!(
        text(&own.token_request(&secrets()).unwrap()),
        "grant_type=client_credentials&client_id=app+1&client_secret=s3%26cret"
    );
    let asked = hubspot().token_request(&secrets()).unwrap();
    assert_eq!((asked.method, asked.url.expose().as_str()), (Method::Post, "https://api.hubapi.com/oauth/v1/token"));
    assert_eq!(header(&asked, "content-type").as_deref(), Some("application/x-www-form-urlencoded"));
    let asked = pipedrive().token_request(&secrets()).unwrap();
    assert_eq!(asked.url.expose(), "https://oauth.pipedrive.com/oauth/token");
    assert_eq!(header(&asked, "authorization").as_deref(), Some("Basic YXBwIDE6czMmY3JldA=="));
    assert_eq!(text(&asked), "grant_type=refresh_token&refresh_token=r3fresh");
    let asked = bitrix24().token_request(&secrets()).unwrap();
    let query = "grant_type=refresh_token&client_id=app+1&client_secret=s3%26cret&refresh_token=r3fresh";
    assert_eq!((asked.method, asked.url.expose()), (Method::Get, format!("https://oauth.bitrix.info/oauth/token/?{query}")));
    assert!(asked.url.shown().ends_with("client_secret=***&refresh_token=***") && asked.body.bytes.is_empty());
    let asked = kommo().token_request(&secrets()).unwrap();
    assert_eq!(asked.url.expose(), "https://acme.kommo.com/oauth2/access_token");
    let expected = json!({
        "client_id": "app 1", "client_secret": "s3&cret", "grant_type": "refresh_token", "refresh_token": "r3fresh",
        "redirect_uri": "https://app.example/back",
    });
    assert_eq!(body(&asked), expected);
    let elsewhere = Destination { base_url: Some("https://crm.example/api".into()), ..pipedrive() };
    assert_eq!(elsewhere.token_request(&secrets()).unwrap().url.expose(), "https://crm.example/api/oauth/token");
    let missing = hubspot().token_request(&Secrets::new()).unwrap_err();
    assert_eq!(missing, RenderError::MissingSecret { name: CLIENT_SECRET.into() });
}

#[test]
fn no_token_is_in_the_debug_form() {
    for destination in [salesforce(), pipedrive(), bitrix24(), kommo(), hubspot()] {
        let asked = destination.token_request(&secrets()).unwrap();
        let seen = format!("{asked:?} {:?}", asked.shown());
        for hidden in ["s3&cret", "s3%26cret", "r3fresh", "czMmY3JldA"] {
            assert!(!seen.contains(hidden), "{hidden}: {seen}");
        }
    }
}

#[test]
fn a_lead_carries_the_token() {
    let sent = request(pipedrive(), &secrets(), &Stage::First);
    assert_eq!((header(&sent, "authorization").as_deref(), header(&sent, "x-api-token")), (Some("Bearer t0ken"), None));
    let sent = request(bitrix24(), &secrets(), &Stage::First);
    assert_eq!(sent.url.expose(), "https://acme.bitrix24.com/rest/crm.lead.add.json");
    assert_eq!((body(&sent)["auth"].as_str(), sent.shown().body.contains("t0ken")), (Some("t0ken"), false));
}

fn granted(destination: &Destination, body: serde_json::Value) -> Option<Granted> {
    match destination.token_answer(&answer(200, &body.to_string()), &Policy::default()) {
        Renewal::Granted(granted) => Some(granted),
        _ => None,
    }
}

#[test]
fn answers_give_what_they_name() {
    let new = granted(&hubspot(), json!({ "access_token": "a", "refresh_token": "r", "expires_in": 1800 })).unwrap();
    assert_eq!((new.life_secs, new.refresh_token.map(|token| token.expose_secret().to_owned())), (Some(1_800), Some("r".into())));
    let new = granted(&salesforce(), json!({ "access_token": "a", "instance_url": "https://acme.my.salesforce.com/" })).unwrap();
    assert_eq!((new.life_secs, new.api_url.as_deref()), (None, Some("https://acme.my.salesforce.com")));
    let new =
        granted(&pipedrive(), json!({ "access_token": "a", "api_domain": "https://acme.pipedrive.com", "expires_in": "3599" }));
    assert_eq!(new.map(|new| (new.life_secs, new.api_url)), Some((Some(3_599), Some("https://acme.pipedrive.com".into()))));
    // The address of the API lies at the vendor, and a token fits into a header.
    assert!(granted(&pipedrive(), json!({ "access_token": "a", "api_domain": "https://evil.example" })).is_none());
    assert!(granted(&hubspot(), json!({ "access_token": "a\r\nx: y" })).is_none());
    assert!(granted(&hubspot(), json!({ "access_token": "a".repeat(4_097) })).is_none());
}

#[test]
fn refusals_are_told_apart() {
    let fault =
        |status, body: serde_json::Value| match kommo().token_answer(&answer(status, &body.to_string()), &Policy::default()) {
            Renewal::Refused { fault, .. } => Some(fault),
            Renewal::Later { .. } => None,
            Renewal::Granted(_) => panic!("granted"),
        };
    let kommo = json!({ "hint": "Token has been revoked", "title": "Bad Request", "status": 400, "detail": "wrong" });
    assert_eq!(fault(400, kommo), Some(Fault::InvalidGrant));
    assert_eq!(fault(400, json!({ "error": "invalid_grant" })), Some(Fault::InvalidGrant));
    assert_eq!(fault(400, json!({ "status": "BAD_REFRESH_TOKEN", "message": "missing or invalid" })), Some(Fault::InvalidGrant));
    assert_eq!(fault(400, json!({ "error": "wrong_client" })), Some(Fault::InvalidClient));
    assert_eq!(fault(403, json!({ "error": "PAYMENT_REQUIRED" })), Some(Fault::Refused));
    assert_eq!(fault(200, json!({ "ok": true })), Some(Fault::Unreadable));
    assert_eq!(fault(302, json!(null)), Some(Fault::Refused));
    assert_eq!(fault(500, json!({ "error": "invalid_grant" })), None);
    assert_eq!(fault(429, json!(null)), None);
    assert_eq!(fault(400, json!({ "error": "unknown_error", "error_description": "retry your request" })), None);
}

#[test]
fn settings_say_what_an_app_needs() {
    let problems = |destination: &Destination| {
        destination.check(&Policy::default()).into_iter().map(|problem| problem.path).collect::<Vec<_>>()
    };
    for fine in [kommo(), salesforce(), pipedrive(), bitrix24(), hubspot()] {
        assert_eq!(problems(&fine), Vec::<String>::new());
        assert_eq!(fine.required_secrets(), [CLIENT_SECRET, REFRESH_TOKEN]);
        assert!(fine.preview(&crate::crm::Lead::sample(), "Clearlead").is_ok());
    }
    let with_oauth = |destination: Destination, change: fn(Oauth) -> Oauth| Destination {
        oauth: destination.oauth.map(change),
        ..destination
    };
    assert_eq!(problems(&with_oauth(kommo(), |oauth| Oauth { redirect_url: None, ..oauth })), ["oauth.redirect_url"]);
    assert_eq!(problems(&with_oauth(kommo(), |oauth| Oauth { client_id: " ".into(), ..oauth })), ["oauth.client_id"]);
    assert_eq!(problems(&with_oauth(kommo(), |oauth| Oauth { grant: Grant::ClientCredentials, ..oauth })), ["oauth.grant"]);
    let web = salesforce::Web { organization_id: "00D".into(), return_url: None };
    assert_eq!(problems(&with(Kind::SalesforceWeb(web))), ["oauth"]);
    let mut webhook = bitrix24();
    webhook.oauth = None;
    assert_eq!(problems(&webhook), ["user_id"]);
}
