//! The table `bid`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bid")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub listing_id: Uuid,
    pub buyer_id: Uuid,
    pub shared_minor: Option<i64>,
    pub exclusive_minor: Option<i64>,
    pub reserved_minor: i64,
    pub state: String,
    pub loss_reason: Option<String>,
    pub placed_by: Option<Uuid>,
    pub placed_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
