//! Access tokens: got, renewed and given up, against servers that check what the vendors' token endpoints check.

use std::sync::Arc;
use std::time::Duration;

use api::app::App;
use api::app::deliveries::deliveries_run;
use api::app::destinations::tokens::destination_tokens_renew;
use api::app::envelopes::envelopes_rewrap;
use api::ports::SeededEntropy;
use serde_json::{Value, json};

use super::account::{Account, SECRETS, hubspot, hubspot_at, hubspot_lead, kommo, kommo_at, kommo_lead, vendors, with_app};
use super::stand::{Scene, attempts, due_in};
use super::vendor::{Reply, Seen, Vendor, reply, silence};
use crate::harness::on_each_backend;

const OAUTH: &str =
    "query($id: ID!) { node(id: $id) { ... on Destination { oauth { state fault reason grantedAt expiresAt } } } }";
const TEST: &str = "mutation($id: ID!) { deliveryTest(input: { destinationId: $id }) { result {
    steps { request { method target body } status answer } outcome reason } userErrors { code path } } }";

async fn oauth(scene: &Scene, id: &str) -> Value {
    scene.buyer.run(&scene.x, OAUTH, json!({ "id": id })).await["node"]["oauth"].clone()
}

async fn state(scene: &Scene, id: &str) -> (String, Value) {
    let oauth = oauth(scene, id).await;
    (oauth["state"].as_str().unwrap().to_owned(), oauth["fault"].clone())
}

fn tokens_asked(vendor: &Vendor, account: &Account) -> usize {
    vendor.seen().iter().filter(|seen| account.is_token_request(seen)).count()
}

