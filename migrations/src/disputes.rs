//! Disputes with their history, reputation, calls, outcomes and clients.

crate::migration!(
    "m0007_disputes",
    &[
        "CREATE TABLE dispute (
            id UUID PRIMARY KEY,
            trade_id UUID NOT NULL REFERENCES trade (id),
            by_exchange BOOLEAN NOT NULL,
            lead_id UUID NOT NULL REFERENCES lead (id),
            buyer_id UUID NOT NULL REFERENCES organization (id),
            seller_id UUID NOT NULL REFERENCES organization (id),
            reason TEXT NOT NULL,
            detail TEXT NOT NULL,
            automatic BOOLEAN NOT NULL,
            state TEXT NOT NULL,
            body JSONB NOT NULL,
            arbiter_id UUID REFERENCES account_user (id),
            due_at TIMESTAMPTZ,
            opened_at TIMESTAMPTZ NOT NULL,
            ended_at TIMESTAMPTZ,
            version BIGINT NOT NULL DEFAULT 0,
            UNIQUE (trade_id, by_exchange)
        )",
        "CREATE INDEX dispute_lead ON dispute (lead_id)",
        "CREATE INDEX dispute_due ON dispute (due_at) WHERE due_at IS NOT NULL",
        "CREATE INDEX dispute_buyer ON dispute (buyer_id, id)",
        "CREATE INDEX dispute_seller ON dispute (seller_id, id)",
        "CREATE INDEX dispute_arbiter ON dispute (arbiter_id, id)",
        "CREATE TABLE dispute_entry (
            id UUID PRIMARY KEY,
            dispute_id UUID NOT NULL REFERENCES dispute (id),
            kind TEXT NOT NULL,
            side TEXT NOT NULL,
            user_id UUID,
            body JSONB NOT NULL,
            created_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE INDEX dispute_entry_dispute ON dispute_entry (dispute_id, id)",
        "CREATE TABLE evidence (
            id UUID PRIMARY KEY,
            dispute_id UUID NOT NULL REFERENCES dispute (id),
            upload_id UUID NOT NULL UNIQUE REFERENCES upload (id),
            side TEXT NOT NULL,
            created_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE TABLE reputation (
            organization_id UUID NOT NULL REFERENCES organization (id),
            side TEXT NOT NULL CHECK (side IN ('SELLER', 'BUYER')),
            trades BIGINT NOT NULL DEFAULT 0,
            upheld BIGINT NOT NULL DEFAULT 0,
            rejected BIGINT NOT NULL DEFAULT 0,
            updated_at TIMESTAMPTZ NOT NULL,
            version BIGINT NOT NULL DEFAULT 0,
            PRIMARY KEY (organization_id, side)
        )",
        "CREATE TABLE call_attempt (
            id UUID PRIMARY KEY,
            trade_id UUID NOT NULL REFERENCES trade (id),
            organization_id UUID NOT NULL,
            called_at TIMESTAMPTZ NOT NULL,
            duration_secs BIGINT NOT NULL CHECK (duration_secs >= 0),
            disposition TEXT NOT NULL,
            note TEXT,
            recorded_by UUID,
            recorded_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE INDEX call_attempt_trade ON call_attempt (trade_id, id)",
        "CREATE TABLE outcome (
            id UUID PRIMARY KEY,
            trade_id UUID NOT NULL REFERENCES trade (id),
            buyer_id UUID NOT NULL REFERENCES organization (id),
            kind TEXT NOT NULL,
            body JSONB NOT NULL,
            reason BYTEA,
            revenue_minor BIGINT,
            currency TEXT,
            agent_id UUID REFERENCES account_user (id),
            recorded_by UUID,
            recorded_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE INDEX outcome_trade ON outcome (trade_id, id)",
        "CREATE INDEX outcome_buyer ON outcome (buyer_id, id)",
        "CREATE TABLE next_step (
            trade_id UUID PRIMARY KEY REFERENCES trade (id),
            buyer_id UUID NOT NULL REFERENCES organization (id),
            kind TEXT NOT NULL,
            due_at TIMESTAMPTZ NOT NULL,
            agent_id UUID REFERENCES account_user (id),
            note BYTEA,
            done_at TIMESTAMPTZ,
            version BIGINT NOT NULL DEFAULT 0
        )",
        "CREATE INDEX next_step_due ON next_step (buyer_id, due_at) WHERE done_at IS NULL",
        "CREATE TABLE client (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            trade_id UUID NOT NULL UNIQUE REFERENCES trade (id),
            lead_id UUID NOT NULL REFERENCES lead (id),
            ciphertext BYTEA NOT NULL,
            agent_id UUID REFERENCES account_user (id),
            created_at TIMESTAMPTZ NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL,
            version BIGINT NOT NULL DEFAULT 0
        )",
        "CREATE INDEX client_organization ON client (organization_id, id)",
        "CREATE TABLE client_entry (
            id UUID PRIMARY KEY,
            client_id UUID NOT NULL REFERENCES client (id),
            kind TEXT NOT NULL,
            ciphertext BYTEA NOT NULL,
            recorded_by UUID,
            created_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE INDEX client_entry_client ON client_entry (client_id, id)",
    ],
    append_only: [("dispute_entry", "id"), ("evidence", "id", "upload_id"), ("outcome", "id"), ("call_attempt", "id"), ("client_entry", "id")]
);
