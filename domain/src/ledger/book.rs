//! A ledger in memory that knows nothing of any database: it applies journals one after another, refuses what the real one
//! must refuse, and can say whether all its sums agree. Tests hold the store against it.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{Account, AccountKind};
use super::journal::{Journal, JournalKind, Movement, Subject};
use crate::id::{BidId, OrganizationId, TradeId, WithdrawalId};
use crate::money::Currency;

/// Why the book refused a journal; it is then unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookRefusal {
    /// An account would fall below its floor.
    #[error("{0} would fall below its floor")]
    Floor(Account),
    /// An account would rise above its ceiling: more would be paid than is owed.
    #[error("{0} would rise above its ceiling")]
    Ceiling(Account),
    /// The subject has had this effect already.
    #[error("{1} has had its {0}")]
    Again(&'static str, Subject),
    /// The effect ends something that has not begun, or does not end all of it.
    #[error("{0} is not matched")]
    Unmatched(Subject),
    /// A balance would leave `i64`.
    #[error("{0} would overflow")]
    Overflow(Account),
}

/// A movement as it was written, with both accounts after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its journal, counted from 0.
    pub journal: usize,
    /// What moved.
    pub movement: Movement,
    /// The source after it.
    pub from_after: State,
    /// The target after it.
    pub to_after: State,
}

/// An account's balance and how often it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// The balance, in minor units.
    pub balance_minor: i64,
    /// How many movements have touched it.
    pub version: i64,
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The balances of a currency do not sum to zero.
    #[error("{0} sums to {1}")]
    Sum(Currency, i128),
    /// A balance is below its floor or above its ceiling.
    #[error("{0} holds {1}")]
    Bounds(Account, i64),
    /// A balance or version is not what its entries make it.
    #[error("{0} is not the sum of its entries")]
    Entries(Account),
    /// An organization's accounts do not hold what its open bids, holds or withdrawals say.
    #[error("{0} holds {1}, not {2}")]
    Open(Account, i64, i64),
}

/// The ledger in memory.
#[derive(Debug, Clone, Default)]
pub struct Book {
    accounts: BTreeMap<Account, State>,
    entries: Vec<Entry>,
    journals: usize,
    effects: BTreeSet<(&'static str, Subject)>,
    open: BTreeMap<Open, (Account, i64)>,
}

/// Something that locks money until it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Open {
    Bid(BidId),
    Trade(TradeId),
    Withdrawal(WithdrawalId),
}

impl Book {
    /// The account's balance and version; zero for one that nothing has touched.
    #[must_use]
    pub fn state(&self, account: Account) -> State {
        self.accounts.get(&account).copied().unwrap_or_default()
    }

    /// The balance of an organization's account.
    #[must_use]
    pub fn balance(&self, organization: OrganizationId, kind: AccountKind, currency: Currency) -> i64 {
        self.state(Account::of(organization, kind, currency)).balance_minor
    }

