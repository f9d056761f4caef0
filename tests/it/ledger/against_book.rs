//! Random sequences of journals, posted to the store and applied to the book: both accept and refuse the same, and end
//! with the same balances and versions.

use std::collections::BTreeMap;

use api::ports::{Entropy, SeededEntropy};
use domain::id::{BidId, ChargebackId, CorrectionId, DepositId, OrganizationId, TradeId, WithdrawalId};
use domain::ledger::book::Book;
use domain::ledger::event::{self, Owed, Recoverable, Shares, Sides};
use domain::ledger::{Account, AccountKind, Journal};
use store::WriteError;
use store::ledger::{self, Note};
use uuid::Uuid;

use super::market::{EUR, accounts, eur};
use crate::harness::{Exchange, on_each_backend};

const STEPS: u64 = 250;

/// What was begun, and may be ended, twice too.
#[derive(Default)]
struct Begun {
    bids: Vec<(BidId, OrganizationId, i64)>,
    trades: Vec<Sides>,
    withdrawals: Vec<(WithdrawalId, OrganizationId, i64)>,
}

struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, n: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % n
    }

    fn pick<T: Copy>(&self, list: &[T]) -> Option<T> {
        (!list.is_empty()).then(|| list[self.below(list.len() as u64) as usize])
    }
}

fn next(
    x: &Exchange,
    dice: &Dice,
    book: &Book,
    companies: &[OrganizationId],
    begun: &mut Begun,
) -> Option<(Journal, Option<BidId>)> {
    let (who, other) = (dice.pick(companies)?, dice.pick(companies)?);
    let minor = dice.below(3_000) as i64 + 1;
    let spendable = |who| book.balance(who, AccountKind::Available, EUR);
    let owed = |who| -book.balance(who, AccountKind::Receivable, EUR);
    let id: Uuid = x.app.store.id::<DepositId>().0;
    let journal = match dice.below(13) {
        0 | 1 => event::deposit(DepositId(id), who, AccountKind::ExternalBank, eur(minor * 4), owed(who)),
        2 => {
            begun.bids.push((BidId(id), who, minor));
            event::bid_reserve(BidId(id), who, eur(minor))
        }
        3 => dice.pick(&begun.bids).map(|(bid, who, minor)| event::bid_release(bid, who, eur(minor), owed(who)))?,
        4 | 5 => {
            let sides = Sides { trade: TradeId(id), buyer: who, seller: other, price: eur(minor) };
            begun.trades.push(sides);
            event::trade_from_available(&sides)
        }
        6 => {
            let (bid, buyer, reserved) = dice.pick(&begun.bids)?;
            let sides = Sides { trade: TradeId(id), buyer, seller: other, price: eur(minor.min(reserved)) };
            begun.trades.push(sides);
            return event::trade_from_reserved(&sides, reserved, owed(buyer)).ok().map(|journal| (journal, Some(bid)));
        }
        7 => dice.pick(&begun.trades).map(|sides| event::release(&sides, 1_000, owed(sides.seller)))?,
        8 => {
            let sides = dice.pick(&begun.trades)?;
            let owed = Owed { buyer_minor: owed(sides.buyer), seller_minor: owed(sides.seller) };
            event::refund_partly(&sides, minor.min(sides.price.minor), 1_000, owed)
        }
        9 => {
            begun.withdrawals.push((WithdrawalId(id), who, minor));
            event::withdrawal(WithdrawalId(id), who, eur(minor))
        }
        10 => {
            let (withdrawal, who, minor) = dice.pick(&begun.withdrawals)?;
            if dice.below(2) == 0 {
                event::withdrawal_paid(withdrawal, who, eur(minor))
            } else {
                event::withdrawal_failed(withdrawal, who, eur(minor), owed(who))
            }
        }
        11 => {
            let sides = dice.pick(&begun.trades)?;
            let found = Recoverable {
                seller_minor: spendable(sides.seller),
                fees_minor: book.state(sides.fees()).balance_minor,
                buyer_owed_minor: owed(sides.buyer),
            };
            event::recovery(&sides, Shares::of(sides.price.minor, 0, 1_000), found)
        }
        _ if dice.below(2) == 0 => {
            event::chargeback(ChargebackId(id), who, AccountKind::ExternalStripe, eur(minor), spendable(who))
        }
        _ => {
            let available = |who| Account::of(who, AccountKind::Available, EUR);
            event::correction(CorrectionId(id), &[(available(who), minor)], available(other))
        }
    };
    journal.ok().map(|journal| (journal, None))
}

on_each_backend! {
    async fn the_store_and_the_book_agree(x: Exchange) {
        let mut companies = Vec::new();
        for name in ["A", "B", "C"] {
            companies.push(x.organization(name).await.org());
        }
        let (dice, mut book, mut begun) = (Dice(SeededEntropy::new(42)), Book::default(), Begun::default());
        let (mut accepted, mut refused) = (0, 0);
        for _ in 0..STEPS {
            let Some((journal, bid)) = next(&x, &dice, &book, &companies, &mut begun) else { continue };
            // Whether what ends had begun is the rows' business (the trade's state, the bid's state), not the ledger's.
            let applied = match book.apply(&journal, bid) {
                Err(domain::ledger::book::BookRefusal::Unmatched(_)) => continue,
                other => other,
            };
            let posted: Result<_, WriteError> = x.app.store.write("post", |tx| {
                let journal = journal.clone();
                async move { ledger::post(&tx, &journal, Note::default()).await }
            }).await;
            assert!(matches!(posted, Ok(_) | Err(WriteError::Refused(_))), "{posted:?}");
            assert_eq!(posted.is_ok(), applied.is_ok(), "{journal:?}: {posted:?}, {applied:?}");
            if posted.is_ok() { accepted += 1 } else { refused += 1 }
            book.check().unwrap();
        }
        assert!(accepted > 60 && refused > 20, "{accepted} accepted, {refused} refused");
        let book: BTreeMap<_, _> = book.accounts().map(|(account, state)| (account, (state.balance_minor, state.version))).collect();
        let mut rows = accounts(&x).await;
        rows.retain(|account, state| *state != (0, 0) || book.contains_key(account));
        assert_eq!(rows, book);
    }
}
