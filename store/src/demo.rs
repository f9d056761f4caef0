//! The mark on a demo's database: only what carries it is made anew, so that no other database is ever wiped.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

use crate::db::{Backend, Store};
use crate::entity::setting;
use crate::error::{StoreError, WriteError};

const NAME: &str = "demo";

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// No tables.
    Nothing,
    /// A demo's exchange.
    Demo,
    /// Something else.
    Other,
}

impl Store {
    /// What the database holds; it need not be migrated.
    pub async fn holding(&self) -> Result<Holding, StoreError> {
        let sql = match self.backend() {
            Backend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            Backend::Postgres => {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
            }
        };
        let rows = self.read().query_all_raw(Statement::from_string(self.read().get_database_backend(), sql)).await?;
        if rows.is_empty() {
            return Ok(Holding::Nothing);
        }
        let tables: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        if !tables.iter().any(|table| table == "setting") {
            return Ok(Holding::Other);
        }
        let marked = setting::Entity::find_by_id(NAME).one(self.read()).await?;
        Ok(if marked.is_some() { Holding::Demo } else { Holding::Other })
    }

    /// Marks the migrated database as a demo's.
    pub async fn demo_mark(&self) -> Result<(), WriteError> {
        self.write("demo_mark", |tx| async move {
            let now = tx.now().await?;
            let row = setting::ActiveModel { name: Set(NAME.to_owned()), value: Set(json!(true)), updated_at: Set(now) };
            setting::Entity::insert(row).exec_without_returning(tx.db()).await?;
            Ok(())
        })
        .await
    }

    /// Drops everything in a demo's database on Postgres; refuses any other. A demo's SQLite database is a file to delete.
    pub async fn demo_wipe(&self) -> Result<(), StoreError> {
        if self.backend() != Backend::Postgres || self.holding().await? != Holding::Demo {
            return Err(StoreError::Misuse("only a demo's database on Postgres is wiped"));
        }
        self.inner.write.execute_unprepared("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await?;
        Ok(())
    }
}
