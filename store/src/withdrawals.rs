//! Money that goes out: asked for by an organization, carried out by the bank, recorded by an operator.

use domain::access::Principal;
use domain::id::{OrganizationId, TypedId, UserId, WithdrawalId};
use domain::ledger::{Account, AccountKind, Journal, event};
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use domain::withdrawal::WithdrawalState;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::chargebacks::wallet_require_open;
use crate::db::{Backend, Store};
use crate::entity::{account, withdrawal};
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::outbox::Event;
use crate::page::{Page, Slice};
use crate::payouts::payout_account_of;
use crate::write::Tx;

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Its id.
    pub id: WithdrawalId,
    /// Whose money.
    pub organization: OrganizationId,
    /// How much.
    pub amount: Money,
    /// The last four characters of the account that it goes to.
    pub payout_last_four: String,
    /// Where it stands.
    pub state: WithdrawalState,
    /// How the bank names the transfer that carried it out.
    pub bank_reference: Option<String>,
    /// Why the bank returned it.
    pub failure: Option<String>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was paid, failed or taken back.
    pub ended_at: Option<Timestamp>,
}

/// How a withdrawal ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithdrawalAnswer {
    /// The bank carried it out, under this reference.
    Paid(String),
    /// The bank returned it, for this reason.
    Failed(String),
    /// This organization, whose it is, took it back.
    Cancelled(OrganizationId),
}

impl TryFrom<withdrawal::Model> for Withdrawal {
    type Error = StoreError;

    fn try_from(row: withdrawal::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            organization: row.organization_id.into(),
            amount: Money::new(row.amount_minor, row.currency.parse().map_err(StoreError::corrupt)?),
            payout_last_four: row.payout_last_four,
            state: row.state.parse().map_err(StoreError::corrupt)?,
            bank_reference: row.bank_reference,
            failure: row.failure,
            requested_at: row.created_at,
            ended_at: row.ended_at,
        })
    }
}

/// Takes `amount` out of what the organization can spend, towards the bank. Refused while it owes the exchange, and while
/// its wallet is frozen.
pub async fn withdrawal_request(
    tx: &Tx,
    organization: OrganizationId,
    amount: Money,
    principal: &Principal,
) -> Result<Withdrawal, WriteError> {
    wallet_require_open(tx, organization).await?;
    let payout = payout_account_of(tx.db(), organization).await?;
    let payout = payout.ok_or_else(|| Refusal::wrong_state("nobody knows where to pay: set it with `payoutAccountSet`"))?;
    let account = |kind| Account::of(organization, kind, amount.currency);
    let accounts = [AccountKind::Available, AccountKind::Payout, AccountKind::Receivable].map(account);
    let mut ledger = Ledger::lock(tx, accounts).await?;
    if let Some(owed) = debt(tx, organization).await? {
        return Err(
            Refusal::wrong_state(format!("the organization owes the exchange {owed}: deposits and income pay it first")).into()
        );
    }
    let requested_by = principal.user().map(Uuid::from);
    let withdrawal = Withdrawal {
        id: tx.id(),
        organization,
        amount,
        payout_last_four: payout.last_four,
        state: WithdrawalState::Requested,
        bank_reference: None,
        failure: None,
        requested_at: ledger.now(),
        ended_at: None,
    };
    let row = withdrawal::ActiveModel {
        id: Set(withdrawal.id.uuid()),
        organization_id: Set(organization.0),
        payout_account_id: Set(payout.id.uuid()),
        payout_last_four: Set(withdrawal.payout_last_four.clone()),
        amount_minor: Set(amount.minor),
        currency: Set(amount.currency.code().to_owned()),
        state: Set(withdrawal.state.as_str().to_owned()),
        bank_reference: Set(None),
        failure: Set(None),
        requested_by: Set(requested_by),
        created_at: Set(withdrawal.requested_at),
        ended_at: Set(None),
        version: Set(0),
    };
    withdrawal::Entity::insert(row).exec_without_returning(tx.db()).await?;
    let journal = event::withdrawal(withdrawal.id, organization, amount).map_err(StoreError::corrupt)?;
    ledger.record(&journal, Note { memo: None, recorded_by: requested_by })?;
    ledger.flush().await?;
    tx.emit(news(&withdrawal)).await?;
    Ok(withdrawal)
}

