//! The rule on the evidence: decides a dispute whose arbiter missed the deadline, from what is there and nothing else.
//!
//! Points speak for the buyer when positive. From [`UPHOLD_AT`] the whole price goes back, from [`SPLIT_AT`] half of it;
//! below, nothing: who claims has to show. The figures are ours; what the exchange found outweighs what a party says.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{AttemptDisposition, CallAttempt};
use crate::access::{UnknownText, text_enum};
use crate::dispute::percent::Percent;
use crate::dispute::reason::{DisputeDetail, DisputeReason};
use crate::outcome::OutcomeKind;
use crate::proof::{ConsentFinding, Facts, Recheck, automatic};
use crate::ring::RingRule;

/// Points from which everything goes back.
pub const UPHOLD_AT: i64 = 40;

/// Points from which half goes back.
pub const SPLIT_AT: i64 = 20;

text_enum! {
    /// Something that weighs.
    Exhibit {
        /// The exchange can prove the claim.
        Proof = "PROOF",
        /// A check that ran again found the phone doubtful or impossible.
        Phone = "PHONE",
        /// A check that ran again found the e-mail address doubtful or impossible.
        Email = "EMAIL",
        /// The person was on the do-not-contact list.
        Suppression = "SUPPRESSION",
        /// The consent evidence is odd.
        Consent = "CONSENT",
        /// The session looks like a program's.
        Session = "SESSION",
        /// Other leads came from the same hand.
        Siblings = "SIBLINGS",
        /// Logged calls that reached nobody.
        MissedCalls = "MISSED_CALLS",
        /// Logged calls that somebody else or the network answered.
        WrongCalls = "WRONG_CALLS",
        /// The buyer's files.
        BuyerFiles = "BUYER_FILES",
        /// The seller's files.
        SellerFiles = "SELLER_FILES",
        /// The seller's statement.
        SellerStatement = "SELLER_STATEMENT",
        /// The person answered a code or a link.
        Confirmed = "CONFIRMED",
        /// A call that the exchange held reached the person.
        Spoken = "SPOKEN",
        /// The buyer's own log says that it spoke with the person.
        BuyerSpoke = "BUYER_SPOKE",
        /// The buyer itself recorded that it reached the person, or made business with it.
        BuyerOutcome = "BUYER_OUTCOME",
    }
}

/// What is there when nobody ruled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The claim.
    pub reason: DisputeReason,
    /// What exactly.
    pub detail: DisputeDetail,
    /// The buyer's logged calls.
    pub calls: Vec<CallAttempt>,
    /// The buyer's files.
    pub buyer_files: u64,
    /// The seller's files.
    pub seller_files: u64,
    /// The seller's statements.
    pub seller_texts: u64,
    /// What the exchange knows.
    pub facts: Facts,
}

/// An exhibit with its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Weighed {
    /// What weighs.
    pub exhibit: Exhibit,
    /// How much: positive for the buyer, negative for the seller.
    pub points: i64,
}

/// What goes back to the buyer, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Weighing {
    /// The part of the price.
    pub refund: Percent,
    /// The sum.
    pub points: i64,
    /// Every exhibit that weighs, in the order of [`Exhibit`].
    pub exhibits: Vec<Weighed>,
}

/// Weighs `case`.
#[must_use]
pub fn weigh(case: &Case, ring: &RingRule) -> Weighing {
    let exhibits: Vec<Weighed> = Exhibit::ALL
        .iter()
        .map(|&exhibit| Weighed { exhibit, points: points(exhibit, case, ring) })
        .filter(|weighed| weighed.points != 0)
        .collect();
    let points = exhibits.iter().fold(0_i64, |sum, weighed| sum.saturating_add(weighed.points));
    let refund = match points {
        UPHOLD_AT.. => Percent::ALL,
        SPLIT_AT.. => Percent::HALF,
        _ => Percent::NONE,
    };
    Weighing { refund, points, exhibits }
}

