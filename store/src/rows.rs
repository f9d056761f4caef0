//! Many rows in one statement whose text does not depend on their number, so that each database prepares and plans it once.
//!
//! Postgres gets one array for each column, SQLite one JSON text; both are then a table named `given`.

use std::fmt::Write;

use chrono::SecondsFormat;
use domain::time::Timestamp;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::db::Backend;
use crate::write::Tx;

/// A column's name and where a row's value comes from.
pub(crate) type Column<T> = (&'static str, Get<T>);

/// How a value is read off a row, by the type of its column.
pub(crate) enum Get<T> {
    Id(fn(&T) -> Uuid),
    MaybeId(fn(&T) -> Option<Uuid>),
    Integer(fn(&T) -> i64),
    MaybeInteger(fn(&T) -> Option<i64>),
    Flag(fn(&T) -> bool),
    Text(fn(&T) -> &str),
    MaybeText(fn(&T) -> Option<&str>),
    Instant(fn(&T) -> Timestamp),
    MaybeInstant(fn(&T) -> Option<Timestamp>),
    Json(fn(&T) -> &Json),
    /// The text of a JSON document that is only ever read whole: Postgres keeps it as it is.
    Document(fn(&T) -> &str),
    Bytes(fn(&T) -> &[u8]),
}

/// The rows as a table: displayed it is what stands behind FROM.
pub(crate) struct Given {
    backend: Backend,
    table: String,
    /// Values of the statement that stand before these.
    before: usize,
    values: Vec<Value>,
}

impl std::fmt::Display for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.table)
    }
}

impl Given {
    /// The table of `rows`.
    pub(crate) fn new<T>(backend: Backend, columns: &[Column<T>], rows: &[T]) -> Self {
        Self::behind(backend, 0, columns, rows)
    }

    /// The same in a statement that has `before` other values, which come first.
    pub(crate) fn behind<T>(backend: Backend, before: usize, columns: &[Column<T>], rows: &[T]) -> Self {
        match backend {
            Backend::Postgres => arrays(before, columns, rows),
            Backend::Sqlite => json(before, columns, rows),
        }
    }

    /// Binds one more value; answers its place in the statement.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.before.saturating_add(self.values.len()))
    }

    /// What is bound, in the order of its places.
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// What locks the rows of `table` until the transaction ends: SQLite has one writer and needs nothing.
    pub(crate) fn lock(&self, table: &str) -> String {
        match self.backend {
            Backend::Postgres => format!(" FOR NO KEY UPDATE OF {table}"),
            Backend::Sqlite => String::new(),
        }
    }

    /// Runs `sql`, which names this table; answers how many rows it changed.
    pub(crate) async fn execute(self, tx: &Tx, sql: String) -> Result<u64, DbErr> {
        Ok(tx.db().execute_raw(self.statement(tx, sql)).await?.rows_affected())
    }

    /// Runs `sql`, which names this table; answers the rows it found.
    pub(crate) async fn query(self, tx: &Tx, sql: String) -> Result<Vec<QueryResult>, DbErr> {
        tx.db().query_all_raw(self.statement(tx, sql)).await
    }

    fn statement(self, tx: &Tx, sql: String) -> Statement {
        Statement::from_sql_and_values(tx.db().get_database_backend(), sql, self.values)
    }
}

impl Tx {
    /// Adds `rows` to `table` with one statement, in their order; answers how many.
    pub(crate) async fn insert<T: Sync>(&self, table: &str, columns: &[Column<T>], rows: &[T]) -> Result<u64, DbErr> {
        self.insert_unless(table, columns, rows, "").await
    }

    /// The same with an `ON CONFLICT` clause.
    pub(crate) async fn insert_unless<T: Sync>(
        &self,
        table: &str,
        columns: &[Column<T>],
        rows: &[T],
        conflict: &str,
    ) -> Result<u64, DbErr> {
        self.insert_alike(table, columns, rows, [], conflict).await
    }

