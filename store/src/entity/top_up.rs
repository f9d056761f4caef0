//! The table `top_up`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "top_up")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub amount_minor: i64,
    pub currency: String,
    pub saved_card: Option<String>,
    pub save_card: bool,
    pub automatic: bool,
    pub state: String,
    pub session_id: Option<String>,
    pub payment_intent: Option<String>,
    pub url: Option<String>,
    pub reason: Option<String>,
    pub paid_minor: Option<i64>,
    pub paid_currency: Option<String>,
    pub stripe_receipt_url: Option<String>,
    pub requested_by: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub check_at: Option<DateTimeUtc>,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
