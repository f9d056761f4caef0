//! Statements that change rows, sent together.
//!
//! What a transaction writes to several tables are statements that do not need each other's outcome. On Postgres each costs a
//! round trip and a start of its own, so they become one statement with a WITH for each; in SQLite, which is called and not
//! asked, they run one after another. Postgres does not say in which order the parts of one statement run: what must come
//! before something else, since a key has room for one of the two, belongs to [`Changes`] of its own. Foreign keys are checked
//! at the end of the whole statement, and in SQLite of each, so what is referred to is added first.

use std::fmt::Write;

use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use crate::db::Backend;
use crate::error::{Fault, StoreError, WriteError, table_of};
use crate::rows::{Column, Given, names};
use crate::write::Tx;

/// Changes that wait to be written together.
pub(crate) struct Changes {
    tx: Tx,
    parts: Vec<Part>,
}

/// One statement.
struct Part {
    table: &'static str,
    sql: String,
    values: Vec<Value>,
    rows: usize,
    /// What the transaction answers when the database refuses a row.
    refused: fn(WriteError) -> WriteError,
    /// What it answers when fewer rows were changed than were given.
    fewer: fn() -> WriteError,
}

impl Tx {
    /// Changes of this transaction, none yet.
    pub(crate) fn changes(&self) -> Changes {
        Changes { tx: self.clone(), parts: Vec::new() }
    }
}

impl Changes {
    /// Adds `rows` to `table`, in their order; `refused` says what an error means.
    pub(crate) fn insert<T>(
        &mut self,
        table: &'static str,
        columns: &[Column<T>],
        rows: &[T],
        refused: fn(WriteError) -> WriteError,
    ) {
        if rows.is_empty() {
            return;
        }
        let given = self.given(columns, rows);
        let names = names(columns);
        let sql = format!("INSERT INTO {table} ({names}) SELECT {names} FROM {given}");
        let fewer = || StoreError::Misuse("a row was not added").into();
        self.parts.push(Part { table, sql, values: given.into_values(), rows: rows.len(), refused, fewer });
    }

    /// Runs `UPDATE table SET set FROM given WHERE condition`, in which `given` are the rows: each changes one row of the table,
    /// or `fewer` says why not.
    pub(crate) fn update<T>(
        &mut self,
        table: &'static str,
        columns: &[Column<T>],
        rows: &[T],
        (set, condition): (&str, &str),
        fewer: fn() -> WriteError,
    ) {
        if rows.is_empty() {
            return;
        }
        let given = self.given(columns, rows);
        let sql = format!("UPDATE {table} SET {set} FROM {given} WHERE {condition}");
        let refused = std::convert::identity;
        self.parts.push(Part { table, sql, values: given.into_values(), rows: rows.len(), refused, fewer });
    }

    /// Writes them all, or says what one of them met.
    pub(crate) async fn write(self) -> Result<(), WriteError> {
        let Self { tx, parts } = self;
        if tx.backend() == Backend::Postgres && parts.len() > 1 {
            return together(&tx, parts).await;
        }
        for mut part in parts {
            let values = std::mem::take(&mut part.values);
            let statement = Statement::from_sql_and_values(tx.db().get_database_backend(), &part.sql, values);
            let changed = tx.db().execute_raw(statement).await.map_err(|error| (part.refused)(error.into()))?;
            part.counted(usize::try_from(changed.rows_affected()).ok())?;
        }
        Ok(())
    }

    /// The rows as a table whose places are behind those of the parts before it.
    fn given<T>(&self, columns: &[Column<T>], rows: &[T]) -> Given {
        let before = match self.tx.backend() {
            Backend::Postgres => self.parts.iter().map(|part| part.values.len()).sum(),
            Backend::Sqlite => 0,
        };
        Given::behind(self.tx.backend(), before, columns, rows)
    }
}

impl Part {
    fn counted(&self, changed: Option<usize>) -> Result<(), WriteError> {
        if changed == Some(self.rows) { Ok(()) } else { Err((self.fewer)()) }
    }
}

/// One statement that answers how many rows each part has changed.
async fn together(tx: &Tx, mut parts: Vec<Part>) -> Result<(), WriteError> {
    let (mut with, mut counts, mut values) = (String::new(), String::new(), Vec::new());
    for (number, part) in parts.iter_mut().enumerate() {
        let comma = if number > 0 { ", " } else { "" };
        // Writing to a text does not fail.
        write!(with, "{comma}part_{number} AS ({} RETURNING 1)", part.sql).unwrap_or_default();
        write!(counts, "{comma}(SELECT COUNT(*) FROM part_{number})").unwrap_or_default();
        values.append(&mut part.values);
    }
    let sql = format!("WITH {with} SELECT {counts}");
    let statement = Statement::from_sql_and_values(tx.db().get_database_backend(), sql, values);
    let answered = tx.db().query_one_raw(statement).await.map_err(|error| refused(&parts, error))?;
    let row = answered.ok_or(StoreError::Misuse("a statement without its counts"))?;
    for (number, part) in parts.iter().enumerate() {
        let changed: i64 = row.try_get_by_index(number).map_err(StoreError::from)?;
        part.counted(usize::try_from(changed).ok())?;
    }
    Ok(())
}

/// What an error means is said by the part whose table it is of.
fn refused(parts: &[Part], error: DbErr) -> WriteError {
    let table = table_of(&error).map(str::to_owned);
    let part = parts.iter().find(|part| table.as_deref() == Some(part.table));
    let error = WriteError::from(error);
    match part {
        Some(part) => (part.refused)(error),
        None => error,
    }
}

/// What was to be added is there already: the transaction is tried again, and finds it.
pub(crate) fn overtaken(error: WriteError) -> WriteError {
    if error.fault() == Some(Fault::Unique) { StoreError::Overtaken.into() } else { error }
}
