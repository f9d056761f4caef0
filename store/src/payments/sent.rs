//! Withdrawals through connected accounts: the money waits in the organization's payout account until the provider says that it
//! has left, and comes back when it is reversed or the bank returns it.

use domain::id::{OrganizationId, TypedId, WithdrawalId, WithdrawalReturnId};
use domain::ledger::{Account, AccountKind, card, event};
use domain::money::{Currency, Money};
use domain::refusal::Refusal;
use domain::time::{Timestamp, plus_secs};
use domain::withdrawal::{WithdrawalMethod, WithdrawalState, after_return, return_pause_secs};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{QueryOrder, QuerySelect};

use super::{changed, locks};
use crate::db::Store;
use crate::entity::{payout_failure, withdrawal, withdrawal_return};
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::withdrawals::{Withdrawal, news};
use crate::words::is;
use crate::write::Tx;

/// The withdrawal, locked; refused as not found when it is none through a connected account.
async fn lock(tx: &Tx, id: WithdrawalId) -> Result<withdrawal::Model, WriteError> {
    let mut row = withdrawal::Entity::find_by_id(id.0).filter(withdrawal::Column::Method.eq(WithdrawalMethod::Stripe.as_str()));
    if locks(tx) {
        row = row.lock(LockType::NoKeyUpdate);
    }
    Ok(row.one(tx.db()).await?.ok_or_else(|| Refusal::not_found("withdrawalId", "withdrawal"))?)
}

/// Writes the row over the version that was locked, and tells its organization.
async fn write(tx: &Tx, mut row: withdrawal::Model) -> Result<Withdrawal, WriteError> {
    let version = row.version;
    row.version = version.saturating_add(1);
    let done = withdrawal::Entity::update_many()
        .set(withdrawal::ActiveModel::from(row.clone()).reset_all())
        .filter(withdrawal::Column::Id.eq(row.id))
        .filter(withdrawal::Column::Version.eq(version))
        .exec(tx.db())
        .await?;
    changed(done.rows_affected)?;
    let withdrawal = Withdrawal::try_from(row)?;
    tx.emit(news(&withdrawal)).await?;
    Ok(withdrawal)
}

fn state_of(row: &withdrawal::Model) -> Result<WithdrawalState, StoreError> {
    row.state.parse().map_err(StoreError::corrupt)
}

fn money_of(row: &withdrawal::Model, minor: i64) -> Result<Money, StoreError> {
    Ok(Money::new(minor, row.currency.parse().map_err(StoreError::corrupt)?))
}

async fn ledger_of(tx: &Tx, organization: OrganizationId, currency: Currency) -> Result<Ledger, WriteError> {
    let own = [AccountKind::Available, AccountKind::Payout, AccountKind::Receivable];
    let own = own.map(|kind| Account::of(organization, kind, currency));
    Ledger::lock(tx, own.into_iter().chain([Account::exchange(AccountKind::ExternalStripe, currency)])).await
}

/// The provider has moved the money to the connected account. Said again it changes nothing.
pub async fn withdrawal_sent(tx: &Tx, id: WithdrawalId, transfer: String, check_secs: i64) -> Result<Withdrawal, WriteError> {
    let mut row = lock(tx, id).await?;
    if state_of(&row)? != WithdrawalState::Requested {
        return Ok(row.try_into()?);
    }
    let amount = money_of(&row, row.amount_minor)?;
    let organization = OrganizationId(row.organization_id);
    let mut ledger = ledger_of(tx, organization, amount.currency).await?;
    ledger.record(&card::withdrawal_sent(id, organization, amount).map_err(StoreError::corrupt)?, Note::default())?;
    let now = ledger.now();
    ledger.flush().await?;
    row.state = WithdrawalState::Sent.as_str().to_owned();
    row.transfer_id = Some(transfer);
    row.failure = None;
    (row.sent_at, row.check_at) = (Some(now), Some(plus_secs(now, check_secs)));
    write(tx, row).await
}

