//! Money that its payer took back: the wallet is frozen, what is there goes, the rest is owed. It is no state of a trade, so
//! the seller of a good lead keeps its money.

use domain::card_dispute::CardDisputeState;
use domain::id::{ChargebackId, DepositId, OrganizationId, TopUpId, TypedId, UserId};
use domain::ledger::{Account, AccountKind, event};
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{Condition, ExprTrait, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::db::Store;
use crate::deposits::deposit_of;
use crate::entity::{card_dispute, chargeback, organization};
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::outbox::Event;
use crate::page::{Page, Slice};
use crate::payments::top_ups::{StoredTopUp, top_up_lock};
use crate::words::is;
use crate::write::Tx;

/// A payment that its payer took back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargebackDraft {
    /// Whose wallet it had gone to.
    pub organization: OrganizationId,
    /// The deposit that was taken back, if one is named.
    pub deposit: Option<DepositId>,
    /// The payment by card that was taken back, if one is named.
    #[serde(default)]
    pub top_up: Option<TopUpId>,
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
            top_up: row.top_up_id.map(TopUpId::from),
            amount: Money::new(row.amount_minor, row.currency.parse().map_err(StoreError::corrupt)?),
            reference: row.reference,
        };
        let (taken_minor, owed_minor) = (row.taken_minor, row.owed_minor);
        Ok(Self { id: row.id.into(), draft, taken_minor, owed_minor, recorded_at: row.created_at })
    }
}

/// Records a chargeback, freezes the wallet, and takes what is there towards the bank.
pub async fn chargeback_record(tx: &Tx, draft: ChargebackDraft, recorded_by: UserId) -> Result<Chargeback, WriteError> {
    if let Some(id) = draft.top_up {
        let row = top_up_lock(tx, id).await?.filter(|row| row.organization_id == draft.organization.0);
        let paid = row.map(StoredTopUp::try_from).transpose()?.and_then(|top_up| top_up.paid());
        let paid = paid.ok_or_else(|| Refusal::not_found("topUpId", "paid top-up"))?;
        fits(paid, draft.amount, "payment")?;
        if chargeback_known(tx, &draft.reference, id).await?.is_some() {
            return Err(Refusal::new(Code::Taken, "this payment has been taken back before").at("topUpId").into());
        }
    }
    chargeback_book(tx, draft, Some(recorded_by)).await
}

/// Books a chargeback that an operator records, or, when nobody does, that the payment provider told of.
pub(crate) async fn chargeback_book(
    tx: &Tx,
    draft: ChargebackDraft,
    recorded_by: Option<UserId>,
) -> Result<Chargeback, WriteError> {
    let known = tx.organization_lock(draft.organization).await?;
    known.ok_or_else(|| Refusal::not_found("organizationId", "organization"))?;
    deposit_check(tx, &draft).await?;
    let outside = if draft.top_up.is_some() { AccountKind::ExternalStripe } else { AccountKind::ExternalBank };
    let account = |kind| Account::of(draft.organization, kind, draft.amount.currency);
    let world = Account::exchange(outside, draft.amount.currency);
    let mut ledger = Ledger::lock(tx, [account(AccountKind::Available), account(AccountKind::Receivable), world]).await?;
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
    let journal = event::chargeback(id, organization, outside, amount, spendable_minor);
    let note = Note { memo: None, recorded_by: recorded_by.map(Uuid::from) };
    ledger.record(&journal.map_err(StoreError::corrupt)?, note)?;
    ledger.flush().await?;
    freeze(tx, organization, chargeback.recorded_at).await?;
    Ok(chargeback)
}

/// Lets a frozen wallet spend again; its debt stays.
pub async fn wallet_unfreeze(tx: &Tx, organization: OrganizationId) -> Result<(), WriteError> {
    let known = tx.organization_lock(organization).await?;
    known.ok_or_else(|| Refusal::not_found("organizationId", "organization"))?;
    if !unfreeze(tx, organization).await? {
        return Err(Refusal::new(Code::WrongState, "the wallet is not frozen").at("organizationId").into());
    }
    Ok(())
}

