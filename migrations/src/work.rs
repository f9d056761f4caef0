//! What runs behind the requests: the event feed (outbox), jobs, idempotency keys, settings of the exchange.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

const STATEMENTS: &[&str] = &[
    "CREATE TABLE job (
        id UUID PRIMARY KEY,
        kind TEXT NOT NULL,
        lane TEXT NOT NULL,
        payload JSONB NOT NULL,
        run_at TIMESTAMPTZ NOT NULL,
        attempts BIGINT NOT NULL DEFAULT 0,
        leased_until TIMESTAMPTZ,
        last_error TEXT,
        dead BOOLEAN NOT NULL DEFAULT FALSE,
        created_at TIMESTAMPTZ NOT NULL
    )",
    "CREATE INDEX job_due ON job (lane, run_at) WHERE NOT dead",
    "CREATE TABLE idempotency (
        organization_id UUID NOT NULL,
        idempotency_key TEXT NOT NULL,
        operation TEXT NOT NULL,
        input_hash BYTEA NOT NULL,
        response JSONB NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (organization_id, idempotency_key)
    )",
    "CREATE INDEX idempotency_age ON idempotency (created_at)",
    "CREATE TABLE data_key (
        object_id UUID PRIMARY KEY,
        purpose TEXT NOT NULL,
        key_id TEXT NOT NULL,
        wrapped_key BYTEA,
        destroyed_at TIMESTAMPTZ,
        CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
    )",
    "CREATE TABLE setting (
        name TEXT PRIMARY KEY,
        value JSONB NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL
    )",
];

// A reader must not pass over an event whose transaction commits later than a younger one's: on Postgres it reads only
// below the oldest running transaction, which needs the writer's id in the row. SQLite has one writer.
const EVENT_POSTGRES: &str = "CREATE TABLE event (
        seq BIGSERIAL PRIMARY KEY,
        transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
        topic TEXT NOT NULL,
        subject_id UUID NOT NULL,
        audience JSONB NOT NULL,
        payload JSONB NOT NULL,
        created_at TIMESTAMPTZ NOT NULL
    )";
const EVENT_SQLITE: &str = "CREATE TABLE event (
        seq BIGSERIAL PRIMARY KEY,
        topic TEXT NOT NULL,
        subject_id UUID NOT NULL,
        audience JSONB NOT NULL,
        payload JSONB NOT NULL,
        created_at TIMESTAMPTZ NOT NULL
    )";

#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_work"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, STATEMENTS).await?;
        match manager.get_database_backend() {
            DatabaseBackend::Postgres => {
                crate::dialect::run(manager, &[EVENT_POSTGRES, "CREATE INDEX event_feed ON event (transaction_id, seq)"]).await?;
            }
            _ => crate::dialect::run(manager, &[EVENT_SQLITE]).await?,
        }
        crate::dialect::run(manager, &["CREATE INDEX event_age ON event (created_at)"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
