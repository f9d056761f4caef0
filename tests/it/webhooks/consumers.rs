//! Readers of the feed that remember where they stand.

use std::time::Duration;

use domain::time::plus_secs;
use serde_json::json;
use store::outbox::Event;
use store::{Store, WriteError};
use uuid::Uuid;

use crate::harness::{on_each_backend, start_of_time};

const CONSUMER: &str = "test";
/// Transactions of other tests hold the feed of this server back.
const LATE: Duration = Duration::from_secs(60);

async fn made(store: &Store) {
    let done: Result<(), WriteError> = store.write("make", |tx| async move { Ok(tx.feed_consumer_make(CONSUMER).await?) }).await;
    done.unwrap();
}

async fn emit(store: &Store, numbers: std::ops::Range<i64>) {
    let event =
        |n| Event { topic: "test.happened", subject_id: Uuid::from_u128(5), audience: vec![], payload: json!({ "n": n }) };
    let events: Vec<Event> = numbers.map(event).collect();
    let done: Result<(), WriteError> = store
        .write("emit", move |tx| {
            let events = events.clone();
            async move { Ok(tx.emit_all(events).await?) }
        })
        .await;
    done.unwrap();
}

/// One pass, which waits a little inside its transaction; answers what it read, unless another had the turn. A pass that
/// `fails` writes nothing.
async fn pass(store: &Store, limit: u64, fails: bool) -> Option<Vec<i64>> {
    let read: Result<Option<Vec<i64>>, WriteError> = store
        .write("pass", move |tx| async move {
            let Some(turn) = tx.feed_turn(CONSUMER, limit).await? else { return Ok(None) };
            tokio::time::sleep(Duration::from_millis(5)).await;
            tx.feed_turn_end(&turn).await?;
            if fails {
                return Err(store::StoreError::Misuse("the work failed").into());
            }
            Ok(Some(turn.events.iter().map(|event| event.payload["n"].as_i64().unwrap()).collect()))
        })
        .await;
    read.ok().flatten()
}

on_each_backend! {
    async fn many_readers_share_one_consumer_and_none_reads_an_event_again(x: Exchange) {
        emit(&x.app.store, 0..5).await;
        x.events_behind(store::outbox::Position::default(), 5).await;
        assert_eq!(pass(&x.app.store, 10, false).await, None, "there is no consumer yet");
        made(&x.app.store).await;
        let begun = x.app.store.feed_consumer(CONSUMER).await.unwrap().unwrap();
        made(&x.app.store).await;
        assert_eq!(x.app.store.feed_consumer(CONSUMER).await.unwrap(), Some(begun), "it is made once");
        let second = x.second_process().await;
        let readers: Vec<_> = [&x.app.store, &second.store, &x.app.store].into_iter().map(|store| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut read = Vec::new();
                for fails in [true, false].into_iter().cycle() {
                    read.extend(pass(&store, 7, fails).await.unwrap_or_default());
                    if read.contains(&-1) || store.feed_consumer("end").await.unwrap().is_some() {
                        return read;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                read
            })
        }).collect();
        for n in (5..105).step_by(10) {
            emit(&x.app.store, n..n + 10).await;
        }
        let all = async {
            while x.app.store.feed_consumer(CONSUMER).await.unwrap().unwrap().0 != x.app.store.feed_end().await.unwrap()
                || x.app.store.feed_end().await.unwrap().seq < begun.0.seq + 100
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LATE, all).await.unwrap();
        let done: Result<(), WriteError> =
            x.app.store.write("end", |tx| async move { Ok(tx.feed_consumer_make("end").await?) }).await;
        done.unwrap();
        let mut read = Vec::new();
        for reader in readers {
            read.extend(reader.await.unwrap());
        }
        read.sort_unstable();
        assert_eq!(read, (5..105).collect::<Vec<i64>>());
    }

    async fn what_a_consumer_has_not_read_is_kept_but_not_for_ever(x: Exchange) {
        made(&x.app.store).await;
        emit(&x.app.store, 0..3).await;
        x.events_behind(store::outbox::Position::default(), 3).await;
        let later = plus_secs(start_of_time(), 60);
        let prune = async |at_most| x.app.store.events_prune(later, at_most).await.unwrap();
        assert_eq!(prune(start_of_time()).await, 0, "nothing was read yet");
        let two = async {
            while pass(&x.app.store, 1, false).await.unwrap_or_default().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LATE, two).await.unwrap();
        assert_eq!(prune(start_of_time()).await, 1);
        assert_eq!(prune(later).await, 1, "past the bound what is unread goes, but for the last event");
        assert_eq!(x.count("event").await, 1);
        emit(&x.app.store, 3..5).await;
        x.clock.advance_secs(120);
        emit(&x.app.store, 5..8).await;
        assert_eq!(prune(later).await, 3, "what is young stays");
        assert_eq!(prune(later).await, 0);
        assert_eq!(x.count("event").await, 3);
    }
}
