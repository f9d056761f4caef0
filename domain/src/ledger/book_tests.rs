use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::id::{ChargebackId, CorrectionId, DepositId};
use crate::ledger::event::{self, Owed, Recoverable, Shares, Sides};
use crate::ledger::{JournalError, Unbuildable};
use crate::money::Money;

const EUR: Currency = Currency::EUR;

fn org(n: u8) -> OrganizationId {
    OrganizationId(Uuid::from_u128(u128::from(n) + 1))
}

fn id(n: usize) -> Uuid {
    Uuid::from_u128(n as u128 + 1000)
}

fn eur(minor: i64) -> Money {
    Money::new(minor, EUR)
}

fn funded(organization: OrganizationId, minor: i64) -> Book {
    let mut book = Book::default();
    let deposit = event::deposit(DepositId(id(0)), organization, AccountKind::ExternalBank, eur(minor), 0).unwrap();
    book.apply(&deposit, None).unwrap();
    book
}

fn sides(n: usize, buyer: u8, seller: u8, price: i64) -> Sides {
    Sides { trade: TradeId(id(n)), buyer: org(buyer), seller: org(seller), price: eur(price) }
}

#[derive(Debug, Clone)]
enum Command {
    Deposit(u8, i64),
    Reserve(u8, i64),
    Unreserve(prop::sample::Index),
    Buy(u8, u8, i64),
    BuyReserved(prop::sample::Index, u8, i64),
    Release(prop::sample::Index),
    Refund(prop::sample::Index, i64),
    Recover(prop::sample::Index),
    Withdraw(u8, i64),
    WithdrawalEnd(prop::sample::Index, bool),
    Chargeback(u8, i64),
    Correct(u8, u8, i64),
}

fn command() -> impl Strategy<Value = Command> {
    use Command as C;
    let who = || 0..4_u8;
    let amount = || 1..5_000_i64;
    let one = any::<prop::sample::Index>;
    prop_oneof![
        3 => (who(), 1..20_000_i64).prop_map(|(a, b)| C::Deposit(a, b)),
        3 => (who(), amount()).prop_map(|(a, b)| C::Reserve(a, b)),
        1 => one().prop_map(C::Unreserve),
        3 => (who(), who(), amount()).prop_map(|(a, b, c)| C::Buy(a, b, c)),
        2 => (one(), who(), amount()).prop_map(|(a, b, c)| C::BuyReserved(a, b, c)),
        3 => one().prop_map(C::Release),
        2 => (one(), 0..6_000_i64).prop_map(|(a, b)| C::Refund(a, b)),
        1 => one().prop_map(C::Recover),
        1 => (who(), amount()).prop_map(|(a, b)| C::Withdraw(a, b)),
        1 => (one(), any::<bool>()).prop_map(|(a, b)| C::WithdrawalEnd(a, b)),
        1 => (who(), amount()).prop_map(|(a, b)| C::Chargeback(a, b)),
        1 => (who(), who(), amount()).prop_map(|(a, b, c)| C::Correct(a, b, c)),
    ]
}

#[derive(Default)]
struct Run {
    book: Book,
    bids: Vec<(BidId, OrganizationId, i64)>,
    trades: Vec<Sides>,
    withdrawals: Vec<(WithdrawalId, OrganizationId, i64)>,
}

impl Run {
    fn owed(&self, organization: OrganizationId) -> i64 {
        -self.book.balance(organization, AccountKind::Receivable, EUR)
    }

    fn spendable(&self, organization: OrganizationId) -> i64 {
        self.book.balance(organization, AccountKind::Available, EUR)
    }

