//! Looking at one's own campaigns.

use domain::access::Permission;
use domain::campaign::{CampaignState, Usage};
use domain::id::{CampaignId, DestinationId};
use store::campaigns::{CampaignRevision, StoredCampaign};
use store::page::{Page, Slice};

use crate::app::{App, AppError, Caller};

/// A campaign with the path of its vertical and its usage as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignView {
    /// The campaign.
    pub campaign: StoredCampaign,
    /// The path of its vertical.
    pub vertical_path: String,
    /// What it has bought in the present periods.
    pub usage: Usage,
    /// Where its leads are brought; by default when empty.
    pub destinations: Vec<DestinationId>,
}

/// The campaigns with what is shown beside them.
pub async fn viewed(app: &App, campaigns: Vec<StoredCampaign>) -> Result<Vec<CampaignView>, AppError> {
    let (paths, now) = (app.store.vertical_paths().await?, app.now());
    let ids: Vec<CampaignId> = campaigns.iter().map(|campaign| campaign.id).collect();
    let mut destinations = app.store.campaign_destinations(&ids).await?;
    let view = |campaign: StoredCampaign| CampaignView {
        destinations: destinations.remove(&campaign.id).unwrap_or_default(),
        vertical_path: paths.get(&campaign.vertical).cloned().unwrap_or_default(),
        usage: campaign.standing.usage.rolled(now, campaign.standing.terms.zone),
        campaign,
    };
    Ok(campaigns.into_iter().map(view).collect())
}

/// A page of the caller's own campaigns, the youngest first.
pub async fn campaigns(
    app: &App,
    caller: &Caller,
    states: &[CampaignState],
    page: &Page<CampaignId>,
) -> Result<Slice<StoredCampaign>, AppError> {
    let buyer = caller.principal.require(Permission::MarketRead)?;
    Ok(app.store.campaigns_page(buyer, states, page).await?)
}

/// Those of `ids` that are the caller's own, in no order.
pub async fn campaigns_many(app: &App, caller: &Caller, ids: &[CampaignId]) -> Result<Vec<StoredCampaign>, AppError> {
    let buyer = caller.principal.require(Permission::MarketRead)?;
    Ok(app.store.campaigns_many(buyer, ids).await?)
}

/// A page of what happened to a campaign of the caller's, the latest first; nothing of one that is not the caller's.
pub async fn campaign_history(
    app: &App,
    caller: &Caller,
    id: CampaignId,
    page: &Page<i64>,
) -> Result<Slice<CampaignRevision>, AppError> {
    if campaigns_many(app, caller, &[id]).await?.is_empty() {
        return Ok(Slice::default());
    }
    Ok(app.store.campaign_revisions(id, page).await?)
}
