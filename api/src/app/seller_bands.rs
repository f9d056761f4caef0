//! What the market sees of a seller, worked out once for each record: the rule behind it sums a thousand cells, and every row of
//! every page shows it.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use domain::reputation::{SellerBand, Tally};
use lru::LruCache;

/// Records that are remembered: more than an exchange has sellers whose listings are looked at in an hour.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// The bands of the records seen last. A band follows from its record alone, so that none is ever out of date.
pub struct SellerBands(Mutex<LruCache<Tally, SellerBand>>);

impl Default for SellerBands {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl SellerBands {
    /// What the market sees of a seller with this record.
    pub fn of(&self, tally: Tally) -> SellerBand {
        if let Some(band) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&tally) {
            return *band;
        }
        let band = tally.seller_band();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(tally, band);
        band
    }
}
