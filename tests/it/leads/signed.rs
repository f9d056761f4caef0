//! Hooks whose messages are signed, and those of Jotform, whose are not.

use std::sync::Arc;

use api::app::App;
use api::app::envelopes::envelopes_rewrap;
use api::app::lead_hooks::hook_secrets;
use api::http::hooks::routes;
use api::ports::SeededEntropy;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Client;
use serde_json::{Value, json};
use sha2::Sha256;

use super::hooks::{address, made, mapping};
use crate::harness::{Actor, Exchange, on_each_backend};

const SECRET: &str = "the sender's secret";
const CREATE: &str = "mutation ($input: LeadHookCreateInput!) { leadHookCreate(input: $input) {
    leadHook { id signed lastError } secret userErrors { code path } } }";

pub(super) fn hmac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// Makes a hook with `more` in its input; answers the payload.
pub(super) async fn made_with(x: &Exchange, seller: &Actor, kind: &str, mapping: &str, more: Value) -> Value {
    let mut input = json!({ "name": "Spring", "kind": kind, "mapping": mapping });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    seller.run(x, CREATE, json!({ "input": input })).await["leadHookCreate"].clone()
}

/// Posts bytes to a hook with headers; answers the status and the answer.
pub(super) async fn posted(url: &str, hook: &Value, key: Option<&str>, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, Value) {
    let request = Client::new().post(address(url, hook, key)).body(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn answer(name: &str, value: &str) -> Value {
    json!({ "type": "text", "text": value, "field": { "ref": name } })
}

fn person(n: u32) -> [(&'static str, String); 7] {
    [
        ("name", "Kari Nordmann".to_owned()),
        ("phone", format!("+479120{n:04}")),
        ("email", format!("kari.{n}@fjelltur.no")),
        ("city", "Bergen".to_owned()),
        ("nights", "7".to_owned()),
        ("adults", "2".to_owned()),
        ("destination_country", "Greece".to_owned()),
    ]
}

fn typeform(n: u32) -> Value {
    let answers: Vec<Value> = person(n).iter().map(|(name, value)| answer(name, value)).collect();
    json!({ "form_response": { "token": format!("tf-{n}"), "answers": answers } })
}

fn tally(n: u32) -> Value {
    let fields: Vec<Value> =
        person(n).iter().map(|(name, value)| json!({ "key": name, "label": name, "value": value })).collect();
    json!({ "data": { "responseId": format!("ta-{n}"), "fields": fields } })
}

fn form(n: u32) -> Value {
    let mut form = json!(person(n).into_iter().collect::<std::collections::BTreeMap<_, _>>());
    form["id"] = json!(format!("fo-{n}"));
    form
}

fn entry(id: &str, n: u32) -> Value {
    let changes: Vec<Value> = person(n).iter().map(|(name, value)| json!({ "field": name, "value": value })).collect();
    json!({ "id": id, "page_id": "70", "create_time": 1, "changes": changes })
}

fn multipart(fields: &[(&str, &str)]) -> Vec<u8> {
    let part =
        |(name, value): &(&str, &str)| format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    (fields.iter().map(part).collect::<String>() + "--cut--\r\n").into_bytes()
}

const CUT: (&str, &str) = ("content-type", "multipart/form-data; boundary=cut");

on_each_backend! {
    async fn a_signature_stands_in_place_of_the_key(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = x.listen(routes, &[]).await;
        let prefixed = |text: String| format!("sha256={text}");
        type Sign<'a> = Box<dyn Fn(&str, &[u8]) -> String + 'a>;
        let hex_of: Sign<'_> = Box::new(|secret, body| prefixed(hex::encode(hmac(secret, &[body]))));
        let base64_of: Sign<'_> = Box::new(|secret, body| prefixed(STANDARD.encode(hmac(secret, &[body]))));
        let plain: Sign<'_> = Box::new(|secret, body| STANDARD.encode(hmac(secret, &[body])));
        let cases = [
            ("TYPEFORM", "typeform-signature", &base64_of, "token", typeform(1), "tf-1"),
            ("TALLY", "tally-signature", &plain, "responseId", tally(2), "ta-2"),
            ("FORM", "x-signature-256", &hex_of, "id", form(3), "fo-3"),
        ];
        for (kind, header, sign, reference, message, expected) in cases {
            let hook = made_with(&x, &seller, kind, &mapping(&[("seller_reference", reference)]), json!({ "signingSecret": SECRET })).await;
            assert_eq!((&hook["userErrors"], &hook["leadHook"]["signed"]), (&json!([]), &json!(true)), "{kind}");
            let (key, body, before) = (hook["secret"].as_str(), message.to_string().into_bytes(), x.count("lead").await);
            let signature = sign(SECRET, &body);
            let wrong = sign("another secret", &body);
            // Nothing, the key alone, another secret, another message, or what is no signature.
            for (key, headers) in [(None, vec![]), (key, vec![]), (key, vec![(header, wrong.as_str())]), (key, vec![(header, "sha256=")])] {
                assert_eq!(posted(&url, &hook, key, &headers, body.clone()).await.0, 401, "{kind} {headers:?}");
            }
            let other = [body.as_slice(), b" "].concat();
            assert_eq!(posted(&url, &hook, None, &[(header, &signature)], other).await.0, 401, "{kind}");
            assert_eq!(x.count("lead").await, before);
            let long = vec![b' '; 300_000];
            assert_eq!(posted(&url, &hook, None, &[(header, &sign(SECRET, &long))], long.clone()).await.0, 413, "{kind}");
            let broken = b"{".to_vec();
            assert_eq!(posted(&url, &hook, None, &[(header, &sign(SECRET, &broken))], broken.clone()).await.0, 422, "{kind}");
            let (status, taken) = posted(&url, &hook, None, &[(header, &signature)], body.clone()).await;
            assert_eq!((status, &taken["status"], &taken["repeated"]), (200, &json!("ACCEPTED"), &json!(false)), "{kind} {taken:#}");
            let lead = seller.run(&x, "query ($id: ID!) { lead(id: $id) { sellerReference } }", json!({ "id": taken["lead_id"] })).await;
            assert_eq!(lead["lead"]["sellerReference"], expected, "{kind}");
            // Sent again when the minute is over: what its sender calls the same is the same.
            x.clock.advance_secs(600);
            let (status, again) = posted(&url, &hook, None, &[(header, &signature)], body).await;
            let expected = if kind == "FORM" { (422, Value::Null) } else { (200, taken["lead_id"].clone()) };
            assert_eq!((status, again["lead_id"].clone()), expected, "{kind} {again:#}");
            assert_eq!(x.count("lead").await, before + 1);
        }
    }

    async fn a_secret_is_given_changed_and_taken_away(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = x.listen(routes, &[]).await;
        let map = mapping(&[("seller_reference", "id")]);
        for (kind, given, code, path) in [
            ("GOOGLE_ADS", json!({ "signingSecret": "x" }), "INVALID", json!(["signingSecret"])),
            ("JOTFORM", json!({ "signingSecret": "x" }), "INVALID", json!(["signingSecret"])),
            ("META", json!({ "signingSecret": "x" }), "INVALID", json!(["signingSecret"])),
            ("FORM", json!({ "signingSecret": " " }), "INVALID", json!(["signingSecret"])),
            ("FORM", json!({ "signingSecret": "x".repeat(501) }), "TOO_LARGE", json!(["signingSecret"])),
            ("FORM", json!({ "meta": {} }), "INVALID", json!(["meta"])),
            ("META", json!({ "meta": { "appSecret": "a", "verifyToken": "v" } }), "REQUIRED", json!(["meta", "pageToken"])),
        ] {
            let refused = made_with(&x, &seller, kind, &map, given).await;
            assert_eq!(refused["userErrors"], json!([{ "code": code, "path": path }]), "{kind}");
        }
        assert_eq!((x.count("lead_hook").await, x.count("lead_hook_secret").await), (0, 0));
        let hook = made(&x, &seller, "FORM", &map).await;
        let (id, key) = (hook["leadHook"]["id"].clone(), hook["secret"].as_str());
        let update = async |secret: &str| {
            let query = "mutation ($input: LeadHookUpdateInput!) { leadHookUpdate(input: $input) { leadHook { signed } userErrors { code } } }";
            seller.run(&x, query, json!({ "input": { "leadHookId": id, "signingSecret": secret } })).await["leadHookUpdate"].clone()
        };
        let body = form(4).to_string().into_bytes();
        let signed = |secret: &str| format!("sha256={}", hex::encode(hmac(secret, &[&body])));
        assert_eq!(update("first").await, json!({ "leadHook": { "signed": true }, "userErrors": [] }));
        assert_eq!(posted(&url, &hook, key, &[], body.clone()).await.0, 401);
        assert_eq!(update("second").await["leadHook"]["signed"], true);
        assert_eq!(posted(&url, &hook, None, &[("x-signature-256", &signed("first"))], body.clone()).await.0, 401);
        assert_eq!(posted(&url, &hook, None, &[("x-signature-256", &signed("second"))], body.clone()).await.0, 200);
        assert_eq!(update("").await["leadHook"]["signed"], false);
        assert_eq!(posted(&url, &hook, key, &[], body.clone()).await.0, 200);
        // It lies sealed, and goes over to another key of the ring.
        let sealed = made_with(&x, &seller, "FORM", &map, json!({ "signingSecret": "third" })).await;
        assert!(!x.dump(&["lead_hook", "lead_hook_secret"]).await.contains("third"));
        let id = sealed["leadHook"]["id"].as_str().unwrap().parse().unwrap();
        let keys = Arc::new(x.app.keys.rotated(&SeededEntropy::new(9), "next").unwrap());
        let rotated = App { keys, ..App::clone(&x.app) };
        assert!(envelopes_rewrap(&rotated).await.unwrap() > 0);
        assert_eq!(hook_secrets(&rotated, id).await.unwrap().signing(), Some(b"third".as_slice()));
        assert!(hook_secrets(&x.app, id).await.is_err(), "the old ring does not open it");
    }

    async fn tiktok_sends_several_leads_and_old_messages_are_void(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = x.listen(routes, &[]).await;
        let map = mapping(&[("seller_reference", "id")]);
        let unsigned = made(&x, &seller, "TIKTOK", &map).await;
        let hook = made_with(&x, &seller, "TIKTOK", &map, json!({ "signingSecret": SECRET })).await;
        let mut bad = entry("tt-3", 13);
        bad["changes"][4]["value"] = json!("many");
        let body = json!({ "object": 1, "time": 1, "entry": [entry("tt-1", 11), entry("tt-2", 12), bad] }).to_string().into_bytes();
        let signed = |at: i64, body: &[u8]| format!("t={at},s={}", hex::encode(hmac(SECRET, &[at.to_string().as_bytes(), b".", body])));
        let now = x.app.now().timestamp();
        for header in [signed(now - 301, &body), signed(now + 301, &body), signed(now, b"{}"), format!("t={now}"), String::new()] {
            assert_eq!(posted(&url, &hook, None, &[("tiktok-signature", &header)], body.clone()).await.0, 401, "{header}");
        }
        let (status, several) = posted(&url, &hook, None, &[("tiktok-signature", &signed(now - 300, &body))], body.clone()).await;
        let of = |answer: &Value, name: &str| answer["results"].as_array().unwrap().iter().map(|lead| lead[name].clone()).collect::<Vec<_>>();
        assert_eq!((status, of(&several, "status")), (200, vec![json!("ACCEPTED"), json!("ACCEPTED"), json!("REFUSED")]), "{several:#}");
        assert_eq!(several["results"][2]["errors"][0]["field"], "nights");
        x.clock.advance_secs(600);
        let (_, again) = posted(&url, &hook, None, &[("tiktok-signature", &signed(now + 600, &body))], body).await;
        assert_eq!(of(&again, "repeated")[..2], [json!(true), json!(true)], "{again:#}");
        assert_eq!(of(&again, "lead_id")[..2], of(&several, "lead_id")[..2]);
        // Without a secret the key opens, and one lead has an answer like everybody's.
        let one = json!({ "entry": [entry("tt-4", 14)] }).to_string().into_bytes();
        assert_eq!(posted(&url, &unsigned, None, &[], one.clone()).await.0, 401);
        let (status, taken) = posted(&url, &unsigned, unsigned["secret"].as_str(), &[], one).await;
        assert_eq!((status, &taken["status"]), (200, &json!("ACCEPTED")), "{taken:#}");
        assert_eq!(x.count("lead").await, 3);
    }

    async fn jotform_hands_its_submissions_in(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = x.listen(routes, &[]).await;
        let names = [("nights", "q7_nights"), ("seller_reference", "submissionID")];
        let hook = made(&x, &seller, "JOTFORM", &mapping(&names)).await;
        let key = hook["secret"].as_str();
        let answers = json!({
            "q3_name": { "first": "Kari", "last": "Nordmann" }, "q4_phone": { "full": "+47 912 00 021" }, "q5_email": "kari.21@fjelltur.no",
            "q6_city": "Bergen", "q7_nights": "7", "q8_adults": "2", "q9_destination_country": "Greece", "submissionID": "forged",
        });
        let text = answers.to_string();
        let fields = [("formID", "1"), ("submissionID", "500"), ("pretty", "Name:Kari Nordmann"), ("rawRequest", &text)];
        let body = multipart(&fields);
        assert_eq!(posted(&url, &hook, None, &[CUT], body.clone()).await.0, 401);
        assert_eq!(posted(&url, &hook, Some("guess"), &[CUT], body.clone()).await.0, 401);
        let (status, taken) = posted(&url, &hook, key, &[CUT], body.clone()).await;
        assert_eq!((status, &taken["status"]), (200, &json!("ACCEPTED")), "{taken:#}");
        let query = "query ($id: ID!) { lead(id: $id) { sellerReference city } }";
        let lead = seller.run(&x, query, json!({ "id": taken["lead_id"] })).await["lead"].clone();
        assert_eq!(lead, json!({ "sellerReference": "500", "city": "Bergen" }));
        x.clock.advance_secs(600);
        let (status, again) = posted(&url, &hook, key, &[CUT], body.clone()).await;
        assert_eq!((status, &again["lead_id"], &again["repeated"]), (200, &taken["lead_id"], &json!(true)));
        let many: Vec<(String, &str)> = (0..51).map(|n| (format!("p{n}"), "x")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let huge = "x".repeat(300_000);
        for (headers, body, status, code, field) in [
            (vec![CUT], multipart(&[("formID", "1")]), 422, "REQUIRED", json!("rawRequest")),
            (vec![CUT], multipart(&[("rawRequest", "{")]), 422, "INVALID", json!("rawRequest")),
            (vec![CUT], multipart(&[("rawRequest", "[]")]), 422, "INVALID", json!("rawRequest")),
            (vec![CUT], multipart(&[("a", "1"), ("a", "2")]), 422, "INVALID", json!("a")),
            (vec![CUT], multipart(&many), 422, "TOO_LARGE", Value::Null),
            (vec![CUT], body[..body.len() - 20].to_vec(), 422, "INVALID", Value::Null),
            (vec![("content-type", "multipart/form-data")], body.clone(), 422, "INVALID", Value::Null),
            (vec![("content-type", "application/json")], answers.to_string().into_bytes(), 422, "INVALID", Value::Null),
        ] {
            let (got, answer) = posted(&url, &hook, key, &headers, body).await;
            let error = &answer["errors"][0];
            assert_eq!((got, &error["code"], &error["field"]), (status, &json!(code), &field), "{answer:#}");
        }
        assert_eq!(posted(&url, &hook, key, &[CUT], multipart(&[("rawRequest", &huge)])).await.0, 413);
        assert_eq!(x.count("lead").await, 1);
    }
}
