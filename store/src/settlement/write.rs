//! Writing a batch: one statement for each table.

use super::Batch;
use crate::bids::{NewBid, bids_end, bids_insert};
use crate::error::WriteError;
use crate::listings::{Advance, listings_advance};
use crate::trades::{insert_all, write_all};

impl Batch {
    /// Writes all that the commands recorded. The database has the last word: a row that it refuses refuses the batch.
    pub async fn write(self) -> Result<(), WriteError> {
        let Self { tx, now, lots, market, ledger, recorded, .. } = self;
        market.write_before(&tx).await?;
        insert_all(&tx, &recorded.opened).await?;
        let advances = lots.into_values().filter(|lot| lot.stored.version != lot.version_before).map(|lot| Advance {
            version_before: lot.version_before,
            next: lot.stored,
            sold_exclusive: lot.sold_exclusive,
        });
        listings_advance(&tx, &advances.collect::<Vec<_>>()).await?;
        bids_end(&tx, &recorded.ends).await?;
        bids_insert(&tx, &recorded.placed.into_values().collect::<Vec<NewBid>>()).await?;
        write_all(&tx, &recorded.changes, now).await?;
        market.write_after(&tx, now).await?;
        tx.remember_all(&recorded.remembered).await?;
        let mut news = ledger.news();
        news.extend(recorded.news);
        tx.emit_at(news, now).await?;
        // Other batches wait for the accounts that this one locks here.
        ledger.write().await
    }
}
