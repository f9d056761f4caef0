//! What is wrong with a pseudo-lead that the demo injects, and how often.

use serde::Serialize;

/// A kind of pseudo-lead or breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Flaw {
    /// The person mistyped name, phone or address.
    Mistake,
    /// A program filled the form.
    Bot,
    /// Somebody was paid to fill the form.
    Hired,
    /// A competitor, looking.
    Competitor,
    /// A joke.
    Prank,
    /// The other seller, or the same one, brought the person first.
    Duplicate,
    /// The person did not ask.
    NoConsent,
}

impl Flaw {
    /// Every kind, in the order of the table.
    pub const ALL: [Self; 7] =
        [Self::Mistake, Self::Bot, Self::Hired, Self::Competitor, Self::Prank, Self::Duplicate, Self::NoConsent];

    /// The kind's name in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mistake => "MISTAKE",
            Self::Bot => "BOT",
            Self::Hired => "HIRED",
            Self::Competitor => "COMPETITOR",
            Self::Prank => "PRANK",
            Self::Duplicate => "DUPLICATE",
            Self::NoConsent => "NO_CONSENT",
        }
    }
}

/// One way in which a pseudo-lead gives itself away. Those of the first group show in what the seller hands in, so that a
/// check finds them before a sale; those of the second show only when somebody calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trick {
    /// A phone that is no number: the row is refused.
    Unreadable,
    /// A number that no plan assigns, and an address that is none.
    DeadChannels,
    /// The form was sent within two seconds.
    TooFast,
    /// The field that people do not see is filled.
    Honeypot,
    /// Pasted, and many from one device.
    PastedRing,
    /// Writes from the mail domain of a buyer on the exchange.
    TraderMail,
    /// A name of fiction, or a run along the keyboard.
    JokeName,
    /// The phone and the address of a person of the other agency.
    SoldTwice,
    /// No evidence of consent.
    NoEvidence,

    /// A wrong digit: the number is out of service.
    OutOfService,
    /// A wrong digit: somebody else answers.
    WrongNumber,
    /// A patient program with another person's number.
    SlowBot,
    /// Typed by hand, many from one address on the net.
    TypedRing,
    /// A competitor's agent with a private address.
    PrivateMail,
    /// Somebody else's name and number.
    Impostor,
    /// The same person by another phone and another address.
    OtherChannels,
    /// Consent that the person never gave.
    Invented,
}

impl Trick {
    /// What it makes of a lead.
    pub(crate) const fn flaw(self) -> Flaw {
        match self {
            Self::Unreadable | Self::DeadChannels | Self::OutOfService | Self::WrongNumber => Flaw::Mistake,
            Self::TooFast | Self::Honeypot | Self::SlowBot => Flaw::Bot,
            Self::PastedRing | Self::TypedRing => Flaw::Hired,
            Self::TraderMail | Self::PrivateMail => Flaw::Competitor,
            Self::JokeName | Self::Impostor => Flaw::Prank,
            Self::SoldTwice | Self::OtherChannels => Flaw::Duplicate,
            Self::NoEvidence | Self::Invented => Flaw::NoConsent,
        }
    }

    /// Whether it shows before a sale.
    pub(crate) const fn shows(self) -> bool {
        matches!(
            self,
            Self::Unreadable
                | Self::DeadChannels
                | Self::TooFast
                | Self::Honeypot
                | Self::PastedRing
                | Self::TraderMail
                | Self::JokeName
                | Self::SoldTwice
                | Self::NoEvidence
        )
    }

    /// How many rows of 1,000 are altered so; at least one of a file. The rates are ours: together 67 in 1,000 that show and
    /// 52 that do not, which is what lead buyers report of unverified sources (8 to 15 in 100).
    const fn per_mille(self) -> usize {
        match self {
            Self::Unreadable => 4,
            Self::DeadChannels => 8,
            Self::TooFast => 8,
            Self::Honeypot => 7,
            Self::PastedRing => 12,
            Self::TraderMail => 2,
            Self::JokeName => 5,
            Self::SoldTwice => 13,
            Self::NoEvidence => 8,
            Self::OutOfService => 10,
            Self::WrongNumber => 10,
            Self::SlowBot => 6,
            Self::TypedRing => 10,
            Self::PrivateMail => 2,
            Self::Impostor => 5,
            Self::OtherChannels => 3,
            Self::Invented => 6,
        }
    }

    /// How many of `rows` rows are altered so.
    pub(crate) fn share_of(self, rows: usize) -> usize {
        rows.saturating_mul(self.per_mille()).div_ceil(1_000)
    }

    /// Every trick.
    pub(crate) const ALL: [Self; 17] = [
        Self::Unreadable,
        Self::DeadChannels,
        Self::TooFast,
        Self::Honeypot,
        Self::PastedRing,
        Self::TraderMail,
        Self::JokeName,
        Self::SoldTwice,
        Self::NoEvidence,
        Self::OutOfService,
        Self::WrongNumber,
        Self::SlowBot,
        Self::TypedRing,
        Self::PrivateMail,
        Self::Impostor,
        Self::OtherChannels,
        Self::Invented,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_injected_in_both_ways_at_the_documented_rates() {
        for flaw in Flaw::ALL {
            for shows in [true, false] {
                assert!(Trick::ALL.iter().any(|trick| trick.flaw() == flaw && trick.shows() == shows), "{flaw:?} {shows}");
            }
        }
        let rate = |shows: bool| -> usize { Trick::ALL.iter().filter(|t| t.shows() == shows).map(|t| t.per_mille()).sum() };
        assert_eq!((rate(true), rate(false)), (67, 52));
        assert!(Trick::ALL.iter().all(|trick| trick.share_of(40) >= 1));
    }
}
