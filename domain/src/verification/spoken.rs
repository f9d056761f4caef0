//! Checks that somebody made: the person answered, a call was held, an operator looked.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{CheckKind, Finding, Outcome};
use crate::access::{UnknownText, text_enum};
use crate::lead::Channel;

text_enum! {
    /// How a verification call ended.
    CallDisposition {
        /// The person answered and wants what the lead says.
        ConfirmedInterest = "CONFIRMED_INTEREST",
        /// The person answered, asked for it, and wants to be called later.
        CallLater = "CALL_LATER",
        /// Nobody answered.
        NoAnswer = "NO_ANSWER",
        /// The line was busy.
        Busy = "BUSY",
        /// A machine answered.
        Voicemail = "VOICEMAIL",
        /// The person hung up before saying anything.
        HungUp = "HUNG_UP",
        /// Another person answered, who does not know the one asked for.
        WrongPerson = "WRONG_PERSON",
        /// The number is not in service.
        DeadNumber = "DEAD_NUMBER",
        /// The person did not ask for anything.
        DeniesRequest = "DENIES_REQUEST",
        /// The person asked never to be called again.
        DoNotCall = "DO_NOT_CALL",
        /// The person was joking.
        Prank = "PRANK",
        /// The person works for a competitor.
        Competitor = "COMPETITOR",
        /// The person was paid to fill the form.
        PaidToFill = "PAID_TO_FILL",
    }
}

text_enum! {
    /// Who held a call with the person.
    CalledBy {
        /// The lead's seller, who gains by what the call says.
        Seller = "SELLER",
        /// The exchange.
        Exchange = "EXCHANGE",
    }
}

text_enum! {
    /// What an operator made of a sampled lead.
    SampleVerdict {
        /// Genuine.
        Genuine = "GENUINE",
        /// Cannot be told.
        Unclear = "UNCLEAR",
        /// The person mistyped name, phone or address.
        Mistake = "MISTAKE",
        /// A program filled the form.
        Bot = "BOT",
        /// A paid form-filler.
        Hired = "HIRED",
        /// A competitor.
        Competitor = "COMPETITOR",
        /// A joke.
        Prank = "PRANK",
    }
}

/// The person answered on `channel`, by typing a code or following a link.
#[must_use]
pub fn confirmed(channel: Channel, by_link: bool) -> Finding {
    let means = if by_link { "LINK" } else { "CODE" };
    Finding::new(CheckKind::Confirmed, Outcome::Pass).because("channel", channel.as_str()).because("means", means)
}

/// A call was held. A seller's own word that it went well decides nothing without a recording.
#[must_use]
pub fn spoken(disposition: CallDisposition, duration_secs: u32, by: CalledBy, recorded: bool) -> Finding {
    use CallDisposition as D;
    let outcome = match disposition {
        D::ConfirmedInterest | D::CallLater if by == CalledBy::Seller && !recorded => Outcome::Inconclusive,
        D::ConfirmedInterest | D::CallLater => Outcome::Pass,
        D::NoAnswer | D::Busy | D::Voicemail | D::HungUp => Outcome::Inconclusive,
        D::WrongPerson | D::DeadNumber | D::DeniesRequest | D::DoNotCall | D::Prank | D::Competitor | D::PaidToFill => {
            Outcome::Fail
        }
    };
    Finding::new(CheckKind::Spoken, outcome)
        .because("disposition", disposition.as_str())
        .because("secs", duration_secs)
        .because("calledBy", by.as_str())
        .because("recorded", recorded)
}

/// Whether a lead is drawn into the sample of a share of `share_bp` basis points, by its random number.
#[must_use]
pub const fn is_drawn(random: u64, share_bp: u64) -> bool {
    random % 10_000 < share_bp
}

/// An operator looked at the lead.
#[must_use]
pub fn sample(verdict: SampleVerdict) -> Finding {
    let outcome = match verdict {
        SampleVerdict::Genuine => Outcome::Pass,
        SampleVerdict::Unclear => Outcome::Inconclusive,
        _ => Outcome::Fail,
    };
    Finding::new(CheckKind::Sample, outcome).because("verdict", verdict.as_str())
}
