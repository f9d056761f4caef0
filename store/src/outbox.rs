//! The event feed: what happened, written in the transaction that made it happen, read by subscriptions and by consumers that
//! remember where they stand. Payloads hold ids and states, never personal data.

use std::convert::identity;

use domain::id::OrganizationId;
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, Statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::changes::Changes;
use crate::db::{Backend, Store};
use crate::error::StoreError;
use crate::rows::{Column, Get};
use crate::write::Tx;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What, as `noun.verb`: `trade.released`.
    pub topic: &'static str,
    /// The object that it happened to.
    pub subject_id: Uuid,
    /// Whom it concerns; empty means everybody who may see the subject.
    pub audience: Vec<OrganizationId>,
    /// Ids, states, amounts in minor units; never personal data.
    pub payload: serde_json::Value,
}

/// Where a reader of the feed stands: everything up to here was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Position {
    /// The writing transaction on Postgres; 0 on SQLite.
    pub transaction_id: i64,
    /// The event's number.
    pub seq: i64,
}

/// An event as a reader gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// Where it stands in the feed.
    pub position: Position,
    /// `noun.verb`.
    pub topic: String,
    /// The object that it happened to.
    pub subject_id: Uuid,
    /// Whom it concerns.
    pub audience: Vec<OrganizationId>,
    /// Ids, states, amounts.
    pub payload: serde_json::Value,
    /// When it was written.
    pub created_at: Timestamp,
}

/// What a reader of the feed got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRead {
    /// The events, oldest first.
    pub events: Vec<FeedEvent>,
    /// Where the reader stands now.
    pub end: Position,
    /// Whether there were as many as it asked for, so that there may be more.
    pub whole: bool,
    /// Events behind `end` that are committed and come again: an older transaction still runs and may put others before them.
    pub ahead: Vec<FeedEvent>,
}

impl Tx {
    /// Writes `event` to the feed, visible to readers when this transaction commits.
    pub async fn emit(&self, event: Event) -> Result<(), StoreError> {
        self.emit_all(vec![event]).await
    }

    /// Writes several events in order, with one statement.
    pub async fn emit_all(&self, events: Vec<Event>) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let rows = rows(events, self.now().await?)?;
        self.insert("event", EVENT, &rows).await?;
        self.emitted();
        Ok(())
    }

    /// Writes several events with other changes, as decided at `now`.
    pub(crate) fn emit_with(&self, changes: &mut Changes, events: Vec<Event>, now: Timestamp) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        changes.insert("event", EVENT, &rows(events, now)?, identity);
        self.emitted();
        Ok(())
    }
}

fn rows(events: Vec<Event>, now: Timestamp) -> Result<Vec<EventRow>, StoreError> {
    let row = |event: Event| {
        let audience = serde_json::to_string(&event.audience).map_err(StoreError::corrupt)?;
        let payload = event.payload.to_string();
        Ok(EventRow { topic: event.topic, subject_id: event.subject_id, audience, payload, created_at: now })
    };
    events.into_iter().map(row).collect()
}

struct EventRow {
    topic: &'static str,
    subject_id: Uuid,
    audience: String,
    payload: String,
    created_at: Timestamp,
}

const EVENT: &[Column<EventRow>] = &[
    ("topic", Get::Text(|row| row.topic)),
    ("subject_id", Get::Id(|row| row.subject_id)),
    ("audience", Get::Document(|row| &row.audience)),
    ("payload", Get::Document(|row| &row.payload)),
    ("created_at", Get::Instant(|row| row.created_at)),
];

impl Store {
    /// Up to `limit` events behind `position`, oldest first, none passed over: on Postgres only those below the oldest
    /// transaction still running, since a younger number may commit before an older one.
    pub async fn events_after(&self, position: Position, limit: u64) -> Result<Vec<FeedEvent>, StoreError> {
        Ok(self.feed_read(position, limit).await?.events)
    }

    /// The same, with where the reader stands afterwards. An event that cannot be read is logged and left behind: one such row
    /// must not stop the others.
    pub async fn feed_read(&self, position: Position, limit: u64) -> Result<FeedRead, StoreError> {
        feed_read(self.read(), self.backend(), position, limit).await
    }

    /// The position behind everything that a reader can see now, for a reader that wants only what comes next.
    pub async fn feed_end(&self) -> Result<Position, StoreError> {
        feed_end(self.read(), self.backend()).await
    }

