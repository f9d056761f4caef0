//! Consumers of the feed whose work leaves the database, such as publishing it: no transaction may stay open over that.
//!
//! A process leases the consumer, reads, commits, does the work, and moves the position only if the lease is still its own. Whoever
//! outlives its lease has worked in vain, and what it did is done again by another: at least once.

use domain::time::{Timestamp, plus_secs};
use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use crate::consumers::FeedTurn;
use crate::db::{Backend, Store};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// Events that are counted at most when a backlog is measured.
const COUNTED_MAX: u64 = 100_000;

/// What a consumer has not worked on yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedBacklog {
    /// How many events, up to a hundred thousand.
    pub events: u64,
    /// When the first of them was written.
    pub since: Option<Timestamp>,
}

impl Store {
    /// Makes the consumer at the end of the feed, if it is new.
    pub async fn feed_consumer_open(&self, consumer: &'static str) -> Result<(), WriteError> {
        self.write("feed_consumer_open", move |tx| async move { Ok(tx.feed_consumer_make(consumer).await?) }).await
    }

    /// Takes the consumer for `owner` and `lease_secs`, or keeps it, and reads up to `limit` events; `None` while another has it.
    pub async fn feed_lease(
        &self,
        consumer: &'static str,
        owner: Uuid,
        lease_secs: i64,
        limit: u64,
    ) -> Result<Option<FeedTurn>, WriteError> {
        self.write("feed_lease", move |tx| async move {
            let now = tx.now().await?;
            let sql = "UPDATE feed_consumer SET leased_by = $1, leased_until = $2 \
                       WHERE name = $3 AND (leased_by IS NULL OR leased_by = $1 OR leased_until <= $4)";
            let values = vec![owner.into(), plus_secs(now, lease_secs).into(), consumer.into(), now.into()];
            if tx.lease_changed(sql, values).await? { Ok(tx.feed_turn(consumer, limit).await?) } else { Ok(None) }
        })
        .await
    }

    /// Keeps the consumer for `owner`, for `lease_secs` from now; `false` when another has it.
    pub async fn feed_lease_renew(&self, consumer: &'static str, owner: Uuid, lease_secs: i64) -> Result<bool, WriteError> {
        self.write("feed_lease_renew", move |tx| async move {
            let until = plus_secs(tx.now().await?, lease_secs);
            let sql = "UPDATE feed_consumer SET leased_until = $1 WHERE name = $2 AND leased_by = $3";
            Ok(tx.lease_changed(sql, vec![until.into(), consumer.into(), owner.into()]).await?)
        })
        .await
    }

    /// The events of a turn are done; `false` when the lease has gone to another, who does them again.
    pub async fn feed_lease_done(&self, turn: &FeedTurn, owner: Uuid) -> Result<bool, WriteError> {
        let (consumer, begin, end) = (turn.consumer, turn.begin, turn.end);
        self.write("feed_lease_done", move |tx| async move {
            let sql = "UPDATE feed_consumer SET transaction_id = $1, seq = $2, updated_at = $3 \
                       WHERE name = $4 AND leased_by = $5 AND transaction_id = $6 AND seq = $7";
            let mut values = vec![end.transaction_id.into(), end.seq.into(), tx.now().await?.into()];
            values.extend([consumer.into(), owner.into(), begin.transaction_id.into(), begin.seq.into()]);
            Ok(tx.lease_changed(sql, values).await?)
        })
        .await
    }

    /// Gives the consumer back, so that another takes it at once.
    pub async fn feed_lease_end(&self, consumer: &'static str, owner: Uuid) -> Result<(), WriteError> {
        self.write("feed_lease_end", move |tx| async move {
            let sql = "UPDATE feed_consumer SET leased_by = NULL, leased_until = NULL WHERE name = $1 AND leased_by = $2";
            tx.lease_changed(sql, vec![consumer.into(), owner.into()]).await?;
            Ok(())
        })
        .await
    }

    /// What the consumer has not worked on yet; nothing before it is made.
    pub async fn feed_backlog(&self, consumer: &str) -> Result<FeedBacklog, StoreError> {
        let Some((position, _)) = self.feed_consumer(consumer).await? else { return Ok(FeedBacklog { events: 0, since: None }) };
        let (behind, values): (_, Vec<sea_orm::Value>) = match self.backend() {
            Backend::Postgres => (
                "(transaction_id, seq) > (CAST(CAST($1 AS text) AS xid8), $2) ORDER BY transaction_id, seq LIMIT $3",
                vec![position.transaction_id.to_string().into(), position.seq.into(), COUNTED_MAX.into()],
            ),
            Backend::Sqlite => ("seq > $1 ORDER BY seq LIMIT $2", vec![position.seq.into(), COUNTED_MAX.into()]),
        };
        let sql = format!(
            "SELECT COUNT(*) AS events, MIN(created_at) AS since FROM (SELECT created_at FROM event WHERE {behind}) AS waiting"
        );
        let statement = Statement::from_sql_and_values(self.read().get_database_backend(), &sql, values);
        let Some(row) = self.read().query_one_raw(statement).await? else { return Ok(FeedBacklog { events: 0, since: None }) };
        let events: i64 = row.try_get("", "events")?;
        Ok(FeedBacklog { events: u64::try_from(events).unwrap_or_default(), since: row.try_get("", "since")? })
    }
}

impl Tx {
    async fn lease_changed(&self, sql: &str, values: Vec<sea_orm::Value>) -> Result<bool, StoreError> {
        let statement = Statement::from_sql_and_values(self.db().get_database_backend(), sql, values);
        Ok(self.db().execute_raw(statement).await?.rows_affected() > 0)
    }
}
