//! Deadlines of disputes, and reviews that wait for an arbiter.

use domain::dispute::cap::ReturnCap;
use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::dispute::{Command, DisputeStatus, Percent, State, Terms, decide};
use domain::evidence::weighing::{Case, Weighing, weigh};
use domain::id::DisputeId;
use domain::proof::recheck::Rechecked;
use domain::ring::RingRule;
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use super::arbiters::arbiter_draw;
use super::entries::{NewEntry, entry_add, exhibits};
use super::facts::facts_known;
use super::row::{Dispute, LeadLock, dispute_lock};
use super::settle::dispute_move;
use crate::calls::calls_logged;
use crate::db::Store;
use crate::entity::dispute;
use crate::error::WriteError;
use crate::write::Tx;

/// The rules of disputes, as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Deadlines.
    pub terms: Terms,
    /// The return cap.
    pub cap: ReturnCap,
    /// Rings.
    pub ring: RingRule,
    /// How long a person counts as a duplicate, in seconds.
    pub duplicate_window_secs: i64,
}

impl Store {
    /// Lets up to `limit` deadlines pass that have come, each in a transaction of its own; answers how many, or the first
    /// failure once every one was tried.
    pub async fn disputes_advance(&self, limit: u64, rules: Rules) -> Result<u64, WriteError> {
        let due = dispute::Entity::find()
            .filter(dispute::Column::DueAt.lte(self.now()))
            .order_by_asc(dispute::Column::DueAt)
            .limit(limit)
            .all(self.read())
            .await?;
        let (mut passed, mut failure) = (0_u64, None);
        for row in due {
            // One dispute that cannot move must not hold up the others.
            match self.dispute_expire(row.id.into(), rules).await {
                Ok(moved) => passed = passed.saturating_add(u64::from(moved)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(passed), Err)
    }

    /// Gives an arbiter to up to `limit` reviews that have none; answers how many found one, or the first failure once every one
    /// was tried.
    pub async fn disputes_assign(&self, limit: u64) -> Result<u64, WriteError> {
        let waiting = dispute::Entity::find()
            .filter(dispute::Column::State.eq(DisputeStatus::UnderReview.as_str()))
            .filter(dispute::Column::ArbiterId.is_null())
            .filter(dispute::Column::DueAt.gt(self.now()))
            .order_by_asc(dispute::Column::DueAt)
            .limit(limit)
            .all(self.read())
            .await?;
        let (mut assigned, mut failure) = (0_u64, None);
        for row in waiting {
            match self.dispute_assign(row.id.into()).await {
                Ok(found) => assigned = assigned.saturating_add(u64::from(found)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(assigned), Err)
    }

    async fn dispute_expire(&self, id: DisputeId, rules: Rules) -> Result<bool, WriteError> {
        self.write("dispute_expire", move |tx| async move {
            let (dispute, locked) = dispute_lock(&tx, id).await?;
            let now = tx.now().await?;
            // Somebody was faster, or the process's clock is ahead of the database's.
            if dispute.state().timer().is_none_or(|deadline| now < deadline) {
                return Ok(false);
            }
            expire(&tx, &dispute, &locked, now, &rules).await?;
            Ok(true)
        })
        .await
    }

    async fn dispute_assign(&self, id: DisputeId) -> Result<bool, WriteError> {
        self.write("dispute_assign", move |tx| async move {
            let (dispute, _) = dispute_lock(&tx, id).await?;
            let State::UnderReview(review) = dispute.state() else { return Ok(false) };
            let drawn = arbiter_draw(&tx, dispute.lead, &dispute.state().served()).await?;
            let (None, Some(arbiter), true) = (review.assigned, drawn, tx.now().await? < review.rule_by) else {
                return Ok(false);
            };
            let state = State::UnderReview(domain::dispute::Review { assigned: Some(arbiter), ..review.clone() });
            super::row::write(&tx, &dispute, state).await?;
            let entry = NewEntry::of(DisputeEntryKind::Assigned, DisputeSide::Exchange);
            entry_add(&tx, id, entry.with(serde_json::json!({ "arbiterId": arbiter }))).await?;
            Ok(true)
        })
        .await
    }
}

async fn expire(tx: &Tx, dispute: &Dispute, locked: &LeadLock, now: Timestamp, rules: &Rules) -> Result<(), WriteError> {
    let was = dispute.state().status();
    let weighing = match dispute.state() {
        State::UnderReview(_) => Some(weighed(tx, dispute, locked, rules).await?),
        _ => None,
    };
    let on_the_evidence = weighing.as_ref().map_or(Percent::NONE, |weighing| weighing.refund);
    let decision = decide(dispute.state().clone(), Command::Expire { on_the_evidence }, now, &rules.terms)?;
    let body = serde_json::json!({ "was": was.as_str(), "weighing": weighing });
    entry_add(tx, dispute.id, NewEntry::of(DisputeEntryKind::Expired, DisputeSide::Exchange).with(body)).await?;
    dispute_move(tx, dispute, decision, locked, rules).await?;
    Ok(())
}

/// The rule on the evidence, from what is there now.
async fn weighed(tx: &Tx, dispute: &Dispute, locked: &LeadLock, rules: &Rules) -> Result<Weighing, WriteError> {
    let trade = locked.trade(dispute.trade)?;
    let known = facts_known(tx, trade, rules.duplicate_window_secs, &rules.ring).await?;
    let at_opening = &dispute.file.facts;
    let rechecked = Rechecked { phone: at_opening.phone, email: at_opening.email, no_channel: at_opening.no_channel };
    let facts = rechecked.into_facts(known);
    let calls = calls_logged(tx, trade.id).await?;
    let shown = exhibits(tx, dispute).await?;
    let case = Case {
        reason: dispute.reason,
        detail: dispute.detail,
        calls: calls.iter().map(|call| call.attempt).collect(),
        buyer_files: shown.buyer_files,
        seller_files: shown.seller_files,
        seller_texts: shown.seller_texts,
        facts,
    };
    Ok(weigh(&case, &rules.ring))
}
