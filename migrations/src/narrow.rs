//! What a sale makes the database write and look up, and nothing more.

/// Old events are found in the order of the feed, which is nearly that of their age.
const EVERYWHERE: &[&str] = &["DROP INDEX event_age"];

const POSTGRES: &[&str] = &[
    // Nothing finds an event by its number alone.
    "ALTER TABLE event DROP CONSTRAINT event_pkey",
    "ALTER TABLE event ADD PRIMARY KEY (transaction_id, seq)",
    "DROP INDEX event_feed",
    // One key says what three did, and that the lead and the seller of a trade are those of its listing. SQLite, which would have to
    // copy the table for it, looks three rows up as fast.
    "CREATE UNIQUE INDEX listing_of_seller ON listing (seller_id, id, lead_id)",
    "DROP INDEX listing_seller",
    "ALTER TABLE trade ADD CONSTRAINT trade_of_listing FOREIGN KEY (listing_id, lead_id, seller_id) \
     REFERENCES listing (id, lead_id, seller_id)",
    "ALTER TABLE trade DROP CONSTRAINT trade_listing_id_fkey",
    "ALTER TABLE trade DROP CONSTRAINT trade_lead_id_fkey",
    "ALTER TABLE trade DROP CONSTRAINT trade_seller_id_fkey",
];

crate::migration!("m0021_narrow", EVERYWHERE, postgres: POSTGRES, append_only: []);
