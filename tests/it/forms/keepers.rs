//! Certificates that TrustedForm and Jornaya keep, asked for over HTTP from servers that speak as theirs do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::app::App;
use api::app::jobs::jobs_run;
use api::ports::HttpConsentCertificates;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{check, configured, leads};
use crate::harness::{Exchange, on_each_backend};

/// Questions that came, as `(path, authorization, body)`.
type Asked = Arc<Mutex<Vec<(String, String, Value)>>>;

const EXPIRED: &str = "00000000-0000-4000-8000-000000000001";
const FORGED: &str = "00000000-0000-4000-8000-000000000004";
const GOOD: &str = "58990313-03FB-43B8-AD0B-08CEF791D49B";

async fn trusted_form(State(asked): State<Asked>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (authorization, version) = (header("authorization"), header("api-version"));
    let body = axum::body::to_bytes(body, 10_000).await.unwrap();
    asked.lock().unwrap().push((id.clone(), authorization.clone(), serde_json::from_slice(&body).unwrap()));
    // API:secret, as the documentation has it.
    if authorization != "Basic QVBJOnNlY3JldA==" || version != "4.0" {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "outcome": "error", "reason": "unauthorized" }))).into_response();
    }
    let said = |outcome: &str, matched: bool, expires_at: &str| {
        Json(json!({
            "outcome": outcome, "match_lead": { "result": { "success": matched, "email_match": matched, "phone_match": matched } },
            "insights": { "properties": { "created_at": "2026-03-01T09:00:00Z", "expires_at": expires_at } },
        }))
    };
    match id.as_str() {
        "good" => said("success", true, "2026-05-30T09:00:00Z").into_response(),
        "expired" => said("success", true, "2026-03-02T08:59:59Z").into_response(),
        "another" => said("failure", false, "2026-05-30T09:00:00Z").into_response(),
        "gone" => (StatusCode::GONE, Json(json!({ "outcome": "error" }))).into_response(),
        "broken" => StatusCode::BAD_GATEWAY.into_response(),
        "garbage" => "<html>".into_response(),
        "silent" => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            StatusCode::OK.into_response()
        }
        _ => (StatusCode::NOT_FOUND, Json(json!({ "outcome": "error", "reason": "certificate not found" }))).into_response(),
    }
}

