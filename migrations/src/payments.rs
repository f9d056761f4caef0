//! Money at the card processor: top-ups, saved customers, refunds to the card, disputes of card payments, withdrawals over
//! connected accounts, and the events that tell of them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

const TABLES: &[&str] = &[
    "CREATE TABLE payment_customer (
        organization_id UUID PRIMARY KEY REFERENCES organization (id),
        customer_id TEXT NOT NULL UNIQUE,
        created_at TIMESTAMPTZ NOT NULL
    )",
    "CREATE TABLE top_up (
        id UUID PRIMARY KEY,
        organization_id UUID NOT NULL REFERENCES organization (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        saved_card TEXT,
        save_card BOOLEAN NOT NULL,
        automatic BOOLEAN NOT NULL DEFAULT FALSE,
        state TEXT NOT NULL CHECK (state IN
            ('CREATED', 'OPEN', 'AUTHENTICATION_REQUIRED', 'PROCESSING', 'PAID', 'FAILED', 'EXPIRED')),
        session_id TEXT UNIQUE,
        payment_intent TEXT UNIQUE,
        url TEXT,
        reason TEXT,
        paid_minor BIGINT CHECK (paid_minor > 0),
        paid_currency TEXT,
        stripe_receipt_url TEXT,
        requested_by UUID,
        created_at TIMESTAMPTZ NOT NULL,
        check_at TIMESTAMPTZ,
        ended_at TIMESTAMPTZ,
        version BIGINT NOT NULL DEFAULT 0,
        CHECK ((state = 'PAID') = (paid_minor IS NOT NULL)),
        CHECK ((paid_minor IS NULL) = (paid_currency IS NULL))
    )",
    "CREATE INDEX top_up_organization ON top_up (organization_id, id)",
    "CREATE INDEX top_up_check ON top_up (check_at) WHERE check_at IS NOT NULL",
    "CREATE UNIQUE INDEX top_up_automatic ON top_up (organization_id, currency)
        WHERE automatic AND state IN ('CREATED', 'OPEN', 'AUTHENTICATION_REQUIRED', 'PROCESSING')",
    "CREATE TABLE auto_top_up (
        organization_id UUID NOT NULL REFERENCES organization (id),
        currency TEXT NOT NULL,
        threshold_minor BIGINT NOT NULL CHECK (threshold_minor > 0),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        monthly_max_minor BIGINT NOT NULL CHECK (monthly_max_minor >= amount_minor),
        saved_card TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'PAUSED', 'OFF')),
        reason TEXT,
        set_by UUID NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL,
        version BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (organization_id, currency)
    )",
    "CREATE TABLE card_refund (
        id UUID PRIMARY KEY,
        organization_id UUID NOT NULL REFERENCES organization (id),
        top_up_id UUID NOT NULL REFERENCES top_up (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('REQUESTED', 'PENDING', 'SUCCEEDED', 'FAILED')),
        refund_id TEXT UNIQUE,
        failure TEXT,
        attempt BIGINT NOT NULL DEFAULT 0,
        requested_by UUID,
        created_at TIMESTAMPTZ NOT NULL,
        check_at TIMESTAMPTZ,
        ended_at TIMESTAMPTZ,
        version BIGINT NOT NULL DEFAULT 0
    )",
    "CREATE INDEX card_refund_organization ON card_refund (organization_id, id)",
    "CREATE INDEX card_refund_top_up ON card_refund (top_up_id)",
    "CREATE INDEX card_refund_check ON card_refund (check_at) WHERE check_at IS NOT NULL",
    "CREATE TABLE connected_account (
        organization_id UUID PRIMARY KEY REFERENCES organization (id),
        account_id TEXT NOT NULL UNIQUE,
        details_submitted BOOLEAN NOT NULL,
        transfers_enabled BOOLEAN NOT NULL,
        payouts_enabled BOOLEAN NOT NULL,
        requirements JSONB NOT NULL,
        disabled_reason TEXT,
        check_at TIMESTAMPTZ NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        updated_at TIMESTAMPTZ NOT NULL
    )",
    "CREATE INDEX connected_account_check ON connected_account (check_at)",
    "CREATE TABLE payout_failure (
        payout_id TEXT PRIMARY KEY,
        organization_id UUID NOT NULL REFERENCES organization (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        created_at TIMESTAMPTZ NOT NULL
    )",
    "CREATE TABLE stripe_event (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        object_id TEXT,
        account_id TEXT,
        key_id TEXT NOT NULL,
        wrapped_key BYTEA NOT NULL,
        ciphertext BYTEA NOT NULL,
        object_uuid UUID NOT NULL UNIQUE,
        received_at TIMESTAMPTZ NOT NULL,
        handled_at TIMESTAMPTZ
    )",
    "CREATE INDEX stripe_event_age ON stripe_event (received_at)",
    "CREATE TABLE card_dispute (
        id UUID PRIMARY KEY,
        stripe_id TEXT NOT NULL UNIQUE,
        organization_id UUID NOT NULL REFERENCES organization (id),
        top_up_id UUID NOT NULL REFERENCES top_up (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        reason TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('INQUIRY', 'NEEDS_RESPONSE', 'UNDER_REVIEW', 'WON', 'LOST', 'CLOSED')),
        due_at TIMESTAMPTZ,
        submitted_at TIMESTAMPTZ,
        chargeback_id UUID UNIQUE,
        created_at TIMESTAMPTZ NOT NULL,
        check_at TIMESTAMPTZ,
        ended_at TIMESTAMPTZ,
        version BIGINT NOT NULL DEFAULT 0
    )",
    "CREATE INDEX card_dispute_organization ON card_dispute (organization_id, id)",
    "CREATE INDEX card_dispute_top_up ON card_dispute (top_up_id)",
    "CREATE INDEX card_dispute_check ON card_dispute (check_at) WHERE check_at IS NOT NULL",
    "CREATE TABLE chargeback_write_off (
        chargeback_id UUID PRIMARY KEY,
        amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
        created_at TIMESTAMPTZ NOT NULL
    )",
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
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('REQUESTED', 'SENT', 'PAID', 'FAILED', 'CANCELLED')),
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
    CHECK ((method = 'STRIPE') = (connected_account IS NOT NULL))
)";

