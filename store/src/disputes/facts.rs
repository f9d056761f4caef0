//! What the exchange knows about a disputed lead from its own rows.

use std::collections::BTreeSet;

use domain::contact::KeyKind;
use domain::dispute::cap::ReturnCap;
use domain::id::{LeadId, OrganizationId, TradeId};
use domain::lead::ConsentEvidence;
use domain::outcome::OutcomeKind;
use domain::proof::{ConsentFinding, Facts, Recheck};
use domain::ring::{self, RingRule, Traces};
use domain::time::{Timestamp, plus_secs};
use domain::trade::TradeState;
use domain::verification::{Check, CheckKind, Outcome};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QuerySelect};

use super::checks::Checks;
use crate::entity::{dispute, lead, lead_key, outcome, suppression, trade};
use crate::error::{StoreError, WriteError};
use crate::listings::buyers_wait;
use crate::trades::Trade;
use crate::write::Tx;

/// Siblings that are looked at, at most: enough to see a ring.
const MAX_SIBLING_KEYS: u64 = 2_000;

/// How much a buyer has bought and disputed inside the return cap's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuyerRecord {
    /// Trades.
    pub trades: u64,
    /// Disputes on the buyer's word.
    pub disputes: u64,
}

/// The buyer's record under `cap` at `now`. The buyer's claims wait for one another from here on: two that are opened at once
/// could both be the last that the cap allows.
pub async fn buyer_record(tx: &Tx, buyer: OrganizationId, cap: &ReturnCap, now: Timestamp) -> Result<BuyerRecord, WriteError> {
    buyers_wait(tx, &BTreeSet::from([buyer])).await?;
    let from = plus_secs(now, cap.window_secs.saturating_neg());
    let trades = trade::Entity::find()
        .filter(trade::Column::BuyerId.eq(buyer.0))
        .filter(trade::Column::SoldAt.gt(from))
        .count(tx.db())
        .await?;
    let disputes = dispute::Entity::find()
        .filter(dispute::Column::BuyerId.eq(buyer.0))
        .filter(dispute::Column::OpenedAt.gt(from))
        .filter(dispute::Column::Automatic.eq(false))
        .count(tx.db())
        .await?;
    Ok(BuyerRecord { trades, disputes })
}

/// What the exchange knows without opening the contact: phone and e-mail stay INCONCLUSIVE, for the caller to check again.
pub async fn facts_known(tx: &Tx, trade: &Trade, duplicate_window_secs: i64, ring: &RingRule) -> Result<Facts, WriteError> {
    let row = lead::Entity::find_by_id(trade.lead.0).one(tx.db()).await?;
    let row = row.ok_or(StoreError::Misuse("a trade without its lead"))?;
    let checks = Checks::of(tx, &row).await?;
    let outcome = |kind| checks.last(kind).map(|check| check.outcome);
    let interaction = checks.last(CheckKind::Interaction);
    let handled_by = |suspect: &str| {
        let failed = interaction.filter(|check| check.outcome == Outcome::Fail);
        failed.and_then(|check| check.evidence.get("suspect")).is_some_and(|known| known == suspect)
    };
    let sold = |kind| checks.until(kind, trade.sold_at);
    let failed = |kind| sold(kind).is_some_and(|check| check.outcome == Outcome::Fail);
    let promised = |kind, more: &[CheckKind]| sold(kind).is_some() && !failed(kind) && !more.iter().any(|kind| failed(*kind));
    let (bought_before, sold_before) = duplicates(tx, trade, &row, duplicate_window_secs).await?;
    let siblings = siblings(tx, &row, ring).await?;
    let pseudo_siblings = pseudo_among(tx, &siblings).await?;
    Ok(Facts {
        phone: Recheck::Inconclusive,
        email: Recheck::Inconclusive,
        phone_promised: promised(CheckKind::Phone, &[]),
        email_promised: promised(CheckKind::EmailSyntax, &[CheckKind::MailDomain, CheckKind::DisposableDomain]),
        no_channel: false,
        consent: consent(&row, sold(CheckKind::Consent))?,
        suppressed: failed(CheckKind::Suppression) || suppressed(tx, trade).await?,
        bought_before,
        sold_before,
        confirmed: outcome(CheckKind::Confirmed) == Some(Outcome::Pass),
        spoken: checks.last_call_of_exchange().is_some_and(|check| check.outcome == Outcome::Pass),
        outcome: outcome_reached(tx, trade.id).await?,
        too_fast: outcome(CheckKind::FormTiming) == Some(Outcome::Fail) || handled_by("BOT"),
        honeypot: outcome(CheckKind::Honeypot) == Some(Outcome::Fail),
        pasted: outcome(CheckKind::Velocity).is_some_and(|outcome| outcome != Outcome::Pass) || handled_by("HIRED"),
        siblings: u64::try_from(siblings.len()).unwrap_or(u64::MAX),
        pseudo_siblings,
    })
}

