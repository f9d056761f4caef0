//! The table `destination_token`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "destination_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub destination_id: Uuid,
    pub version: i64,
    pub key_id: String,
    pub wrapped_key: Vec<u8>,
    pub ciphertext: Vec<u8>,
    pub granted_at: Option<DateTimeUtc>,
    pub expires_at: Option<DateTimeUtc>,
    pub renew_at: Option<DateTimeUtc>,
    pub leased_until: Option<DateTimeUtc>,
    pub failed: i64,
    pub retry_at: Option<DateTimeUtc>,
    pub fault: Option<String>,
    pub reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
