//! Money that came in by bank transfer, as an operator records it.

use domain::id::{DepositId, OrganizationId, TypedId, UserId};
use domain::ledger::{Account, AccountKind, event};
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::db::Store;
use crate::entity::{deposit, organization};
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::page::{Page, Slice};
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

impl TryFrom<deposit::Model> for Deposit {
    type Error = StoreError;

    fn try_from(row: deposit::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            organization: row.organization_id.into(),
            amount: Money::new(row.amount_minor, row.currency.parse().map_err(StoreError::corrupt)?),
            bank_reference: row.bank_reference,
            recorded_at: row.created_at,
        })
    }
}

/// A deposit, whoever asks.
pub async fn deposit_of(tx: &Tx, id: DepositId) -> Result<Option<Deposit>, StoreError> {
    deposit::Entity::find_by_id(id.0).one(tx.db()).await?.map(Deposit::try_from).transpose()
}

impl Store {
    /// A page of deposits, newest first: of one organization, or of all for an operator.
    pub async fn deposits(
        &self,
        organization: Option<OrganizationId>,
        page: &Page<DepositId>,
    ) -> Result<Slice<Deposit>, StoreError> {
        let mut rows = deposit::Entity::find();
        if let Some(organization) = organization {
            rows = rows.filter(deposit::Column::OrganizationId.eq(organization.0));
        }
        if let Some(after) = page.after {
            rows = rows.filter(deposit::Column::Id.lt(after.0));
        }
        let rows = rows.order_by_desc(deposit::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(Deposit::try_from)
    }
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