    /// Every account that something has touched.
    pub fn accounts(&self) -> impl Iterator<Item = (Account, State)> + '_ {
        self.accounts.iter().map(|(account, state)| (*account, *state))
    }

    /// Every movement, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes the journal, or refuses it whole. `bid` names the winning bid of a trade paid from what it locked.
    pub fn apply(&mut self, journal: &Journal, bid: Option<BidId>) -> Result<(), BookRefusal> {
        let mut next = self.clone();
        let effect = (journal.kind().effect(), journal.subject());
        if !next.effects.insert(effect) {
            return Err(BookRefusal::Again(effect.0, effect.1));
        }
        for movement in journal.movements() {
            let from_after = next.change(movement.from, movement.amount_minor.checked_neg())?;
            let to_after = next.change(movement.to, Some(movement.amount_minor))?;
            next.entries.push(Entry { journal: next.journals, movement: *movement, from_after, to_after });
        }
        next.track(journal, bid)?;
        next.journals = next.journals.saturating_add(1);
        *self = next;
        Ok(())
    }

    /// The first invariant that does not hold, if any.
    pub fn check(&self) -> Result<(), Broken> {
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for (account, state) in &self.accounts {
            let sum = sums.entry(account.currency).or_default();
            *sum = sum.saturating_add(i128::from(state.balance_minor));
            let below = account.kind.floor().is_some_and(|floor| state.balance_minor < floor);
            let above = account.kind.ceiling().is_some_and(|ceiling| state.balance_minor > ceiling);
            if below || above {
                return Err(Broken::Bounds(*account, state.balance_minor));
            }
        }
        if let Some((currency, sum)) = sums.into_iter().find(|(_, sum)| *sum != 0) {
            return Err(Broken::Sum(currency, sum));
        }
        self.check_entries()?;
        self.check_open()
    }

    fn change(&mut self, account: Account, by_minor: Option<i64>) -> Result<State, BookRefusal> {
        let state = self.accounts.entry(account).or_default();
        let balance = by_minor.and_then(|by| state.balance_minor.checked_add(by)).ok_or(BookRefusal::Overflow(account))?;
        if account.kind.floor().is_some_and(|floor| balance < floor) {
            return Err(BookRefusal::Floor(account));
        }
        if account.kind.ceiling().is_some_and(|ceiling| balance > ceiling) {
            return Err(BookRefusal::Ceiling(account));
        }
        *state = State { balance_minor: balance, version: state.version.saturating_add(1) };
        Ok(*state)
    }

    fn track(&mut self, journal: &Journal, bid: Option<BidId>) -> Result<(), BookRefusal> {
        let unmatched = BookRefusal::Unmatched(journal.subject());
        let total = |pick: fn(&Movement) -> Account, kind: AccountKind| {
            let of_kind = journal.movements().iter().filter(|m| pick(m).kind == kind);
            of_kind.fold((None, 0_i64), |(_, sum), m| (Some(pick(m)), sum.saturating_add(m.amount_minor)))
        };
        let into = |kind| total(|m| m.to, kind);
        let out_of = |kind| total(|m| m.from, kind);
        match (journal.kind(), journal.subject()) {
            (JournalKind::BidReserve, Subject::Bid(id)) => self.begin(Open::Bid(id), into(AccountKind::Reserved)),
            (JournalKind::BidRelease, Subject::Bid(id)) => {
                self.end(Open::Bid(id), out_of(AccountKind::Reserved)).ok_or(unmatched)?
            }
            (JournalKind::Trade, Subject::Trade(id)) => {
                if let Some(bid) = bid {
                    self.end(Open::Bid(bid), out_of(AccountKind::Reserved)).ok_or(unmatched)?;
                }
                self.begin(Open::Trade(id), into(AccountKind::Escrow));
            }
            (JournalKind::Release | JournalKind::Refund, Subject::Trade(id)) => {
                self.end(Open::Trade(id), out_of(AccountKind::Escrow)).ok_or(unmatched)?;
            }
            (JournalKind::Withdrawal, Subject::Withdrawal(id)) => self.begin(Open::Withdrawal(id), into(AccountKind::Payout)),
            (JournalKind::WithdrawalPaid | JournalKind::WithdrawalFailed, Subject::Withdrawal(id)) => {
                self.end(Open::Withdrawal(id), out_of(AccountKind::Payout)).ok_or(unmatched)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, what: Open, (account, amount): (Option<Account>, i64)) {
        if let Some(account) = account {
            self.open.insert(what, (account, amount));
        }
    }

    fn end(&mut self, what: Open, (account, amount): (Option<Account>, i64)) -> Option<()> {
        let (held_in, held) = self.open.remove(&what)?;
        (account == Some(held_in) && amount == held).then_some(())
    }

    fn check_entries(&self) -> Result<(), Broken> {
        let mut replayed: BTreeMap<Account, State> = BTreeMap::new();
        for entry in &self.entries {
            let sides = [
                (entry.movement.from, entry.movement.amount_minor.saturating_neg(), entry.from_after),
                (entry.movement.to, entry.movement.amount_minor, entry.to_after),
            ];
            for (account, by, after) in sides {
                let state = replayed.entry(account).or_default();
                state.balance_minor = state.balance_minor.saturating_add(by);
                state.version = state.version.saturating_add(1);
                if *state != after {
                    return Err(Broken::Entries(account));
                }
            }
        }
        let wrong = self.accounts.iter().find(|(account, state)| replayed.get(account) != Some(state));
        wrong.map_or(Ok(()), |(account, _)| Err(Broken::Entries(*account)))
    }

    fn check_open(&self) -> Result<(), Broken> {
        let mut expected: BTreeMap<Account, i64> = BTreeMap::new();
        for (account, amount) in self.open.values() {
            let sum = expected.entry(*account).or_default();
            *sum = sum.saturating_add(*amount);
        }
        for (account, state) in &self.accounts {
            let locks = matches!(account.kind, AccountKind::Reserved | AccountKind::Escrow | AccountKind::Payout);
            let open = expected.get(account).copied().unwrap_or(0);
            if locks && open != state.balance_minor {
                return Err(Broken::Open(*account, state.balance_minor, open));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
