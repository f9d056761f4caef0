//! Campaigns, what they bought, and the offers that pings were given.

crate::migration!(
    "m0008_campaigns",
    &[
        // What shows that the person asked, as buyers filter by it: the words themselves are long and need not be read for that.
        "ALTER TABLE lead ADD COLUMN consent_kind TEXT NOT NULL DEFAULT 'NONE'
            CHECK (consent_kind IN ('NONE', 'TEXT', 'CERTIFICATE'))",
        "UPDATE lead SET consent_kind = CASE
            WHEN consent ->> 'certificate_url' IS NOT NULL THEN 'CERTIFICATE'
            WHEN trim(consent ->> 'text') <> '' THEN 'TEXT'
            ELSE 'NONE' END",
        // A preview looks back over the listings of a vertical, however they ended.
        "CREATE INDEX listing_vertical ON listing (vertical_id, opens_at)",
        "ALTER TABLE api_key ADD COLUMN test BOOLEAN NOT NULL DEFAULT FALSE",
        // What test keys are offered lives apart from what money stands behind, and not for long.
        "CREATE TABLE test_offer (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            fingerprint BYTEA NOT NULL,
            course TEXT NOT NULL,
            offer JSONB NOT NULL,
            posted JSONB,
            expires_at TIMESTAMPTZ NOT NULL,
            UNIQUE (organization_id, fingerprint)
        )",
        "CREATE INDEX test_offer_over ON test_offer (expires_at)",
        "CREATE TABLE campaign (
            id UUID PRIMARY KEY,
            organization_id UUID NOT NULL REFERENCES organization (id),
            vertical_id UUID NOT NULL REFERENCES vertical (id),
            name TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'PAUSED', 'ARCHIVED')),
            pause_reason TEXT,
            currency TEXT NOT NULL,
            terms JSONB NOT NULL,
            usage JSONB NOT NULL,
            trial_confirmed BOOLEAN NOT NULL DEFAULT FALSE,
            failures BIGINT NOT NULL DEFAULT 0,
            served_at TIMESTAMPTZ,
            created_by UUID,
            created_at TIMESTAMPTZ NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL,
            version BIGINT NOT NULL DEFAULT 1,
            CHECK ((pause_reason IS NOT NULL) = (state = 'PAUSED'))
        )",
        "CREATE INDEX campaign_organization ON campaign (organization_id, id)",
        "CREATE INDEX campaign_active ON campaign (id) WHERE state = 'ACTIVE'",
        "CREATE TABLE campaign_revision (
            id UUID PRIMARY KEY,
            campaign_id UUID NOT NULL REFERENCES campaign (id),
            version BIGINT NOT NULL,
            change TEXT NOT NULL,
            pause_reason TEXT,
            name TEXT NOT NULL,
            terms JSONB NOT NULL,
            changed_by UUID,
            created_at TIMESTAMPTZ NOT NULL,
            UNIQUE (campaign_id, version)
        )",
        "CREATE TABLE campaign_purchase (
            trade_id UUID PRIMARY KEY REFERENCES trade (id),
            campaign_id UUID NOT NULL REFERENCES campaign (id),
            price_minor BIGINT NOT NULL CHECK (price_minor > 0),
            counted_at TIMESTAMPTZ NOT NULL
        )",
        "CREATE INDEX campaign_purchase_campaign ON campaign_purchase (campaign_id, counted_at)",
        "CREATE TABLE offer (
            id UUID PRIMARY KEY,
            seller_id UUID NOT NULL REFERENCES organization (id),
            vertical_id UUID NOT NULL REFERENCES vertical (id),
            fingerprint BYTEA NOT NULL,
            ping JSONB NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('OPEN', 'CONCLUDED', 'REFUSED', 'EXPIRED')),
            currency TEXT NOT NULL,
            receipt JSONB NOT NULL,
            bidders JSONB NOT NULL,
            lead_id UUID REFERENCES lead (id),
            listing_id UUID REFERENCES listing (id),
            created_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            ended_at TIMESTAMPTZ,
            version BIGINT NOT NULL DEFAULT 0
        )",
        "CREATE UNIQUE INDEX offer_open ON offer (seller_id, fingerprint) WHERE state = 'OPEN'",
        "CREATE INDEX offer_due ON offer (expires_at) WHERE state = 'OPEN'",
        "CREATE INDEX offer_seller ON offer (seller_id, id)",
        "CREATE INDEX offer_lead ON offer (lead_id) WHERE lead_id IS NOT NULL",
        "CREATE TABLE offer_bid (
            id UUID PRIMARY KEY,
            offer_id UUID NOT NULL REFERENCES offer (id),
            campaign_id UUID NOT NULL REFERENCES campaign (id),
            buyer_id UUID NOT NULL REFERENCES organization (id),
            state TEXT NOT NULL CHECK (state IN ('HELD', 'WON', 'LOST')),
            loss_reason TEXT,
            price_minor BIGINT NOT NULL CHECK (price_minor > 0),
            counted_at TIMESTAMPTZ NOT NULL,
            ended_at TIMESTAMPTZ,
            CHECK ((state = 'HELD') = (ended_at IS NULL))
        )",
        "CREATE INDEX offer_bid_offer ON offer_bid (offer_id)",
        "CREATE INDEX offer_bid_held ON offer_bid (buyer_id) WHERE state = 'HELD'",
        "CREATE INDEX offer_bid_campaign ON offer_bid (campaign_id, id)",
    ],
    append_only: [("campaign_revision", "id", "campaign_id, version"), ("campaign_purchase", "trade_id")]
);
