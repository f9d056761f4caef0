//! Messages that are handed to the sender of the same process, and those that have to wait for others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::app::App;
use api::app::webhooks::{Sender, webhooks_follow};
use domain::id::OrganizationId;
use serde_json::json;
use store::WriteError;
use store::outbox::Event;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::receiver::{Received, Receiver, Reply};
use super::{attempts, deliveries, endpoint, later};
use crate::harness::{Exchange, on_each_backend};

/// Nothing is found by looking again after a while: what is sent was handed over, or looked for because something was heard of it.
const UNHURRIED: &str =
    "[webhooks]\ninsecure = true\nin_flight_max = 8\nin_flight_per_endpoint = 2\n[workers]\npoll_millis = 60000\n";
/// Long before it is looked again.
const SOON: Duration = Duration::from_secs(30);

/// What makes messages of events and sends them, as in a process.
struct Running {
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    fn start(app: &Arc<App>) -> Self {
        let stop = CancellationToken::new();
        let sender = tokio::spawn(Sender::new(app.clone()).run(stop.clone()));
        let follower = tokio::spawn(webhooks_follow(app.clone(), stop.clone()));
        Self { stop, tasks: vec![sender, follower] }
    }

    /// Stops, and waits for what is under way.
    async fn end(self) {
        self.stop.cancel();
        for task in self.tasks {
            tokio::time::timeout(SOON, task).await.unwrap().unwrap();
        }
    }
}

/// Events about campaigns, in their order.
async fn emit(x: &Exchange, to: OrganizationId, campaigns: Vec<u128>) {
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("events", move |tx| {
            let event = |campaign: &u128| Event {
                topic: "campaign.changed",
                subject_id: Uuid::from_u128(*campaign),
                audience: vec![to],
                payload: json!({ "change": "UPDATED", "state": "ACTIVE" }),
            };
            let events = campaigns.iter().map(event).collect();
            async move { Ok(tx.emit_all(events).await?) }
        })
        .await;
    done.unwrap();
}

/// Everything that comes until there were `count` requests.
async fn come(at: &Receiver, count: usize) -> Vec<Received> {
    let (mut got, began) = (Vec::new(), Instant::now());
    while got.len() < count {
        assert!(began.elapsed() < SOON, "{} of {count} came", got.len());
        got.extend(at.taken());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    got
}

fn sequences(got: &[Received]) -> BTreeMap<(String, String), Vec<i64>> {
    let mut of: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for got in got {
        let object = got.body["object"].as_str().unwrap().to_owned();
        of.entry((got.path.clone(), object)).or_default().push(got.body["sequence"].as_i64().unwrap());
    }
    of
}

on_each_backend! {
    async fn messages_about_an_object_come_one_after_another_however_they_are_handed_over(x: Exchange) {
        let x = x.with(UNHURRIED).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        at.does(|_| Reply::After(Duration::from_millis(3)));
        for path in ["/one", "/two"] {
            endpoint(&x, &owner, &at, path, &["*"]).await;
        }
        let running = Running::start(&x.app);
        // More than there are places for, of few objects and of many, in one transaction and in several.
        emit(&x, owner.org(), (0..40).map(|n| n % 3).collect()).await;
        for n in 0..20 {
            emit(&x, owner.org(), vec![n % 2, 100 + n]).await;
        }
        let got = come(&at, 160).await;
        running.end().await;
        let ids: BTreeSet<&str> = got.iter().map(|got| got.header("webhook-id")).collect();
        assert_eq!((got.len(), ids.len()), (160, 160), "each once");
        let of = sequences(&got);
        assert_eq!(of.len(), 46, "two endpoints are told of 23 objects");
        for (object, sequences) in of {
            assert!(sequences.is_sorted(), "{object:?}: {sequences:?}");
        }
        let rows = deliveries(&x, &owner, ", state: PENDING").await;
        assert!(rows.is_empty(), "{rows:?}");
        assert!(at.taken().is_empty());
    }

    async fn what_is_new_does_not_overtake_what_failed(x: Exchange) {
        let x = x.with(UNHURRIED).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        endpoint(&x, &owner, &at, "/", &["*"]).await;
        at.answers(500, "");
        let running = Running::start(&x.app);
        emit(&x, owner.org(), vec![1]).await;
        assert_eq!(come(&at, 1).await.len(), 1);
        at.answers(200, "");
        emit(&x, owner.org(), vec![1, 2]).await;
        let got = come(&at, 1).await;
        assert_eq!(got[0].body["object"], deliveries(&x, &owner, "").await[2]["objectId"], "another object waits for nothing");
        running.end().await;
        assert!(at.taken().is_empty(), "the second message about the first object waits for the first");
        later(&x, 10);
        let running = Running::start(&x.app);
        let got = come(&at, 2).await;
        running.end().await;
        let rows = deliveries(&x, &owner, "").await;
        let sequences: Vec<String> = got.iter().map(|got| got.body["sequence"].to_string()).collect();
        assert_eq!(sequences, [rows[0]["sequence"].as_str().unwrap(), rows[1]["sequence"].as_str().unwrap()]);
        assert_eq!(rows.iter().map(|row| row["attempts"].as_i64().unwrap()).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(attempts(&x, &owner, &rows[0]["id"]).await.len(), 2);
    }

    async fn what_was_handed_to_a_sender_that_is_gone_is_taken_when_its_lease_has_run_out(x: Exchange) {
        let x = x.with(UNHURRIED).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        endpoint(&x, &owner, &at, "/", &["*"]).await;
        at.does(|_| Reply::Never);
        let running = Running::start(&x.app);
        emit(&x, owner.org(), vec![1]).await;
        come(&at, 1).await;
        running.tasks.iter().for_each(tokio::task::JoinHandle::abort);
        at.answers(200, "");
        let second = x.process_with(UNHURRIED).await;
        assert_eq!(Sender::new(second.clone()).drain().await, 0, "it is under a lease");
        later(&x, 60);
        assert_eq!(Sender::new(second).drain().await, 1);
        let rows = deliveries(&x, &owner, "").await;
        assert_eq!((&rows[0]["state"], &rows[0]["attempts"]), (&json!("DELIVERED"), &json!(2)));
    }
}
