//! Opening a dispute.

use chrono_tz::Tz;
use domain::access::Permission;
use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::dispute::opening::{Opening, open};
use domain::dispute::reason::{DisputeClaim, DisputeDetail};
use domain::dispute::{Percent, Settlement};
use domain::id::{OrganizationId, TradeId, UserId};
use domain::proof;
use domain::proof::recheck::Rechecked;
use domain::refusal::Refusal;
use serde::Serialize;
use serde_json::json;
use store::calls::calls_logged;
use store::disputes::{
    CaseFile, Dispute, NewDispute, NewEntry, buyer_record, dispute_insert, dispute_settle, entry_add, facts_known, lead_lock,
};
use store::trades::{Trade, trade_freeze};
use store::{Tx, WriteError};

use super::super::idempotency::idempotency_key;
use super::super::{App, AppError, Caller};
use super::evidence::{Prepared, Shown, prepared, show};
use super::recheck::rechecked;
use super::{Answered, rules, unreachable_rule};

/// A claim to be made.
#[derive(Debug, Clone, Serialize)]
pub struct DisputeOpen {
    /// On which trade.
    pub trade: TradeId,
    /// What is claimed.
    pub claim: DisputeClaim,
    /// What exactly.
    pub detail: DisputeDetail,
    /// What the buyer shows with it.
    pub shown: Shown,
    /// The caller's key.
    #[serde(skip)]
    pub idempotency_key: String,
}

/// What the transaction needs that was found out before it.
#[derive(Clone)]
struct Ready {
    buyer: OrganizationId,
    user: Option<UserId>,
    zone: Tz,
    rechecked: Rechecked,
    shown: Prepared,
}

/// Opens a dispute on a trade that the caller's organization bought, inside its hold. What the exchange can prove by itself
/// is refunded at once.
pub async fn dispute_open(app: &App, caller: &Caller, input: DisputeOpen) -> Result<Dispute, AppError> {
    let buyer = caller.principal.require(Permission::DisputesWrite)?;
    let key = idempotency_key(buyer, &input.idempotency_key, "dispute_open", &input)?;
    let seen = app.store.trade_of(input.trade, buyer).await?.filter(|trade| trade.buyer == buyer);
    let seen = seen.ok_or_else(|| Refusal::not_found("tradeId", "trade"))?;
    let ready = Ready {
        buyer,
        user: caller.principal.user(),
        zone: zone(app, buyer).await?,
        rechecked: rechecked(app, seen.lead).await?,
        shown: prepared(app, &input.shown)?,
    };
    let opened: Result<Answered, WriteError> = app
        .store
        .write("dispute_open", |tx| {
            let (input, key, ready, seen) = (input.clone(), key.clone(), ready.clone(), seen.clone());
            async move {
                if let Some(answered) = tx.replayed(&key).await? {
                    return Ok(answered);
                }
                let answered = Answered { dispute: opened(&tx, app, &input, &seen, &ready).await?.id };
                tx.remember(&key, &answered).await?;
                Ok(answered)
            }
        })
        .await;
    let id = opened?.dispute;
    app.store.dispute_of(id, buyer).await?.ok_or_else(|| AppError::internal("an opened dispute is not there"))
}

/// The organization's time zone, which says what a day is.
async fn zone(app: &App, organization: OrganizationId) -> Result<Tz, AppError> {
    let row = app.store.organization(organization).await?;
    let row = row.ok_or_else(|| AppError::internal("a buyer without its organization"))?;
    Ok(row.time_zone.parse().unwrap_or(Tz::UTC))
}

async fn opened(tx: &Tx, app: &App, input: &DisputeOpen, seen: &Trade, ready: &Ready) -> Result<Dispute, WriteError> {
    let rules = rules(&app.config.exchange);
    let locked = lead_lock(tx, seen.lead).await?;
    let trade = locked.trade(seen.id)?;
    let now = tx.now().await?;
    let known = facts_known(tx, trade, rules.duplicate_window_secs, &rules.ring).await?;
    let facts = ready.rechecked.into_facts(known);
    let reason = input.claim.reason(input.detail)?;
    let found = proof::automatic(&facts, &rules.ring, reason, input.detail);
    let record = buyer_record(tx, ready.buyer, &rules.cap, now).await?;
    let opening = Opening {
        claim: input.claim,
        detail: input.detail,
        hold: trade.hold,
        disputed_before: locked.disputes_of(trade.id).any(|dispute| !dispute.file.by_exchange),
        traded_at: trade.sold_at,
        calls: calls_logged(tx, trade.id).await?,
        files: ready.shown.files(),
        recent_trades: record.trades,
        recent_disputes: record.disputes,
        proof: found,
    };
    let claim = open(&opening, now, &rules.terms, &rules.cap, &unreachable_rule(&app.config.exchange, ready.zone))?;
    let trade = trade_freeze(tx, trade.id).await?;
    let file = CaseFile { state: claim.state, proof: found, by_exchange: false, facts };
    let new = NewDispute { id: tx.id(), reason: claim.reason, detail: input.detail, file };
    let dispute = dispute_insert(tx, new, &trade).await?;
    let body = json!({ "claim": input.claim.as_str(), "detail": input.detail.as_str() });
    entry_add(tx, dispute.id, NewEntry::of(DisputeEntryKind::Opened, DisputeSide::Buyer).by(ready.user).with(body)).await?;
    show(tx, app, &dispute, domain::dispute::TradeParty::Buyer, (ready.buyer, ready.user), &ready.shown).await?;
    if let Some(found) = found {
        let entry = NewEntry::of(DisputeEntryKind::Proved, DisputeSide::Exchange).with(json!({ "proof": found.as_str() }));
        entry_add(tx, dispute.id, entry).await?;
        let settlement = Settlement::Settle { refund: Percent::ALL, commission_waived: false };
        dispute_settle(tx, &dispute, settlement, &locked, &rules).await?;
    }
    Ok(dispute)
}