async fn jornaya(Query(query): Query<Vec<(String, String)>>) -> Response {
    let of = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default();
    let audit = match of("id") {
        _ if of("lac") != "account" => return StatusCode::FORBIDDEN.into_response(),
        GOOD => json!({ "authentic": 1 }),
        EXPIRED => json!({ "authentic": 0, "reason": 1 }),
        FORGED => json!({ "authentic": 0, "reason": 4 }),
        _ => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    Json(json!({ "audit": audit, "transid": "A26CE6E3" })).into_response()
}

/// The exchange with accounts at keepers that listen here.
async fn with_keepers(x: &mut Exchange, key: &str) -> Asked {
    let asked = Asked::default();
    let routes =
        Router::new().route("/tf/{id}", post(trusted_form)).route("/jn/Authenticate", get(jornaya)).with_state(asked.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    configured(x, |config| {
        let settings = &mut config.certificates;
        settings.trusted_form_url = format!("http://{address}/tf");
        settings.trusted_form_api_key = SecretString::from(key);
        settings.jornaya_url = format!("http://{address}/jn");
        settings.jornaya_account = SecretString::from("account");
        settings.timeout_millis = 300;
    });
    let consent_certificates = Arc::new(HttpConsentCertificates::new(&x.app.config.certificates).unwrap());
    x.app = Arc::new(App { consent_certificates, ..App::clone(&x.app) });
    x.schema = api::graphql::schema(x.app.clone());
    asked
}

/// Hands leads in that name these certificates; answers what the check found of each, in their order.
async fn found(x: &Exchange, certificates: &[String]) -> Vec<(String, Value)> {
    x.verticals().await;
    let seller = x.organization("Agency").await;
    for (n, certificate) in (1..).zip(certificates) {
        let mut input = x.lead_input(n);
        input["consent"]["certificateUrl"] = json!(certificate);
        assert_eq!(x.lead_submit(&seller, input).await["userErrors"], json!([]));
    }
    while jobs_run(&x.app).await.unwrap() > 0 {}
    let mut leads = leads(x, &seller).await;
    leads.reverse();
    assert!(leads.iter().all(|lead| lead["state"] == "VERIFIED"), "a certificate alone rejects nobody");
    leads.iter().map(|lead| check(lead, "CERTIFICATE")).collect()
}

fn of(outcome: &str, keeper: &str, fault: &str) -> (String, Value) {
    let facts = if fault.is_empty() { json!({ "keeper": keeper }) } else { json!({ "keeper": keeper, "fault": fault }) };
    (outcome.to_owned(), facts)
}

on_each_backend! {
    async fn their_keepers_are_asked(x: Exchange) {
        let mut x = x;
        let asked = with_keepers(&mut x, "secret").await;
        let trusted = |id: &str| format!("https://cert.trustedform.com/{id}");
        let certificates = [
            trusted("good"), trusted("expired"), trusted("nothing"), trusted("another"), trusted("gone"), trusted("broken"), trusted("garbage"),
            trusted("silent"), GOOD.to_owned(), EXPIRED.to_owned(), FORGED.to_owned(), "00000000-0000-4000-8000-000000000009".to_owned(),
            "https://proof.example/1".to_owned(),
        ];
        let (tf, jn) = ("TRUSTED_FORM", "JORNAYA");
        assert_eq!(found(&x, &certificates).await, [
            of("PASS", tf, ""), of("FAIL", tf, "EXPIRED"), of("FAIL", tf, "NOT_FOUND"), of("FAIL", tf, "OF_ANOTHER_LEAD"), of("FAIL", tf, "EXPIRED"),
            of("INCONCLUSIVE", tf, "NO_ANSWER"), of("INCONCLUSIVE", tf, "NO_ANSWER"), of("INCONCLUSIVE", tf, "NO_ANSWER"),
            of("PASS", jn, ""), of("FAIL", jn, "EXPIRED"), of("FAIL", jn, "NOT_FOUND"), of("INCONCLUSIVE", jn, "NO_ANSWER"),
            of("INCONCLUSIVE", "UNKNOWN", "UNKNOWN_KEEPER"),
        ]);
        let first = asked.lock().unwrap()[0].clone();
        assert_eq!(first.2["match_lead"], json!({ "phone": "+4791200001", "email": "kari.1@fjelltur.no" }));
        // Those that did not answer are asked again, later.
        let before = asked.lock().unwrap().len();
        x.clock.advance_secs(2 * 86_400);
        jobs_run(&x.app).await.unwrap();
        let mut again: Vec<String> = asked.lock().unwrap()[before..].iter().map(|(id, ..)| id.clone()).collect();
        again.sort();
        assert_eq!(again, ["broken", "garbage", "silent"]);
    }

    async fn without_an_account_nothing_is_known(x: Exchange) {
        let mut x = x;
        let asked = with_keepers(&mut x, "wrong").await;
        let refused = found(&x, &["https://cert.trustedform.com/good".to_owned()]).await;
        assert_eq!(refused, [of("INCONCLUSIVE", "TRUSTED_FORM", "ACCOUNT_REFUSED")]);
        assert_eq!(asked.lock().unwrap().len(), 1);
    }

    async fn without_settings_nobody_is_asked(x: Exchange) {
        let both = ["https://cert.trustedform.com/good".to_owned(), GOOD.to_owned()];
        assert_eq!(found(&x, &both).await, [of("INCONCLUSIVE", "TRUSTED_FORM", "NOT_CONFIGURED"), of("INCONCLUSIVE", "JORNAYA", "NOT_CONFIGURED")]);
    }
}