/// Records how a withdrawal ended: the money leaves, or returns to the wallet.
pub async fn withdrawal_end(
    tx: &Tx,
    id: WithdrawalId,
    answer: WithdrawalAnswer,
    recorded_by: Option<UserId>,
) -> Result<Withdrawal, WriteError> {
    let mut row = withdrawal::Entity::find_by_id(id.0);
    if tx.backend() == Backend::Postgres {
        row = row.lock(LockType::NoKeyUpdate);
    }
    let row = row.one(tx.db()).await?.ok_or_else(|| Refusal::not_found("withdrawalId", "withdrawal"))?;
    let version = row.version;
    let mut withdrawal = Withdrawal::try_from(row)?;
    if matches!(answer, WithdrawalAnswer::Cancelled(owner) if owner != withdrawal.organization) {
        return Err(Refusal::not_found("withdrawalId", "withdrawal").into());
    }
    if withdrawal.state != WithdrawalState::Requested {
        let message = format!("the withdrawal is {}", withdrawal.state.as_str());
        return Err(Refusal::new(Code::WrongState, message).at("withdrawalId").into());
    }
    let (state, bank_reference, failure) = match answer {
        WithdrawalAnswer::Paid(reference) => (WithdrawalState::Paid, Some(reference), None),
        WithdrawalAnswer::Failed(reason) => (WithdrawalState::Failed, None, Some(reason)),
        WithdrawalAnswer::Cancelled(_) => (WithdrawalState::Cancelled, None, None),
    };
    let account = |kind| Account::of(withdrawal.organization, kind, withdrawal.amount.currency);
    let own = [AccountKind::Available, AccountKind::Payout, AccountKind::Receivable].map(account);
    let bank = Account::exchange(AccountKind::ExternalBank, withdrawal.amount.currency);
    let mut ledger = Ledger::lock(tx, own.into_iter().chain([bank])).await?;
    let owed_minor = ledger.owed_minor(withdrawal.organization, withdrawal.amount.currency);
    let note = Note { memo: None, recorded_by: recorded_by.map(Uuid::from) };
    ledger.record(&end_journal(&withdrawal, state, owed_minor)?, note)?;
    ledger.flush().await?;
    withdrawal = Withdrawal { state, bank_reference, failure, ended_at: Some(tx.now().await?), ..withdrawal };
    let done = withdrawal::Entity::update_many()
        .col_expr(withdrawal::Column::State, Expr::value(state.as_str()))
        .col_expr(withdrawal::Column::BankReference, Expr::value(withdrawal.bank_reference.clone()))
        .col_expr(withdrawal::Column::Failure, Expr::value(withdrawal.failure.clone()))
        .col_expr(withdrawal::Column::EndedAt, Expr::value(withdrawal.ended_at))
        .col_expr(withdrawal::Column::Version, Expr::col(withdrawal::Column::Version).add(1))
        .filter(withdrawal::Column::Id.eq(id.0))
        .filter(withdrawal::Column::Version.eq(version))
        .exec(tx.db())
        .await?;
    if done.rows_affected != 1 {
        return Err(StoreError::Misuse("a withdrawal changed under its lock").into());
    }
    tx.emit(news(&withdrawal)).await?;
    Ok(withdrawal)
}

/// What the feed says of a withdrawal.
fn news(withdrawal: &Withdrawal) -> Event {
    let payload = serde_json::json!({
        "state": withdrawal.state.as_str(),
        "amountMinor": withdrawal.amount.minor,
        "currency": withdrawal.amount.currency.code(),
    });
    let audience = vec![withdrawal.organization];
    Event { topic: "payout.changed", subject_id: withdrawal.id.uuid(), audience, payload }
}

/// What the organization owes the exchange, in the first currency in which it owes something.
async fn debt(tx: &Tx, organization: OrganizationId) -> Result<Option<Money>, StoreError> {
    let row = account::Entity::find()
        .filter(account::Column::OrganizationId.eq(organization.0))
        .filter(account::Column::Kind.eq(AccountKind::Receivable.as_str()))
        .filter(account::Column::BalanceMinor.lt(0))
        .order_by_asc(account::Column::Currency)
        .one(tx.db())
        .await?;
    row.map(|row| Ok(Money::new(row.balance_minor.saturating_neg(), row.currency.parse().map_err(StoreError::corrupt)?)))
        .transpose()
}

fn end_journal(withdrawal: &Withdrawal, state: WithdrawalState, owed_minor: i64) -> Result<Journal, StoreError> {
    let &Withdrawal { id, organization, amount, .. } = withdrawal;
    match state {
        WithdrawalState::Paid => event::withdrawal_paid(id, organization, amount),
        WithdrawalState::Failed | WithdrawalState::Cancelled | WithdrawalState::Requested => {
            event::withdrawal_failed(id, organization, amount, owed_minor)
        }
    }
    .map_err(StoreError::corrupt)
}

impl Store {
    /// Those of `ids` that are the organization's, or all of them for an operator, in no order.
    pub async fn withdrawals_many(
        &self,
        organization: Option<OrganizationId>,
        ids: &[WithdrawalId],
    ) -> Result<Vec<Withdrawal>, StoreError> {
        let mut rows = withdrawal::Entity::find().filter(withdrawal::Column::Id.is_in(ids.iter().map(|id| id.0)));
        if let Some(organization) = organization {
            rows = rows.filter(withdrawal::Column::OrganizationId.eq(organization.0));
        }
        rows.all(self.read()).await?.into_iter().map(Withdrawal::try_from).collect()
    }

    /// A page of withdrawals, newest first: of one organization, or of all for an operator.
    pub async fn withdrawals(
        &self,
        organization: Option<OrganizationId>,
        state: Option<WithdrawalState>,
        page: &Page<WithdrawalId>,
    ) -> Result<Slice<Withdrawal>, StoreError> {
        let mut rows = withdrawal::Entity::find();
        if let Some(organization) = organization {
            rows = rows.filter(withdrawal::Column::OrganizationId.eq(organization.0));
        }
        if let Some(state) = state {
            rows = rows.filter(withdrawal::Column::State.eq(state.as_str()));
        }
        if let Some(after) = page.after {
            rows = rows.filter(withdrawal::Column::Id.lt(after.0));
        }
        let rows = rows.order_by_desc(withdrawal::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(Withdrawal::try_from)
    }
}
