//! Listings, bids, receipts.

crate::migration!(
    "m0005_market",
    &[
        "CREATE TABLE listing (
            id UUID PRIMARY KEY,
            lead_id UUID NOT NULL REFERENCES lead (id),
            seller_id UUID NOT NULL REFERENCES organization (id),
            vertical_id UUID NOT NULL REFERENCES vertical (id),
            format TEXT NOT NULL CHECK (format IN ('FIXED', 'AUCTION', 'DUTCH')),
            terms JSONB NOT NULL,
            currency TEXT NOT NULL,
            price_minor BIGINT NOT NULL CHECK (price_minor > 0),
            max_sales BIGINT NOT NULL CHECK (max_sales BETWEEN 1 AND 5),
            sold_count BIGINT NOT NULL DEFAULT 0,
            sold_exclusive BOOLEAN NOT NULL DEFAULT FALSE,
            state TEXT NOT NULL,
            opens_at TIMESTAMPTZ NOT NULL,
            closes_at TIMESTAMPTZ NOT NULL,
            ended_at TIMESTAMPTZ,
            relisted_from UUID REFERENCES listing (id),
            taken_down_for TEXT,
            created_by UUID,
            created_at TIMESTAMPTZ NOT NULL,
            version BIGINT NOT NULL DEFAULT 0,
            CHECK (sold_count >= 0 AND sold_count <= max_sales),
            CHECK (NOT sold_exclusive OR sold_count = 1)
        )",
        "CREATE UNIQUE INDEX listing_open_lead ON listing (lead_id) WHERE state = 'OPEN'",
        "CREATE INDEX listing_due ON listing (closes_at) WHERE state = 'OPEN'",
        "CREATE INDEX listing_seller ON listing (seller_id, id)",
        "CREATE INDEX listing_open ON listing (vertical_id, id) WHERE state = 'OPEN'",
        "CREATE TABLE bid (
            id UUID PRIMARY KEY,
            listing_id UUID NOT NULL REFERENCES listing (id),
            buyer_id UUID NOT NULL REFERENCES organization (id),
            shared_minor BIGINT CHECK (shared_minor > 0),
            exclusive_minor BIGINT CHECK (exclusive_minor > 0),
            reserved_minor BIGINT NOT NULL CHECK (reserved_minor > 0),
            state TEXT NOT NULL CHECK (state IN ('OPEN', 'WON', 'LOST', 'WITHDRAWN')),
            loss_reason TEXT,
            placed_by UUID,
            placed_at TIMESTAMPTZ NOT NULL,
            ended_at TIMESTAMPTZ,
            version BIGINT NOT NULL DEFAULT 0,
            CHECK (shared_minor IS NOT NULL OR exclusive_minor IS NOT NULL)
        )",
        "CREATE UNIQUE INDEX bid_open ON bid (listing_id, buyer_id) WHERE state = 'OPEN'",
        "CREATE INDEX bid_buyer ON bid (buyer_id, id)",
        "CREATE INDEX bid_listing ON bid (listing_id, id)",
        "CREATE TABLE receipt (
            id UUID PRIMARY KEY,
            listing_id UUID NOT NULL UNIQUE REFERENCES listing (id),
            body JSONB NOT NULL,
            created_at TIMESTAMPTZ NOT NULL
        )",
    ],
    append_only: [("receipt", "id")]
);
