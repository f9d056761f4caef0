//! Endpoints: made, changed, rotated, tested, ended, begun again; and messages sent again.

use domain::access::Role;
use serde_json::json;

use super::receiver::Receiver;
use super::{LOCAL, act, attempts, create, deliver, deliveries, endpoint, later};
use crate::harness::on_each_backend;
use crate::ledger::market::fund;
use crate::wallet::{WITHDRAW, eur, payee};

on_each_backend! {
    async fn a_test_arrives_signed_as_standard_webhooks_has_it(x: Exchange) {
        let x = x.with(LOCAL).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        let made = endpoint(&x, &owner, &at, "/hooks", &["trade.*"]).await;
        assert!(made.secret.starts_with("whsec_") && made.secret.len() == 6 + 44);
        assert!(!x.dump(store::TABLES).await.contains(&made.secret[6..]), "the secret is nowhere in clear");
        let tested = act(&x, &owner, "Test", &made.id, "webhookDelivery { id eventType state attempts }").await;
        let id = tested["webhookDelivery"]["id"].clone();
        assert_eq!(tested, json!({ "webhookDelivery": { "id": id, "eventType": "webhook.test", "state": "PENDING", "attempts": 0 }, "userErrors": [] }));
        assert_eq!(deliver(&x).await, 1);
        let got = at.taken().remove(0);
        assert_eq!((got.path.as_str(), got.header("content-type"), got.header("webhook-id")), ("/hooks", "application/json", id.as_str().unwrap()));
        assert_eq!(got.header("webhook-timestamp"), x.app.now().timestamp().to_string());
        assert_eq!(got.signed_by(&made.secret), 1);
        assert_eq!(got.body, json!({
            "type": "webhook.test", "timestamp": "2026-03-02T09:00:00.000000Z", "object": id, "sequence": 1,
            "data": { "webhookEndpointId": made.id },
        }));
        assert_eq!(deliveries(&x, &owner, ", state: DELIVERED, eventType: \"webhook.test\"").await[0]["attempts"], 1);
        assert_eq!(attempts(&x, &owner, &id).await, [json!({ "attempt": 1, "outcome": "DELIVERED", "status": 200, "answer": "ok" })]);
        let node = owner.run(&x, "query ($id: ID!) { node(id: $id) { id __typename } }", json!({ "id": id })).await;
        assert_eq!(node["node"], json!({ "id": id, "__typename": "WebhookDelivery" }));
        // Others see nothing of it.
        let other = x.organization("Other").await;
        assert_eq!(act(&x, &other, "Test", &made.id, "").await["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["webhookEndpointId"] }]));
        assert_eq!((deliveries(&x, &other, "").await.len(), attempts(&x, &other, &id).await.len()), (0, 0));
    }

    async fn what_cannot_be_an_endpoint_is_refused(x: Exchange) {
        let owner = x.organization("Buyer").await;
        let before = x.row_counts().await;
        let cases = [
            ("http://example.com/", vec!["*"], "INVALID", "url"),
            ("https://127.0.0.1/", vec!["*"], "INVALID", "url"),
            ("https://[::ffff:10.0.0.1]/", vec!["*"], "INVALID", "url"),
            ("https://169.254.169.254/latest/meta-data", vec!["*"], "INVALID", "url"),
            ("https://user:word@example.com/", vec!["*"], "INVALID", "url"),
            ("https://example.com/", vec![], "REQUIRED", "eventTypes"),
        ];
        for (url, types, code, path) in cases {
            let made = create(&x, &owner, url, &types, false).await;
            assert_eq!(made["userErrors"], json!([{ "code": code, "path": [path] }]), "{url}");
            assert!(made["secret"].is_null());
        }
        let made = create(&x, &owner, "https://example.com/", &["trade.released", "lead.sold"], false).await;
        assert_eq!(made["userErrors"], json!([{ "code": "INVALID", "path": ["eventTypes", "1"] }]));
        let long = format!("https://example.com/{}", "x".repeat(2_048));
        assert_eq!(create(&x, &owner, &long, &["*"], false).await["userErrors"][0]["code"], "TOO_LARGE");
        assert_eq!(create(&x, &owner, "https://example.com/", &vec!["*"; 51], false).await["userErrors"][0]["code"], "TOO_LARGE");
        assert_eq!(x.row_counts().await, before);
        for n in 0..20 {
            let made = create(&x, &owner, &format!("https://example.com/{n}"), &["*"], false).await;
            assert_eq!(made["userErrors"], json!([]), "{n}");
        }
        assert_eq!(create(&x, &owner, "https://example.com/20", &["*"], false).await["userErrors"][0]["code"], "LIMIT_REACHED");
        let viewer = x.member(owner.org(), Role::Viewer).await;
        let seen = viewer.run(&x, "{ webhookEndpoints(first: 2) { edges { node { url eventTypes } } pageInfo { hasNextPage } } }", json!({})).await;
        assert_eq!(seen["webhookEndpoints"], json!({ "edges": [
            { "node": { "url": "https://example.com/0", "eventTypes": ["*"] } }, { "node": { "url": "https://example.com/1", "eventTypes": ["*"] } },
        ], "pageInfo": { "hasNextPage": true } }));
    }

    async fn two_secrets_sign_while_one_takes_the_place_of_the_other(x: Exchange) {
        let x = x.with(LOCAL).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        let made = endpoint(&x, &owner, &at, "/", &["*"]).await;
        let rotate = async || act(&x, &owner, "RotateSecret", &made.id, "secret").await["secret"].as_str().unwrap().to_owned();
        let sent = async || {
            act(&x, &owner, "Test", &made.id, "").await;
            deliver(&x).await;
            at.taken().remove(0)
        };
        assert_eq!(sent().await.signed_by(&made.secret), 1);
        let second = rotate().await;
        let got = sent().await;
        assert_eq!((got.signed_by(&made.secret), got.signed_by(&second)), (1, 1));
        let third = rotate().await;
        let got = sent().await;
        assert_eq!((got.signed_by(&made.secret), got.signed_by(&second), got.signed_by(&third)), (0, 1, 1), "never more than two");
        later(&x, 86_399);
        assert_eq!(sent().await.signed_by(&second), 1);
        later(&x, 1);
        let got = sent().await;
        assert_eq!((got.signed_by(&second), got.signed_by(&third)), (0, 1), "the overlap has ended");
        assert_eq!(got.header("webhook-signature").split(' ').count(), 1);
        api::app::forgetting::forget_old(&x.app).await.unwrap();
        assert_eq!(x.count("webhook_secret").await, 1);
        // A key ring with a new key opens what the old one sealed.
        let rotated = x.app.keys.rotated(&api::ports::SeededEntropy::new(9), "next").unwrap();
        let app = api::app::App { keys: std::sync::Arc::new(rotated), ..(*x.app).clone() };
        assert_eq!(api::app::envelopes::envelopes_rewrap(&app).await.unwrap(), 1);
    }

    async fn an_endpoint_is_changed_ended_and_begun_again(x: Exchange) {
        let x = x.with(LOCAL).await;
        let (owner, at) = (x.organization("Seller").await, Receiver::start().await);
        fund(&x.app, owner.org(), 10_000).await;
        payee(&x, &owner).await;
        let made = endpoint(&x, &owner, &at, "/old", &["trade.*"]).await;
        let withdraw = async |key: &str| owner.run(&x, WITHDRAW, json!({ "input": { "amount": eur("10"), "idempotencyKey": key } })).await;
        withdraw("before").await;
        assert_eq!(deliver(&x).await, 0, "it is not told of payouts");
        let update = "mutation ($input: WebhookEndpointUpdateInput!) { webhookEndpointUpdate(input: $input) {
            webhookEndpoint { name url eventTypes } userErrors { code path } } }";
        let input = json!({ "webhookEndpointId": made.id, "url": at.url("/new"), "eventTypes": ["payout.*"] });
        let changed = owner.run(&x, update, json!({ "input": input })).await["webhookEndpointUpdate"].clone();
        assert_eq!(changed["webhookEndpoint"], json!({ "name": "CRM", "url": at.url("/new"), "eventTypes": ["payout.*"] }));
        withdraw("told").await;
        assert_eq!(deliver(&x).await, 1);
        let got = at.taken().remove(0);
        assert_eq!((got.path.as_str(), &got.body["type"], &got.body["data"]["amount"]), ("/new", &json!("payout.requested"), &eur("10.00")));
        at.answers(500, "");
        withdraw("waits").await;
        assert_eq!(deliver(&x).await, 1);
        let disabled = act(&x, &owner, "Disable", &made.id, "webhookEndpoint { disabledFor }").await;
        assert_eq!(disabled["webhookEndpoint"]["disabledFor"], "OWNER");
        withdraw("untold").await;
        later(&x, 60);
        assert_eq!(deliver(&x).await, 0);
        let dead = deliveries(&x, &owner, ", state: DEAD").await;
        assert_eq!(dead.len(), 1, "what waited is given up");
        let replay = "mutation ($input: WebhookReplayInput!) { webhookReplay(input: $input) { replayed userErrors { code path } } }";
        let one = json!({ "input": { "webhookDeliveryId": dead[0]["id"] } });
        let refused = owner.run(&x, replay, one.clone()).await["webhookReplay"].clone();
        assert_eq!(refused, json!({ "replayed": null, "userErrors": [{ "code": "WRONG_STATE", "path": ["webhookEndpointId"] }] }));
        assert_eq!(act(&x, &owner, "Test", &made.id, "").await["userErrors"][0]["code"], "WRONG_STATE");
        at.answers(200, "");
        at.taken();
        assert_eq!(act(&x, &owner, "Enable", &made.id, "webhookEndpoint { disabledAt }").await["webhookEndpoint"]["disabledAt"], json!(null));
        assert_eq!(owner.run(&x, replay, one).await["webhookReplay"]["replayed"], 1);
        assert_eq!(deliver(&x).await, 1);
        assert_eq!(at.taken().remove(0).header("webhook-id"), dead[0]["id"].as_str().unwrap(), "under the same id");
        // A range, and what is in none.
        let range = |from: &str, until: &str| json!({ "input": { "range": { "webhookEndpointId": made.id, "from": from, "until": until } } });
        let all = owner.run(&x, replay, range("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")).await;
        assert_eq!(all["webhookReplay"], json!({ "replayed": 2, "userErrors": [] }));
        assert_eq!(deliver(&x).await, 2);
        assert_eq!(owner.run(&x, replay, range("2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z")).await["webhookReplay"]["replayed"], 0);
        let backwards = owner.run(&x, replay, range("2026-03-03T00:00:00Z", "2026-03-03T00:00:00Z")).await;
        assert_eq!(backwards["webhookReplay"]["userErrors"], json!([{ "code": "INVALID", "path": ["range", "until"] }]));
        let other = x.organization("Other").await;
        let foreign = other.run(&x, replay, range("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")).await;
        assert_eq!(foreign["webhookReplay"]["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["range", "webhookEndpointId"] }]));
        let both = json!({ "input": { "webhookDeliveryId": dead[0]["id"], "range": range("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")["input"]["range"] } });
        assert_eq!(owner.run(&x, replay, both).await["webhookReplay"]["userErrors"], json!([{ "code": "INVALID", "path": ["range"] }]));
        // What is long over is forgotten.
        later(&x, 31 * 86_400);
        api::app::forgetting::forget_old(&x.app).await.unwrap();
        assert_eq!((x.count("webhook_delivery").await, x.count("webhook_attempt").await), (0, 0));
    }
}
