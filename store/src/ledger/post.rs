//! Writing journals: lock the accounts, record the journals in memory, write balances and transfers set-based.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{JournalId, OrganizationId, TransferId, TypedId};
use domain::ledger::{Account, AccountKind, Journal, Movement};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, Statement, Value};

use super::{accounts, stop};
use crate::db::STATEMENT_ROWS;
use crate::entity::{journal, transfer};
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::write::Tx;

/// What a person adds to a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// A remark, shown on statements.
    pub memo: Option<String>,
    /// The user who recorded it.
    pub recorded_by: Option<Uuid>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    id: Uuid,
    balance_minor: i64,
    version: i64,
    version_before: i64,
}

/// Locked accounts and the journals recorded on them, until [`Ledger::flush`] writes all at once.
///
/// A transaction that posts several journals locks the accounts of all of them in one go: the order of the locks is the
/// order of the ids, so two such transactions wait for each other and never both.
#[derive(Debug)]
pub struct Ledger {
    tx: Tx,
    now: Timestamp,
    rows: BTreeMap<Account, Row>,
    journals: Vec<journal::ActiveModel>,
    transfers: Vec<transfer::ActiveModel>,
    changed: BTreeSet<Account>,
    told: BTreeSet<OrganizationId>,
}

/// Posts one journal.
pub async fn post(tx: &Tx, journal: &Journal, note: Note) -> Result<JournalId, WriteError> {
    let mut ledger = Ledger::lock(tx, journal.accounts()).await?;
    let id = ledger.record(journal, note)?;
    ledger.flush().await?;
    Ok(id)
}

impl Ledger {
    /// Locks `accounts` in the order of their ids, making those that do not exist. Refused while money is stopped.
    pub async fn lock(tx: &Tx, accounts: impl IntoIterator<Item = Account>) -> Result<Self, WriteError> {
        stop::refuse_when_stopped(tx).await?;
        let accounts: BTreeSet<Account> = accounts.into_iter().collect();
        let rows = accounts::locked(tx, &accounts).await?;
        let row = |row: crate::entity::account::Model| Row {
            id: row.id,
            balance_minor: row.balance_minor,
            version: row.version,
            version_before: row.version,
        };
        let rows = rows.into_iter().map(|(account, model)| (account, row(model))).collect();
        let now = tx.now().await?;
        Ok(Self {
            tx: tx.clone(),
            now,
            rows,
            journals: Vec::new(),
            transfers: Vec::new(),
            changed: BTreeSet::new(),
            told: BTreeSet::new(),
        })
    }

