//! The arbiter's desk: the disputes drawn to an arbiter, and deciding one.

use domain::access::StaffRole;
use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::dispute::{Command, Percent};
use domain::evidence::check_text;
use domain::id::{DisputeEntryId, DisputeId, OrganizationId, TypedId, UserId};
use domain::refusal::Refusal;
use serde::Serialize;
use serde_json::json;
use store::disputes::{Dispute, LeadLock, NewEntry, arbiter_draw, arbiter_tied, dispute_lock, dispute_move, entry_add};
use store::page::{Page, Slice};
use store::{Tx, WriteError};

use super::super::idempotency::idempotency_key;
use super::super::{App, AppError, Caller};
use super::answer::{assigned_entry, decided};
use super::text::text_sealed;
use super::{Answered, confirm_above, rules};

/// A ruling.
#[derive(Debug, Clone, Serialize)]
pub struct DisputeRule {
    /// In which dispute.
    pub dispute: DisputeId,
    /// What goes back to the buyer, in percent.
    pub refund_percent: i64,
    /// Why.
    pub grounds: String,
    /// The caller's key.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// A page of the disputes that wait for the caller, an arbiter.
pub async fn desk_disputes(app: &App, caller: &Caller, page: &Page<DisputeId>) -> Result<Slice<Dispute>, AppError> {
    let arbiter = caller.principal.require_staff(StaffRole::Arbiter)?;
    Ok(app.store.desk_disputes(arbiter, page).await?)
}

/// Rules in a dispute that waits for the caller. A large price takes a second arbiter's word.
pub async fn dispute_rule(app: &App, caller: &Caller, input: DisputeRule) -> Result<Dispute, AppError> {
    let arbiter = caller.principal.require_staff(StaffRole::Arbiter)?;
    let refund = Percent::new(input.refund_percent)?;
    let grounds = check_text("grounds", &input.grounds)?;
    let key = idempotency_key(keys_of(arbiter), &input.idempotency_key, "dispute_rule", &input)?;
    let entry: DisputeEntryId = app.store.id();
    let body = json!({ "refundPercent": refund.value(), "text": text_sealed(app, entry, &grounds)? });
    let done: Result<Option<Dispute>, WriteError> = app
        .store
        .write("dispute_rule", |tx| {
            let (key, body, id) = (key.clone(), body.clone(), input.dispute);
            async move {
                if let Some(Answered { dispute }) = tx.replayed(&key).await? {
                    return Ok(Some(dispute_lock(&tx, dispute).await?.0));
                }
                let Some((dispute, locked)) = on_desk(&tx, app, id, arbiter).await? else { return Ok(None) };
                let confirm = confirm_above(&app.config.exchange).applies_to(locked.trade(dispute.trade)?.price);
                let second = another(&tx, &dispute).await?;
                let command = Command::Rule { arbiter, refund, confirm, second };
                let new = NewEntry::of(DisputeEntryKind::Ruled, DisputeSide::Arbiter).by(Some(arbiter)).with(body);
                let next = step(&tx, app, (&dispute, &locked), command, NewEntry { id: Some(entry), ..new }).await?;
                tx.remember(&key, &Answered { dispute: id }).await?;
                Ok(Some(next))
            }
        })
        .await;
    Ok(done?.ok_or_else(nowhere)?)
}

/// Says whether the first arbiter's ruling stands, in a dispute that waits for the caller as the second.
pub async fn dispute_confirm(app: &App, caller: &Caller, id: DisputeId, agrees: bool, key: &str) -> Result<Dispute, AppError> {
    let arbiter = caller.principal.require_staff(StaffRole::Arbiter)?;
    let key = idempotency_key(keys_of(arbiter), key, "dispute_confirm", &(id, agrees))?;
    let kind = if agrees { DisputeEntryKind::Confirmed } else { DisputeEntryKind::Declined };
    let done: Result<Option<Dispute>, WriteError> = app
        .store
        .write("dispute_confirm", |tx| {
            let key = key.clone();
            async move {
                if let Some(Answered { dispute }) = tx.replayed(&key).await? {
                    return Ok(Some(dispute_lock(&tx, dispute).await?.0));
                }
                let Some((dispute, locked)) = on_desk(&tx, app, id, arbiter).await? else { return Ok(None) };
                let third = another(&tx, &dispute).await?;
                let command = Command::Confirm { arbiter, agrees, third };
                let entry = NewEntry::of(kind, DisputeSide::Arbiter).by(Some(arbiter));
                let next = step(&tx, app, (&dispute, &locked), command, entry).await?;
                tx.remember(&key, &Answered { dispute: id }).await?;
                Ok(Some(next))
            }
        })
        .await;
    Ok(done?.ok_or_else(nowhere)?)
}

/// Steps aside in a dispute that waits for the caller; another arbiter is drawn if one is free of ties.
pub async fn dispute_recuse(app: &App, caller: &Caller, id: DisputeId) -> Result<Dispute, AppError> {
    let arbiter = caller.principal.require_staff(StaffRole::Arbiter)?;
    let done: Result<Dispute, WriteError> = app
        .store
        .write("dispute_recuse", |tx| async move {
            let (dispute, locked) = waiting_for(&tx, id, arbiter).await?;
            let next = another(&tx, &dispute).await?;
            let entry = NewEntry::of(DisputeEntryKind::Recused, DisputeSide::Arbiter).by(Some(arbiter));
            step(&tx, app, (&dispute, &locked), Command::Recuse { arbiter, next }, entry).await
        })
        .await;
    Ok(done?)
}

/// The dispute, when it waits for `arbiter`; otherwise it does not exist.
async fn waiting_for(tx: &Tx, id: DisputeId, arbiter: UserId) -> Result<(Dispute, LeadLock), WriteError> {
    let (dispute, locked) = dispute_lock(tx, id).await?;
    if dispute.state().arbiter() == Some(arbiter) { Ok((dispute, locked)) } else { Err(nowhere().into()) }
}

/// The same for an arbiter who wants to look or to decide. One to whom a tie has arisen since the draw has the case no more:
/// `None`, and another was drawn.
pub(super) async fn on_desk(
    tx: &Tx,
    app: &App,
    id: DisputeId,
    arbiter: UserId,
) -> Result<Option<(Dispute, LeadLock)>, WriteError> {
    let (dispute, locked) = waiting_for(tx, id, arbiter).await?;
    if !arbiter_tied(tx, dispute.lead, arbiter).await? {
        return Ok(Some((dispute, locked)));
    }
    let now = tx.now().await?;
    if dispute.state().timer().is_some_and(|deadline| now < deadline) {
        let next = another(tx, &dispute).await?;
        let entry = NewEntry::of(DisputeEntryKind::Recused, DisputeSide::Exchange).with(json!({ "arbiterId": arbiter }));
        step(tx, app, (&dispute, &locked), Command::Recuse { arbiter, next }, entry).await?;
    }
    Ok(None)
}

/// What is not the arbiter's case does not exist for it.
pub(super) fn nowhere() -> Refusal {
    Refusal::not_found("disputeId", "dispute")
}

async fn another(tx: &Tx, dispute: &Dispute) -> Result<Option<UserId>, WriteError> {
    arbiter_draw(tx, dispute.lead, &dispute.state().served()).await
}

async fn step(tx: &Tx, app: &App, case: (&Dispute, &LeadLock), command: Command, entry: NewEntry) -> Result<Dispute, WriteError> {
    let (dispute, locked) = case;
    let decision = decided(tx, app, dispute, command).await?;
    entry_add(tx, dispute.id, entry).await?;
    assigned_entry(tx, dispute.id, &decision).await?;
    dispute_move(tx, dispute, decision, locked, &rules(&app.config.exchange)).await
}

/// Staff act for no organization; their idempotency keys are their own.
fn keys_of(arbiter: UserId) -> OrganizationId {
    OrganizationId(arbiter.uuid())
}
