//! Opening trades: the sale of leads and the hold on their prices.

use domain::id::{LeadId, ListingId, OrganizationId, TradeId};
use domain::ledger::{Account, AccountKind, Journal, event};
use domain::money::Money;
use domain::time::Timestamp;
use domain::trade::{Hold, HoldTerms};

use super::row::{self, Trade};
use crate::bids::Returning;
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::write::Tx;

/// From which account the buyer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaidFrom {
    /// From what it can spend.
    Available,
    /// From what the winning bid locked; what the price does not use returns.
    Reserved {
        /// All that the bid locked, in minor units.
        minor: i64,
    },
}

/// A sale, as the market decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The id of the trade to be.
    pub trade: TradeId,
    /// The listing that sells.
    pub listing: ListingId,
    /// The lead.
    pub lead: LeadId,
    /// Who is paid.
    pub seller: OrganizationId,
    /// Who pays.
    pub buyer: OrganizationId,
    /// Whether the buyer has the lead alone.
    pub exclusive: bool,
    /// The price.
    pub price: Money,
    /// The exchange's commission, in basis points.
    pub commission_bp: i64,
    /// The length of the hold by the seller's standing, in seconds.
    pub hold_secs: i64,
    /// From which account the buyer pays.
    pub paid_from: PaidFrom,
}

/// Opens one trade and puts its price into escrow. The caller has locked the listing.
pub async fn trade_open(tx: &Tx, sale: &Sale, terms: &HoldTerms) -> Result<Trade, WriteError> {
    let none = Returning { bids: &[], currency: sale.price.currency };
    let mut trades = trades_open(tx, std::slice::from_ref(sale), none, terms, tx.now().await?).await?;
    Ok(trades.pop().ok_or(StoreError::Misuse("a sale opened no trade"))?)
}

/// Opens the trades of a clearing that was decided at `now`, and returns what lost bids had reserved, with one set of
/// locks and writes.
pub async fn trades_open(
    tx: &Tx,
    sales: &[Sale],
    returning: Returning<'_>,
    terms: &HoldTerms,
    now: Timestamp,
) -> Result<Vec<Trade>, WriteError> {
    if sales.is_empty() {
        returning.post(tx).await?;
        return Ok(Vec::new());
    }
    let trades: Vec<Trade> = sales.iter().map(|sale| opened(sale, terms, now)).collect();
    let mut changes = tx.changes();
    row::insert_all(&mut changes, &trades);
    changes.write().await?;
    let mut ledger = Ledger::lock(tx, sales.iter().flat_map(accounts).chain(returning.accounts())).await?;
    returning.record(&mut ledger)?;
    for sale in sales {
        record(&mut ledger, sale)?;
    }
    ledger.flush().await?;
    tx.emit_all(trades.iter().map(row::opened_news).collect()).await?;
    Ok(trades)
}

/// Puts the price into escrow.
pub(crate) fn record(ledger: &mut Ledger, sale: &Sale) -> Result<(), WriteError> {
    let owed_minor = ledger.owed_minor(sale.buyer, sale.price.currency);
    ledger.record(&journal(sale, owed_minor)?, Note::default())?;
    Ok(())
}

fn accounts(sale: &Sale) -> [Account; 4] {
    let buyer = |kind| Account::of(sale.buyer, kind, sale.price.currency);
    let paid_from = match sale.paid_from {
        PaidFrom::Available => AccountKind::Available,
        PaidFrom::Reserved { .. } => AccountKind::Reserved,
    };
    let escrow = Account::of(sale.seller, AccountKind::Escrow, sale.price.currency);
    [buyer(paid_from), buyer(AccountKind::Available), buyer(AccountKind::Receivable), escrow]
}

fn journal(sale: &Sale, owed_minor: i64) -> Result<Journal, StoreError> {
    let sides = event::Sides { trade: sale.trade, buyer: sale.buyer, seller: sale.seller, price: sale.price };
    match sale.paid_from {
        PaidFrom::Available => event::trade_from_available(&sides),
        PaidFrom::Reserved { minor } => event::trade_from_reserved(&sides, minor, owed_minor),
    }
    .map_err(StoreError::corrupt)
}

/// The trade as it begins.
pub(crate) fn opened(sale: &Sale, terms: &HoldTerms, now: Timestamp) -> Trade {
    Trade {
        id: sale.trade,
        listing: sale.listing,
        lead: sale.lead,
        seller: sale.seller,
        buyer: sale.buyer,
        exclusive: sale.exclusive,
        price: sale.price,
        commission_bp: sale.commission_bp,
        hold_secs: sale.hold_secs,
        hold: Hold::open(now, sale.hold_secs, terms),
        sold_at: now,
        delivered_at: None,
        ended_at: None,
        refunded_minor: 0,
        commission_minor: 0,
        version: 0,
    }
}
