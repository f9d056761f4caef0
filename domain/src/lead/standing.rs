//! What may still happen to a lead.

use super::LeadState;
use crate::refusal::Refusal;
use crate::verification::Verdict;

/// What others hold of a lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ties {
    /// It stands in an open listing.
    pub listed: bool,
    /// It was sold at least once.
    pub sold: bool,
    /// The money of a sale still waits in escrow.
    pub in_escrow: bool,
}

impl LeadState {
    /// Whether the lead is for sale, or will be once it is verified far enough.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Unqualified | Self::Verified)
    }

    /// Whether checks still decide: not once the lead was withdrawn, quarantined or erased.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Unqualified | Self::Verified | Self::Rejected)
    }
}

/// The state that `verdict` gives a lead in `state`.
pub fn judge(state: LeadState, verdict: Verdict) -> Result<LeadState, Refusal> {
    if state.is_open() { Ok(verdict.state) } else { Err(closed(state)) }
}

/// Takes a lead back that was not sold.
pub fn withdraw(state: LeadState, ties: Ties) -> Result<LeadState, Refusal> {
    if ties.listed {
        return Err(Refusal::wrong_state("the lead stands in an open listing; withdraw that first"));
    }
    if ties.sold {
        return Err(Refusal::wrong_state("the lead was sold"));
    }
    if state.is_open() { Ok(LeadState::Withdrawn) } else { Err(closed(state)) }
}

/// Destroys the contact data of a lead on which nobody has a claim.
pub fn erase(state: LeadState, ties: Ties) -> Result<LeadState, Refusal> {
    if ties.listed {
        return Err(Refusal::wrong_state("the lead stands in an open listing; withdraw that first"));
    }
    if ties.in_escrow {
        return Err(Refusal::wrong_state(
            "a buyer's money for this lead waits in escrow; the contact data is evidence until then",
        ));
    }
    if state == LeadState::Erased { Err(closed(state)) } else { Ok(LeadState::Erased) }
}

fn closed(state: LeadState) -> Refusal {
    Refusal::wrong_state(format!("the lead is {}", state.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use LeadState as S;

    #[test]
    fn a_sold_or_listed_lead_stays() {
        let free = Ties::default();
        for state in [S::Unqualified, S::Verified, S::Rejected] {
            assert_eq!(withdraw(state, free), Ok(S::Withdrawn));
        }
        for state in [S::Withdrawn, S::Quarantined, S::Erased] {
            assert!(withdraw(state, free).is_err());
        }
        assert!(withdraw(S::Verified, Ties { listed: true, ..free }).is_err());
        assert!(withdraw(S::Verified, Ties { sold: true, ..free }).is_err());
    }

    #[test]
    fn erasure_waits_for_escrow_only() {
        let sold = Ties { sold: true, ..Ties::default() };
        for state in S::ALL.iter().copied().filter(|state| *state != S::Erased) {
            assert_eq!(erase(state, sold), Ok(S::Erased));
        }
        assert!(erase(S::Erased, sold).is_err());
        assert!(erase(S::Verified, Ties { in_escrow: true, ..sold }).is_err());
        assert!(erase(S::Verified, Ties { listed: true, ..Ties::default() }).is_err());
    }
}
