//! Waking up the readers of what others commit: a commit of this process at once, one of another process by Postgres' NOTIFY,
//! and if all that is missed, after a pause.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgListener, PgNotification};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};
use tokio::sync::watch;
use uuid::Uuid;

use crate::db::Store;

/// The channel that wakes the readers of other processes on Postgres.
const CHANNEL: &str = "clearlead_event";

/// How long other processes are not told again after they were.
const QUIET: Duration = Duration::from_millis(5);

/// Tells the other processes on a Postgres of what this one has committed.
///
/// Not in the transactions themselves: from NOTIFY on, a transaction that commits waits for every other that does, and
/// durable commits come one after another.
#[derive(Debug)]
pub(crate) struct Crier {
    db: DatabaseConnection,
    /// What this process calls itself, so that its own readers do not listen to it.
    name: String,
    committed: watch::Sender<()>,
}

impl Crier {
    /// Tells until the last [`Store`] is gone.
    pub(crate) fn start(db: DatabaseConnection, process: Uuid) -> Self {
        let name = process.simple().to_string();
        let (committed, commits) = watch::channel(());
        tokio::spawn(tell_of(commits, db.clone(), name.clone()));
        Self { db, name, committed }
    }

    /// Events were committed.
    pub(crate) fn committed(&self) {
        self.committed.send_replace(());
    }

    /// Tells what may not have been told yet, before the connections are closed.
    pub(crate) async fn tell(&self) -> Result<(), DbErr> {
        tell(&self.db, &self.name).await
    }
}

async fn tell_of(mut commits: watch::Receiver<()>, db: DatabaseConnection, name: String) {
    while commits.changed().await.is_ok() {
        if let Err(error) = tell(&db, &name).await {
            tracing::debug!(%error, "other processes were not told of a commit and will look by themselves");
        }
        tokio::time::sleep(QUIET).await;
    }
}

async fn tell(db: &DatabaseConnection, name: &str) -> Result<(), DbErr> {
    let sql = "SELECT pg_notify($1, $2)";
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [CHANNEL.into(), name.into()]);
    db.execute_raw(statement).await.map(drop)
}

/// One reader's alarm. It holds a connection of its own on Postgres.
#[derive(Debug)]
pub struct Wake {
    commits: watch::Receiver<u64>,
    listener: Option<Listener>,
}

#[derive(Debug)]
struct Listener {
    postgres: PgListener,
    /// The process that listens.
    name: String,
}

impl Listener {
    /// Waits for a commit elsewhere; one of this process is no news.
    async fn heard(&mut self) -> Result<(), sea_orm::sqlx::Error> {
        loop {
            // `None` means that the connection was lost and is back: something may have been missed.
            let heard = self.postgres.try_recv().await?;
            if heard.as_ref().map(PgNotification::payload) != Some(self.name.as_str()) {
                return Ok(());
            }
        }
    }
}

impl Store {
    /// An alarm for one reader. When Postgres gives no connection for it, the reader's pauses have to do.
    pub async fn wake(&self) -> Wake {
        Wake { commits: self.inner.wake.subscribe(), listener: self.listener().await }
    }

    async fn listener(&self) -> Option<Listener> {
        let name = self.inner.crier.as_ref()?.name.clone();
        let mut postgres = PgListener::connect_with(self.inner.write.get_postgres_connection_pool()).await.ok()?;
        postgres.listen(CHANNEL).await.ok()?;
        Some(Listener { postgres, name })
    }
}

impl Wake {
    /// Waits for a commit since the last wait, at most for `pause`.
    pub async fn next(&mut self, pause: Duration) {
        let elsewhere = async {
            match &mut self.listener {
                Some(listener) => listener.heard().await,
                None => std::future::pending().await,
            }
        };
        let broken = tokio::select! {
            heard = elsewhere => heard.is_err(),
            changed = self.commits.changed() => changed.is_err(),
            () = tokio::time::sleep(pause) => false,
        };
        if broken {
            self.listener = None;
            tokio::time::sleep(pause).await;
        }
        self.drain();
    }

    /// One look at the database answers all alarms so far.
    fn drain(&mut self) {
        self.commits.mark_unchanged();
        if let Some(listener) = &mut self.listener {
            while listener.postgres.next_buffered().is_some() {}
        }
    }
}
