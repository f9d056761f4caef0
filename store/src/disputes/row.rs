//! A dispute's row, typed, and its guarded change.

use domain::dispute::reason::{DisputeDetail, DisputeReason};
use domain::dispute::{DisputeStatus, State};
use domain::id::{DisputeId, LeadId, OrganizationId, TradeId, TypedId, UserId};
use domain::proof::{AutomaticProof, Facts};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::db::Backend;
use crate::entity::{dispute, trade};
use crate::error::{StoreError, WriteError};
use crate::listings::listing_locked_of_lead;
use crate::outbox::Event;
use crate::trades::Trade;
use crate::write::Tx;

/// A buyer's claim on a trade, or a review that the exchange opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// Its id.
    pub id: DisputeId,
    /// The trade.
    pub trade: TradeId,
    /// The lead.
    pub lead: LeadId,
    /// Who bought it.
    pub buyer: OrganizationId,
    /// Who sold it.
    pub seller: OrganizationId,
    /// What is claimed.
    pub reason: DisputeReason,
    /// What exactly.
    pub detail: DisputeDetail,
    /// Whether the exchange and not the buyer's word opened it: it does not count towards the return cap.
    pub automatic: bool,
    /// Where it stands, and what the exchange knew.
    pub file: CaseFile,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How often the row has changed.
    pub version: i64,
}

/// What is kept of a case beside its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFile {
    /// Where it stands.
    pub state: State,
    /// What proved it, if the exchange could.
    pub proof: Option<AutomaticProof>,
    /// Whether the exchange opened it for review, without a claim of the buyer.
    pub by_exchange: bool,
    /// What the exchange knew when it was opened.
    pub facts: Facts,
}

/// A dispute to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDispute {
    /// Its id.
    pub id: DisputeId,
    /// The reason.
    pub reason: DisputeReason,
    /// The detail.
    pub detail: DisputeDetail,
    /// The file.
    pub file: CaseFile,
}

/// Everything that a dispute about a lead can touch, locked.
#[derive(Debug, Clone)]
pub struct LeadLock {
    /// Every trade of the lead, by id.
    pub trades: Vec<Trade>,
    /// Every dispute of the lead, by id.
    pub disputes: Vec<Dispute>,
}

impl Dispute {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.file.state
    }

    /// Whether what is claimed or proved is a pseudo-lead.
    #[must_use]
    pub fn is_pseudo(&self) -> bool {
        self.proven_reason().is_pseudo()
    }

    /// The reason that was proved by the exchange, or else the one that is claimed.
    #[must_use]
    pub fn proven_reason(&self) -> DisputeReason {
        self.file.proof.map_or(self.reason, AutomaticProof::reason)
    }
}

impl LeadLock {
    /// The trade with this id.
    pub fn trade(&self, id: TradeId) -> Result<&Trade, WriteError> {
        Ok(self.trades.iter().find(|trade| trade.id == id).ok_or_else(|| Refusal::not_found("tradeId", "trade"))?)
    }

    /// Every dispute about this trade: the buyer's claim, and a review that the exchange opened.
    pub fn disputes_of(&self, trade: TradeId) -> impl Iterator<Item = &Dispute> {
        self.disputes.iter().filter(move |dispute| dispute.trade == trade)
    }

    /// The dispute under which this trade is, if it is under one: at most one at a time has its money.
    #[must_use]
    pub fn open_dispute_of(&self, trade: TradeId) -> Option<&Dispute> {
        self.disputes_of(trade).find(|dispute| !dispute.state().is_final())
    }
}

impl TryFrom<dispute::Model> for Dispute {
    type Error = StoreError;

    fn try_from(row: dispute::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            trade: row.trade_id.into(),
            lead: row.lead_id.into(),
            buyer: row.buyer_id.into(),
            seller: row.seller_id.into(),
            reason: row.reason.parse().map_err(StoreError::corrupt)?,
            detail: row.detail.parse().map_err(StoreError::corrupt)?,
            automatic: row.automatic,
            file: serde_json::from_value(row.body).map_err(StoreError::corrupt)?,
            opened_at: row.opened_at,
            ended_at: row.ended_at,
            version: row.version,
        })
    }
}

/// Locks the open listing, the trades and the disputes of `lead` until the transaction ends.
pub async fn lead_lock(tx: &Tx, lead: LeadId) -> Result<LeadLock, WriteError> {
    listing_locked_of_lead(tx, lead).await?;
    let mut trades = trade::Entity::find().filter(trade::Column::LeadId.eq(lead.0)).order_by_asc(trade::Column::Id);
    let mut disputes = dispute::Entity::find().filter(dispute::Column::LeadId.eq(lead.0)).order_by_asc(dispute::Column::Id);
    if tx.backend() == Backend::Postgres {
        trades = trades.lock(LockType::NoKeyUpdate);
        disputes = disputes.lock(LockType::NoKeyUpdate);
    }
    let trades = trades.all(tx.db()).await?.into_iter().map(Trade::try_from).collect::<Result<_, _>>()?;
    let disputes = disputes.all(tx.db()).await?.into_iter().map(Dispute::try_from).collect::<Result<_, _>>()?;
    Ok(LeadLock { trades, disputes })
}

