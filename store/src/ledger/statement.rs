//! The statement of one account: every movement that touched it, with the balance after it.

use domain::id::{JournalId, OrganizationId, TransferId};
use domain::ledger::{Account, AccountKind, JournalKind, Subject};
use domain::money::Currency;
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, Statement, Value};

use super::accounts;
use crate::db::Store;
use crate::error::StoreError;
use crate::page::{Page, Slice};

/// Where a row stands: the account's version after it, from 1 without gaps.
pub type StatementKey = i64;

/// One movement, seen from the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRow {
    /// The transfer.
    pub id: TransferId,
    /// Its journal.
    pub journal: JournalId,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub kind: JournalKind,
    /// To what.
    pub subject: Subject,
    /// What came in; negative when it went out.
    pub amount_minor: i64,
    /// The balance after it.
    pub balance_minor: i64,
    /// Where the row stands.
    pub key: StatementKey,
    /// What the operator who recorded it remarked.
    pub memo: Option<String>,
}

/// Which rows, in which order.
#[derive(Debug, Clone, Copy)]
enum Part {
    NewestBefore(StatementKey),
    OldestAfter(StatementKey),
}

#[derive(Debug, FromQueryResult)]
struct Row {
    id: Uuid,
    journal_id: Uuid,
    created_at: Timestamp,
    kind: String,
    subject_kind: String,
    subject_id: Uuid,
    amount_minor: i64,
    balance_minor: i64,
    version: i64,
    memo: Option<String>,
}

impl TryFrom<Row> for StatementRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            journal: row.journal_id.into(),
            at: row.created_at,
            kind: row.kind.parse().map_err(StoreError::corrupt)?,
            subject: Subject::from_parts(&row.subject_kind, row.subject_id).ok_or_else(|| StoreError::corrupt("a subject"))?,
            amount_minor: row.amount_minor,
            balance_minor: row.balance_minor,
            key: row.version,
            memo: row.memo,
        })
    }
}

impl Store {
    /// A page of the statement of an organization's account, newest first; empty when the account was never used.
    pub async fn statement(
        &self,
        organization: OrganizationId,
        kind: AccountKind,
        currency: Currency,
        page: &Page<StatementKey>,
    ) -> Result<Slice<StatementRow>, StoreError> {
        let part = Part::NewestBefore(page.after.unwrap_or(i64::MAX));
        let Some(account) = self.statement_account(organization, kind, currency).await? else {
            return Ok(Slice::cut(vec![], page));
        };
        let rows = self.statement_rows(account, part, page.limit()).await?;
        Ok(Slice::cut(rows, page))
    }

    /// Up to `limit` rows behind `after` of the same statement, oldest first, for a download.
    pub async fn statement_forward(
        &self,
        organization: OrganizationId,
        kind: AccountKind,
        currency: Currency,
        after: StatementKey,
        limit: u64,
    ) -> Result<Vec<StatementRow>, StoreError> {
        match self.statement_account(organization, kind, currency).await? {
            Some(account) => self.statement_rows(account, Part::OldestAfter(after), limit).await,
            None => Ok(Vec::new()),
        }
    }

    /// The exchange's own accounts with their balances, in minor units.
    pub async fn exchange_accounts(&self) -> Result<Vec<(Account, i64)>, StoreError> {
        let rows = accounts::of_exchange(self.read(), None).await?;
        rows.into_iter().map(|row| Ok((accounts::identity(&row)?, row.balance_minor))).collect()
    }

    /// A page of the statement of one of the exchange's own accounts, newest first; empty when it was never used.
    pub async fn exchange_statement(
        &self,
        account: Account,
        page: &Page<StatementKey>,
    ) -> Result<Slice<StatementRow>, StoreError> {
        let part = Part::NewestBefore(page.after.unwrap_or(i64::MAX));
        let rows = match accounts::of_exchange(self.read(), Some(account)).await?.first() {
            Some(row) => self.statement_rows(row.id, part, page.limit()).await?,
            None => Vec::new(),
        };
        Ok(Slice::cut(rows, page))
    }

    async fn statement_account(
        &self,
        organization: OrganizationId,
        kind: AccountKind,
        currency: Currency,
    ) -> Result<Option<Uuid>, StoreError> {
        let rows = accounts::of_organization(self.read(), organization, Some(kind)).await?;
        Ok(rows.into_iter().find(|row| row.currency == currency.code()).map(|row| row.id))
    }

    /// Both arms walk their own unique index from the key on, so that a page costs a page, however long the statement is.
    async fn statement_rows(&self, account: Uuid, part: Part, limit: u64) -> Result<Vec<StatementRow>, StoreError> {
        let (compare, direction, key) = match part {
            Part::NewestBefore(key) => ("<", "DESC", key),
            Part::OldestAfter(key) => (">", "ASC", key),
        };
        let arm = |side: &str, sign: &str| {
            format!(
                "SELECT * FROM (SELECT id, journal_id, created_at, {sign}amount_minor AS amount_minor, \
                 {side}_balance_minor AS balance_minor, {side}_version AS version FROM transfer \
                 WHERE {side}_account_id = $1 AND {side}_version {compare} $2 ORDER BY {side}_version {direction} LIMIT $3) AS {side}_side"
            )
        };
        let sql = format!(
            "SELECT entry.*, journal.kind, journal.subject_kind, journal.subject_id, journal.memo \
             FROM ({} UNION ALL {}) AS entry JOIN journal ON journal.id = entry.journal_id ORDER BY version {direction} LIMIT $3",
            arm("from", "-"),
            arm("to", "")
        );
        let values: Vec<Value> = vec![account.into(), key.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        let statement = Statement::from_sql_and_values(self.read().get_database_backend(), sql, values);
        let rows = Row::find_by_statement(statement).all(self.read()).await?;
        rows.into_iter().map(StatementRow::try_from).collect()
    }
}