fn points(exhibit: Exhibit, case: &Case, ring: &RingRule) -> i64 {
    let facts = &case.facts;
    let pseudo = case.reason.is_pseudo();
    let calls = |wanted: fn(&CallAttempt) -> bool| case.calls.iter().filter(|&call| wanted(call)).count();
    match exhibit {
        Exhibit::Proof if automatic(facts, ring, case.reason, case.detail).is_some() => 100,
        Exhibit::Phone if pseudo => finding_points(facts.phone_against()),
        Exhibit::Email if pseudo => finding_points(facts.email_against()),
        Exhibit::Consent if facts.consent == ConsentFinding::Doubtful && case.reason == DisputeReason::NoConsent => 15,
        Exhibit::Suppression if facts.suppressed && case.reason == DisputeReason::NoConsent => 60,
        Exhibit::Session if pseudo => [(facts.honeypot, 30), (facts.too_fast, 20), (facts.pasted, 10)]
            .iter()
            .filter(|(holds, _)| *holds)
            .map(|(_, p)| p)
            .sum(),
        Exhibit::Siblings if pseudo => capped(facts.siblings, 2, 10).saturating_add(capped(facts.pseudo_siblings, 15, 30)),
        Exhibit::MissedCalls if case.detail.claims_unreachable() => capped(calls(CallAttempt::reached_nobody), 5, 15),
        Exhibit::WrongCalls if pseudo => capped(calls(proves_wrong), 15, 30),
        Exhibit::BuyerFiles => capped(case.buyer_files, 10, 20),
        Exhibit::SellerFiles => capped(case.seller_files, 10, 20).saturating_neg(),
        Exhibit::SellerStatement if case.seller_texts > 0 => -5,
        Exhibit::Confirmed if facts.confirmed && pseudo => -25,
        Exhibit::Spoken if facts.spoken && (pseudo || case.reason == DisputeReason::NoConsent) => -40,
        Exhibit::BuyerSpoke if case.detail.claims_unreachable() && calls(spoke) > 0 => -40,
        Exhibit::BuyerOutcome if pseudo => outcome_points(case),
        _ => 0,
    }
}

fn finding_points(finding: Recheck) -> i64 {
    match finding {
        Recheck::Impossible => 50,
        Recheck::Doubtful => 15,
        Recheck::Pass => -5,
        Recheck::Inconclusive => 0,
    }
}

/// Who made business with a person has not bought a fake one; a talk only says that there is somebody.
fn outcome_points(case: &Case) -> i64 {
    let somebody = matches!(case.reason, DisputeReason::Mistake | DisputeReason::Bot);
    match case.facts.outcome {
        Some(OutcomeKind::Qualified | OutcomeKind::Converted) => -60,
        Some(OutcomeKind::Contacted) if somebody => -40,
        _ => 0,
    }
}

fn proves_wrong(call: &CallAttempt) -> bool {
    matches!(call.disposition, AttemptDisposition::OutOfService | AttemptDisposition::WrongPerson)
}

fn spoke(call: &CallAttempt) -> bool {
    call.disposition == AttemptDisposition::Answered
}

