//! The bank accounts that withdrawals go to. A new one is a new row, so that each withdrawal keeps the one that it was asked
//! for; number and holder lie sealed.

use domain::id::{OrganizationId, PayoutAccountId, TypedId, UserId, WithdrawalId};
use domain::refusal::Refusal;
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, ExprTrait, QueryOrder};

use crate::entity::{organization, payout_account, payout_reveal, withdrawal};
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::write::Tx;

/// A bank account, sealed under its id.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPayout {
    /// Its id.
    pub id: PayoutAccountId,
    /// Whose.
    pub organization: OrganizationId,
    /// The ring's key that wraps the data key.
    pub key_id: String,
    /// The data key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// Number and holder, sealed.
    pub ciphertext: Vec<u8>,
    /// The last four characters of the number.
    pub last_four: String,
}

/// What is shown of a bank account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutAccount {
    /// Its id.
    pub id: PayoutAccountId,
    /// The last four characters of its number.
    pub last_four: String,
    /// Since when payouts go there.
    pub set_at: Timestamp,
}

impl std::fmt::Debug for SealedPayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedPayout({})", self.id)
    }
}

impl From<payout_account::Model> for PayoutAccount {
    fn from(row: payout_account::Model) -> Self {
        Self { id: row.id.into(), last_four: row.last_four, set_at: row.created_at }
    }
}

/// Where the organization's next withdrawals go. `bank_hash` tells two organizations with one account, and nothing else.
pub async fn payout_account_set(
    tx: &Tx,
    sealed: SealedPayout,
    bank_hash: Vec<u8>,
    set_by: Option<Uuid>,
) -> Result<PayoutAccount, WriteError> {
    tx.organization_lock(sealed.organization).await?.ok_or(StoreError::Misuse("a member of no organization"))?;
    let (organization, set_at) = (sealed.organization, tx.now().await?);
    let shown = PayoutAccount { id: sealed.id, last_four: sealed.last_four.clone(), set_at };
    let row = payout_account::ActiveModel {
        id: Set(sealed.id.uuid()),
        organization_id: Set(organization.0),
        key_id: Set(sealed.key_id),
        wrapped_key: Set(sealed.wrapped_key),
        ciphertext: Set(sealed.ciphertext),
        last_four: Set(sealed.last_four),
        set_by: Set(set_by),
        created_at: Set(set_at),
    };
    payout_account::Entity::insert(row).exec_without_returning(tx.db()).await?;
    organization::Entity::update_many()
        .col_expr(organization::Column::BankHash, Expr::value(bank_hash))
        .col_expr(organization::Column::Version, Expr::col(organization::Column::Version).add(1))
        .filter(organization::Column::Id.eq(organization.0))
        .exec(tx.db())
        .await?;
    let audience = vec![organization];
    let event = Event { topic: "wallet.changed", subject_id: organization.0, audience, payload: serde_json::json!({}) };
    tx.emit(event).await?;
    Ok(shown)
}

/// The account that the organization's next withdrawals go to.
pub(crate) async fn payout_account_of(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
) -> Result<Option<PayoutAccount>, StoreError> {
    let own = payout_account::Entity::find().filter(payout_account::Column::OrganizationId.eq(organization.0));
    let latest = own.order_by_desc(payout_account::Column::Id).one(db).await?;
    Ok(latest.map(PayoutAccount::from))
}

/// The account that a withdrawal goes to, still sealed; the look is recorded.
pub async fn withdrawal_reveal(tx: &Tx, id: WithdrawalId, by: UserId) -> Result<SealedPayout, WriteError> {
    let row = withdrawal::Entity::find_by_id(id.0).one(tx.db()).await?;
    let row = row.ok_or_else(|| Refusal::not_found("withdrawalId", "withdrawal"))?;
    let payout_account =
        row.payout_account_id.ok_or_else(|| Refusal::not_found("withdrawalId", "bank account of a withdrawal"))?;
    let account = payout_account::Entity::find_by_id(payout_account).one(tx.db()).await?;
    let account = account.ok_or_else(|| StoreError::corrupt("a withdrawal without its bank account"))?;
    let look = payout_reveal::ActiveModel {
        id: Set(tx.id::<PayoutAccountId>().uuid()),
        withdrawal_id: Set(id.0),
        user_id: Set(by.0),
        revealed_at: Set(tx.now().await?),
    };
    payout_reveal::Entity::insert(look).exec_without_returning(tx.db()).await?;
    Ok(SealedPayout {
        id: account.id.into(),
        organization: account.organization_id.into(),
        key_id: account.key_id,
        wrapped_key: account.wrapped_key,
        ciphertext: account.ciphertext,
        last_four: account.last_four,
    })
}
