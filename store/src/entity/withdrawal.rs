//! The table `withdrawal`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "withdrawal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub method: String,
    pub payout_account_id: Option<Uuid>,
    pub payout_last_four: Option<String>,
    pub connected_account: Option<String>,
    pub transfer_id: Option<String>,
    pub amount_minor: i64,
    pub return_asked_minor: i64,
    pub returned_minor: i64,
    pub return_attempt: i64,
    pub return_failure: Option<String>,
    pub currency: String,
    pub state: String,
    pub bank_reference: Option<String>,
    pub failure: Option<String>,
    pub attempt: i64,
    pub requested_by: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub sent_at: Option<DateTimeUtc>,
    pub check_at: Option<DateTimeUtc>,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
