//! The table `upload`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "upload")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Option<Uuid>,
    pub purpose: String,
    pub file_name: Vec<u8>,
    pub state: String,
    pub token_hash: Vec<u8>,
    pub max_bytes: i64,
    pub size_bytes: Option<i64>,
    pub sha256: Option<Vec<u8>>,
    pub media_type: Option<String>,
    pub object_key: Option<String>,
    pub created_by: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub completed_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
