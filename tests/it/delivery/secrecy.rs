//! Who a person is, and a destination's secrets, stand nowhere in clear.

use std::io::Write;
use std::sync::{Arc, Mutex};

use domain::access::Role;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::stand::{Scene, hook};
use super::vendor::{Vendor, reply};
use crate::harness::{Database, Exchange, on_each_backend};

const HIDDEN: &[&str] = &["Synnøve", "SYNNØVE", "Ålesundsen", "91277001", "synnove.ale", "t0p-s3cret", "dG9wcw-key"];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn kept(x: &Exchange) -> String {
    let db = x.app.store.read();
    let mut text = String::new();
    match x.database {
        Database::Sqlite => {
            db.execute_unprepared("PRAGMA wal_checkpoint(FULL)").await.unwrap();
            for file in std::fs::read_dir(x.folder()).unwrap().map(|file| file.unwrap().path()) {
                if file.to_string_lossy().contains(".db") {
                    text.push_str(&String::from_utf8_lossy(&std::fs::read(file).unwrap()));
                }
            }
        }
        Database::Postgres => {
            for table in store::TABLES {
                let all = format!("SELECT t::text FROM {table} t");
                for row in db.query_all_raw(Statement::from_string(db.get_database_backend(), all)).await.unwrap() {
                    text.push_str(&row.try_get_by_index::<String>(0).unwrap());
                }
            }
        }
    }
    text
}

on_each_backend! {
    async fn deliveries_keep_nobody_and_no_secret(x: Exchange) {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
        let _listening = tracing::subscriber::set_default(lines);
        let scene = Scene::open(x).await;
        // A system that repeats everything, also in other letters.
        let vendor = Vendor::start(|seen, before| {
            let said = format!("{} {} {}", seen.body, seen.body.to_uppercase(), seen.header("x-key"));
            reply(if before == 0 { 400 } else { 200 }, json!({ "message": format!("refused: Synnøve {said}"), "id": "7" }))
        }).await;
        let http = json!({
            "headers": [{ "name": "X-Key", "value": "{{ secrets.key }}" }], "rejectReason": "/message", "externalId": "/id",
            "body": { "formFields": false },
        });
        let address = format!("{}/in/t0p-s3cret", vendor.url);
        scene.default_to(json!({ "settings": { "http": http } }), &[("url", &address), ("key", "dG9wcw-key")]).await;
        let mut input = scene.x.lead_input(1);
        input["contact"] = json!({ "name": "Synnøve Ålesundsen", "phones": ["912 77 001"], "emails": ["Synnove.Ale@fjelltur.no"] });
        let payload = scene.x.lead_submit(&scene.seller, input).await;
        scene.bought_lead(payload["lead"]["id"].as_str().unwrap().parse().unwrap()).await;
        scene.made(1).await;
        scene.run().await;
        let refused = scene.delivery().await;
        assert_eq!(refused["state"], "FAILED");
        scene.retry(&refused["id"]).await;
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!(delivery["state"], "DELIVERED", "{delivery:#}");
        assert!(vendor.seen()[0].body.contains("Synnøve") && vendor.seen()[0].header("x-key") == "dG9wcw-key");
        let kept = kept(&scene.x).await;
        assert!(kept.contains("[phone]"), "what was sent is kept with marks");
        for text in HIDDEN {
            assert!(!kept.contains(text), "the database holds {text}");
            assert!(!String::from_utf8_lossy(&log.0.lock().unwrap()).contains(text), "the log holds {text}");
        }
        // The buyer sees what was answered, without the secrets; who may not see contact details does not.
        let attempt = &delivery["attempts"]["edges"][0]["node"];
        let answer = attempt["answer"].as_str().unwrap();
        assert!(answer.contains("Synnøve") && answer.contains("***") && !answer.contains("dG9wcw-key"), "{answer}");
        assert_eq!((&attempt["request"]["target"], &attempt["request"]["method"]), (&json!("***"), &json!("POST")));
        let body: Value = serde_json::from_str(attempt["request"]["body"].as_str().unwrap()).unwrap();
        assert_eq!((&body["first_name"], &body["phone"], &body["city"]), (&json!("[first name]"), &json!("[phone]"), &json!("Bergen")));
        let viewer = scene.x.member(scene.buyer.org(), Role::Viewer).await;
        let seen = scene.deliveries_as(&viewer, json!({})).await.remove(0);
        assert_eq!(seen["attempts"]["edges"][0]["node"]["answer"], Value::Null);
        assert_eq!(scene.deliveries_as(&scene.seller, json!({})).await, Vec::<Value>::new(), "the seller sees nothing of it");
    }

    async fn a_destination_lies_in_the_public_net(x: Exchange) {
        // Without leave for development.
        let mut scene = Scene::open(x).await;
        let vendor = Vendor::start(|_, _| reply(200, json!({}))).await;
        scene.x.app = scene.x.process_with("").await;
        scene.x.schema = api::graphql::schema(scene.x.app.clone());
        let input = |url: &str| json!({
            "name": "n", "destination": hook(), "isDefault": true, "secrets": [{ "name": "url", "value": url }],
        });
        let refused = scene.destination(input(&vendor.url)).await;
        assert_eq!(refused["userErrors"][0]["path"], json!(["secrets", "url"]));
        assert_eq!(refused["userErrors"][0]["message"], "an https address is needed");
        for url in [vendor.url.replace("http://", "https://"), "https://169.254.169.254/latest/meta-data".to_owned()] {
            let made = scene.destination(input(&url)).await;
            assert_eq!(made["userErrors"], json!([]));
            let test = "mutation($id: ID!) { deliveryTest(input: { destinationId: $id }) { result { outcome reason } userErrors { code } } }";
            let tested = scene.buyer.run(&scene.x, test, json!({ "id": made["destination"]["id"] })).await["deliveryTest"].clone();
            assert_eq!(tested["result"], json!({ "outcome": "BROKEN", "reason": "the address is not one of the public net" }), "{url}");
        }
        scene.bought(1).await;
        scene.made(1).await;
        scene.run().await;
        assert_eq!((vendor.count(), scene.delivery().await["reason"].clone()), (0, json!("the address is not one of the public net")));
    }
}
