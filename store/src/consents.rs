//! A person takes consent back: what was not delivered is undone, who they are is destroyed, and nobody may bring them again.

use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::dispute::{Command, RefundCause, decide};
use domain::id::{LeadId, TypedId, UserId};
use domain::lead::LeadState;
use domain::refusal::Refusal;

use crate::disputes::{NewEntry, Rules, dispute_move, entry_add, lead_lock};
use crate::error::{StoreError, WriteError};
use crate::leads::{LeadScope, StoredLead};
use crate::listings::listing_void;
use crate::outbox::Event;
use crate::trades::trade_refund;
use crate::write::Tx;

/// What a withdrawal did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    /// The lead, erased.
    pub lead: StoredLead,
    /// Trades that were refunded, since nothing had been delivered.
    pub refunded: u64,
}

/// Ends everything about the lead that the person has not been delivered by yet, destroys its contact data, and puts the
/// person on the do-not-contact list. `scope` says whose lead it may be; a second withdrawal changes nothing.
pub async fn consent_withdraw(
    tx: &Tx,
    lead: LeadId,
    scope: LeadScope,
    rules: &Rules,
    by: Option<UserId>,
) -> Result<Withdrawn, WriteError> {
    let voided = listing_void(tx, lead).await?;
    let locked = lead_lock(tx, lead).await?;
    let before = tx.lead_locked(scope, lead).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
    if before.state == LeadState::Erased && voided.is_none() {
        // What the seller erased is gone already; that nobody may bring the person again is still to be said.
        suppress(tx, lead, by).await?;
        return Ok(Withdrawn { lead: before, refunded: 0 });
    }
    let mut refunded = 0_u64;
    for trade in locked.trades.iter().filter(|trade| trade.hold.is_open() && trade.delivered_at.is_none()) {
        let open = locked.dispute_of(trade.id).filter(|dispute| !dispute.state().is_final());
        if let Some(dispute) = open {
            let command = Command::Refund { cause: RefundCause::ConsentWithdrawn };
            let decision = decide(dispute.state().clone(), command, tx.now().await?, &rules.terms)?;
            entry_add(tx, dispute.id, NewEntry::of(DisputeEntryKind::Overtaken, DisputeSide::Exchange)).await?;
            dispute_move(tx, dispute, decision, &locked, rules).await?;
        } else {
            trade_refund(tx, trade.id).await?;
        }
        refunded = refunded.saturating_add(1);
    }
    tx.lead_contact_destroy(lead).await?;
    // A dispute that this ended may have moved the lead.
    let now = tx.lead_locked(LeadScope::Exchange, lead).await?.ok_or(StoreError::Misuse("a lead vanished"))?;
    let erased = tx.lead_move(&now, LeadState::Erased).await?;
    suppress(tx, lead, by).await?;
    let payload = serde_json::json!({ "state": LeadState::Erased.as_str() });
    tx.emit(Event { topic: "lead.updated", subject_id: lead.uuid(), audience: vec![erased.seller], payload }).await?;
    Ok(Withdrawn { lead: erased, refunded })
}

/// Puts every way to reach the person on the do-not-contact list.
async fn suppress(tx: &Tx, lead: LeadId, by: Option<UserId>) -> Result<(), StoreError> {
    tx.lead_suppress(lead, None, "the person withdrew consent", "consentWithdraw", by).await
}
