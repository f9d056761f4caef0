//! Starts an exchange for one test, and speaks to it as its clients do.

mod actor;
mod backend;
mod door;
mod leads;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::app::{App, Caller, StoreSource};
use api::config::Config;
use api::crypto::KeyRing;
use api::graphql::Schema;
use api::http::log::{Meter, metered, statement_done};
use api::ports::{Clock, Entropy, FakeClock, RecordingMailer, RecordingSms, SeededEntropy};
use chrono::{TimeZone, Utc};
use domain::access::Principal;
use domain::time::Timestamp;
use futures::StreamExt;
use serde_json::{Value, json};
use store::outbox::{FeedEvent, Position};
use store::{Options, Store};

pub use actor::Actor;
pub use backend::Database;
pub use door::{get, send};
pub use leads::SUBMIT;

/// Every test begins here.
pub fn start_of_time() -> Timestamp {
    Utc.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).unwrap()
}

/// Declares tests that run once on each database: `on_each_backend! { async fn a_buyer_bids(x: Exchange) { .. } }`.
macro_rules! on_each_backend {
    ($($(#[$meta:meta])* async fn $name:ident($x:ident: Exchange) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn body($x: $crate::harness::Exchange) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body($crate::harness::Exchange::start($crate::harness::Database::Sqlite).await).await;
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if $crate::harness::Database::Postgres.is_there().await {
                    body($crate::harness::Exchange::start($crate::harness::Database::Postgres).await).await;
                }
            }
        }
    )*};
}
pub(crate) use on_each_backend;

/// Cheap passwords: the real costs are tested beside the hashing.
const SETTINGS: &str = "[auth]\nargon2_memory_kib = 64\nargon2_iterations = 1\n[dns]\nenabled = false\n";

/// What left the exchange.
#[derive(Clone, Default)]
pub struct Outbox {
    pub mail: Arc<RecordingMailer>,
    pub sms: Arc<RecordingSms>,
}

/// A running exchange with a database of its own.
pub struct Exchange {
    pub app: Arc<App>,
    pub clock: Arc<FakeClock>,
    pub schema: Schema,
    pub database: Database,
    pub url: String,
    pub outbox: Outbox,
    seed: AtomicU64,
    _files: tempfile::TempDir,
}

impl Exchange {
    pub async fn start(database: Database) -> Self {
        let files = tempfile::tempdir().unwrap();
        let url = database.fresh(files.path()).await;
        let clock = Arc::new(FakeClock::new(start_of_time()));
        let outbox = Outbox::default();
        let app = open(&url, files.path(), clock.clone(), &outbox, 7, "").await;
        let schema = api::graphql::schema(app.clone());
        Self { app, clock, schema, database, url, outbox, seed: AtomicU64::new(100), _files: files }
    }

    /// The same exchange with settings of its own.
    pub async fn with(mut self, settings: &str) -> Self {
        self.app = self.process_with(settings).await;
        self.schema = api::graphql::schema(self.app.clone());
        self
    }

    /// A second process on the same database, with the same clock and other randomness.
    pub async fn second_process(&self) -> Arc<App> {
        self.process_with("").await
    }

    /// Another process on the same database with settings of its own.
    pub async fn process_with(&self, settings: &str) -> Arc<App> {
        let seed = self.seed.fetch_add(1, Ordering::Relaxed);
        open(&self.url, &self.folder(), self.clock.clone(), &self.outbox, seed, settings).await
    }

    /// The folder for this test's files.
    pub fn folder(&self) -> PathBuf {
        self._files.path().to_path_buf()
    }

    /// Runs an operation as `principal`; answers the whole response, `{"data", "errors"}`.
    pub async fn execute(&self, principal: Principal, query: &str, variables: Value) -> Value {
        let variables = async_graphql::Variables::from_json(variables);
        let request = async_graphql::Request::new(query).variables(variables);
        let request = api::graphql::equip(request, self.app.clone(), caller(principal));
        serde_json::to_value(self.schema.execute(request).await).unwrap()
    }

    /// Runs an operation as `principal`; answers the response and how many statements it took.
    pub async fn counted(&self, principal: Principal, query: &str, variables: Value) -> (Value, u64) {
        let meter = Arc::new(Meter::default());
        let answer = metered(meter.clone(), self.execute(principal, query, variables)).await;
        (answer, meter.queries())
    }

