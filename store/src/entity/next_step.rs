//! The table `next_step`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "next_step")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub trade_id: Uuid,
    pub buyer_id: Uuid,
    pub kind: String,
    pub due_at: DateTimeUtc,
    pub agent_id: Option<Uuid>,
    pub note: Option<Vec<u8>>,
    pub done_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
