//! An event is told to an endpoint once because the reader of the feed moves on in the transaction that writes the messages: the key that
//! said so again cost an entry of an index for each message and each outcome.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

/// What stays of a message.
const KEPT: &str = "id, endpoint_id, organization_id, event_type, object, sequence, data, occurred_at, state, attempts, tries, due_at, \
    leased_until, created_at, pending_since, ended_at";

/// SQLite drops no column that a key has: the table is made anew.
const TABLE: &str = "CREATE TABLE webhook_delivery_next (
    id UUID PRIMARY KEY,
    endpoint_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    event_type TEXT NOT NULL,
    object TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    data JSONB NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'DELIVERED', 'DEAD')),
    attempts BIGINT NOT NULL DEFAULT 0,
    tries BIGINT NOT NULL DEFAULT 0,
    due_at TIMESTAMPTZ NOT NULL,
    leased_until TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    pending_since TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    CHECK ((state = 'PENDING') = (ended_at IS NULL))
)";

#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0020_told_once"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            return crate::dialect::run(manager, &["ALTER TABLE webhook_delivery DROP COLUMN event_seq"]).await;
        }
        let moved = format!("INSERT INTO webhook_delivery_next ({KEPT}) SELECT {KEPT} FROM webhook_delivery");
        let statements = [
            TABLE,
            &moved,
            "DROP TABLE webhook_delivery",
            "ALTER TABLE webhook_delivery_next RENAME TO webhook_delivery",
            "CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, due_at, sequence) WHERE state = 'PENDING'",
            "CREATE INDEX webhook_delivery_object ON webhook_delivery (endpoint_id, object, sequence) WHERE state = 'PENDING'",
            "CREATE INDEX webhook_delivery_organization ON webhook_delivery (organization_id, id)",
        ];
        crate::dialect::run(manager, &statements).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
