//! Organizations, people, sessions, keys.

crate::migration!(
    "m0002_accounts",
    &[
        "CREATE TABLE organization (
            id UUID PRIMARY KEY,
            name TEXT NOT NULL,
            country TEXT NOT NULL,
            time_zone TEXT NOT NULL,
            locale TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'SUSPENDED')),
            referrer_id UUID REFERENCES organization (id),
            bank_hash BYTEA,
            wallet_frozen_at TIMESTAMPTZ,
            created_at TIMESTAMPTZ NOT NULL,
            version BIGINT NOT NULL DEFAULT 0
        )",
        "CREATE TABLE account_user (
            id UUID PRIMARY KEY,
            email TEXT NOT NULL UNIQUE,
            email_domain TEXT NOT NULL GENERATED ALWAYS AS (SUBSTR(email, STRPOS(email, '@') + 1)) STORED,
            name TEXT NOT NULL,
            locale TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'DISABLED')),
            created_at TIMESTAMPTZ NOT NULL,
            email_verified_at TIMESTAMPTZ,
            version BIGINT NOT NULL DEFAULT 0
        )",
        "CREATE INDEX account_user_email_domain ON account_user (email_domain)",
        "CREATE TABLE membership (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            user_id UUID NOT NULL REFERENCES account_user (id),
            role TEXT NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            version BIGINT NOT NULL DEFAULT 0,
            UNIQUE (organization_id, user_id)
        )",
        "CREATE INDEX membership_user ON membership (user_id)",
        "CREATE TABLE staff (
            user_id UUID NOT NULL REFERENCES account_user (id),
            role TEXT NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (user_id, role)
        )",
        "CREATE TABLE invitation (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            email TEXT NOT NULL,
            role TEXT NOT NULL,
            token_hash BYTEA NOT NULL UNIQUE,
            invited_by UUID NOT NULL REFERENCES account_user (id),
            created_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            accepted_at TIMESTAMPTZ,
            revoked_at TIMESTAMPTZ
        )",
        "CREATE INDEX invitation_organization ON invitation (organization_id)",
        "CREATE TABLE session (
            id UUID PRIMARY KEY,
            user_id UUID NOT NULL REFERENCES account_user (id),
            organization_id UUID REFERENCES organization (id),
            staff_role TEXT,
            created_at TIMESTAMPTZ NOT NULL,
            last_used_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            revoked_at TIMESTAMPTZ,
            revoked_reason TEXT
        )",
        "CREATE INDEX session_by_user ON session (user_id)",
        "CREATE TABLE refresh_token (
            token_hash BYTEA PRIMARY KEY,
            session_id UUID NOT NULL REFERENCES session (id),
            created_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            used_at TIMESTAMPTZ
        )",
        "CREATE INDEX refresh_token_session ON refresh_token (session_id)",
        "CREATE TABLE email_verification (
            token_hash BYTEA PRIMARY KEY,
            user_id UUID NOT NULL REFERENCES account_user (id),
            created_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            used_at TIMESTAMPTZ
        )",
        "CREATE TABLE password_reset (
            token_hash BYTEA PRIMARY KEY,
            user_id UUID NOT NULL REFERENCES account_user (id),
            created_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            used_at TIMESTAMPTZ
        )",
        "CREATE TABLE api_key (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            name TEXT NOT NULL,
            prefix TEXT NOT NULL,
            secret_hash BYTEA NOT NULL UNIQUE,
            scopes JSONB NOT NULL,
            created_by UUID NOT NULL REFERENCES account_user (id),
            created_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ,
            last_used_at TIMESTAMPTZ,
            revoked_at TIMESTAMPTZ
        )",
        "CREATE INDEX api_key_organization ON api_key (organization_id)",
        "CREATE TABLE signing_key (
            kid TEXT PRIMARY KEY,
            public_key BYTEA NOT NULL,
            sealed_private_key BYTEA NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            retired_at TIMESTAMPTZ
        )",
        "CREATE TABLE throttle (
            subject BYTEA PRIMARY KEY,
            failures BIGINT NOT NULL,
            window_started_at TIMESTAMPTZ NOT NULL
        )",
    ],
    append_only: []
);
