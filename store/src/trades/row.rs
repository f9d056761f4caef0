//! A trade's row, typed, and its guarded change.

use domain::id::{LeadId, ListingId, OrganizationId, TradeId, TypedId};
use domain::ledger::event::Sides;
use domain::money::Money;
use domain::refusal::Refusal;
use domain::reputation::Tally;
use domain::time::Timestamp;
use domain::trade::{Clock, Hold, TradeState};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{ExprTrait, QuerySelect};

use crate::db::Backend;
use crate::entity::trade;
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::reputation::{Side, tally_add};
use crate::write::Tx;

/// One lead sold to one buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// Its id.
    pub id: TradeId,
    /// The listing that sold it.
    pub listing: ListingId,
    /// The lead.
    pub lead: LeadId,
    /// Who is paid.
    pub seller: OrganizationId,
    /// Who pays.
    pub buyer: OrganizationId,
    /// Whether the buyer has the lead alone.
    pub exclusive: bool,
    /// What it costs.
    pub price: Money,
    /// The exchange's share of what goes to the seller, in basis points.
    pub commission_bp: i64,
    /// The length of the hold, in seconds.
    pub hold_secs: i64,
    /// Where the money is.
    pub hold: Hold,
    /// When it was sold.
    pub sold_at: Timestamp,
    /// When the contact details were first delivered or revealed.
    pub delivered_at: Option<Timestamp>,
    /// When the hold ended.
    pub ended_at: Option<Timestamp>,
    /// What went back to the buyer, in minor units.
    pub refunded_minor: i64,
    /// What the exchange took, in minor units.
    pub commission_minor: i64,
    /// How often the row has changed.
    pub version: i64,
}

impl Trade {
    /// The parties and the price, for the ledger.
    #[must_use]
    pub fn sides(&self) -> Sides {
        Sides { trade: self.id, buyer: self.buyer, seller: self.seller, price: self.price }
    }
}

impl TryFrom<trade::Model> for Trade {
    type Error = StoreError;

    fn try_from(row: trade::Model) -> Result<Self, StoreError> {
        let currency = row.currency.parse().map_err(StoreError::corrupt)?;
        Ok(Self {
            id: row.id.into(),
            listing: row.listing_id.into(),
            lead: row.lead_id.into(),
            seller: row.seller_id.into(),
            buyer: row.buyer_id.into(),
            exclusive: row.exclusive,
            price: Money::new(row.price_minor, currency),
            commission_bp: row.commission_bp,
            hold_secs: row.hold_secs,
            hold: hold(&row)?,
            sold_at: row.sold_at,
            delivered_at: row.delivered_at,
            ended_at: row.ended_at,
            refunded_minor: row.refunded_minor,
            commission_minor: row.commission_minor,
            version: row.version,
        })
    }
}

/// The trade, locked until the transaction ends; refused as not found when there is none.
pub async fn trade_lock(tx: &Tx, id: TradeId) -> Result<Trade, WriteError> {
    let mut row = trade::Entity::find_by_id(id.0);
    if tx.backend() == Backend::Postgres {
        row = row.lock(LockType::NoKeyUpdate);
    }
    let row = row.one(tx.db()).await?.ok_or_else(|| Refusal::not_found("tradeId", "trade"))?;
    Ok(Trade::try_from(row)?)
}

/// Writes `next` over the version that was locked, and tells both parties.
pub(super) async fn write(tx: &Tx, was: &Trade, next: Trade) -> Result<Trade, WriteError> {
    let written = write_untold(tx, was, next).await?;
    tx.emit(news(&written)).await?;
    Ok(written)
}

/// The same for one of many, whose [`news`] are told together.
pub(super) async fn write_untold(tx: &Tx, was: &Trade, mut next: Trade) -> Result<Trade, WriteError> {
    let (due_at, left_micros) = columns(&next.hold, was);
    next.version = was.version.saturating_add(1);
    let done = trade::Entity::update_many()
        .col_expr(trade::Column::State, Expr::value(next.hold.state().as_str()))
        .col_expr(trade::Column::DueAt, Expr::value(due_at))
        .col_expr(trade::Column::HoldLeftMicros, Expr::value(left_micros))
        .col_expr(trade::Column::CommissionBp, Expr::value(next.commission_bp))
        .col_expr(trade::Column::DeliveredAt, Expr::value(next.delivered_at))
        .col_expr(trade::Column::EndedAt, Expr::value(next.ended_at))
        .col_expr(trade::Column::RefundedMinor, Expr::value(next.refunded_minor))
        .col_expr(trade::Column::CommissionMinor, Expr::value(next.commission_minor))
        .col_expr(trade::Column::Version, Expr::col(trade::Column::Version).add(1))
        .filter(trade::Column::Id.eq(next.id.0))
        .filter(trade::Column::Version.eq(was.version))
        .exec(tx.db())
        .await?;
    if done.rows_affected != 1 {
        return Err(StoreError::Misuse("a trade changed under its lock").into());
    }
    if was.hold.is_open() && !next.hold.is_open() {
        tally_add(tx, next.seller, Side::Seller, Tally::with_trade).await?;
    }
    Ok(next)
}

/// What the feed says of a trade.
pub(super) fn news(trade: &Trade) -> Event {
    let payload = serde_json::json!({ "state": trade.hold.state().as_str(), "version": trade.version });
    let audience = vec![trade.buyer, trade.seller];
    Event { topic: "trade.updated", subject_id: trade.id.uuid(), audience, payload }
}

/// The columns `due_at` and `hold_left_micros`. An ended trade keeps the instant at which it was last due; a disputed one the
/// instant at which its clock starts at the latest, or that of its sale once the clock has started.
pub(super) fn columns(hold: &Hold, was: &Trade) -> (Timestamp, Option<i64>) {
    match *hold {
        Hold::Held(Clock::Waiting { starts_at, left_micros }) => (starts_at, Some(left_micros)),
        Hold::Held(Clock::Running { ends_at }) => (ends_at, None),
        Hold::Disputed { left_micros, starts_at } => (starts_at.unwrap_or(was.sold_at), Some(left_micros)),
        Hold::Released { .. } | Hold::Refunded | Hold::Split { .. } => (was.hold.due_at().unwrap_or(was.sold_at), None),
    }
}

/// A held trade whose clock has not started keeps in `hold_left_micros` how long it will run; one whose clock runs keeps none.
fn hold(row: &trade::Model) -> Result<Hold, StoreError> {
    let state: TradeState = row.state.parse().map_err(StoreError::corrupt)?;
    Ok(match (state, row.hold_left_micros) {
        (TradeState::Held, Some(left_micros)) => Hold::Held(Clock::Waiting { starts_at: row.due_at, left_micros }),
        (TradeState::Held, None) => Hold::Held(Clock::Running { ends_at: row.due_at }),
        (TradeState::Disputed, Some(left_micros)) => {
            Hold::Disputed { left_micros, starts_at: Some(row.due_at).filter(|starts_at| *starts_at > row.sold_at) }
        }
        (TradeState::Disputed, None) => return Err(StoreError::corrupt("a disputed trade without a stopped clock")),
        (TradeState::Released, _) => Hold::Released { commission_minor: row.commission_minor },
        (TradeState::Refunded, _) => Hold::Refunded,
        (TradeState::Split, _) => Hold::Split { refund_minor: row.refunded_minor, commission_minor: row.commission_minor },
    })
}
