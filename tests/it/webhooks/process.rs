//! A process that is killed while it sends: another one sends the rest, and nothing is lost.

use std::collections::BTreeSet;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use api::app::App;
use api::app::webhooks::{EndpointCreate, webhook_endpoint_create};
use api::crypto::KeyRing;
use api::ports::SystemEntropy;
use serde_json::json;
use store::WriteError;
use store::outbox::Event;

use super::LOCAL;
use super::receiver::{Receiver, Reply};
use crate::harness::{Exchange, caller, on_each_backend};

const SERVE: &str = "CLEARLEAD_TEST_SERVE";
const EVENTS: usize = 400;

/// Does nothing as a test. A process that is this test alone, with [`SERVE`], is a server.
#[test]
fn the_server() {
    if std::env::var_os(SERVE).is_none() {
        return;
    }
    let code = api::cli::run_with(["clearlead", "serve"]);
    std::process::exit(if code == ExitCode::SUCCESS { 0 } else { 1 });
}

fn serve(x: &Exchange) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "webhooks::process::the_server", "--nocapture"])
        .env(SERVE, "1")
        .env("CLEARLEAD_SERVER__DATA_DIR", x.folder())
        .env("CLEARLEAD_SERVER__BIND", "127.0.0.1:0")
        .env("CLEARLEAD_DATABASE__URL", &x.url)
        .env("CLEARLEAD_WEBHOOKS__INSECURE", "true")
        .env("CLEARLEAD_WEBHOOKS__TIMEOUT_SECS", "1")
        .env("CLEARLEAD_WEBHOOKS__IN_FLIGHT_MAX", "20")
        .env("CLEARLEAD_WORKERS__POLL_MILLIS", "50")
        .env("RUST_MIN_STACK", "16777216")
        .current_dir(x.folder())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

on_each_backend! {
    async fn a_killed_sender_loses_nothing(x: Exchange) {
        let x = x.with(LOCAL).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        at.does(|_| Reply::After(Duration::from_millis(100)));
        // The processes have their keys in the folder that they share.
        let keys = Arc::new(KeyRing::load(&x.app.config.crypto, &x.app.config.server, &SystemEntropy).unwrap());
        let app = App { keys, ..(*x.app).clone() };
        let input = EndpointCreate { name: "CRM".into(), url: at.url("/"), event_types: vec!["*".into()], include_contact: false };
        let (_, secret) = webhook_endpoint_create(&app, &caller(owner.principal.clone()), input).await.unwrap();
        let organization = owner.org();
        let done: Result<(), WriteError> = x.app.store.write("events", move |tx| async move {
            let event = |_| Event {
                topic: "campaign.changed",
                subject_id: domain::id::TypedId::uuid(tx.id::<domain::id::CampaignId>()),
                audience: vec![organization],
                payload: json!({ "change": "CREATED", "state": "ACTIVE" }),
            };
            let events: Vec<Event> = (0..EVENTS).map(event).collect();
            Ok(tx.emit_all(events).await?)
        }).await;
        done.unwrap();
        let mut got = Vec::new();
        let mut first = serve(&x);
        let some = async {
            while got.len() < EVENTS / 4 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                got.extend(at.taken());
            }
        };
        tokio::time::timeout(Duration::from_secs(100), some).await.unwrap();
        first.kill().unwrap();
        first.wait().unwrap();
        let before = got.len();
        assert!(before < EVENTS, "it was killed in the middle of its work");
        let mut second = serve(&x);
        let pending = async || {
            x.app.store.webhook_deliveries(organization, store::webhooks::DeliveryFilter::default(), &store::page::Page { first: 1_000, after: None })
                .await.unwrap().rows.iter().filter(|row| row.state != domain::webhook::WebhookDeliveryState::Delivered).count()
        };
        let all = async {
            while pending().await > 0 || x.count("webhook_delivery").await < i64::try_from(EVENTS).unwrap() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(100), all).await.unwrap();
        second.kill().unwrap();
        second.wait().unwrap();
        got.extend(at.taken());
        let ids: BTreeSet<&str> = got.iter().map(|got| got.header("webhook-id")).collect();
        let objects: BTreeSet<&str> = got.iter().map(|got| got.body["object"].as_str().unwrap()).collect();
        assert_eq!((ids.len(), objects.len()), (EVENTS, EVENTS), "every message came");
        // What was under way or not yet written down when the process died comes again, under its id.
        assert!(got.len() - EVENTS <= 64, "{} came twice", got.len() - EVENTS);
        let secret = secrecy::ExposeSecret::expose_secret(&secret).to_owned();
        assert!(got.iter().all(|got| got.signed_by(&secret) == 1));
    }
}
