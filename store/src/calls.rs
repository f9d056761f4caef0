//! Calls that buyers made on bought leads, as they logged them. Rows are only added.

use domain::evidence::{AttemptDisposition, CallAttempt, LoggedCall};
use domain::id::{CallId, OrganizationId, TradeId, TypedId, UserId};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::db::Store;
use crate::disputes::call_of;
use crate::entity::call_attempt;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// Calls that can be logged on one trade.
pub const MAX_CALLS: u64 = 100;

/// A logged call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// The trade.
    pub trade: TradeId,
    /// When, how long, and how it ended.
    pub attempt: CallAttempt,
    /// Who logged it, if a person did.
    pub recorded_by: Option<UserId>,
    /// When it was logged.
    pub recorded_at: Timestamp,
}

impl TryFrom<call_attempt::Model> for Call {
    type Error = StoreError;

    fn try_from(row: call_attempt::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            trade: row.trade_id.into(),
            attempt: call_of(&row)?,
            recorded_by: row.recorded_by.map(UserId),
            recorded_at: row.recorded_at,
        })
    }
}

/// Logs a call of `buyer` on its trade, which the caller has locked.
pub async fn call_log(
    tx: &Tx,
    trade: TradeId,
    buyer: OrganizationId,
    attempt: CallAttempt,
    user: Option<UserId>,
) -> Result<Call, WriteError> {
    let logged = call_attempt::Entity::find().filter(call_attempt::Column::TradeId.eq(trade.0)).count(tx.db()).await?;
    if logged >= MAX_CALLS {
        return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_CALLS} calls on one trade")).at("tradeId").into());
    }
    let disposition: AttemptDisposition = attempt.disposition;
    let row = call_attempt::Model {
        id: tx.id::<CallId>().uuid(),
        trade_id: trade.uuid(),
        organization_id: buyer.uuid(),
        called_at: attempt.at,
        duration_secs: attempt.duration_secs,
        disposition: disposition.as_str().to_owned(),
        note: None,
        recorded_by: user.map(UserId::uuid),
        recorded_at: tx.now().await?,
    };
    call_attempt::Entity::insert(call_attempt::ActiveModel {
        id: Set(row.id),
        trade_id: Set(row.trade_id),
        organization_id: Set(row.organization_id),
        called_at: Set(row.called_at),
        duration_secs: Set(row.duration_secs),
        disposition: Set(row.disposition.clone()),
        note: Set(None),
        recorded_by: Set(row.recorded_by),
        recorded_at: Set(row.recorded_at),
    })
    .exec_without_returning(tx.db())
    .await?;
    Ok(Call::try_from(row)?)
}

/// Every call logged on a trade, for the rules.
pub async fn calls_logged(tx: &Tx, trade: TradeId) -> Result<Vec<LoggedCall>, WriteError> {
    let rows = call_attempt::Entity::find().filter(call_attempt::Column::TradeId.eq(trade.0)).all(tx.db()).await?;
    let logged = |row| Ok(LoggedCall { attempt: call_of(row)?, recorded_at: row.recorded_at });
    Ok(rows.iter().map(logged).collect::<Result<_, StoreError>>()?)
}

impl Store {
    /// The calls logged on a trade that the caller was found to see, oldest first; at most [`MAX_CALLS`].
    pub async fn calls_of(&self, trade: TradeId) -> Result<Vec<Call>, StoreError> {
        let rows = call_attempt::Entity::find()
            .filter(call_attempt::Column::TradeId.eq(trade.0))
            .order_by_asc(call_attempt::Column::CalledAt)
            .order_by_asc(call_attempt::Column::Id);
        rows.all(self.read()).await?.into_iter().map(Call::try_from).collect()
    }
}
