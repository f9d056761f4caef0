//! Opening a database: two backends, one behaviour.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use domain::id::TypedId;
use domain::time::Timestamp;
use migrations::Migrator;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, RuntimeErr, Statement};
use sea_orm_migration::MigratorTrait;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::error::StoreError;
use crate::nagle::send_at_once;
use crate::reader::Reader;
use crate::wake::Crier;

/// Where instants and ids come from.
pub trait Source: Send + Sync {
    /// The present instant, with microseconds.
    fn now(&self) -> Timestamp;
    /// A fresh UUIDv7.
    fn uuid(&self) -> Uuid;
    /// A number that nobody can foresee; each is equally likely.
    fn random(&self) -> u64;
}

/// The advisory lock of migrations on Postgres.
const MIGRATIONS_LOCK: i64 = 0x636c_6d69_6772_6174;

/// Rows in one statement, at most: SQLite binds 32,766 values in one, and no row has more than 30.
pub(crate) const STATEMENT_ROWS: usize = 1_000;

/// How long a connection may have been idle and is used without asking whether the server is still there: asking is a round trip.
pub(crate) const TRUSTED: Duration = Duration::from_secs(1);

/// Statements that each connection keeps prepared.
const STATEMENTS: usize = 256;

/// Which database is behind a [`Store`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Embedded, one writer.
    Sqlite,
    /// A server, many processes.
    Postgres,
}

impl FromStr for Backend {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        match url.split(':').next() {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(StoreError::Misuse("the database URL must start with sqlite: or postgres:")),
        }
    }
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite://path?mode=rwc` or `postgres://..`.
    pub url: String,
    /// Connections for reading and, on Postgres, writing.
    pub max_connections: u32,
    /// How long a caller waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long a SQLite statement waits for another process's lock.
    pub busy_timeout: Duration,
    /// How often a transaction that collided is tried in all.
    pub write_attempts: u32,
    /// Whether deadlines compare with the database's clock (Postgres in production) or with [`Source::now`].
    pub database_clock: bool,
    /// Whether a commit on SQLite survives a power cut. Only a demo, whose database is made anew each time, goes without.
    pub durable: bool,
    /// Told after each statement how long it took, on the task that waited for it.
    pub on_statement: Option<fn(Duration)>,
}

impl Options {
    /// The usual options for `url`: 16 connections, 5 s for each kind of waiting, 8 attempts, the process's clock.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 16,
            acquire_timeout: Duration::from_secs(5),
            busy_timeout: Duration::from_secs(5),
            write_attempts: 8,
            database_clock: false,
            durable: true,
            on_statement: None,
        }
    }
}

/// An open database.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) backend: Backend,
    pub(crate) read: Reader,
    pub(crate) write: DatabaseConnection,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) database_clock: bool,
    pub(crate) write_attempts: u32,
    pub(crate) wake: tokio::sync::watch::Sender<u64>,
    /// On Postgres, which other processes may use too.
    pub(crate) crier: Option<Crier>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("backend", &self.inner.backend).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database; does not migrate.
    pub async fn open(options: Options, source: Arc<dyn Source>) -> Result<Self, StoreError> {
        let backend: Backend = options.url.parse()?;
        let (read, mut write) = match backend {
            Backend::Sqlite => {
                let write = Database::connect(sqlite_options(&options, 1)).await?;
                if options.durable {
                    assert_durable(&write).await?;
                }
                (Database::connect(sqlite_options(&options, options.max_connections)).await?, write)
            }
            Backend::Postgres => {
                let pool = Database::connect(postgres_options(&options).await?).await?;
                (pool.clone(), pool)
            }
        };
        // On Postgres those who write use the same pool.
        let kept = if backend == Backend::Postgres { options.max_connections / 4 } else { options.max_connections };
        let read = Reader::new(backend, read, kept, options.on_statement);
        if let Some(observe) = options.on_statement {
            write.set_metric_callback(move |info| observe(info.elapsed));
        }
        let database_clock = options.database_clock && backend == Backend::Postgres;
        let (wake, _) = tokio::sync::watch::channel(0);
        let write_attempts = options.write_attempts;
        let crier = (backend == Backend::Postgres).then(|| Crier::start(write.clone(), source.uuid()));
        Ok(Self { inner: Arc::new(Inner { backend, read, write, source, database_clock, write_attempts, wake, crier }) })
    }

    /// Brings the schema up to date. Of several processes that start at once one does, and the others wait for it.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let alone = self.migrations_lock().await?;
        let done = Migrator::up(&self.inner.write, None).await;
        if let Some(connection) = alone {
            // The lock ends with its connection, however that ends.
            connection.close().await.unwrap_or_default();
        }
        Ok(done?)
    }

    /// A connection of its own that holds the lock of migrations; SQLite has one writer anyway.
    async fn migrations_lock(&self) -> Result<Option<PgConnection>, StoreError> {
        if self.inner.backend != Backend::Postgres {
            return Ok(None);
        }
        let failed = |error| StoreError::Db(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))));
        let options = self.inner.write.get_postgres_connection_pool().connect_options();
        let mut connection = PgConnection::connect_with(&options).await.map_err(failed)?;
        sqlx::query("SELECT pg_advisory_lock($1)").bind(MIGRATIONS_LOCK).execute(&mut connection).await.map_err(failed)?;
        Ok(Some(connection))
    }

    /// Whether every migration has been applied.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        Ok(Migrator::get_pending_migrations(self.inner.read.pool()).await?.is_empty())
    }

    /// Which database this is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// Where to read outside of a transaction. Never write through it.
    #[must_use]
    pub fn read(&self) -> &Reader {
        &self.inner.read
    }

    /// The present instant by the process's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.source.now()
    }

    /// A fresh id.
    #[must_use]
    pub fn id<I: TypedId>(&self) -> I {
        I::from(self.inner.source.uuid())
    }

    /// Closes the connections, after the running statements.
    pub async fn close(&self) -> Result<(), StoreError> {
        if let Some(crier) = &self.inner.crier {
            // Without it the others look by themselves.
            crier.tell().await.unwrap_or_default();
        }
        self.inner.read.close().await;
        Ok(self.inner.write.clone().close().await?)
    }
}

