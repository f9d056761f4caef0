//! Certificates: what the exchange wrote down, checked with another library.

use api::app::certificates::certificate_check;
use api::app::jobs::jobs_run;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{CONSENT, but, check, configured, content, filled, leads, page, published, serve, typed};
use crate::harness::{Database, Exchange, get, on_each_backend};

/// Whether the key that the certificate names, as the exchange publishes it, signed the certificate.
async fn verified(url: &str, certificate: &Value) -> bool {
    let keys: Value = serde_json::from_str(&get(&format!("{url}/certificates/keys"), None).await.1).unwrap();
    let of = |key: &&Value| key["kid"] == certificate["key_id"];
    let key = keys["keys"].as_array().unwrap().iter().find(of).expect("the key is published");
    let bytes = |text: &Value| URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap();
    let public = VerifyingKey::from_bytes(&bytes(&key["x"]).try_into().unwrap()).unwrap();
    let signature = Signature::from_slice(&bytes(&certificate["signature"])).unwrap();
    public.verify_strict(certificate["payload"].as_str().unwrap().as_bytes(), &signature).is_ok()
}

async fn certificate(url: &str, id: &str) -> Value {
    let (status, body) = get(&format!("{url}/certificates/{id}"), None).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Takes away what keeps the table from changing, as only somebody with the database can.
async fn unguarded(x: &Exchange) {
    let sql = match x.database {
        Database::Sqlite => "DROP TRIGGER consent_certificate_no_update",
        Database::Postgres => "DROP TRIGGER consent_certificate_append_only ON consent_certificate",
    };
    x.tamper(sql).await.unwrap();
}

async fn stand(x: &mut Exchange) -> (crate::harness::Actor, String, String) {
    configured(x, |_| ());
    x.verticals().await;
    let seller = x.organization("Agency").await;
    let url = serve(x).await;
    let form = published(x, &seller, content()).await;
    (seller, url, form)
}

on_each_backend! {
    async fn anybody_can_check_a_certificate_and_it_names_nobody(x: Exchange) {
        let mut x = x;
        let (seller, url, form) = stand(&mut x).await;
        let shown_at = x.app.now();
        let report = json!({ "fields": { "name": { "keys": 13, "focuses": 1 } }, "focus_changes": 4, "millis": 59_000, "hints": [] });
        let id = filled(&x, &url, &form, but(typed(1), "comments", "Meerblick"), Some(report)).await.certificate();
        let public = certificate(&url, &id).await;
        assert_eq!((&public["valid"], &public["algorithm"], verified(&url, &public).await), (&json!(true), &json!("Ed25519"), true));
        let payload: Value = serde_json::from_str(public["payload"].as_str().unwrap()).unwrap();
        let text = public["shown_text"].as_str().unwrap();
        assert_eq!(payload["shown"]["text_sha256"], Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert!(text.contains("# Tours <for> you") && text.contains(&format!("[ ] {}", CONSENT)) && text.contains("\nNights *\n"), "{text}");
        assert_eq!(payload["shown"]["at"], json!(shown_at));
        assert_eq!(payload["submitted"], json!({ "at": x.app.now(), "seconds_after_shown": 60, "honeypot_filled": false }));
        assert_eq!((&payload["form"], &payload["form_version"], &payload["language"]), (&json!(form), &json!(1), &json!("en")));
        assert_eq!(payload["browser_report"]["fields"], json!({ "name": { "keys": 13, "pastes": 0, "focuses": 1, "changes": 0 } }));
        let lead = leads(&x, &seller).await.pop().unwrap();
        assert_eq!((&payload["lead"], &lead["consentCertificate"]["payload"]), (&lead["id"], &public["payload"]));
        let html = page(&format!("{url}/certificates/{id}"), &[("accept", "text/html")]).await;
        assert!(html.body.contains("The signature is good") && html.body.contains("Tours &lt;for&gt; you"), "{}", html.body);
        let personal = ["Kari", "Nordmann", "91200001", "kari.1", "Meerblick", "198.51.100.7", "Mozilla", "Bergen"];
        for text in personal {
            assert!(!public.to_string().contains(text) && !html.body.contains(text), "a certificate holds {text}");
        }
        let tables: Vec<&str> = store::TABLES.iter().copied().filter(|table| *table != "lead").collect();
        let kept = x.dump(&tables).await;
        for text in &personal[..7] {
            assert!(!kept.contains(text), "the database holds {text}");
        }
        // Other words make another certificate, and another key does not fit.
        let mut forged = public.clone();
        forged["payload"] = json!(public["payload"].as_str().unwrap().replace("\"seconds_after_shown\":60", "\"seconds_after_shown\":61"));
        assert!(!verified(&url, &forged).await);
        x.app.certificate_keys_rotate().await.unwrap();
        let next = filled(&x, &url, &form, typed(2), None).await.certificate();
        let next = certificate(&url, &next).await;
        assert_ne!(next["key_id"], public["key_id"]);
        assert!(verified(&url, &next).await && verified(&url, &certificate(&url, &id).await).await, "old keys stay published");
        for nothing in ["cert_00000000000000000000000009", "lead_00000000000000000000000009", "x"] {
            assert_eq!(get(&format!("{url}/certificates/{nothing}"), None).await.0, 404);
        }
    }

    async fn what_is_changed_in_the_database_is_seen(x: Exchange) {
        let mut x = x;
        let (seller, url, form) = stand(&mut x).await;
        let id = filled(&x, &url, &form, typed(1), None).await.certificate();
        while jobs_run(&x.app).await.unwrap() > 0 {}
        let lead = leads(&x, &seller).await.pop().unwrap();
        assert_eq!(check(&lead, "CERTIFICATE"), ("PASS".into(), json!({ "keeper": "CLEARLEAD" })));
        let change = "UPDATE consent_certificate SET payload = replace(payload, '\"seconds_after_shown\":60', '\"seconds_after_shown\":90')";
        assert!(x.tamper(change).await.unwrap_err().contains("append-only"));
        unguarded(&x).await;
        x.tamper(change).await.unwrap();
        let changed = certificate(&url, &id).await;
        assert_eq!((&changed["valid"], verified(&url, &changed).await), (&json!(false), false));
        let html = page(&format!("{url}/certificates/{id}"), &[("accept", "text/html")]).await;
        assert!(html.body.contains("The signature does not fit"));
        certificate_check(&x.app, &json!({ "leads": [lead["id"]] })).await.unwrap();
        let lead = leads(&x, &seller).await.pop().unwrap();
        assert_eq!(check(&lead, "CERTIFICATE"), ("FAIL".into(), json!({ "keeper": "CLEARLEAD", "fault": "FORGED" })));
    }

    async fn a_certificate_is_of_one_lead(x: Exchange) {
        let mut x = x;
        let (seller, url, form) = stand(&mut x).await;
        let id = filled(&x, &url, &form, typed(1), None).await.certificate();
        let mut input = x.lead_input(2);
        input["consent"]["certificateUrl"] = json!(format!("http://127.0.0.1:8080/certificates/{id}"));
        x.lead_submit(&seller, input).await;
        let mut input = x.lead_input(3);
        input["consent"]["certificateUrl"] = json!("http://127.0.0.1:8080/certificates/cert_00000000000000000000000009");
        x.lead_submit(&seller, input).await;
        while jobs_run(&x.app).await.unwrap() > 0 {}
        let found: Vec<_> = leads(&x, &seller).await.iter().map(|lead| check(lead, "CERTIFICATE").1["fault"].clone()).collect();
        assert_eq!(found, [json!("NOT_FOUND"), json!("OF_ANOTHER_LEAD"), Value::Null]);
    }
}
