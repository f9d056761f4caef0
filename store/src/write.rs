//! The one way to write.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::id::TypedId;
use domain::time::{Timestamp, truncated};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    Value,
};

use crate::db::{Backend, Inner, Store};
use crate::error::{Fault, StoreError, WriteError};

/// The first pause between two tries; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(4);

/// A running transaction: a cheap handle that the closure of [`Store::write`] owns and drops when it is done.
#[derive(Clone)]
pub struct Tx {
    transaction: Arc<DatabaseTransaction>,
    inner: Arc<Inner>,
    /// Whether it has written events.
    has_emitted: Arc<AtomicBool>,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tx")
    }
}

impl Tx {
    /// The connection that the transaction runs on.
    #[must_use]
    pub fn db(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// Which database this is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// Other processes are to be told of events when this commits.
    pub(crate) fn emitted(&self) {
        self.has_emitted.store(true, Ordering::Relaxed);
    }

    /// The instant that decides: read it after the rows are locked. The database's clock on Postgres in production, so
    /// that two processes with different clocks cannot both be in time; the process's elsewhere.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        if self.inner.database_clock { Ok(self.now_and("TRUE", Vec::new()).await?.0) } else { Ok(self.inner.source.now()) }
    }

    /// The same, with the rows, one at least, that a statement finds: `query` is what stands in it behind the first column, which
    /// is the clock's.
    pub(crate) async fn now_and(&self, query: &str, values: Vec<Value>) -> Result<(Timestamp, Vec<QueryResult>), StoreError> {
        let clock = if self.inner.database_clock { "clock_timestamp()" } else { "NULL" };
        let sql = format!("SELECT {clock}, {query}");
        let statement = Statement::from_sql_and_values(self.db().get_database_backend(), sql, values);
        let rows = self.db().query_all_raw(statement).await?;
        let first = rows.first().ok_or(StoreError::Misuse("the database has no clock"))?;
        let now = if self.inner.database_clock {
            truncated(first.try_get_by_index::<DateTime<Utc>>(0)?)
        } else {
            self.inner.source.now()
        };
        Ok((now, rows))
    }

    /// Lets the commit not wait for the disk: only for what is done once more, and does no harm, if the machine fails and it is lost.
    pub async fn commit_lazily(&self) -> Result<(), StoreError> {
        if self.backend() == Backend::Postgres {
            self.db().execute_unprepared("SET LOCAL synchronous_commit = off").await?;
        }
        Ok(())
    }

    /// A fresh id.
    #[must_use]
    pub fn id<I: TypedId>(&self) -> I {
        I::from(self.inner.source.uuid())
    }

    /// A number that nobody can foresee, to draw lots with.
    #[must_use]
    pub fn random(&self) -> u64 {
        self.inner.source.random()
    }
}

impl Store {
    /// Runs `body` in one transaction and commits when it says `Ok`; otherwise nothing was written.
    ///
    /// `name` is the mutation's name, for metrics. `body` may run several times (the database can ask to try a
    /// collided transaction again), so it clones what it consumes, and awaits nothing but the transaction.
    pub async fn write<T, E, F, Fut>(&self, name: &'static str, mut body: F) -> Result<T, E>
    where
        F: FnMut(Tx) -> Fut + Send,
        Fut: Future<Output = Result<T, E>> + Send,
        T: Send,
        E: From<WriteError> + TransientError + Send,
    {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let result = self.attempt(&mut body).await;
            match result {
                Err(error) if attempt < self.inner.write_attempts && error.is_transient() => {
                    metrics::counter!("store_write_retries", "name" => name).increment(1);
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                    attempt = attempt.saturating_add(1);
                }
                result => {
                    metrics::histogram!("store_write_seconds", "name" => name).record(started.elapsed().as_secs_f64());
                    if result.is_ok() {
                        self.inner.wake.send_modify(|commits| *commits = commits.wrapping_add(1));
                    }
                    return result;
                }
            }
        }
    }

    async fn attempt<T, E, F, Fut>(&self, body: &mut F) -> Result<T, E>
    where
        F: FnMut(Tx) -> Fut + Send,
        Fut: Future<Output = Result<T, E>> + Send,
        E: From<WriteError>,
    {
        let begun = self.begin().await.map_err(|error| E::from(WriteError::from(error)))?;
        let transaction = Arc::new(begun);
        let has_emitted = Arc::new(AtomicBool::new(false));
        let tx =
            Tx { transaction: Arc::clone(&transaction), inner: Arc::clone(&self.inner), has_emitted: Arc::clone(&has_emitted) };
        let result = body(tx).await;
        let kept = || E::from(WriteError::Store(StoreError::Misuse("a transaction's handle outlived its closure")));
        let transaction = Arc::into_inner(transaction).ok_or_else(kept)?;
        match result {
            Ok(value) => {
                transaction.commit().await.map_err(|error| E::from(WriteError::from(error)))?;
                if let (true, Some(crier)) = (has_emitted.load(Ordering::Relaxed), &self.inner.crier) {
                    crier.committed();
                }
                Ok(value)
            }
            Err(error) => {
                // The first error is the one to tell; a connection that cannot roll back is dropped by the pool.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place where a transaction begins")]
    async fn begin(&self) -> Result<DatabaseTransaction, sea_orm::DbErr> {
        let options = TransactionOptions {
            // A deferred transaction that becomes a writer fails with busy at once, whatever the timeout.
            sqlite_transaction_mode: (self.inner.backend == Backend::Sqlite).then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.inner.write.begin_with_options(options).await
    }
}

/// Whether the same transaction may succeed when it is tried again.
pub trait TransientError {
    /// See [`Fault::Transient`].
    fn is_transient(&self) -> bool;
}

impl TransientError for WriteError {
    fn is_transient(&self) -> bool {
        self.fault() == Some(Fault::Transient)
    }
}

impl TransientError for StoreError {
    fn is_transient(&self) -> bool {
        self.fault() == Fault::Transient
    }
}
