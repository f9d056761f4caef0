//! The database schema, for SQLite and Postgres.

mod accounts;
mod campaigns;
mod destination_tokens;
mod destinations;
mod dialect;
mod disputes;
mod event_stream;
mod forms;
mod hooks;
mod in_sets;
mod leads;
mod market;
mod money;
mod narrow;
mod packing;
mod payments;
mod returns;
mod signed_hooks;
mod told_once;
mod verticals;
mod walks;
mod webhooks;
mod work;

use sea_orm_migration::prelude::*;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(work::Migration),
            Box::new(accounts::Migration),
            Box::new(verticals::Migration),
            Box::new(leads::Migration),
            Box::new(market::Migration),
            Box::new(money::Migration),
            Box::new(disputes::Migration),
            Box::new(campaigns::Migration),
            Box::new(hooks::Migration),
            Box::new(webhooks::Migration),
            Box::new(destinations::Migration),
            Box::new(payments::Migration),
            Box::new(forms::Migration),
            Box::new(signed_hooks::Migration),
            Box::new(walks::Migration),
            Box::new(event_stream::Migration),
            Box::new(returns::Migration),
            Box::new(destination_tokens::Migration),
            Box::new(packing::Migration),
            Box::new(told_once::Migration),
            Box::new(narrow::Migration),
            Box::new(in_sets::Migration),
        ]
    }
}

/// Declares a migration named after its file that runs statements, those that are Postgres' alone behind the others, holds
/// references set by set, and guards append-only tables in one transaction.
macro_rules! migration {
    ($name:literal, $statements:expr, append_only: $tables:tt) => {
        crate::migration!($name, $statements, postgres: &[], append_only: $tables);
    };
    ($name:literal, $statements:expr, postgres: $postgres:expr, append_only: $tables:tt) => {
        crate::migration!($name, $statements, postgres: $postgres, references: [], append_only: $tables);
    };
    (
        $name:literal, $statements:expr, postgres: $postgres:expr, references: [$(($from:literal, $references:expr)),*],
        append_only: [$(($table:literal, $($key:literal),+)),*]
    ) => {
        #[derive(Debug)]
        pub(crate) struct Migration;

        impl sea_orm_migration::prelude::MigrationName for Migration {
            fn name(&self) -> &str {
                $name
            }
        }

        #[async_trait::async_trait]
        impl sea_orm_migration::prelude::MigrationTrait for Migration {
            async fn up(
                &self,
                manager: &sea_orm_migration::prelude::SchemaManager,
            ) -> Result<(), sea_orm_migration::prelude::DbErr> {
                crate::dialect::run(manager, $statements).await?;
                crate::dialect::run_on_postgres(manager, $postgres).await?;
                $(crate::dialect::refer_in_sets(manager, $from, $references).await?;)*
                $(crate::dialect::append_only(manager, $table, &[$($key),+]).await?;)*
                Ok(())
            }

            fn use_transaction(&self) -> Option<bool> {
                Some(true)
            }
        }
    };
}
use migration;
