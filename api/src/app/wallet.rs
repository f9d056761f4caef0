//! Wallets and their statements, deposits and withdrawals.

use domain::access::{Permission, StaffRole};
use domain::id::{DepositId, OrganizationId, UserId, WithdrawalId};
use domain::ledger::WalletAccount;
use domain::money::{Currency, Money};
use domain::refusal::{Code, Refusal};
use domain::withdrawal::WithdrawalState;
use serde::Serialize;
use store::deposits::{self, Deposit};
use store::ledger::{StatementKey, StatementRow, Wallet};
use store::page::{Page, Slice};
use store::withdrawals::{self, Route, Withdrawal, WithdrawalAnswer};

use super::email_verification::require_verified_email;
use super::idempotency::idempotency_key;
use super::{App, AppError, Caller};

/// The longest bank reference, in characters: SEPA's remittance information.
pub(super) const REFERENCE_MAX: usize = 140;
/// How many rows of a download are read at a time.
const DOWNLOAD_ROWS: u64 = 1_000;
/// The longest remark, in characters.
const MEMO_MAX: usize = 500;

/// Which statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementOf {
    /// Whose; only an operator names another organization than its own.
    pub organization: Option<OrganizationId>,
    /// Which account.
    pub account: WalletAccount,
    /// In which currency.
    pub currency: Currency,
}

/// A bank transfer that came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DepositRecord {
    /// Whose wallet.
    pub organization: OrganizationId,
    /// How much.
    pub amount: Money,
    /// How the bank names the transfer.
    pub bank_reference: String,
}

/// How a withdrawal ended at the bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithdrawalEnd {
    /// Which.
    pub withdrawal: WithdrawalId,
    /// The bank's reference of the payment, or its reason to return it.
    pub text: String,
}

/// The organization whose wallet the caller may read: its own, or, for an operator, the one that it names.
pub fn wallet_owner(caller: &Caller, organization: Option<OrganizationId>) -> Result<OrganizationId, Refusal> {
    if caller.principal.require_staff(StaffRole::Operator).is_ok() {
        return organization.ok_or_else(|| Refusal::required("organizationId"));
    }
    let own = caller.principal.require(Permission::WalletRead)?;
    match organization {
        Some(other) if other != own => Err(Refusal::not_found("organizationId", "organization")),
        _ => Ok(own),
    }
}

/// As [`wallet_owner`]; `None`, which is all of them, for an operator who names none.
pub(super) fn wallet_owner_or_all(
    caller: &Caller,
    organization: Option<OrganizationId>,
) -> Result<Option<OrganizationId>, Refusal> {
    let all = organization.is_none() && caller.principal.require_staff(StaffRole::Operator).is_ok();
    if all { Ok(None) } else { wallet_owner(caller, organization).map(Some) }
}

/// The balances of an organization.
pub async fn wallet(
    app: &App,
    caller: &Caller,
    organization: Option<OrganizationId>,
) -> Result<(OrganizationId, Wallet), AppError> {
    let owner = wallet_owner(caller, organization)?;
    Ok((owner, app.store.wallet(owner).await?))
}

/// A page of a statement, newest first.
pub async fn wallet_statement(
    app: &App,
    caller: &Caller,
    of: StatementOf,
    page: &Page<StatementKey>,
) -> Result<Slice<StatementRow>, AppError> {
    let owner = wallet_owner(caller, of.organization)?;
    Ok(app.store.statement(owner, of.account.into(), of.currency, page).await?)
}

/// The rows of a statement behind `after`, oldest first, a bounded number; for a download.
pub async fn statement_rows(
    app: &App,
    caller: &Caller,
    of: StatementOf,
    after: StatementKey,
) -> Result<Vec<StatementRow>, AppError> {
    let owner = wallet_owner(caller, of.organization)?;
    Ok(app.store.statement_forward(owner, of.account.into(), of.currency, after, DOWNLOAD_ROWS).await?)
}

/// Records a bank transfer that came in. For operators.
pub async fn deposit_record(app: &App, caller: &Caller, key: &str, input: DepositRecord) -> Result<Deposit, AppError> {
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    let input = DepositRecord { bank_reference: text("bankReference", &input.bank_reference, REFERENCE_MAX)?, ..input };
    let key = idempotency_key(OrganizationId(operator.0), key, "deposit_record", &input)?;
    app.store
        .write("deposit_record", move |tx| {
            let (key, input) = (key.clone(), input.clone());
            async move {
                if let Some(earlier) = tx.replayed(&key).await? {
                    return Ok(earlier);
                }
                let done =
                    deposits::deposit_record(&tx, input.organization, input.amount, input.bank_reference, operator).await?;
                tx.remember(&key, &done).await?;
                Ok::<_, AppError>(done)
            }
        })
        .await
}

