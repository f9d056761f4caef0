//! Readers of the event feed that remember where they stand, and webhooks: who is told what happened, and what was sent.

crate::migration!(
    "m0010_webhooks",
    &[
        // Where each reader of the feed stands. A transaction's number fits: Postgres counts up to 2^63 in this column.
        "CREATE TABLE feed_consumer (
            name TEXT PRIMARY KEY,
            transaction_id BIGINT NOT NULL,
            seq BIGINT NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE TABLE webhook_endpoint (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            name TEXT NOT NULL,
            url TEXT NOT NULL,
            event_types JSONB NOT NULL,
            include_contact BOOLEAN NOT NULL,
            created_by UUID NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL,
            disabled_at TIMESTAMPTZ,
            disabled_for TEXT CHECK (disabled_for IN ('OWNER', 'GONE')),
            failures BIGINT NOT NULL DEFAULT 0,
            paused_at TIMESTAMPTZ,
            probe_at TIMESTAMPTZ,
            version BIGINT NOT NULL DEFAULT 0,
            CHECK ((disabled_at IS NULL) = (disabled_for IS NULL)),
            CHECK ((paused_at IS NULL) = (probe_at IS NULL))
        )",
        "CREATE INDEX webhook_endpoint_organization ON webhook_endpoint (organization_id, id)",
        // The secrets that sign, sealed under their own id. An old one signs too until it ends.
        "CREATE TABLE webhook_secret (
            id UUID PRIMARY KEY,
            endpoint_id UUID NOT NULL REFERENCES webhook_endpoint (id),
            key_id TEXT NOT NULL,
            wrapped_key BYTEA NOT NULL,
            ciphertext BYTEA NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            ends_at TIMESTAMPTZ
        )",
        "CREATE INDEX webhook_secret_endpoint ON webhook_secret (endpoint_id)",
        // A message to one endpoint. Its id is the same at each attempt; ids and states only, never personal data.
        "CREATE TABLE webhook_delivery (
            id UUID PRIMARY KEY,
            endpoint_id UUID NOT NULL,
            organization_id UUID NOT NULL,
            event_seq BIGINT,
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
            CHECK ((state = 'PENDING') = (ended_at IS NULL)),
            UNIQUE (endpoint_id, event_seq)
        )",
        "CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, due_at) WHERE state = 'PENDING'",
        "CREATE INDEX webhook_delivery_object ON webhook_delivery (endpoint_id, object, sequence) WHERE state = 'PENDING'",
        "CREATE INDEX webhook_delivery_organization ON webhook_delivery (organization_id, id)",
        "CREATE TABLE webhook_attempt (
            delivery_id UUID NOT NULL,
            attempt BIGINT NOT NULL,
            endpoint_id UUID NOT NULL,
            outcome TEXT NOT NULL,
            status BIGINT,
            millis BIGINT NOT NULL,
            answer TEXT,
            began_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (delivery_id, attempt)
        )",
        "CREATE TABLE wallet_alert (
            organization_id UUID NOT NULL REFERENCES organization (id),
            currency TEXT NOT NULL,
            threshold_minor BIGINT NOT NULL CHECK (threshold_minor > 0),
            is_low BOOLEAN NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (organization_id, currency)
        )",
    ],
    append_only: []
);