/// The dispute, with everything about its lead locked; refused as not found when there is none.
pub async fn dispute_lock(tx: &Tx, id: DisputeId) -> Result<(Dispute, LeadLock), WriteError> {
    let not_found = || Refusal::not_found("disputeId", "dispute");
    let row = dispute::Entity::find_by_id(id.0).one(tx.db()).await?.ok_or_else(not_found)?;
    let locked = lead_lock(tx, row.lead_id.into()).await?;
    let dispute = locked.disputes.iter().find(|dispute| dispute.id == id).cloned().ok_or_else(not_found)?;
    Ok((dispute, locked))
}

/// Writes the row of a new dispute on `trade`. The trade is frozen already, or refunded in the same transaction.
pub async fn dispute_insert(tx: &Tx, new: NewDispute, trade: &Trade) -> Result<Dispute, WriteError> {
    let now = tx.now().await?;
    let ended_at = new.file.state.is_final().then_some(now);
    let automatic = new.file.proof.is_some() || new.file.by_exchange;
    let row = dispute::ActiveModel {
        id: Set(new.id.uuid()),
        trade_id: Set(trade.id.uuid()),
        by_exchange: Set(new.file.by_exchange),
        lead_id: Set(trade.lead.uuid()),
        buyer_id: Set(trade.buyer.uuid()),
        seller_id: Set(trade.seller.uuid()),
        reason: Set(new.reason.as_str().to_owned()),
        detail: Set(new.detail.as_str().to_owned()),
        automatic: Set(automatic),
        state: Set(new.file.state.status().as_str().to_owned()),
        body: Set(serde_json::to_value(&new.file).map_err(StoreError::corrupt)?),
        arbiter_id: Set(new.file.state.arbiter().map(UserId::uuid)),
        due_at: Set(new.file.state.timer()),
        opened_at: Set(now),
        ended_at: Set(ended_at),
        version: Set(0),
    };
    let taken = || Refusal::new(Code::WrongState, "a trade can be disputed once, and this one was").at("tradeId");
    dispute::Entity::insert(row)
        .exec_without_returning(tx.db())
        .await
        .map_err(|error| WriteError::from(error).unique_as(taken()))?;
    let NewDispute { id, reason, detail, file } = new;
    let dispute = Dispute {
        id,
        trade: trade.id,
        lead: trade.lead,
        buyer: trade.buyer,
        seller: trade.seller,
        reason,
        detail,
        automatic,
        file,
        opened_at: now,
        ended_at,
        version: 0,
    };
    announce(tx, &dispute, "OPENED", None).await?;
    Ok(dispute)
}

/// Writes `state` over the version that was locked.
pub(super) async fn write(tx: &Tx, was: &Dispute, state: State) -> Result<Dispute, WriteError> {
    let ended_at = if state.is_final() { Some(tx.now().await?) } else { None };
    let next =
        Dispute { file: CaseFile { state, ..was.file.clone() }, ended_at, version: was.version.saturating_add(1), ..was.clone() };
    let state = next.state();
    let done = dispute::Entity::update_many()
        .col_expr(dispute::Column::State, Expr::value(state.status().as_str()))
        .col_expr(dispute::Column::Body, Expr::value(serde_json::to_value(&next.file).map_err(StoreError::corrupt)?))
        .col_expr(dispute::Column::ArbiterId, Expr::value(state.arbiter().map(UserId::uuid)))
        .col_expr(dispute::Column::DueAt, Expr::value(state.timer()))
        .col_expr(dispute::Column::EndedAt, Expr::value(ended_at))
        .col_expr(dispute::Column::Version, Expr::col(dispute::Column::Version).add(1))
        .filter(dispute::Column::Id.eq(was.id.0))
        .filter(dispute::Column::Version.eq(was.version))
        .exec(tx.db())
        .await?;
    if done.rows_affected != 1 {
        return Err(StoreError::Misuse("a dispute changed under its lock").into());
    }
    announce(tx, &next, "MOVED", Some(was.state().status())).await?;
    Ok(next)
}

/// The event of a dispute about which something is new.
pub const DISPUTE_UPDATED: &str = "dispute.updated";

/// Tells both parties that something was added to the dispute, or is known of it now.
pub async fn dispute_announce(tx: &Tx, dispute: &Dispute) -> Result<(), WriteError> {
    announce(tx, dispute, "ADDED", None).await
}

async fn announce(tx: &Tx, dispute: &Dispute, change: &str, was: Option<DisputeStatus>) -> Result<(), WriteError> {
    let payload = serde_json::json!({
        "state": dispute.state().status().as_str(),
        "was": was.map(DisputeStatus::as_str),
        "change": change,
        "version": dispute.version,
        "trade": dispute.trade,
        "lead": dispute.lead,
        "buyer": dispute.buyer,
        "seller": dispute.seller,
        "reason": dispute.reason.as_str(),
    });
    let audience = vec![dispute.buyer, dispute.seller];
    Ok(tx.emit(Event { topic: DISPUTE_UPDATED, subject_id: dispute.id.uuid(), audience, payload }).await?)
}
