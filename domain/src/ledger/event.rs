//! The journal of each business event. Amounts are minor units; a builder never makes a movement of nothing.

use super::account::{Account, AccountKind};
use super::journal::{Journal, JournalError, JournalKind, Movement, Subject};
use crate::id::{BidId, ChargebackId, CorrectionId, DepositId, OrganizationId, TradeId, TypedId, WithdrawalId};
use crate::money::{Currency, Money, share_bp};

/// Why an event has no journal: the figures contradict each other, which is a fault of the code that gave them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unbuildable {
    /// The movements make no journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A part is larger than its whole, or a sum is beyond `i64`.
    #[error("the parts do not add up to {0} minor units")]
    Parts(i64),
}

/// The two sides of a trade and its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// The trade.
    pub trade: TradeId,
    /// Who pays.
    pub buyer: OrganizationId,
    /// Who is paid.
    pub seller: OrganizationId,
    /// What is held.
    pub price: Money,
}

impl Sides {
    fn buyer_account(&self, kind: AccountKind) -> Account {
        Account::of(self.buyer, kind, self.price.currency)
    }

    fn seller_account(&self, kind: AccountKind) -> Account {
        Account::of(self.seller, kind, self.price.currency)
    }

    /// The commission account of the trade.
    #[must_use]
    pub fn fees(&self) -> Account {
        Account::fees(self.trade.uuid(), self.price.currency)
    }

    fn journal(&self, kind: JournalKind, movements: Vec<Movement>) -> Result<Journal, Unbuildable> {
        Ok(Journal::new(kind, Subject::Trade(self.trade), movements)?)
    }
}

/// How a hold is divided; the three parts add up to the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Back to the buyer, in minor units.
    pub refund_minor: i64,
    /// To the exchange, in minor units.
    pub commission_minor: i64,
    /// To the seller, in minor units.
    pub income_minor: i64,
}

impl Shares {
    /// `refund_minor` of `price_minor` (clamped to it) for the buyer; of the rest `commission_bp`, rounded down, for the
    /// exchange; what is left for the seller.
    #[must_use]
    pub fn of(price_minor: i64, refund_minor: i64, commission_bp: i64) -> Self {
        let refund_minor = refund_minor.clamp(0, price_minor.max(0));
        let rest = price_minor.saturating_sub(refund_minor);
        let commission_minor = share_bp(rest, commission_bp);
        Self { refund_minor, commission_minor, income_minor: rest.saturating_sub(commission_minor) }
    }
}

/// What the two sides of a trade owe the exchange, in minor units: what each gets pays it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owed {
    /// The buyer's debt.
    pub buyer_minor: i64,
    /// The seller's debt.
    pub seller_minor: i64,
}

/// What a recovery finds on the accounts of those who got the money, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recoverable {
    /// What the seller can spend.
    pub seller_minor: i64,
    /// What the trade's commission account holds: the commission may have been paid out since.
    pub fees_minor: i64,
    /// What the buyer owes the exchange.
    pub buyer_owed_minor: i64,
}

/// Money that came in from `source`. `owed_minor` is what the organization owes the exchange: it is paid first.
pub fn deposit(
    id: DepositId,
    organization: OrganizationId,
    source: AccountKind,
    amount: Money,
    owed_minor: i64,
) -> Result<Journal, Unbuildable> {
    let from = Account::exchange(source, amount.currency);
    let movements = netted(from, organization, amount, owed_minor);
    Ok(Journal::new(JournalKind::Deposit, Subject::Deposit(id), movements)?)
}

/// A bid locks `amount`.
pub fn bid_reserve(bid: BidId, buyer: OrganizationId, amount: Money) -> Result<Journal, Unbuildable> {
    own(JournalKind::BidReserve, Subject::Bid(bid), buyer, AccountKind::Available, AccountKind::Reserved, amount)
}

/// A lost or withdrawn bid returns all that it locked. `owed_minor` is what the buyer owes the exchange: it is paid first.
pub fn bid_release(bid: BidId, buyer: OrganizationId, amount: Money, owed_minor: i64) -> Result<Journal, Unbuildable> {
    let from = Account::of(buyer, AccountKind::Reserved, amount.currency);
    Ok(Journal::new(JournalKind::BidRelease, Subject::Bid(bid), netted(from, buyer, amount, owed_minor))?)
}

