//! An appeal: once, with evidence that the first arbiter has not seen, before another.

use domain::access::Permission;
use domain::dispute::history::DisputeEntryKind;
use domain::dispute::{Command, NewEvidence, State, TradeParty};
use domain::id::DisputeId;
use serde::Serialize;
use store::calls::calls_logged;
use store::disputes::{Dispute, NewEntry, arbiter_draw, dispute_move, entry_add};
use store::{Tx, WriteError};

use super::super::idempotency::idempotency_key;
use super::super::{App, AppError, Caller};
use super::answer::{assigned_entry, decided, own};
use super::evidence::{Shown, prepared, show};
use super::{Answered, locked_for, rules};

/// An appeal.
#[derive(Debug, Clone, Serialize)]
pub struct DisputeAppeal {
    /// Against the ruling in which dispute.
    pub dispute: DisputeId,
    /// What the first arbiter did not see.
    pub shown: Shown,
    /// The caller's key.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// Appeals against a ruling that did not give the caller's organization everything.
pub async fn dispute_appeal(app: &App, caller: &Caller, input: DisputeAppeal) -> Result<Dispute, AppError> {
    let organization = caller.principal.require(Permission::DisputesWrite)?;
    let user = caller.principal.user();
    let key = idempotency_key(organization, &input.idempotency_key, "dispute_appeal", &input)?;
    let prepared = prepared(app, &input.shown)?;
    let done: Result<Answered, WriteError> = app
        .store
        .write("dispute_appeal", |tx| {
            let (input, key, prepared) = (input.clone(), key.clone(), prepared.clone());
            async move {
                if let Some(answered) = tx.replayed(&key).await? {
                    return Ok(answered);
                }
                let (dispute, locked, party) = locked_for(&tx, input.dispute, organization).await?;
                let arbiter = arbiter_draw(&tx, dispute.lead, &dispute.state().served()).await?;
                let new_evidence = NewEvidence {
                    texts: prepared.texts(),
                    files: prepared.files(),
                    calls: calls_since(&tx, &dispute, party).await?,
                };
                let command = Command::Appeal { by: party, new_evidence, arbiter };
                let decision = decided(&tx, app, &dispute, command).await?;
                entry_add(&tx, dispute.id, NewEntry::of(DisputeEntryKind::Appealed, party.into()).by(user)).await?;
                show(&tx, app, &dispute, party, (organization, user), &prepared).await?;
                assigned_entry(&tx, dispute.id, &decision).await?;
                dispute_move(&tx, &dispute, decision, &locked, &rules(&app.config.exchange)).await?;
                let answered = Answered { dispute: dispute.id };
                tx.remember(&key, &answered).await?;
                Ok(answered)
            }
        })
        .await;
    own(app, done?.dispute, organization).await
}

/// The calls that the buyer logged since the ruling. Only a buyer logs calls.
async fn calls_since(tx: &Tx, dispute: &Dispute, party: TradeParty) -> Result<u64, WriteError> {
    let (State::Ruled { ruling, .. }, TradeParty::Buyer) = (dispute.state(), party) else { return Ok(0) };
    let calls = calls_logged(tx, dispute.trade).await?;
    Ok(u64::try_from(calls.iter().filter(|call| call.recorded_at > ruling.at).count()).unwrap_or(u64::MAX))
}
