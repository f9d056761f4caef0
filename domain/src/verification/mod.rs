//! Verification: checks with evidence, the level they reach together, and the state of the lead that follows.
//!
//! A check is a pure function of what is known; evidence never holds personal data, since buyers read it before the sale.

mod bogus;
mod certificate;
mod channel;
mod confirmation;
mod discretion;
mod form;
mod intake;
mod interaction;
mod plausibility;
mod prevail;
mod spoken;
mod words;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::lead::LeadState;
use crate::time::Timestamp;

pub use certificate::{CertificateFound, certificate};
pub use channel::{MailDomain, disposable_domain, email_syntax, is_disposable, look_up_pause_secs, mail_domain, phone};
pub use confirmation::{Confirmation, ConfirmationAnswer, ConfirmationPolicy, confirmation_answer, may_message};
pub use discretion::{is_discreet, to_seller};
pub use form::{form_timing, honeypot, velocity};
pub use intake::{CheckPolicy, Earlier, Facts, checks_at_intake, consent, duplicate, structure, suppression};
pub use interaction::interaction;
pub use plausibility::{answers, competitor, name};
pub use prevail::{Prevailing, prevailing};
pub use spoken::{CallDisposition, CalledBy, SampleVerdict, confirmed, is_drawn, sample, spoken};
pub use words::ConfirmationWords;

text_enum! {
    /// What is checked.
    CheckKind {
        /// A person's name, a way to reach them, and everything the vertical requires.
        Structure = "STRUCTURE",
        /// The phone numbers are ones that their countries' plans assign.
        Phone = "PHONE",
        /// The e-mail addresses are written as addresses are.
        EmailSyntax = "EMAIL_SYNTAX",
        /// The domain of the e-mail address takes mail.
        MailDomain = "MAIL_DOMAIN",
        /// The e-mail address is none that is thrown away after use.
        DisposableDomain = "DISPOSABLE_DOMAIN",
        /// The person was not brought by another seller, or by this one, inside the window.
        Duplicate = "DUPLICATE",
        /// The person is on no do-not-contact list.
        Suppression = "SUPPRESSION",
        /// There is evidence that the person agreed to be contacted.
        Consent = "CONSENT",
        /// The name is one that people have.
        Name = "NAME",
        /// The answers fit each other and are no gibberish.
        Answers = "ANSWERS",
        /// The form was filled no faster than a person can.
        FormTiming = "FORM_TIMING",
        /// The field that people do not see was left empty.
        Honeypot = "HONEYPOT",
        /// The fields were not all pasted, and the device and address did not send many leads.
        Velocity = "VELOCITY",
        /// A hosted form was filled with keys and clicks, in a browser that no program drives, and not as one of many in an hour.
        Interaction = "INTERACTION",
        /// The person does not work for a trader on the exchange.
        Competitor = "COMPETITOR",
        /// The certificate that the lead names is known to its keeper, has not expired, and is of this lead.
        Certificate = "CERTIFICATE",
        /// The person answered a code or a link.
        Confirmed = "CONFIRMED",
        /// The person was spoken with.
        Spoken = "SPOKEN",
        /// An operator looked at the lead.
        Sample = "SAMPLE",
    }
}

text_enum! {
    /// What a check found.
    Outcome {
        /// Nothing wrong.
        Pass = "PASS",
        /// Wrong.
        Fail = "FAIL",
        /// Cannot be told, or is odd without being wrong.
        Inconclusive = "INCONCLUSIVE",
    }
}

text_enum! {
    /// How far a lead is verified; each level includes the ones before it.
    Level {
        /// Nothing is known.
        None = "NONE",
        /// The record is complete, and a phone number or an e-mail address is well formed.
        Format = "FORMAT",
        /// A channel exists: the mail domain takes mail.
        Reachable = "REACHABLE",
        /// The person answered a code or a link.
        Confirmed = "CONFIRMED",
        /// The person was spoken with.
        Spoken = "SPOKEN",
    }
}

/// One outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked.
    pub kind: CheckKind,
    /// What was found.
    pub outcome: Outcome,
    /// By which facts, in words and numbers that tell nothing of the person.
    #[serde(default)]
    pub evidence: BTreeMap<String, String>,
    /// When.
    pub at: Timestamp,
}

/// What a check found, before it is dated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub kind: CheckKind,
    /// What was found.
    pub outcome: Outcome,
    /// By which facts.
    pub evidence: BTreeMap<String, String>,
}

impl Finding {
    pub(crate) fn new(kind: CheckKind, outcome: Outcome) -> Self {
        Self { kind, outcome, evidence: BTreeMap::new() }
    }

    pub(crate) fn because(mut self, fact: &str, value: impl ToString) -> Self {
        self.evidence.insert(fact.to_owned(), value.to_string());
        self
    }

