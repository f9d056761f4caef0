//! Access tokens of destinations that are reached by OAuth. They are not among the destination's secrets: they come and go by
//! themselves, and one process at a time gets new ones.

crate::migration!(
    "m0018_destination_tokens",
    &[
        "CREATE TABLE destination_token (
            destination_id UUID PRIMARY KEY REFERENCES destination (id),
            version BIGINT NOT NULL,
            key_id TEXT NOT NULL,
            wrapped_key BYTEA NOT NULL,
            ciphertext BYTEA NOT NULL,
            granted_at TIMESTAMPTZ,
            expires_at TIMESTAMPTZ,
            renew_at TIMESTAMPTZ,
            leased_until TIMESTAMPTZ,
            failed BIGINT NOT NULL DEFAULT 0,
            retry_at TIMESTAMPTZ,
            fault TEXT CHECK (fault IN ('INVALID_GRANT', 'INVALID_CLIENT', 'REFUSED', 'UNREADABLE', 'NO_ANSWER')),
            reason TEXT,
            CHECK (granted_at IS NOT NULL OR expires_at IS NULL),
            CHECK ((fault IS NULL) = (reason IS NULL))
        )",
        "CREATE INDEX destination_token_rested ON destination_token (granted_at)",
    ],
    append_only: []
);
