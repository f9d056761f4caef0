//! What a buyer may claim of a lead, and what it may not.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::refusal::Refusal;

text_enum! {
    /// Why a traded lead is worth its money back.
    DisputeReason {
        /// Pseudo-lead: the person mistyped the name, phone or address.
        Mistake = "MISTAKE",
        /// Pseudo-lead: a program filled the form.
        Bot = "BOT",
        /// Pseudo-lead: somebody was paid to fill the form.
        Hired = "HIRED",
        /// Pseudo-lead: a competitor, looking.
        Competitor = "COMPETITOR",
        /// Pseudo-lead: a joke.
        Prank = "PRANK",
        /// Breach: already the buyer's, or sold before inside the window.
        Duplicate = "DUPLICATE",
        /// Breach: the person did not ask, or is on a do-not-contact list.
        NoConsent = "NO_CONSENT",
        /// Breach: an attribute of the listing is wrong.
        OutOfCriteria = "OUT_OF_CRITERIA",
        /// Breach: the request is older than the listing says.
        Stale = "STALE",
    }
}

text_enum! {
    /// What a buyer says of a lead. The last four are no reasons for a dispute, but outcomes, and are answered so.
    DisputeClaim {
        /// Pseudo-lead: the person mistyped the name, phone or address.
        Mistake = "MISTAKE",
        /// Pseudo-lead: a program filled the form.
        Bot = "BOT",
        /// Pseudo-lead: somebody was paid to fill the form.
        Hired = "HIRED",
        /// Pseudo-lead: a competitor, looking.
        Competitor = "COMPETITOR",
        /// Pseudo-lead: a joke.
        Prank = "PRANK",
        /// Breach: already the buyer's, or sold before inside the window.
        Duplicate = "DUPLICATE",
        /// Breach: the person did not ask, or is on a do-not-contact list.
        NoConsent = "NO_CONSENT",
        /// Breach: an attribute of the listing is wrong.
        OutOfCriteria = "OUT_OF_CRITERIA",
        /// Breach: the request is older than the listing says.
        Stale = "STALE",
        /// No reason: nobody answers.
        NoAnswer = "NO_ANSWER",
        /// No reason: the person no longer wants it.
        ChangedMind = "CHANGED_MIND",
        /// No reason: the person bought from somebody else.
        BoughtElsewhere = "BOUGHT_ELSEWHERE",
        /// No reason: the person finds it too expensive.
        TooExpensive = "TOO_EXPENSIVE",
    }
}

text_enum! {
    /// What exactly is wrong.
    DisputeDetail {
        /// The number does not exist or is out of service.
        DeadNumber = "DEAD_NUMBER",
        /// Neither the phone nor the mail reaches anybody.
        UnreachableContact = "UNREACHABLE_CONTACT",
        /// Somebody else answers, who knows nothing of the person.
        WrongPerson = "WRONG_PERSON",
        /// Mail to the address bounces.
        BouncedMail = "BOUNCED_MAIL",
        /// The postal address does not exist.
        WrongAddress = "WRONG_ADDRESS",
        /// The name is not a person's.
        BogusName = "BOGUS_NAME",
        /// The answers make no sense.
        GibberishAnswers = "GIBBERISH_ANSWERS",
        /// Many records of one origin.
        MassSubmission = "MASS_SUBMISSION",
        /// The person was paid or rewarded for the form.
        PaidToFill = "PAID_TO_FILL",
        /// The person knows nothing of the request.
        DeniesRequest = "DENIES_REQUEST",
        /// The person works for a competitor.
        CompetitorStaff = "COMPETITOR_STAFF",
        /// Somebody tested the form.
        TestEntry = "TEST_ENTRY",
        /// The buyer knew this person before.
        AlreadyClient = "ALREADY_CLIENT",
        /// The person was sold before, inside the window.
        SoldBefore = "SOLD_BEFORE",
        /// The person gave no consent to be contacted.
        DidNotAsk = "DID_NOT_ASK",
        /// The person is on a do-not-contact list.
        DoNotContact = "DO_NOT_CONTACT",
        /// The consent belongs to another text, time or person.
        ConsentMismatch = "CONSENT_MISMATCH",
        /// Another region.
        WrongRegion = "WRONG_REGION",
        /// Another kind of demand.
        WrongVertical = "WRONG_VERTICAL",
        /// Another language.
        WrongLanguage = "WRONG_LANGUAGE",
        /// Another age.
        WrongAge = "WRONG_AGE",
        /// Not the person who decides.
        NotDecisionMaker = "NOT_DECISION_MAKER",
        /// Another attribute of the listing.
        WrongAttribute = "WRONG_ATTRIBUTE",
        /// The person asked earlier than the listing says.
        OlderThanListed = "OLDER_THAN_LISTED",
        /// An old request was submitted anew.
        Resubmitted = "RESUBMITTED",
    }
}

