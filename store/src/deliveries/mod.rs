//! Bought leads on their way to where their buyers work: made behind the sale, taken in turns, each attempt kept.

mod claim;
mod files;
mod find;
mod make;
mod progress;

use domain::delivery::{AttemptOutcome, DeliveryState};
use domain::id::{CampaignId, DeliveryAttemptId, DeliveryFileId, DeliveryId, DestinationId, OrganizationId, TradeId};
use domain::time::Timestamp;
use serde_json::Value;

pub use claim::{Claim, Claimed};
pub use files::DeliveryFile;
pub use find::DeliveryFilter;
pub use make::FeedPlace;
pub use progress::{Begun, Progress};

use crate::entity::{delivery, delivery_attempt};
use crate::error::StoreError;

/// The topic of the end of a delivery.
pub const DELIVERY_UPDATED: &str = "delivery.updated";

/// One bought lead for one destination.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The trade that bought the lead.
    pub trade: TradeId,
    /// Where to.
    pub destination: DestinationId,
    /// The campaign that bought it, if one did.
    pub campaign: Option<CampaignId>,
    /// Whether it travels with others in a file.
    pub in_file: bool,
    /// Where it stands.
    pub state: DeliveryState,
    /// Which step comes next, in the adapter's words.
    pub stage: Value,
    /// How often it has failed.
    pub failed: i64,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// When it is given up.
    pub give_up_at: Timestamp,
    /// Which turn it is at: what a worker writes that had an earlier one is void.
    pub lease: i64,
    /// Whether the contact details have left under it.
    pub told: bool,
    /// Whether it has counted as a failure of its campaign.
    pub counted: bool,
    /// Why it failed, was stopped, or is tried again.
    pub reason: Option<String>,
    /// The other side's id.
    pub external_id: Option<String>,
    /// The file that it lies in.
    pub file: Option<DeliveryFileId>,
    /// Since when.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl TryFrom<delivery::Model> for Delivery {
    type Error = StoreError;

    fn try_from(row: delivery::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            organization: row.organization_id.into(),
            trade: row.trade_id.into(),
            destination: row.destination_id.into(),
            campaign: row.campaign_id.map(Into::into),
            in_file: row.in_file,
            state: row.state.parse().map_err(StoreError::corrupt)?,
            stage: row.stage,
            failed: row.failed,
            due_at: row.due_at,
            give_up_at: row.give_up_at,
            lease: row.lease,
            told: row.told,
            counted: row.counted,
            reason: row.reason,
            external_id: row.external_id,
            file: row.file_id.map(Into::into),
            created_at: row.created_at,
            ended_at: row.ended_at,
        })
    }
}

/// One attempt of a delivery, or one step of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Its id.
    pub id: DeliveryAttemptId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// What it came to.
    pub outcome: AttemptOutcome,
    /// The status of the answer, if there was one.
    pub status: Option<i64>,
    /// Why it came to that.
    pub reason: Option<String>,
    /// How long it took, in milliseconds.
    pub millis: i64,
    /// What was sent, without secrets and without who the person is.
    pub request: Value,
    /// The beginning of the answer, sealed under the data key of the trade.
    pub answer: Option<Vec<u8>>,
    /// When.
    pub at: Timestamp,
}

impl TryFrom<delivery_attempt::Model> for Attempt {
    type Error = StoreError;

    fn try_from(row: delivery_attempt::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            delivery: row.delivery_id.into(),
            outcome: row.outcome.parse().map_err(StoreError::corrupt)?,
            status: row.status,
            reason: row.reason,
            millis: row.millis,
            request: row.request,
            answer: row.answer,
            at: row.created_at,
        })
    }
}
