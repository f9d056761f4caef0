//! Orders of the open listings that a page is read along. Each index has all that tells whether a listing is left out without
//! its lead, so that what is left out costs no look-up.

crate::migration!(
    "m0015_walks",
    &[
        "CREATE INDEX listing_closing ON listing (closes_at, id, vertical_id, lead_id, seller_id) WHERE state = 'OPEN'",
        "CREATE INDEX listing_newest ON listing (id, vertical_id, closes_at, lead_id, seller_id) WHERE state = 'OPEN'",
        "DROP INDEX listing_due",
    ],
    append_only: []
);
