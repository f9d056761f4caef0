//! Calls with the person: who held them, what they prove, and what they do not.

use api::app::uploads::{UploadProof, upload_put};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};

use super::{act, errors, lead, outcome};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::imports::announce;
use crate::market::stand::{listed, money};

/// Puts a file of evidence; answers the upload's id.
async fn put(x: &Exchange, actor: &Actor, bytes: &[u8]) -> String {
    let announced = announce(x, actor, "EVIDENCE", "call.mp3").await;
    let id = announced["upload"]["id"].as_str().unwrap().to_owned();
    let proof = UploadProof::Token(announced["token"].as_str().unwrap().into());
    let chunk: Result<Bytes, std::io::Error> = Ok(Bytes::copy_from_slice(bytes));
    upload_put(&x.app, &proof, id.parse().unwrap(), None, stream::iter([chunk])).await.unwrap();
    id
}

fn sound(n: u8) -> Vec<u8> {
    [b"ID3\x03\x00\x00\x00\x00\x00\x00".as_slice(), &[n; 100]].concat()
}

fn call(lead: &str, disposition: &str, recording: Option<&str>) -> Value {
    json!({ "leadId": lead, "disposition": disposition, "durationSecs": 95, "recordingUploadId": recording })
}

fn standing(payload: &Value) -> (&str, &str) {
    (payload["lead"]["state"].as_str().unwrap(), payload["lead"]["level"].as_str().unwrap())
}

on_each_backend! {
    async fn a_seller_proves_a_call_by_its_recording(x: Exchange) {
        x.verticals().await;
        let (seller, other) = (x.organization("Seller").await, x.organization("Other").await);
        let (id, second) = (x.verified_lead(&seller, 1).await, x.verified_lead(&seller, 2).await);
        let told = act(&x, &seller, "callRecord", call(&id, "CONFIRMED_INTEREST", None)).await;
        assert_eq!(standing(&told), ("VERIFIED", "FORMAT"));
        assert_eq!(outcome(&told["lead"], "SPOKEN"), Some("INCONCLUSIVE".into()), "its word alone proves nothing");
        let (recording, text) = (put(&x, &seller, &sound(1)).await, put(&x, &seller, b"she said yes").await);
        let foreign = put(&x, &other, &sound(2)).await;
        let before = x.row_counts().await;
        let refused = [(&text, "INVALID"), (&foreign, "NOT_FOUND")];
        for (upload, code) in refused {
            let payload = act(&x, &seller, "callRecord", call(&id, "CONFIRMED_INTEREST", Some(upload))).await;
            assert_eq!(errors(&payload), [(code.to_owned(), "recordingUploadId".to_owned())]);
        }
        assert_eq!(x.row_counts().await, before);
        let proved = act(&x, &seller, "callRecord", call(&id, "CONFIRMED_INTEREST", Some(&recording))).await;
        assert_eq!(standing(&proved), ("VERIFIED", "SPOKEN"));
        let copy = put(&x, &seller, &sound(1)).await;
        for again in [&recording, &copy] {
            let payload = act(&x, &seller, "callRecord", call(&second, "CONFIRMED_INTEREST", Some(again))).await;
            assert_eq!(errors(&payload), [("TAKEN".to_owned(), "recordingUploadId".to_owned())], "one call, one recording");
        }
        let history = "query($id: ID!) { lead(id: $id) { checkHistory { kind outcome recordedById recordingUploadId } } }";
        let history = seller.run(&x, history, json!({ "id": id })).await["lead"]["checkHistory"].clone();
        let user = seller.user.to_string();
        assert_eq!(history, json!([
            { "kind": "SPOKEN", "outcome": "INCONCLUSIVE", "recordedById": user, "recordingUploadId": null },
            { "kind": "SPOKEN", "outcome": "PASS", "recordedById": user, "recordingUploadId": recording },
        ]));
        let listing = listed(&x, &seller, id.parse().unwrap(), 1, None, json!({ "fixed": { "exclusivePrice": money("40") } })).await;
        let checks = "query($id: ID!) { listing(id: $id) { checks { kind outcome calledBy } } }";
        let checks = other.run(&x, checks, json!({ "id": listing })).await["listing"]["checks"].clone();
        let spoken = checks.as_array().unwrap().iter().find(|check| check["kind"] == "SPOKEN").unwrap();
        assert_eq!(spoken, &json!({ "kind": "SPOKEN", "outcome": "PASS", "calledBy": "SELLER" }), "buyers see who called");
    }

    async fn a_call_that_nobody_answers_takes_nothing_back(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        let id = x.verified_lead(&seller, 1).await;
        act(&x, &operator, "callRecord", call(&id, "CONFIRMED_INTEREST", None)).await;
        for missed in ["NO_ANSWER", "BUSY"] {
            let payload = act(&x, &seller, "callRecord", call(&id, missed, None)).await;
            assert_eq!(standing(&payload), ("VERIFIED", "SPOKEN"), "{missed}");
        }
        let spoken = lead(&x, &seller, &id).await["checkHistory"].clone();
        let outcomes: Vec<_> = spoken.as_array().unwrap().iter().map(|check| (&check["outcome"], &check["recordedById"])).collect();
        let (user, inconclusive) = (json!(seller.user.to_string()), json!("INCONCLUSIVE"));
        let expected = [(&json!("PASS"), &Value::Null), (&inconclusive, &user), (&inconclusive, &user)];
        assert_eq!(outcomes, expected, "each call is remembered, and staff has no name for the seller");
    }

    async fn a_seller_does_not_undo_what_the_exchange_heard(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        let id = x.verified_lead(&seller, 1).await;
        act(&x, &operator, "callRecord", call(&id, "DENIES_REQUEST", None)).await;
        let recording = put(&x, &seller, &sound(1)).await;
        let payload = act(&x, &seller, "callRecord", call(&id, "CONFIRMED_INTEREST", Some(&recording))).await;
        assert_eq!(standing(&payload), ("REJECTED", "FORMAT"));
        let payload = act(&x, &operator, "callRecord", call(&id, "CONFIRMED_INTEREST", None)).await;
        assert_eq!(standing(&payload), ("VERIFIED", "SPOKEN"));
    }

    async fn a_seller_does_not_speak_for_a_number_that_nobody_has(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        let mut input = x.lead_input(1);
        input["contact"] = json!({ "name": "Kari Nordmann", "phones": ["+47 9120000"] });
        let id = x.lead_submit(&seller, input).await["lead"]["id"].as_str().unwrap().to_owned();
        let recording = put(&x, &seller, &sound(1)).await;
        let payload = act(&x, &seller, "callRecord", call(&id, "CONFIRMED_INTEREST", Some(&recording))).await;
        assert_eq!(standing(&payload), ("REJECTED", "NONE"));
        let payload = act(&x, &operator, "callRecord", call(&id, "CONFIRMED_INTEREST", None)).await;
        assert_eq!(standing(&payload), ("VERIFIED", "SPOKEN"));
    }
}
