//! Limits and errors, as each system tells them.

use serde_json::{Value, json};

use super::stand::{Scene, due_in};
use super::vendor::{Reply, Vendor, reply};
use crate::harness::on_each_backend;

struct Case {
    settings: Value,
    secrets: &'static [(&'static str, &'static str)],
    says: fn() -> Reply,
    outcome: &'static str,
    reason: &'static str,
    /// Seconds until the next attempt, at least and at most.
    pause: (i64, i64),
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            settings: json!({ "bitrix24": { "portalUrl": "https://acme.bitrix24.com", "userId": 7 } }),
            secrets: &[("webhook_code", "c0de")],
            says: || reply(503, json!({ "error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests" })),
            outcome: "RETRY",
            reason: "answered 503",
            pause: (2, 3),
        },
        Case {
            settings: json!({ "salesforceRest": { "instanceUrl": "https://acme.my.salesforce.com" } }),
            secrets: &[("access_token", "00D!old")],
            says: || reply(401, json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }])),
            outcome: "BROKEN",
            reason: "answered 401: INVALID_SESSION_ID: Session expired or invalid",
            pause: (4, 5),
        },
        Case {
            settings: json!({ "pipedrive": { "domain": "acme" } }),
            secrets: &[("api_token", "t")],
            says: || Reply(429, json!({ "success": false, "error": "rate limit exceeded" }), vec![("x-ratelimit-reset", "30")]),
            outcome: "RETRY",
            reason: "answered 429",
            pause: (30, 36),
        },
        Case {
            settings: json!({ "kommo": { "accountUrl": "https://acme.kommo.com" } }),
            secrets: &[("access_token", "t")],
            says: || reply(429, json!({ "title": "Too many requests", "status": 429 })),
            outcome: "RETRY",
            reason: "answered 429",
            pause: (1, 2),
        },
        Case {
            settings: json!({ "hubspotContact": {} }),
            secrets: &[("access_token", "t")],
            says: || {
                reply(429, json!({ "status": "error", "policyName": "DAILY", "message": "You have reached your daily limit." }))
            },
            outcome: "RETRY",
            reason: "answered 429",
            pause: (600, 86_400),
        },
        Case {
            settings: json!({ "salesforceRest": { "instanceUrl": "https://acme.my.salesforce.com" } }),
            secrets: &[("access_token", "00D!token")],
            says: || reply(302, Value::Null),
            outcome: "BROKEN",
            reason: "answered 302 with a redirect",
            pause: (4, 5),
        },
    ]
}

on_each_backend! {
    async fn what_a_system_asks_for_is_heeded(x: Exchange) {
        let scene = Scene::open(x).await;
        for (n, case) in (1_u32..).zip(cases()) {
            let Case { settings, secrets, says, outcome, reason, pause } = case;
            let vendor = Vendor::start(move |_, _| says()).await;
            scene.default_to(json!({ "settings": settings, "baseUrl": vendor.url }), secrets).await;
            scene.bought(n).await;
            scene.made(n.into()).await;
            scene.run().await;
            let delivery = scene.delivery().await;
            assert_eq!((&delivery["state"], &delivery["reason"]), (&json!("WAITING"), &json!(reason)), "{settings}");
            assert_eq!(delivery["attempts"]["edges"][0]["node"]["outcome"], outcome, "{settings}");
            let due = due_in(&scene.x, &delivery);
            assert!((pause.0..=pause.1).contains(&due), "{settings}: {due} s");
            assert_eq!(vendor.count(), 1, "a redirect is not followed");
        }
    }
}
