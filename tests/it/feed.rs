//! Following the feed: within a process, across two, and too slowly.

use std::time::Duration;

use api::feed::{Feed, Lagged, Subscribed};
use serde_json::json;
use store::outbox::{Event, Position};
use store::{Store, WriteError};
use uuid::Uuid;

use crate::harness::{Database, Exchange, on_each_backend};

const SUBJECT: Uuid = Uuid::from_u128(5);
const SOON: Duration = Duration::from_secs(10);
/// Other tests' transactions hold the feed of this server back too.
const LATE: Duration = Duration::from_secs(60);

async fn emit(store: &Store, numbers: std::ops::Range<i64>) {
    let done: Result<(), WriteError> = store
        .write("emit", move |tx| {
            let numbers = numbers.clone();
            async move {
                for n in numbers {
                    let topic = if n % 2 == 0 { "test.even" } else { "test.odd" };
                    tx.emit(Event { topic, subject_id: SUBJECT, audience: vec![], payload: json!({ "n": n }) }).await?;
                }
                Ok(())
            }
        })
        .await;
    done.unwrap();
}

/// A subscriber of another process, which hears of everything.
async fn listening_elsewhere(x: &Exchange) -> Subscribed {
    let other = x.second_process().await;
    // Postgres wakes the other process; on SQLite it has to look by itself.
    let pause = if x.database == Database::Postgres { Duration::from_secs(600) } else { Duration::from_millis(50) };
    let subscribed = Feed::new(other.store.clone(), pause).subscribe(|_| true).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    subscribed
}

on_each_backend! {
    async fn a_subscriber_gets_every_event_from_then_on_that_it_wants(x: Exchange) {
        emit(&x.app.store, 0..3).await;
        x.events_behind(Position::default(), 3).await;
        let feed = Feed::new(x.app.store.clone(), Duration::from_millis(50));
        let mut even = feed.subscribe(|event| event.topic == "test.even").await.unwrap();
        let mut all = feed.subscribe(|_| true).await.unwrap();
        emit(&x.app.store, 3..7).await;
        for (subscribed, expected) in [(&mut even, vec![4, 6]), (&mut all, vec![3, 4, 5, 6])] {
            for n in expected {
                let event = tokio::time::timeout(SOON, subscribed.next()).await.unwrap().unwrap().unwrap();
                assert_eq!(event.payload["n"], n);
                assert!(event.position > subscribed.since);
            }
        }
    }

    async fn another_process_hears_of_a_commit(x: Exchange) {
        let mut subscribed = listening_elsewhere(&x).await;
        for n in 0..3 {
            emit(&x.app.store, n..n + 1).await;
            let event = tokio::time::timeout(LATE, subscribed.next()).await.unwrap().unwrap().unwrap();
            assert_eq!(event.payload["n"], n);
        }
    }

    async fn another_process_hears_of_what_was_committed_before_the_end(x: Exchange) {
        let mut subscribed = listening_elsewhere(&x).await;
        let ending = x.second_process().await;
        emit(&ending.store, 0..9).await;
        ending.store.close().await.unwrap();
        for n in 0..9 {
            let event = tokio::time::timeout(LATE, subscribed.next()).await.unwrap().unwrap().unwrap();
            assert_eq!(event.payload["n"], n);
        }
    }

    async fn a_subscriber_that_reads_too_slowly_is_told_so(x: Exchange) {
        let feed = Feed::new(x.app.store.clone(), Duration::from_millis(50));
        let mut slow = feed.subscribe(|_| true).await.unwrap();
        let mut quick = feed.subscribe(|event| event.payload["n"] == 299).await.unwrap();
        emit(&x.app.store, 0..300).await;
        assert_eq!(tokio::time::timeout(SOON, quick.next()).await.unwrap().unwrap().unwrap().payload["n"], 299);
        let mut got = 0;
        while let Some(next) = slow.next().await {
            match next {
                Ok(event) => {
                    assert_eq!(event.payload["n"], got);
                    got += 1;
                }
                Err(Lagged) => break,
            }
        }
        assert_eq!(got, 256);
        assert!(slow.next().await.is_none());
    }

    async fn who_needs_only_the_newest_event_is_never_too_slow(x: Exchange) {
        let feed = Feed::new(x.app.store.clone(), Duration::from_millis(50));
        let mut newest = feed.watch(|event| event.topic == "test.odd").await.unwrap();
        let mut all = feed.watch(|event| event.payload["n"] == 599).await.unwrap();
        emit(&x.app.store, 0..600).await;
        tokio::time::timeout(SOON, all.next()).await.unwrap().unwrap();
        let event = tokio::time::timeout(SOON, newest.next()).await.unwrap().unwrap();
        assert_eq!(event.payload["n"], 599);
    }

    async fn an_event_that_cannot_be_read_stops_nobody(x: Exchange) {
        emit(&x.app.store, 0..4).await;
        x.events_behind(Position::default(), 4).await;
        let broken = "UPDATE event SET audience = '{\"nobody\":1}' WHERE seq IN (SELECT seq FROM event ORDER BY seq LIMIT 1 OFFSET ";
        for offset in [1, 3] {
            x.tamper(&format!("{broken}{offset})")).await.unwrap();
        }
        let read = x.app.store.feed_read(Position::default(), 100).await.unwrap();
        assert_eq!(read.events.iter().map(|event| event.payload["n"].clone()).collect::<Vec<_>>(), [0, 2]);
        assert!(read.end > read.events[1].position, "the reader is behind the broken one");
        assert_eq!(x.app.store.feed_read(read.end, 100).await.unwrap().events, []);
    }

    async fn the_reader_stops_with_its_last_subscriber_and_begins_again(x: Exchange) {
        let feed = Feed::new(x.app.store.clone(), Duration::from_millis(20));
        drop(feed.subscribe(|_| true).await.unwrap());
        tokio::time::sleep(Duration::from_millis(200)).await;
        emit(&x.app.store, 0..1).await;
        x.events_behind(Position::default(), 1).await;
        let mut again = feed.subscribe(|_| true).await.unwrap();
        emit(&x.app.store, 1..2).await;
        let event = tokio::time::timeout(SOON, again.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(event.payload["n"], 1);
    }
}

/// An older transaction, of whatever kind, holds the order of events open on Postgres; nobody tells a reader when it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_long_transaction_held_back_comes_when_it_ends() {
    if !Database::Postgres.is_there().await {
        return;
    }
    let x = Exchange::start(Database::Postgres).await;
    let feed = Feed::new(x.app.store.clone(), Duration::from_secs(600));
    let mut subscribed = feed.subscribe(|_| true).await.unwrap();
    let long = x.long_transaction().await;
    emit(&x.app.store, 0..2).await;
    let read = x.app.store.feed_read(Position::default(), 100).await.unwrap();
    assert_eq!((read.events.len(), read.ahead.len(), read.end), (0, 2, Position::default()));
    assert!(tokio::time::timeout(Duration::from_millis(300), subscribed.next()).await.is_err(), "its order is not known yet");
    long.commit().await.unwrap();
    for n in 0..2 {
        let event = tokio::time::timeout(LATE, subscribed.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(event.payload["n"], n);
    }
}
