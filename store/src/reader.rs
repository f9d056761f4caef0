//! Statements outside of transactions.
//!
//! A pool asks every connection that comes back whether its server is still there, on a task of its own: a round trip for each
//! statement, and in SQLite, where a connection is a thread, as many changes of threads as the statement itself. A connection that
//! answered just now stays here instead, and whoever asks next has the one that was used last.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{
    AssertSqlSafe, Connection, Database, Error, Executor, IntoArguments, Pool, Postgres, Sqlite, query_with, raw_sql,
};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values,
};
use sea_query_sqlx::SqlxValues;

use crate::db::{Backend, TRUSTED};

/// Where statements outside of transactions run.
pub struct Reader {
    pool: DatabaseConnection,
    driver: Driver,
    /// Told after each statement how long it took.
    observe: Option<fn(Duration)>,
}

enum Driver {
    Postgres(Kept<Postgres>),
    Sqlite(Kept<Sqlite>),
}

/// Connections of a pool that are not given back to it yet.
struct Kept<DB: Database> {
    pool: Pool<DB>,
    /// How many, at most: the others who use the pool need some too.
    most: usize,
    idle: Mutex<Idle<DB>>,
}

struct Idle<DB: Database> {
    /// Each with the instant of its last use, the latest last.
    connections: Vec<(PoolConnection<DB>, Instant)>,
    /// Who waits for the pool, and would not see what is kept here.
    waiting: usize,
}

/// One who waits for the pool, until this is dropped.
struct Waiting<'k, DB: Database>(&'k Mutex<Idle<DB>>);

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl Reader {
    /// A reader on `pool`, which keeps up to `most` of its connections.
    pub(crate) fn new(backend: Backend, pool: DatabaseConnection, most: u32, observe: Option<fn(Duration)>) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let driver = match backend {
            Backend::Postgres => Driver::Postgres(Kept::new(pool.get_postgres_connection_pool().clone(), most)),
            Backend::Sqlite => Driver::Sqlite(Kept::new(pool.get_sqlite_connection_pool().clone(), most)),
        };
        Self { pool, driver, observe }
    }

    /// The pool itself, for what takes nothing else.
    pub(crate) fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    /// Closes the pool with the connections that were kept of it, after the running statements.
    pub(crate) async fn close(&self) {
        match &self.driver {
            Driver::Postgres(kept) => kept.close().await,
            Driver::Sqlite(kept) => kept.close().await,
        }
    }

    async fn timed<T>(&self, statement: impl Future<Output = T>) -> T {
        let Some(observe) = self.observe else { return statement.await };
        let started = Instant::now();
        let done = statement.await;
        observe(started.elapsed());
        done
    }
}

#[sea_orm::prelude::async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        match self.driver {
            Driver::Postgres(_) => DbBackend::Postgres,
            Driver::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.driver {
            Driver::Postgres(kept) => self.timed(kept.execute(statement)).await,
            Driver::Sqlite(kept) => self.timed(kept.execute(statement)).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.driver {
            Driver::Postgres(kept) => self.timed(kept.execute_unprepared(sql)).await,
            Driver::Sqlite(kept) => self.timed(kept.execute_unprepared(sql)).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.driver {
            Driver::Postgres(kept) => self.timed(kept.query_one(statement)).await,
            Driver::Sqlite(kept) => self.timed(kept.query_one(statement)).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.driver {
            Driver::Postgres(kept) => self.timed(kept.query_all(statement)).await,
            Driver::Sqlite(kept) => self.timed(kept.query_all(statement)).await,
        }
    }
}

impl<DB> Kept<DB>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    SqlxValues: IntoArguments<DB>,
    DB::Arguments: IntoArguments<DB>,
    QueryResult: From<DB::Row>,
    ExecResult: From<DB::QueryResult>,
{
    fn new(pool: Pool<DB>, most: usize) -> Self {
        Self { pool, most, idle: Mutex::new(Idle { connections: Vec::new(), waiting: 0 }) }
    }

    async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut connection = self.take().await?;
        let (sql, values) = parts(statement);
        let done = query_with::<DB, _>(sql, values).execute(&mut *connection).await.map_err(exec_error)?;
        self.keep(connection);
        Ok(done.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut connection = self.take().await?;
        let done = raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await.map_err(exec_error)?;
        self.keep(connection);
        Ok(done.into())
    }

    async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut connection = self.take().await?;
        let (sql, values) = parts(statement);
        let row = query_with::<DB, _>(sql, values).fetch_optional(&mut *connection).await.map_err(query_error)?;
        self.keep(connection);
        Ok(row.map(QueryResult::from))
    }

    async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut connection = self.take().await?;
        let (sql, values) = parts(statement);
        let rows = query_with::<DB, _>(sql, values).fetch_all(&mut *connection).await.map_err(query_error)?;
        self.keep(connection);
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }

    /// The connection that was used last; when that is a while ago, it is asked whether its server is still there.
    async fn take(&self) -> Result<PoolConnection<DB>, DbErr> {
        while let Some((mut connection, used)) = self.last() {
            if used.elapsed() < TRUSTED {
                return Ok(connection);
            }
            let patience = self.pool.options().get_acquire_timeout();
            let asked = tokio::time::timeout(patience, connection.ping()).await;
            if matches!(asked, Ok(Ok(()))) {
                return Ok(connection);
            }
            connection.close_on_drop();
            if asked.is_err() {
                return Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
            }
        }
        let _waiting = Waiting(&self.idle);
        self.pool.acquire().await.map_err(|error| match error {
            Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
        })
    }

    /// The connection that was used last; whoever gets none waits for the pool from then on.
    fn last(&self) -> Option<(PoolConnection<DB>, Instant)> {
        let mut idle = lock(&self.idle);
        let last = idle.connections.pop();
        if last.is_none() {
            idle.waiting = idle.waiting.saturating_add(1);
        }
        last
    }

    /// Keeps a connection whose statement succeeded, unless somebody waits for it; one whose statement failed, or was left by its
    /// caller, goes back to the pool.
    fn keep(&self, connection: PoolConnection<DB>) {
        let mut idle = lock(&self.idle);
        if idle.waiting == 0 && idle.connections.len() < self.most && !self.pool.is_closed() {
            idle.connections.push((connection, Instant::now()));
        }
    }

    async fn close(&self) {
        // It says that it closes at once, so that none is kept anew behind its back.
        let closed = self.pool.close();
        drop(std::mem::take(&mut lock(&self.idle).connections));
        closed.await;
    }
}

impl<DB: Database> Drop for Waiting<'_, DB> {
    fn drop(&mut self) {
        let mut idle = lock(self.0);
        idle.waiting = idle.waiting.saturating_sub(1);
    }
}

impl<DB: Database> Drop for Kept<DB> {
    /// Giving them back takes a runtime, which may have ended.
    fn drop(&mut self) {
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        idle.connections.drain(..).for_each(|(connection, _)| drop(connection.leak()));
    }
}

fn lock<DB: Database>(idle: &Mutex<Idle<DB>>) -> MutexGuard<'_, Idle<DB>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

fn parts(statement: Statement) -> (AssertSqlSafe<String>, SqlxValues) {
    (AssertSqlSafe(statement.sql), SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new()))))
}

fn exec_error(error: Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

pub(crate) fn query_error(error: Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