    /// Forgets events older than `before`, but never the last one, from which the order of what follows goes on, and none that
    /// a consumer has not read yet, unless it is older than `before_at_most`; answers how many.
    pub async fn events_prune(&self, before: Timestamp, before_at_most: Timestamp) -> Result<u64, crate::WriteError> {
        self.write("events_prune", move |tx| async move {
            let (place, last, unread) = match tx.backend() {
                Backend::Postgres => (
                    "transaction_id, seq",
                    "transaction_id DESC, seq DESC",
                    "(event.transaction_id, event.seq) > (CAST(CAST(feed_consumer.transaction_id AS text) AS xid8), feed_consumer.seq)",
                ),
                Backend::Sqlite => ("seq", "seq DESC", "event.seq > feed_consumer.seq"),
            };
            // From the oldest on as far as the first that is young, so that no index on the age is kept for this.
            let sql = format!(
                "DELETE FROM event WHERE created_at < $1 AND ({place}) < (SELECT {place} FROM ( \
                 SELECT * FROM (SELECT {place} FROM event WHERE created_at >= $1 ORDER BY {place} LIMIT 1) AS young \
                 UNION ALL SELECT * FROM (SELECT {place} FROM event ORDER BY {last} LIMIT 1) AS newest) AS kept ORDER BY {place} LIMIT 1) \
                 AND (created_at < $2 OR NOT EXISTS (SELECT 1 FROM feed_consumer WHERE {unread}))"
            );
            let values = [before.into(), before_at_most.into()];
            let statement = Statement::from_sql_and_values(tx.db().get_database_backend(), sql, values);
            Ok(tx.db().execute_raw(statement).await?.rows_affected())
        })
        .await
    }
}

/// What stands behind `position`, for [`Store::feed_read`] and for readers that read in their own transaction.
pub(crate) async fn feed_read(
    db: &impl ConnectionTrait,
    backend: Backend,
    position: Position,
    limit: u64,
) -> Result<FeedRead, StoreError> {
    let (sql, values): (&str, Vec<sea_orm::Value>) = match backend {
        Backend::Postgres => (
            "SELECT transaction_id::text::bigint AS transaction_id, seq, topic, subject_id, audience, payload, created_at, \
                 event.transaction_id < pg_snapshot_xmin(pg_current_snapshot()) AS is_settled \
                 FROM event WHERE (event.transaction_id, seq) > (CAST(CAST($1 AS text) AS xid8), $2) \
                 ORDER BY event.transaction_id, seq LIMIT $3",
            vec![position.transaction_id.to_string().into(), position.seq.into(), limit.into()],
        ),
        Backend::Sqlite => (
            "SELECT 0 AS transaction_id, seq, topic, subject_id, audience, payload, created_at, TRUE AS is_settled \
                 FROM event WHERE seq > $1 ORDER BY seq LIMIT $2",
            vec![position.seq.into(), limit.into()],
        ),
    };
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await?;
    let mut read = FeedRead { events: Vec::with_capacity(rows.len()), end: position, whole: false, ahead: Vec::new() };
    let mut settled: u64 = 0;
    for row in rows {
        let at = Position { transaction_id: row.try_get("", "transaction_id")?, seq: row.try_get("", "seq")? };
        let is_settled: bool = row.try_get("", "is_settled")?;
        if is_settled {
            read.end = at;
            settled = settled.saturating_add(1);
        }
        match FeedRow::from_query_result(&row, "").map_err(StoreError::from).and_then(FeedEvent::try_from) {
            Ok(event) if is_settled => read.events.push(event),
            Ok(event) => read.ahead.push(event),
            Err(error) => tracing::error!(seq = at.seq, %error, "an event cannot be read and is left out"),
        }
    }
    read.whole = settled >= limit;
    Ok(read)
}

/// The position of the last event that every reader can see.
pub(crate) async fn feed_end(db: &impl ConnectionTrait, backend: Backend) -> Result<Position, StoreError> {
    let sql = match backend {
        Backend::Postgres => {
            "SELECT transaction_id::text::bigint AS transaction_id, seq FROM event \
             WHERE transaction_id < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY event.transaction_id DESC, seq DESC LIMIT 1"
        }
        Backend::Sqlite => "SELECT 0 AS transaction_id, seq FROM event ORDER BY seq DESC LIMIT 1",
    };
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let Some(row) = db.query_one_raw(statement).await? else { return Ok(Position::default()) };
    Ok(Position { transaction_id: row.try_get("", "transaction_id")?, seq: row.try_get("", "seq")? })
}

#[derive(Debug, FromQueryResult)]
struct FeedRow {
    transaction_id: i64,
    seq: i64,
    topic: String,
    subject_id: Uuid,
    audience: serde_json::Value,
    payload: serde_json::Value,
    created_at: Timestamp,
}

impl TryFrom<FeedRow> for FeedEvent {
    type Error = StoreError;

    fn try_from(row: FeedRow) -> Result<Self, StoreError> {
        Ok(Self {
            position: Position { transaction_id: row.transaction_id, seq: row.seq },
            topic: row.topic,
            subject_id: row.subject_id,
            audience: serde_json::from_value(row.audience).map_err(StoreError::corrupt)?,
            payload: row.payload,
            created_at: row.created_at,
        })
    }
}
