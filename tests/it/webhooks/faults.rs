//! Endpoints that are slow, dead, gone, or somewhere else than they said.

use std::sync::Arc;
use std::time::Duration;

use api::app::App;
use api::app::jobs::jobs_run;
use api::app::webhooks::Sender;
use api::config::Config;
use api::ports::HttpWebhooks;
use serde_json::{Value, json};

use super::receiver::{Receiver, Reply};
use super::{LOCAL, act, attempts, create, deliver, deliveries, endpoint, later};
use crate::harness::on_each_backend;

const QUICK: &str =
    "[webhooks]\ninsecure = true\ntimeout_secs = 1\nslow_millis = 100\nin_flight_max = 4\nin_flight_per_endpoint = 2\n";

on_each_backend! {
    async fn what_failed_is_tried_again_on_the_clock_and_given_up_at_last(x: Exchange) {
        let x = x.with(&format!("{LOCAL}failures_max = 1000\n")).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        let made = endpoint(&x, &owner, &at, "/", &["*"]).await;
        at.answers(500, "sorry\u{0}\u{1b}");
        act(&x, &owner, "Test", &made.id, "").await;
        for (tries, pause) in [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].into_iter().enumerate() {
            assert_eq!(deliver(&x).await, 1, "try {tries}");
            later(&x, pause - pause / 10 - 1);
            assert_eq!(deliver(&x).await, 0, "not so soon after try {tries}");
            later(&x, pause / 5 + 2);
        }
        assert_eq!(deliver(&x).await, 1);
        later(&x, 10 * 86_400);
        assert_eq!(deliver(&x).await, 0);
        let row = deliveries(&x, &owner, "").await.remove(0);
        assert_eq!((&row["state"], &row["attempts"]), (&json!("DEAD"), &json!(10)));
        let log = attempts(&x, &owner, &row["id"]).await;
        assert_eq!((log.len(), &log[0]), (10, &json!({ "attempt": 10, "outcome": "REFUSED", "status": 500, "answer": "sorry" })));
        let ids: std::collections::BTreeSet<String> = at.taken().iter().map(|got| got.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), 1, "one message, one id");
    }

    async fn every_way_to_fail_is_told_apart(x: Exchange) {
        let x = x.with(QUICK).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        let elsewhere = at.url("/elsewhere");
        at.does(move |got| match got.path.as_str() {
            "/redirect" => Reply::Redirect(elsewhere.clone()),
            "/never" => Reply::Never,
            "/huge" => Reply::Status(500, "x".repeat(5 << 20)),
            "/huge-ok" => Reply::Status(200, "y".repeat(5 << 20)),
            _ => Reply::Status(200, String::new()),
        });
        let nobody = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            format!("http://{}/", listener.local_addr().unwrap())
        };
        let mut made = Vec::new();
        for path in ["/redirect", "/never", "/huge", "/huge-ok"] {
            made.push((path, endpoint(&x, &owner, &at, path, &["*"]).await.id));
        }
        let refused = create(&x, &owner, &nobody, &["*"], false).await;
        made.push(("nobody", refused["webhookEndpoint"]["id"].as_str().unwrap().to_owned()));
        for (_, id) in &made {
            act(&x, &owner, "Test", id, "").await;
        }
        assert_eq!(deliver(&x).await, 5);
        assert!(at.taken().iter().all(|got| got.path != "/elsewhere"), "no redirect is followed");
        let mut outcomes = Vec::new();
        for (path, id) in &made {
            let row = deliveries(&x, &owner, &format!(", webhookEndpointId: \"{id}\"")).await.remove(0);
            let log = attempts(&x, &owner, &row["id"]).await.remove(0);
            let answer = log["answer"].as_str().map(str::len);
            outcomes.push((*path, log["outcome"].as_str().unwrap().to_owned(), log["status"].as_i64(), answer));
        }
        let outcome = |path, outcome: &str, status, answer| (path, outcome.to_owned(), status, answer);
        assert_eq!(outcomes, [
            outcome("/redirect", "REFUSED", Some(307), Some(0)),
            outcome("/never", "TIMED_OUT", None, None),
            outcome("/huge", "REFUSED", Some(500), Some(1_024)),
            outcome("/huge-ok", "DELIVERED", Some(200), Some(1_024)),
            outcome("nobody", "NOT_REACHED", None, None),
        ]);
    }

    async fn an_address_that_leads_into_the_own_net_is_not_called(x: Exchange) {
        let x = x.with(LOCAL).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        let port = at.url("").rsplit_once(':').unwrap().1.to_owned();
        // A name that is looked at when it is resolved, and an address that is looked at before the call.
        let mut made = Vec::new();
        for host in ["localhost", "127.0.0.1"] {
            let answer = create(&x, &owner, &format!("https://{host}:{port}/"), &["*"], false).await;
            made.push(answer["webhookEndpoint"]["id"].as_str().unwrap().to_owned());
        }
        for id in &made {
            act(&x, &owner, "Test", id, "").await;
        }
        // The endpoints were made where any address is allowed; this process allows public ones alone.
        let strict = Config::from_toml("").unwrap();
        let app = Arc::new(App { webhooks: Arc::new(HttpWebhooks::new(&strict.webhooks).unwrap()), ..(*x.app).clone() });
        assert_eq!(Sender::new(app).drain().await, 2);
        for row in deliveries(&x, &owner, "").await {
            let log = attempts(&x, &owner, &row["id"]).await;
            assert_eq!(log, [json!({ "attempt": 1, "outcome": "NOT_ALLOWED", "status": null, "answer": null })]);
        }
        assert!(at.taken().is_empty());
    }

    async fn an_endpoint_that_fails_ten_times_in_a_row_is_paused_and_probed(x: Exchange) {
        let x = x.with(LOCAL).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        let made = endpoint(&x, &owner, &at, "/bad", &["*"]).await;
        let watcher = endpoint(&x, &owner, &at, "/watcher", &["webhook.*"]).await;
        at.does(|got| Reply::Status(if got.path == "/bad" { 500 } else { 200 }, String::new()));
        for _ in 0..12 {
            act(&x, &owner, "Test", &made.id, "").await;
        }
        let first = deliver(&x).await;
        assert_eq!(first, 10, "one at a time, until it is paused");
        let shown = async || {
            let query = "query ($id: ID!) { node(id: $id) { ... on WebhookEndpoint { failures pausedAt probeAt disabledAt } } }";
            owner.run(&x, query, json!({ "id": made.id })).await["node"].clone()
        };
        assert_eq!((&shown().await["pausedAt"], &shown().await["probeAt"]), (&json!("2026-03-02T09:00:00+00:00"), &json!("2026-03-02T09:01:00+00:00")));
        deliver(&x).await;
        let told: Vec<_> = at.taken().into_iter().filter(|got| got.path == "/watcher").collect();
        assert_eq!(told.len(), 1, "told once");
        assert_eq!((&told[0].body["type"], &told[0].body["data"]), (&json!("webhook.paused"), &json!({ "webhookEndpointId": made.id })));
        assert_eq!(told[0].signed_by(&watcher.secret), 1);
        while jobs_run(&x.app).await.unwrap() > 0 {}
        let mails = x.outbox.mail.take();
        assert_eq!(mails.iter().map(|mail| mail.subject.as_str()).collect::<Vec<_>>(), ["A webhook endpoint is paused"]);
        assert!(mails[0].text.contains(&made.id));
        later(&x, 59);
        assert_eq!(deliver(&x).await, 0);
        later(&x, 1);
        assert_eq!(deliver(&x).await, 1, "one probe");
        at.answers(200, "");
        later(&x, 120);
        assert_eq!(deliver(&x).await, 12, "one answer, and all that waits goes");
        assert_eq!(shown().await, json!({ "failures": 0, "pausedAt": null, "probeAt": null, "disabledAt": null }));
        assert_eq!(deliveries(&x, &owner, ", state: PENDING").await, Vec::<Value>::new());
    }

    async fn an_endpoint_that_is_gone_gets_nothing_more(x: Exchange) {
        let x = x.with(LOCAL).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        let made = endpoint(&x, &owner, &at, "/", &["*"]).await;
        at.answers(410, "gone");
        act(&x, &owner, "Test", &made.id, "").await;
        assert_eq!(deliver(&x).await, 1);
        let query = "{ webhookEndpoints { edges { node { disabledFor } } } }";
        assert_eq!(owner.run(&x, query, json!({})).await["webhookEndpoints"]["edges"][0]["node"]["disabledFor"], "GONE");
        assert_eq!(deliveries(&x, &owner, "").await[0]["state"], "DEAD");
        while jobs_run(&x.app).await.unwrap() > 0 {}
        assert_eq!(x.outbox.mail.take()[0].subject, "A webhook endpoint is disabled");
        assert_eq!(act(&x, &owner, "Test", &made.id, "").await["userErrors"][0]["code"], "WRONG_STATE");
    }

    async fn hanging_endpoints_hold_up_nobody(x: Exchange) {
        let x = x.with(&QUICK.replace("timeout_secs = 1", "timeout_secs = 30")).await;
        let at = Receiver::start().await;
        at.does(|got| if got.path == "/hangs" { Reply::Never } else { Reply::Status(200, String::new()) });
        // More messages to hanging endpoints than may be under way in all.
        for n in 0..6 {
            let owner = x.organization(&format!("Hanging {n}")).await;
            let made = endpoint(&x, &owner, &at, "/hangs", &["*"]).await;
            for _ in 0..3 {
                act(&x, &owner, "Test", &made.id, "").await;
            }
        }
        let owner = x.organization("Well").await;
        let made = endpoint(&x, &owner, &at, "/well", &["*"]).await;
        for _ in 0..20 {
            act(&x, &owner, "Test", &made.id, "").await;
        }
        let stop = tokio_util::sync::CancellationToken::new();
        let running = tokio::spawn(Sender::new(x.app.clone()).run(stop.clone()));
        let all = async {
            let mut well = 0;
            while well < 20 {
                well += at.taken().iter().filter(|got| got.path == "/well").count();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // Long before the first of those that hang is given up.
        tokio::time::timeout(Duration::from_secs(20), all).await.unwrap();
        running.abort();
        stop.cancel();
    }

    async fn an_endpoint_of_which_nothing_is_known_gets_one_message_at_a_time(x: Exchange) {
        // Nothing is ever found to be slow: what hangs keeps its place.
        let x = x
            .with("[webhooks]\ninsecure = true\ntimeout_secs = 60\nslow_millis = 60000\nin_flight_max = 4\nin_flight_per_endpoint = 4\n")
            .await;
        let at = Receiver::start().await;
        at.does(|got| if got.path == "/hangs" { Reply::Never } else { Reply::Status(200, String::new()) });
        for (path, name, messages) in [("/hangs", "A", 5), ("/hangs", "B", 5), ("/hangs", "C", 5), ("/well", "D", 8)] {
            let owner = x.organization(name).await;
            let made = endpoint(&x, &owner, &at, path, &["*"]).await;
            for _ in 0..messages {
                act(&x, &owner, "Test", &made.id, "").await;
            }
        }
        let running = tokio::spawn(Sender::new(x.app.clone()).run(tokio_util::sync::CancellationToken::new()));
        let (mut well, mut hanging) = (0, 0);
        let all = async {
            while well < 8 {
                let taken = at.taken();
                well += taken.iter().filter(|got| got.path == "/well").count();
                hanging += taken.iter().filter(|got| got.path == "/hangs").count();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), all).await.unwrap();
        assert!(hanging <= 3, "{hanging} messages to three endpoints that have answered nothing");
        running.abort();
    }

    async fn a_message_under_way_is_nobody_elses(x: Exchange) {
        let x = x.with(&QUICK.replace("timeout_secs = 1", "timeout_secs = 60")).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        at.does(|_| Reply::Never);
        let made = endpoint(&x, &owner, &at, "/", &["*"]).await;
        act(&x, &owner, "Test", &made.id, "").await;
        let running = tokio::spawn(Sender::new(x.app.clone()).run(tokio_util::sync::CancellationToken::new()));
        let row = async || x.dump(&["webhook_delivery"]).await;
        while at.taken().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for _ in 0..2 {
            later(&x, 8);
            let before = row().await;
            let renewed = async {
                while row().await == before {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), renewed).await.unwrap();
        }
        // The lease that was taken first has long run out; the renewed one has not.
        let second = x.process_with(QUICK).await;
        assert_eq!(Sender::new(second.clone()).drain().await, 0);
        running.abort();
        // A process that died renews nothing.
        later(&x, 11);
        at.answers(200, "");
        assert_eq!(Sender::new(second).drain().await, 1);
        assert_eq!(deliveries(&x, &owner, "").await[0]["state"], "DELIVERED");
    }
}
