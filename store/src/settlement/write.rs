//! Writing a batch: one statement for each table, as many of them together as can be.

use super::Batch;
use crate::bids::{NewBid, bids_add, bids_ended};
use crate::error::WriteError;
use crate::idempotency::remember_all;
use crate::listings::{Advance, listings_advance};
use crate::trades::{count_ended, insert_all, write_all};

impl Batch {
    /// Writes all that the commands recorded. The database has the last word: a row that it refuses refuses the batch.
    pub async fn write(self) -> Result<(), WriteError> {
        let Self { tx, now, lots, market, ledger, recorded, .. } = self;
        // A buyer has one open bid on a listing, and a ping one open offer: what is over makes room first.
        let mut over = tx.changes();
        bids_ended(&mut over, &recorded.ends);
        market.write_over(&mut over)?;
        over.write().await?;
        market.write_tried_out(&tx).await?;
        let mut changes = tx.changes();
        market.write_before(&mut changes)?;
        insert_all(&mut changes, &recorded.opened);
        let advances = lots.into_values().filter(|lot| lot.stored.version != lot.version_before).map(|lot| Advance {
            version_before: lot.version_before,
            next: lot.stored,
            sold_exclusive: lot.sold_exclusive,
        });
        listings_advance(&mut changes, &advances.collect::<Vec<_>>());
        bids_add(&mut changes, &recorded.placed.into_values().collect::<Vec<NewBid>>());
        write_all(&mut changes, &recorded.changes);
        market.write_after(&tx, &mut changes, now)?;
        remember_all(&mut changes, &recorded.remembered);
        let mut news = ledger.news();
        news.extend(recorded.news);
        tx.emit_with(&mut changes, news, now)?;
        // Other batches wait for the accounts that this one locks here.
        ledger.write(changes).await?;
        // Whoever ends a hold by itself locks in this order too.
        count_ended(&tx, &recorded.changes, now).await
    }
}
