//! The table `campaign_purchase`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_purchase")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub trade_id: Uuid,
    pub campaign_id: Uuid,
    pub price_minor: i64,
    pub counted_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
