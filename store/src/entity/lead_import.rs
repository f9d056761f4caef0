//! The table `lead_import`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lead_import")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub seller_id: Option<Uuid>,
    pub upload_id: Option<Uuid>,
    pub file_name: String,
    pub file_sha256: Vec<u8>,
    #[sea_orm(column_type = "JsonBinary")]
    pub mapping: Json,
    pub state: String,
    pub bytes_total: i64,
    pub bytes_read: i64,
    pub rows_read: i64,
    pub rows_accepted: i64,
    pub rows_refused: i64,
    pub rows_duplicate: i64,
    pub rows_skipped: i64,
    pub error: Option<String>,
    pub attempts: i64,
    pub served_at: Option<DateTimeUtc>,
    pub leased_until: Option<DateTimeUtc>,
    pub created_by: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
