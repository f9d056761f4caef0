//! What a decision does: the dispute's row, the money, both reputations, the lead, and the others who bought it.

use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::dispute::{Command, Decision, Percent, RefundCause, Settlement, decide};
use domain::id::{LeadId, TypedId};
use domain::lead::LeadState;
use domain::reputation::Tally;
use domain::trade::{RefundPart, TradeState};
use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;

use super::due::Rules;
use super::entries::{NewEntry, entry_add};
use super::ring::siblings_review;
use super::row::{self, Dispute, LeadLock};
use crate::entity::lead;
use crate::error::{StoreError, WriteError};
use crate::listings::listing_void_later;
use crate::outbox::Event;
use crate::reputation::{Side, tally_add};
use crate::trades::{Commission, trade_refund, trade_resume, trade_split};
use crate::write::Tx;

/// Writes what was decided about `dispute` and everything that follows from it. `locked` holds the lead's trades and
/// disputes as they were before the decision.
pub async fn dispute_move(
    tx: &Tx,
    dispute: &Dispute,
    decision: Decision,
    locked: &LeadLock,
    rules: &Rules,
) -> Result<Dispute, WriteError> {
    let next = row::write(tx, dispute, decision.state).await?;
    if let Some(settlement) = decision.settlement {
        dispute_settle(tx, &next, settlement, locked, rules).await?;
    }
    Ok(next)
}

/// What follows when `dispute` has ended: called by itself for one that was proved as it was opened.
pub async fn dispute_settle(
    tx: &Tx,
    dispute: &Dispute,
    settlement: Settlement,
    locked: &LeadLock,
    rules: &Rules,
) -> Result<(), WriteError> {
    let fake = dispute.is_pseudo() && dispute.state().proved() == Some(Percent::ALL);
    if fake {
        siblings_review(tx, dispute, rules).await?;
    }
    money(tx, dispute, settlement).await?;
    if let Some(proved) = dispute.state().proved() {
        tally_add(tx, dispute.seller, Side::Seller, |tally: Tally| tally.with_decided(proved)).await?;
        // A review that the exchange opened says nothing about a buyer who claimed nothing.
        if !dispute.file.by_exchange {
            tally_add(tx, dispute.buyer, Side::Buyer, |tally: Tally| tally.with_decided(proved)).await?;
        }
    }
    if matches!(settlement, Settlement::Settle { refund: Percent::ALL, .. }) {
        quarantine(tx, dispute.lead).await?;
    }
    if fake {
        class_refund(tx, dispute, locked, rules).await?;
    }
    Ok(())
}

async fn money(tx: &Tx, dispute: &Dispute, settlement: Settlement) -> Result<(), WriteError> {
    let Settlement::Settle { refund, commission_waived } = settlement else {
        trade_resume(tx, dispute.trade, Commission::Taken).await?;
        return Ok(());
    };
    let commission = if commission_waived { Commission::Waived } else { Commission::Taken };
    match refund {
        Percent::ALL => trade_refund(tx, dispute.trade).await?,
        Percent::NONE => trade_resume(tx, dispute.trade, commission).await?,
        part => {
            let part = RefundPart::new(i64::from(part.value()).saturating_mul(100))?;
            trade_split(tx, dispute.trade, part, commission).await?
        }
    };
    Ok(())
}

/// Nobody may list the lead or buy it any more.
async fn quarantine(tx: &Tx, lead: LeadId) -> Result<(), WriteError> {
    let done = lead::Entity::update_many()
        .col_expr(lead::Column::State, Expr::value(LeadState::Quarantined.as_str()))
        .col_expr(lead::Column::UpdatedAt, Expr::value(tx.now().await?))
        .col_expr(lead::Column::Version, Expr::col(lead::Column::Version).add(1))
        .filter(lead::Column::Id.eq(lead.0))
        .filter(lead::Column::State.is_not_in([LeadState::Quarantined.as_str(), LeadState::Erased.as_str()]))
        .exec(tx.db())
        .await?;
    if done.rows_affected == 1 {
        let row = lead::Entity::find_by_id(lead.0).one(tx.db()).await?.ok_or(StoreError::Misuse("a lead vanished"))?;
        let payload = serde_json::json!({ "state": LeadState::Quarantined.as_str() });
        let audience = vec![row.seller_id.into()];
        tx.emit(Event { topic: "lead.updated", subject_id: lead.uuid(), audience, payload }).await?;
        listing_void_later(tx, lead).await?;
    }
    Ok(())
}

/// The lead is fake: everybody else who bought it has the money back, with or without a dispute of their own, and whatever
/// was decided of one before.
async fn class_refund(tx: &Tx, dispute: &Dispute, locked: &LeadLock, rules: &Rules) -> Result<(), WriteError> {
    // What the same buyer claimed before a review found the same is no longer unfounded either.
    for before in locked.disputes_of(dispute.trade).filter(|before| before.id != dispute.id) {
        overtake(tx, before, dispute, rules).await?;
    }
    let others = locked.trades.iter().filter(|trade| trade.id != dispute.trade);
    for trade in others.filter(|trade| trade.hold.state() != TradeState::Refunded) {
        for other in locked.disputes_of(trade.id) {
            overtake(tx, other, dispute, rules).await?;
        }
        trade_refund(tx, trade.id).await?;
        let decided = locked.disputes_of(trade.id).filter_map(|other| other.state().proved()).max();
        tally_add(tx, trade.seller, Side::Seller, |tally: Tally| anew(tally, decided)).await?;
    }
    Ok(())
}

/// What `cause` means for another buyer's dispute: it ends if it has not, and is no longer unfounded.
async fn overtake(tx: &Tx, other: &Dispute, cause: &Dispute, rules: &Rules) -> Result<(), WriteError> {
    let decided = other.state().proved();
    if !other.state().is_final() {
        let command = Command::Refund { cause: RefundCause::ClassRefund };
        let decision = decide(other.state().clone(), command, tx.now().await?, &rules.terms)?;
        row::write(tx, other, decision.state).await?;
        let entry = NewEntry::of(DisputeEntryKind::Overtaken, DisputeSide::Exchange);
        entry_add(tx, other.id, entry.with(serde_json::json!({ "by": cause.id }))).await?;
    } else if decided.is_none() {
        return Ok(());
    } else {
        row::dispute_announce(tx, other).await?;
    }
    if !other.file.by_exchange {
        tally_add(tx, other.buyer, Side::Buyer, |tally: Tally| anew(tally, decided)).await?;
    }
    Ok(())
}

/// The tally once everything is proved, in place of what was `decided` before.
fn anew(tally: Tally, decided: Option<Percent>) -> Tally {
    match decided {
        Some(was) => tally.with_redecided(was, Percent::ALL),
        None => tally.with_decided(Percent::ALL),
    }
}
