//! Where bought leads are brought, and on their way there.

crate::migration!(
    "m0011_destinations",
    &[
        // The settings hold no secret: those lie sealed under the destination's id.
        "CREATE TABLE destination (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            name TEXT NOT NULL,
            kind TEXT NOT NULL,
            settings JSONB NOT NULL,
            schedule JSONB,
            secret_names JSONB NOT NULL,
            key_id TEXT NOT NULL,
            wrapped_key BYTEA NOT NULL,
            ciphertext BYTEA NOT NULL,
            is_default BOOLEAN NOT NULL DEFAULT FALSE,
            booked_until TIMESTAMPTZ,
            created_by UUID NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL,
            disabled_at TIMESTAMPTZ,
            disabled_reason TEXT
        )",
        "CREATE INDEX destination_organization ON destination (organization_id, id)",
        "CREATE UNIQUE INDEX destination_default ON destination (organization_id) WHERE is_default",
        "CREATE TABLE campaign_destination (
            campaign_id UUID NOT NULL REFERENCES campaign (id),
            destination_id UUID NOT NULL REFERENCES destination (id),
            PRIMARY KEY (campaign_id, destination_id)
        )",
        "CREATE INDEX campaign_destination_destination ON campaign_destination (destination_id)",
        // A file is no more than the list of what lies in it: its rows are made anew whenever somebody opens it.
        "CREATE TABLE delivery_file (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            destination_id UUID NOT NULL REFERENCES destination (id),
            created_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE TABLE delivery (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            trade_id UUID NOT NULL REFERENCES trade (id),
            destination_id UUID NOT NULL REFERENCES destination (id),
            campaign_id UUID REFERENCES campaign (id),
            in_file BOOLEAN NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('WAITING', 'DELIVERED', 'FAILED', 'STOPPED')),
            stage JSONB NOT NULL,
            failed BIGINT NOT NULL DEFAULT 0,
            due_at TIMESTAMPTZ NOT NULL,
            give_up_at TIMESTAMPTZ NOT NULL,
            leased_until TIMESTAMPTZ,
            lease BIGINT NOT NULL DEFAULT 0,
            told BOOLEAN NOT NULL DEFAULT FALSE,
            counted BOOLEAN NOT NULL DEFAULT FALSE,
            reason TEXT,
            external_id TEXT,
            file_id UUID REFERENCES delivery_file (id),
            created_at TIMESTAMPTZ NOT NULL,
            ended_at TIMESTAMPTZ,
            UNIQUE (trade_id, destination_id),
            CHECK ((state = 'WAITING') = (ended_at IS NULL))
        )",
        "CREATE INDEX delivery_due ON delivery (due_at, id) WHERE state = 'WAITING'",
        "CREATE INDEX delivery_waiting ON delivery (destination_id) WHERE state = 'WAITING'",
        "CREATE INDEX delivery_organization ON delivery (organization_id, id)",
        "CREATE INDEX delivery_of_file ON delivery (file_id, id) WHERE file_id IS NOT NULL",
        "CREATE TABLE delivery_attempt (
            id UUID PRIMARY KEY,
            delivery_id UUID NOT NULL REFERENCES delivery (id),
            outcome TEXT NOT NULL,
            status BIGINT,
            reason TEXT,
            millis BIGINT NOT NULL,
            request JSONB NOT NULL,
            answer BYTEA,
            created_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE INDEX delivery_attempt_delivery ON delivery_attempt (delivery_id, id)",
    ],
    append_only: [("delivery_attempt", "id")]
);
