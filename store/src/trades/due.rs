//! Deadlines of holds: clocks that start by themselves, and money that is due to its seller.

use domain::time::Timestamp;
use domain::trade::{Hold, TradeState};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{QueryOrder, QuerySelect};

use super::hold::{accounts, release_recorded};
use super::row::{self, Trade};
use crate::db::{Backend, Store};
use crate::entity::trade;
use crate::error::{StoreError, WriteError};
use crate::ledger::Ledger;
use crate::write::Tx;

impl Store {
    /// Starts the clocks and releases the money that are due, up to `limit` trades in one transaction; answers how many.
    /// Several processes may do this at once: each takes trades that no other has locked.
    pub async fn trades_advance(&self, limit: u64) -> Result<u64, WriteError> {
        self.write("trades_advance", move |tx| async move {
            let due = due(&tx, limit).await?;
            let now = tx.now().await?;
            let is_over = |trade: &Trade| matches!(trade.hold, Hold::Held(clock) if clock.ends_at() <= now);
            let (over, starting): (Vec<Trade>, Vec<Trade>) = due.into_iter().partition(is_over);
            let count = over.len().saturating_add(starting.len());
            let mut news = Vec::with_capacity(count);
            if !over.is_empty() {
                let mut ledger = Ledger::lock(&tx, over.iter().flat_map(accounts)).await?;
                for was in &over {
                    let next = release_recorded(&mut ledger, was, now)?;
                    news.push(row::news(&row::write_untold(&tx, was, next).await?));
                }
                ledger.flush().await?;
            }
            for was in &starting {
                let Hold::Held(clock) = was.hold else { continue };
                let next = Trade { hold: Hold::Held(clock.at(now)), ..was.clone() };
                news.push(row::news(&row::write_untold(&tx, was, next).await?));
            }
            tx.emit_all(news).await?;
            Ok(u64::try_from(count).unwrap_or(u64::MAX))
        })
        .await
    }

    /// The instant at which [`Store::trades_advance`] has something to do next.
    pub async fn trades_next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let next = trade::Entity::find()
            .filter(trade::Column::State.eq(TradeState::Held.as_str()))
            .order_by_asc(trade::Column::DueAt)
            .one(self.read())
            .await?;
        Ok(next.map(|row| row.due_at))
    }
}

async fn due(tx: &Tx, limit: u64) -> Result<Vec<Trade>, WriteError> {
    let now = tx.now().await?;
    let mut rows = trade::Entity::find()
        .filter(trade::Column::State.eq(TradeState::Held.as_str()))
        .filter(trade::Column::DueAt.lte(now))
        .order_by_asc(trade::Column::DueAt)
        .limit(limit);
    if tx.backend() == Backend::Postgres {
        rows = rows.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    }
    let rows = rows.all(tx.db()).await?;
    Ok(rows.into_iter().map(Trade::try_from).collect::<Result<_, _>>()?)
}
