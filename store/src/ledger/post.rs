//! Writing journals: lock the accounts, record the journals in memory, write balances and transfers set-based.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::identity;

use domain::id::{JournalId, OrganizationId, TransferId, TypedId};
use domain::ledger::{Account, AccountKind, Journal, Movement};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;

use super::accounts::{self, Row, is_locked_last};
use super::stop;
use crate::changes::{Changes, overtaken};
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::rows::{Column, Get};
use crate::write::Tx;

/// What a person adds to a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// A remark, shown on statements.
    pub memo: Option<String>,
    /// The user who recorded it.
    pub recorded_by: Option<Uuid>,
}

/// Locked accounts and the journals recorded on them, until [`Ledger::flush`] writes all at once.
///
/// A transaction that posts several journals locks the accounts of all of them in one go: the locks have one order, so two
/// such transactions wait for each other and never both.
#[derive(Debug)]
pub struct Ledger {
    tx: Tx,
    now: Timestamp,
    stopped: bool,
    rows: BTreeMap<Account, Row>,
    journals: Vec<JournalRow>,
    transfers: Vec<TransferRow>,
    told: Vec<OrganizationId>,
    /// The rows as they were before what an attempt has recorded, in that order.
    before: Vec<Row>,
}

#[derive(Debug)]
struct JournalRow {
    id: Uuid,
    kind: &'static str,
    effect: &'static str,
    subject_kind: &'static str,
    subject_id: Uuid,
    currency: domain::money::Currency,
    note: Note,
    created_at: Timestamp,
}

const JOURNAL: &[Column<JournalRow>] = &[
    ("id", Get::Id(|row| row.id)),
    ("kind", Get::Text(|row| row.kind)),
    ("effect", Get::Text(|row| row.effect)),
    ("subject_kind", Get::Text(|row| row.subject_kind)),
    ("subject_id", Get::Id(|row| row.subject_id)),
    ("currency", Get::Text(|row| row.currency.code())),
    ("memo", Get::MaybeText(|row| row.note.memo.as_deref())),
    ("recorded_by", Get::MaybeId(|row| row.note.recorded_by)),
    ("created_at", Get::Instant(|row| row.created_at)),
];

#[derive(Debug)]
struct TransferRow {
    id: Uuid,
    journal_id: Uuid,
    position: i64,
    amount_minor: i64,
    from: Row,
    to: Row,
    created_at: Timestamp,
}

const TRANSFER: &[Column<TransferRow>] = &[
    ("id", Get::Id(|row| row.id)),
    ("journal_id", Get::Id(|row| row.journal_id)),
    ("position", Get::Integer(|row| row.position)),
    ("from_account_id", Get::Id(|row| row.from.id)),
    ("to_account_id", Get::Id(|row| row.to.id)),
    ("amount_minor", Get::Integer(|row| row.amount_minor)),
    ("from_balance_minor", Get::Integer(|row| row.from.balance_minor)),
    ("from_version", Get::Integer(|row| row.from.version)),
    ("to_balance_minor", Get::Integer(|row| row.to.balance_minor)),
    ("to_version", Get::Integer(|row| row.to.version)),
    ("created_at", Get::Instant(|row| row.created_at)),
];

const BALANCE: &[Column<Row>] = &[
    ("id", Get::Id(|row| row.id)),
    ("balance_minor", Get::Integer(|row| row.balance_minor)),
    ("version", Get::Integer(|row| row.version)),
    ("version_before", Get::MaybeInteger(|row| row.stored)),
];

const ACCOUNT: &[Column<(Row, Timestamp)>] = &[
    ("id", Get::Id(|(row, _)| row.id)),
    ("organization_id", Get::MaybeId(|(row, _)| row.account.organization.map(Uuid::from))),
    ("kind", Get::Text(|(row, _)| row.account.kind.as_str())),
    ("stripe_no", Get::Integer(|(row, _)| row.account.stripe.into())),
    ("currency", Get::Text(|(row, _)| row.account.currency.code())),
    ("balance_minor", Get::Integer(|(row, _)| row.balance_minor)),
    ("version", Get::Integer(|(row, _)| row.version)),
    ("created_at", Get::Instant(|(_, now)| *now)),
];

/// Posts one journal.
pub async fn post(tx: &Tx, journal: &Journal, note: Note) -> Result<JournalId, WriteError> {
    let mut ledger = Ledger::lock(tx, journal.accounts()).await?;
    let id = ledger.record(journal, note)?;
    ledger.flush().await?;
    Ok(id)
}

