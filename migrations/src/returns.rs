//! Withdrawals that a bank returned and that are being taken back from their connected accounts, as a state of their own.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

const POSTGRES: &[&str] = &[
    "ALTER TABLE withdrawal
        ADD COLUMN return_attempt BIGINT NOT NULL DEFAULT 0,
        ADD COLUMN return_failure TEXT,
        DROP CONSTRAINT withdrawal_state_check,
        ADD CONSTRAINT withdrawal_state_check
            CHECK (state IN ('REQUESTED', 'SENT', 'PAID', 'RETURNING', 'FAILED', 'CANCELLED'))",
    // What was owed back so far stood in no state of its own.
    "UPDATE withdrawal SET state = 'RETURNING', check_at = COALESCE(check_at, created_at) WHERE return_asked_minor > returned_minor",
    "ALTER TABLE withdrawal
        ADD CHECK ((state = 'RETURNING') = (return_asked_minor > returned_minor)),
        ADD CHECK (state <> 'RETURNING' OR check_at IS NOT NULL)",
];

/// Columns of `withdrawal` as it is from now on.
const WITHDRAWAL: &str = "(
    id UUID PRIMARY KEY,
    organization_id UUID NOT NULL REFERENCES organization (id),
    method TEXT NOT NULL CHECK (method IN ('BANK', 'STRIPE')),
    payout_account_id UUID REFERENCES payout_account (id),
    payout_last_four TEXT,
    connected_account TEXT,
    transfer_id TEXT UNIQUE,
    return_asked_minor BIGINT NOT NULL DEFAULT 0 CHECK (return_asked_minor BETWEEN 0 AND amount_minor),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    returned_minor BIGINT NOT NULL DEFAULT 0 CHECK (returned_minor BETWEEN 0 AND amount_minor),
    return_attempt BIGINT NOT NULL DEFAULT 0,
    return_failure TEXT,
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('REQUESTED', 'SENT', 'PAID', 'RETURNING', 'FAILED', 'CANCELLED')),
    bank_reference TEXT,
    failure TEXT,
    attempt BIGINT NOT NULL DEFAULT 0,
    requested_by UUID,
    created_at TIMESTAMPTZ NOT NULL,
    sent_at TIMESTAMPTZ,
    check_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    version BIGINT NOT NULL DEFAULT 0,
    CHECK ((method = 'BANK') = (payout_account_id IS NOT NULL)),
    CHECK ((method = 'STRIPE') = (connected_account IS NOT NULL)),
    CHECK ((state = 'RETURNING') = (return_asked_minor > returned_minor)),
    CHECK (state <> 'RETURNING' OR check_at IS NOT NULL)
)";

const REVEAL: &str = "(
    id UUID PRIMARY KEY,
    withdrawal_id UUID NOT NULL REFERENCES withdrawal_next (id),
    user_id UUID NOT NULL,
    revealed_at TIMESTAMPTZ NOT NULL
)";

const RETURN: &str = "(
    id UUID PRIMARY KEY,
    withdrawal_id UUID NOT NULL REFERENCES withdrawal_next (id),
    organization_id UUID NOT NULL REFERENCES organization (id),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    total_minor BIGINT NOT NULL CHECK (total_minor >= amount_minor),
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (withdrawal_id, total_minor)
)";

const OLD_WITHDRAWAL: &str = "id, organization_id, method, payout_account_id, payout_last_four, connected_account, transfer_id, \
    return_asked_minor, amount_minor, returned_minor, currency, state, bank_reference, failure, attempt, requested_by, created_at, \
    sent_at, check_at, ended_at, version";
/// The same in the same order, with what is owed back in its state.
const MOVED_WITHDRAWAL: &str = "id, organization_id, method, payout_account_id, payout_last_four, connected_account, transfer_id, \
    return_asked_minor, amount_minor, returned_minor, currency, \
    CASE WHEN return_asked_minor > returned_minor THEN 'RETURNING' ELSE state END, bank_reference, failure, attempt, requested_by, \
    created_at, sent_at, CASE WHEN return_asked_minor > returned_minor THEN COALESCE(check_at, created_at) ELSE check_at END, \
    ended_at, version";
const OLD_RETURN: &str = "id, withdrawal_id, organization_id, amount_minor, currency, total_minor, created_at";

#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0017_returns"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_database_backend() {
            DatabaseBackend::Postgres => crate::dialect::run(manager, POSTGRES).await,
            _ => rebuild(manager).await,
        }
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// SQLite cannot change a constraint: the table is made anew, and the tables that refer to it go with it, so that no row ever
/// points nowhere.
async fn rebuild(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let statements = [
        format!("CREATE TABLE withdrawal_next {WITHDRAWAL}"),
        format!("INSERT INTO withdrawal_next ({OLD_WITHDRAWAL}) SELECT {MOVED_WITHDRAWAL} FROM withdrawal"),
        format!("CREATE TABLE payout_reveal_next {REVEAL}"),
        "INSERT INTO payout_reveal_next SELECT id, withdrawal_id, user_id, revealed_at FROM payout_reveal".to_owned(),
        format!("CREATE TABLE withdrawal_return_next {RETURN}"),
        format!("INSERT INTO withdrawal_return_next ({OLD_RETURN}) SELECT {OLD_RETURN} FROM withdrawal_return"),
        "DROP TABLE payout_reveal".to_owned(),
        "DROP TABLE withdrawal_return".to_owned(),
        "DROP TABLE withdrawal".to_owned(),
        "ALTER TABLE withdrawal_next RENAME TO withdrawal".to_owned(),
        "ALTER TABLE payout_reveal_next RENAME TO payout_reveal".to_owned(),
        "ALTER TABLE withdrawal_return_next RENAME TO withdrawal_return".to_owned(),
        "CREATE INDEX withdrawal_organization ON withdrawal (organization_id, id)".to_owned(),
        "CREATE INDEX withdrawal_check ON withdrawal (check_at) WHERE check_at IS NOT NULL".to_owned(),
    ];
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    crate::dialect::run(manager, &statements).await?;
    crate::dialect::append_only(manager, "payout_reveal", &["id"]).await?;
    crate::dialect::append_only(manager, "withdrawal_return", &["id", "withdrawal_id, total_minor"]).await
}
