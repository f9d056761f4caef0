//! One text for both databases: statements are written in Postgres' words, and this module says them in SQLite's.

use std::collections::BTreeSet;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseBackend, DbErr};

/// Postgres' words and what SQLite calls them (types by the names that sea-orm reads back).
const SQLITE_WORDS: &[(&str, &str)] = &[
    ("BIGSERIAL PRIMARY KEY", "integer PRIMARY KEY AUTOINCREMENT"),
    ("TIMESTAMPTZ", "timestamp_with_timezone_text"),
    ("UUID", "uuid_text"),
    ("JSONB", "json_text"),
    ("BYTEA", "blob"),
    ("BIGINT", "bigint"),
    ("BOOLEAN", "boolean"),
    ("STRPOS", "INSTR"),
];

/// Runs statements, each written for Postgres, on the database at hand.
pub(crate) async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    for statement in statements {
        manager.get_connection().execute_unprepared(&translate(backend, statement)).await?;
    }
    Ok(())
}

/// Runs statements that SQLite has no use for, or no words.
pub(crate) async fn run_on_postgres(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Postgres { run(manager, statements).await } else { Ok(()) }
}

/// Forbids to change, delete or replace the rows of `table`. `keys` are all its unique keys, each the names of its columns
/// with commas between.
pub(crate) async fn append_only(manager: &SchemaManager<'_>, table: &str, keys: &[&str]) -> Result<(), DbErr> {
    let same = |key: &&str| {
        let columns: Vec<String> = key.split(',').map(str::trim).map(|column| format!("{column} = NEW.{column}")).collect();
        format!("({})", columns.join(" AND "))
    };
    let taken = keys.iter().map(same).collect::<Vec<_>>().join(" OR ");
    let statements = match manager.get_database_backend() {
        DatabaseBackend::Postgres => vec![
            format!(
                "CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'check_violation'; END $$"
            ),
            format!(
                "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} \
                 FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
            ),
            format!(
                "CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} \
                 FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
            ),
        ],
        _ => vec![
            format!(
                "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} \
                 BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            ),
            format!(
                "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} \
                 BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            ),
            // INSERT OR REPLACE deletes without firing the delete trigger, whichever unique key collides.
            format!(
                "CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} \
                 WHEN EXISTS (SELECT 1 FROM {table} WHERE {taken}) \
                 BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            ),
        ],
    };
    for statement in statements {
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Which row of another table a row refers to. Columns are names with commas between.
pub(crate) struct Reference {
    pub(crate) columns: &'static str,
    pub(crate) to: &'static str,
    pub(crate) key: &'static str,
}

/// Holds `references` of `table` on Postgres as foreign keys would, with one look-up for all rows that a statement adds, where a
/// foreign key runs a query for each row and each reference. No lock keeps the row that is referred to from being deleted
/// meanwhile, so none is ever deleted or has another key.
pub(crate) async fn refer_in_sets(manager: &SchemaManager<'_>, table: &str, references: &[Reference]) -> Result<(), DbErr> {
    let missing = |row: &str| {
        let one = |Reference { columns, to, key }: &Reference| {
            let same = columns.split(", ").zip(key.split(", ")).map(|(column, key)| format!("{to}.{key} = {row}.{column}"));
            format!("NOT COALESCE((SELECT TRUE FROM {to} WHERE {}), FALSE)", same.collect::<Vec<_>>().join(" AND "))
        };
        references.iter().map(one).collect::<Vec<_>>().join(" OR ")
    };
    let columns = references.iter().map(|reference| reference.columns).collect::<Vec<_>>().join(", ");
    let function = |name: &str, body: &str| {
        format!("CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$")
    };
    let refuse =
        |words: &str, of: &str| format!("RAISE EXCEPTION '{words}' USING ERRCODE = 'foreign_key_violation', TABLE = '{of}';");
    let nowhere = refuse(&format!("a row of {table} refers to what is not there"), table);
    let added = format!("IF EXISTS (SELECT 1 FROM added WHERE {}) THEN {nowhere} END IF;", missing("added"));
    let changed = format!("IF {} THEN {nowhere} END IF;", missing("NEW"));
    let mut statements = vec![
        function(&format!("{table}_added"), &added),
        format!(
            "CREATE TRIGGER {table}_added AFTER INSERT ON {table} REFERENCING NEW TABLE AS added \
             FOR EACH STATEMENT EXECUTE FUNCTION {table}_added()"
        ),
        function(&format!("{table}_changed"), &changed),
        format!(
            "CREATE TRIGGER {table}_changed AFTER UPDATE OF {columns} ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_changed()"
        ),
    ];
    let referred: BTreeSet<_> = references.iter().map(|reference| (reference.to, reference.key)).collect();
    for (to, key) in referred {
        let kept = refuse(&format!("{table} may refer to rows of {to}"), to);
        let name = format!("{to}_kept_for_{table}");
        statements.extend([
            function(&name, &kept),
            format!("CREATE TRIGGER {name} BEFORE DELETE OR TRUNCATE ON {to} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"),
            format!("CREATE TRIGGER {name}_key AFTER UPDATE OF {key} ON {to} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"),
        ]);
    }
    run_on_postgres(manager, &statements.iter().map(String::as_str).collect::<Vec<_>>()).await
}

fn translate(backend: DatabaseBackend, statement: &str) -> String {
    match backend {
        DatabaseBackend::Sqlite => {
            SQLITE_WORDS.iter().fold(statement.to_owned(), |text, (postgres, sqlite)| text.replace(postgres, sqlite))
        }
        _ => statement.to_owned(),
    }
}
