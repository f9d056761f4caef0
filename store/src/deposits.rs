//! Money that came in by bank transfer, as an operator records it.

use domain::id::{DepositId, OrganizationId, TypedId, UserId};
use domain::ledger::{Account, AccountKind, event};
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::entity::{deposit, organization};
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::write::Tx;

/// A recorded deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// Its id.
    pub id: DepositId,
    /// Whose wallet it went to.
    pub organization: OrganizationId,
    /// How much.
    pub amount: Money,
    /// How the bank names the transfer: one transfer is recorded once.
    pub bank_reference: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// Records a bank transfer and puts its amount into the wallet; what the organization owes is paid first.
pub async fn deposit_record(
    tx: &Tx,
    organization: OrganizationId,
    amount: Money,
    bank_reference: String,
    recorded_by: UserId,
) -> Result<Deposit, WriteError> {
    let known = organization::Entity::find_by_id(organization.0).one(tx.db()).await?;
    known.ok_or_else(|| Refusal::not_found("organizationId", "organization"))?;
    let account = |kind| Account::of(organization, kind, amount.currency);
    let outside = Account::exchange(AccountKind::ExternalBank, amount.currency);
    let mut ledger = Ledger::lock(tx, [account(AccountKind::Available), account(AccountKind::Receivable), outside]).await?;
    let deposit = Deposit { id: tx.id(), organization, amount, bank_reference, recorded_at: ledger.now() };
    let row = deposit::ActiveModel {
        id: Set(deposit.id.uuid()),
        organization_id: Set(organization.0),
        amount_minor: Set(amount.minor),
        currency: Set(amount.currency.code().to_owned()),
        bank_reference: Set(deposit.bank_reference.clone()),
        recorded_by: Set(recorded_by.0),
        created_at: Set(deposit.recorded_at),
    };
    let again = || Refusal::new(Code::Taken, "this bank transfer has been recorded").at("bankReference");
    deposit::Entity::insert(row)
        .exec_without_returning(tx.db())
        .await
        .map_err(|error| WriteError::from(error).repeated_as(again()))?;
    let owed = ledger.owed_minor(organization, amount.currency);
    let journal =
        event::deposit(deposit.id, organization, AccountKind::ExternalBank, amount, owed).map_err(StoreError::corrupt)?;
    ledger.record(&journal, Note { memo: None, recorded_by: Some(recorded_by.0) })?;
    ledger.flush().await?;
    Ok(deposit)
}
