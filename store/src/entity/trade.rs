//! The table `trade`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "trade")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub listing_id: Uuid,
    pub lead_id: Uuid,
    pub seller_id: Uuid,
    pub buyer_id: Uuid,
    pub exclusive: bool,
    pub price_minor: i64,
    pub currency: String,
    pub commission_bp: i64,
    pub state: String,
    pub hold_secs: i64,
    pub sold_at: DateTimeUtc,
    pub delivered_at: Option<DateTimeUtc>,
    pub due_at: DateTimeUtc,
    pub hold_left_micros: Option<i64>,
    pub refunded_minor: i64,
    pub commission_minor: i64,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