impl DisputeReason {
    /// Whether the claim is that the lead is of no business value, rather than a breach of the listing.
    #[must_use]
    pub const fn is_pseudo(self) -> bool {
        matches!(self, Self::Mistake | Self::Bot | Self::Hired | Self::Competitor | Self::Prank)
    }

    /// The details that fit this reason.
    #[must_use]
    pub const fn details(self) -> &'static [DisputeDetail] {
        use DisputeDetail as D;
        match self {
            Self::Mistake => {
                &[D::DeadNumber, D::UnreachableContact, D::WrongPerson, D::BouncedMail, D::WrongAddress, D::BogusName]
            }
            Self::Bot => &[D::BogusName, D::GibberishAnswers, D::MassSubmission, D::DeadNumber, D::BouncedMail, D::DeniesRequest],
            Self::Hired => &[D::PaidToFill, D::MassSubmission, D::DeniesRequest],
            Self::Competitor => &[D::CompetitorStaff, D::TestEntry],
            Self::Prank => &[D::BogusName, D::TestEntry, D::DeniesRequest, D::WrongPerson, D::DeadNumber],
            Self::Duplicate => &[D::AlreadyClient, D::SoldBefore],
            Self::NoConsent => &[D::DidNotAsk, D::DoNotContact, D::ConsentMismatch],
            Self::OutOfCriteria => {
                &[D::WrongRegion, D::WrongVertical, D::WrongLanguage, D::WrongAge, D::NotDecisionMaker, D::WrongAttribute]
            }
            Self::Stale => &[D::OlderThanListed, D::Resubmitted],
        }
    }
}

impl DisputeDetail {
    /// Whether this says that the person cannot be reached, which needs tries to show.
    #[must_use]
    pub const fn claims_unreachable(self) -> bool {
        matches!(self, Self::DeadNumber | Self::UnreachableContact)
    }

    /// Whether this says that a phone number or an address leads nowhere.
    #[must_use]
    pub const fn claims_dead_channel(self) -> bool {
        matches!(self, Self::DeadNumber | Self::UnreachableContact | Self::BouncedMail)
    }
}

impl DisputeClaim {
    /// The reason, when `detail` fits it. Refused at `claim` for what is an outcome, at `detail` for a detail of another reason.
    pub fn reason(self, detail: DisputeDetail) -> Result<DisputeReason, Refusal> {
        let Ok(reason) = self.as_str().parse::<DisputeReason>() else {
            let message = "is no reason for a dispute, it is an outcome: record it with `outcomeRecord`";
            return Err(Refusal::invalid("claim", format!("{} {message}", self.as_str())));
        };
        if reason.details().contains(&detail) {
            return Ok(reason);
        }
        let fitting: Vec<_> = reason.details().iter().map(|d| d.as_str()).collect();
        Err(Refusal::invalid("detail", format!("{} goes with one of {}", reason.as_str(), fitting.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Code;

    #[test]
    fn a_disappointment_is_pointed_to_outcomes() {
        use DisputeClaim as C;
        for claim in [C::NoAnswer, C::ChangedMind, C::BoughtElsewhere, C::TooExpensive] {
            let refused = claim.reason(DisputeDetail::DeadNumber).unwrap_err();
            assert_eq!((refused.code, refused.path.as_slice()), (Code::Invalid, &["claim".to_owned()][..]));
            assert!(refused.message.contains("outcomeRecord"), "{}", refused.message);
        }
    }

    #[test]
    fn each_reason_takes_its_own_details_only() {
        for reason in DisputeReason::ALL {
            let claim: DisputeClaim = reason.as_str().parse().unwrap();
            for detail in DisputeDetail::ALL {
                let answer = claim.reason(*detail).ok();
                assert_eq!(answer, reason.details().contains(detail).then_some(*reason), "{reason:?} {detail:?}");
            }
        }
        assert!(DisputeDetail::ALL.iter().all(|d| DisputeReason::ALL.iter().any(|r| r.details().contains(d))));
        assert_eq!(DisputeReason::ALL.iter().filter(|r| r.is_pseudo()).count(), 5);
    }
}
