//! Reading rows cell by cell.

use std::str::FromStr;

use sea_orm::sqlx::postgres::{PgRow, Postgres};
use sea_orm::sqlx::sqlite::{Sqlite, SqliteRow};
use sea_orm::sqlx::types::Json;
use sea_orm::sqlx::{Decode, Row};
use sea_orm::{DbErr, QueryResult};
use serde::Deserialize;
use uuid::Uuid;

use crate::error::StoreError;
use crate::reader::query_error;

/// The cells of a row, read one after another: by place, and as what they are, since a look-up by name costs as much as the cell, and so
/// does comparing its type with what the column was made as.
pub(crate) struct Cells<'r> {
    row: DriverRow<'r>,
    next: usize,
}

/// A row as the driver has it.
enum DriverRow<'r> {
    Postgres(&'r PgRow),
    Sqlite(&'r SqliteRow),
}

impl<'r> Cells<'r> {
    pub(crate) fn of(row: &'r QueryResult) -> Result<Self, DbErr> {
        Self::behind(row, 0)
    }

    /// Those behind the first `before`.
    pub(crate) fn behind(row: &'r QueryResult, before: usize) -> Result<Self, DbErr> {
        let postgres = row.try_as_pg_row().map(DriverRow::Postgres);
        let row = postgres.or_else(|| row.try_as_sqlite_row().map(DriverRow::Sqlite));
        Ok(Self { row: row.ok_or_else(|| DbErr::Type("a row of neither database".to_owned()))?, next: before })
    }

    pub(crate) fn take<T: Decode<'r, Postgres> + Decode<'r, Sqlite>>(&mut self) -> Result<T, DbErr> {
        let cell = match self.row {
            DriverRow::Postgres(row) => row.try_get_unchecked(self.next),
            DriverRow::Sqlite(row) => row.try_get_unchecked(self.next),
        };
        self.next = self.next.saturating_add(1);
        cell.map_err(query_error)
    }

    pub(crate) fn id<T: From<Uuid>>(&mut self) -> Result<T, DbErr> {
        Ok(self.take::<Uuid>()?.into())
    }

    pub(crate) fn count<T: TryFrom<i64, Error: std::fmt::Display>>(&mut self) -> Result<T, StoreError> {
        self.take::<i64>()?.try_into().map_err(StoreError::corrupt)
    }

    /// A count of something of which nothing may be known.
    pub(crate) fn count_or_none(&mut self) -> Result<u64, StoreError> {
        self.take::<Option<i64>>()?.unwrap_or_default().try_into().map_err(StoreError::corrupt)
    }

    pub(crate) fn word<T: FromStr<Err: std::fmt::Display>>(&mut self) -> Result<T, StoreError> {
        self.take::<&str>()?.parse().map_err(StoreError::corrupt)
    }

    pub(crate) fn json<T: for<'de> Deserialize<'de> + 'static>(&mut self) -> Result<T, StoreError> {
        self.take::<Json<T>>().map(|Json(value)| value).map_err(StoreError::corrupt)
    }

    /// A part that may not have been wanted.
    pub(crate) fn part<T: Default + for<'de> Deserialize<'de> + 'static>(&mut self) -> Result<T, DbErr> {
        Ok(self.take::<Option<Json<T>>>()?.map(|Json(part)| part).unwrap_or_default())
    }
}
