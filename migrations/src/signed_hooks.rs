//! More senders of leads, their secrets, and which of their messages became leads.

crate::migration!(
    "m0014_lead_hooks",
    &[
        // SQLite changes no CHECK of a table that is there: it is made anew, on both.
        "CREATE TABLE lead_hook_next (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            name TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('GOOGLE_ADS', 'TYPEFORM', 'TALLY', 'FORM', 'META', 'TIKTOK', 'JOTFORM')),
            mapping TEXT NOT NULL,
            prefix TEXT NOT NULL,
            secret_hash BYTEA NOT NULL,
            signed BOOLEAN NOT NULL,
            fault TEXT CHECK (fault IN ('TOKEN_EXPIRED', 'NOT_ALLOWED', 'RATE_LIMITED', 'UNREACHABLE', 'GONE', 'REFUSED')),
            fault_at TIMESTAMPTZ,
            created_by UUID NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL,
            disabled_at TIMESTAMPTZ,
            CHECK ((fault IS NULL) = (fault_at IS NULL))
        )",
        "INSERT INTO lead_hook_next (id, organization_id, name, kind, mapping, prefix, secret_hash, signed, created_by, created_at,
            updated_at, disabled_at)
         SELECT id, organization_id, name, kind, mapping, prefix, secret_hash, FALSE, created_by, created_at, updated_at, disabled_at
         FROM lead_hook",
        "DROP TABLE lead_hook",
        "ALTER TABLE lead_hook_next RENAME TO lead_hook",
        "CREATE INDEX lead_hook_organization ON lead_hook (organization_id, id)",
        // What signs a hook's messages and asks its network for leads, sealed under the hook's id.
        "CREATE TABLE lead_hook_secret (
            hook_id UUID PRIMARY KEY REFERENCES lead_hook (id),
            key_id TEXT NOT NULL,
            wrapped_key BYTEA NOT NULL,
            ciphertext BYTEA NOT NULL
        )",
        // A message by what its sender calls it, with the lead that it has become: it may come again. While there is none yet, it is
        // being asked for.
        "CREATE TABLE lead_hook_message (
            hook_id UUID NOT NULL,
            message_id TEXT NOT NULL,
            lead_id UUID,
            created_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (hook_id, message_id)
        )",
        "CREATE INDEX lead_hook_message_age ON lead_hook_message (created_at)",
    ],
    append_only: []
);