const CHARGEBACK: &str = "(
    id UUID PRIMARY KEY,
    organization_id UUID NOT NULL REFERENCES organization (id),
    deposit_id UUID UNIQUE REFERENCES deposit (id),
    top_up_id UUID UNIQUE REFERENCES top_up (id),
    reference TEXT NOT NULL UNIQUE,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    taken_minor BIGINT NOT NULL CHECK (taken_minor >= 0),
    owed_minor BIGINT NOT NULL CHECK (owed_minor >= 0),
    currency TEXT NOT NULL,
    recorded_by UUID,
    created_at TIMESTAMPTZ NOT NULL,
    CHECK (taken_minor + owed_minor = amount_minor)
)";

const REVEAL: &str = "(
    id UUID PRIMARY KEY,
    withdrawal_id UUID NOT NULL REFERENCES withdrawal_next (id),
    user_id UUID NOT NULL,
    revealed_at TIMESTAMPTZ NOT NULL
)";

const OLD_WITHDRAWAL: &str = "id, organization_id, payout_account_id, payout_last_four, amount_minor, currency, state, \
    bank_reference, failure, requested_by, created_at, ended_at, version";
const OLD_CHARGEBACK: &str = "id, organization_id, deposit_id, reference, amount_minor, taken_minor, owed_minor, currency, \
    recorded_by, created_at";

