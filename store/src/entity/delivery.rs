//! The table `delivery`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub trade_id: Uuid,
    pub destination_id: Uuid,
    pub campaign_id: Option<Uuid>,
    pub in_file: bool,
    pub state: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub stage: Json,
    pub failed: i64,
    pub due_at: DateTimeUtc,
    pub give_up_at: DateTimeUtc,
    pub leased_until: Option<DateTimeUtc>,
    pub lease: i64,
    pub told: bool,
    pub counted: bool,
    pub reason: Option<String>,
    pub external_id: Option<String>,
    pub file_id: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
