//! Where a dispute stands.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Percent, TradeParty};
use crate::access::{UnknownText, text_enum};
use crate::id::UserId;
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

text_enum! {
    /// The name of a state, for lists and filters.
    DisputeStatus {
        /// The seller has the word.
        Open = "OPEN",
        /// An arbiter has it.
        UnderReview = "UNDER_REVIEW",
        /// Ruled for the buyer; appeal is possible.
        Upheld = "UPHELD",
        /// Ruled for the seller; appeal is possible.
        Rejected = "REJECTED",
        /// Ruled for both in part; appeal is possible.
        Split = "SPLIT",
        /// The ruling stands and the money has moved.
        Final = "FINAL",
        /// The buyer has its money back without a ruling.
        Refunded = "REFUNDED",
        /// The buyer gave up the claim.
        Withdrawn = "WITHDRAWN",
    }
}

text_enum! {
    /// Why a buyer has its money back without a ruling.
    RefundCause {
        /// The exchange proved the claim by itself.
        AutomaticProof = "AUTOMATIC_PROOF",
        /// The seller agreed.
        SellerAccepted = "SELLER_ACCEPTED",
        /// The seller missed the deadline.
        SellerSilent = "SELLER_SILENT",
        /// Another buyer of the same lead proved it a pseudo-lead.
        ClassRefund = "CLASS_REFUND",
        /// The person withdrew consent before the lead was delivered.
        ConsentWithdrawn = "CONSENT_WITHDRAWN",
    }
}

/// Where a dispute stands, with what that state needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Waits for the seller.
    Open {
        /// When the seller's silence decides.
        answer_by: Timestamp,
    },
    /// Waits for an arbiter.
    UnderReview(Review),
    /// Waits for an appeal.
    Ruled {
        /// The ruling.
        ruling: Ruling,
        /// When it becomes final.
        appeal_by: Timestamp,
        /// Arbiters who have had this dispute.
        served: Vec<UserId>,
    },
    /// The ruling stands.
    Final {
        /// The ruling.
        ruling: Ruling,
        /// The ruling that was appealed, if one was.
        first: Option<Ruling>,
    },
    /// The buyer has everything back.
    Refunded {
        /// Why.
        cause: RefundCause,
    },
    /// The buyer gave up the claim.
    Withdrawn,
}

/// An arbiter's work on a dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The arbiter, if one without ties could be found.
    pub assigned: Option<UserId>,
    /// When the rule on the evidence decides.
    pub rule_by: Timestamp,
    /// What the arbiter is to do.
    pub stage: Stage,
    /// First review or appeal.
    pub level: Level,
    /// Arbiters who have had this dispute and do not get it again.
    pub served: Vec<UserId>,
}

/// What the arbiter in charge is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// To rule.
    Ruling,
    /// To confirm another arbiter's ruling, or not.
    Confirming {
        /// The other's ruling.
        proposed: Ruling,
    },
    /// To rule alone, after two who disagreed.
    Tiebreak,
}

/// How often the dispute has been decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "level", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Not yet.
    First,
    /// Once, and a party asked another arbiter.
    Appeal {
        /// The party.
        by: TradeParty,
        /// The ruling that it did not accept.
        first: Ruling,
    },
}

/// A decision on the merits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// What goes back to the buyer.
    pub refund: Percent,
    /// Who decided.
    pub by: RuledBy,
    /// The second arbiter, where the price asked for one.
    pub confirmed_by: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RuledBy {
    /// An arbiter.
    Arbiter(UserId),
    /// The rule on the evidence, because the arbiter missed the deadline.
    Evidence,
}

impl State {
    /// The name of this state.
    #[must_use]
    pub const fn status(&self) -> DisputeStatus {
        match self {
            Self::Open { .. } => DisputeStatus::Open,
            Self::UnderReview(_) => DisputeStatus::UnderReview,
            Self::Ruled { ruling, .. } => ruling.status(),
            Self::Final { .. } => DisputeStatus::Final,
            Self::Refunded { .. } => DisputeStatus::Refunded,
            Self::Withdrawn => DisputeStatus::Withdrawn,
        }
    }

    /// When this state ends by itself; `None` exactly for final states.
    #[must_use]
    pub const fn timer(&self) -> Option<Timestamp> {
        match self {
            Self::Open { answer_by } => Some(*answer_by),
            Self::UnderReview(review) => Some(review.rule_by),
            Self::Ruled { appeal_by, .. } => Some(*appeal_by),
            Self::Final { .. } | Self::Refunded { .. } | Self::Withdrawn => None,
        }
    }

    /// Whether nothing moves this dispute any more.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Final { .. } | Self::Refunded { .. } | Self::Withdrawn)
    }

    /// Whether a party has asked another arbiter.
    #[must_use]
    pub const fn is_appealed(&self) -> bool {
        match self {
            Self::UnderReview(review) => matches!(review.level, Level::Appeal { .. }),
            Self::Final { first, .. } => first.is_some(),
            _ => false,
        }
    }

    /// The arbiter in charge, if one is.
    #[must_use]
    pub fn arbiter(&self) -> Option<UserId> {
        if let Self::UnderReview(review) = self { review.assigned } else { None }
    }

    /// Arbiters who may not get this dispute any more, the one in charge among them.
    #[must_use]
    pub fn served(&self) -> Vec<UserId> {
        match self {
            Self::UnderReview(review) => review.served.iter().copied().chain(review.assigned).collect(),
            Self::Ruled { served, .. } => served.clone(),
            _ => Vec::new(),
        }
    }

    /// How far the claim was proved, once that is certain: everything by a refund without a ruling. `None` for a withdrawn
    /// claim, for one that ended for a reason outside it, and while it is open.
    #[must_use]
    pub const fn proved(&self) -> Option<Percent> {
        match self {
            Self::Final { ruling, .. } => Some(ruling.refund),
            Self::Refunded {
                cause:
                    RefundCause::AutomaticProof | RefundCause::SellerAccepted | RefundCause::SellerSilent | RefundCause::ClassRefund,
            } => Some(Percent::ALL),
            _ => None,
        }
    }
}

impl Review {
    pub(super) const fn is_confirming(&self) -> bool {
        matches!(self.stage, Stage::Confirming { .. })
    }

    pub(super) fn held_by(&self, arbiter: UserId) -> Result<(), Refusal> {
        if self.assigned == Some(arbiter) {
            return Ok(());
        }
        Err(Refusal::new(Code::Forbidden, "another arbiter has this dispute"))
    }

    /// Refuses an arbiter who has had the dispute before.
    pub(super) fn fresh(&self, arbiter: UserId) -> Result<(), Refusal> {
        if self.served.contains(&arbiter) || self.assigned == Some(arbiter) {
            return Err(Refusal::new(Code::Conflict, "this arbiter has had the dispute before"));
        }
        Ok(())
    }

    pub(super) fn pass_on(mut self, from: UserId, to: Option<UserId>) -> Result<Self, Refusal> {
        if let Some(to) = to {
            self.fresh(to)?;
        }
        self.served.push(from);
        self.assigned = to;
        Ok(self)
    }
}

impl Ruling {
    /// The name of what was ruled.
    #[must_use]
    pub const fn status(&self) -> DisputeStatus {
        match self.refund.value() {
            0 => DisputeStatus::Rejected,
            100 => DisputeStatus::Upheld,
            _ => DisputeStatus::Split,
        }
    }
}
