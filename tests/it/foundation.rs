//! What everything stands on: writing, the event feed, jobs, idempotency, append-only tables.

use std::sync::Arc;

use api::app::StoreSource;
use api::ports::SeededEntropy;
use domain::id::OrganizationId;
use domain::refusal::Code;
use serde_json::json;
use store::idempotency::IdempotencyKey;
use store::job::Lane;
use store::outbox::{Event, Position};
use store::sea_orm::{ConnectionTrait, Statement};
use store::{Backend, Options, Store, TransientError, WriteError};
use uuid::Uuid;

use crate::harness::{Exchange, on_each_backend};

fn event(n: i64) -> Event {
    Event { topic: "test.happened", subject_id: Uuid::from_u128(5), audience: vec![], payload: json!({ "n": n }) }
}

async fn emit(x: &Exchange, n: i64) {
    let done: Result<(), WriteError> = x.app.store.write("emit", move |tx| async move { Ok(tx.emit(event(n)).await?) }).await;
    done.unwrap();
}

on_each_backend! {
    async fn the_server_answers(x: Exchange) {
        let answer = x.anonymous("{ server { version now } }", json!({})).await;
        assert_eq!(answer["data"]["server"]["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(answer["data"]["server"]["now"], "2026-03-02T09:00:00+00:00");
    }

    async fn more_readers_than_connections_are_all_answered(x: Exchange) {
        for _ in 0..3 {
            let asked = (0..100).map(|_| x.app.store.money_stop());
            assert!(futures::future::try_join_all(asked).await.unwrap().iter().all(Option::is_none));
        }
        let gone = x.app.store.money_stop();
        drop(tokio::time::timeout(std::time::Duration::from_micros(1), gone).await);
        assert!(x.app.store.money_stop().await.unwrap().is_none());
        x.app.store.close().await.unwrap();
        let closed = x.app.store.money_stop().await.unwrap_err();
        assert!(closed.is_unreachable(), "{closed}");
    }

    async fn a_database_on_this_machine_is_spoken_to_in_plain_unless_the_url_asks_for_more(x: Exchange) {
        if x.app.store.backend() == Backend::Sqlite {
            return;
        }
        let asked = async |sql: &str| {
            let statement = Statement::from_string(x.app.store.read().get_database_backend(), sql);
            x.app.store.read().query_one_raw(statement).await.unwrap().unwrap()
        };
        let is_encrypted: bool = asked("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await.try_get("", "ssl").unwrap();
        assert!(!is_encrypted);
        let server: String = asked("SHOW ssl").await.try_get("", "ssl").unwrap();
        let source = StoreSource::new(x.clock.clone(), Arc::new(SeededEntropy::new(7)));
        let insisting = Store::open(Options::new(format!("{}?sslmode=require", x.url)), Arc::new(source)).await;
        assert_eq!(insisting.is_ok(), server == "on");
    }

    async fn a_refused_write_leaves_nothing(x: Exchange) {
        let before = x.row_counts().await;
        let done: Result<(), WriteError> = x
            .app
            .store
            .write("refused", |tx| async move {
                tx.emit(event(1)).await?;
                Err(domain::refusal::Refusal::new(Code::Invalid, "no").into())
            })
            .await;
        assert!(matches!(done, Err(WriteError::Refused(_))));
        assert_eq!(x.row_counts().await, before);
    }

    async fn the_feed_passes_over_no_event_of_a_slow_transaction(x: Exchange) {
        emit(&x, 1).await;
        let start = x.events_behind(Position::default(), 1).await.pop().unwrap().position;
        assert_eq!(x.app.store.events_after(start, 10).await.unwrap(), vec![]);
        let (release, wait) = tokio::sync::oneshot::channel::<()>();
        let wait = std::sync::Arc::new(tokio::sync::Mutex::new(Some(wait)));
        let (written, slow_has_written) = tokio::sync::oneshot::channel::<()>();
        let written = std::sync::Arc::new(std::sync::Mutex::new(Some(written)));
        let store = x.app.store.clone();
        let slow = tokio::spawn(async move {
            let done: Result<(), WriteError> = store
                .write("slow", move |tx| {
                    let (wait, written) = (wait.clone(), written.clone());
                    async move {
                        tx.emit(event(2)).await?;
                        written.lock().unwrap().take().unwrap().send(()).unwrap();
                        wait.lock().await.take().unwrap().await.unwrap();
                        Ok(())
                    }
                })
                .await;
            done.unwrap();
        });
        slow_has_written.await.unwrap();
        if x.database == crate::harness::Database::Postgres {
            emit(&x, 3).await;
            assert_eq!(x.app.store.events_after(start, 10).await.unwrap(), vec![], "the younger one waits for the older one");
        }
        release.send(()).unwrap();
        slow.await.unwrap();
        if x.database == crate::harness::Database::Sqlite {
            emit(&x, 3).await;
        }
        let numbers: Vec<_> = x.events_behind(start, 2).await.into_iter().map(|e| e.payload["n"].clone()).collect();
        assert_eq!(numbers, [2, 3]);
        assert_eq!(x.app.store.events_after(Position::default(), 10).await.unwrap().len(), 3);
    }

    async fn a_job_is_claimed_once_and_tried_again(x: Exchange) {
        let at = x.app.store.now();
        let id = x.app.store.write("enqueue", move |tx| async move { Ok::<_, WriteError>(tx.enqueue("test", json!({"a": 1}), at).await?) }).await.unwrap();
        let claimed = x.app.store.jobs_claim(Lane::Prompt, 10, 60).await.unwrap();
        assert_eq!((claimed.len(), claimed[0].id, claimed[0].attempts), (1, id, 1));
        assert_eq!(x.app.store.jobs_claim(Lane::Prompt, 10, 60).await.unwrap(), vec![]);
        x.clock.advance_secs(61);
        let again = x.app.store.jobs_claim(Lane::Prompt, 10, 60).await.unwrap();
        assert_eq!(again[0].attempts, 2);
        x.app.store.job_failed(&again[0], "the other side is down", 10).await.unwrap();
        assert_eq!(x.app.store.jobs_claim(Lane::Prompt, 10, 60).await.unwrap(), vec![]);
        x.clock.advance_secs(4);
        let last = x.app.store.jobs_claim(Lane::Prompt, 10, 60).await.unwrap();
        assert_eq!(last[0].attempts, 3);
        x.app.store.job_done(id).await.unwrap();
        assert_eq!(x.app.store.jobs_waiting().await.unwrap(), 0);
        let (backlog, is_stopped) = api::app::gauges::gauges_set(&x.app).await.unwrap();
        assert_eq!((backlog.waiting, backlog.dead, is_stopped), (0, 0, false));
    }

    async fn an_idempotency_key_answers_again_or_refuses(x: Exchange) {
        let once = |hash: u8, answer: i64| {
            let store = x.app.store.clone();
            async move {
                let result: Result<i64, WriteError> = store
                    .write("once", move |tx| async move {
                        let key = IdempotencyKey {
                            organization: OrganizationId(Uuid::from_u128(1)),
                            key: "k".into(),
                            operation: "once",
                            input_hash: vec![hash],
                        };
                        if let Some(earlier) = tx.replayed(&key).await? {
                            return Ok(earlier);
                        }
                        tx.remember(&key, &answer).await?;
                        Ok(answer)
                    })
                    .await;
                result
            }
        };
        let (first, second) = tokio::join!(once(1, 10), once(1, 20));
        assert_eq!(first.unwrap(), second.unwrap());
        let refused = once(2, 30).await.unwrap_err();
        assert!(!refused.is_transient());
        let WriteError::Refused(refusals) = refused else { panic!("{refused}") };
        assert_eq!(refusals[0].code, Code::IdempotencyMismatch);
    }

    async fn an_append_only_table_only_grows(x: Exchange) {
        x.tamper("INSERT INTO journal (id, kind, effect, subject_kind, subject_id, currency, created_at) VALUES ('00000000-0000-0000-0000-000000000001', 'TEST', 'TEST', 'TEST', '00000000-0000-0000-0000-000000000001', 'EUR', '2026-01-01T00:00:00+00:00')").await.unwrap();
        assert!(x.tamper("UPDATE journal SET kind = 'X'").await.is_err());
        assert!(x.tamper("DELETE FROM journal").await.is_err());
        if x.database == crate::harness::Database::Sqlite {
            assert!(x.tamper("REPLACE INTO journal SELECT * FROM journal").await.is_err());
        } else {
            assert!(x.tamper("TRUNCATE journal CASCADE").await.is_err());
        }
        assert_eq!(x.count("journal").await, 1);
    }
}
