//! How full Postgres packs the pages of tables whose rows change soon after they came: a row that finds room on its page changes there, and
//! no index is touched unless it has a changed column.

crate::migration!(
    "m0019_packing",
    &[],
    postgres: &["ALTER TABLE webhook_delivery SET (fillfactor = 50)"],
    append_only: []
);
