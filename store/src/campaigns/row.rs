//! A campaign as it is stored.

use domain::campaign::{CampaignChange, CampaignState, PauseReason, Standing, Terms, Usage};
use domain::id::{CampaignId, CampaignRevisionId, OrganizationId, UserId, VerticalId};
use domain::money::Currency;
use domain::time::Timestamp;

use crate::entity::{campaign, campaign_revision};
use crate::error::StoreError;

/// A campaign as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCampaign {
    /// Its id.
    pub id: CampaignId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// For which vertical and everything below it.
    pub vertical: VerticalId,
    /// What its buyer calls it.
    pub name: String,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What the decisions need.
    pub standing: Standing,
    /// Why it is paused, if it is.
    pub pause_reason: Option<PauseReason>,
    /// Failed deliveries in a row.
    pub failures: i64,
    /// When it last bought a lead or was offered one.
    pub served_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its terms or its state last changed.
    pub updated_at: Timestamp,
    /// Grows with each change of terms or state.
    pub version: i64,
}

/// What happened to a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRevision {
    /// The entry.
    pub id: CampaignRevisionId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The version that it made.
    pub version: i64,
    /// What was done.
    pub change: CampaignChange,
    /// Why it was paused, if it was.
    pub pause_reason: Option<PauseReason>,
    /// The name from then on.
    pub name: String,
    /// The terms from then on.
    pub terms: Terms,
    /// Who did it; nobody where the exchange did.
    pub changed_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
}

impl TryFrom<campaign::Model> for StoredCampaign {
    type Error = StoreError;

    fn try_from(row: campaign::Model) -> Result<Self, StoreError> {
        let state: CampaignState = row.state.parse().map_err(StoreError::corrupt)?;
        let terms: Terms = serde_json::from_value(row.terms).map_err(StoreError::corrupt)?;
        let usage: Usage = serde_json::from_value(row.usage).map_err(StoreError::corrupt)?;
        let id = row.id.into();
        Ok(Self {
            id,
            organization: row.organization_id.into(),
            vertical: row.vertical_id.into(),
            name: row.name,
            currency: row.currency.parse().map_err(StoreError::corrupt)?,
            standing: Standing { id, state, trial_confirmed: row.trial_confirmed, terms, usage },
            pause_reason: row.pause_reason.map(|reason| reason.parse().map_err(StoreError::corrupt)).transpose()?,
            failures: row.failures,
            served_at: row.served_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

impl TryFrom<campaign_revision::Model> for CampaignRevision {
    type Error = StoreError;

    fn try_from(row: campaign_revision::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            campaign: row.campaign_id.into(),
            version: row.version,
            change: row.change.parse().map_err(StoreError::corrupt)?,
            pause_reason: row.pause_reason.map(|reason| reason.parse().map_err(StoreError::corrupt)).transpose()?,
            name: row.name,
            terms: serde_json::from_value(row.terms).map_err(StoreError::corrupt)?,
            changed_by: row.changed_by.map(UserId::from),
            created_at: row.created_at,
        })
    }
}
