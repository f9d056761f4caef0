//! Addresses at which leads are handed in.

crate::migration!(
    "m0009_hooks",
    &[
        "CREATE TABLE lead_hook (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            name TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('GOOGLE_ADS', 'TYPEFORM', 'TALLY', 'FORM')),
            mapping TEXT NOT NULL,
            prefix TEXT NOT NULL,
            secret_hash BYTEA NOT NULL,
            created_by UUID NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL,
            disabled_at TIMESTAMPTZ
        )",
        "CREATE INDEX lead_hook_organization ON lead_hook (organization_id, id)",
    ],
    append_only: []
);
