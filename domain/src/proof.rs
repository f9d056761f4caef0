//! What the exchange knows about a disputed lead by itself, and when that alone decides.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::dispute::reason::DisputeReason;
use crate::ring::RingRule;

text_enum! {
    /// What a check found when it ran again.
    Recheck {
        /// Nothing wrong.
        Pass = "PASS",
        /// Something that a person may have an explanation for.
        Doubtful = "DOUBTFUL",
        /// Something that nobody can argue with: no such number, no such mail domain.
        Impossible = "IMPOSSIBLE",
        /// The check could not tell.
        Inconclusive = "INCONCLUSIVE",
    }
}

text_enum! {
    /// What became of the consent evidence when it was compared again.
    ConsentFinding {
        /// There, and of this lead.
        Matches = "MATCHES",
        /// Not there.
        Missing = "MISSING",
        /// There, and of another text, time or person.
        Mismatched = "MISMATCHED",
    }
}

/// What the exchange knows about a disputed lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The phone, checked again.
    pub phone: Recheck,
    /// The e-mail address, checked again.
    pub email: Recheck,
    /// The consent evidence, compared again.
    pub consent: ConsentFinding,
    /// Whether a channel of the person was on the do-not-contact list at the sale.
    pub suppressed: bool,
    /// Whether the buyer had bought this person inside the window, under another lead that came first.
    pub bought_before: bool,
    /// Whether another seller's earlier lead of this person was sold inside the window.
    pub sold_before: bool,
    /// Whether the person answered a code or a link.
    pub confirmed: bool,
    /// Whether a recorded call reached the person and the interest was confirmed.
    pub spoken: bool,
    /// Whether the form was filled faster than a person types.
    pub too_fast: bool,
    /// Whether a field that people do not see was filled.
    pub honeypot: bool,
    /// Whether the answers were pasted.
    pub pasted: bool,
    /// Other leads of the same device, or of the same address and page.
    pub siblings: u64,
    /// Those of them that were upheld as pseudo-leads, mistakes left out.
    pub pseudo_siblings: u64,
}

text_enum! {
    /// What decides a dispute without waiting.
    AutomaticProof {
        /// The phone cannot exist.
        PhoneImpossible = "PHONE_IMPOSSIBLE",
        /// The e-mail address cannot exist.
        EmailImpossible = "EMAIL_IMPOSSIBLE",
        /// The same person was sold before, inside the window.
        Duplicate = "DUPLICATE",
        /// There is no consent evidence.
        ConsentMissing = "CONSENT_MISSING",
        /// The consent evidence is not this lead's.
        ConsentMismatched = "CONSENT_MISMATCHED",
        /// The lead is of a ring of pseudo-leads.
        ConfirmedRing = "CONFIRMED_RING",
    }
}

impl AutomaticProof {
    /// The reason that this proves, whatever the buyer claimed.
    #[must_use]
    pub const fn reason(self) -> DisputeReason {
        match self {
            Self::PhoneImpossible | Self::EmailImpossible => DisputeReason::Mistake,
            Self::Duplicate => DisputeReason::Duplicate,
            Self::ConsentMissing | Self::ConsentMismatched => DisputeReason::NoConsent,
            Self::ConfirmedRing => DisputeReason::Hired,
        }
    }
}

/// The proof that `facts` hold, the strongest first. A channel that the person answered by exists, whatever a check says.
#[must_use]
pub fn automatic(facts: &Facts, ring: &RingRule) -> Option<AutomaticProof> {
    let reached = facts.confirmed || facts.spoken;
    let found = [
        (AutomaticProof::Duplicate, facts.bought_before || facts.sold_before),
        (AutomaticProof::ConsentMissing, facts.consent == ConsentFinding::Missing),
        (AutomaticProof::ConsentMismatched, facts.consent == ConsentFinding::Mismatched),
        (AutomaticProof::PhoneImpossible, facts.phone == Recheck::Impossible && !reached),
        (AutomaticProof::EmailImpossible, facts.email == Recheck::Impossible && !reached),
        (AutomaticProof::ConfirmedRing, ring.is_confirmed(facts.siblings, facts.pseudo_siblings)),
    ];
    found.into_iter().find_map(|(proof, holds)| holds.then_some(proof))
}

#[cfg(test)]
pub(crate) const CLEAN: Facts = Facts {
    phone: Recheck::Pass,
    email: Recheck::Pass,
    consent: ConsentFinding::Matches,
    suppressed: false,
    bought_before: false,
    sold_before: false,
    confirmed: false,
    spoken: false,
    too_fast: false,
    honeypot: false,
    pasted: false,
    siblings: 0,
    pseudo_siblings: 0,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_proof_has_its_fact() {
        let ring = RingRule::default();
        let proves = |facts: Facts| automatic(&facts, &ring);
        assert_eq!(proves(CLEAN), None);
        assert_eq!(proves(Facts { phone: Recheck::Impossible, ..CLEAN }), Some(AutomaticProof::PhoneImpossible));
        assert_eq!(proves(Facts { email: Recheck::Impossible, ..CLEAN }), Some(AutomaticProof::EmailImpossible));
        assert_eq!(proves(Facts { bought_before: true, ..CLEAN }), Some(AutomaticProof::Duplicate));
        assert_eq!(proves(Facts { sold_before: true, ..CLEAN }), Some(AutomaticProof::Duplicate));
        assert_eq!(proves(Facts { consent: ConsentFinding::Missing, ..CLEAN }), Some(AutomaticProof::ConsentMissing));
        assert_eq!(proves(Facts { consent: ConsentFinding::Mismatched, ..CLEAN }), Some(AutomaticProof::ConsentMismatched));
        assert_eq!(proves(Facts { siblings: 2, pseudo_siblings: 1, ..CLEAN }), Some(AutomaticProof::ConfirmedRing));
    }

    #[test]
    fn what_can_be_argued_with_is_no_proof() {
        let ring = RingRule::default();
        let doubtful = Facts {
            phone: Recheck::Doubtful,
            email: Recheck::Inconclusive,
            too_fast: true,
            honeypot: true,
            pasted: true,
            suppressed: true,
            siblings: 40,
            pseudo_siblings: 0,
            ..CLEAN
        };
        assert_eq!(automatic(&doubtful, &ring), None);
        assert_eq!(automatic(&Facts { phone: Recheck::Impossible, spoken: true, ..CLEAN }, &ring), None);
    }
}
