//! The end of the market: what is under way ends, and what became of the listings is looked up.

use std::time::Duration;

use domain::clearing::SaleKind;
use domain::listing::ListingState;
use domain::time::plus_secs;

use super::findings::{Listed, Way};
use super::market::Market;
use super::progress::Progress;
use super::{AUCTION_SECS, SimulateError};

/// How much longer than an offer stands and an auction runs the end may take, in seconds.
const PATIENCE_SECS: i64 = 60;

const LOOK: Duration = Duration::from_millis(250);

impl Market {
    /// Waits until no offer is open, no auction runs and no job is due, and looks up what the listings came to.
    pub(super) async fn close(&self, offer_secs: i64, progress: &Progress) -> Result<(), SimulateError> {
        let quiet_secs = offer_secs.max(AUCTION_SECS);
        let (from, until) = (self.app.now(), plus_secs(self.app.now(), quiet_secs.saturating_add(PATIENCE_SECS)));
        progress.begin("closing", u64::try_from(quiet_secs).unwrap_or(0));
        let auctions = self.findings().listed.iter().any(|listed| listed.way == Way::Auction);
        let auctions_end = if auctions { plus_secs(from, AUCTION_SECS + 1) } else { from };
        while self.app.now() < until {
            let now = self.app.now();
            let waited = u64::try_from(now.signed_duration_since(from).num_seconds()).unwrap_or(0);
            let offers = self.app.store.offers_due(plus_secs(now, offer_secs + PATIENCE_SECS), 1).await?.len();
            let backlog = self.app.store.jobs_backlog().await?;
            let jobs_due = backlog.due_since.is_some_and(|due| due <= now);
            progress.reach(waited, "offers expire, auctions close".to_owned());
            if offers == 0 && !jobs_due && now >= auctions_end {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        self.look_up().await
    }

    async fn look_up(&self) -> Result<(), SimulateError> {
        let listed = self.findings().listed.clone();
        for Listed { listing, way } in listed {
            let trades = self.app.store.trades_of_listing(listing).await?;
            if trades.is_empty() {
                let state = self.app.store.listing_any(listing).await?.map(|stored| stored.listing.state);
                let mut findings = self.findings();
                match state {
                    Some(ListingState::Open) => findings.lost("listing: still open at the end"),
                    Some(ListingState::Unsold) => findings.lost("listing: nobody bought it"),
                    Some(ListingState::Withdrawn) => findings.lost("listing: withdrawn"),
                    Some(ListingState::Sold) | None => {
                        findings.lost("unexplained");
                        findings.unexplained("a listing is sold to nobody".to_owned());
                    }
                }
                continue;
            }
            let kind = |exclusive| if exclusive { SaleKind::Exclusive } else { SaleKind::Shared };
            let copies: Vec<(SaleKind, i64)> = trades.iter().map(|trade| (kind(trade.exclusive), trade.price.minor)).collect();
            self.findings().sold(way, &copies);
        }
        Ok(())
    }
}
