//! What keepers of certificates say of the one that a lead names.

use super::{CheckKind, Finding, Outcome};

/// What is known of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFound {
    /// It is one, and of this lead as far as its keeper can tell.
    Valid,
    /// It was one, and its keeper has it no more.
    Expired,
    /// Its keeper knows none like it, or knows it expired so long ago that both look the same.
    Unknown,
    /// It is of another lead or another person.
    AnotherLead,
    /// Its person asked its keeper to tell nothing of it.
    OptedOut,
    /// Its signature does not fit what it says.
    Forged,
    /// Its keeper has been asked too often about it.
    AskedTooOften,
    /// The exchange has no account with its keeper.
    NotConfigured,
    /// The exchange does not know its keeper.
    UnknownKeeper,
    /// Its keeper refuses the exchange's account.
    Refused,
    /// Its keeper did not answer in time, or with nothing that can be read.
    NoAnswer,
}

impl CertificateFound {
    /// Whether another try may find more.
    #[must_use]
    pub const fn may_be_asked_again(self) -> bool {
        matches!(self, Self::NoAnswer)
    }

    const fn judged(self) -> (Outcome, Option<&'static str>) {
        match self {
            Self::Valid => (Outcome::Pass, None),
            Self::Expired => (Outcome::Fail, Some("EXPIRED")),
            Self::Unknown => (Outcome::Fail, Some("NOT_FOUND")),
            Self::AnotherLead => (Outcome::Fail, Some("OF_ANOTHER_LEAD")),
            Self::Forged => (Outcome::Fail, Some("FORGED")),
            Self::OptedOut => (Outcome::Fail, Some("OPTED_OUT")),
            Self::AskedTooOften => (Outcome::Inconclusive, Some("ASKED_TOO_OFTEN")),
            Self::NotConfigured => (Outcome::Inconclusive, Some("NOT_CONFIGURED")),
            Self::UnknownKeeper => (Outcome::Inconclusive, Some("UNKNOWN_KEEPER")),
            Self::Refused => (Outcome::Inconclusive, Some("ACCOUNT_REFUSED")),
            Self::NoAnswer => (Outcome::Inconclusive, Some("NO_ANSWER")),
        }
    }
}

/// Whether a certificate that `keeper` keeps shows the consent that the lead claims.
#[must_use]
pub fn certificate(keeper: &str, found: CertificateFound) -> Finding {
    let (outcome, fault) = found.judged();
    let finding = Finding::new(CheckKind::Certificate, outcome).because("keeper", keeper);
    fault.into_iter().fold(finding, |finding, fault| finding.because("fault", fault))
}