/// Leads of the same hand as `row`, inside the ring's window.
pub(super) async fn siblings(tx: &Tx, row: &lead::Model, rule: &RingRule) -> Result<BTreeSet<LeadId>, WriteError> {
    let own = lead_key::Entity::find().filter(lead_key::Column::LeadId.eq(row.id)).all(tx.db()).await?;
    let traces = |keys: &[lead_key::Model], id: Uuid| {
        let of = |kind: KeyKind| keys.iter().find(|key| key.lead_id == id && key.kind == kind.as_str()).map(|key| hex(&key.hash));
        Traces { device: of(KeyKind::Device), ip: of(KeyKind::Ip), page: of(KeyKind::Page) }
    };
    let hashes = |kind: KeyKind| own.iter().filter(move |key| key.kind == kind.as_str()).map(|key| key.hash.clone());
    let found: Vec<Vec<u8>> = hashes(KeyKind::Device).chain(hashes(KeyKind::Ip)).collect();
    if found.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (from, until) =
        (plus_secs(row.created_at, rule.window_secs.saturating_neg()), plus_secs(row.created_at, rule.window_secs));
    let near = lead_key::Entity::find()
        .filter(lead_key::Column::Hash.is_in(found))
        .filter(lead_key::Column::CreatedAt.gt(from))
        .filter(lead_key::Column::CreatedAt.lt(until))
        .limit(MAX_SIBLING_KEYS)
        .all(tx.db())
        .await?;
    let ids: BTreeSet<Uuid> = near.iter().map(|key| key.lead_id).filter(|id| *id != row.id).collect();
    let keys = lead_key::Entity::find().filter(lead_key::Column::LeadId.is_in(ids.iter().copied())).all(tx.db()).await?;
    let others: Vec<(LeadId, Traces)> = ids.iter().map(|id| (LeadId(*id), traces(&keys, *id))).collect();
    Ok(ring::siblings(LeadId(row.id), &traces(&own, row.id), &others).into_keys().collect())
}

async fn pseudo_among(tx: &Tx, siblings: &BTreeSet<LeadId>) -> Result<u64, WriteError> {
    if siblings.is_empty() {
        return Ok(0);
    }
    let rows = dispute::Entity::find()
        .filter(dispute::Column::LeadId.is_in(siblings.iter().map(|id| id.0)))
        .filter(dispute::Column::EndedAt.is_not_null())
        .all(tx.db())
        .await?;
    let mut proved = BTreeSet::new();
    for row in rows {
        let dispute = super::row::Dispute::try_from(row)?;
        let fake = dispute.is_pseudo() && dispute.proven_reason() != domain::dispute::reason::DisputeReason::Mistake;
        if fake && dispute.state().proved() == Some(domain::dispute::Percent::ALL) {
            proved.insert(dispute.lead);
        }
    }
    Ok(u64::try_from(proved.len()).unwrap_or(u64::MAX))
}

