//! What happens to a hold: delivery, dispute, release, refund, split. Each locks the trade, decides, moves the money and
//! writes the row, or refuses and writes nothing.

use domain::id::TradeId;
use domain::ledger::event::{self, Owed, Recoverable, Shares, Unbuildable};
use domain::ledger::{Account, AccountKind, Journal};
use domain::time::Timestamp;
use domain::trade::{RefundFrom, RefundPart};

use super::row::{self, Trade, trade_lock};
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::outcomes::work_end;
use crate::write::Tx;

/// Whether the exchange takes its commission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commission {
    /// As agreed at the sale.
    Taken,
    /// Waived: an arbiter has missed the deadline.
    Waived,
}

/// The contact details were delivered or revealed: the first time starts the clock. Refused after a refund.
pub async fn trade_deliver(tx: &Tx, id: TradeId) -> Result<Trade, WriteError> {
    let was = trade_lock(tx, id).await?;
    let now = tx.now().await?;
    let hold = was.hold.deliver(now)?;
    if was.delivered_at.is_some() && hold == was.hold {
        return Ok(was);
    }
    let next = Trade { hold, delivered_at: was.delivered_at.or(Some(now)), ..was.clone() };
    row::write(tx, &was, next).await
}

/// A dispute stops the clock. Refused once the hold is over.
pub async fn trade_freeze(tx: &Tx, id: TradeId) -> Result<Trade, WriteError> {
    let was = trade_lock(tx, id).await?;
    let hold = was.hold.freeze(tx.now().await?)?;
    row::write(tx, &was, Trade { hold, ..was.clone() }).await
}

/// The dispute has ended without a refund: the clock runs again for what was left.
pub async fn trade_resume(tx: &Tx, id: TradeId, commission: Commission) -> Result<Trade, WriteError> {
    let was = trade_lock(tx, id).await?;
    let hold = was.hold.resume(tx.now().await?)?;
    let next = Trade { hold, commission_bp: agreed_bp(&was, commission), ..was.clone() };
    row::write(tx, &was, next).await
}

/// The hold is over: the money goes to the seller. Refused before its end and under a dispute.
pub async fn trade_release(tx: &Tx, id: TradeId) -> Result<Trade, WriteError> {
    let was = trade_lock(tx, id).await?;
    let now = tx.now().await?;
    was.hold.release(was.price.minor, was.commission_bp, now)?;
    let mut ledger = Ledger::lock(tx, accounts(&was)).await?;
    let next = release_recorded(&mut ledger, &was, now)?;
    ledger.flush().await?;
    row::write(tx, &was, next).await
}

/// All of the price goes back to the buyer: from escrow, or, when the hold has ended, from those who got it. The buyer loses
/// sight of the person, also in what it wrote down.
pub async fn trade_refund(tx: &Tx, id: TradeId) -> Result<Trade, WriteError> {
    let was = trade_lock(tx, id).await?;
    let (hold, from) = was.hold.refund(was.price.minor)?;
    let currency = was.price.currency;
    // One row takes the losses of all: only what may add to it waits for it.
    let losses = matches!(from, RefundFrom::Parties(_)).then(|| Account::exchange(AccountKind::Losses, currency));
    let mut ledger = Ledger::lock(tx, accounts(&was).into_iter().chain(losses)).await?;
    let now = ledger.now();
    let buyer_owed_minor = ledger.owed_minor(was.buyer, currency);
    let journal = match from {
        RefundFrom::Escrow => event::refund(&was.sides(), buyer_owed_minor),
        RefundFrom::Parties(shares) => {
            let seller_minor = ledger.balance_minor(Account::of(was.seller, AccountKind::Available, currency));
            let fees_minor = ledger.balance_minor(was.sides().fees());
            event::recovery(&was.sides(), shares, Recoverable { seller_minor, fees_minor, buyer_owed_minor })
        }
    };
    ledger.record(&built(journal)?, Note::default())?;
    ledger.flush().await?;
    let ended_at = was.ended_at.or(Some(now));
    let next = Trade { hold, refunded_minor: was.price.minor, commission_minor: 0, ended_at, ..was.clone() };
    let refunded = row::write(tx, &was, next).await?;
    work_end(tx, &[id]).await?;
    Ok(refunded)
}

/// A ruling divides the price of a disputed trade: `part` for the buyer, the rest for the seller less commission.
pub async fn trade_split(tx: &Tx, id: TradeId, part: RefundPart, commission: Commission) -> Result<Trade, WriteError> {
    let was = trade_lock(tx, id).await?;
    let commission_bp = agreed_bp(&was, commission);
    let (hold, shares) = was.hold.split(was.price.minor, part, commission_bp)?;
    let mut ledger = Ledger::lock(tx, accounts(&was)).await?;
    let owed = Owed {
        buyer_minor: ledger.owed_minor(was.buyer, was.price.currency),
        seller_minor: ledger.owed_minor(was.seller, was.price.currency),
    };
    let journal = event::refund_partly(&was.sides(), shares.refund_minor, commission_bp, owed);
    ledger.record(&built(journal)?, Note::default())?;
    ledger.tell(was.buyer);
    let ended_at = Some(ledger.now());
    ledger.flush().await?;
    let Shares { refund_minor, commission_minor, .. } = shares;
    let next = Trade { hold, commission_bp, refunded_minor: refund_minor, commission_minor, ended_at, ..was.clone() };
    row::write(tx, &was, next).await
}

/// Every account that the end of this trade's hold may touch.
fn accounts(trade: &Trade) -> [Account; 6] {
    let currency = trade.price.currency;
    let seller = |kind| Account::of(trade.seller, kind, currency);
    let buyer = |kind| Account::of(trade.buyer, kind, currency);
    [
        seller(AccountKind::Escrow),
        seller(AccountKind::Available),
        seller(AccountKind::Receivable),
        buyer(AccountKind::Available),
        buyer(AccountKind::Receivable),
        trade.sides().fees(),
    ]
}

/// Records the release of `was` and answers the row that it becomes.
pub(crate) fn release_recorded(ledger: &mut Ledger, was: &Trade, now: Timestamp) -> Result<Trade, WriteError> {
    let (hold, shares) = was.hold.release(was.price.minor, was.commission_bp, now)?;
    let owed = ledger.owed_minor(was.seller, was.price.currency);
    ledger.record(&built(event::release(&was.sides(), was.commission_bp, owed))?, Note::default())?;
    ledger.tell(was.buyer);
    Ok(Trade { hold, commission_minor: shares.commission_minor, ended_at: Some(now), ..was.clone() })
}

fn agreed_bp(trade: &Trade, commission: Commission) -> i64 {
    match commission {
        Commission::Taken => trade.commission_bp,
        Commission::Waived => 0,
    }
}

fn built(journal: Result<Journal, Unbuildable>) -> Result<Journal, StoreError> {
    journal.map_err(StoreError::corrupt)
}
