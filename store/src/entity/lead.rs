//! The table `lead`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lead")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub seller_id: Uuid,
    pub vertical_id: Uuid,
    pub vertical_version: i64,
    pub audience: String,
    pub contact_kind: String,
    pub interest: String,
    pub offering: String,
    pub target_id: Option<Uuid>,
    pub source_kind: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub source: Json,
    pub spend_minor: Option<i64>,
    pub currency: Option<String>,
    pub country: String,
    pub region: Option<String>,
    pub city: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub attributes: Json,
    #[sea_orm(column_type = "JsonBinary")]
    pub channels: Json,
    #[sea_orm(column_type = "JsonBinary")]
    pub consent: Json,
    pub consent_kind: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub session: Json,
    pub seller_reference: Option<String>,
    pub fingerprint: Vec<u8>,
    pub import_id: Option<Uuid>,
    pub import_line: Option<i64>,
    pub synthetic: bool,
    pub state: String,
    pub level: String,
    pub score: i64,
    pub temperature: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub score_reasons: Json,
    #[sea_orm(column_type = "JsonBinary")]
    pub checks: Json,
    pub drawn: bool,
    pub score_due_at: Option<DateTimeUtc>,
    pub captured_at: DateTimeUtc,
    pub dated: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