/// The provider will not move the money: it is back in the wallet. Said again it changes nothing.
pub async fn withdrawal_refused(tx: &Tx, id: WithdrawalId, reason: String) -> Result<Withdrawal, WriteError> {
    let mut row = lock(tx, id).await?;
    if state_of(&row)? != WithdrawalState::Requested {
        return Ok(row.try_into()?);
    }
    let amount = money_of(&row, row.amount_minor)?;
    let organization = OrganizationId(row.organization_id);
    let mut ledger = ledger_of(tx, organization, amount.currency).await?;
    let owed = ledger.owed_minor(organization, amount.currency);
    let journal = event::withdrawal_failed(id, organization, amount, owed).map_err(StoreError::corrupt)?;
    ledger.record(&journal, Note::default())?;
    let now = ledger.now();
    ledger.flush().await?;
    row.state = WithdrawalState::Failed.as_str().to_owned();
    row.failure = Some(reason);
    (row.ended_at, row.check_at) = (Some(now), None);
    write(tx, row).await
}

/// The provider could not move the money now, and did not: it is asked again in `check_secs`, as a new attempt.
pub async fn withdrawal_waits(
    tx: &Tx,
    id: WithdrawalId,
    attempt: i64,
    reason: String,
    check_secs: i64,
) -> Result<Withdrawal, WriteError> {
    let mut row = lock(tx, id).await?;
    if state_of(&row)? != WithdrawalState::Requested || row.attempt != attempt {
        return Ok(row.try_into()?);
    }
    row.attempt = attempt.saturating_add(1);
    row.failure = Some(reason);
    row.check_at = Some(plus_secs(tx.now().await?, check_secs));
    write(tx, row).await
}

/// The provider says how much of the transfer was taken back in all: what is new of it returns to the wallet.
pub async fn withdrawal_reversed(tx: &Tx, id: WithdrawalId, reversed_minor: i64) -> Result<Withdrawal, WriteError> {
    let mut row = lock(tx, id).await?;
    let reversed_minor = reversed_minor.min(row.amount_minor);
    let new_minor = reversed_minor.saturating_sub(row.returned_minor);
    let has_left = matches!(state_of(&row)?, WithdrawalState::Sent | WithdrawalState::Paid | WithdrawalState::Returning);
    if new_minor <= 0 || !has_left {
        return Ok(row.try_into()?);
    }
    let amount = money_of(&row, new_minor)?;
    let (organization, id) = (OrganizationId(row.organization_id), tx.id::<WithdrawalReturnId>());
    let mut ledger = ledger_of(tx, organization, amount.currency).await?;
    let now = ledger.now();
    let returned = withdrawal_return::ActiveModel {
        id: Set(id.uuid()),
        withdrawal_id: Set(row.id),
        organization_id: Set(organization.0),
        amount_minor: Set(new_minor),
        currency: Set(row.currency.clone()),
        total_minor: Set(reversed_minor),
        created_at: Set(now),
    };
    withdrawal_return::Entity::insert(returned).exec_without_returning(tx.db()).await?;
    let owed = ledger.owed_minor(organization, amount.currency);
    let journal = card::withdrawal_returned(id, organization, amount, owed).map_err(StoreError::corrupt)?;
    ledger.record(&journal, Note::default())?;
    ledger.flush().await?;
    row.returned_minor = reversed_minor;
    row.return_asked_minor = row.return_asked_minor.max(reversed_minor);
    let state = after_return(row.amount_minor, row.return_asked_minor, reversed_minor, row.ended_at.is_some());
    row.state = state.as_str().to_owned();
    if state != WithdrawalState::Returning {
        (row.return_attempt, row.return_failure) = (0, None);
    }
    match state {
        WithdrawalState::Failed => {
            row.failure = row.failure.or_else(|| Some("the transfer was reversed".to_owned()));
            (row.ended_at, row.check_at) = (Some(now), None);
        }
        WithdrawalState::Paid => row.check_at = None,
        _ => {}
    }
    write(tx, row).await
}

/// The provider did not give back what a bank returned: it is asked again as a new attempt, `first_secs` after the first refusal and
/// ever more rarely, for as long as anything is owed.
pub async fn withdrawal_return_refused(
    tx: &Tx,
    id: WithdrawalId,
    attempt: i64,
    reason: String,
    first_secs: i64,
) -> Result<Withdrawal, WriteError> {
    let mut row = lock(tx, id).await?;
    if state_of(&row)? != WithdrawalState::Returning || row.return_attempt != attempt {
        return Ok(row.try_into()?);
    }
    row.return_attempt = attempt.saturating_add(1);
    row.return_failure = Some(reason);
    row.check_at = Some(plus_secs(tx.now().await?, return_pause_secs(attempt, first_secs)));
    write(tx, row).await
}

