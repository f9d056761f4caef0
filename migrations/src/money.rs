//! The ledger, and trades with the hold on their money.

crate::migration!(
    "m0006_money",
    &[
        "CREATE TABLE account (
            id UUID PRIMARY KEY,
            organization_id UUID REFERENCES organization (id),
            kind TEXT NOT NULL,
            stripe_no BIGINT NOT NULL DEFAULT 0,
            currency TEXT NOT NULL,
            balance_minor BIGINT NOT NULL DEFAULT 0,
            version BIGINT NOT NULL DEFAULT 0,
            created_at TIMESTAMPTZ NOT NULL,
            CHECK (balance_minor >= 0 OR kind IN ('RECEIVABLE', 'LOSSES', 'EXTERNAL_STRIPE', 'EXTERNAL_BANK')),
            CHECK (balance_minor <= 0 OR kind <> 'RECEIVABLE')
        )",
        "CREATE UNIQUE INDEX account_of_organization ON account (organization_id, kind, currency)
            WHERE organization_id IS NOT NULL",
        "CREATE UNIQUE INDEX account_of_exchange ON account (kind, currency, stripe_no)
            WHERE organization_id IS NULL",
        "CREATE TABLE journal (
            id UUID PRIMARY KEY,
            kind TEXT NOT NULL,
            effect TEXT NOT NULL,
            subject_kind TEXT NOT NULL,
            subject_id UUID NOT NULL,
            currency TEXT NOT NULL,
            memo TEXT,
            recorded_by UUID,
            created_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE UNIQUE INDEX journal_once ON journal (subject_id, effect)",
        "CREATE TABLE transfer (
            id UUID PRIMARY KEY,
            journal_id UUID NOT NULL REFERENCES journal (id),
            position BIGINT NOT NULL,
            from_account_id UUID NOT NULL REFERENCES account (id),
            to_account_id UUID NOT NULL REFERENCES account (id),
            amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
            from_balance_minor BIGINT NOT NULL,
            from_version BIGINT NOT NULL CHECK (from_version > 0),
            to_balance_minor BIGINT NOT NULL,
            to_version BIGINT NOT NULL CHECK (to_version > 0),
            created_at TIMESTAMPTZ NOT NULL,
            UNIQUE (journal_id, position),
            UNIQUE (from_account_id, from_version),
            UNIQUE (to_account_id, to_version),
            CHECK (from_account_id <> to_account_id)
        )",
        "CREATE TABLE trade (
            id UUID PRIMARY KEY,
            listing_id UUID NOT NULL REFERENCES listing (id),
            lead_id UUID NOT NULL REFERENCES lead (id),
            seller_id UUID NOT NULL REFERENCES organization (id),
            buyer_id UUID NOT NULL REFERENCES organization (id),
            exclusive BOOLEAN NOT NULL,
            price_minor BIGINT NOT NULL CHECK (price_minor > 0),
            currency TEXT NOT NULL,
            commission_bp BIGINT NOT NULL CHECK (commission_bp BETWEEN 0 AND 10000),
            state TEXT NOT NULL CHECK (state IN ('HELD', 'DISPUTED', 'RELEASED', 'REFUNDED', 'SPLIT')),
            hold_secs BIGINT NOT NULL,
            sold_at TIMESTAMPTZ NOT NULL,
            delivered_at TIMESTAMPTZ,
            due_at TIMESTAMPTZ NOT NULL,
            hold_left_micros BIGINT,
            refunded_minor BIGINT NOT NULL DEFAULT 0,
            commission_minor BIGINT NOT NULL DEFAULT 0,
            ended_at TIMESTAMPTZ,
            version BIGINT NOT NULL DEFAULT 0,
            UNIQUE (lead_id, buyer_id),
            CHECK (buyer_id <> seller_id),
            CHECK (refunded_minor BETWEEN 0 AND price_minor)
        )",
        "CREATE INDEX trade_due ON trade (due_at) WHERE state = 'HELD'",
        "CREATE INDEX trade_buyer ON trade (buyer_id, id)",
        "CREATE INDEX trade_seller ON trade (seller_id, id)",
        "CREATE INDEX trade_listing ON trade (listing_id)",
        "CREATE TABLE deposit (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
            currency TEXT NOT NULL,
            bank_reference TEXT NOT NULL UNIQUE,
            recorded_by UUID NOT NULL,
            created_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE TABLE chargeback (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            deposit_id UUID UNIQUE REFERENCES deposit (id),
            reference TEXT NOT NULL UNIQUE,
            amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
            taken_minor BIGINT NOT NULL CHECK (taken_minor >= 0),
            owed_minor BIGINT NOT NULL CHECK (owed_minor >= 0),
            currency TEXT NOT NULL,
            recorded_by UUID NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            CHECK (taken_minor + owed_minor = amount_minor)
        )",
        "CREATE INDEX chargeback_organization ON chargeback (organization_id, id)",
        "CREATE TABLE payout_account (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            key_id TEXT NOT NULL,
            wrapped_key BYTEA NOT NULL,
            ciphertext BYTEA NOT NULL,
            last_four TEXT NOT NULL,
            set_by UUID,
            created_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE INDEX payout_account_organization ON payout_account (organization_id, id)",
        "CREATE TABLE withdrawal (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            payout_account_id UUID NOT NULL REFERENCES payout_account (id),
            payout_last_four TEXT NOT NULL,
            amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
            currency TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('REQUESTED', 'PAID', 'FAILED', 'CANCELLED')),
            bank_reference TEXT,
            failure TEXT,
            requested_by UUID,
            created_at TIMESTAMPTZ NOT NULL,
            ended_at TIMESTAMPTZ,
            version BIGINT NOT NULL DEFAULT 0
        )",
        "CREATE INDEX withdrawal_organization ON withdrawal (organization_id, id)",
        "CREATE TABLE payout_reveal (
            id UUID PRIMARY KEY,
            withdrawal_id UUID NOT NULL REFERENCES withdrawal (id),
            user_id UUID NOT NULL,
            revealed_at TIMESTAMPTZ NOT NULL
        )",
    ],
    append_only: [
        ("journal", "id", "subject_id, effect"),
        ("transfer", "id", "journal_id, position", "from_account_id, from_version", "to_account_id, to_version"),
        ("deposit", "id", "bank_reference"),
        ("chargeback", "id", "deposit_id", "reference"),
        ("payout_reveal", "id")
    ]
);