    /// What a subscription says first, if it says anything within `patience`.
    pub async fn first_word(&self, principal: Principal, query: &str, patience: Duration) -> Option<Value> {
        let request = api::graphql::equip(async_graphql::Request::new(query), self.app.clone(), caller(principal));
        let mut answers = self.schema.execute_stream(request).boxed();
        let first = tokio::time::timeout(patience, answers.next()).await.ok()??;
        Some(serde_json::to_value(first).unwrap())
    }

    /// Runs an operation without a log-in.
    pub async fn anonymous(&self, query: &str, variables: Value) -> Value {
        self.execute(Principal::Anonymous, query, variables).await
    }

    /// The rows of each table: what a refusal must not change.
    pub async fn row_counts(&self) -> Value {
        let mut counts = json!({});
        for table in store::TABLES {
            counts[*table] = self.count(table).await.into();
        }
        counts
    }

    /// The first `count` events behind `position`, waited for: on Postgres a transaction of any database of the server can hold
    /// them back.
    pub async fn events_behind(&self, position: Position, count: usize) -> Vec<FeedEvent> {
        let read = async {
            loop {
                let events = self.app.store.events_after(position, 100).await.unwrap();
                if events.len() >= count {
                    return events;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), read).await.unwrap()
    }

    /// A transaction that somebody else runs: on Postgres it holds the order of events open until it ends.
    #[expect(clippy::disallowed_methods, reason = "a transaction of somebody else")]
    pub async fn long_transaction(&self) -> store::sea_orm::DatabaseTransaction {
        use store::sea_orm::{ConnectionTrait, Database, TransactionTrait};
        let long = Database::connect(&self.url).await.unwrap().begin().await.unwrap();
        long.execute_unprepared("SELECT pg_current_xact_id()").await.unwrap();
        long
    }

    /// The rows of one table.
    pub async fn count(&self, table: &str) -> i64 {
        use store::sea_orm::{ConnectionTrait, Statement};
        let db = self.app.store.read();
        let statement = Statement::from_string(db.get_database_backend(), format!("SELECT COUNT(*) FROM {table}"));
        db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// Everything in these tables as one text: where a secret must not be.
    pub async fn dump(&self, tables: &[&str]) -> String {
        use store::sea_orm::{ConnectionTrait, Statement};
        let db = self.app.store.read();
        let query =
            |sql: String| async move { db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap() };
        let mut text = String::new();
        for table in tables {
            let row = match self.database {
                Database::Postgres => "CAST(row_to_json(t) AS text)".to_owned(),
                Database::Sqlite => {
                    let columns = query(format!("SELECT name FROM pragma_table_info('{table}')")).await;
                    let quoted: Vec<_> =
                        columns.iter().map(|c| format!("quote({})", c.try_get_by_index::<String>(0).unwrap())).collect();
                    quoted.join(" || ' ' || ")
                }
            };
            for row in query(format!("SELECT {row} FROM {table} t")).await {
                text.push_str(&row.try_get_by_index::<String>(0).unwrap());
                text.push('\n');
            }
        }
        text
    }

    /// Writes SQL by hand, as nobody should.
    pub async fn tamper(&self, sql: &str) -> Result<(), String> {
        let sql = sql.to_owned();
        let done: Result<(), store::WriteError> = self
            .app
            .store
            .write("tamper", move |tx| {
                let sql = sql.clone();
                async move {
                    use store::sea_orm::ConnectionTrait;
                    tx.db().execute_unprepared(&sql).await?;
                    Ok(())
                }
            })
            .await;
        done.map_err(|error| error.to_string())
    }
}

/// A caller without an address.
pub fn caller(principal: Principal) -> Caller {
    Caller { principal, request_id: "test".into(), address: None }
}

async fn open(url: &str, folder: &Path, clock: Arc<FakeClock>, outbox: &Outbox, seed: u64, settings: &str) -> Arc<App> {
    let clock: Arc<dyn Clock> = clock;
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
    let source = Arc::new(StoreSource::new(clock.clone(), entropy.clone()));
    let options = Options { max_connections: 8, on_statement: Some(statement_done), ..Options::new(url) };
    let store = Store::open(options, source).await.unwrap();
    let config = Arc::new(Config::from_toml(&format!("[server]\ndata_dir = {folder:?}\n{SETTINGS}{settings}")).unwrap());
    // Every process of one exchange has the same key ring.
    let keys = Arc::new(KeyRing::generate(&SeededEntropy::new(1), "test"));
    let app = App::new(store, clock, entropy, config, keys).unwrap();
    Arc::new(App { mailer: outbox.mail.clone(), sms: outbox.sms.clone(), ..app })
}
