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

use domain::time::plus_secs;
use sea_orm::{ConnectionTrait, Statement, Value};
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

impl Store {
    /// Up to `limit` rows whose instant has come, the most overdue first; nobody else gets them for `secs`.
    pub async fn payments_due(&self, of: Open, secs: i64, limit: u64) -> Result<Vec<Uuid>, WriteError> {
        let (table, id) = of.table_and_id();
        self.write("payments_due", move |tx| async move {
            let now = tx.now().await?;
            let lock = if tx.backend() == Backend::Postgres { " FOR NO KEY UPDATE SKIP LOCKED" } else { "" };
            let sql = format!(
                "UPDATE {table} SET check_at = $1 WHERE {id} IN \
                 (SELECT {id} FROM {table} WHERE check_at <= $2 ORDER BY check_at LIMIT $3{lock}) RETURNING {id} AS id"
            );
            let values: [Value; 3] = [plus_secs(now, secs).into(), now.into(), limit.into()];
            let statement = Statement::from_sql_and_values(tx.db().get_database_backend(), sql, values);
            let rows = tx.db().query_all_raw(statement).await?;
            Ok(rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
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