/// Opens a frozen wallet; answers whether it was frozen.
pub(crate) async fn unfreeze(tx: &Tx, organization: OrganizationId) -> Result<bool, WriteError> {
    let done = organization::Entity::update_many()
        .col_expr(organization::Column::WalletFrozenAt, Expr::value(Option::<Timestamp>::None))
        .col_expr(organization::Column::Version, Expr::col(organization::Column::Version).add(1))
        .filter(organization::Column::Id.eq(organization.0))
        .filter(organization::Column::WalletFrozenAt.is_not_null())
        .exec(tx.db())
        .await?;
    if done.rows_affected == 0 {
        return Ok(false);
    }
    let audience = vec![organization];
    let event = Event { topic: "wallet.changed", subject_id: organization.0, audience, payload: serde_json::json!({}) };
    tx.emit(event).await?;
    Ok(true)
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
    fits(deposit.amount, draft.amount, "deposit")?;
    let before = chargeback::Entity::find().filter(chargeback::Column::DepositId.eq(id.0)).one(tx.db()).await?;
    match before {
        Some(_) => Err(Refusal::new(Code::Taken, "this deposit has been taken back before").at("depositId").into()),
        None => Ok(()),
    }
}

/// Whether so much can have been taken back of what was paid.
fn fits(paid: Money, amount: Money, what: &str) -> Result<(), Refusal> {
    if paid.currency != amount.currency {
        return Err(Refusal::new(Code::CurrencyMismatch, format!("the {what} is in {}", paid.currency)).at("amount"));
    }
    if paid.minor < amount.minor {
        return Err(Refusal::new(Code::TooLarge, format!("the {what} was {paid}")).at("amount"));
    }
    Ok(())
}

/// The chargeback that was recorded under this reference, or of this payment by card.
pub(crate) async fn chargeback_known(tx: &Tx, reference: &str, top_up: TopUpId) -> Result<Option<ChargebackId>, StoreError> {
    let known =
        Condition::any().add(chargeback::Column::Reference.eq(reference)).add(chargeback::Column::TopUpId.eq(top_up.uuid()));
    Ok(chargeback::Entity::find().filter(known).one(tx.db()).await?.map(|row| row.id.into()))
}

/// What was taken back of a payment by card and did not return, in minor units.
pub(crate) async fn charged_back_minor(tx: &Tx, top_up: TopUpId) -> Result<i64, StoreError> {
    let Some(row) = chargeback::Entity::find().filter(chargeback::Column::TopUpId.eq(top_up.uuid())).one(tx.db()).await? else {
        return Ok(0);
    };
    let won = card_dispute::Entity::find()
        .filter(card_dispute::Column::ChargebackId.eq(row.id))
        .filter(is(card_dispute::Column::State, CardDisputeState::Won.as_str()));
    Ok(if won.count(tx.db()).await? > 0 { 0 } else { row.amount_minor })
}

async fn insert(tx: &Tx, chargeback: &Chargeback, recorded_by: Option<UserId>) -> Result<(), WriteError> {
    let Chargeback { id, draft, taken_minor, owed_minor, recorded_at } = chargeback;
    let row = chargeback::ActiveModel {
        id: Set(id.uuid()),
        organization_id: Set(draft.organization.0),
        deposit_id: Set(draft.deposit.map(Uuid::from)),
        top_up_id: Set(draft.top_up.map(Uuid::from)),
        reference: Set(draft.reference.clone()),
        amount_minor: Set(draft.amount.minor),
        taken_minor: Set(*taken_minor),
        owed_minor: Set(*owed_minor),
        currency: Set(draft.amount.currency.code().to_owned()),
        recorded_by: Set(recorded_by.map(Uuid::from)),
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
