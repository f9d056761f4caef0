//! Money that its payer took back: the wallet is frozen, what is there goes, the rest is owed. It is no state of a trade, so
//! the seller of a good lead keeps its money.

use domain::id::{ChargebackId, DepositId, OrganizationId, TypedId, UserId};
use domain::ledger::{Account, AccountKind, event};
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::db::Store;
use crate::deposits::deposit_of;
use crate::entity::{chargeback, organization};
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::outbox::Event;
use crate::page::{Page, Slice};
use crate::write::Tx;

/// A payment that its payer took back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargebackDraft {
    /// Whose wallet it had gone to.
    pub organization: OrganizationId,
    /// The deposit that was taken back, if one is named.
    pub deposit: Option<DepositId>,
    /// How much.
    pub amount: Money,
    /// How the bank names it: one chargeback is recorded once.
    pub reference: String,
}

/// A recorded chargeback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chargeback {
    /// Its id.
    pub id: ChargebackId,
    /// What was taken back.
    pub draft: ChargebackDraft,
    /// What the wallet gave at once, in minor units.
    pub taken_minor: i64,
    /// What it lacked, which the organization owes since, in minor units.
    pub owed_minor: i64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

impl TryFrom<chargeback::Model> for Chargeback {
    type Error = StoreError;

    fn try_from(row: chargeback::Model) -> Result<Self, StoreError> {
        let draft = ChargebackDraft {
            organization: row.organization_id.into(),
            deposit: row.deposit_id.map(DepositId::from),
            amount: Money::new(row.amount_minor, row.currency.parse().map_err(StoreError::corrupt)?),
            reference: row.reference,
        };
        let (taken_minor, owed_minor) = (row.taken_minor, row.owed_minor);
        Ok(Self { id: row.id.into(), draft, taken_minor, owed_minor, recorded_at: row.created_at })
    }
}

/// Records a chargeback, freezes the wallet, and takes what is there towards the bank.
pub async fn chargeback_record(tx: &Tx, draft: ChargebackDraft, recorded_by: UserId) -> Result<Chargeback, WriteError> {
    let known = tx.organization_lock(draft.organization).await?;
    known.ok_or_else(|| Refusal::not_found("organizationId", "organization"))?;
    deposit_check(tx, &draft).await?;
    let account = |kind| Account::of(draft.organization, kind, draft.amount.currency);
    let bank = Account::exchange(AccountKind::ExternalBank, draft.amount.currency);
    let mut ledger = Ledger::lock(tx, [account(AccountKind::Available), account(AccountKind::Receivable), bank]).await?;
    let spendable_minor = ledger.balance_minor(account(AccountKind::Available));
    let taken_minor = std::cmp::min(draft.amount.minor, std::cmp::max(spendable_minor, 0));
    let chargeback = Chargeback {
        id: tx.id(),
        taken_minor,
        owed_minor: draft.amount.minor.saturating_sub(taken_minor),
        recorded_at: ledger.now(),
        draft,
    };
    insert(tx, &chargeback, recorded_by).await?;
    let Chargeback { id, draft: ChargebackDraft { organization, amount, .. }, .. } = chargeback;
    let journal = event::chargeback(id, organization, AccountKind::ExternalBank, amount, spendable_minor);
    ledger.record(&journal.map_err(StoreError::corrupt)?, Note { memo: None, recorded_by: Some(recorded_by.0) })?;
    ledger.flush().await?;
    freeze(tx, organization, chargeback.recorded_at).await?;
    Ok(chargeback)
}

/// Lets a frozen wallet spend again; its debt stays.
pub async fn wallet_unfreeze(tx: &Tx, organization: OrganizationId) -> Result<(), WriteError> {
    let known = tx.organization_lock(organization).await?;
    known.ok_or_else(|| Refusal::not_found("organizationId", "organization"))?;
    let done = organization::Entity::update_many()
        .col_expr(organization::Column::WalletFrozenAt, Expr::value(Option::<Timestamp>::None))
        .col_expr(organization::Column::Version, Expr::col(organization::Column::Version).add(1))
        .filter(organization::Column::Id.eq(organization.0))
        .filter(organization::Column::WalletFrozenAt.is_not_null())
        .exec(tx.db())
        .await?;
    if done.rows_affected == 0 {
        return Err(Refusal::new(Code::WrongState, "the wallet is not frozen").at("organizationId").into());
    }
    let audience = vec![organization];
    let event = Event { topic: "wallet.changed", subject_id: organization.0, audience, payload: serde_json::json!({}) };
    Ok(tx.emit(event).await?)
}

