//! Keeping the book current: filled from the rows once, and then from the feed of events.

use std::collections::BTreeSet;

use domain::id::{CampaignId, OrganizationId};
use store::WriteError;
use store::campaigns::{CAMPAIGN_CHANGED, StoredCampaign};
use store::disputes::DISPUTE_UPDATED;
use store::outbox::FeedEvent;
use store::reputation::{Side, tallies_of};

use super::book::Book;
use crate::app::{App, AppError};

/// Campaigns read at a time when the book is filled.
const PAGE: u64 = 2_000;
/// Events read at a time.
const EVENTS: u64 = 500;

/// Fills the book once, and follows what other processes change: run by the worker, and before the first use.
pub async fn campaigns_follow(app: &App) -> Result<u64, AppError> {
    app.book.filled.get_or_try_init(|| fill(app)).await?;
    let mut followed: u64 = 0;
    loop {
        let position = app.book.read().position;
        let read = app.store.feed_read(position, EVENTS).await?;
        followed = followed.saturating_add(heed(app, read.events.iter().chain(&read.ahead)).await?);
        let mut inner = app.book.write();
        inner.position = read.end;
        // A campaign that was paused is out at once, even while a long transaction holds the feed back.
        inner.heeded = read.ahead.iter().map(|event| event.position).collect();
        drop(inner);
        if !read.whole {
            return Ok(followed);
        }
    }
}

/// Reads again what events tell to have changed: campaigns, and buyers whose disputes were decided.
async fn heed(app: &App, events: impl Iterator<Item = &FeedEvent>) -> Result<u64, AppError> {
    let mut followed: u64 = 0;
    let mut buyers = BTreeSet::new();
    for event in events {
        if app.book.read().heeded.contains(&event.position) {
            continue;
        }
        match event.topic.as_str() {
            CAMPAIGN_CHANGED => {
                if let Some(campaign) = app.store.campaign_any(event.subject_id.into()).await? {
                    know(app, std::slice::from_ref(&campaign)).await?;
                    app.book.put(&campaign);
                    followed = followed.saturating_add(1);
                }
            }
            DISPUTE_UPDATED => buyers.extend(app.book.weighed(&event.audience)),
            _ => {}
        }
    }
    if !buyers.is_empty() {
        weights_refresh(app, buyers.into_iter().collect()).await?;
    }
    Ok(followed)
}

/// The book, filled.
pub async fn book(app: &App) -> Result<&Book, AppError> {
    app.book.filled.get_or_try_init(|| fill(app)).await?;
    Ok(&app.book)
}

/// Tells the book of a change that this process made.
pub async fn book_put(app: &App, campaign: &StoredCampaign) -> Result<(), AppError> {
    if app.book.filled.initialized() {
        know(app, std::slice::from_ref(campaign)).await?;
        app.book.put(campaign);
    }
    Ok(())
}

/// Counts a delivery of a campaign, of which this is known, if it pauses after some failed ones.
pub async fn campaign_delivered(app: &App, known: Option<StoredCampaign>, failed: bool) -> Result<(), AppError> {
    let counts = |known: &StoredCampaign| known.standing.terms.pause_after_failures.is_some() && (failed || known.failures > 0);
    let Some(StoredCampaign { id, .. }) = known.filter(counts) else { return Ok(()) };
    let counted = app.store.write("campaign_delivered", |tx| async move { tx.campaign_delivered(id, failed).await }).await?;
    match counted {
        Some(counted) => book_put(app, &counted).await,
        None => Ok(()),
    }
}

/// Reads a campaign again that bought behind the book's back.
pub async fn book_reread(app: &App, id: CampaignId) -> Result<(), AppError> {
    if let Some(campaign) = app.store.campaign_any(id).await? {
        app.book.put(&campaign);
    }
    Ok(())
}

/// Looks again at a campaign that has bought: one whose trial is over was paused with its last purchase.
pub async fn book_check(app: &App, id: CampaignId) -> Result<(), AppError> {
    if app.book.campaign(id).is_some_and(|campaign| campaign.standing.trial_is_over()) {
        book_reread(app, id).await?;
    }
    Ok(())
}

/// Counts again those campaigns whose kept counts are not what they have bought and hold. Answers how many there were: every one
/// is a defect, but no reason to buy too much or too little until somebody finds it. Run at the start and by the worker.
pub async fn campaigns_reconcile(app: &App) -> Result<u64, AppError> {
    let mut mended: u64 = 0;
    for id in app.store.campaigns_miscounted().await? {
        let counted = app.store.write("campaign_reconcile", move |tx| async move {
            let Some(mut campaign) = tx.campaign_locked(id).await? else { return Ok(None) };
            let usage = tx.campaign_recount(&campaign).await?;
            if usage == campaign.standing.usage {
                return Ok(None);
            }
            campaign.standing.usage = usage;
            tx.campaigns_count(&[&campaign]).await?;
            Ok::<_, WriteError>(Some(campaign))
        });
        if let Some(campaign) = counted.await? {
            tracing::error!(campaign = %campaign.id, "a campaign's counts were wrong and are counted again");
            metrics::counter!("clearlead_campaigns_recounted").increment(1);
            app.book.used(campaign.id, campaign.standing.usage, campaign.served_at);
            mended = mended.saturating_add(1);
        }
    }
    Ok(mended)
}

async fn fill(app: &App) -> Result<(), AppError> {
    // What is committed behind this position is read again from the feed.
    let position = app.store.feed_end().await?;
    app.book.write().position = position;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let campaigns = app.store.campaigns_active(after, PAGE).await?;
        after = campaigns.last().map(|campaign| campaign.id);
        know(app, &campaigns).await?;
        let is_last = u64::try_from(campaigns.len()).is_ok_and(|count| count < PAGE);
        all.extend(campaigns);
        if is_last {
            app.book.write().put_all(all);
            return Ok(());
        }
    }
}

/// Learns the verticals and the weights of the buyers that campaigns name, those that are new.
async fn know(app: &App, campaigns: &[StoredCampaign]) -> Result<(), AppError> {
    let (paths_known, strangers) = {
        let inner = app.book.read();
        let paths_known = campaigns.iter().all(|campaign| inner.paths.contains_key(&campaign.vertical));
        let buyers = campaigns.iter().map(|campaign| campaign.organization);
        let strangers: BTreeSet<OrganizationId> = buyers.filter(|buyer| !inner.weights.contains_key(buyer)).collect();
        (paths_known, strangers)
    };
    if !paths_known {
        let paths = app.store.vertical_paths().await?;
        let parsed = paths.into_iter().filter_map(|(id, path)| Some((id, path.parse().ok()?)));
        app.book.write().paths = parsed.collect();
    }
    if !strangers.is_empty() {
        weights_refresh(app, strangers.into_iter().collect()).await?;
    }
    Ok(())
}

async fn weights_refresh(app: &App, buyers: Vec<OrganizationId>) -> Result<(), AppError> {
    let tallies = tallies_of(app.store.read(), Side::Buyer, buyers.iter().copied()).await?;
    let mut inner = app.book.write();
    for buyer in buyers {
        let tally = tallies.get(&buyer).copied().unwrap_or_default();
        inner.weights.insert(buyer, i64::from(tally.bidder_weight_bp()).clamp(1, domain::money::BP_WHOLE));
    }
    Ok(())
}
