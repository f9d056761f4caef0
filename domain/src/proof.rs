//! What the exchange knows about a disputed lead by itself, and when that alone decides.

pub mod recheck;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::dispute::reason::{DisputeDetail, DisputeReason};
use crate::outcome::OutcomeKind;
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
        /// There, and odd: no time, no page, of a moment after the lead, from another address. An explanation is possible.
        Doubtful = "DOUBTFUL",
        /// There, and void: too old at the sale, or refused on every way to reach the person.
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
    /// Whether the phone had not failed its check when the lead was sold: what had failed was seen by the buyer.
    pub phone_promised: bool,
    /// The same of the e-mail address.
    pub email_promised: bool,
    /// Whether every way to reach the person that the lead has is impossible.
    pub no_channel: bool,
    /// The consent evidence, compared again.
    pub consent: ConsentFinding,
    /// Whether a channel of the person was on the do-not-contact list when the lead was sold.
    pub suppressed: bool,
    /// Whether the buyer had bought this person inside the window, under another lead that came first.
    pub bought_before: bool,
    /// Whether another seller's earlier lead of this person was sold inside the window.
    pub sold_before: bool,
    /// Whether the person answered a code or a link.
    pub confirmed: bool,
    /// Whether a call that the exchange held reached the person and the interest was confirmed; a seller's word is none.
    pub spoken: bool,
    /// The furthest that the buyer itself recorded of the lead, of CONTACTED, QUALIFIED and CONVERTED.
    pub outcome: Option<OutcomeKind>,
    /// Whether the form was filled faster than a person types, or by a browser that a program drives.
    pub too_fast: bool,
    /// Whether a field that people do not see was filled.
    pub honeypot: bool,
    /// Whether the answers were pasted, or the form was one of many that one browser sent.
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

impl AutomaticProof {
    /// Whether this proves what is claimed: what was not asked is not answered.
    #[must_use]
    pub fn fits(self, reason: DisputeReason, detail: DisputeDetail) -> bool {
        match self {
            Self::PhoneImpossible | Self::EmailImpossible => {
                reason == DisputeReason::Mistake || (reason.is_pseudo() && detail.claims_dead_channel())
            }
            Self::ConfirmedRing => reason.is_pseudo(),
            Self::Duplicate | Self::ConsentMissing | Self::ConsentMismatched => reason == self.reason(),
        }
    }
}

impl Facts {
    /// Whether somebody has reached the person, by the exchange's knowledge or the buyer's own word.
    #[must_use]
    pub const fn reached(&self) -> bool {
        self.confirmed || self.spoken || self.outcome.is_some()
    }

    /// What the phone's check says against the lead: nothing when the buyer saw it fail and bought for another way.
    #[must_use]
    pub fn phone_against(&self) -> Recheck {
        against(self.phone, self.phone_promised || self.no_channel)
    }

    /// What the e-mail address's checks say against the lead.
    #[must_use]
    pub fn email_against(&self) -> Recheck {
        against(self.email, self.email_promised || self.no_channel)
    }
}

fn against(found: Recheck, counts: bool) -> Recheck {
    if counts || found == Recheck::Pass { found } else { Recheck::Inconclusive }
}

/// The proof of this claim that `facts` hold, the strongest first. A channel by which somebody was reached exists, whatever a
/// check says.
#[must_use]
pub fn automatic(facts: &Facts, ring: &RingRule, reason: DisputeReason, detail: DisputeDetail) -> Option<AutomaticProof> {
    let reached = facts.reached();
    let found = [
        (AutomaticProof::Duplicate, facts.bought_before || facts.sold_before),
        (AutomaticProof::ConsentMissing, facts.consent == ConsentFinding::Missing),
        (AutomaticProof::ConsentMismatched, facts.consent == ConsentFinding::Mismatched),
        (AutomaticProof::PhoneImpossible, facts.phone_against() == Recheck::Impossible && !reached),
        (AutomaticProof::EmailImpossible, facts.email_against() == Recheck::Impossible && !reached),
        (AutomaticProof::ConfirmedRing, ring.is_confirmed(facts.siblings, facts.pseudo_siblings)),
    ];
    found.into_iter().find_map(|(proof, holds)| (holds && proof.fits(reason, detail)).then_some(proof))
}

