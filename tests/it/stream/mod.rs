//! Events on a stream: as CloudEvents on a real JetStream, and who publishes them when several processes could.

pub mod nats;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::app::App;
use api::app::event_stream::{Publisher, events_publish, events_publish_begin, events_publish_end, events_waiting};
use api::ports::{EventStream, StreamError, StreamMessage};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use store::WriteError;
use store::outbox::Event;
use uuid::Uuid;

use crate::harness::{Exchange, on_each_backend};

/// Other tests' transactions hold the feed of this server back.
const LATE: Duration = Duration::from_secs(60);

/// Writes `count` events in one transaction, numbered from `from`.
async fn emit(app: &App, from: u64, count: u64) {
    let done: Result<(), WriteError> = app
        .store
        .write("emit", move |tx| async move {
            let event = |n: u64| Event {
                topic: "trade.updated",
                subject_id: Uuid::from_u128(n.into()),
                audience: Vec::new(),
                payload: json!({ "state": "RELEASED", "was": "HELD", "n": n }),
            };
            tx.emit_all((from..from + count).map(event).collect()).await?;
            Ok(())
        })
        .await;
    done.unwrap();
}

/// Publishes until `count` events are out.
async fn published(app: &App, count: u64) {
    let publish = async {
        let mut done = 0;
        while done < count {
            done += events_publish(app).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(done, count);
    };
    tokio::time::timeout(LATE, publish).await.unwrap();
}

/// Another process on the same database, which publishes to `stream`.
async fn process(x: &Exchange, stream: Box<dyn EventStream>, settings: &str) -> Arc<App> {
    let app = x.process_with(settings).await;
    Arc::new(App { publisher: Some(Arc::new(Publisher::to(stream))), ..App::clone(&app) })
}

/// Keeps what it takes; refuses the next `faults` batches, behind their effect when `late`.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<KeptState>>);

#[derive(Default)]
struct KeptState {
    taken: Vec<StreamMessage>,
    faults: u32,
    late: bool,
}

impl Kept {
    fn fail(&self, faults: u32, late: bool) {
        let mut state = self.0.lock().unwrap();
        (state.faults, state.late) = (faults, late);
    }

    /// The numbers of the events, in the order in which they came.
    fn numbers(&self) -> Vec<u64> {
        let number =
            |message: &StreamMessage| serde_json::from_slice::<Value>(&message.body).unwrap()["data"]["n"].as_u64().unwrap();
        self.0.lock().unwrap().taken.iter().map(number).collect()
    }
}

impl EventStream for Kept {
    fn publish(&self, messages: Vec<StreamMessage>) -> BoxFuture<'_, Result<(), StreamError>> {
        async move {
            let mut state = self.0.lock().unwrap();
            let fails = state.faults > 0;
            state.faults = state.faults.saturating_sub(1);
            if !fails || state.late {
                state.taken.extend(messages);
            }
            if fails { Err(StreamError::NotReached) } else { Ok(()) }
        }
        .boxed()
    }
}

on_each_backend! {
    async fn events_wait_while_nobody_takes_them(x: Exchange) {
        let stream = Kept::default();
        let app = process(&x, Box::new(stream.clone()), "[nats]\nbatch = 4\n").await;
        assert_eq!(events_waiting(&x.app).await.unwrap(), None, "a process that publishes nowhere");
        emit(&app, 0, 3).await;
        x.events_behind(store::outbox::Position::default(), 3).await;
        events_publish_begin(&app).await.unwrap();
        // What was before the beginning is not told; another beginning changes nothing.
        assert_eq!(events_waiting(&app).await.unwrap().unwrap().events, 0);
        emit(&app, 10, 10).await;
        events_publish_begin(&app).await.unwrap();
        let waiting = events_waiting(&app).await.unwrap().unwrap();
        assert_eq!((waiting.events, waiting.since), (10, Some(x.app.now())));
        stream.fail(1, false);
        let failed = async {
            while events_publish(&app).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LATE, failed).await.unwrap();
        // It is left alone for a moment, and nothing is passed over.
        assert_eq!((events_publish(&app).await.unwrap(), events_waiting(&app).await.unwrap().unwrap().events), (0, 10));
        x.clock.advance_secs(5);
        published(&app, 10).await;
        assert_eq!(stream.numbers(), (10..20).collect::<Vec<_>>());
        assert_eq!(events_waiting(&app).await.unwrap().unwrap().events, 0);
        assert_eq!(events_publish(&app).await.unwrap(), 0);
        // Taken, but the acknowledgement was lost: they come again, with the same ids.
        emit(&app, 30, 2).await;
        stream.fail(1, true);
        let lost = async {
            while events_publish(&app).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LATE, lost).await.unwrap();
        x.clock.advance_secs(5);
        published(&app, 2).await;
        assert_eq!(stream.numbers()[10..], [30, 31, 30, 31]);
        let ids: Vec<String> = stream.0.lock().unwrap().taken[10..].iter().map(|message| message.id.clone()).collect();
        assert_eq!(ids[..2], ids[2..]);
    }

    async fn one_process_publishes_and_another_takes_over(x: Exchange) {
        let (first, second) = (Kept::default(), Kept::default());
        let one = process(&x, Box::new(first.clone()), "[nats]\nbatch = 4\n[workers]\nlease_secs = 10\n").await;
        let two = process(&x, Box::new(second.clone()), "[nats]\nbatch = 4\n[workers]\nlease_secs = 10\n").await;
        events_publish_begin(&one).await.unwrap();
        emit(&one, 0, 8).await;
        published(&one, 8).await;
        // The first has the lease, whether it works or not.
        emit(&one, 8, 4).await;
        x.events_behind(store::outbox::Position::default(), 12).await;
        assert_eq!(events_publish(&two).await.unwrap(), 0);
        x.clock.advance_secs(9);
        assert_eq!(events_publish(&two).await.unwrap(), 0);
        x.clock.advance_secs(1);
        published(&two, 4).await;
        assert_eq!((first.numbers(), second.numbers()), ((0..8).collect(), (8..12).collect()));
        // One that stops gives it back at once.
        emit(&one, 12, 4).await;
        events_publish_end(&two).await.unwrap();
        published(&one, 4).await;
        assert_eq!(first.numbers()[8..], [12, 13, 14, 15]);
    }

    async fn who_has_outlived_its_lease_moves_nothing(x: Exchange) {
        let stream = Kept::default();
        let app = process(&x, Box::new(stream.clone()), "").await;
        events_publish_begin(&app).await.unwrap();
        emit(&app, 0, 3).await;
        x.events_behind(store::outbox::Position::default(), 3).await;
        let (late, next) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let leased = async |owner: Uuid| x.app.store.feed_lease("nats", owner, 10, 100).await.unwrap();
        let turn = leased(late).await.unwrap();
        assert_eq!((turn.events.len(), leased(next).await), (3, None));
        assert_eq!(leased(late).await.unwrap().events.len(), 3, "kept by who has it");
        x.clock.advance_secs(10);
        let again = leased(next).await.unwrap();
        assert_eq!(again.events, turn.events);
        assert!(!x.app.store.feed_lease_done(&turn, late).await.unwrap());
        assert!(x.app.store.feed_lease_done(&again, next).await.unwrap());
        assert!(!x.app.store.feed_lease_done(&again, next).await.unwrap(), "a turn ends once");
        assert_eq!(x.app.store.feed_backlog("nats").await.unwrap().events, 0);
    }
}
