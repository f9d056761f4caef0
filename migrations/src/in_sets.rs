//! What a sale makes Postgres look up row by row, looked up set by set, and documents that are only read whole.

use crate::dialect::Reference;

/// Keys are kept for ever: nothing finds them by their age.
const EVERYWHERE: &[&str] = &["DROP INDEX idempotency_age"];

const POSTGRES: &[&str] = &[
    "ALTER TABLE transfer DROP CONSTRAINT transfer_journal_id_fkey",
    "ALTER TABLE transfer DROP CONSTRAINT transfer_from_account_id_fkey",
    "ALTER TABLE transfer DROP CONSTRAINT transfer_to_account_id_fkey",
    "ALTER TABLE trade DROP CONSTRAINT trade_of_listing",
    "ALTER TABLE trade DROP CONSTRAINT trade_buyer_id_fkey",
    // Nothing looks into them, so their text is kept as it is.
    "ALTER TABLE event ALTER COLUMN audience TYPE json, ALTER COLUMN payload TYPE json",
    "ALTER TABLE idempotency ALTER COLUMN response TYPE json",
];

const TRANSFER: &[Reference] = &[
    Reference { columns: "journal_id", to: "journal", key: "id" },
    Reference { columns: "from_account_id", to: "account", key: "id" },
    Reference { columns: "to_account_id", to: "account", key: "id" },
];

const TRADE: &[Reference] = &[
    Reference { columns: "listing_id, lead_id, seller_id", to: "listing", key: "id, lead_id, seller_id" },
    Reference { columns: "buyer_id", to: "organization", key: "id" },
];

crate::migration!(
    "m0022_in_sets",
    EVERYWHERE,
    postgres: POSTGRES,
    references: [("transfer", TRANSFER), ("trade", TRADE)],
    append_only: []
);
