//! The exchange's own side of the ledger: verification, the money stop, corrections.

use domain::access::StaffRole;
use domain::id::OrganizationId;
use domain::ledger::Account;
use domain::money::Money;
use domain::refusal::Refusal;
use serde::Serialize;
use store::corrections::{self, Correction, CorrectionEnd};
use store::ledger::{MoneyStop, Report, StatementKey, StatementRow};
use store::page::{Page, Slice};

use super::idempotency::idempotency_key;
use super::wallet::text;
use super::{App, AppError, Caller};

const MEMO_MAX: usize = 500;

/// A correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CorrectionRecord {
    /// Where the money leaves.
    pub from: CorrectionEnd,
    /// Where it arrives.
    pub to: CorrectionEnd,
    /// How much.
    pub amount: Money,
    /// Why.
    pub memo: String,
}

/// Corrects a mistake by another journal. For operators.
pub async fn correction_record(app: &App, caller: &Caller, key: &str, input: CorrectionRecord) -> Result<Correction, AppError> {
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    let input = CorrectionRecord { memo: text("memo", &input.memo, MEMO_MAX)?, ..input };
    let key = idempotency_key(OrganizationId(operator.0), key, "correction_record", &input)?;
    app.store
        .write("correction_record", move |tx| {
            let (key, input) = (key.clone(), input.clone());
            async move {
                if let Some(earlier) = tx.replayed(&key).await? {
                    return Ok(earlier);
                }
                let CorrectionRecord { from, to, amount, memo } = input;
                let done = corrections::correction_record(&tx, from, to, amount, memo, operator).await?;
                tx.remember(&key, &done).await?;
                Ok::<_, AppError>(done)
            }
        })
        .await
}

/// The exchange's own accounts with their balances, in minor units. For operators.
pub async fn exchange_accounts(app: &App, caller: &Caller) -> Result<Vec<(Account, i64)>, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    Ok(app.store.exchange_accounts().await?)
}

/// A page of the statement of one of the exchange's own accounts, newest first. For operators.
pub async fn exchange_statement(
    app: &App,
    caller: &Caller,
    account: Account,
    page: &Page<StatementKey>,
) -> Result<Slice<StatementRow>, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    if !account.is_well_formed() {
        return Err(Refusal::invalid("account", "no account of the exchange").into());
    }
    Ok(app.store.exchange_statement(account, page).await?)
}

/// Checks every invariant; a broken one stops all movements of money. Run by the command line and the worker.
pub async fn ledger_check(app: &App) -> Result<Report, AppError> {
    let report = app.store.ledger_verify().await?;
    if let Some((invariant, row)) = report.first_broken() {
        tracing::error!(invariant, row, "the ledger is broken: movements of money are stopped");
        metrics::counter!("ledger_verify_broken").increment(1);
        app.store.money_stop_set(format!("{invariant}: {row}")).await?;
    }
    Ok(report)
}

/// Checks every invariant. For operators.
pub async fn ledger_verify(app: &App, caller: &Caller) -> Result<Report, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    ledger_check(app).await
}

/// The money stop, if there is one. For operators.
pub async fn money_stop(app: &App, caller: &Caller) -> Result<Option<MoneyStop>, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    Ok(app.store.money_stop().await?)
}

/// Lets money move again, after a verification that finds nothing. For operators.
pub async fn money_stop_lift(app: &App, caller: &Caller) -> Result<Report, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    let report = ledger_check(app).await?;
    if let Some((invariant, row)) = report.first_broken() {
        return Err(Refusal::wrong_state(format!("the ledger is still broken: {invariant}: {row}")).into());
    }
    if app.store.money_stop_lift().await? { Ok(report) } else { Err(Refusal::wrong_state("money is not stopped").into()) }
}