/// The connected account's bank has what was sent in a currency up to `until`; answers how many withdrawals that ends.
pub async fn withdrawals_paid_out(
    tx: &Tx,
    organization: OrganizationId,
    currency: Currency,
    until: Timestamp,
) -> Result<u64, WriteError> {
    let mut rows = of_account(organization, currency)
        .filter(is(withdrawal::Column::State, WithdrawalState::Sent.as_str()))
        .filter(withdrawal::Column::SentAt.lte(until));
    if locks(tx) {
        rows = rows.lock(LockType::NoKeyUpdate);
    }
    let (rows, now, mut ended) = (rows.all(tx.db()).await?, tx.now().await?, 0_u64);
    for mut row in rows {
        row.state = WithdrawalState::Paid.as_str().to_owned();
        (row.ended_at, row.check_at) = (Some(now), None);
        write(tx, row).await?;
        ended = ended.saturating_add(1);
    }
    Ok(ended)
}

/// The connected account's bank returned a payout: so much of what was sent last is to be taken back. Once for each payout.
pub async fn payout_failed(
    tx: &Tx,
    payout: String,
    organization: OrganizationId,
    amount: Money,
    reason: &str,
) -> Result<(), WriteError> {
    let now = tx.now().await?;
    let row = payout_failure::ActiveModel {
        payout_id: Set(payout),
        organization_id: Set(organization.0),
        amount_minor: Set(amount.minor),
        currency: Set(amount.currency.code().to_owned()),
        created_at: Set(now),
    };
    let keep = OnConflict::column(payout_failure::Column::PayoutId).do_nothing().to_owned();
    if payout_failure::Entity::insert(row).on_conflict(keep).exec_without_returning(tx.db()).await? == 0 {
        return Ok(());
    }
    let states = [WithdrawalState::Sent, WithdrawalState::Paid, WithdrawalState::Returning].map(WithdrawalState::as_str);
    let mut rows = of_account(organization, amount.currency).filter(withdrawal::Column::State.is_in(states));
    if locks(tx) {
        rows = rows.lock(LockType::NoKeyUpdate);
    }
    let mut left = amount.minor;
    for mut row in rows.order_by_desc(withdrawal::Column::Id).all(tx.db()).await? {
        let part = row.amount_minor.saturating_sub(row.return_asked_minor).min(left);
        if part > 0 {
            left = left.saturating_sub(part);
            row.return_asked_minor = row.return_asked_minor.saturating_add(part);
            row.state = WithdrawalState::Returning.as_str().to_owned();
            (row.return_attempt, row.return_failure) = (0, None);
            row.failure = Some(reason.to_owned());
            row.check_at = Some(now);
            write(tx, row).await?;
        }
    }
    if left > 0 {
        tracing::warn!("a connected account's bank returned more than was sent to it");
    }
    Ok(())
}

fn of_account(organization: OrganizationId, currency: Currency) -> Select<withdrawal::Entity> {
    withdrawal::Entity::find()
        .filter(withdrawal::Column::OrganizationId.eq(organization.0))
        .filter(withdrawal::Column::Method.eq(WithdrawalMethod::Stripe.as_str()))
        .filter(withdrawal::Column::Currency.eq(currency.code()))
}

impl Store {
    /// A withdrawal, whoever asks.
    pub async fn withdrawal(&self, id: WithdrawalId) -> Result<Option<Withdrawal>, StoreError> {
        withdrawal::Entity::find_by_id(id.0).one(self.read()).await?.map(Withdrawal::try_from).transpose()
    }

    /// The withdrawal that a transfer of the provider carried out.
    pub async fn withdrawal_of_transfer(&self, transfer: &str) -> Result<Option<Withdrawal>, StoreError> {
        let row = withdrawal::Entity::find().filter(withdrawal::Column::TransferId.eq(transfer)).one(self.read()).await?;
        row.map(Withdrawal::try_from).transpose()
    }
}
