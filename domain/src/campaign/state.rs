//! Where a campaign stands, and what it offers for one lead at one instant.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::caps::{Period, Usage};
use super::facts::Facts;
use super::terms::{Amounts, Terms};
use crate::access::{UnknownText, text_enum};
use crate::clearing::LossReason;
use crate::id::CampaignId;
use crate::money::BP_WHOLE;
use crate::refusal::Refusal;
use crate::time::Timestamp;

text_enum! {
    /// Where a campaign stands.
    CampaignState {
        /// It buys.
        Active = "ACTIVE",
        /// It buys nothing until it is resumed.
        Paused = "PAUSED",
        /// It is over; its history stays.
        Archived = "ARCHIVED",
    }
}

text_enum! {
    /// Why a campaign is paused.
    PauseReason {
        /// Its buyer paused it.
        Buyer = "BUYER",
        /// Its trial is over: resuming it confirms.
        TrialOver = "TRIAL_OVER",
        /// Its deliveries failed again and again.
        DeliveriesFailing = "DELIVERIES_FAILING",
    }
}

text_enum! {
    /// What is done to a campaign.
    CampaignChange {
        /// It was made.
        Created = "CREATED",
        /// Its name or its terms changed.
        Updated = "UPDATED",
        /// It stopped buying.
        Paused = "PAUSED",
        /// It buys again.
        Resumed = "RESUMED",
        /// It is over.
        Archived = "ARCHIVED",
    }
}

/// What the decisions on a campaign must know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The campaign.
    pub id: CampaignId,
    /// Where it stands.
    pub state: CampaignState,
    /// Whether its buyer has resumed it after its trial.
    pub trial_confirmed: bool,
    /// What it says.
    pub terms: Terms,
    /// What it has bought.
    pub usage: Usage,
}

impl Standing {
    /// What it offers at `now` for the lead or ping `subject` of which `facts` are known and which passes its filter; or why it
    /// offers nothing. Money and duplicates are others' to judge.
    pub fn offer(&self, facts: &Facts, subject: Uuid, now: Timestamp) -> Result<Amounts, LossReason> {
        self.takes_part(subject, now)?;
        let amounts = self.terms.price.of(facts).ok_or(LossReason::FilterMismatch)?;
        self.within_caps(amounts, now)
    }

    /// Whether it buys at all at `now`, and `subject` is in its share.
    pub fn takes_part(&self, subject: Uuid, now: Timestamp) -> Result<(), LossReason> {
        let open = self.state == CampaignState::Active && self.terms.schedule.is_open(now, self.terms.zone);
        if !open {
            Err(LossReason::OutOfSchedule)
        } else if !drawn(self.id, subject, self.terms.share_bp) {
            Err(LossReason::NotDrawn)
        } else {
            Ok(())
        }
    }

    /// Those of `amounts` for which caps, budget and trial leave room: who cannot pay for the exclusive sale any more may still
    /// buy a copy.
    pub fn within_caps(&self, amounts: Amounts, now: Timestamp) -> Result<Amounts, LossReason> {
        if self.trial_is_over() {
            return Err(LossReason::CapReached);
        }
        let usage = self.usage.rolled(now, self.terms.zone);
        let mut refused = None;
        let mut room = |minor: Option<i64>| {
            minor.filter(|minor| usage.admits(&self.terms.caps, *minor).map_err(|reason| refused = Some(reason)).is_ok())
        };
        let left = Amounts { shared_minor: room(amounts.shared_minor), exclusive_minor: room(amounts.exclusive_minor) };
        match refused {
            Some(reason) if left == Amounts { shared_minor: None, exclusive_minor: None } => Err(reason),
            _ => Ok(left),
        }
    }

    /// Whether caps, budget and trial leave room for a lead at `price_minor`.
    pub fn admits(&self, price_minor: i64, now: Timestamp) -> Result<(), LossReason> {
        let usage = self.usage.rolled(now, self.terms.zone);
        if self.trial_is_over() {
            return Err(LossReason::CapReached);
        }
        usage.admits(&self.terms.caps, price_minor)
    }

    /// Whether it has bought as many leads as its trial allows, and nobody has confirmed it.
    #[must_use]
    pub fn trial_is_over(&self) -> bool {
        let bought = self.usage.count(Period::Total).leads;
        !self.trial_confirmed && self.terms.trial_leads.is_some_and(|most| bought >= most)
    }
}

/// Whether a lead is in the share that a campaign takes. The same lead is always drawn or never, and no two campaigns draw alike.
#[must_use]
pub fn drawn(campaign: CampaignId, subject: Uuid, share_bp: i64) -> bool {
    if share_bp >= BP_WHOLE {
        return true;
    }
    let digest = Sha256::new().chain_update(campaign.0.as_bytes()).chain_update(subject.as_bytes()).finalize();
    let head = digest.first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head));
    let whole = u64::try_from(BP_WHOLE).unwrap_or(1).max(1);
    i64::try_from(head.checked_rem(whole).unwrap_or(0)).is_ok_and(|lot| lot < share_bp)
}

/// Pauses an active campaign.
pub fn campaign_pause(state: CampaignState) -> Result<CampaignState, Refusal> {
    match state {
        CampaignState::Active => Ok(CampaignState::Paused),
        CampaignState::Paused => Err(Refusal::wrong_state("the campaign is paused")),
        CampaignState::Archived => Err(archived()),
    }
}

/// Lets a paused campaign buy again.
pub fn campaign_resume(state: CampaignState) -> Result<CampaignState, Refusal> {
    match state {
        CampaignState::Paused => Ok(CampaignState::Active),
        CampaignState::Active => Err(Refusal::wrong_state("the campaign is active")),
        CampaignState::Archived => Err(archived()),
    }
}

/// Ends a campaign for good.
pub fn campaign_archive(state: CampaignState) -> Result<CampaignState, Refusal> {
    match state {
        CampaignState::Active | CampaignState::Paused => Ok(CampaignState::Archived),
        CampaignState::Archived => Err(archived()),
    }
}

/// Refuses to change what is over.
pub fn campaign_change(state: CampaignState) -> Result<(), Refusal> {
    if state == CampaignState::Archived { Err(archived()) } else { Ok(()) }
}

fn archived() -> Refusal {
    Refusal::wrong_state("the campaign is archived")
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
