//! Whether a claim may be opened, and what it opens as.

use super::cap::ReturnCap;
use super::reason::{DisputeClaim, DisputeDetail, DisputeReason};
use super::{RefundCause, State, Terms};
use crate::evidence::{LoggedCall, UnreachableRule};
use crate::proof::AutomaticProof;
use crate::refusal::{Code, Refusal};
use crate::time::{Timestamp, plus_secs};
use crate::trade::Hold;

/// What the exchange knows when a buyer opens a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// What the buyer says.
    pub claim: DisputeClaim,
    /// What exactly.
    pub detail: DisputeDetail,
    /// The hold on the trade's money.
    pub hold: Hold,
    /// Whether the buyer has claimed something of this trade before; a review that the exchange opened is no claim.
    pub disputed_before: bool,
    /// When the trade was made.
    pub traded_at: Timestamp,
    /// The calls that the buyer logged on this trade.
    pub calls: Vec<LoggedCall>,
    /// Files that come with the claim.
    pub files: u64,
    /// The buyer's trades inside the cap's window.
    pub recent_trades: u64,
    /// The buyer's disputes inside the cap's window, without those proved automatically.
    pub recent_disputes: u64,
    /// What the exchange can prove by itself.
    pub proof: Option<AutomaticProof>,
}

/// A claim that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The reason.
    pub reason: DisputeReason,
    /// OPEN, or REFUNDED when the proof is automatic.
    pub state: State,
}

/// Opens the dispute at `now`, or says why not. The hold is half open: at the instant of release it is too late.
/// An automatic proof needs neither patience nor evidence.
pub fn open(
    opening: &Opening,
    now: Timestamp,
    terms: &Terms,
    cap: &ReturnCap,
    unreachable: &UnreachableRule,
) -> Result<Opened, Refusal> {
    let reason = opening.claim.reason(opening.detail)?;
    if opening.disputed_before {
        return Err(Refusal::wrong_state("a trade can be disputed once, and this one was").at("tradeId"));
    }
    opening.hold.freeze(now).map_err(|refusal| refusal.at("tradeId"))?;
    if opening.proof.is_some() {
        return Ok(Opened { reason, state: State::Refunded { cause: RefundCause::AutomaticProof } });
    }
    if opening.detail.claims_unreachable() {
        unreachable.check(opening.traded_at, &opening.calls, now)?;
    }
    if cap.needs_evidence(opening.recent_trades, opening.recent_disputes) && opening.files == 0 && opening.calls.is_empty() {
        let message = "you dispute more than the return cap allows without evidence: log a call or attach a file";
        return Err(Refusal::new(Code::Required, message).at("evidence"));
    }
    Ok(Opened { reason, state: State::Open { answer_by: plus_secs(now, terms.answer_secs) } })
}