/// Refuses what a frozen wallet may not pay. The organization's row is locked: a chargeback waits, or has been seen.
pub async fn wallet_require_open(tx: &Tx, organization: OrganizationId) -> Result<(), WriteError> {
    let row = organization::Entity::find_by_id(organization.0).lock(LockType::NoKeyUpdate).one(tx.db()).await?;
    match row.and_then(|row| row.wallet_frozen_at) {
        Some(_) => Err(Refusal::new(Code::WalletFrozen, "the wallet is frozen after a chargeback").into()),
        None => Ok(()),
    }
}

/// The named deposit must be the organization's, not taken back before, and as large as what was taken back.
async fn deposit_check(tx: &Tx, draft: &ChargebackDraft) -> Result<(), WriteError> {
    let Some(id) = draft.deposit else { return Ok(()) };
    let deposit = deposit_of(tx, id).await?.filter(|deposit| deposit.organization == draft.organization);
    let deposit = deposit.ok_or_else(|| Refusal::not_found("depositId", "deposit"))?;
    if deposit.amount.currency != draft.amount.currency {
        return Err(Refusal::new(Code::CurrencyMismatch, format!("the deposit is in {}", deposit.amount.currency))
            .at("amount")
            .into());
    }
    if deposit.amount.minor < draft.amount.minor {
        return Err(Refusal::new(Code::TooLarge, format!("the deposit was {}", deposit.amount)).at("amount").into());
    }
    let before = chargeback::Entity::find().filter(chargeback::Column::DepositId.eq(id.0)).one(tx.db()).await?;
    match before {
        Some(_) => Err(Refusal::new(Code::Taken, "this deposit has been taken back before").at("depositId").into()),
        None => Ok(()),
    }
}

async fn insert(tx: &Tx, chargeback: &Chargeback, recorded_by: UserId) -> Result<(), WriteError> {
    let Chargeback { id, draft, taken_minor, owed_minor, recorded_at } = chargeback;
    let row = chargeback::ActiveModel {
        id: Set(id.uuid()),
        organization_id: Set(draft.organization.0),
        deposit_id: Set(draft.deposit.map(Uuid::from)),
        reference: Set(draft.reference.clone()),
        amount_minor: Set(draft.amount.minor),
        taken_minor: Set(*taken_minor),
        owed_minor: Set(*owed_minor),
        currency: Set(draft.amount.currency.code().to_owned()),
        recorded_by: Set(recorded_by.0),
        created_at: Set(*recorded_at),
    };
    let again = || Refusal::new(Code::Taken, "this chargeback has been recorded").at("reference");
    let done = chargeback::Entity::insert(row).exec_without_returning(tx.db()).await;
    done.map_err(|error| WriteError::from(error).repeated_as(again()))?;
    Ok(())
}

async fn freeze(tx: &Tx, organization: OrganizationId, now: Timestamp) -> Result<(), StoreError> {
    organization::Entity::update_many()
        .col_expr(organization::Column::WalletFrozenAt, Expr::value(now))
        .col_expr(organization::Column::Version, Expr::col(organization::Column::Version).add(1))
        .filter(organization::Column::Id.eq(organization.0))
        .filter(organization::Column::WalletFrozenAt.is_null())
        .exec(tx.db())
        .await?;
    Ok(())
}

impl Store {
    /// A page of chargebacks, newest first: of one organization, or of all for an operator.
    pub async fn chargebacks(
        &self,
        organization: Option<OrganizationId>,
        page: &Page<ChargebackId>,
    ) -> Result<Slice<Chargeback>, StoreError> {
        let mut rows = chargeback::Entity::find();
        if let Some(organization) = organization {
            rows = rows.filter(chargeback::Column::OrganizationId.eq(organization.0));
        }
        if let Some(after) = page.after {
            rows = rows.filter(chargeback::Column::Id.lt(after.0));
        }
        let rows = rows.order_by_desc(chargeback::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(Chargeback::try_from)
    }
}
