//! Consumers of the feed whose work leaves the database: one process at a time has a consumer, for as long as its lease lasts.

crate::migration!(
    "m0016_event_stream",
    &["ALTER TABLE feed_consumer ADD COLUMN leased_by UUID", "ALTER TABLE feed_consumer ADD COLUMN leased_until TIMESTAMPTZ",],
    append_only: []
);
