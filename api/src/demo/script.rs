//! What the people at the other end of the line say. Nobody on the exchange knows it before calling.

use domain::dispute::reason::{DisputeClaim, DisputeDetail};
use domain::evidence::AttemptDisposition;

use super::dice::Dice;
use super::flaw::Trick;
use super::injection::Truth;

/// A good lead that a buyer disputes all the same, of 1,000 that did not buy: it doubts the person's word.
const DOUBTED_PER_MILLE: u32 = 8;
/// Of 1,000: somebody else picked up, and the buyer tried no second time.
const MISDIALLED_PER_MILLE: u32 = 4;
/// Of 1,000: the buyer is disappointed and says so, which is no reason.
const PRETEXT_PER_MILLE: u32 = 8;
/// Pseudo-leads, of 1,000, that a buyer never disputes.
const SHRUGGED_PER_MILLE: u32 = 50;

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conversation {
    /// How it ended.
    pub(crate) disposition: AttemptDisposition,
    /// How long it lasted.
    pub(crate) secs: u32,
    /// What the buyer does next.
    pub(crate) next: Next,
}

/// What a buyer does after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Tries again after so many hours.
    Again {
        /// Hours.
        hours: u32,
    },
    /// The person buys.
    Convert,
    /// The person does not.
    Refuse,
    /// The person may, later.
    Defer,
    /// The buyer talked with them and leaves it there.
    Note,
    /// The buyer wants its money back.
    Claim {
        /// The claim.
        claim: DisputeClaim,
        /// What exactly.
        detail: DisputeDetail,
    },
    /// The buyer gives up on the lead without a word.
    Drop,
}

/// The conversation of try `attempt` with the person of `truth`.
pub(crate) fn converse(truth: &Truth, attempt: u32, dice: &mut Dice) -> Conversation {
    match truth.trick {
        Some(trick) => with_pseudo(trick, attempt, dice),
        None => with_person(truth, attempt, dice),
    }
}

fn with_person(truth: &Truth, attempt: u32, dice: &mut Dice) -> Conversation {
    use AttemptDisposition as D;
    // The file counts the calls of a campaign: who took many is hard to reach.
    if truth.calls > 3 && attempt == 1 {
        return Conversation { disposition: D::NoAnswer, secs: 0, next: Next::Again { hours: dice.between(3, 20) } };
    }
    let secs = truth.talk_secs.clamp(5, 3_600);
    if truth.buys {
        return Conversation { disposition: D::Answered, secs, next: Next::Convert };
    }
    let claims = |claim, detail| Next::Claim { claim, detail };
    let (disposition, secs, next) = match dice.below(1_000) {
        roll if roll < DOUBTED_PER_MILLE => (D::Answered, secs, claims(DisputeClaim::Bot, DisputeDetail::DeniesRequest)),
        roll if roll < DOUBTED_PER_MILLE + MISDIALLED_PER_MILLE => {
            (D::WrongPerson, 15, claims(DisputeClaim::Mistake, DisputeDetail::WrongPerson))
        }
        roll if roll < DOUBTED_PER_MILLE + MISDIALLED_PER_MILLE + PRETEXT_PER_MILLE => {
            let claim = dice.pick(&[DisputeClaim::TooExpensive, DisputeClaim::BoughtElsewhere, DisputeClaim::ChangedMind]);
            (D::Answered, secs, claims(claim.unwrap_or(DisputeClaim::ChangedMind), DisputeDetail::DeniesRequest))
        }
        roll if roll < 600 => (D::Answered, secs, Next::Refuse),
        roll if roll < 800 => (D::Answered, secs, Next::Defer),
        _ => (D::Answered, secs, Next::Note),
    };
    Conversation { disposition, secs, next }
}

fn with_pseudo(trick: Trick, attempt: u32, dice: &mut Dice) -> Conversation {
    use AttemptDisposition as D;
    use DisputeClaim as Claim;
    use DisputeDetail as Detail;
    let short = dice.between(5, 50);
    let (disposition, secs, claim, detail) = match trick {
        Trick::OutOfService | Trick::DeadChannels | Trick::Unreadable => {
            if attempt < 3 {
                let hours = if attempt == 1 { 4 } else { 24 };
                return Conversation { disposition: D::OutOfService, secs: 0, next: Next::Again { hours } };
            }
            (D::OutOfService, 0, Claim::Mistake, Detail::DeadNumber)
        }
        Trick::WrongNumber => (D::WrongPerson, short, Claim::Mistake, Detail::WrongPerson),
        Trick::SlowBot | Trick::TooFast | Trick::Honeypot => (D::Answered, short, Claim::Bot, Detail::DeniesRequest),
        Trick::TypedRing => (D::Answered, short, Claim::Hired, Detail::PaidToFill),
        Trick::PastedRing => (D::Answered, short, Claim::Hired, Detail::MassSubmission),
        Trick::PrivateMail | Trick::TraderMail => (D::Answered, short, Claim::Competitor, Detail::CompetitorStaff),
        Trick::Impostor | Trick::JokeName => (D::WrongPerson, short, Claim::Prank, Detail::DeniesRequest),
        Trick::OtherChannels | Trick::SoldTwice => (D::Answered, short, Claim::Duplicate, Detail::SoldBefore),
        Trick::Invented | Trick::NoEvidence => (D::Answered, short, Claim::NoConsent, Detail::DidNotAsk),
    };
    let next = if dice.chance(SHRUGGED_PER_MILLE) { Next::Drop } else { Next::Claim { claim, detail } };
    Conversation { disposition, secs, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(trick: Option<Trick>, buys: bool) -> Truth {
        Truth { trick, shows: false, buys, talk_secs: 240, calls: 1 }
    }

    #[test]
    fn the_file_decides_who_buys() {
        for subject in 0..200 {
            let convert = |buys| converse(&truth(None, buys), 1, &mut Dice::of(1, "call", subject)).next == Next::Convert;
            assert!(convert(true) && !convert(false));
        }
    }

    #[test]
    fn every_claim_has_a_detail_that_fits_it() {
        for trick in Trick::ALL {
            let conversation = converse(&truth(Some(trick), false), 3, &mut Dice::of(1, "call", 1));
            if let Next::Claim { claim, detail } = conversation.next {
                let reason = claim.reason(detail).unwrap();
                assert_eq!(reason.as_str(), trick.flaw().as_str());
            }
        }
    }
}
