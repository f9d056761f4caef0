//! The money stop: after a broken invariant nothing moves money until an operator has looked.

use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, QueryResult};
use serde::{Deserialize, Serialize};

use crate::db::Store;
use crate::entity::setting;
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::write::Tx;

const NAME: &str = "money_stop";

/// Why and since when no money moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyStop {
    /// The invariant that broke and the row that broke it.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// The instant that decides (see [`Tx::now`]), and whether money is stopped then.
pub(crate) async fn now_and_stopped(tx: &Tx) -> Result<(Timestamp, bool), StoreError> {
    let (now, is_stopped, _) = now_stopped_and(tx, "", Vec::new()).await?;
    Ok((now, is_stopped))
}

/// The same, with the rows, one at least, that a statement finds: `query` is what stands in it behind the first two columns, with
/// places for `values`.
pub(crate) async fn now_stopped_and(
    tx: &Tx,
    query: &str,
    mut values: Vec<Value>,
) -> Result<(Timestamp, bool, Vec<QueryResult>), StoreError> {
    values.push(NAME.into());
    let (now, rows) =
        tx.now_and(&format!("EXISTS (SELECT 1 FROM setting WHERE name = ${}){query}", values.len()), values).await?;
    let is_stopped = rows.first().map(|row| row.try_get_by_index(1)).transpose()?;
    Ok((now, is_stopped.unwrap_or_default(), rows))
}

/// The answer to what moves money while it is stopped.
pub(super) fn refusal() -> Refusal {
    Refusal::new(Code::MoneyStopped, "no money moves until an operator has looked at the ledger")
}

impl Store {
    /// The money stop, when there is one.
    pub async fn money_stop(&self) -> Result<Option<MoneyStop>, StoreError> {
        read(self.read()).await
    }

    /// Stops all movements of money. A stop that is there already stays as it is.
    pub async fn money_stop_set(&self, reason: String) -> Result<(), WriteError> {
        self.write("money_stop_set", move |tx| {
            let reason = reason.clone();
            async move {
                let now = tx.now().await?;
                let value = serde_json::to_value(MoneyStop { reason, since: now }).map_err(StoreError::corrupt)?;
                let row = setting::ActiveModel { name: Set(NAME.to_owned()), value: Set(value), updated_at: Set(now) };
                let again = OnConflict::column(setting::Column::Name).do_nothing().to_owned();
                setting::Entity::insert(row).on_conflict(again).exec_without_returning(tx.db()).await?;
                announce(&tx, "ledger.stopped").await
            }
        })
        .await
    }

    /// Lets money move again; answers whether there was a stop.
    pub async fn money_stop_lift(&self) -> Result<bool, WriteError> {
        self.write("money_stop_lift", |tx| async move {
            let done = setting::Entity::delete_by_id(NAME).exec(tx.db()).await?;
            announce(&tx, "ledger.resumed").await?;
            Ok(done.rows_affected > 0)
        })
        .await
    }
}

async fn announce(tx: &Tx, topic: &'static str) -> Result<(), WriteError> {
    let event = Event { topic, subject_id: Uuid::nil(), audience: Vec::new(), payload: serde_json::json!({}) };
    Ok(tx.emit(event).await?)
}

async fn read(db: &impl ConnectionTrait) -> Result<Option<MoneyStop>, StoreError> {
    let row = setting::Entity::find_by_id(NAME).one(db).await?;
    row.map(|row| serde_json::from_value(row.value).map_err(StoreError::corrupt)).transpose()
}
