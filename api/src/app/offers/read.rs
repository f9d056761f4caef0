//! Looking at one's own offers, and the end of those that nobody took.

use domain::access::Permission;
use domain::id::OfferId;
use domain::offer::OfferState;
use store::WriteError;
use store::offers::StoredOffer;
use store::page::{Page, Slice};
use store::settlement::{Batch, Needs};

use super::make::{Used, used};
use crate::app::settlement::Command;
use crate::app::{App, AppError, Caller};
use crate::config::Exchange;

/// An offer that the caller was made; `None` when there is none with this id.
pub async fn offer(app: &App, caller: &Caller, id: OfferId) -> Result<Option<StoredOffer>, AppError> {
    Ok(offers_many(app, caller, &[id]).await?.pop())
}

/// Those of `ids` that the caller was made, in no order.
pub async fn offers_many(app: &App, caller: &Caller, ids: &[OfferId]) -> Result<Vec<StoredOffer>, AppError> {
    let seller = caller.principal.require(Permission::MarketRead)?;
    Ok(app.store.offers_many(seller, ids).await?)
}

/// A page of the offers that the caller was made, the youngest first.
pub async fn offers(
    app: &App,
    caller: &Caller,
    states: &[OfferState],
    page: &Page<OfferId>,
) -> Result<Slice<StoredOffer>, AppError> {
    let seller = caller.principal.require(Permission::MarketRead)?;
    Ok(app.store.offers_page(seller, states, page).await?)
}

/// Ends the offers whose time is over: what they held returns. Answers how many; run by the worker.
pub async fn offers_expire(app: &App) -> Result<u64, AppError> {
    if app.store.money_stop().await?.is_some() {
        return Ok(0);
    }
    let batch = app.config.workers.batch;
    let mut ended: u64 = 0;
    loop {
        let due = app.store.offers_due(app.now(), batch).await?;
        let ends = due.iter().map(|offer| app.settlement.run(Expiry { offer: *offer }));
        let mut this: u64 = 0;
        for outcome in futures::future::join_all(ends).await {
            let (was_open, used) = outcome?;
            this = this.saturating_add(u64::from(was_open));
            for (campaign, usage, served_at) in used {
                app.book.used(campaign, usage, served_at);
            }
        }
        ended = ended.saturating_add(this);
        if this < batch {
            return Ok(ended);
        }
    }
}

/// The end of an offer on its way through the queue.
struct Expiry {
    offer: OfferId,
}

impl Command for Expiry {
    const NAME: &'static str = "offer_expire";
    type Outcome = (bool, Vec<Used>);

    fn needs(&self, needs: &mut Needs) {
        needs.offer(self.offer);
    }

    fn decide(&self, batch: &mut Batch, _: &Exchange) -> Result<Self::Outcome, WriteError> {
        let ended = batch.offer_expire(self.offer)?;
        let bidders = batch.offer(self.offer).map(|offer| offer.bidders.clone()).unwrap_or_default();
        Ok((ended, used(batch, bidders.into_iter().map(|bidder| bidder.campaign))))
    }
}
