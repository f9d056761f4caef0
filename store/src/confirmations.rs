//! Codes and links sent to persons.

use domain::id::{ConfirmationId, LeadId, OrganizationId};
use domain::lead::Channel;
use domain::time::Timestamp;
use domain::verification::Confirmation;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{ConnectionTrait, ExprTrait, QuerySelect, Statement};

use crate::db::{Backend, Store};
use crate::entity::lead_confirmation;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// A confirmation as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConfirmation {
    /// Its id.
    pub id: ConfirmationId,
    /// The lead.
    pub lead: LeadId,
    /// Who had it sent.
    pub seller: OrganizationId,
    /// Where it was sent.
    pub channel: Channel,
    /// The keyed hash of the code.
    pub code_hash: Vec<u8>,
    /// The hash of the link's token.
    pub token_hash: Vec<u8>,
    /// When it was sent.
    pub created_at: Timestamp,
    /// What decides.
    pub confirmation: Confirmation,
}

/// How a confirmation is found by whoever answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfirmationKey {
    /// By its id, with a code.
    Id(ConfirmationId),
    /// By the hash of the link's token.
    Token(Vec<u8>),
}

impl TryFrom<lead_confirmation::Model> for StoredConfirmation {
    type Error = StoreError;

    fn try_from(row: lead_confirmation::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            lead: row.lead_id.into(),
            seller: row.seller_id.into(),
            channel: row.channel.parse().map_err(StoreError::corrupt)?,
            code_hash: row.code_hash,
            token_hash: row.token_hash,
            created_at: row.created_at,
            confirmation: Confirmation { attempts: row.attempts, expires_at: row.expires_at, confirmed_at: row.confirmed_at },
        })
    }
}

impl Tx {
    /// Keeps a confirmation that is about to be sent.
    pub async fn confirmation_insert(&self, new: &StoredConfirmation) -> Result<(), StoreError> {
        let row = lead_confirmation::ActiveModel {
            id: Set(new.id.0),
            lead_id: Set(new.lead.0),
            seller_id: Set(new.seller.0),
            channel: Set(new.channel.as_str().to_owned()),
            code_hash: Set(new.code_hash.clone()),
            token_hash: Set(new.token_hash.clone()),
            attempts: Set(new.confirmation.attempts),
            created_at: Set(new.created_at),
            expires_at: Set(new.confirmation.expires_at),
            confirmed_at: Set(None),
        };
        lead_confirmation::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// A confirmation, locked until the transaction ends.
    pub async fn confirmation_locked(&self, key: &ConfirmationKey) -> Result<Option<StoredConfirmation>, StoreError> {
        let mut query = match key {
            ConfirmationKey::Id(id) => lead_confirmation::Entity::find_by_id(id.0),
            ConfirmationKey::Token(hash) => {
                lead_confirmation::Entity::find().filter(lead_confirmation::Column::TokenHash.eq(hash.clone()))
            }
        };
        if self.backend() == Backend::Postgres {
            query = query.lock(LockType::NoKeyUpdate);
        }
        query.one(self.db()).await?.map(StoredConfirmation::try_from).transpose()
    }

    /// Counts a wrong answer.
    pub async fn confirmation_miss(&self, id: ConfirmationId) -> Result<(), StoreError> {
        lead_confirmation::Entity::update_many()
            .col_expr(lead_confirmation::Column::Attempts, Expr::col(lead_confirmation::Column::Attempts).add(1))
            .filter(lead_confirmation::Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Marks a confirmation as answered.
    pub async fn confirmation_confirm(&self, id: ConfirmationId, now: Timestamp) -> Result<(), WriteError> {
        lead_confirmation::Entity::update_many()
            .col_expr(lead_confirmation::Column::ConfirmedAt, Expr::value(now))
            .filter(lead_confirmation::Column::Id.eq(id.0))
            .filter(lead_confirmation::Column::ConfirmedAt.is_null())
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// How many confirmations the person behind a lead was sent after `from`, whoever had them sent.
    pub async fn confirmations_sent(&self, lead: LeadId, from: Timestamp) -> Result<u64, StoreError> {
        let kinds: Vec<String> = Channel::ALL.iter().map(|channel| format!("'{}'", channel.as_str())).collect();
        let sql = format!(
            "SELECT COUNT(*) FROM lead_confirmation WHERE created_at > $2 AND (lead_id = $1 OR lead_id IN (\
             SELECT other.lead_id FROM lead_key AS own JOIN lead_key AS other ON other.hash = own.hash AND other.kind = own.kind \
             WHERE own.lead_id = $1 AND own.kind IN ({})))",
            kinds.join(", ")
        );
        let statement = Statement::from_sql_and_values(self.db().get_database_backend(), sql, [lead.0.into(), from.into()]);
        let row = self.db().query_one_raw(statement).await?.ok_or(StoreError::Misuse("a count without a row"))?;
        u64::try_from(row.try_get_by_index::<i64>(0)?).map_err(StoreError::corrupt)
    }

    /// How many confirmations `seller` had sent after `from`.
    pub async fn confirmations_sent_by(&self, seller: OrganizationId, from: Timestamp) -> Result<u64, StoreError> {
        let query = lead_confirmation::Entity::find()
            .filter(lead_confirmation::Column::SellerId.eq(seller.0))
            .filter(lead_confirmation::Column::CreatedAt.gt(from));
        Ok(query.count(self.db()).await?)
    }
}

impl Store {
    /// The lead to whose person a link with this token was sent.
    pub async fn confirmation_lead(&self, token_hash: &[u8]) -> Result<Option<LeadId>, StoreError> {
        let found = lead_confirmation::Entity::find().filter(lead_confirmation::Column::TokenHash.eq(token_hash.to_vec()));
        Ok(found.one(self.read()).await?.map(|row| row.lead_id.into()))
    }

    /// A confirmation.
    pub async fn confirmation(&self, id: ConfirmationId) -> Result<Option<StoredConfirmation>, StoreError> {
        confirmation(self.read(), id).await
    }
}

async fn confirmation(db: &impl ConnectionTrait, id: ConfirmationId) -> Result<Option<StoredConfirmation>, StoreError> {
    lead_confirmation::Entity::find_by_id(id.0).one(db).await?.map(StoredConfirmation::try_from).transpose()
}