/// Whether a lead of the same person that came first was sold to this buyer, or by another seller, inside the window.
async fn duplicates(tx: &Tx, trade: &Trade, row: &lead::Model, window_secs: i64) -> Result<(bool, bool), WriteError> {
    let channels: Vec<&str> = KeyKind::ALL.iter().filter(|kind| kind.is_channel()).map(|kind| kind.as_str()).collect();
    let own = lead_key::Entity::find()
        .filter(lead_key::Column::LeadId.eq(row.id))
        .filter(lead_key::Column::Kind.is_in(channels.iter().copied()))
        .all(tx.db())
        .await?;
    if own.is_empty() {
        return Ok((false, false));
    }
    let same: Vec<Uuid> = lead_key::Entity::find()
        .filter(lead_key::Column::Hash.is_in(own.into_iter().map(|key| key.hash)))
        .filter(lead_key::Column::Kind.is_in(channels))
        .filter(lead_key::Column::LeadId.ne(row.id))
        .filter(lead_key::Column::CreatedAt.lte(row.created_at))
        .all(tx.db())
        .await?
        .into_iter()
        .map(|key| key.lead_id)
        .collect();
    if same.is_empty() {
        return Ok((false, false));
    }
    let sold = trade::Entity::find()
        .filter(trade::Column::LeadId.is_in(same))
        .filter(trade::Column::SoldAt.gt(plus_secs(trade.sold_at, window_secs.saturating_neg())))
        .filter(trade::Column::SoldAt.lte(trade.sold_at))
        .filter(trade::Column::Id.ne(trade.id.0))
        .filter(trade::Column::State.ne(TradeState::Refunded.as_str()))
        .all(tx.db())
        .await?;
    let bought_before = sold.iter().any(|other| other.buyer_id == trade.buyer.0);
    Ok((bought_before, sold.iter().any(|other| other.seller_id != trade.seller.0)))
}

/// Whether a channel of the person was on the list at the sale: a wish of later is no fault of the seller. Entries of which the
/// exchange knows only a digest bear no key of the lead; the check of suppression sees them.
async fn suppressed(tx: &Tx, trade: &Trade) -> Result<bool, WriteError> {
    let keys = lead_key::Entity::find().filter(lead_key::Column::LeadId.eq(trade.lead.0)).all(tx.db()).await?;
    let any = keys.iter().filter(|key| key.kind.parse::<KeyKind>().is_ok_and(KeyKind::is_channel)).fold(
        Condition::any(),
        |any, key| {
            let same = Condition::all()
                .add(suppression::Column::Kind.eq(key.kind.as_str()))
                .add(suppression::Column::Hash.eq(key.hash.clone()));
            any.add(same)
        },
    );
    if any.is_empty() {
        return Ok(false);
    }
    let before = suppression::Column::CreatedAt.lte(trade.sold_at);
    Ok(suppression::Entity::find().filter(any).filter(before).count(tx.db()).await? > 0)
}

/// The furthest that the buyer recorded of the trade, among the outcomes that say that the person was reached. The furthest and
/// not the last: what was said once is not unsaid by saying less.
async fn outcome_reached(tx: &Tx, trade: TradeId) -> Result<Option<OutcomeKind>, WriteError> {
    let rows = outcome::Entity::find().filter(outcome::Column::TradeId.eq(trade.0)).all(tx.db()).await?;
    let recorded = |kind: &OutcomeKind| rows.iter().any(|row| row.kind == kind.as_str());
    Ok([OutcomeKind::Converted, OutcomeKind::Qualified, OutcomeKind::Contacted].into_iter().find(recorded))
}

fn consent(row: &lead::Model, check: Option<&Check>) -> Result<ConsentFinding, StoreError> {
    let kept: Option<ConsentEvidence> = serde_json::from_value(row.consent.clone()).map_err(StoreError::corrupt)?;
    if kept.is_none() {
        return Ok(ConsentFinding::Missing);
    }
    let fault = check.and_then(|check| check.evidence.get("fault")).map(String::as_str);
    Ok(match (fault, check.map(|check| check.outcome)) {
        (Some("NONE" | "NO_TEXT"), _) => ConsentFinding::Missing,
        (_, Some(Outcome::Fail)) => ConsentFinding::Mismatched,
        (_, Some(Outcome::Inconclusive)) => ConsentFinding::Doubtful,
        (_, Some(Outcome::Pass) | None) => ConsentFinding::Matches,
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