    /// The same with columns that have one value in all rows, which is sent once.
    pub(crate) async fn insert_alike<T: Sync, const N: usize>(
        &self,
        table: &str,
        columns: &[Column<T>],
        rows: &[T],
        alike: [(&str, Value); N],
        conflict: &str,
    ) -> Result<u64, DbErr> {
        if rows.is_empty() {
            return Ok(0);
        }
        let mut given = Given::new(self.backend(), columns, rows);
        let mut names = names(columns);
        let mut values = names.clone();
        for (name, value) in alike {
            names = format!("{names}, {name}");
            values = format!("{values}, {}", given.bind(value));
        }
        // Without WHERE, SQLite would take ON for the condition of a join.
        let sql = format!("INSERT INTO {table} ({names}) SELECT {values} FROM {given} WHERE TRUE {conflict}");
        given.execute(self, sql).await
    }
}

pub(crate) fn names<T>(columns: &[Column<T>]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// `UNNEST` of one array for each column.
fn arrays<T>(before: usize, columns: &[Column<T>], rows: &[T]) -> Given {
    let mut slots = Vec::with_capacity(columns.len());
    let mut values = Vec::with_capacity(columns.len());
    for (place, (_, get)) in (before.saturating_add(1)..).zip(columns) {
        slots.push(match get {
            // JSON goes as the text that it is, which is escaped once and not twice.
            Get::Json(_) | Get::Document(_) => format!("CAST(CAST(${place} AS text[]) AS {}[])", get.postgres_type()),
            _ => format!("CAST(${place} AS {}[])", get.postgres_type()),
        });
        values.push(get.array(rows));
    }
    let table = format!("UNNEST({}) AS given ({})", slots.join(", "), names(columns));
    Given { backend: Backend::Postgres, table, before, values }
}

/// `json_each` of one array with an array for each row.
fn json<T>(before: usize, columns: &[Column<T>], rows: &[T]) -> Given {
    let rows: Vec<Vec<Json>> = rows.iter().map(|row| columns.iter().map(|(_, get)| get.json(row)).collect()).collect();
    let text = Json::from(rows).to_string();
    let column = |(place, (name, get)): (usize, &Column<T>)| match get {
        Get::Id(_) | Get::MaybeId(_) | Get::Bytes(_) => format!("unhex(value ->> {place}) AS {name}"),
        _ => format!("value ->> {place} AS {name}"),
    };
    let columns: Vec<String> = columns.iter().enumerate().map(column).collect();
    let table = format!("(SELECT {} FROM json_each(${})) AS given", columns.join(", "), before.saturating_add(1));
    Given { backend: Backend::Sqlite, table, before, values: vec![text.into()] }
}

impl<T> Get<T> {
    const fn postgres_type(&self) -> &'static str {
        match self {
            Self::Id(_) | Self::MaybeId(_) => "uuid",
            Self::Integer(_) | Self::MaybeInteger(_) => "bigint",
            Self::Flag(_) => "boolean",
            Self::Text(_) | Self::MaybeText(_) => "text",
            Self::Instant(_) | Self::MaybeInstant(_) => "timestamptz",
            Self::Json(_) => "jsonb",
            Self::Document(_) => "json",
            Self::Bytes(_) => "bytea",
        }
    }

    /// The column's values as one array, which the database need not parse, or, where some may be NULL, which arrays of values
    /// cannot be, as its text.
    fn array(&self, rows: &[T]) -> Value {
        match self {
            Self::Id(get) => rows.iter().map(get).collect::<Vec<_>>().into(),
            Self::Integer(get) => rows.iter().map(get).collect::<Vec<_>>().into(),
            Self::Flag(get) => rows.iter().map(get).collect::<Vec<_>>().into(),
            Self::Text(get) | Self::Document(get) => rows.iter().map(|row| get(row).to_owned()).collect::<Vec<_>>().into(),
            Self::Instant(get) => rows.iter().map(get).collect::<Vec<_>>().into(),
            Self::Json(get) => rows.iter().map(|row| get(row).to_string()).collect::<Vec<_>>().into(),
            Self::Bytes(get) => rows.iter().map(|row| get(row).to_vec()).collect::<Vec<_>>().into(),
            Self::MaybeId(get) => written(rows, |row, array| or_null(array, get(row))),
            Self::MaybeInteger(get) => written(rows, |row, array| or_null(array, get(row))),
            Self::MaybeInstant(get) => written(rows, |row, array| or_null(array, get(row).map(instant))),
            Self::MaybeText(get) => written(rows, |row, array| match get(row) {
                Some(text) => quoted(array, text),
                None => array.write_str("NULL"),
            }),
        }
    }

    fn json(&self, row: &T) -> Json {
        match self {
            Self::Id(get) => hex(get(row).as_bytes()).into(),
            Self::MaybeId(get) => get(row).map(|id| hex(id.as_bytes())).into(),
            Self::Integer(get) => get(row).into(),
            Self::MaybeInteger(get) => get(row).into(),
            Self::Flag(get) => get(row).into(),
            Self::Text(get) | Self::Document(get) => get(row).into(),
            Self::MaybeText(get) => get(row).into(),
            Self::Instant(get) => instant(get(row)).into(),
            Self::MaybeInstant(get) => get(row).map(instant).into(),
            // As a text, so that SQLite does not write it in its own way.
            Self::Json(get) => get(row).to_string().into(),
            Self::Bytes(get) => hex(get(row)).into(),
        }
    }
}