fn capped(count: impl TryInto<i64>, each: i64, most: i64) -> i64 {
    count.try_into().unwrap_or(i64::MAX).saturating_mul(each).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::CLEAN;

    fn case() -> Case {
        Case {
            reason: DisputeReason::Mistake,
            detail: DisputeDetail::DeadNumber,
            calls: Vec::new(),
            buyer_files: 0,
            seller_files: 0,
            seller_texts: 0,
            facts: Facts { phone: Recheck::Inconclusive, email: Recheck::Inconclusive, ..CLEAN },
        }
    }

    fn call(disposition: AttemptDisposition) -> CallAttempt {
        CallAttempt { at: "2026-03-01T09:00:00Z".parse().unwrap(), duration_secs: 5, disposition }
    }

    fn verdict(case: &Case) -> (u8, i64) {
        let weighing = weigh(case, &RingRule::default());
        (weighing.refund.value(), weighing.points)
    }

    #[test]
    fn a_bare_claim_gets_nothing() {
        assert_eq!(verdict(&case()), (0, 0));
    }

    #[test]
    fn three_dead_calls_are_half_and_with_a_file_all() {
        let dead = vec![call(AttemptDisposition::OutOfService); 3];
        let case = Case { calls: dead, ..case() };
        assert_eq!(verdict(&case), (100, 45), "three misses 15, the network's word 30");
        let contested = Case { seller_texts: 2, seller_files: 1, ..case.clone() };
        assert_eq!(verdict(&contested), (50, 30));
        assert_eq!(verdict(&Case { facts: Facts { spoken: true, ..case.facts.clone() }, ..contested }), (0, -10));
    }

    #[test]
    fn what_the_exchange_proves_wins() {
        let facts = Facts { consent: ConsentFinding::Missing, ..CLEAN };
        let case = Case {
            reason: DisputeReason::NoConsent,
            detail: DisputeDetail::DidNotAsk,
            seller_files: 9,
            seller_texts: 9,
            facts,
            ..case()
        };
        assert_eq!(verdict(&case), (100, 75));
    }

    #[test]
    fn a_program_gives_itself_away() {
        let facts = Facts { honeypot: true, too_fast: true, ..case().facts };
        assert_eq!(
            verdict(&Case {
                reason: DisputeReason::Bot,
                detail: DisputeDetail::GibberishAnswers,
                facts: facts.clone(),
                ..case()
            }),
            (100, 50)
        );
        let breach = Case { reason: DisputeReason::OutOfCriteria, detail: DisputeDetail::WrongRegion, facts, ..case() };
        assert_eq!(verdict(&breach), (0, 0), "how the form was filled says nothing of the region");
    }

    #[test]
    fn what_the_buyer_said_before_speaks_against_it() {
        let dead = vec![call(AttemptDisposition::OutOfService); 3];
        let facts = |outcome| Facts { outcome: Some(outcome), ..case().facts };
        let with = |outcome| verdict(&Case { calls: dead.clone(), buyer_files: 2, facts: facts(outcome), ..case() });
        assert_eq!(with(OutcomeKind::Contacted), (50, 25));
        assert_eq!(with(OutcomeKind::Converted), (0, 5));
        let hired = Case { reason: DisputeReason::Hired, detail: DisputeDetail::PaidToFill, ..case() };
        assert_eq!(verdict(&Case { facts: facts(OutcomeKind::Contacted), ..hired.clone() }), (0, 0), "the paid answer too");
        assert_eq!(verdict(&Case { facts: facts(OutcomeKind::Qualified), ..hired }), (0, -60));
    }

    #[test]
    fn an_odd_consent_weighs_and_proves_nothing() {
        let facts = Facts { consent: ConsentFinding::Doubtful, ..CLEAN };
        let odd = Case { reason: DisputeReason::NoConsent, detail: DisputeDetail::DidNotAsk, facts, ..case() };
        assert_eq!(verdict(&odd), (0, 15));
        assert_eq!(verdict(&Case { buyer_files: 1, ..odd }), (50, 25));
    }

    #[test]
    fn exhibits_come_in_one_order_with_their_points() {
        let weighing = weigh(&Case { buyer_files: 3, seller_files: 1, seller_texts: 1, ..case() }, &RingRule::default());
        let list: Vec<_> = weighing.exhibits.iter().map(|w| (w.exhibit.as_str(), w.points)).collect();
        assert_eq!(list, [("BUYER_FILES", 20), ("SELLER_FILES", -10), ("SELLER_STATEMENT", -5)]);
        assert_eq!(weighing.refund, Percent::NONE);
    }
}
