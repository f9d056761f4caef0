//! The accounts at the payment provider through which organizations are paid.

use domain::id::OrganizationId;
use domain::time::{Timestamp, plus_secs};
use sea_orm::ActiveValue::Set;
use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::db::Store;
use crate::entity::connected_account;
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::write::Tx;

/// What the provider says of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedAccount {
    /// Whose.
    pub organization: OrganizationId,
    /// The provider's id.
    pub account: String,
    /// Whether its owner went through the onboarding.
    pub details_submitted: bool,
    /// Whether it may receive money.
    pub transfers_enabled: bool,
    /// Whether it is paid out to its bank.
    pub payouts_enabled: bool,
    /// What the provider still needs, in its own names.
    pub requirements: Vec<String>,
    /// Why it is disabled.
    pub disabled_reason: Option<String>,
    /// When this was so.
    pub updated_at: Timestamp,
}

impl TryFrom<connected_account::Model> for ConnectedAccount {
    type Error = StoreError;

    fn try_from(row: connected_account::Model) -> Result<Self, StoreError> {
        Ok(Self {
            organization: row.organization_id.into(),
            account: row.account_id,
            details_submitted: row.details_submitted,
            transfers_enabled: row.transfers_enabled,
            payouts_enabled: row.payouts_enabled,
            requirements: serde_json::from_value(row.requirements).map_err(StoreError::corrupt)?,
            disabled_reason: row.disabled_reason,
            updated_at: row.updated_at,
        })
    }
}

/// Writes what the provider says; it is asked again in `check_secs`. The first account of an organization stays its account.
pub async fn connected_account_save(tx: &Tx, seen: ConnectedAccount, check_secs: i64) -> Result<ConnectedAccount, WriteError> {
    use connected_account::Column as C;
    let now = tx.now().await?;
    let row = connected_account::ActiveModel {
        organization_id: Set(seen.organization.0),
        account_id: Set(seen.account.clone()),
        details_submitted: Set(seen.details_submitted),
        transfers_enabled: Set(seen.transfers_enabled),
        payouts_enabled: Set(seen.payouts_enabled),
        requirements: Set(serde_json::to_value(&seen.requirements).map_err(StoreError::corrupt)?),
        disabled_reason: Set(seen.disabled_reason.clone()),
        check_at: Set(plus_secs(now, check_secs)),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let columns = [
        C::DetailsSubmitted,
        C::TransfersEnabled,
        C::PayoutsEnabled,
        C::Requirements,
        C::DisabledReason,
        C::CheckAt,
        C::UpdatedAt,
    ];
    let replaced = OnConflict::column(C::OrganizationId).update_columns(columns).to_owned();
    connected_account::Entity::insert(row).on_conflict(replaced).exec_without_returning(tx.db()).await?;
    let audience = vec![seen.organization];
    let event = Event { topic: "wallet.changed", subject_id: seen.organization.0, audience, payload: serde_json::json!({}) };
    tx.emit(event).await?;
    let known = connected_account_of(tx.db(), seen.organization).await?;
    known.ok_or_else(|| StoreError::Misuse("an account that was not kept").into())
}

/// The organization's account.
pub(crate) async fn connected_account_of(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
) -> Result<Option<ConnectedAccount>, StoreError> {
    let row = connected_account::Entity::find_by_id(organization.0).one(db).await?;
    row.map(ConnectedAccount::try_from).transpose()
}

impl Store {
    /// The organization's account.
    pub async fn connected_account(&self, organization: OrganizationId) -> Result<Option<ConnectedAccount>, StoreError> {
        connected_account_of(self.read(), organization).await
    }

    /// The account with this id of the provider.
    pub async fn connected_account_by_id(&self, account: &str) -> Result<Option<ConnectedAccount>, StoreError> {
        let row = connected_account::Entity::find().filter(connected_account::Column::AccountId.eq(account));
        row.one(self.read()).await?.map(ConnectedAccount::try_from).transpose()
    }
}