    /// The journal that the command asks for, when there is something to apply it to.
    fn journal(&mut self, n: usize, command: &Command) -> Option<(Result<Journal, Unbuildable>, Option<BidId>)> {
        use Command as C;
        let journal = match command {
            C::Deposit(who, minor) => {
                let owed = self.owed(org(*who));
                event::deposit(DepositId(id(n)), org(*who), AccountKind::ExternalBank, eur(*minor), owed)
            }
            C::Reserve(who, minor) => {
                self.bids.push((BidId(id(n)), org(*who), *minor));
                event::bid_reserve(BidId(id(n)), org(*who), eur(*minor))
            }
            C::Unreserve(at) => {
                let (bid, who, minor) = *pick(&self.bids, at)?;
                event::bid_release(bid, who, eur(minor), self.owed(who))
            }
            C::Buy(buyer, seller, minor) => {
                let sides = sides(n, *buyer, *seller, *minor);
                self.trades.push(sides);
                event::trade_from_available(&sides)
            }
            C::BuyReserved(at, seller, minor) => {
                let (bid, buyer, reserved) = *pick(&self.bids, at)?;
                let sides = Sides { trade: TradeId(id(n)), buyer, seller: org(*seller), price: eur(*minor) };
                self.trades.push(sides);
                return Some((event::trade_from_reserved(&sides, reserved, self.owed(buyer)), Some(bid)));
            }
            C::Release(at) => {
                let sides = *pick(&self.trades, at)?;
                event::release(&sides, 1000, self.owed(sides.seller))
            }
            C::Refund(at, minor) => {
                let sides = *pick(&self.trades, at)?;
                let owed = Owed { buyer_minor: self.owed(sides.buyer), seller_minor: self.owed(sides.seller) };
                event::refund_partly(&sides, *minor, 1000, owed)
            }
            C::Recover(at) => {
                let sides = *pick(&self.trades, at)?;
                self.book.effects.get(&("HOLD_END", Subject::Trade(sides.trade)))?;
                let found = Recoverable {
                    seller_minor: self.spendable(sides.seller),
                    fees_minor: self.book.state(sides.fees()).balance_minor,
                    buyer_owed_minor: self.owed(sides.buyer),
                };
                event::recovery(&sides, Shares::of(sides.price.minor, 0, 1000), found)
            }
            C::Withdraw(who, minor) => {
                self.withdrawals.push((WithdrawalId(id(n)), org(*who), *minor));
                event::withdrawal(WithdrawalId(id(n)), org(*who), eur(*minor))
            }
            C::WithdrawalEnd(at, paid) => {
                let (withdrawal, who, minor) = *pick(&self.withdrawals, at)?;
                if *paid {
                    event::withdrawal_paid(withdrawal, who, eur(minor))
                } else {
                    event::withdrawal_failed(withdrawal, who, eur(minor), self.owed(who))
                }
            }
            C::Chargeback(who, minor) => {
                let spendable = self.spendable(org(*who));
                event::chargeback(ChargebackId(id(n)), org(*who), AccountKind::ExternalStripe, eur(*minor), spendable)
            }
            C::Correct(from, to, minor) => {
                let account = |who| Account::of(org(who), AccountKind::Available, EUR);
                event::correction(CorrectionId(id(n)), &[(account(*from), *minor)], account(*to))
            }
        };
        Some((journal, None))
    }
}

fn pick<'a, T>(list: &'a [T], at: &prop::sample::Index) -> Option<&'a T> {
    (!list.is_empty()).then(|| at.get(list))
}

proptest! {
    #[test]
    fn whatever_is_asked_the_sums_agree(commands in prop::collection::vec(command(), 1..120)) {
        let mut run = Run::default();
        for (n, command) in commands.iter().enumerate() {
            let Some((Ok(journal), bid)) = run.journal(n, command) else { continue };
            let before = run.book.entries().len();
            if run.book.apply(&journal, bid).is_err() {
                prop_assert_eq!(run.book.entries().len(), before);
            }
            prop_assert_eq!(run.book.check(), Ok(()));
        }
    }

    #[test]
    fn shares_add_up_to_the_price(price in 0..=i64::MAX, refund in i64::MIN..=i64::MAX, bp in 0..=10_000_i64) {
        let shares = Shares::of(price, refund, bp);
        prop_assert!(shares.refund_minor >= 0 && shares.commission_minor >= 0 && shares.income_minor >= 0);
        prop_assert_eq!(
            i128::from(shares.refund_minor) + i128::from(shares.commission_minor) + i128::from(shares.income_minor),
            i128::from(price)
        );
    }
}

#[test]
fn a_release_pays_the_debt_first_then_the_seller_and_the_commission() {
    let sides = sides(1, 0, 1, 999);
    let journal = event::release(&sides, 1000, 300).unwrap();
    let escrow = Account::of(org(1), AccountKind::Escrow, EUR);
    let seller = |kind| Account::of(org(1), kind, EUR);
    assert_eq!(
        journal.movements(),
        [
            Movement { from: escrow, to: seller(AccountKind::Receivable), amount_minor: 300 },
            Movement { from: escrow, to: seller(AccountKind::Available), amount_minor: 600 },
            Movement { from: escrow, to: Account::fees(id(1), EUR), amount_minor: 99 },
        ]
    );
}

#[test]
fn a_hold_ends_once_and_whole() {
    let sides = sides(1, 0, 1, 1000);
    let mut book = funded(org(0), 5000);
    book.apply(&event::trade_from_available(&sides).unwrap(), None).unwrap();
    book.apply(&event::refund_partly(&sides, 333, 1000, Owed::default()).unwrap(), None).unwrap();
    assert_eq!(book.balance(org(0), AccountKind::Available, EUR), 4333);
    assert_eq!(book.balance(org(1), AccountKind::Available, EUR), 601);
    assert_eq!(book.state(Account::fees(id(1), EUR)).balance_minor, 66);
    let again = Err(BookRefusal::Again("HOLD_END", Subject::Trade(sides.trade)));
    assert_eq!(book.apply(&event::release(&sides, 1000, 0).unwrap(), None), again);
    assert_eq!(book.apply(&event::refund(&sides, 0).unwrap(), None), again);
    let wrong = Sides { price: eur(999), trade: TradeId(id(2)), ..sides };
    book.apply(&event::trade_from_available(&wrong).unwrap(), None).unwrap();
    let half = Sides { price: eur(500), ..wrong };
    assert_eq!(book.apply(&event::refund(&half, 0).unwrap(), None), Err(BookRefusal::Unmatched(Subject::Trade(wrong.trade))));
    assert_eq!(book.check(), Ok(()));
}

