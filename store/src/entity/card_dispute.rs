//! The table `card_dispute`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "card_dispute")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub stripe_id: String,
    pub organization_id: Uuid,
    pub top_up_id: Uuid,
    pub amount_minor: i64,
    pub currency: String,
    pub reason: String,
    pub state: String,
    pub due_at: Option<DateTimeUtc>,
    pub submitted_at: Option<DateTimeUtc>,
    pub chargeback_id: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub check_at: Option<DateTimeUtc>,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