on_each_backend! {
    async fn each_vendor_gives_tokens_as_it_documents(x: Exchange) {
        let scene = Scene::open(x).await;
        let mut bought = 0;
        for (mut account, accepted, settings, names_api) in vendors() {
            let tokens = Vendor::start(|_, _| silence()).await;
            let api = if names_api { Vendor::start(|_, _| silence()).await } else { tokens.clone() };
            if names_api {
                account.says["instance_url"] = json!(api.url);
                account.says["api_domain"] = json!(api.url);
                api.now(account.answers(accepted));
            }
            tokens.now(account.answers(accepted));
            let mut destination = with_app(settings.clone(), &tokens.url);
            let mut secrets = SECRETS;
            if account.says["own"] == true {
                destination["oauth"]["grant"] = json!("CLIENT_CREDENTIALS");
                secrets = &SECRETS[..1];
            }
            let id = scene.default_to(destination, secrets).await;
            assert_eq!(state(&scene, &id).await, ("NEW".to_owned(), Value::Null), "{settings}");
            for expected in [1, 1, if account.says["expires_in"].is_number() { 2 } else { 1 }] {
                bought += 1;
                scene.bought(bought).await;
                scene.made(bought.into()).await;
                assert_eq!(scene.run().await, 1, "{settings}");
                let delivery = scene.delivery().await;
                assert_eq!((&delivery["state"], &delivery["externalId"]), (&json!("DELIVERED"), &json!("501")), "{delivery:#}");
                assert_eq!((account.given(), tokens_asked(&tokens, &account)), (expected, expected as usize), "{settings}");
                assert!(!delivery.to_string().contains("access-"), "{delivery}");
                if bought % 3 == 2 {
                    // Shortly before its end, of which not every vendor tells.
                    let life = account.says["expires_in"].as_i64().unwrap_or(86_400);
                    scene.x.clock.advance_secs(life - (life / 5).min(300) + 1);
                }
            }
            assert!(names_api || api.count() > 3);
            assert!(!names_api || tokens.seen().iter().all(|seen| account.is_token_request(seen)), "{settings}");
            assert_eq!(oauth(&scene, &id).await["expiresAt"].is_string(), account.says["expires_in"].is_number());
        }
    }

    async fn a_token_that_is_refused_is_renewed_once(x: Exchange) {
        let scene = Scene::open(x).await;
        let account = hubspot();
        let vendor = Vendor::start(account.answers(hubspot_lead)).await;
        scene.default_to(hubspot_at(&vendor.url), SECRETS).await;
        scene.bought(1).await;
        scene.made(1).await;
        scene.run().await;
        account.revoke();
        scene.bought(2).await;
        scene.made(2).await;
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!(delivery["state"], "DELIVERED", "{delivery:#}");
        assert_eq!(attempts(&delivery), [("RETRY".to_owned(), json!(401)), ("ACCEPTED".to_owned(), json!(201))]);
        assert_eq!((tokens_asked(&vendor, &account), vendor.count()), (2, 5));
        // An account that takes no token at all is asked for one more, and then left alone.
        let refusing = account.clone();
        vendor.now(move |seen, _| match refusing.is_token_request(seen) {
            true => refusing.token(seen),
            false => reply(401, json!({ "message": "this app was uninstalled" })),
        });
        scene.bought(3).await;
        scene.made(3).await;
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!(attempts(&delivery), [("RETRY".to_owned(), json!(401)), ("BROKEN".to_owned(), json!(401))]);
        assert_eq!((&delivery["state"], &delivery["reason"]), (&json!("WAITING"), &json!("answered 401: this app was uninstalled")));
        assert_eq!((tokens_asked(&vendor, &account), vendor.count()), (1, 3));
    }

    async fn a_dead_refresh_token_breaks_the_destination_until_there_is_another(x: Exchange) {
        let scene = Scene::open(x).await;
        let account = kommo();
        let vendor = Vendor::start(account.answers(kommo_lead)).await;
        let secrets = [("client_secret", "s3cret"), ("refresh_token", "refresh-7")];
        let id = scene.default_to(kommo_at(&vendor.url), &secrets).await;
        let trade = scene.bought(1).await;
        scene.made(1).await;
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!((&delivery["state"], attempts(&delivery)), (&json!("WAITING"), vec![("BROKEN".to_owned(), json!(400))]));
        let reason = "the token endpoint answered 400: Token has been revoked Check the token";
        assert_eq!(delivery["reason"], reason);
        let request = &delivery["attempts"]["edges"][0]["node"]["request"];
        assert!(request["target"].as_str().unwrap().ends_with("/oauth2/access_token"), "{request}");
        assert!(!delivery.to_string().contains("refresh-7") && !delivery.to_string().contains("s3cret"), "{delivery}");
        assert_eq!(oauth(&scene, &id).await, json!({ "state": "BROKEN", "fault": "INVALID_GRANT", "reason": reason, "grantedAt": null, "expiresAt": null }));
        let seen = scene.trade(trade).await;
        assert_eq!((&seen["state"], &seen["holdWaitsForDelivery"]), (&json!("HELD"), &json!(true)), "nothing of the lead has left");
        // It is not asked again and again, and the owners are told once.
        for _ in 0..4 {
            scene.x.clock.advance_secs(600);
            scene.run().await;
        }
        assert_eq!(vendor.count(), 1);
        while api::app::jobs::jobs_run(&scene.x.app).await.unwrap() > 0 {}
        let mails = scene.x.outbox.mail.take();
        let told: Vec<_> = mails.iter().filter(|mail| mail.subject == "A destination of your leads needs you").collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].text.contains("\"CRM\"") && told[0].text.contains("Token has been revoked"), "{}", told[0].text);
        let tested = scene.buyer.run(&scene.x, TEST, json!({ "id": id })).await["deliveryTest"].clone();
        let step = &tested["result"]["steps"][0];
        assert_eq!((&tested["result"]["outcome"], &step["status"], vendor.count()), (&json!("BROKEN"), &json!(400), 2));
        assert!(step["request"]["body"].as_str().unwrap().contains("\"refresh_token\":\"***\""), "{step}");
        let update = json!({ "destinationId": id, "secrets": [{ "name": "refresh_token", "value": "refresh-0" }] });
        assert_eq!(scene.turn("destinationUpdate", update).await["userErrors"], json!([]));
        scene.run().await;
        assert_eq!((scene.delivery().await["state"].clone(), state(&scene, &id).await), (json!("DELIVERED"), ("GRANTED".to_owned(), Value::Null)));
        // A wrong secret of the app has a code of its own, and the refresh token in use stays with the right one.
        let update = |secret: &str| json!({ "destinationId": id, "secrets": [{ "name": "client_secret", "value": secret }] });
        scene.turn("destinationUpdate", update("wrong")).await;
        scene.bought(2).await;
        scene.made(2).await;
        scene.run().await;
        assert_eq!(state(&scene, &id).await, ("BROKEN".to_owned(), json!("INVALID_CLIENT")));
        scene.turn("destinationUpdate", update("s3cret")).await;
        scene.run().await;
        assert_eq!((scene.delivery().await["state"].clone(), account.given()), (json!("DELIVERED"), 2));
    }

    async fn a_silent_token_endpoint_is_asked_again(x: Exchange) {
        let mut scene = Scene::open(x).await;
        scene.x.app = scene.x.process_with("[delivery]\ninsecure = true\ntimeout_secs = 1\n").await;
        let account = hubspot();
        let vendor = Vendor::start(account.answers(hubspot_lead)).await;
        let id = scene.default_to(hubspot_at(&vendor.url), SECRETS).await;
        let hushed = account.clone();
        let hush = move |seen: &Seen, _| match hushed.is_token_request(seen) {
            true => silence(),
            false => hubspot_lead(seen),
        };
        vendor.now(hush.clone());
        let trade = scene.bought(1).await;
        scene.made(1).await;
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!((&delivery["state"], &delivery["reason"]), (&json!("WAITING"), &json!("the token endpoint: no answer in time")));
        assert_eq!(attempts(&delivery), [("RETRY".to_owned(), Value::Null)]);
        assert_eq!(scene.trade(trade).await["state"], "HELD");
        assert_eq!(state(&scene, &id).await, ("FAILING".to_owned(), json!("NO_ANSWER")));
        vendor.now(account.answers(hubspot_lead));
        scene.x.clock.advance_secs(due_in(&scene.x, &delivery) + 1);
        scene.run().await;
        assert_eq!((scene.delivery().await["state"].clone(), state(&scene, &id).await.0), (json!("DELIVERED"), "GRANTED".to_owned()));
        // What cannot be renewed ahead of its end is used to its end.
        vendor.now(hush);
        scene.x.clock.advance_secs(1_600);
        scene.bought(2).await;
        scene.made(2).await;
        scene.run().await;
        assert_eq!((scene.delivery().await["state"].clone(), tokens_asked(&vendor, &account)), (json!("DELIVERED"), 1));
        // An endpoint that is busy says for how long.
        let busy = account.clone();
        vendor.now(move |seen, _| match busy.is_token_request(seen) {
            true => Reply(429, json!("slowly"), vec![("retry-after", "40")]),
            false => hubspot_lead(seen),
        });
        scene.x.clock.advance_secs(300);
        scene.bought(3).await;
        scene.made(3).await;
        scene.run().await;
        assert!((40..=49).contains(&due_in(&scene.x, &scene.delivery().await)));
    }

    async fn one_process_renews_at_a_time(x: Exchange) {
        let scene = Scene::open(x).await;
        let account = kommo();
        let vendor = Vendor::start(account.answers(kommo_lead)).await;
        vendor.thinks(Duration::from_millis(300));
        scene.default_to(kommo_at(&vendor.url), SECRETS).await;
        for n in 1..=6 {
            scene.bought(n).await;
        }
        scene.made(6).await;
        let second = scene.x.process_with("[delivery]\ninsecure = true\n").await;
        for _ in 0..12 {
            let (one, other) = tokio::join!(deliveries_run(&scene.x.app), deliveries_run(&second));
            one.and(other).unwrap();
            scene.x.clock.advance_secs(1);
        }
        let states: Vec<Value> = scene.deliveries().await.into_iter().map(|delivery| delivery["state"].clone()).collect();
        assert_eq!(states, vec![json!("DELIVERED"); 6]);
        assert_eq!((tokens_asked(&vendor, &account), vendor.count()), (1, 7));
        // Nobody who waited has failed.
        assert!(scene.deliveries().await.iter().all(|delivery| delivery["failures"] == 0));
    }

    async fn a_new_refresh_token_is_kept_before_anybody_uses_it(x: Exchange) {
        let scene = Scene::open(x).await;
        let account = kommo();
        let silent = account.clone();
        let vendor = Vendor::start(move |seen, _| match silent.is_token_request(seen) {
            true => silent.token(seen),
            false => silence(),
        }).await;
        scene.default_to(kommo_at(&vendor.url), SECRETS).await;
        scene.bought(1).await;
        scene.made(1).await;
        // The process dies with the lead under way.
        assert!(tokio::time::timeout(Duration::from_secs(2), deliveries_run(&scene.x.app)).await.is_err());
        assert_eq!(vendor.count(), 2);
        vendor.now(account.answers(kommo_lead));
        let second = scene.x.process_with("[delivery]\ninsecure = true\n").await;
        scene.x.clock.advance_secs(120);
        assert_eq!(deliveries_run(&second).await.unwrap(), 1);
        assert_eq!((scene.delivery().await["state"].clone(), account.given(), vendor.count()), (json!("DELIVERED"), 1, 1));
        // A delivery dies while the next token is on its way: the token is kept all the same.
        scene.x.clock.advance_secs(86_400);
        scene.bought(2).await;
        scene.made(2).await;
        vendor.thinks(Duration::from_millis(1_500));
        assert!(tokio::time::timeout(Duration::from_millis(1_000), deliveries_run(&second)).await.is_err());
        tokio::time::sleep(Duration::from_secs(3)).await;
        vendor.thinks(Duration::ZERO);
        scene.x.clock.advance_secs(120);
        assert_eq!(deliveries_run(&second).await.unwrap(), 1);
        assert_eq!((scene.delivery().await["state"].clone(), account.given()), (json!("DELIVERED"), 2));
    }

    async fn tokens_stand_nowhere_in_clear(x: Exchange) {
        let mut scene = Scene::open(x).await;
        let account = kommo();
        let vendor = Vendor::start(account.answers(kommo_lead)).await;
        let id = scene.default_to(kommo_at(&vendor.url), SECRETS).await;
        scene.bought(1).await;
        scene.made(1).await;
        scene.run().await;
        let rows = scene.x.dump(&["destination", "destination_token", "delivery_attempt", "delivery", "job"]).await;
        assert!(rows.contains("app-1"));
        for hidden in ["access-1", "refresh-0", "refresh-1", "s3cret"] {
            assert!(!rows.contains(hidden), "{hidden}: {rows}");
        }
        // They move to the active key of the ring, and open as before.
        let rotated = scene.x.app.keys.rotated(&SeededEntropy::new(9), "next").unwrap();
        scene.x.app = Arc::new(App { keys: Arc::new(rotated), ..(*scene.x.app).clone() });
        scene.x.schema = api::graphql::schema(scene.x.app.clone());
        envelopes_rewrap(&scene.x.app).await.unwrap();
        assert!(scene.x.dump(&["destination_token"]).await.contains("next"));
        scene.x.clock.advance_secs(86_400);
        let tested = scene.buyer.run(&scene.x, TEST, json!({ "id": id })).await["deliveryTest"].clone();
        assert_eq!((&tested["result"]["outcome"], account.given()), (&json!("ACCEPTED"), 2), "{tested}");
        // Another organization sees neither the destination nor how it stands.
        assert_eq!(scene.seller.run(&scene.x, OAUTH, json!({ "id": id })).await["node"], Value::Null);
    }

    async fn a_refresh_token_does_not_rest_until_it_ends(x: Exchange) {
        let scene = Scene::open(x).await;
        let account = kommo();
        let vendor = Vendor::start(account.answers(kommo_lead)).await;
        let id = scene.default_to(kommo_at(&vendor.url), SECRETS).await;
        assert_eq!(destination_tokens_renew(&scene.x.app).await.unwrap(), 0, "nobody needs one yet");
        scene.buyer.run(&scene.x, TEST, json!({ "id": id })).await;
        scene.x.clock.advance_secs(7 * 86_400 - 1);
        assert_eq!(destination_tokens_renew(&scene.x.app).await.unwrap(), 0);
        scene.x.clock.advance_secs(1);
        assert_eq!(destination_tokens_renew(&scene.x.app).await.unwrap(), 1);
        assert_eq!((destination_tokens_renew(&scene.x.app).await.unwrap(), account.given()), (0, 2));
        scene.turn("destinationDisable", json!({ "destinationId": id })).await;
        scene.x.clock.advance_secs(8 * 86_400);
        assert_eq!(destination_tokens_renew(&scene.x.app).await.unwrap(), 0);
    }

    async fn an_app_is_told_what_it_lacks(x: Exchange) {
        let scene = Scene::open(x).await;
        let before = scene.x.row_counts().await;
        let create = async |settings: Value, oauth: Value, secrets: &[&str]| {
            let secrets: Vec<Value> = secrets.iter().map(|name| json!({ "name": name, "value": "https://x.example" })).collect();
            let payload = scene.destination(json!({ "name": "n", "destination": { "settings": settings, "oauth": oauth }, "secrets": secrets })).await;
            let errors = payload["userErrors"].as_array().unwrap().clone();
            errors.iter().map(|error| format!("{} {}", error["code"].as_str().unwrap(), error["path"])).collect::<Vec<_>>()
        };
        let (kommo, both) = (json!({ "kommo": { "accountUrl": "https://acme.kommo.com" } }), ["client_secret", "refresh_token"]);
        let app = json!({ "clientId": "app-1" });
        assert_eq!(create(kommo.clone(), app.clone(), &both).await, [r#"REQUIRED ["destination","oauth","redirectUrl"]"#]);
        let credentials = json!({ "clientId": "", "grant": "CLIENT_CREDENTIALS", "redirectUrl": "https://app.example" });
        assert_eq!(create(kommo, credentials, &both).await, [
            r#"INVALID ["destination","oauth","clientId"]"#, r#"INVALID ["destination","oauth","grant"]"#,
        ]);
        assert_eq!(create(json!({ "hook": {} }), app.clone(), &["url", "client_secret", "refresh_token"]).await, [r#"INVALID ["destination","oauth"]"#]);
        let missing = [r#"REQUIRED ["secrets","client_secret"]"#, r#"REQUIRED ["secrets","refresh_token"]"#];
        assert_eq!(create(json!({ "hubspotContact": {} }), app, &["access_token"]).await, missing);
        assert_eq!(scene.x.row_counts().await, before);
    }
}
