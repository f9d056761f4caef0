//! Working on bought leads: calls, outcomes, and what to do next.

use domain::access::Permission;
use domain::evidence::CallAttempt;
use domain::id::{OrganizationId, TradeId, UserId};
use domain::outcome::{NextStep, Report};
use domain::refusal::Refusal;
use domain::time::Timestamp;
use store::calls::{Call, call_log};
use store::outcomes::{Recorded, Step, agent_check, next_step_complete, next_step_set, outcome_record};
use store::page::{Page, Slice};
use store::trades::{Trade, trade_lock};
use store::{Tx, WriteError};

use super::{App, AppError, Caller};

/// Logs a call on a bought lead.
pub async fn call_attempt_log(app: &App, caller: &Caller, trade: TradeId, attempt: CallAttempt) -> Result<Call, AppError> {
    let buyer = caller.principal.require(Permission::OutcomesWrite)?;
    let user = caller.principal.user();
    let logged: Result<Call, WriteError> = app
        .store
        .write("call_attempt_log", |tx| async move {
            let bought = bought(&tx, trade, buyer).await?;
            attempt.check(bought.sold_at, tx.now().await?)?;
            call_log(&tx, trade, buyer, attempt, user).await
        })
        .await;
    Ok(logged?)
}

/// Records what became of a bought lead; the history keeps what was recorded before.
pub async fn outcome_add(
    app: &App,
    caller: &Caller,
    trade: TradeId,
    report: Report,
    agent: Option<UserId>,
) -> Result<Recorded, AppError> {
    let buyer = caller.principal.require(Permission::OutcomesWrite)?;
    let user = caller.principal.user();
    let recorded: Result<Recorded, WriteError> = app
        .store
        .write("outcome_record", |tx| {
            let report = report.clone();
            async move {
                bought(&tx, trade, buyer).await?;
                let outcome = report.outcome(tx.now().await?)?;
                agent_check(&tx, buyer, agent).await?;
                outcome_record(&tx, trade, buyer, outcome, agent.or(user), user).await
            }
        })
        .await;
    Ok(recorded?)
}

/// Sets what is to be done next on a bought lead, in place of the step before.
pub async fn next_step(app: &App, caller: &Caller, trade: TradeId, step: NextStep) -> Result<Step, AppError> {
    let buyer = caller.principal.require(Permission::OutcomesWrite)?;
    let set: Result<Step, WriteError> = app
        .store
        .write("next_step_set", |tx| {
            let step = step.clone();
            async move {
                bought(&tx, trade, buyer).await?;
                agent_check(&tx, buyer, step.agent).await?;
                let step = step.checked(tx.now().await?)?;
                next_step_set(&tx, trade, buyer, step).await
            }
        })
        .await;
    Ok(set?)
}

/// Marks the open step on a bought lead as done.
pub async fn next_step_done(app: &App, caller: &Caller, trade: TradeId) -> Result<Step, AppError> {
    let buyer = caller.principal.require(Permission::OutcomesWrite)?;
    let done: Result<Step, WriteError> = app
        .store
        .write("next_step_complete", |tx| async move {
            bought(&tx, trade, buyer).await?;
            next_step_complete(&tx, trade, buyer).await
        })
        .await;
    Ok(done?)
}

/// The outcomes recorded on a trade of the caller's organization, oldest first.
pub async fn outcomes(app: &App, caller: &Caller, trade: TradeId) -> Result<Vec<Recorded>, AppError> {
    let buyer = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.outcomes_of(trade, buyer).await?)
}

/// The calls that the caller's organization logged on a trade, oldest first.
pub async fn call_attempts(app: &App, caller: &Caller, trade: TradeId) -> Result<Vec<Call>, AppError> {
    let buyer = caller.principal.require(Permission::TradesRead)?;
    if app.store.trade_of(trade, buyer).await?.is_none_or(|trade| trade.buyer != buyer) {
        return Ok(Vec::new());
    }
    Ok(app.store.calls_of(trade).await?)
}

/// The step set on a trade of the caller's organization.
pub async fn next_step_of(app: &App, caller: &Caller, trade: TradeId) -> Result<Option<Step>, AppError> {
    let buyer = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.next_step_of(trade, buyer).await?)
}

/// A page of the open steps of the caller's organization, the earliest due first.
pub async fn agenda(
    app: &App,
    caller: &Caller,
    agent: Option<UserId>,
    due_before: Option<Timestamp>,
    page: &Page<(Timestamp, TradeId)>,
) -> Result<Slice<Step>, AppError> {
    let buyer = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.agenda(buyer, agent, due_before, page).await?)
}

/// The trade, locked, when `buyer` bought it and has not had its money back; otherwise there is nothing to work on.
pub(super) async fn bought(tx: &Tx, id: TradeId, buyer: OrganizationId) -> Result<Trade, WriteError> {
    let trade = trade_lock(tx, id).await?;
    if trade.buyer != buyer {
        return Err(Refusal::not_found("tradeId", "trade").into());
    }
    if !trade.hold.shows_contact() {
        return Err(Refusal::wrong_state("the trade was refunded: the lead is no longer yours").at("tradeId").into());
    }
    Ok(trade)
}