const POSTGRES: &[&str] = &[
    "ALTER TABLE withdrawal
        ADD COLUMN method TEXT NOT NULL DEFAULT 'BANK' CHECK (method IN ('BANK', 'STRIPE')),
        ADD COLUMN connected_account TEXT,
        ADD COLUMN transfer_id TEXT UNIQUE,
        ADD COLUMN return_asked_minor BIGINT NOT NULL DEFAULT 0 CHECK (return_asked_minor BETWEEN 0 AND amount_minor),
        ADD COLUMN sent_at TIMESTAMPTZ,
        ADD COLUMN returned_minor BIGINT NOT NULL DEFAULT 0 CHECK (returned_minor BETWEEN 0 AND amount_minor),
        ADD COLUMN attempt BIGINT NOT NULL DEFAULT 0,
        ADD COLUMN check_at TIMESTAMPTZ,
        ALTER COLUMN payout_account_id DROP NOT NULL,
        ALTER COLUMN payout_last_four DROP NOT NULL,
        ADD CHECK ((method = 'BANK') = (payout_account_id IS NOT NULL)),
        ADD CHECK ((method = 'STRIPE') = (connected_account IS NOT NULL)),
        DROP CONSTRAINT withdrawal_state_check,
        ADD CONSTRAINT withdrawal_state_check CHECK (state IN ('REQUESTED', 'SENT', 'PAID', 'FAILED', 'CANCELLED'))",
    "ALTER TABLE withdrawal ALTER COLUMN method DROP DEFAULT",
    "ALTER TABLE chargeback
        ADD COLUMN top_up_id UUID UNIQUE REFERENCES top_up (id),
        ALTER COLUMN recorded_by DROP NOT NULL",
];

/// What follows the two tables.
const BEHIND: &[&str] = &[
    "CREATE INDEX withdrawal_check ON withdrawal (check_at) WHERE check_at IS NOT NULL",
    "CREATE TABLE withdrawal_return (
        id UUID PRIMARY KEY,
        withdrawal_id UUID NOT NULL REFERENCES withdrawal (id),
        organization_id UUID NOT NULL REFERENCES organization (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        total_minor BIGINT NOT NULL CHECK (total_minor >= amount_minor),
        created_at TIMESTAMPTZ NOT NULL,
        UNIQUE (withdrawal_id, total_minor)
    )",
];

#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0012_payments"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, TABLES).await?;
        match manager.get_database_backend() {
            DatabaseBackend::Postgres => crate::dialect::run(manager, POSTGRES).await?,
            _ => rebuild(manager).await?,
        }
        crate::dialect::run(manager, BEHIND).await?;
        crate::dialect::append_only(manager, "withdrawal_return", &["id", "withdrawal_id, total_minor"]).await?;
        crate::dialect::append_only(manager, "chargeback_write_off", &["chargeback_id"]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// SQLite cannot loosen a column: the tables are made anew. The one table that refers to another of them goes with it, so that no
/// row ever points nowhere.
async fn rebuild(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let statements = [
        format!("CREATE TABLE withdrawal_next {WITHDRAWAL}"),
        format!("INSERT INTO withdrawal_next ({OLD_WITHDRAWAL}, method) SELECT {OLD_WITHDRAWAL}, 'BANK' FROM withdrawal"),
        format!("CREATE TABLE payout_reveal_next {REVEAL}"),
        "INSERT INTO payout_reveal_next SELECT id, withdrawal_id, user_id, revealed_at FROM payout_reveal".to_owned(),
        "DROP TABLE payout_reveal".to_owned(),
        "DROP TABLE withdrawal".to_owned(),
        "ALTER TABLE withdrawal_next RENAME TO withdrawal".to_owned(),
        "ALTER TABLE payout_reveal_next RENAME TO payout_reveal".to_owned(),
        "CREATE INDEX withdrawal_organization ON withdrawal (organization_id, id)".to_owned(),
        format!("CREATE TABLE chargeback_next {CHARGEBACK}"),
        format!("INSERT INTO chargeback_next ({OLD_CHARGEBACK}) SELECT {OLD_CHARGEBACK} FROM chargeback"),
        "DROP TABLE chargeback".to_owned(),
        "ALTER TABLE chargeback_next RENAME TO chargeback".to_owned(),
        "CREATE INDEX chargeback_organization ON chargeback (organization_id, id)".to_owned(),
    ];
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    crate::dialect::run(manager, &statements).await?;
    crate::dialect::append_only(manager, "payout_reveal", &["id"]).await?;
    crate::dialect::append_only(manager, "chargeback", &["id", "deposit_id", "top_up_id", "reference"]).await
}
