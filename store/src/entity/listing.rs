//! The table `listing`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "listing")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub lead_id: Uuid,
    pub seller_id: Uuid,
    pub vertical_id: Uuid,
    pub format: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub terms: Json,
    pub currency: String,
    pub price_minor: i64,
    pub max_sales: i64,
    pub sold_count: i64,
    pub sold_exclusive: bool,
    pub state: String,
    pub opens_at: DateTimeUtc,
    pub closes_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub relisted_from: Option<Uuid>,
    pub taken_down_for: Option<String>,
    pub created_by: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
