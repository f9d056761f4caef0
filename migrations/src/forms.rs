//! Hosted forms, what they showed, and the certificates of what was agreed to there.

crate::migration!(
    "m0013_forms",
    &[
        "CREATE TABLE form (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            name TEXT NOT NULL,
            vertical TEXT NOT NULL,
            draft JSONB NOT NULL,
            published_version BIGINT,
            created_by UUID NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL,
            disabled_at TIMESTAMPTZ
        )",
        "CREATE INDEX form_organization ON form (organization_id, id)",
        "CREATE TABLE form_version (
            form_id UUID NOT NULL REFERENCES form (id),
            version BIGINT NOT NULL,
            content JSONB NOT NULL,
            published_by UUID NOT NULL,
            published_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (form_id, version)
        )",
        // What a version says in a language, once, so that the hash in a certificate can be checked.
        "CREATE TABLE form_text (
            form_id UUID NOT NULL,
            version BIGINT NOT NULL,
            language TEXT NOT NULL,
            page JSONB NOT NULL,
            text TEXT NOT NULL,
            sha256 BYTEA NOT NULL,
            PRIMARY KEY (form_id, version, language),
            FOREIGN KEY (form_id, version) REFERENCES form_version (form_id, version)
        )",
        "CREATE TABLE certificate_key (
            kid TEXT PRIMARY KEY,
            public_key BYTEA NOT NULL,
            sealed_private_key BYTEA NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            retired_at TIMESTAMPTZ
        )",
        "CREATE TABLE consent_certificate (
            id UUID PRIMARY KEY,
            lead_id UUID NOT NULL UNIQUE REFERENCES lead (id),
            form_id UUID NOT NULL,
            form_version BIGINT NOT NULL,
            language TEXT NOT NULL,
            key_id TEXT NOT NULL REFERENCES certificate_key (kid),
            payload TEXT NOT NULL,
            signature BYTEA NOT NULL,
            origin BYTEA NOT NULL,
            issued_at TIMESTAMPTZ NOT NULL,
            FOREIGN KEY (form_id, form_version, language) REFERENCES form_text (form_id, version, language)
        )",
        "CREATE INDEX consent_certificate_origin ON consent_certificate (origin, issued_at)",
        // Proofs of work that were spent.
        "CREATE TABLE form_challenge (
            hash BYTEA PRIMARY KEY,
            spent_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE INDEX form_challenge_spent ON form_challenge (spent_at)",
    ],
    append_only: [("form_version", "form_id, version"), ("form_text", "form_id, version, language"), ("consent_certificate", "id", "lead_id")]
);