/// Asks for money out. Refused while the organization owes the exchange.
pub async fn withdrawal_request(app: &App, caller: &Caller, key: &str, amount: Money) -> Result<Withdrawal, AppError> {
    let organization = caller.principal.require(Permission::WalletWrite)?;
    require_verified_email(app, caller).await?;
    let key = idempotency_key(organization, key, "withdrawal_request", &amount)?;
    let principal = caller.principal.clone();
    app.store
        .write("withdrawal_request", move |tx| {
            let (key, principal) = (key.clone(), principal.clone());
            async move {
                if let Some(earlier) = tx.replayed(&key).await? {
                    return Ok(earlier);
                }
                let done = withdrawals::withdrawal_request(&tx, organization, amount, &principal, Route::Bank).await?;
                tx.remember(&key, &done).await?;
                Ok::<_, AppError>(done)
            }
        })
        .await
}

/// The bank carried a withdrawal out. For operators; `text` is the bank's reference.
pub async fn withdrawal_confirm(app: &App, caller: &Caller, key: &str, input: WithdrawalEnd) -> Result<Withdrawal, AppError> {
    let reference = text("bankReference", &input.text, REFERENCE_MAX);
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    let by = (OrganizationId(operator.0), Some(operator));
    withdrawal_end(app, by, ("withdrawal_confirm", key), &input, WithdrawalAnswer::Paid(reference?)).await
}

/// The bank returned a withdrawal: the money is back in the wallet. For operators; `text` is the reason.
pub async fn withdrawal_fail(app: &App, caller: &Caller, key: &str, input: WithdrawalEnd) -> Result<Withdrawal, AppError> {
    let reason = text("reason", &input.text, MEMO_MAX);
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    let by = (OrganizationId(operator.0), Some(operator));
    withdrawal_end(app, by, ("withdrawal_fail", key), &input, WithdrawalAnswer::Failed(reason?)).await
}

/// Takes a withdrawal of the caller's back that the bank has not answered; `text` is left empty.
pub async fn withdrawal_cancel(app: &App, caller: &Caller, key: &str, input: WithdrawalEnd) -> Result<Withdrawal, AppError> {
    let organization = caller.principal.require(Permission::WalletWrite)?;
    let by = (organization, caller.principal.user());
    withdrawal_end(app, by, ("withdrawal_cancel", key), &input, WithdrawalAnswer::Cancelled(organization)).await
}

/// A page of withdrawals, newest first: the organization's own, or for an operator those of one or of all.
pub async fn withdrawals(
    app: &App,
    caller: &Caller,
    organization: Option<OrganizationId>,
    state: Option<WithdrawalState>,
    page: &Page<WithdrawalId>,
) -> Result<Slice<Withdrawal>, AppError> {
    let owner = wallet_owner_or_all(caller, organization)?;
    Ok(app.store.withdrawals(owner, state, page).await?)
}

/// A page of deposits, newest first: the organization's own, or for an operator those of one or of all.
pub async fn deposits(
    app: &App,
    caller: &Caller,
    organization: Option<OrganizationId>,
    page: &Page<DepositId>,
) -> Result<Slice<Deposit>, AppError> {
    let owner = wallet_owner_or_all(caller, organization)?;
    Ok(app.store.deposits(owner, page).await?)
}

/// Those of `ids` that are the organization's own, or any for an operator, in no order.
pub async fn withdrawals_many(app: &App, caller: &Caller, ids: &[WithdrawalId]) -> Result<Vec<Withdrawal>, AppError> {
    let owner = wallet_owner_or_all(caller, None)?;
    Ok(app.store.withdrawals_many(owner, ids).await?)
}

async fn withdrawal_end(
    app: &App,
    (key_owner, by): (OrganizationId, Option<UserId>),
    (operation, key): (&'static str, &str),
    input: &WithdrawalEnd,
    answer: WithdrawalAnswer,
) -> Result<Withdrawal, AppError> {
    let id = input.withdrawal;
    let key = idempotency_key(key_owner, key, operation, input)?;
    app.store
        .write(operation, move |tx| {
            let (key, answer) = (key.clone(), answer.clone());
            async move {
                if let Some(earlier) = tx.replayed(&key).await? {
                    return Ok(earlier);
                }
                let done = withdrawals::withdrawal_end(&tx, id, answer, by).await?;
                tx.remember(&key, &done).await?;
                Ok::<_, AppError>(done)
            }
        })
        .await
}

/// A text of people, trimmed: not empty, not too long, without control characters.
pub(super) fn text(field: &str, text: &str, max: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::required(field));
    }
    if text.chars().count() > max {
        return Err(Refusal::new(Code::TooLarge, format!("at most {max} characters")).at(field));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::invalid(field, "no control characters"));
    }
    Ok(text.to_owned())
}