impl Ledger {
    /// Locks `accounts`. Refused while money is stopped.
    pub async fn lock(tx: &Tx, accounts: impl IntoIterator<Item = Account>) -> Result<Self, WriteError> {
        let accounts: BTreeSet<Account> = accounts.into_iter().collect();
        let rows = accounts::locked(tx, &accounts).await?;
        let (now, stopped) = stop::now_and_stopped(tx).await?;
        if stopped { Err(stop::refusal().into()) } else { Ok(Self::open(tx, rows, now, false)) }
    }

    /// Locks `accounts` for several commands that were begun at `now`: while money is stopped each that records something is
    /// refused by itself. Escrow is locked when it is written, so that one seller's sales hold each other up as briefly as can
    /// be; that it holds enough is found then.
    pub(crate) async fn lock_at(
        tx: &Tx,
        accounts: &BTreeSet<Account>,
        now: Timestamp,
        stopped: bool,
    ) -> Result<Self, StoreError> {
        let (later, first): (BTreeSet<Account>, BTreeSet<Account>) = accounts.iter().partition(|account| is_locked_last(account));
        let mut rows = accounts::locked(tx, &first).await?;
        rows.extend(later.into_iter().map(|account| (account, Row::later(account))));
        Ok(Self::open(tx, rows, now, stopped))
    }

    fn open(tx: &Tx, rows: BTreeMap<Account, Row>, now: Timestamp, stopped: bool) -> Self {
        let (journals, transfers, told, before) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { tx: tx.clone(), now, stopped, rows, journals, transfers, told, before }
    }

    /// The balance after what was recorded so far, in minor units; of an account that was not locked what was recorded alone.
    #[must_use]
    pub fn balance_minor(&self, account: Account) -> i64 {
        self.rows.get(&account).map_or(0, |row| row.balance_minor)
    }

    /// What an organization owes the exchange, in minor units, after what was recorded so far.
    #[must_use]
    pub fn owed_minor(&self, organization: OrganizationId, currency: domain::money::Currency) -> i64 {
        self.balance_minor(Account::of(organization, AccountKind::Receivable, currency)).saturating_neg().max(0)
    }

    /// The instant that the journals bear.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Tells an organization that its wallet looks different, although none of its accounts moves: what is held of its money is
    /// part of the wallet too.
    pub fn tell(&mut self, organization: OrganizationId) {
        self.told.push(organization);
    }

