//! A trade's row, typed, and its guarded change.

use std::collections::BTreeMap;

use domain::id::{LeadId, ListingId, OrganizationId, TradeId, TypedId};
use domain::ledger::event::Sides;
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::reputation::Tally;
use domain::time::Timestamp;
use domain::trade::{Clock, Hold, TradeState};
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;

use crate::changes::Changes;
use crate::db::Backend;
use crate::entity::trade;
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::reputation::{Side, tallies_raise};
use crate::rows::{Column, Get};
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
    let change = Change::new(was, next);
    let ended = std::slice::from_ref(&change);
    let mut changes = tx.changes();
    write_all(&mut changes, ended);
    changes.write().await?;
    count_ended(tx, ended, tx.now().await?).await?;
    tx.emit(change.news()).await?;
    Ok(change.next)
}

/// Changes trades, whose rows are locked and whose [`Change::news`] are to be told.
pub(crate) fn write_all(changes: &mut Changes, trades: &[Change]) {
    let set = "state = given.state, due_at = given.due_at, hold_left_micros = given.hold_left_micros, \
               commission_bp = given.commission_bp, delivered_at = given.delivered_at, ended_at = given.ended_at, \
               refunded_minor = given.refunded_minor, commission_minor = given.commission_minor, version = given.version";
    let condition = "trade.id = given.id AND trade.version = given.version_before";
    let changed = || StoreError::Misuse("a trade changed under its lock").into();
    changes.update("trade", CHANGE, trades, (set, condition), changed);
}

/// Counts the trades that ended for their sellers.
pub(crate) async fn count_ended(tx: &Tx, trades: &[Change], now: Timestamp) -> Result<(), WriteError> {
    let mut ended: BTreeMap<OrganizationId, Tally> = BTreeMap::new();
    for change in trades.iter().filter(|change| change.ends()) {
        let tally = ended.entry(change.next.seller).or_default();
        *tally = tally.with_trade();
    }
    tallies_raise(tx, Side::Seller, &ended, now).await
}

/// What becomes of a trade.
#[derive(Debug)]
pub(crate) struct Change {
    version_before: i64,
    due_at: Timestamp,
    left_micros: Option<i64>,
    was: TradeState,
    next: Trade,
}

impl Change {
    /// `next` follows `was`, whose row is locked.
    pub(crate) fn new(was: &Trade, next: Trade) -> Self {
        let (due_at, left_micros) = columns(&next.hold, was);
        let next = Trade { version: was.version.saturating_add(1), ..next };
        Self { version_before: was.version, due_at, left_micros, was: was.hold.state(), next }
    }

    /// What the feed says of it.
    pub(crate) fn news(&self) -> Event {
        news(&self.next, Some(self.was))
    }

    /// Whether it ends the hold, which counts for the seller.
    pub(crate) const fn ends(&self) -> bool {
        matches!(self.was, TradeState::Held | TradeState::Disputed) && !self.next.hold.is_open()
    }
}

const CHANGE: &[Column<Change>] = &[
    ("id", Get::Id(|change| change.next.id.0)),
    ("version_before", Get::Integer(|change| change.version_before)),
    ("state", Get::Text(|change| change.next.hold.state().as_str())),
    ("due_at", Get::Instant(|change| change.due_at)),
    ("hold_left_micros", Get::MaybeInteger(|change| change.left_micros)),
    ("commission_bp", Get::Integer(|change| change.next.commission_bp)),
    ("delivered_at", Get::MaybeInstant(|change| change.next.delivered_at)),
    ("ended_at", Get::MaybeInstant(|change| change.next.ended_at)),
    ("refunded_minor", Get::Integer(|change| change.next.refunded_minor)),
    ("commission_minor", Get::Integer(|change| change.next.commission_minor)),
    ("version", Get::Integer(|change| change.next.version)),
];

/// Adds trades that were opened just now.
pub(crate) fn insert_all(changes: &mut Changes, trades: &[Trade]) {
    let again = |error: WriteError| error.unique_as(Refusal::new(Code::Taken, "this buyer has bought this lead before"));
    changes.insert("trade", OPENED, trades, again);
}

/// The columns of an opened trade; what ends it is still empty.
const OPENED: &[Column<Trade>] = &[
    ("id", Get::Id(|trade| trade.id.0)),
    ("listing_id", Get::Id(|trade| trade.listing.0)),
    ("lead_id", Get::Id(|trade| trade.lead.0)),
    ("seller_id", Get::Id(|trade| trade.seller.0)),
    ("buyer_id", Get::Id(|trade| trade.buyer.0)),
    ("exclusive", Get::Flag(|trade| trade.exclusive)),
    ("price_minor", Get::Integer(|trade| trade.price.minor)),
    ("currency", Get::Text(|trade| trade.price.currency.code())),
    ("commission_bp", Get::Integer(|trade| trade.commission_bp)),
    ("state", Get::Text(|trade| trade.hold.state().as_str())),
    ("hold_secs", Get::Integer(|trade| trade.hold_secs)),
    ("sold_at", Get::Instant(|trade| trade.sold_at)),
    ("due_at", Get::Instant(|trade| columns(&trade.hold, trade).0)),
    ("hold_left_micros", Get::MaybeInteger(|trade| columns(&trade.hold, trade).1)),
];

/// What the feed says of a trade that was opened.
pub(crate) fn opened_news(trade: &Trade) -> Event {
    news(trade, None)
}

fn news(trade: &Trade, was: Option<TradeState>) -> Event {
    let payload = serde_json::json!({
        "state": trade.hold.state().as_str(),
        "was": was.map(TradeState::as_str),
        "version": trade.version,
        "listing": trade.listing,
        "lead": trade.lead,
        "buyer": trade.buyer,
        "seller": trade.seller,
        "exclusive": trade.exclusive,
        "priceMinor": trade.price.minor,
        "currency": trade.price.currency.code(),
        "refundedMinor": trade.refunded_minor,
        "commissionMinor": trade.commission_minor,
    });
    let audience = vec![trade.buyer, trade.seller];
    Event { topic: "trade.updated", subject_id: trade.id.uuid(), audience, payload }
}

/// The columns `due_at` and `hold_left_micros`. An ended trade keeps the instant at which it was last due; a disputed one the
/// instant at which its clock starts at the latest, or that of its sale once the clock has started.
fn columns(hold: &Hold, was: &Trade) -> (Timestamp, Option<i64>) {
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