/// A purchase paid from what the buyer can spend.
pub fn trade_from_available(sides: &Sides) -> Result<Journal, Unbuildable> {
    let from = sides.buyer_account(AccountKind::Available);
    let to = sides.seller_account(AccountKind::Escrow);
    sides.journal(JournalKind::Trade, moved(from, to, sides.price.minor))
}

/// A purchase paid from what the winning bid locked; what the price does not use returns to the buyer, whose debt of
/// `owed_minor` it pays first.
pub fn trade_from_reserved(sides: &Sides, reserved_minor: i64, owed_minor: i64) -> Result<Journal, Unbuildable> {
    let unused = reserved_minor.checked_sub(sides.price.minor).filter(|&rest| rest >= 0);
    let unused = unused.ok_or(Unbuildable::Parts(reserved_minor))?;
    let from = sides.buyer_account(AccountKind::Reserved);
    let mut movements = moved(from, sides.seller_account(AccountKind::Escrow), sides.price.minor);
    movements.extend(netted(from, sides.buyer, Money::new(unused, sides.price.currency), owed_minor));
    sides.journal(JournalKind::Trade, movements)
}

/// A hold ends for the seller, less commission. `owed_minor` is what the seller owes the exchange: it is paid first.
pub fn release(sides: &Sides, commission_bp: i64, owed_minor: i64) -> Result<Journal, Unbuildable> {
    let shares = Shares::of(sides.price.minor, 0, commission_bp);
    sides.journal(JournalKind::Release, divided(sides, shares, Owed { buyer_minor: 0, seller_minor: owed_minor }))
}

/// A hold ends for the buyer, in full. `owed_minor` is what the buyer owes the exchange: it is paid first.
pub fn refund(sides: &Sides, owed_minor: i64) -> Result<Journal, Unbuildable> {
    let shares = Shares::of(sides.price.minor, sides.price.minor, 0);
    sides.journal(JournalKind::Refund, divided(sides, shares, Owed { buyer_minor: owed_minor, seller_minor: 0 }))
}

/// A hold ends for both: `refund_minor` for the buyer, the rest as a release. Each side's debt is paid first.
pub fn refund_partly(sides: &Sides, refund_minor: i64, commission_bp: i64, owed: Owed) -> Result<Journal, Unbuildable> {
    if !(0..=sides.price.minor).contains(&refund_minor) {
        return Err(Unbuildable::Parts(sides.price.minor));
    }
    let shares = Shares::of(sides.price.minor, refund_minor, commission_bp);
    sides.journal(JournalKind::Refund, divided(sides, shares, owed))
}

/// The buyer gets back what a finished hold gave to the seller and to the exchange. What the seller lacks becomes its debt;
/// what the commission account lacks is the exchange's loss, so that no refund waits for later income.
pub fn recovery(sides: &Sides, shares: Shares, found: Recoverable) -> Result<Journal, Unbuildable> {
    let Sides { buyer, price: Money { currency, .. }, .. } = *sides;
    let from_seller = shares.income_minor.min(found.seller_minor.max(0));
    let from_fees = shares.commission_minor.min(found.fees_minor.max(0));
    let parts = [
        (sides.seller_account(AccountKind::Available), from_seller),
        (sides.seller_account(AccountKind::Receivable), shares.income_minor.saturating_sub(from_seller)),
        (sides.fees(), from_fees),
        (Account::exchange(AccountKind::Losses, currency), shares.commission_minor.saturating_sub(from_fees)),
    ];
    let (mut movements, mut owed_minor) = (Vec::new(), found.buyer_owed_minor);
    for (from, minor) in parts {
        movements.extend(netted(from, buyer, Money::new(minor, currency), owed_minor));
        owed_minor = owed_minor.saturating_sub(minor);
    }
    sides.journal(JournalKind::Recovery, movements)
}