    /// Records all of what `body` records, or, when it is refused, nothing of it.
    pub fn attempt<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T, WriteError>) -> Result<T, WriteError> {
        let (journals, transfers, told) = (self.journals.len(), self.transfers.len(), self.told.len());
        self.before.clear();
        let done = body(self);
        if done.is_err() {
            self.journals.truncate(journals);
            self.transfers.truncate(transfers);
            self.told.truncate(told);
            for row in self.before.drain(..).rev() {
                self.rows.insert(row.account, row);
            }
        }
        done
    }

    /// Records `journal` on the locked accounts, or refuses it whole when one of them holds too little.
    pub fn record(&mut self, journal: &Journal, note: Note) -> Result<JournalId, WriteError> {
        if self.stopped {
            return Err(stop::refusal().into());
        }
        let id: JournalId = self.tx.id();
        let now = self.now;
        let mut rows = BTreeMap::new();
        let mut transfers = Vec::with_capacity(journal.movements().len());
        for (position, movement) in (0_i64..).zip(journal.movements()) {
            let from = self.moved(&mut rows, movement.from, movement.amount_minor.checked_neg(), movement)?;
            let to = self.moved(&mut rows, movement.to, Some(movement.amount_minor), movement)?;
            transfers.push(TransferRow {
                id: self.tx.id::<TransferId>().uuid(),
                journal_id: id.0,
                position,
                amount_minor: movement.amount_minor,
                from,
                to,
                created_at: now,
            });
        }
        for row in rows.into_values() {
            self.before.extend(self.rows.insert(row.account, row));
        }
        self.transfers.extend(transfers);
        self.journals.push(JournalRow {
            id: id.0,
            kind: journal.kind().as_str(),
            effect: journal.kind().effect(),
            subject_kind: journal.subject().kind(),
            subject_id: journal.subject().uuid(),
            currency: journal.currency(),
            note,
            created_at: now,
        });
        Ok(id)
    }

    /// Writes everything that was recorded, and tells the organizations concerned.
    pub async fn flush(self) -> Result<(), WriteError> {
        let tx = self.tx.clone();
        let mut changes = tx.changes();
        tx.emit_with(&mut changes, self.news(), self.now)?;
        self.write(changes).await
    }

    /// What is to be told of everything that was recorded.
    pub(crate) fn news(&self) -> Vec<Event> {
        if self.journals.is_empty() {
            return Vec::new();
        }
        let moved = self.changed().filter_map(|row| row.account.organization);
        let organizations: BTreeSet<OrganizationId> = moved.chain(self.told.iter().copied()).collect();
        let changed = |organization: OrganizationId| Event {
            topic: "wallet.changed",
            subject_id: organization.0,
            audience: vec![organization],
            payload: serde_json::json!({}),
        };
        organizations.into_iter().map(changed).collect()
    }

    /// Writes `changes` and everything that was recorded, what others wait for last.
    pub(crate) async fn write(mut self, mut changes: Changes) -> Result<(), WriteError> {
        changes.insert("journal", JOURNAL, &self.journals, repeated);
        let later: BTreeSet<Account> = self.changed().filter(|row| !row.is_locked()).map(|row| row.account).collect();
        if !later.is_empty() {
            changes.write().await?;
            self.lock_later(&later).await?;
            changes = self.tx.changes();
        }
        let (there, new): (Vec<Row>, Vec<Row>) = self.changed().copied().partition(|row| row.stored.is_some());
        accounts_make(&mut changes, &new, self.now);
        balances_write(&mut changes, &there);
        changes.insert("transfer", TRANSFER, &self.transfers, identity);
        changes.write().await
    }

    fn changed(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(|row| row.stored != Some(row.version) && row.version > 0)
    }

    /// Locks what was left for the end, and counts what was recorded on it from what it holds.
    async fn lock_later(&mut self, later: &BTreeSet<Account>) -> Result<(), WriteError> {
        let locked = accounts::locked(&self.tx, later).await?;
        let ends = self.transfers.iter_mut().flat_map(|transfer| {
            let TransferRow { from, to, amount_minor, .. } = transfer;
            [(from, *amount_minor), (to, *amount_minor)]
        });
        let rows = self.rows.values_mut().map(|row| (row, 0));
        for (row, amount_minor) in ends.chain(rows) {
            let Some(from) = locked.get(&row.account) else { continue };
            *row = row.counted_from(from).ok_or_else(too_large)?;
            within(row, amount_minor)?;
        }
        Ok(())
    }

    fn moved(
        &self,
        rows: &mut BTreeMap<Account, Row>,
        account: Account,
        by_minor: Option<i64>,
        movement: &Movement,
    ) -> Result<Row, WriteError> {
        let known = rows.get(&account).or_else(|| self.rows.get(&account)).copied();
        let row = known.ok_or(StoreError::Misuse("a journal touches an account that was not locked"))?;
        let balance_minor = by_minor.and_then(|by| row.balance_minor.checked_add(by)).ok_or_else(too_large)?;
        let row = Row { balance_minor, version: row.version.saturating_add(1), ..row };
        if row.is_locked() {
            within(&row, movement.amount_minor)?;
        }
        rows.insert(account, row);
        Ok(row)
    }
}

/// Makes accounts that nothing had moved on. Two transactions may do so at once: the second waits for the first, is then
/// tried again, and finds its row.
fn accounts_make(changes: &mut Changes, rows: &[Row], now: Timestamp) {
    let rows: Vec<(Row, Timestamp)> = rows.iter().map(|row| (*row, now)).collect();
    changes.insert("account", ACCOUNT, &rows, overtaken);
}

/// Writes what many accounts hold, guarded by the versions that were locked; the database's CHECK has the last word.
fn balances_write(changes: &mut Changes, rows: &[Row]) {
    let set = "balance_minor = given.balance_minor, version = given.version";
    let changed = || StoreError::Misuse("an account changed under its lock").into();
    changes.update("account", BALANCE, rows, (set, "account.id = given.id AND account.version = given.version_before"), changed);
}

fn repeated(error: WriteError) -> WriteError {
    error.repeated_as(Refusal::wrong_state("this movement of money has happened already"))
}

fn too_large() -> Refusal {
    Refusal::new(Code::TooLarge, "the balance would be too large")
}

/// Whether the account may hold what it holds after a movement of `amount_minor`.
fn within(row: &Row, amount_minor: i64) -> Result<(), Refusal> {
    let Row { account, balance_minor, .. } = row;
    if account.kind.floor().is_some_and(|floor| *balance_minor < floor) {
        return Err(lacking(account, amount_minor));
    }
    if account.kind.ceiling().is_some_and(|ceiling| *balance_minor > ceiling) {
        return Err(Refusal::new(Code::TooLarge, "more than the organization owes"));
    }
    Ok(())
}

fn lacking(account: &Account, amount_minor: i64) -> Refusal {
    let money = domain::money::Money::new(amount_minor, account.currency);
    let what = match account.kind {
        AccountKind::Available => "the wallet has less to spend",
        AccountKind::Reserved => "less is reserved",
        AccountKind::Escrow => "less is held",
        AccountKind::Payout => "less is on its way out",
        _ => "the account holds less",
    };
    Refusal::new(Code::InsufficientFunds, format!("{what} than {money}"))
}
