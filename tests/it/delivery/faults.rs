//! What goes wrong on the way: no lead is lost, none is brought after a refund, no sale waits.

use std::time::Duration;

use api::app::deliveries::{deliveries_follow, deliveries_run};
use serde_json::{Value, json};
use store::trades::trade_refund;

use super::stand::{Scene, attempts, due_in, hook};
use super::vendor::{Reply, Seen, Vendor, reply, silence};
use crate::harness::on_each_backend;
use crate::ledger::market::{assert_clean, on_trade};

fn accepted() -> Reply {
    reply(200, json!({ "status": "success" }))
}

on_each_backend! {
    async fn a_failed_delivery_is_tried_again_and_starts_the_hold_when_it_succeeds(x: Exchange) {
        let scene = Scene::open(x).await;
        let vendor = Vendor::start(|_, before| match before {
            0 => reply(500, json!("oops")),
            1 => Reply(429, json!("slowly"), vec![("retry-after", "120")]),
            _ => accepted(),
        }).await;
        scene.default_to(hook(), &[("url", &vendor.url)]).await;
        let trade = scene.bought(1).await;
        scene.made(1).await;
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!((&delivery["state"], &delivery["reason"], &delivery["failures"]), (&json!("WAITING"), &json!("answered 500"), &json!(1)));
        assert!((4..=5).contains(&due_in(&scene.x, &delivery)), "{delivery}");
        assert_eq!(scene.trade(trade).await["deliveredAt"], Value::Null);
        assert_eq!(scene.run().await, 0, "its pause is not over");
        scene.x.clock.advance_secs(5);
        scene.run().await;
        assert!((120..=145).contains(&due_in(&scene.x, &scene.delivery().await)), "as it was asked");
        scene.x.clock.advance_secs(119);
        assert_eq!(scene.run().await, 0);
        scene.x.clock.advance_secs(30);
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!((&delivery["state"], &delivery["reason"], &delivery["dueAt"]), (&json!("DELIVERED"), &Value::Null, &Value::Null));
        let expected = [("RETRY", 500), ("RETRY", 429), ("ACCEPTED", 200)].map(|(outcome, status)| (outcome.to_owned(), json!(status)));
        assert_eq!(attempts(&delivery), expected);
        let seen = scene.trade(trade).await;
        assert_eq!((&seen["holdWaitsForDelivery"], &seen["deliveries"]), (&json!(false), &json!([{ "state": "DELIVERED" }])));
        assert_eq!(scene.x.count("contact_reveal").await, 1);
        assert_clean(&scene.x).await;
    }

    async fn what_fails_for_a_day_is_given_up_and_can_be_resent(x: Exchange) {
        let scene = Scene::open(x).await;
        let vendor = Vendor::start(|_, _| reply(503, json!("down"))).await;
        scene.default_to(hook(), &[("url", &vendor.url)]).await;
        let trade = scene.bought(1).await;
        scene.made(1).await;
        let began = scene.x.app.now();
        loop {
            scene.run().await;
            let delivery = scene.delivery().await;
            if delivery["state"] == "FAILED" {
                break;
            }
            scene.x.clock.advance_secs(due_in(&scene.x, &delivery) + 1);
        }
        let took = scene.x.app.now().signed_duration_since(began).num_hours();
        assert!((20..24).contains(&took), "{took} hours");
        let delivery = scene.delivery().await;
        assert_eq!(delivery["reason"], "given up: answered 503");
        assert!((15..25).contains(&attempts(&delivery).len()), "{}", attempts(&delivery).len());
        assert_eq!(scene.trade(trade).await["state"], "HELD", "the sale does not wait");
        vendor.now(|_, _| accepted());
        let viewer = scene.x.member(scene.buyer.org(), domain::access::Role::Viewer).await;
        let query = "mutation($id: ID!) { deliveryRetry(input: { deliveryId: $id }) { userErrors { code } } }";
        let denied = viewer.execute(&scene.x, query, json!({ "id": delivery["id"] })).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert_eq!(scene.seller.run(&scene.x, query, json!({ "id": delivery["id"] })).await["deliveryRetry"]["userErrors"][0]["code"], "NOT_FOUND");
        assert_eq!(scene.retry(&delivery["id"]).await, json!({ "delivery": { "state": "WAITING" }, "userErrors": [] }));
        scene.x.clock.advance_secs(300);
        scene.run().await;
        assert_eq!(scene.delivery().await["state"], "DELIVERED");
        assert_eq!(scene.retry(&delivery["id"]).await["userErrors"], json!([{ "code": "WRONG_STATE", "path": ["deliveryId"] }]));
    }

    async fn wrong_credentials_wait_for_right_ones(x: Exchange) {
        let scene = Scene::open(x).await;
        let vendor = Vendor::start(|seen, _| match seen.header("authorization") {
            "Bearer right" => reply(201, json!({ "id": "1" })),
            _ => reply(401, json!({ "message": "Authentication credentials not found" })),
        }).await;
        let id = scene.default_to(json!({ "settings": { "hubspotContact": {} }, "baseUrl": vendor.url }), &[("access_token", "wrong")]).await;
        scene.bought(1).await;
        scene.bought(2).await;
        scene.made(2).await;
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!((&delivery["state"], &delivery["reason"]), (&json!("WAITING"), &json!("answered 401: Authentication credentials not found")));
        assert_eq!(delivery["attempts"]["edges"][0]["node"]["outcome"], "BROKEN");
        let update = json!({ "destinationId": id, "secrets": [{ "name": "access_token", "value": "right" }] });
        assert_eq!(scene.turn("destinationUpdate", update).await["userErrors"], json!([]));
        scene.run().await;
        let states: Vec<Value> = scene.deliveries().await.into_iter().map(|delivery| delivery["state"].clone()).collect();
        assert_eq!(states, [json!("DELIVERED"), json!("DELIVERED")]);
    }

    async fn a_silent_system_is_given_time_and_then_left_alone(x: Exchange) {
        let mut scene = Scene::open(x).await;
        scene.x.app = scene.x.process_with("[delivery]\ninsecure = true\ntimeout_secs = 1\nper_destination = 1\n").await;
        let vendor = Vendor::start(|_, _| silence()).await;
        scene.default_to(hook(), &[("url", &vendor.url)]).await;
        for n in 1..=3 {
            scene.bought(n).await;
        }
        scene.made(3).await;
        scene.run().await;
        assert_eq!(vendor.count(), 1, "one of them is enough to know");
        let mut reasons: Vec<Value> = scene.deliveries().await.into_iter().map(|delivery| delivery["reason"].clone()).collect();
        reasons.sort_by_key(Value::is_null);
        assert_eq!(reasons, [json!("no answer in time"), Value::Null, Value::Null]);
        vendor.now(|_, _| accepted());
        for _ in 0..10 {
            scene.x.clock.advance_secs(2);
            scene.run().await;
        }
        assert_eq!(vendor.count(), 3);
    }

    async fn a_step_that_succeeded_is_not_repeated(x: Exchange) {
        let scene = Scene::open(x).await;
        let person = |seen: &Seen| seen.path.ends_with("/persons");
        let vendor = Vendor::start(move |seen, _| match person(seen) {
            true => reply(201, json!({ "success": true, "data": { "id": 77 } })),
            false => silence(),
        }).await;
        scene.default_to(json!({ "settings": { "pipedrive": { "domain": "acme" } }, "baseUrl": vendor.url }), &[("api_token", "t")]).await;
        scene.bought(1).await;
        scene.made(1).await;
        // The process dies between the two steps.
        let dies = tokio::time::timeout(Duration::from_secs(3), deliveries_run(&scene.x.app)).await;
        assert!(dies.is_err() && vendor.count() == 2, "{} requests", vendor.count());
        vendor.now(|seen, _| match seen.json()["person_id"].as_u64() {
            Some(77) => reply(201, json!({ "success": true, "data": { "id": "L1" } })),
            _ => reply(500, json!({})),
        });
        let second = scene.x.process_with("[delivery]\ninsecure = true\n").await;
        assert_eq!(deliveries_run(&second).await.unwrap(), 0, "it is still its turn");
        scene.x.clock.advance_secs(60);
        assert_eq!(deliveries_run(&second).await.unwrap(), 1);
        let paths: Vec<String> = vendor.seen().into_iter().map(|seen| seen.path).collect();
        assert_eq!(paths, ["/v1/leads"]);
        assert_eq!(scene.delivery().await["externalId"], "L1");
        assert_eq!(scene.x.count("contact_reveal").await, 1);
    }

    async fn two_processes_share_the_work(x: Exchange) {
        let scene = Scene::open(x).await;
        let vendor = Vendor::start(|_, _| accepted()).await;
        scene.default_to(hook(), &[("url", &vendor.url)]).await;
        for n in 1..=6 {
            scene.bought(n).await;
        }
        scene.made(6).await;
        let second = scene.x.process_with("[delivery]\ninsecure = true\n").await;
        for _ in 0..5 {
            let (one, other) = tokio::join!(deliveries_run(&scene.x.app), deliveries_run(&second));
            one.and(other).unwrap();
            scene.x.clock.advance_secs(1);
        }
        let mut keys: Vec<String> = vendor.seen().iter().map(|seen| seen.header("idempotency-key").to_owned()).collect();
        keys.sort();
        keys.dedup();
        assert_eq!((keys.len(), vendor.count()), (6, 6));
        assert!(scene.deliveries().await.iter().all(|delivery| delivery["state"] == "DELIVERED"));
    }

    async fn leads_come_as_fast_as_the_system_takes_them(x: Exchange) {
        let scene = Scene::open(x).await;
        let vendor = Vendor::start(|_, _| reply(200, json!([{ "id": 1, "merged": false }]))).await;
        let kommo = json!({ "settings": { "kommo": { "accountUrl": "https://acme.kommo.com" } }, "baseUrl": vendor.url });
        scene.default_to(kommo, &[("access_token", "t")]).await;
        for n in 1..=5 {
            scene.bought(n).await;
        }
        scene.made(5).await;
        scene.run().await;
        assert_eq!(vendor.count(), 3, "a burst");
        assert_eq!(scene.run().await, 0);
        scene.x.clock.advance_secs(1);
        scene.run().await;
        assert_eq!(vendor.count(), 5);
    }

    async fn a_refund_or_the_persons_wish_stops_what_was_not_brought(x: Exchange) {
        let scene = Scene::open(x).await;
        let vendor = Vendor::start(|_, _| reply(500, json!({}))).await;
        scene.default_to(hook(), &[("url", &vendor.url)]).await;
        let refunded = scene.bought(1).await;
        scene.made(1).await;
        on_trade!(scene.x.app, trade_refund, refunded).unwrap();
        // The feed may be late: the delivery looks at the trade itself.
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!((vendor.count(), &delivery["state"], &delivery["reason"]), (0, &json!("STOPPED"), &json!("the trade was refunded")));
        assert_eq!(scene.retry(&delivery["id"]).await["userErrors"], json!([{ "code": "WRONG_STATE", "path": ["deliveryId"] }]));
        // One that has failed so far is stopped by the feed.
        let refunded = scene.bought(2).await;
        scene.made(2).await;
        scene.run().await;
        on_trade!(scene.x.app, trade_refund, refunded).unwrap();
        while scene.delivery().await["state"] == "WAITING" {
            deliveries_follow(&scene.x.app).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(scene.delivery().await["state"], "STOPPED");
        // The person takes consent back: nothing personal is left to bring.
        let lead = scene.x.verified_lead(&scene.seller, 3).await;
        scene.bought_lead(lead.parse().unwrap()).await;
        scene.made(3).await;
        scene.run().await;
        assert_eq!(vendor.count(), 2);
        let query = "mutation($input: ConsentWithdrawInput!) { consentWithdraw(input: $input) { refundedTrades userErrors { code } } }";
        let input = json!({ "leadId": lead, "idempotencyKey": "w" });
        assert_eq!(scene.seller.run(&scene.x, query, json!({ "input": input })).await["consentWithdraw"], json!({ "refundedTrades": 1, "userErrors": [] }));
        scene.x.clock.advance_secs(60);
        scene.run().await;
        assert_eq!((vendor.count(), scene.delivery().await["state"].clone()), (2, json!("STOPPED")));
        // What the other side answered went with the person.
        assert_eq!(scene.delivery().await["attempts"]["edges"][0]["node"]["answer"], Value::Null);
        assert_clean(&scene.x).await;
    }

    async fn a_hook_that_is_gone_disables_its_destination(x: Exchange) {
        let scene = Scene::open(x).await;
        let vendor = Vendor::start(|_, _| reply(410, json!({ "status": "gone" }))).await;
        let id = scene.default_to(hook(), &[("url", &vendor.url)]).await;
        scene.bought(1).await;
        scene.bought(2).await;
        scene.made(2).await;
        scene.run().await;
        assert!((1..=2).contains(&vendor.count()));
        let reasons: Vec<Value> = scene.deliveries().await.into_iter().map(|delivery| delivery["reason"].clone()).collect();
        assert!(reasons.contains(&json!("the hook wants nothing more")), "{reasons:?}");
        assert!(scene.deliveries().await.iter().all(|delivery| delivery["state"] == "FAILED"));
        api::app::jobs::jobs_run(&scene.x.app).await.unwrap();
        let mails = scene.x.outbox.mail.take();
        assert!(!mails.is_empty() && mails.iter().all(|mail| mail.subject == "A destination of your leads is disabled"), "{mails:?}");
        assert!(mails[0].to.starts_with(&scene.buyer.user.to_string()) && mails[0].text.contains("\"CRM\""), "the owner is told");
        // What is bought now stays visible with the reason.
        let calls = vendor.count();
        scene.bought(3).await;
        scene.made(3).await;
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!((vendor.count(), &delivery["state"], &delivery["reason"]), (calls, &json!("FAILED"), &json!("the destination is disabled")));
        assert_eq!(scene.retry(&delivery["id"]).await["userErrors"], json!([{ "code": "WRONG_STATE", "path": ["deliveryId"] }]));
        vendor.now(|_, _| accepted());
        let enabled = scene.turn("destinationEnable", json!({ "destinationId": id })).await;
        assert_eq!((&enabled["destination"]["disabledAt"], &enabled["userErrors"]), (&Value::Null, &json!([])));
        assert_eq!(scene.retry(&delivery["id"]).await["userErrors"], json!([]));
        scene.run().await;
        assert_eq!(scene.delivery().await["state"], "DELIVERED");
    }

    async fn a_campaign_pauses_when_its_deliveries_fail(x: Exchange) {
        let scene = Scene::open(x).await;
        let vendor = Vendor::start(|_, _| reply(500, json!({}))).await;
        let payload = scene.destination(json!({
            "name": "Hook", "destination": hook(), "secrets": [{ "name": "url", "value": vendor.url }],
        })).await;
        let destination = payload["destination"]["id"].clone();
        let campaign = crate::offers::stand::campaign_create(&scene.x, &scene.buyer, "c", json!({
            "name": "Tours", "vertical": "travel", "currencyCode": "EUR", "price": { "exclusive": crate::market::stand::money("20") },
            "pauseAfterFailures": 2, "destinationIds": [destination],
        })).await;
        let state = async || {
            let query = "query($id: ID!) { campaign(id: $id) { state pauseReason failures destinationIds } }";
            scene.buyer.run(&scene.x, query, json!({ "id": campaign })).await["campaign"].clone()
        };
        for n in 1..=2 {
            let lead = scene.x.verified_lead(&scene.seller, n).await.parse().unwrap();
            let terms = json!({ "fixed": { "exclusivePrice": crate::market::stand::money("20") } });
            crate::market::stand::listed(&scene.x, &scene.seller, lead, 1, None, terms).await;
            while api::app::jobs::jobs_run(&scene.x.app).await.unwrap() > 0 {}
            scene.made(n.into()).await;
            for _ in 0..3 {
                scene.run().await;
                scene.x.clock.advance_secs(60);
            }
            let expected = if n == 1 { ("ACTIVE", Value::Null, 1) } else { ("PAUSED", json!("DELIVERIES_FAILING"), 2) };
            let seen = state().await;
            assert_eq!((seen["state"].as_str().unwrap(), seen["pauseReason"].clone(), seen["failures"].as_i64().unwrap()), expected);
            assert_eq!(seen["destinationIds"], json!([destination]));
        }
        assert!(vendor.count() > 2, "each lead counts once, however often it is tried: {}", vendor.count());
        assert_eq!(scene.delivery().await["campaignId"], campaign);
    }
}
