//! A person takes consent back: what was not delivered is undone, who they are is destroyed, and nobody may bring them again.

use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::dispute::{Command, RefundCause, decide};
use domain::id::{LeadId, TypedId, UserId};
use domain::lead::LeadState;
use domain::refusal::Refusal;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::disputes::{LeadLock, NewEntry, Rules, dispute_move, entry_add, lead_lock};
use crate::entity::trade;
use crate::error::{StoreError, WriteError};
use crate::leads::LeadScope;
use crate::listings::listing_void;
use crate::outbox::Event;
use crate::trades::trade_refund;
use crate::write::Tx;

/// What a withdrawal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// The lead.
    pub lead: LeadId,
    /// Its state: erased.
    pub state: LeadState,
    /// Trades that were refunded, since nothing had been delivered.
    pub refunded: u64,
}

/// Ends everything about the lead that the person has not been delivered by yet, destroys its contact data and what buyers
/// wrote down about the person, and puts the person on the do-not-contact list. A second withdrawal finds nothing to do.
pub async fn consent_withdraw(tx: &Tx, id: LeadId, rules: &Rules, by: Option<UserId>) -> Result<Withdrawn, WriteError> {
    listing_void(tx, id).await?;
    let locked = lead_lock(tx, id).await?;
    let lead = || Refusal::not_found("leadId", "lead");
    tx.lead_locked(LeadScope::Exchange, id).await?.ok_or_else(lead)?;
    all_locked(tx, id, &locked).await?;
    let mut refunded = 0_u64;
    for trade in locked.trades.iter().filter(|trade| trade.delivered_at.is_none() && trade.hold.shows_contact()) {
        if let Some(dispute) = locked.open_dispute_of(trade.id) {
            let command = Command::Refund { cause: RefundCause::ConsentWithdrawn };
            let decision = decide(dispute.state().clone(), command, tx.now().await?, &rules.terms)?;
            entry_add(tx, dispute.id, NewEntry::of(DisputeEntryKind::Overtaken, DisputeSide::Exchange)).await?;
            dispute_move(tx, dispute, decision, &locked, rules).await?;
        } else {
            // Also a trade whose hold ran out unseen: its buyer paid for what it can never get.
            trade_refund(tx, trade.id).await?;
        }
        refunded = refunded.saturating_add(1);
    }
    suppress(tx, id, by).await?;
    tx.lead_contact_destroy(id).await?;
    // A dispute that this ended may have moved the lead.
    let now = tx.lead_locked(LeadScope::Exchange, id).await?.ok_or_else(lead)?;
    if now.state != LeadState::Erased {
        let erased = tx.lead_move(&now, LeadState::Erased).await?;
        let payload = serde_json::json!({ "state": LeadState::Erased.as_str() });
        tx.emit(Event { topic: "lead.updated", subject_id: id.uuid(), audience: vec![erased.seller], payload }).await?;
    }
    Ok(Withdrawn { lead: id, state: LeadState::Erased, refunded })
}

/// Whether a listing or a trade has come since the locks were taken, before the lead's own, under which neither can: what
/// comes first in the order of the locks cannot be locked now.
async fn all_locked(tx: &Tx, id: LeadId, locked: &LeadLock) -> Result<(), WriteError> {
    let listed = tx.lead_ties(id).await?.listed;
    let trades = trade::Entity::find().filter(trade::Column::LeadId.eq(id.0)).count(tx.db()).await?;
    let all = !listed && usize::try_from(trades).is_ok_and(|trades| trades == locked.trades.len());
    if all { Ok(()) } else { Err(StoreError::Overtaken.into()) }
}

/// Puts every way to reach the person on the do-not-contact list.
async fn suppress(tx: &Tx, lead: LeadId, by: Option<UserId>) -> Result<(), StoreError> {
    tx.lead_suppress(lead, None, "the person withdrew consent", "consentWithdraw", by).await
}
