//! Kinds of demand and the versions of their schemas.

crate::migration!(
    "m0003_verticals",
    &[
        "CREATE TABLE vertical (
            id UUID PRIMARY KEY,
            path TEXT NOT NULL UNIQUE,
            parent_id UUID REFERENCES vertical (id),
            current_version BIGINT NOT NULL,
            created_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE TABLE vertical_version (
            vertical_id UUID NOT NULL REFERENCES vertical (id),
            version BIGINT NOT NULL CHECK (version > 0),
            definition JSONB NOT NULL,
            created_by UUID REFERENCES account_user (id),
            created_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (vertical_id, version)
        )",
    ],
    append_only: []
);
