//! The exchange's books at a glance.

use std::collections::BTreeMap;

use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, QuerySelect};

use crate::db::Store;
use crate::entity::account;
use crate::error::StoreError;

#[derive(FromQueryResult)]
struct Balance {
    kind: String,
    balance_minor: i64,
}

impl Store {
    /// The sum of the balances of each kind of account over all currencies, in minor units; together they are zero.
    pub async fn balances_by_kind(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let rows: Vec<Balance> = account::Entity::find()
            .select_only()
            .columns([account::Column::Kind, account::Column::BalanceMinor])
            .into_model()
            .all(self.read())
            .await?;
        let mut sums = BTreeMap::new();
        for row in rows {
            let sum: &mut i64 = sums.entry(row.kind).or_default();
            *sum = sum.saturating_add(row.balance_minor);
        }
        Ok(sums)
    }
}
