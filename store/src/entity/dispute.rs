//! The table `dispute`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dispute")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub trade_id: Uuid,
    pub by_exchange: bool,
    pub lead_id: Uuid,
    pub buyer_id: Uuid,
    pub seller_id: Uuid,
    pub reason: String,
    pub detail: String,
    pub automatic: bool,
    pub state: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub body: Json,
    pub arbiter_id: Option<Uuid>,
    pub due_at: Option<DateTimeUtc>,
    pub opened_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
