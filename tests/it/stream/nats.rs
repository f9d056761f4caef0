//! On a real NATS server with JetStream.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::app::event_stream::{events_publish, events_publish_begin, events_waiting};
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Stream;
use domain::id::TradeId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{LATE, emit, published};
use crate::harness::on_each_backend;

const LOCAL_NATS: &str = "nats://127.0.0.1:4222";

static NEXT: AtomicU64 = AtomicU64::new(0);

pub fn nats_url() -> String {
    std::env::var("TEST_NATS_URL").unwrap_or_else(|_| LOCAL_NATS.to_owned())
}

/// The server, if it answers. With `CI` set a missing one is a failure.
pub async fn jetstream() -> Option<Context> {
    let connecting = async_nats::ConnectOptions::new().connection_timeout(Duration::from_secs(5)).connect(nats_url());
    match connecting.await {
        Ok(client) => Some(async_nats::jetstream::new(client)),
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "CI is set, and there is no NATS to test on");
            eprintln!("skipped: no NATS answers at {}", nats_url());
            None
        }
    }
}

/// A stream of one test, and the settings that name it.
pub struct Scratch {
    jetstream: Context,
    pub name: String,
    pub prefix: String,
}

impl Scratch {
    pub fn new(jetstream: Context) -> Self {
        let number = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self { jetstream, name: format!("CLEARLEAD_TEST_{number}"), prefix: format!("clearlead-test-{number}.events") }
    }

    pub fn settings(&self, url: &str) -> String {
        let Self { name, prefix, .. } = self;
        format!("[nats]\nurl = \"{url}\"\nstream = \"{name}\"\nsubject_prefix = \"{prefix}\"\nbatch = 3\nmax_age_secs = 600\n")
    }

    pub async fn stream(&self) -> Stream {
        self.jetstream.get_stream(&self.name).await.unwrap()
    }

    /// How many it holds; none before it is made.
    pub async fn messages(&self) -> u64 {
        let Ok(mut stream) = self.jetstream.get_stream(&self.name).await else { return 0 };
        stream.info().await.unwrap().state.messages
    }

    pub async fn remove(&self) {
        self.jetstream.delete_stream(&self.name).await.unwrap();
    }
}

on_each_backend! {
    async fn events_are_published_as_cloud_events(x: Exchange) {
        let Some(jetstream) = jetstream().await else { return };
        let scratch = Scratch::new(jetstream);
        let app = x.process_with(&scratch.settings(&nats_url())).await;
        events_publish_begin(&app).await.unwrap();
        emit(&app, 1, 7).await;
        let events = x.events_behind(store::outbox::Position::default(), 7).await;
        published(&app, 7).await;
        let mut stream = scratch.stream().await;
        let config = stream.info().await.unwrap().config.clone();
        assert_eq!((config.subjects, config.max_age), (vec![format!("{}.>", scratch.prefix)], Duration::from_secs(600)));
        assert_eq!(scratch.messages().await, 7);
        for (n, event) in (1_u64..).zip(&events) {
            let message = stream.get_raw_message(n).await.unwrap();
            let id = format!("{}-{}", event.position.transaction_id, event.position.seq);
            assert_eq!(message.subject.as_str(), format!("{}.trade.released", scratch.prefix));
            assert_eq!(message.headers.get("Nats-Msg-Id").unwrap().as_str(), id);
            assert_eq!(message.headers.get("Content-Type").unwrap().as_str(), "application/cloudevents+json; charset=UTF-8");
            let expected = json!({
                "specversion": "1.0", "id": id, "source": "http://127.0.0.1:8080", "type": "trade.released",
                "subject": TradeId(Uuid::from_u128(n.into())), "time": event.created_at, "datacontenttype": "application/json",
                "sequence": event.position.seq.to_string(), "topic": "trade.updated",
                "data": { "state": "RELEASED", "was": "HELD", "n": n },
            });
            assert_eq!(serde_json::from_slice::<Value>(&message.payload).unwrap(), expected);
        }
        // What a process published before it died without noting so, another publishes again: the stream takes it once.
        x.tamper("UPDATE feed_consumer SET seq = 0, transaction_id = 0, leased_by = NULL, leased_until = NULL").await.unwrap();
        let next = x.process_with(&scratch.settings(&nats_url())).await;
        published(&next, 7).await;
        assert_eq!(scratch.messages().await, 7);
        // A stream that somebody has removed is made again.
        scratch.remove().await;
        emit(&next, 8, 1).await;
        let made = async {
            while events_waiting(&next).await.unwrap().unwrap().events > 0 {
                x.clock.advance_secs(5);
                let _ = events_publish(&next).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LATE, made).await.unwrap();
        assert_eq!(scratch.messages().await, 1);
        scratch.remove().await;
    }

    async fn without_nats_events_wait_and_then_go_on(x: Exchange) {
        let Some(jetstream) = jetstream().await else { return };
        let scratch = Scratch::new(jetstream);
        // Nobody listens there.
        let down = x.process_with(&scratch.settings("nats://127.0.0.1:9")).await;
        events_publish_begin(&down).await.unwrap();
        emit(&down, 1, 5).await;
        x.events_behind(store::outbox::Position::default(), 5).await;
        let told = events_publish(&down).await.unwrap_err().to_string();
        assert_eq!(told, "NATS cannot be reached");
        assert_eq!(events_waiting(&down).await.unwrap().unwrap().events, 5);
        let up = x.process_with(&scratch.settings(&nats_url())).await;
        published(&up, 5).await;
        assert_eq!((scratch.messages().await, events_waiting(&down).await.unwrap().unwrap().events), (5, 0));
        scratch.remove().await;
    }
}