/// As the driver writes instants on SQLite: what is compared there is the text.
fn instant(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}

/// The text of an array.
fn written<T>(rows: &[T], element: impl Fn(&T, &mut String) -> std::fmt::Result) -> Value {
    let mut array = String::with_capacity(rows.len().saturating_mul(40).saturating_add(2));
    array.push('{');
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            array.push(',');
        }
        // Writing to a text does not fail.
        element(row, &mut array).unwrap_or_default();
    }
    array.push('}');
    array.into()
}

fn or_null(array: &mut String, value: Option<impl std::fmt::Display>) -> std::fmt::Result {
    match value {
        Some(value) => write!(array, "{value}"),
        None => array.write_str("NULL"),
    }
}

fn quoted(array: &mut String, text: &str) -> std::fmt::Result {
    array.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            array.push('\\');
        }
        array.push(letter);
    }
    array.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row {
        id: Uuid,
        memo: Option<&'static str>,
        payload: Json,
        hash: Vec<u8>,
    }

    const COLUMNS: &[Column<Row>] = &[
        ("id", Get::Id(|row| row.id)),
        ("memo", Get::MaybeText(|row| row.memo)),
        ("payload", Get::Json(|row| &row.payload)),
        ("hash", Get::Bytes(|row| &row.hash)),
    ];

    fn rows() -> [Row; 2] {
        let row =
            |n: u128, memo| Row { id: Uuid::from_u128(n), memo, payload: serde_json::json!({ "a": "\"\\" }), hash: vec![1, 255] };
        [row(1, Some("a,\"b\"\\{}NULL")), row(2, None)]
    }

    #[test]
    fn what_is_never_null_goes_as_it_is_and_the_rest_is_quoted() {
        let given = Given::new(Backend::Postgres, COLUMNS, &rows());
        assert_eq!(
            given.to_string(),
            "UNNEST(CAST($1 AS uuid[]), CAST($2 AS text[]), CAST(CAST($3 AS text[]) AS jsonb[]), CAST($4 AS bytea[])) \
             AS given (id, memo, payload, hash)"
        );
        let payload = r#"{"a":"\"\\"}"#.to_owned();
        let expected: [Value; 4] = [
            vec![Uuid::from_u128(1), Uuid::from_u128(2)].into(),
            r#"{"a,\"b\"\\{}NULL",NULL}"#.into(),
            vec![payload.clone(), payload].into(),
            vec![vec![1_u8, 255], vec![1, 255]].into(),
        ];
        assert_eq!(given.values, expected);
    }

    #[test]
    fn the_statement_does_not_depend_on_the_number_of_rows() {
        for backend in [Backend::Postgres, Backend::Sqlite] {
            let [one, two] = rows();
            let single = Given::new(backend, COLUMNS, &[one]).to_string();
            assert_eq!(single, Given::new(backend, COLUMNS, &[two, rows().into_iter().next().unwrap()]).to_string());
        }
    }
}