/// A seller asks for money out.
pub fn withdrawal(id: WithdrawalId, organization: OrganizationId, amount: Money) -> Result<Journal, Unbuildable> {
    let subject = Subject::Withdrawal(id);
    own(JournalKind::Withdrawal, subject, organization, AccountKind::Available, AccountKind::Payout, amount)
}

/// The bank carried a withdrawal out.
pub fn withdrawal_paid(id: WithdrawalId, organization: OrganizationId, amount: Money) -> Result<Journal, Unbuildable> {
    let from = Account::of(organization, AccountKind::Payout, amount.currency);
    let to = Account::exchange(AccountKind::ExternalBank, amount.currency);
    Ok(Journal::new(JournalKind::WithdrawalPaid, Subject::Withdrawal(id), moved(from, to, amount.minor))?)
}

/// The bank returned a withdrawal, or its organization took it back. `owed_minor` is what the organization owes the
/// exchange: it is paid first.
pub fn withdrawal_failed(
    id: WithdrawalId,
    organization: OrganizationId,
    amount: Money,
    owed_minor: i64,
) -> Result<Journal, Unbuildable> {
    let from = Account::of(organization, AccountKind::Payout, amount.currency);
    let movements = netted(from, organization, amount, owed_minor);
    Ok(Journal::new(JournalKind::WithdrawalFailed, Subject::Withdrawal(id), movements)?)
}

/// A payer took `amount` back through `outside`: what is there goes, the rest becomes the organization's debt.
pub fn chargeback(
    id: ChargebackId,
    organization: OrganizationId,
    outside: AccountKind,
    amount: Money,
    spendable_minor: i64,
) -> Result<Journal, Unbuildable> {
    let to = Account::exchange(outside, amount.currency);
    let there = amount.minor.min(spendable_minor.max(0));
    let mut movements = moved(Account::of(organization, AccountKind::Available, amount.currency), to, there);
    let debt = amount.minor.saturating_sub(there);
    movements.extend(moved(Account::of(organization, AccountKind::Receivable, amount.currency), to, debt));
    Ok(Journal::new(JournalKind::Chargeback, Subject::Chargeback(id), movements)?)
}

/// An operator moves amounts, in minor units, from accounts of one kind and owner to another account.
pub fn correction(id: CorrectionId, parts: &[(Account, i64)], to: Account) -> Result<Journal, Unbuildable> {
    let movements = parts.iter().map(|&(from, amount_minor)| Movement { from, to, amount_minor }).collect();
    Ok(Journal::new(JournalKind::Correction, Subject::Correction(id), movements)?)
}

fn own(
    kind: JournalKind,
    subject: Subject,
    organization: OrganizationId,
    from: AccountKind,
    to: AccountKind,
    amount: Money,
) -> Result<Journal, Unbuildable> {
    let account = |kind| Account::of(organization, kind, amount.currency);
    Ok(Journal::new(kind, subject, moved(account(from), account(to), amount.minor))?)
}

pub(super) fn moved(from: Account, to: Account, amount_minor: i64) -> Vec<Movement> {
    if amount_minor == 0 { Vec::new() } else { vec![Movement { from, to, amount_minor }] }
}

pub(super) fn netted(from: Account, organization: OrganizationId, amount: Money, owed_minor: i64) -> Vec<Movement> {
    let account = |kind, currency: Currency| Account::of(organization, kind, currency);
    let paid_back = amount.minor.min(owed_minor.max(0));
    let mut movements = moved(from, account(AccountKind::Receivable, amount.currency), paid_back);
    movements.extend(moved(from, account(AccountKind::Available, amount.currency), amount.minor.saturating_sub(paid_back)));
    movements
}

fn divided(sides: &Sides, shares: Shares, owed: Owed) -> Vec<Movement> {
    let escrow = sides.seller_account(AccountKind::Escrow);
    let money = |minor| Money::new(minor, sides.price.currency);
    let mut movements = netted(escrow, sides.buyer, money(shares.refund_minor), owed.buyer_minor);
    movements.extend(netted(escrow, sides.seller, money(shares.income_minor), owed.seller_minor));
    movements.extend(moved(escrow, sides.fees(), shares.commission_minor));
    movements
}
