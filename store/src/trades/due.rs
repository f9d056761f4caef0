//! Deadlines of holds: clocks that start by themselves, and money that is due to its seller.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::TradeId;
use domain::time::Timestamp;
use domain::trade::TradeState;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ConnectionTrait, FromQueryResult, QueryOrder, QuerySelect};

use super::row::Trade;
use crate::db::{Backend, Store};
use crate::entity::trade;
use crate::error::{StoreError, WriteError};
use crate::rows::{Get, Given};
use crate::settlement::{Batch, Needs};
use crate::words::is;
use crate::write::Tx;

/// Where a trade stands in the order of what is due.
pub type DueKey = (Timestamp, TradeId);

impl Store {
    /// Starts the clocks and releases the money that are due, up to `limit` trades in one transaction; answers how many.
    /// Several processes may do this at once: each takes trades that no other has locked.
    pub async fn trades_advance(&self, limit: u64) -> Result<u64, WriteError> {
        self.write("trades_advance", move |tx| async move {
            let due = due(tx.db(), tx.now().await?, None, limit).await?;
            let mut needs = Needs::default();
            due.iter().for_each(|(_, id)| needs.trade(*id));
            let mut batch = Batch::load(&tx, &needs).await?;
            let mut count: u64 = 0;
            for (_, id) in due {
                count = count.saturating_add(u64::from(batch.trade_advance(id)?));
            }
            batch.write().await?;
            Ok(count)
        })
        .await
    }

    /// Up to `limit` trades whose clock has to be started or whose money has to be released at `now`, the earliest first,
    /// behind `after`.
    pub async fn trades_due(&self, now: Timestamp, after: Option<DueKey>, limit: u64) -> Result<Vec<DueKey>, StoreError> {
        due(self.read(), now, after, limit).await
    }
}

async fn due(db: &impl ConnectionTrait, now: Timestamp, after: Option<DueKey>, limit: u64) -> Result<Vec<DueKey>, StoreError> {
    let mut rows = trade::Entity::find()
        .select_only()
        .columns([trade::Column::DueAt, trade::Column::Id])
        .filter(is(trade::Column::State, TradeState::Held.as_str()))
        .filter(trade::Column::DueAt.lte(now));
    if let Some((at, id)) = after {
        let tied = Condition::all().add(trade::Column::DueAt.eq(at)).add(trade::Column::Id.gt(id.0));
        rows = rows.filter(Condition::any().add(trade::Column::DueAt.gt(at)).add(tied));
    }
    let rows = rows.order_by_asc(trade::Column::DueAt).order_by_asc(trade::Column::Id).limit(limit);
    let rows: Vec<(Timestamp, Uuid)> = rows.into_tuple().all(db).await?;
    Ok(rows.into_iter().map(|(at, id)| (at, id.into())).collect())
}

/// Those of `ids` that are held and that no other transaction has locked, locked in the order of their ids: who holds the
/// others is about to decide on them.
pub(crate) async fn held_claimed(tx: &Tx, ids: &BTreeSet<TradeId>) -> Result<BTreeMap<TradeId, Trade>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<TradeId> = ids.iter().copied().collect();
    let mut given = Given::new(tx.backend(), &[("id", Get::Id(|id: &TradeId| id.0))], &ids);
    let (held, lock) = (given.bind(TradeState::Held.as_str()), given.lock("trade"));
    let skip = if tx.backend() == Backend::Postgres { " SKIP LOCKED" } else { "" };
    let sql = format!(
        "SELECT trade.* FROM {given} JOIN trade ON trade.id = given.id WHERE trade.state = {held} ORDER BY trade.id{lock}{skip}"
    );
    let mut trades = BTreeMap::new();
    for row in given.query(tx, sql).await? {
        let trade = Trade::try_from(trade::Model::from_query_result(&row, "")?)?;
        trades.insert(trade.id, trade);
    }
    Ok(trades)
}
