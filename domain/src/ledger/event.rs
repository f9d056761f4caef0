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

/// A lost or withdrawn bid returns all that it locked.
pub fn bid_release(bid: BidId, buyer: OrganizationId, amount: Money) -> Result<Journal, Unbuildable> {
    own(JournalKind::BidRelease, Subject::Bid(bid), buyer, AccountKind::Reserved, AccountKind::Available, amount)
}

/// A purchase paid from what the buyer can spend.
pub fn trade_from_available(sides: &Sides) -> Result<Journal, Unbuildable> {
    let from = sides.buyer_account(AccountKind::Available);
    let to = sides.seller_account(AccountKind::Escrow);
    sides.journal(JournalKind::Trade, moved(from, to, sides.price.minor))
}

/// A purchase paid from what the winning bid locked; what the price does not use returns to the buyer.
pub fn trade_from_reserved(sides: &Sides, reserved_minor: i64) -> Result<Journal, Unbuildable> {
    let unused = reserved_minor.checked_sub(sides.price.minor).filter(|&rest| rest >= 0);
    let unused = unused.ok_or(Unbuildable::Parts(reserved_minor))?;
    let from = sides.buyer_account(AccountKind::Reserved);
    let mut movements = moved(from, sides.seller_account(AccountKind::Escrow), sides.price.minor);
    movements.extend(moved(from, sides.buyer_account(AccountKind::Available), unused));
    sides.journal(JournalKind::Trade, movements)
}

/// A hold ends for the seller, less commission. `owed_minor` is what the seller owes the exchange: it is paid first.
pub fn release(sides: &Sides, commission_bp: i64, owed_minor: i64) -> Result<Journal, Unbuildable> {
    let shares = Shares::of(sides.price.minor, 0, commission_bp);
    sides.journal(JournalKind::Release, divided(sides, shares, owed_minor))
}

/// A hold ends for the buyer, in full.
pub fn refund(sides: &Sides) -> Result<Journal, Unbuildable> {
    let shares = Shares::of(sides.price.minor, sides.price.minor, 0);
    sides.journal(JournalKind::Refund, divided(sides, shares, 0))
}

/// A hold ends for both: `refund_minor` for the buyer, the rest as a release. `owed_minor` as in [`release`].
pub fn refund_partly(sides: &Sides, refund_minor: i64, commission_bp: i64, owed_minor: i64) -> Result<Journal, Unbuildable> {
    if !(0..=sides.price.minor).contains(&refund_minor) {
        return Err(Unbuildable::Parts(sides.price.minor));
    }
    let shares = Shares::of(sides.price.minor, refund_minor, commission_bp);
    sides.journal(JournalKind::Refund, divided(sides, shares, owed_minor))
}

/// The buyer gets back what a finished hold gave to the seller and to the exchange. `spendable_minor` is what the seller has:
/// what it lacks becomes its debt.
pub fn recovery(sides: &Sides, shares: Shares, spendable_minor: i64) -> Result<Journal, Unbuildable> {
    let to = sides.buyer_account(AccountKind::Available);
    let from_seller = shares.income_minor.min(spendable_minor.max(0));
    let debt = shares.income_minor.saturating_sub(from_seller);
    let mut movements = moved(sides.seller_account(AccountKind::Available), to, from_seller);
    movements.extend(moved(sides.seller_account(AccountKind::Receivable), to, debt));
    movements.extend(moved(sides.fees(), to, shares.commission_minor));
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

/// The bank returned a withdrawal.
pub fn withdrawal_failed(id: WithdrawalId, organization: OrganizationId, amount: Money) -> Result<Journal, Unbuildable> {
    let subject = Subject::Withdrawal(id);
    own(JournalKind::WithdrawalFailed, subject, organization, AccountKind::Payout, AccountKind::Available, amount)
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

/// An operator moves `amount_minor` from one account to another.
pub fn correction(id: CorrectionId, from: Account, to: Account, amount_minor: i64) -> Result<Journal, Unbuildable> {
    let movement = Movement { from, to, amount_minor };
    Ok(Journal::new(JournalKind::Correction, Subject::Correction(id), vec![movement])?)
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

fn moved(from: Account, to: Account, amount_minor: i64) -> Vec<Movement> {
    if amount_minor == 0 { Vec::new() } else { vec![Movement { from, to, amount_minor }] }
}

fn netted(from: Account, organization: OrganizationId, amount: Money, owed_minor: i64) -> Vec<Movement> {
    let account = |kind, currency: Currency| Account::of(organization, kind, currency);
    let paid_back = amount.minor.min(owed_minor.max(0));
    let mut movements = moved(from, account(AccountKind::Receivable, amount.currency), paid_back);
    movements.extend(moved(from, account(AccountKind::Available, amount.currency), amount.minor.saturating_sub(paid_back)));
    movements
}

fn divided(sides: &Sides, shares: Shares, owed_minor: i64) -> Vec<Movement> {
    let escrow = sides.seller_account(AccountKind::Escrow);
    let income = Money::new(shares.income_minor, sides.price.currency);
    let mut movements = moved(escrow, sides.buyer_account(AccountKind::Available), shares.refund_minor);
    movements.extend(netted(escrow, sides.seller, income, owed_minor));
    movements.extend(moved(escrow, sides.fees(), shares.commission_minor));
    movements
}