    /// The balance after what was recorded so far, in minor units; 0 for an account that was not locked.
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
        self.told.insert(organization);
    }

    /// Records `journal` on the locked accounts, or refuses it whole when one of them holds too little.
    pub fn record(&mut self, journal: &Journal, note: Note) -> Result<JournalId, WriteError> {
        let id: JournalId = self.tx.id();
        let now = self.now;
        let mut rows = BTreeMap::new();
        let mut transfers = Vec::with_capacity(journal.movements().len());
        for (position, movement) in (0_i64..).zip(journal.movements()) {
            let from = self.moved(&mut rows, movement.from, movement.amount_minor.checked_neg(), movement)?;
            let to = self.moved(&mut rows, movement.to, Some(movement.amount_minor), movement)?;
            transfers.push(transfer::ActiveModel {
                id: Set(self.tx.id::<TransferId>().uuid()),
                journal_id: Set(id.0),
                position: Set(position),
                from_account_id: Set(from.id),
                to_account_id: Set(to.id),
                amount_minor: Set(movement.amount_minor),
                from_balance_minor: Set(from.balance_minor),
                from_version: Set(from.version),
                to_balance_minor: Set(to.balance_minor),
                to_version: Set(to.version),
                created_at: Set(now),
            });
        }
        self.changed.extend(rows.keys().copied());
        self.rows.extend(rows);
        self.transfers.extend(transfers);
        self.journals.push(journal::ActiveModel {
            id: Set(id.0),
            kind: Set(journal.kind().as_str().to_owned()),
            effect: Set(journal.kind().effect().to_owned()),
            subject_kind: Set(journal.subject().kind().to_owned()),
            subject_id: Set(journal.subject().uuid()),
            currency: Set(journal.currency().code().to_owned()),
            memo: Set(note.memo),
            recorded_by: Set(note.recorded_by),
            created_at: Set(now),
        });
        Ok(id)
    }

    /// Writes everything that was recorded, and tells the organizations concerned.
    pub async fn flush(self) -> Result<(), WriteError> {
        if self.journals.is_empty() {
            return Ok(());
        }
        let done = || Refusal::wrong_state("this movement of money has happened already");
        let tx = self.tx.clone();
        for journals in self.journals.chunks(STATEMENT_ROWS) {
            journal::Entity::insert_many(journals.iter().cloned())
                .exec_without_returning(tx.db())
                .await
                .map_err(|error| WriteError::from(error).repeated_as(done()))?;
        }
        for transfers in self.transfers.chunks(STATEMENT_ROWS) {
            transfer::Entity::insert_many(transfers.iter().cloned()).exec_without_returning(tx.db()).await?;
        }
        let changed: Vec<&Row> = self.changed.iter().filter_map(|account| self.rows.get(account)).collect();
        for rows in changed.chunks(STATEMENT_ROWS) {
            self.write_balances(rows).await?;
        }
        let moved = self.changed.iter().filter_map(|account| account.organization);
        let organizations: BTreeSet<OrganizationId> = moved.chain(self.told.iter().copied()).collect();
        let changed = |organization: OrganizationId| Event {
            topic: "wallet.changed",
            subject_id: organization.0,
            audience: vec![organization],
            payload: serde_json::json!({}),
        };
        tx.emit_all(organizations.into_iter().map(changed).collect()).await?;
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
        let balance_minor = by_minor
            .and_then(|by| row.balance_minor.checked_add(by))
            .ok_or_else(|| Refusal::new(Code::TooLarge, "the balance would be too large"))?;
        if account.kind.floor().is_some_and(|floor| balance_minor < floor) {
            return Err(lacking(&account, movement).into());
        }
        if account.kind.ceiling().is_some_and(|ceiling| balance_minor > ceiling) {
            return Err(Refusal::new(Code::TooLarge, "more than the organization owes").into());
        }
        let row = Row { balance_minor, version: row.version.saturating_add(1), ..row };
        rows.insert(account, row);
        Ok(row)
    }

    /// One statement for many accounts, guarded by the versions that were locked; the database's CHECK has the last word.
    async fn write_balances(&self, rows: &[&Row]) -> Result<(), WriteError> {
        let mut values: Vec<Value> = Vec::new();
        let mut tuples: Vec<String> = Vec::new();
        for row in rows {
            let n = values.len();
            let slot = |offset: usize| format!("${}", n.saturating_add(offset));
            tuples.push(format!("({}, {}, {}, {})", slot(1), slot(2), slot(3), slot(4)));
            values.extend([row.id.into(), row.balance_minor.into(), row.version.into(), row.version_before.into()]);
        }
        let sql = format!(
            "WITH change (id, balance_minor, version, version_before) AS (VALUES {}) \
             UPDATE account SET balance_minor = change.balance_minor, version = change.version \
             FROM change WHERE account.id = change.id AND account.version = change.version_before",
            tuples.join(", ")
        );
        let db = self.tx.db();
        let done = db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
        let expected = u64::try_from(tuples.len()).unwrap_or(u64::MAX);
        let changed = done.rows_affected() == expected;
        if changed { Ok(()) } else { Err(StoreError::Misuse("an account changed under its lock").into()) }
    }
}

fn lacking(account: &Account, movement: &Movement) -> Refusal {
    let money = domain::money::Money::new(movement.amount_minor, account.currency);
    let what = match account.kind {
        AccountKind::Available => "the wallet has less to spend",
        AccountKind::Reserved => "less is reserved",
        AccountKind::Escrow => "less is held",
        AccountKind::Payout => "less is on its way out",
        _ => "the account holds less",
    };
    Refusal::new(Code::InsufficientFunds, format!("{what} than {money}"))
}
