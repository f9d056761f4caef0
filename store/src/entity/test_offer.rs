//! The table `test_offer`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "test_offer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub fingerprint: Vec<u8>,
    pub course: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub offer: Json,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub posted: Option<Json>,
    pub expires_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
