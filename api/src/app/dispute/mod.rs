//! Disputes: opening, answering, deciding and appealing a claim on a trade.

mod answer;
mod appeal;
mod case;
mod desk;
mod evidence;
mod many;
mod open;
mod recheck;
mod text;
mod view;

pub use answer::{Answer, DisputeRespond, dispute_respond, dispute_withdraw};
pub use appeal::{DisputeAppeal, dispute_appeal};
pub use case::{CaseView, dispute_inspect};
pub use desk::{DisputeRule, desk_disputes, dispute_confirm, dispute_recuse, dispute_rule};
pub use evidence::{EvidenceFile, Shown, dispute_evidence_add, evidence_read};
pub use many::{dispute_entries_many, dispute_evidence_many, disputes_many};
pub use open::{DisputeOpen, dispute_open};
pub use view::{
    EntryView, FileView, dispute, dispute_of_trade, disputes, disputes_advance, exchange_disputes, reputation, reputation_allowed,
};

use domain::dispute::cap::ReturnCap;
use domain::dispute::{ConfirmAbove, Terms, TradeParty};
use domain::evidence::UnreachableRule;
use domain::id::{DisputeId, OrganizationId};
use domain::refusal::Refusal;
use domain::reputation::StandingRule;
use domain::ring::RingRule;
use serde::{Deserialize, Serialize};
use store::disputes::{Dispute, LeadLock, Rules, dispute_lock};
use store::{Tx, WriteError};

use crate::config::Exchange;

/// What a repeated call answers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Answered {
    dispute: DisputeId,
}

/// The rules of disputes, as configured.
#[must_use]
pub fn rules(exchange: &Exchange) -> Rules {
    Rules {
        terms: Terms {
            answer_secs: exchange.seller_answer_secs,
            review_secs: exchange.arbiter_secs,
            appeal_secs: exchange.appeal_secs,
        },
        cap: ReturnCap {
            share_bp: exchange.return_cap_bp,
            min_trades: u64::try_from(exchange.return_cap_min_trades).unwrap_or(0),
            window_secs: exchange.return_cap_window_secs,
        },
        ring: RingRule {
            min_leads: u64::try_from(exchange.ring_min_leads).unwrap_or(u64::MAX),
            window_secs: exchange.ring_window_secs,
        },
        duplicate_window_secs: exchange.duplicate_window_secs,
    }
}

/// When a seller is known and when it is trusted, as configured.
#[must_use]
pub fn standing_rule(exchange: &Exchange) -> StandingRule {
    StandingRule {
        known_from_trades: u64::try_from(exchange.new_below_trades).unwrap_or(0),
        trusted_from_trades: u64::try_from(exchange.trusted_from_trades).unwrap_or(u64::MAX),
        trusted_max_bp: u32::try_from(exchange.trusted_upheld_max_bp).unwrap_or(0),
    }
}

/// The prices above which a second arbiter confirms, as configured.
fn confirm_above(exchange: &Exchange) -> ConfirmAbove {
    ConfirmAbove { minor: exchange.second_arbiter_above_minor.clone(), other_minor: exchange.second_arbiter_above_other_minor }
}

fn unreachable_rule(exchange: &Exchange, zone: chrono_tz::Tz) -> UnreachableRule {
    UnreachableRule {
        min_age_secs: exchange.unreachable_age_secs,
        min_attempts: exchange.unreachable_attempts,
        min_days: exchange.unreachable_days,
        zone,
    }
}

/// The side on which `organization` stands in the dispute, if it stands on one.
fn party_of(dispute: &Dispute, organization: OrganizationId) -> Option<TradeParty> {
    if dispute.buyer == organization {
        Some(TradeParty::Buyer)
    } else if dispute.seller == organization {
        Some(TradeParty::Seller)
    } else {
        None
    }
}

/// The dispute with everything about its lead locked, when `organization` stands in it; otherwise it does not exist.
async fn locked_for(tx: &Tx, id: DisputeId, organization: OrganizationId) -> Result<(Dispute, LeadLock, TradeParty), WriteError> {
    let (dispute, locked) = dispute_lock(tx, id).await?;
    let party = party_of(&dispute, organization).ok_or_else(|| Refusal::not_found("disputeId", "dispute"))?;
    Ok((dispute, locked, party))
}
