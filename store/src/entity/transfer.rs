//! The table `transfer`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "transfer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub journal_id: Uuid,
    pub position: i64,
    pub from_account_id: Uuid,
    pub to_account_id: Uuid,
    pub amount_minor: i64,
    pub from_balance_minor: i64,
    pub from_version: i64,
    pub to_balance_minor: i64,
    pub to_version: i64,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
