//! Counting attempts. Subjects are keyed hashes: the table names nobody.

use domain::time::{Timestamp, plus_secs};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{ExprTrait, QuerySelect};

use crate::db::Store;
use crate::entity::throttle;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

impl Tx {
    /// Counts an attempt of `subject` before it is made, so that attempts at the same time cannot pass together. `None`
    /// when it is one of the first `max` in its window of `window_secs`; else when the window ends.
    pub async fn throttle_take(&self, subject: &[u8], max: i64, window_secs: i64) -> Result<Option<Timestamp>, WriteError> {
        let now = self.now().await?;
        let fresh = throttle::ActiveModel { subject: Set(subject.to_vec()), failures: Set(0), window_started_at: Set(now) };
        let nothing = OnConflict::column(throttle::Column::Subject).do_nothing().to_owned();
        throttle::Entity::insert(fresh).on_conflict(nothing).exec_without_returning(self.db()).await?;
        let row = throttle::Entity::find_by_id(subject.to_vec()).lock(LockType::NoKeyUpdate).one(self.db()).await?;
        let (failures, started) = row.map_or((0, now), |row| (row.failures, row.window_started_at));
        let ends = plus_secs(started, window_secs);
        let (failures, started) = if now < ends { (failures, started) } else { (0, now) };
        if failures >= max {
            return Ok(Some(ends));
        }
        throttle::Entity::update_many()
            .col_expr(throttle::Column::Failures, Expr::value(failures.saturating_add(1)))
            .col_expr(throttle::Column::WindowStartedAt, Expr::value(started))
            .filter(throttle::Column::Subject.eq(subject.to_vec()))
            .exec(self.db())
            .await?;
        Ok(None)
    }

    /// Takes back one attempt of `subject` that turned out to be right.
    pub async fn throttle_give_back(&self, subject: &[u8]) -> Result<(), WriteError> {
        throttle::Entity::update_many()
            .col_expr(throttle::Column::Failures, Expr::col(throttle::Column::Failures).sub(1))
            .filter(throttle::Column::Subject.eq(subject.to_vec()))
            .filter(throttle::Column::Failures.gt(0))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Forgets the attempts of `subject`.
    pub async fn throttle_clear(&self, subject: &[u8]) -> Result<(), WriteError> {
        throttle::Entity::delete_by_id(subject.to_vec()).exec(self.db()).await?;
        Ok(())
    }
}

impl Store {
    /// Whether `subject` has made `max` attempts in a window that is not over at `now`.
    pub async fn throttle_is_spent(
        &self,
        subject: &[u8],
        max: i64,
        window_secs: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = throttle::Entity::find_by_id(subject.to_vec()).one(self.read()).await?;
        let count = row.filter(|row| now < plus_secs(row.window_started_at, window_secs)).map_or(0, |row| row.failures);
        Ok(count >= max)
    }

    /// Forgets the attempts of windows that began before `before`; answers how many subjects.
    pub async fn throttles_prune(&self, before: Timestamp) -> Result<u64, WriteError> {
        self.write("throttles_prune", move |tx| async move {
            let old = throttle::Column::WindowStartedAt.lt(before);
            Ok(throttle::Entity::delete_many().filter(old).exec(tx.db()).await?.rows_affected)
        })
        .await
    }
}
