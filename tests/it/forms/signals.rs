//! How a form was filled, and what the checks make of it. The sender is told nothing.

use serde_json::{Value, json};

use super::{but, check, configured, content, filled, leads, page, published, send, serve, typed};
use crate::harness::{Actor, Exchange, on_each_backend};

/// What the script of a page reports that a person filled by hand.
fn by_hand() -> Value {
    let typed = json!({ "keys": 11, "pastes": 0, "focuses": 1, "changes": 0 });
    json!({
        "fields": { "name": typed, "phone": typed, "email": typed, "nights": typed, "not_of_this_form": typed },
        "focus_changes": 9, "pointers": 3, "returns": 0, "hints": [], "millis": 58_000, "page": "https://tours.example/greece?mail=x",
        "referrer": "https://search.example/?q=kari", "zone": "Europe/Oslo",
    })
}

async fn lead(x: &Exchange, seller: &Actor) -> Value {
    leads(x, seller).await[0].clone()
}

fn suspect(lead: &Value) -> (String, Value) {
    let (outcome, facts) = check(lead, "INTERACTION");
    (outcome, facts["suspect"].clone())
}

on_each_backend! {
    async fn programs_are_found_by_what_they_leave_out(x: Exchange) {
        let mut x = x;
        configured(&mut x, |config| config.forms.fills_hour = 1_000);
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = serve(&x).await;
        let form = published(&x, &seller, content()).await;
        let mut report = by_hand();
        report["fields"]["call_me_at"] = json!({ "keys": 2 });
        let fields = but(typed(1), "call_me_at", "2026-03-03T15:30");
        assert_eq!(filled(&x, &url, &form, fields, Some(report)).await.status, 303);
        let good = lead(&x, &seller).await;
        assert_eq!((&good["state"], suspect(&good)), (&json!("VERIFIED"), ("PASS".into(), Value::Null)));
        assert_eq!(good["session"], json!({
            "timeOnPageSecs": 60, "typedFields": 5, "pastedFields": 0, "honeypotFilled": false, "pageUrl": "https://tours.example/greece",
        }));
        assert_eq!(good["consent"]["pageUrl"], "https://tours.example/greece");
        let with = |change: fn(&mut Value)| {
            let mut report = by_hand();
            change(&mut report);
            Some(report)
        };
        let cases: [(Option<Value>, &str, &str); 4] = [
            (with(|report| report["hints"] = json!(["WEBDRIVER"])), "FAIL", "REJECTED"),
            (with(|report| report["hints"] = json!(["NO_WINDOW"])), "INCONCLUSIVE", "VERIFIED"),
            (Some(json!({ "fields": {}, "focus_changes": 0, "pointers": 0 })), "FAIL", "REJECTED"),
            (Some(json!("not a report")), "INCONCLUSIVE", "VERIFIED"),
        ];
        for (n, (report, outcome, state)) in (2..).zip(cases) {
            let answer = filled(&x, &url, &form, typed(n), report).await;
            assert_eq!(answer.status, 303, "nobody is told");
            let lead = lead(&x, &seller).await;
            assert_eq!((check(&lead, "INTERACTION").0.as_str(), lead["state"].as_str().unwrap()), (outcome, state), "{n} {lead:#}");
        }
        filled(&x, &url, &form, but(typed(8), "Website", "http://spam.example"), Some(by_hand())).await;
        let trapped = lead(&x, &seller).await;
        assert_eq!((&trapped["state"], check(&trapped, "HONEYPOT").0.as_str()), (&json!("REJECTED"), "FAIL"));
        let opened = page(&format!("{url}/f/{form}"), &[]).await;
        x.clock.advance_secs(2);
        send(&url, &form, &but(typed(9), "_ticket", &opened.hidden("_ticket")), "198.51.100.7").await;
        let fast = lead(&x, &seller).await;
        assert_eq!((&fast["state"], check(&fast, "FORM_TIMING").0.as_str()), (&json!("REJECTED"), "FAIL"));
        let before = good["score"].as_i64().unwrap();
        assert!(before > fast["score"].as_i64().unwrap(), "each of these costs points");
    }

    async fn paid_form_fillers_send_many_from_one_browser(x: Exchange) {
        let mut x = x;
        configured(&mut x, |config| config.forms.fills_hour = 3);
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = serve(&x).await;
        let form = published(&x, &seller, content()).await;
        let mut found = Vec::new();
        for n in 1..=4 {
            filled(&x, &url, &form, typed(n), Some(by_hand())).await;
            found.push(suspect(&lead(&x, &seller).await));
        }
        let hired = json!("HIRED");
        assert_eq!(found, [
            ("PASS".into(), Value::Null), ("PASS".into(), Value::Null), ("INCONCLUSIVE".into(), hired.clone()), ("FAIL".into(), hired.clone()),
        ]);
        assert_eq!(lead(&x, &seller).await["state"], "REJECTED");
        // All pasted, and one of some.
        x.clock.advance_secs(3_600);
        let pasted = json!({ "keys": 2, "pastes": 1, "focuses": 1 });
        let report = json!({ "fields": { "name": pasted, "phone": pasted, "email": pasted }, "focus_changes": 3, "pointers": 3 });
        for n in 5..=7 {
            filled(&x, &url, &form, typed(n), Some(report.clone())).await;
        }
        let pasting = lead(&x, &seller).await;
        assert_eq!((suspect(&pasting), &pasting["session"]["pastedFields"]), (("FAIL".into(), hired), &json!(3)));
    }
}
