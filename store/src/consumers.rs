//! Readers of the event feed that remember where they stand: each event is worked on exactly once by each of them, however
//! many processes there are.
//!
//! The work and the new position are one transaction. Work that leaves the database (a message to another system) is written
//! down in it, and done behind the commit.

use domain::time::Timestamp;
use sea_orm::{ConnectionTrait, Statement};

use crate::db::{Backend, Store};
use crate::error::StoreError;
use crate::outbox::{FeedEvent, Position, feed_end, feed_read};
use crate::write::Tx;

/// A consumer's turn: its row is locked until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedTurn {
    /// Whose.
    pub consumer: &'static str,
    /// Where it stands.
    pub begin: Position,
    /// The events behind where it stood. Those about one object are in the order in which they happened to it.
    pub events: Vec<FeedEvent>,
    /// Where it stands when they are done.
    pub end: Position,
    /// Whether there may be more behind them.
    pub whole: bool,
}

/// What is behind where a consumer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// Nothing.
    Nothing,
    /// Events that an older transaction, which still runs, holds back: nobody tells when it ends.
    Held,
    /// Events to work on.
    Events,
}

impl Tx {
    /// Makes the consumer, if it is new: it begins at the end of the feed.
    pub async fn feed_consumer_make(&self, consumer: &'static str) -> Result<(), StoreError> {
        let end = feed_end(self.db(), self.backend()).await?;
        let now = self.now().await?;
        let sql =
            "INSERT INTO feed_consumer (name, transaction_id, seq, updated_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let values = [consumer.into(), end.transaction_id.into(), end.seq.into(), now.into()];
        self.db().execute_raw(Statement::from_sql_and_values(self.db().get_database_backend(), sql, values)).await?;
        Ok(())
    }

    /// Takes the consumer's turn and reads up to `limit` events; `None` when another transaction has it, or it is not made yet.
    /// What is done with the events belongs into this transaction, with [`Tx::feed_turn_end`] at its end.
    pub async fn feed_turn(&self, consumer: &'static str, limit: u64) -> Result<Option<FeedTurn>, StoreError> {
        let lock = match self.backend() {
            Backend::Postgres => " FOR NO KEY UPDATE SKIP LOCKED",
            Backend::Sqlite => "",
        };
        let sql = format!("SELECT transaction_id, seq FROM feed_consumer WHERE name = $1{lock}");
        let statement = Statement::from_sql_and_values(self.db().get_database_backend(), sql, [consumer.into()]);
        let Some(row) = self.db().query_one_raw(statement).await? else { return Ok(None) };
        let position = Position { transaction_id: row.try_get("", "transaction_id")?, seq: row.try_get("", "seq")? };
        let mut read = feed_read(self.db(), self.backend(), position, limit).await?;
        // Transactions that changed the same object one after another may have begun in the other order.
        read.events.sort_by_key(|event| event.position.seq);
        Ok(Some(FeedTurn { consumer, begin: position, events: read.events, end: read.end, whole: read.whole }))
    }

    /// The events of the turn are done.
    pub async fn feed_turn_end(&self, turn: &FeedTurn) -> Result<(), StoreError> {
        if turn.end == turn.begin {
            return Ok(());
        }
        let sql = "UPDATE feed_consumer SET transaction_id = $1, seq = $2, updated_at = $3 WHERE name = $4";
        let values = [turn.end.transaction_id.into(), turn.end.seq.into(), self.now().await?.into(), turn.consumer.into()];
        self.db().execute_raw(Statement::from_sql_and_values(self.db().get_database_backend(), sql, values)).await?;
        Ok(())
    }
}

impl Store {
    /// What is behind where the consumer stands; nothing before it is made.
    pub async fn feed_consumer_look(&self, consumer: &str) -> Result<Behind, StoreError> {
        let Some((position, _)) = self.feed_consumer(consumer).await? else { return Ok(Behind::Nothing) };
        let read = self.feed_read(position, 1).await?;
        Ok(match (read.end != position, read.ahead.is_empty()) {
            (true, _) => Behind::Events,
            (false, false) => Behind::Held,
            (false, true) => Behind::Nothing,
        })
    }

    /// When the consumer last moved on, and where it stands; `None` before it is made.
    pub async fn feed_consumer(&self, consumer: &str) -> Result<Option<(Position, Timestamp)>, StoreError> {
        let sql = "SELECT transaction_id, seq, updated_at FROM feed_consumer WHERE name = $1";
        let statement = Statement::from_sql_and_values(self.read().get_database_backend(), sql, [consumer.into()]);
        let Some(row) = self.read().query_one_raw(statement).await? else { return Ok(None) };
        let position = Position { transaction_id: row.try_get("", "transaction_id")?, seq: row.try_get("", "seq")? };
        Ok(Some((position, row.try_get("", "updated_at")?)))
    }
}
