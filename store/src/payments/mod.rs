//! Money at the payment provider, as the exchange remembers it: the row is written first, then the provider is asked under a key
//! made of the row's id, then the answer is written. Whatever is not final has an instant at which a worker looks at it again.

pub mod auto_top_ups;
pub mod books;
pub mod bought;
pub mod card_disputes;
pub mod card_refunds;
pub mod connected_accounts;
pub mod events;
pub mod mode;
pub mod sent;
pub mod top_ups;

use domain::time::{Timestamp, plus_secs};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use uuid::Uuid;

use crate::db::{Backend, Store};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// What is looked at again until it is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Top-ups.
    TopUp,
    /// Refunds to cards.
    CardRefund,
    /// Withdrawals through connected accounts.
    Withdrawal,
    /// Disputed card payments.
    CardDispute,
    /// Connected accounts, by the ids of their organizations.
    ConnectedAccount,
}

impl Open {
    const fn table_and_id(self) -> (&'static str, &'static str) {
        match self {
            Self::TopUp => ("top_up", "id"),
            Self::CardRefund => ("card_refund", "id"),
            Self::Withdrawal => ("withdrawal", "id"),
            Self::CardDispute => ("card_dispute", "id"),
            Self::ConnectedAccount => ("connected_account", "organization_id"),
        }
    }
}

/// A row that somebody is at: nobody else is before its instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub id: Uuid,
    /// Its instant, unless what is learned sets another.
    pub until: Timestamp,
}

impl Store {
    /// Up to `limit` rows whose instant has come, the most overdue first; nobody else gets them for `secs`.
    pub async fn payments_due(&self, of: Open, secs: i64, limit: u64) -> Result<Vec<Held>, WriteError> {
        let (table, id) = of.table_and_id();
        self.write("payments_due", move |tx| async move {
            let now = tx.now().await?;
            let lock = if tx.backend() == Backend::Postgres { " FOR NO KEY UPDATE SKIP LOCKED" } else { "" };
            let sql = format!(
                "UPDATE {table} SET check_at = $1 WHERE {id} IN \
                 (SELECT {id} FROM {table} WHERE check_at <= $2 ORDER BY check_at LIMIT $3{lock}) RETURNING {id} AS id"
            );
            let until = plus_secs(now, secs);
            let values: [Value; 3] = [until.into(), now.into(), limit.into()];
            let statement = Statement::from_sql_and_values(tx.db().get_database_backend(), sql, values);
            let rows = tx.db().query_all_raw(statement).await?;
            let held = |row: &QueryResult| Ok(Held { id: row.try_get("", "id")?, until });
            Ok(rows.iter().map(held).collect::<Result<_, StoreError>>()?)
        })
        .await
    }

    /// Moves the instant of a row that is still as `held` says to `secs` from now; `None` when it has another by now.
    pub async fn payment_hold(&self, of: Open, held: Held, secs: i64) -> Result<Option<Held>, WriteError> {
        let (table, id) = of.table_and_id();
        self.write("payment_hold", move |tx| async move {
            let until = plus_secs(tx.now().await?, secs);
            let sql = format!("UPDATE {table} SET check_at = $1 WHERE {id} = $2 AND check_at = $3");
            let values: [Value; 3] = [until.into(), held.id.into(), held.until.into()];
            let statement = Statement::from_sql_and_values(tx.db().get_database_backend(), sql, values);
            let moved = tx.db().execute_raw(statement).await?.rows_affected() > 0;
            Ok(moved.then_some(Held { id: held.id, until }))
        })
        .await
    }
}

/// Whether the one row changed that was locked.
fn changed(rows: u64) -> Result<(), WriteError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Misuse("a payment's row changed under its lock").into()) }
}

/// A lock of rows until the transaction ends: SQLite has one writer and needs none.
fn locks(tx: &Tx) -> bool {
    tx.backend() == Backend::Postgres
}
