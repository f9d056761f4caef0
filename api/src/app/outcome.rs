//! Working on bought leads: calls, outcomes, and what to do next. What is written down about the person is sealed under the
//! trade's data key, which goes with the money or the person's consent.

use domain::access::Permission;
use domain::evidence::CallAttempt;
use domain::id::{OrganizationId, OutcomeId, TradeId, TypedId, UserId};
use domain::outcome::{NextStep, Outcome, Report};
use domain::refusal::Refusal;
use domain::time::Timestamp;
use store::calls::{Call, call_log};
use store::data_keys::KeyPurpose;
use store::outcomes::{NewOutcome, Recorded, Step, agent_check, next_step_complete, next_step_set, outcome_record};
use store::page::{Page, Slice};
use store::trades::{Trade, trade_lock};
use store::{Tx, WriteError};
use uuid::Uuid;

use super::data_keys::{data_key, data_keys};
use super::{App, AppError, Caller};
use crate::crypto::{Binding, DataKey};

/// Logs a call on a bought lead.
pub async fn call_attempt_log(app: &App, caller: &Caller, trade: TradeId, attempt: CallAttempt) -> Result<Call, AppError> {
    let buyer = caller.principal.require(Permission::OutcomesWrite)?;
    let user = caller.principal.user();
    let logged: Result<Call, WriteError> = app
        .store
        .write("call_attempt_log", |tx| async move {
            let bought = bought(&tx, trade, buyer, "tradeId").await?;
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
    app.store
        .write("outcome_record", |tx| {
            let report = report.clone();
            async move {
                bought(&tx, trade, buyer, "tradeId").await?;
                let outcome = report.outcome(tx.now().await?)?;
                agent_check(&tx, buyer, agent).await?;
                let id: OutcomeId = tx.id();
                let reason = match outcome.reason() {
                    Some(text) => Some(sealed(&tx, app, trade, reason_binding(id), text).await?),
                    None => None,
                };
                let new = NewOutcome { id, outcome, reason, agent: agent.or(user), recorded_by: user };
                Ok::<_, AppError>(outcome_record(&tx, trade, buyer, new).await?)
            }
        })
        .await
}

/// Sets what is to be done next on a bought lead, in place of the step before.
pub async fn next_step(app: &App, caller: &Caller, trade: TradeId, step: NextStep) -> Result<Step, AppError> {
    let buyer = caller.principal.require(Permission::OutcomesWrite)?;
    app.store
        .write("next_step_set", |tx| {
            let step = step.clone();
            async move {
                bought(&tx, trade, buyer, "tradeId").await?;
                agent_check(&tx, buyer, step.agent).await?;
                let step = step.checked(tx.now().await?)?;
                let note = match &step.note {
                    Some(text) => Some(sealed(&tx, app, trade, note_binding(trade), text).await?),
                    None => None,
                };
                Ok::<_, AppError>(next_step_set(&tx, trade, buyer, step, note).await?)
            }
        })
        .await
}

/// Marks the open step on a bought lead as done.
pub async fn next_step_done(app: &App, caller: &Caller, trade: TradeId) -> Result<Step, AppError> {
    let buyer = caller.principal.require(Permission::OutcomesWrite)?;
    let done: Result<Step, WriteError> = app
        .store
        .write("next_step_complete", |tx| async move {
            bought(&tx, trade, buyer, "tradeId").await?;
            next_step_complete(&tx, trade, buyer).await
        })
        .await;
    let read = steps_opened(app, vec![done?]).await?;
    read.into_iter().next().ok_or_else(|| AppError::internal("a step vanished"))
}

/// The outcomes recorded on a trade of the caller's organization, oldest first.
pub async fn outcomes(app: &App, caller: &Caller, trade: TradeId) -> Result<Vec<Recorded>, AppError> {
    let buyer = caller.principal.require(Permission::TradesRead)?;
    let mut recorded = app.store.outcomes_of(trade, buyer).await?;
    if recorded.iter().all(|outcome| outcome.reason.is_none()) {
        return Ok(recorded);
    }
    let keys = data_keys(app, KeyPurpose::Work, &[trade.uuid()]).await?;
    for Recorded { id, outcome, reason: sealed, .. } in &mut recorded {
        if let (Outcome::RefusedToBuy { reason }, Some(sealed)) = (outcome, sealed) {
            *reason = keys.open_text(trade.uuid(), reason_binding(*id), sealed)?;
        }
    }
    Ok(recorded)
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
    let set = app.store.next_step_of(trade, buyer).await?;
    Ok(steps_opened(app, set.into_iter().collect()).await?.into_iter().next())
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
    let Slice { rows, has_next } = app.store.agenda(buyer, agent, due_before, page).await?;
    Ok(Slice { rows: steps_opened(app, rows).await?, has_next })
}

/// The trade, locked, when `buyer` bought it and has not had its money back; otherwise there is nothing to work on. Refusals
/// are at `field`.
pub(super) async fn bought(tx: &Tx, id: TradeId, buyer: OrganizationId, field: &str) -> Result<Trade, WriteError> {
    let trade = trade_lock(tx, id).await?;
    if trade.buyer != buyer {
        return Err(Refusal::not_found(field, "trade").into());
    }
    if !trade.hold.shows_contact() {
        return Err(Refusal::wrong_state("the trade was refunded: the lead is no longer yours").at(field).into());
    }
    Ok(trade)
}

/// The key under which the buyer of a trade, which the caller has locked, writes about the person; refused at `field` once
/// it was destroyed.
pub(super) async fn work_key(tx: &Tx, app: &App, trade: TradeId, field: &str) -> Result<DataKey, AppError> {
    let gone = || Refusal::wrong_state("the person was erased: nothing more is written down about them").at(field);
    Ok(data_key(tx, app, KeyPurpose::Work, trade.uuid()).await?.ok_or_else(gone)?)
}

const fn reason_binding(outcome: OutcomeId) -> Binding {
    Binding { purpose: "outcome.reason", object: outcome.0 }
}

const fn note_binding(trade: TradeId) -> Binding {
    Binding { purpose: "next_step.note", object: trade.0 }
}

async fn sealed(tx: &Tx, app: &App, trade: TradeId, binding: Binding, text: &str) -> Result<Vec<u8>, AppError> {
    let key = work_key(tx, app, trade, "tradeId").await?;
    key.seal(app.entropy.as_ref(), binding, text.as_bytes()).map_err(AppError::internal)
}

/// The steps with their notes opened.
async fn steps_opened(app: &App, mut steps: Vec<Step>) -> Result<Vec<Step>, AppError> {
    let noted: Vec<Uuid> = steps.iter().filter(|step| step.note.is_some()).map(|step| step.trade.uuid()).collect();
    let keys = data_keys(app, KeyPurpose::Work, &noted).await?;
    for Step { trade, step, note: sealed, .. } in &mut steps {
        if let Some(sealed) = sealed {
            step.note = keys.open_text(trade.uuid(), note_binding(*trade), sealed)?;
        }
    }
    Ok(steps)
}