    /// The same finding with one more fact, which must tell nothing of the person.
    #[must_use]
    pub fn with(self, fact: &str, value: impl ToString) -> Self {
        self.because(fact, value)
    }

    /// The check, found at `at`.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Check {
        Check { kind: self.kind, outcome: self.outcome, evidence: self.evidence, at }
    }
}

/// What the checks say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The level reached.
    pub level: Level,
    /// UNQUALIFIED, VERIFIED or REJECTED.
    pub state: LeadState,
    /// The check that rejects the lead, the first in the order of [`CheckKind`].
    pub rejected_by: Option<CheckKind>,
}

impl CheckKind {
    /// Whether a failure rules the lead out whatever an operator says: these protect the person, the law and other sellers.
    #[must_use]
    pub const fn is_absolute(self) -> bool {
        matches!(self, Self::Structure | Self::Duplicate | Self::Suppression | Self::Consent | Self::Spoken | Self::Sample)
    }

    /// Whether a failure rules the lead out unless an operator's sample check says otherwise.
    #[must_use]
    pub const fn is_decisive(self) -> bool {
        self.is_absolute()
            || matches!(
                self,
                Self::Name | Self::FormTiming | Self::Honeypot | Self::Velocity | Self::Interaction | Self::Competitor
            )
    }
}

/// The level, and the state it gives under the vertical's `required` level. Of several checks of a kind the last counts.
/// A channel that failed is lifted by the person's own answer or the exchange's call, and not by what its seller says.
#[must_use]
pub fn verdict(checks: &[Check], required: Level) -> Verdict {
    let last = |kind| checks.iter().rev().find(|check| check.kind == kind);
    let outcome = |kind| last(kind).map(|check| check.outcome);
    let passed = |kind| outcome(kind) == Some(Outcome::Pass);
    let failed = |kind| outcome(kind) == Some(Outcome::Fail);
    let spoken_for = passed(CheckKind::Sample);
    let spoken = passed(CheckKind::Spoken);
    let spoken_by_exchange = spoken && last(CheckKind::Spoken).and_then(Check::called_by) == Some(CalledBy::Exchange);
    let held = passed(CheckKind::Confirmed) || spoken_by_exchange;
    let no_channel = if held { None } else { no_channel_left(&outcome) };
    let rejects = |kind: CheckKind| match kind {
        CheckKind::Phone | CheckKind::EmailSyntax | CheckKind::DisposableDomain | CheckKind::MailDomain => {
            no_channel == Some(kind)
        }
        _ => failed(kind) && (kind.is_absolute() || (kind.is_decisive() && !spoken_for)),
    };
    let rejected_by = CheckKind::ALL.iter().copied().find(|kind| rejects(*kind));
    let level = if spoken_by_exchange || (spoken && !failed(CheckKind::Phone)) {
        Level::Spoken
    } else if passed(CheckKind::Confirmed) {
        Level::Confirmed
    } else if !passed(CheckKind::Structure) || (!passed(CheckKind::Phone) && !passed(CheckKind::EmailSyntax)) {
        Level::None
    } else if passed(CheckKind::MailDomain) && !failed(CheckKind::DisposableDomain) {
        Level::Reachable
    } else {
        Level::Format
    };
    let state = match rejected_by {
        Some(_) => LeadState::Rejected,
        None if level >= required => LeadState::Verified,
        None => LeadState::Unqualified,
    };
    Verdict { level, state, rejected_by }
}

