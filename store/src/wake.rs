//! Waking up the readers of what others commit: a commit of this process at once, one of another process by Postgres' NOTIFY,
//! and if all that is missed, after a pause.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use tokio::sync::watch;

use crate::db::{Backend, Store};
use crate::outbox::NOTIFY_CHANNEL;

/// One reader's alarm. It holds a connection of its own on Postgres.
#[derive(Debug)]
pub struct Wake {
    commits: watch::Receiver<u64>,
    listener: Option<PgListener>,
}

impl Store {
    /// An alarm for one reader. When Postgres gives no connection for it, the reader's pauses have to do.
    pub async fn wake(&self) -> Wake {
        Wake { commits: self.inner.wake.subscribe(), listener: self.listener().await }
    }

    async fn listener(&self) -> Option<PgListener> {
        if self.backend() != Backend::Postgres {
            return None;
        }
        let mut listener = PgListener::connect_with(self.read().get_postgres_connection_pool()).await.ok()?;
        listener.listen(NOTIFY_CHANNEL).await.ok()?;
        Some(listener)
    }
}

impl Wake {
    /// Waits for a commit since the last wait, at most for `pause`.
    pub async fn next(&mut self, pause: Duration) {
        let elsewhere = async {
            match &mut self.listener {
                // `None` means that the connection was lost and is back: something may have been missed.
                Some(listener) => listener.try_recv().await.map(drop),
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
            while listener.next_buffered().is_some() {}
        }
    }
}
