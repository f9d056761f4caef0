//! When a lead was proved fake, its seller's siblings that are still held are looked at by an arbiter.

use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::dispute::reason::{DisputeDetail, DisputeReason};
use domain::dispute::{Level, Review, Stage, State};
use domain::id::TradeId;
use domain::time::plus_secs;
use domain::trade::TradeState;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QueryOrder, QuerySelect};

use super::arbiters::arbiter_draw;
use super::due::Rules;
use super::entries::{NewEntry, entry_add};
use super::facts::{facts_known, siblings};
use super::row::{CaseFile, Dispute, NewDispute, dispute_insert};
use crate::db::Backend;
use crate::entity::{dispute, lead, trade};
use crate::error::{StoreError, WriteError};
use crate::trades::{Trade, trade_freeze};
use crate::words::is;
use crate::write::Tx;

/// Freezes the seller's held trades of leads that came from the same hand and puts each before an arbiter. A slip of the
/// keyboard makes no ring.
pub(super) async fn siblings_review(tx: &Tx, dispute: &Dispute, rules: &Rules) -> Result<(), WriteError> {
    let reason = dispute.proven_reason();
    if reason == DisputeReason::Mistake {
        return Ok(());
    }
    let row = lead::Entity::find_by_id(dispute.lead.0).one(tx.db()).await?.ok_or(StoreError::Misuse("a lead vanished"))?;
    let siblings = siblings(tx, &row, &rules.ring).await?;
    if siblings.is_empty() || !rules.ring.is_ring(u64::try_from(siblings.len()).unwrap_or(u64::MAX)) {
        return Ok(());
    }
    let mut held = trade::Entity::find()
        .filter(trade::Column::LeadId.is_in(siblings.iter().map(|id| id.0)))
        .filter(trade::Column::SellerId.eq(dispute.seller.0))
        .filter(is(trade::Column::State, TradeState::Held.as_str()))
        .order_by_asc(trade::Column::Id);
    if tx.backend() == Backend::Postgres {
        held = held.lock(LockType::NoKeyUpdate);
    }
    for row in held.all(tx.db()).await? {
        let trade = Trade::try_from(row)?;
        if !reviewed_before(tx, trade.id).await? && trade.hold.freeze(tx.now().await?).is_ok() {
            review_open(tx, dispute, &trade, rules).await?;
        }
    }
    Ok(())
}

/// A claim that the buyer gave up or lost is no review: it was about something else, or came before the ring was known.
async fn reviewed_before(tx: &Tx, trade: TradeId) -> Result<bool, WriteError> {
    let of_trade = dispute::Entity::find().filter(dispute::Column::TradeId.eq(trade.0));
    Ok(of_trade.filter(dispute::Column::ByExchange.eq(true)).count(tx.db()).await? > 0)
}

async fn review_open(tx: &Tx, cause: &Dispute, trade: &Trade, rules: &Rules) -> Result<(), WriteError> {
    let trade = trade_freeze(tx, trade.id).await?;
    let assigned = arbiter_draw(tx, trade.lead, &[]).await?;
    let review = Review {
        assigned,
        rule_by: plus_secs(tx.now().await?, rules.terms.review_secs),
        stage: Stage::Ruling,
        level: Level::First,
        served: Vec::new(),
    };
    let facts = facts_known(tx, &trade, rules.duplicate_window_secs, &rules.ring).await?;
    let new = NewDispute {
        id: tx.id(),
        reason: cause.proven_reason(),
        detail: DisputeDetail::MassSubmission,
        file: CaseFile { state: State::UnderReview(review), proof: None, by_exchange: true, facts },
    };
    let dispute = dispute_insert(tx, new, &trade).await?;
    let body = serde_json::json!({ "siblingOf": cause.lead });
    entry_add(tx, dispute.id, NewEntry::of(DisputeEntryKind::ReviewOpened, DisputeSide::Exchange).with(body)).await?;
    if let Some(arbiter) = assigned {
        let entry = NewEntry::of(DisputeEntryKind::Assigned, DisputeSide::Exchange);
        entry_add(tx, dispute.id, entry.with(serde_json::json!({ "arbiterId": arbiter }))).await?;
    }
    Ok(())
}