#[cfg(test)]
pub(crate) const CLEAN: Facts = Facts {
    phone: Recheck::Pass,
    email: Recheck::Pass,
    phone_promised: true,
    email_promised: true,
    no_channel: false,
    consent: ConsentFinding::Matches,
    suppressed: false,
    bought_before: false,
    sold_before: false,
    confirmed: false,
    spoken: false,
    outcome: None,
    too_fast: false,
    honeypot: false,
    pasted: false,
    siblings: 0,
    pseudo_siblings: 0,
};

#[cfg(test)]
mod tests {
    use super::*;
    use AutomaticProof as P;
    use DisputeDetail as D;
    use DisputeReason as R;

    fn proves(facts: &Facts, reason: R, detail: D) -> Option<P> {
        assert!(reason.details().contains(&detail));
        automatic(facts, &RingRule::default(), reason, detail)
    }

    #[test]
    fn each_proof_has_its_fact_and_its_claim() {
        let cases = [
            (Facts { phone: Recheck::Impossible, ..CLEAN }, P::PhoneImpossible),
            (Facts { email: Recheck::Impossible, ..CLEAN }, P::EmailImpossible),
            (Facts { bought_before: true, ..CLEAN }, P::Duplicate),
            (Facts { sold_before: true, ..CLEAN }, P::Duplicate),
            (Facts { consent: ConsentFinding::Missing, ..CLEAN }, P::ConsentMissing),
            (Facts { consent: ConsentFinding::Mismatched, ..CLEAN }, P::ConsentMismatched),
            (Facts { siblings: 2, pseudo_siblings: 1, ..CLEAN }, P::ConfirmedRing),
        ];
        for (facts, proof) in cases {
            for reason in R::ALL {
                for detail in reason.details() {
                    let found = proves(&facts, *reason, *detail);
                    assert_eq!(found, proof.fits(*reason, *detail).then_some(proof), "{reason:?} {detail:?}");
                }
            }
            assert!(R::ALL.iter().any(|reason| reason.details().iter().any(|detail| proof.fits(*reason, *detail))));
            assert_eq!(proves(&facts, R::Stale, D::Resubmitted), None, "no check says how old a request is");
        }
        assert_eq!(proves(&CLEAN, R::Mistake, D::DeadNumber), None);
        assert!(P::PhoneImpossible.fits(R::Bot, D::DeadNumber) && !P::PhoneImpossible.fits(R::Bot, D::GibberishAnswers));
    }

    #[test]
    fn what_the_buyer_saw_fail_proves_nothing_while_there_is_another_way() {
        let seen = Facts { phone: Recheck::Impossible, phone_promised: false, ..CLEAN };
        assert_eq!(proves(&seen, R::Mistake, D::DeadNumber), None);
        let nothing_left = Facts { email: Recheck::Impossible, no_channel: true, ..seen };
        assert_eq!(proves(&nothing_left, R::Mistake, D::DeadNumber), Some(P::PhoneImpossible));
    }

    #[test]
    fn what_can_be_argued_with_is_no_proof() {
        let doubtful = Facts {
            phone: Recheck::Doubtful,
            email: Recheck::Inconclusive,
            consent: ConsentFinding::Doubtful,
            too_fast: true,
            honeypot: true,
            pasted: true,
            suppressed: true,
            siblings: 40,
            pseudo_siblings: 0,
            ..CLEAN
        };
        for reason in R::ALL {
            for detail in reason.details() {
                assert_eq!(proves(&doubtful, *reason, *detail), None);
            }
        }
        let dead = Facts { phone: Recheck::Impossible, ..CLEAN };
        assert_eq!(proves(&Facts { spoken: true, ..dead.clone() }, R::Mistake, D::DeadNumber), None);
        let contacted = Facts { outcome: Some(OutcomeKind::Contacted), ..dead };
        assert_eq!(proves(&contacted, R::Mistake, D::DeadNumber), None, "the buyer itself has reached the person");
    }
}
