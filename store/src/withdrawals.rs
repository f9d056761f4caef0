//! Money that goes out: asked for by an organization, carried out by the bank, recorded by an operator.

use domain::access::Principal;
use domain::id::{OrganizationId, TypedId, UserId, WithdrawalId};
use domain::ledger::{Account, AccountKind, Journal, event};
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::time::{Timestamp, plus_secs};
use domain::withdrawal::{WithdrawalMethod, WithdrawalState};
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
use crate::payments::connected_accounts::connected_account_of;
use crate::payouts::payout_account_of;
use crate::words::is;
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
    /// How it is carried out.
    #[serde(default = "bank")]
    pub method: WithdrawalMethod,
    /// The last four characters of the bank account that it goes to, when an operator pays it.
    pub payout_last_four: Option<String>,
    /// The connected account that it goes through, when Stripe pays it.
    #[serde(default)]
    pub connected_account: Option<String>,
    /// Stripe's transfer, once there is one.
    #[serde(default)]
    pub transfer: Option<String>,
    /// Which attempt at the transfer is under way, from 0.
    #[serde(default)]
    pub attempt: i64,
    /// How much of it is to be taken back, since the bank there returned it, in minor units.
    #[serde(default)]
    pub return_asked_minor: i64,
    /// How much of it came back, in minor units.
    #[serde(default)]
    pub returned_minor: i64,
    /// Which attempt to take back what is owed is under way, from 0.
    #[serde(default)]
    pub return_attempt: i64,
    /// Why the last attempt to take it back was refused.
    #[serde(default)]
    pub return_failure: Option<String>,
    /// When it left.
    #[serde(default)]
    pub sent_at: Option<Timestamp>,
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

impl Withdrawal {
    /// What is still to be taken back, in minor units.
    #[must_use]
    pub const fn return_due_minor(&self) -> i64 {
        self.return_asked_minor.saturating_sub(self.returned_minor)
    }
}

const fn bank() -> WithdrawalMethod {
    WithdrawalMethod::Bank
}

/// Which way a withdrawal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To the bank account that the organization named; an operator pays it.
    Bank,
    /// Through the organization's connected account.
    Stripe {
        /// When a worker looks at it unless it is done by then, in seconds from now.
        check_secs: i64,
    },
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
            method: row.method.parse().map_err(StoreError::corrupt)?,
            payout_last_four: row.payout_last_four,
            connected_account: row.connected_account,
            transfer: row.transfer_id,
            attempt: row.attempt,
            return_asked_minor: row.return_asked_minor,
            returned_minor: row.returned_minor,
            return_attempt: row.return_attempt,
            return_failure: row.return_failure,
            sent_at: row.sent_at,
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
    route: Route,
) -> Result<Withdrawal, WriteError> {
    wallet_require_open(tx, organization).await?;
    let mut row = row_for(tx, organization, amount, route).await?;
    let account = |kind| Account::of(organization, kind, amount.currency);
    let accounts = [AccountKind::Available, AccountKind::Payout, AccountKind::Receivable].map(account);
    let mut ledger = Ledger::lock(tx, accounts).await?;
    if let Some(owed) = debt(tx, organization).await? {
        return Err(
            Refusal::wrong_state(format!("the organization owes the exchange {owed}: deposits and income pay it first")).into()
        );
    }
    row.requested_by = principal.user().map(Uuid::from);
    row.created_at = ledger.now();
    if let Route::Stripe { check_secs } = route {
        row.check_at = Some(plus_secs(row.created_at, check_secs));
    }
    withdrawal::Entity::insert(withdrawal::ActiveModel::from(row.clone())).exec_without_returning(tx.db()).await?;
    let note = Note { memo: None, recorded_by: row.requested_by };
    let withdrawal = Withdrawal::try_from(row)?;
    let journal = event::withdrawal(withdrawal.id, organization, amount).map_err(StoreError::corrupt)?;
    ledger.record(&journal, note)?;
    ledger.flush().await?;
    tx.emit(news(&withdrawal)).await?;
    Ok(withdrawal)
}

/// The row of a withdrawal to be asked for, with where it goes: refused when nobody knows.
async fn row_for(tx: &Tx, organization: OrganizationId, amount: Money, route: Route) -> Result<withdrawal::Model, WriteError> {
    let (mut payout_account_id, mut payout_last_four, mut connected_account) = (None, None, None);
    let method = match route {
        Route::Bank => {
            let payout = payout_account_of(tx.db(), organization).await?;
            let payout =
                payout.ok_or_else(|| Refusal::wrong_state("nobody knows where to pay: set it with `payoutAccountSet`"))?;
            (payout_account_id, payout_last_four) = (Some(payout.id.uuid()), Some(payout.last_four));
            WithdrawalMethod::Bank
        }
        Route::Stripe { .. } => {
            let account = connected_account_of(tx.db(), organization).await?;
            let ready = account.filter(|account| account.transfers_enabled && account.payouts_enabled);
            let message = "Stripe may not pay the organization yet: see `payoutOnboarding`, begin with `payoutOnboardingStart`";
            let ready = ready.ok_or_else(|| Refusal::new(Code::OnboardingIncomplete, message))?;
            connected_account = Some(ready.account);
            WithdrawalMethod::Stripe
        }
    };
    Ok(withdrawal::Model {
        id: tx.id::<WithdrawalId>().uuid(),
        organization_id: organization.0,
        method: method.as_str().to_owned(),
        payout_account_id,
        payout_last_four,
        connected_account,
        transfer_id: None,
        amount_minor: amount.minor,
        return_asked_minor: 0,
        returned_minor: 0,
        return_attempt: 0,
        return_failure: None,
        currency: amount.currency.code().to_owned(),
        state: WithdrawalState::Requested.as_str().to_owned(),
        bank_reference: None,
        failure: None,
        attempt: 0,
        requested_by: None,
        created_at: tx.now().await?,
        sent_at: None,
        check_at: None,
        ended_at: None,
        version: 0,
    })
}

/// What the feed says of a withdrawal.
pub(crate) fn news(withdrawal: &Withdrawal) -> Event {
    let payload = serde_json::json!({
        "state": withdrawal.state.as_str(), "amountMinor": withdrawal.amount.minor,
        "currency": withdrawal.amount.currency.code(), "method": withdrawal.method.as_str(),
    });
    Event { topic: "payout.changed", subject_id: withdrawal.id.uuid(), audience: vec![withdrawal.organization], payload }
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
    if withdrawal.method == WithdrawalMethod::Stripe {
        return Err(Refusal::new(Code::WrongState, "Stripe carries this withdrawal out").at("withdrawalId").into());
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
        WithdrawalState::Failed
        | WithdrawalState::Cancelled
        | WithdrawalState::Requested
        | WithdrawalState::Sent
        | WithdrawalState::Returning => event::withdrawal_failed(id, organization, amount, owed_minor),
    }
    .map_err(StoreError::corrupt)
}

impl Store {
    /// How many withdrawals are owed back and were refused at least once.
    pub async fn withdrawals_refused_back(&self) -> Result<u64, StoreError> {
        let rows = withdrawal::Entity::find()
            .filter(is(withdrawal::Column::State, WithdrawalState::Returning.as_str()))
            .filter(withdrawal::Column::CheckAt.is_not_null())
            .filter(withdrawal::Column::ReturnAttempt.gt(0));
        Ok(rows.count(self.read()).await?)
    }

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