fn common_options(options: &Options, max_connections: u32) -> ConnectOptions {
    let mut connect = ConnectOptions::new(options.url.clone());
    connect
        .max_connections(max_connections)
        .acquire_timeout(options.acquire_timeout)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    connect
}

async fn postgres_options(options: &Options) -> Result<ConnectOptions, StoreError> {
    let mut connect = common_options(options, options.max_connections);
    let said = PgConnectOptions::from_str(&options.url).map_err(|_| StoreError::Misuse("the database URL cannot be read"))?;
    let port = said.get_port();
    let is_plain = is_plain(options, said).await;
    connect.test_before_acquire_if_idle_for(TRUSTED);
    connect.map_sqlx_postgres_opts(move |postgres| {
        let postgres = postgres.statement_cache_capacity(STATEMENTS);
        if is_plain { postgres.ssl_mode(PgSslMode::Disable) } else { postgres }
    });
    connect.map_sqlx_postgres_pool_opts(move |pool| {
        pool.after_connect(move |_, _| {
            // A system that does not let a process ask this of itself is slower, and as right.
            if let Err(error) = send_at_once(port) {
                tracing::debug!(%error, "long statements wait for the database's acknowledgements");
            }
            Box::pin(async { Ok(()) })
        })
    });
    Ok(connect)
}

/// Whether statements go to the database without TLS: to one on this machine, where nobody is between, unless the URL or the environment
/// says otherwise or the server insists.
async fn is_plain(options: &Options, said: PgConnectOptions) -> bool {
    let is_near = said.get_host().parse::<IpAddr>().map_or(said.get_host() == "localhost", |address| address.is_loopback());
    let is_asked = options.url.contains("sslmode=") || options.url.contains("ssl-mode=");
    if !is_near || is_asked || !matches!(said.get_ssl_mode(), PgSslMode::Prefer) {
        return false;
    }
    let Ok(connection) = PgConnection::connect_with(&said.ssl_mode(PgSslMode::Disable)).await else { return false };
    connection.close().await.unwrap_or_default();
    true
}

fn sqlite_options(options: &Options, max_connections: u32) -> ConnectOptions {
    let mut connect = common_options(options, max_connections);
    let busy_timeout = options.busy_timeout;
    let synchronous = if options.durable { SqliteSynchronous::Full } else { SqliteSynchronous::Off };
    // A file does not hang up.
    connect.test_before_acquire(false);
    connect.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(busy_timeout)
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            // The defaults (2 MiB of cache, a checkpoint every 4 MiB) are for telephones: batches of an import touch more.
            .pragma("cache_size", "-65536")
            .pragma("wal_autocheckpoint", "4000")
            .statement_cache_capacity(STATEMENTS)
    });
    connect
}

/// A commit must survive a power cut: WAL with less than FULL does not promise it.
async fn assert_durable(connection: &DatabaseConnection) -> Result<(), StoreError> {
    let statement = Statement::from_string(connection.get_database_backend(), "PRAGMA synchronous");
    let row = connection.query_one_raw(statement).await?.ok_or(DbErr::RecordNotFound("PRAGMA synchronous".into()))?;
    let level: i32 = row.try_get_by_index(0)?;
    if level >= 2 { Ok(()) } else { Err(StoreError::Misuse("SQLite must run with synchronous=FULL")) }
}