/// The failed check by which no way to reach the person is left, if none is. A messenger is never judged, so a lead with
/// nothing else stays UNQUALIFIED until it is confirmed or spoken with.
fn no_channel_left(outcome: &impl Fn(CheckKind) -> Option<Outcome>) -> Option<CheckKind> {
    let phone = outcome(CheckKind::Phone).map(|found| found != Outcome::Fail);
    let mail_fault = [CheckKind::EmailSyntax, CheckKind::DisposableDomain, CheckKind::MailDomain]
        .into_iter()
        .find(|kind| outcome(*kind) == Some(Outcome::Fail));
    let mail = outcome(CheckKind::EmailSyntax).map(|_| mail_fault.is_none());
    match (phone, mail) {
        (Some(true), _) | (_, Some(true)) | (None, None) => None,
        (Some(false), _) => Some(CheckKind::Phone),
        (None, Some(false)) => mail_fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(kind: CheckKind, outcome: Outcome) -> Check {
        Finding::new(kind, outcome).at(Timestamp::UNIX_EPOCH)
    }

    fn of(pairs: &[(CheckKind, Outcome)], required: Level) -> (Level, LeadState, Option<CheckKind>) {
        let checks: Vec<Check> = pairs.iter().map(|(kind, outcome)| check(*kind, *outcome)).collect();
        let verdict = verdict(&checks, required);
        (verdict.level, verdict.state, verdict.rejected_by)
    }

    #[test]
    fn levels_are_climbed_one_by_one() {
        use CheckKind as K;
        use Outcome::{Fail, Inconclusive, Pass};
        let complete = [(K::Structure, Pass), (K::Phone, Pass), (K::EmailSyntax, Pass)];
        let with = |more: &[(CheckKind, Outcome)]| [&complete, more].concat();
        assert_eq!(of(&[], Level::Format), (Level::None, LeadState::Unqualified, None));
        assert_eq!(of(&complete, Level::Format), (Level::Format, LeadState::Verified, None));
        assert_eq!(of(&complete, Level::Reachable), (Level::Format, LeadState::Unqualified, None));
        assert_eq!(of(&with(&[(K::MailDomain, Inconclusive)]), Level::Reachable).0, Level::Format);
        assert_eq!(of(&with(&[(K::MailDomain, Pass)]), Level::Reachable), (Level::Reachable, LeadState::Verified, None));
        assert_eq!(of(&with(&[(K::MailDomain, Pass), (K::DisposableDomain, Fail)]), Level::Format).0, Level::Format);
        assert_eq!(of(&with(&[(K::Confirmed, Pass)]), Level::Confirmed), (Level::Confirmed, LeadState::Verified, None));
        assert_eq!(of(&with(&[(K::Spoken, Pass)]), Level::Confirmed), (Level::Spoken, LeadState::Verified, None));
        assert_eq!(of(&with(&[(K::Spoken, Inconclusive)]), Level::Spoken), (Level::Format, LeadState::Unqualified, None));
    }

    #[test]
    fn a_dead_channel_rejects_only_when_it_is_the_last() {
        use CheckKind as K;
        use Outcome::{Fail, Pass};
        assert_eq!(of(&[(K::Structure, Pass), (K::Phone, Fail)], Level::Format).2, Some(K::Phone));
        assert_eq!(of(&[(K::Structure, Pass), (K::Phone, Fail), (K::EmailSyntax, Pass)], Level::Format).1, LeadState::Verified);
        let mail = [(K::Structure, Pass), (K::EmailSyntax, Pass), (K::MailDomain, Fail)];
        assert_eq!(of(&mail, Level::Format).2, Some(K::MailDomain));
        assert_eq!(of(&[&mail[..], &[(K::Phone, Pass)]].concat(), Level::Format).1, LeadState::Verified);
    }

    #[test]
    fn only_the_exchanges_call_speaks_for_a_number_that_nobody_has() {
        let called = |by| {
            let call = spoken(CallDisposition::ConfirmedInterest, 60, by, true).at(Timestamp::UNIX_EPOCH);
            let checks = [check(CheckKind::Structure, Outcome::Pass), check(CheckKind::Phone, Outcome::Fail), call];
            let verdict = verdict(&checks, Level::Format);
            (verdict.level, verdict.state)
        };
        assert_eq!(called(CalledBy::Seller), (Level::None, LeadState::Rejected));
        assert_eq!(called(CalledBy::Exchange), (Level::Spoken, LeadState::Verified));
    }

    #[test]
    fn an_operator_overrules_appearance_and_not_the_law() {
        use CheckKind as K;
        use Outcome::{Fail, Pass};
        let base = [(K::Structure, Pass), (K::Phone, Pass)];
        let with = |more: &[(CheckKind, Outcome)]| of(&[&base[..], more].concat(), Level::Format);
        for kind in [K::Name, K::FormTiming, K::Honeypot, K::Velocity, K::Interaction, K::Competitor] {
            assert_eq!(with(&[(kind, Fail)]).2, Some(kind));
            assert_eq!(with(&[(kind, Fail), (K::Sample, Pass)]).1, LeadState::Verified);
        }
        for kind in [K::Duplicate, K::Suppression, K::Consent, K::Spoken] {
            assert_eq!(with(&[(kind, Fail), (K::Sample, Pass)]).2, Some(kind));
        }
        assert_eq!(with(&[(K::Sample, Fail)]).2, Some(K::Sample));
        assert_eq!(with(&[(K::Answers, Fail)]).1, LeadState::Verified);
        assert_eq!(with(&[(K::Name, Fail), (K::Name, Pass)]).1, LeadState::Verified, "the last check of a kind counts");
    }

    proptest! {
        #[test]
        fn a_lead_is_verified_exactly_when_nothing_rejects_it_and_its_level_suffices(
            found in proptest::collection::vec((0..CheckKind::ALL.len(), 0..Outcome::ALL.len()), 0..20),
            required in 0..Level::ALL.len(),
        ) {
            let pairs: Vec<_> = found.iter().map(|(kind, outcome)| (CheckKind::ALL[*kind], Outcome::ALL[*outcome])).collect();
            let required = Level::ALL[required];
            let (level, state, rejected_by) = of(&pairs, required);
            let expected = if rejected_by.is_some() { LeadState::Rejected }
                else if level >= required { LeadState::Verified } else { LeadState::Unqualified };
            prop_assert_eq!(state, expected);
        }
    }
}