#[test]
fn an_overdraft_changes_nothing() {
    let mut book = funded(org(0), 100);
    let refused = book.apply(&event::bid_reserve(BidId(id(1)), org(0), eur(101)).unwrap(), None);
    assert_eq!(refused, Err(BookRefusal::Floor(Account::of(org(0), AccountKind::Available, EUR))));
    assert_eq!(book.balance(org(0), AccountKind::Available, EUR), 100);
    assert_eq!(book.entries().len(), 1);
}

#[test]
fn a_recovery_takes_what_is_there_and_books_the_rest_as_debt() {
    let sides = sides(1, 0, 1, 1000);
    let found = Recoverable { seller_minor: 250, fees_minor: 30, buyer_owed_minor: 0 };
    let journal = event::recovery(&sides, Shares::of(1000, 0, 1000), found).unwrap();
    let amounts: Vec<_> = journal.movements().iter().map(|m| (m.from.kind, m.amount_minor)).collect();
    let expected =
        [(AccountKind::Available, 250), (AccountKind::Receivable, 650), (AccountKind::Fees, 30), (AccountKind::Losses, 70)];
    assert_eq!(amounts, expected, "what the commission account lacks is the exchange's loss");
}

#[test]
fn whatever_a_debtor_gets_pays_its_debt_first() {
    let (sides, bid) = (sides(1, 0, 1, 600), BidId(id(9)));
    let paid = |journal: Result<Journal, Unbuildable>| {
        let journal = journal.unwrap();
        let into = |m: &&Movement| m.to.organization == Some(org(0)) && m.to.kind == AccountKind::Receivable;
        journal.movements().iter().filter(into).map(|m| m.amount_minor).sum::<i64>()
    };
    assert_eq!(paid(event::bid_release(bid, org(0), eur(600), 400)), 400);
    assert_eq!(paid(event::bid_release(bid, org(0), eur(600), 700)), 600);
    assert_eq!(paid(event::trade_from_reserved(&sides, 900, 400)), 300);
    assert_eq!(paid(event::refund(&sides, 400)), 400);
    assert_eq!(paid(event::refund_partly(&sides, 500, 1000, Owed { buyer_minor: 400, seller_minor: 0 })), 400);
    assert_eq!(paid(event::withdrawal_failed(WithdrawalId(id(8)), org(0), eur(600), 400)), 400);
    let found = Recoverable { seller_minor: 100, fees_minor: 10, buyer_owed_minor: 570 };
    assert_eq!(paid(event::recovery(&sides, Shares::of(600, 0, 1000), found)), 570);
}

#[test]
fn nobody_pays_more_than_is_owed() {
    let mut book = funded(org(0), 5000);
    let to = Account::of(org(0), AccountKind::Receivable, EUR);
    let from = Account::of(org(0), AccountKind::Available, EUR);
    let correction = event::correction(CorrectionId(id(1)), &[(from, 1)], to).unwrap();
    assert_eq!(book.apply(&correction, None), Err(BookRefusal::Ceiling(to)));
    assert_eq!(book.check(), Ok(()));
}

#[test]
fn pairs_that_a_kind_does_not_allow_are_refused() {
    let available = |n| Account::of(org(n), AccountKind::Available, EUR);
    let escrow = Account::of(org(1), AccountKind::Escrow, EUR);
    let one = |from, to, amount_minor| vec![Movement { from, to, amount_minor }];
    let trade = Subject::Trade(TradeId(id(1)));
    let refused = |kind, subject, movements| Journal::new(kind, subject, movements).unwrap_err();
    assert_eq!(refused(JournalKind::Trade, trade, vec![]), JournalError::Empty(JournalKind::Trade));
    assert_eq!(refused(JournalKind::Trade, trade, one(available(0), escrow, 0)), JournalError::Amount(0));
    assert_eq!(
        refused(JournalKind::Trade, trade, one(available(1), escrow, 5)),
        JournalError::Pair(JournalKind::Trade, available(1), escrow)
    );
    assert_eq!(
        refused(JournalKind::Deposit, trade, one(available(0), escrow, 5)),
        JournalError::Subject(JournalKind::Deposit, trade)
    );
    let fix = Subject::Correction(CorrectionId(id(1)));
    assert_eq!(
        refused(JournalKind::Correction, fix, one(escrow, available(0), 5)),
        JournalError::Pair(JournalKind::Correction, escrow, available(0))
    );
    let nobody = Account { organization: None, ..available(0) };
    assert_eq!(
        refused(JournalKind::Correction, fix, one(nobody, available(0), 5)),
        JournalError::Pair(JournalKind::Correction, nobody, available(0))
    );
    let usd = Account { currency: "USD".parse().unwrap(), ..available(1) };
    assert_eq!(refused(JournalKind::Correction, fix, one(available(0), usd, 5)), JournalError::Currency);
}
