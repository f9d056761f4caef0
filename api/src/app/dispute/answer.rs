//! The seller's answer, and the buyer's second thoughts.

use domain::access::Permission;
use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::dispute::{Command, Decision, TradeParty};
use domain::id::{DisputeId, OrganizationId, UserId};
use domain::refusal::{Code, Refusal};
use serde::Serialize;
use serde_json::json;
use store::disputes::{Dispute, LeadLock, NewEntry, arbiter_draw, dispute_move, entry_add, exhibits};
use store::{Tx, WriteError};

use super::super::idempotency::idempotency_key;
use super::super::{App, AppError, Caller};
use super::evidence::{Prepared, Shown, prepared, show};
use super::{Answered, locked_for, rules};

/// What the seller says to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Answer {
    /// It is right: the buyer has its money back.
    Accept,
    /// It is not: an arbiter decides.
    Contest,
}

/// The seller's answer.
#[derive(Debug, Clone, Serialize)]
pub struct DisputeRespond {
    /// To which dispute.
    pub dispute: DisputeId,
    /// What it says.
    pub answer: Answer,
    /// What it shows.
    pub shown: Shown,
    /// The caller's key.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// Accepts or contests a claim against the caller's organization. Contesting takes evidence.
pub async fn dispute_respond(app: &App, caller: &Caller, input: DisputeRespond) -> Result<Dispute, AppError> {
    let seller = caller.principal.require(Permission::DisputesWrite)?;
    let user = caller.principal.user();
    let key = idempotency_key(seller, &input.idempotency_key, "dispute_respond", &input)?;
    let prepared = prepared(app, &input.shown)?;
    let done: Result<Answered, WriteError> = app
        .store
        .write("dispute_respond", |tx| {
            let (input, key, prepared) = (input.clone(), key.clone(), prepared.clone());
            async move {
                if let Some(answered) = tx.replayed(&key).await? {
                    return Ok(answered);
                }
                let (dispute, locked, party) = locked_for(&tx, input.dispute, seller).await?;
                only(TradeParty::Seller, party, "the seller answers a claim")?;
                responded(&tx, app, &dispute, &locked, input.answer, (seller, user), &prepared).await?;
                let answered = Answered { dispute: dispute.id };
                tx.remember(&key, &answered).await?;
                Ok(answered)
            }
        })
        .await;
    own(app, done?.dispute, seller).await
}

async fn responded(
    tx: &Tx,
    app: &App,
    dispute: &Dispute,
    locked: &LeadLock,
    answer: Answer,
    by: (OrganizationId, Option<UserId>),
    prepared: &Prepared,
) -> Result<(), WriteError> {
    let shown = exhibits(tx, dispute).await?.of(TradeParty::Seller).saturating_add(prepared.pieces());
    let (command, kind) = match answer {
        Answer::Accept => (Command::Accept, DisputeEntryKind::Accepted),
        Answer::Contest => {
            let arbiter = arbiter_draw(tx, dispute.lead, &[]).await?;
            (Command::Contest { evidence: shown, arbiter }, DisputeEntryKind::Contested)
        }
    };
    let decision = decided(tx, app, dispute, command).await?;
    show(tx, app, dispute, TradeParty::Seller, by, prepared).await?;
    entry_add(tx, dispute.id, NewEntry::of(kind, DisputeSide::Seller).by(by.1)).await?;
    assigned_entry(tx, dispute.id, &decision).await?;
    dispute_move(tx, dispute, decision, locked, &rules(&app.config.exchange)).await?;
    Ok(())
}

/// Gives up a claim of the caller's organization before a ruling: the hold's clock goes on.
pub async fn dispute_withdraw(app: &App, caller: &Caller, id: DisputeId, key: &str) -> Result<Dispute, AppError> {
    let buyer = caller.principal.require(Permission::DisputesWrite)?;
    let user = caller.principal.user();
    let key = idempotency_key(buyer, key, "dispute_withdraw", &id)?;
    let done: Result<Answered, WriteError> = app
        .store
        .write("dispute_withdraw", |tx| {
            let key = key.clone();
            async move {
                if let Some(answered) = tx.replayed(&key).await? {
                    return Ok(answered);
                }
                let (dispute, locked, party) = locked_for(&tx, id, buyer).await?;
                only(TradeParty::Buyer, party, "the buyer withdraws a claim")?;
                if dispute.file.by_exchange {
                    return Err(Refusal::new(Code::Forbidden, "the exchange opened this review").at("disputeId").into());
                }
                let decision = decided(&tx, app, &dispute, Command::Withdraw).await?;
                entry_add(&tx, id, NewEntry::of(DisputeEntryKind::Withdrawn, DisputeSide::Buyer).by(user)).await?;
                dispute_move(&tx, &dispute, decision, &locked, &rules(&app.config.exchange)).await?;
                let answered = Answered { dispute: id };
                tx.remember(&key, &answered).await?;
                Ok(answered)
            }
        })
        .await;
    own(app, done?.dispute, buyer).await
}

/// What the rules say to `command` now.
pub(super) async fn decided(tx: &Tx, app: &App, dispute: &Dispute, command: Command) -> Result<Decision, WriteError> {
    let terms = rules(&app.config.exchange).terms;
    Ok(domain::dispute::decide(dispute.state().clone(), command, tx.now().await?, &terms)?)
}

/// Notes whom the decision puts in charge, if anybody.
pub(super) async fn assigned_entry(tx: &Tx, id: DisputeId, decision: &Decision) -> Result<(), WriteError> {
    if let Some(arbiter) = decision.state.arbiter() {
        let entry = NewEntry::of(DisputeEntryKind::Assigned, DisputeSide::Exchange);
        entry_add(tx, id, entry.with(json!({ "arbiterId": arbiter }))).await?;
    }
    Ok(())
}

fn only(wanted: TradeParty, party: TradeParty, message: &str) -> Result<(), Refusal> {
    if wanted == party { Ok(()) } else { Err(Refusal::wrong_state(message).at("disputeId")) }
}

pub(super) async fn own(app: &App, id: DisputeId, organization: OrganizationId) -> Result<Dispute, AppError> {
    app.store.dispute_of(id, organization).await?.ok_or_else(|| AppError::internal("a dispute is not there"))
}
