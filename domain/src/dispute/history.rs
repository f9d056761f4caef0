//! The words of a dispute's history. Entries are only added.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DisputeStatus, Review, Stage, State, TradeParty};
use crate::access::{UnknownText, text_enum};

text_enum! {
    /// What happened in a dispute.
    DisputeEntryKind {
        /// The buyer made the claim.
        Opened = "OPENED",
        /// The exchange took the trade up for review, because the lead's siblings were fake.
        ReviewOpened = "REVIEW_OPENED",
        /// The exchange proved the claim by itself.
        Proved = "PROVED",
        /// A party made a statement.
        Statement = "STATEMENT",
        /// A party gave a file.
        File = "FILE",
        /// The seller agreed.
        Accepted = "ACCEPTED",
        /// The seller did not.
        Contested = "CONTESTED",
        /// The buyer gave up the claim.
        Withdrawn = "WITHDRAWN",
        /// An arbiter was drawn.
        Assigned = "ASSIGNED",
        /// The arbiter stepped aside.
        Recused = "RECUSED",
        /// The arbiter looked at the case.
        Seen = "SEEN",
        /// The arbiter ruled.
        Ruled = "RULED",
        /// The second arbiter agreed.
        Confirmed = "CONFIRMED",
        /// The second arbiter did not.
        Declined = "DECLINED",
        /// A party appealed.
        Appealed = "APPEALED",
        /// A deadline passed, and the rule decided.
        Expired = "EXPIRED",
        /// Another buyer's dispute, or the person's wish, ended this one.
        Overtaken = "OVERTAKEN",
    }
}

text_enum! {
    /// Who did it.
    DisputeSide {
        /// The buyer.
        Buyer = "BUYER",
        /// The seller.
        Seller = "SELLER",
        /// An arbiter.
        Arbiter = "ARBITER",
        /// The exchange, by its rules.
        Exchange = "EXCHANGE",
    }
}

impl From<TradeParty> for DisputeSide {
    fn from(party: TradeParty) -> Self {
        match party {
            TradeParty::Buyer => Self::Buyer,
            TradeParty::Seller => Self::Seller,
        }
    }
}

/// Who reads a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A party of the trade.
    Party,
    /// The arbiter in charge.
    Arbiter,
}

/// What an entry says of the course of the dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happened {
    /// What happened.
    pub kind: DisputeEntryKind,
    /// In which state the dispute was when a deadline passed; `None` for anything else that happened.
    pub expired: Option<DisputeStatus>,
}

/// Which entries of a dispute in `state`, oldest first, `reader` sees. A ruling that another arbiter has yet to confirm, or did
/// not confirm, decides nothing: nobody is to act on it, and no later arbiter is to be led by it, before the end. Only the one
/// who is to confirm it reads it.
#[must_use]
pub fn shown(history: &[Happened], state: &State, reader: Reader) -> Vec<bool> {
    let confirming = matches!(state, State::UnderReview(Review { stage: Stage::Confirming { .. }, .. }));
    let mut shown = vec![true; history.len()];
    if state.is_final() {
        return shown;
    }
    let last_ruling = history.iter().rposition(|entry| entry.kind == DisputeEntryKind::Ruled);
    // From the end: what came after a ruling says whether it stood.
    let mut stood = !matches!(state, State::UnderReview(_));
    for (index, (entry, shows)) in history.iter().zip(shown.iter_mut()).enumerate().rev() {
        match entry.kind {
            DisputeEntryKind::Confirmed | DisputeEntryKind::Appealed => stood = true,
            DisputeEntryKind::Expired => stood = entry.expired != Some(DisputeStatus::UnderReview),
            DisputeEntryKind::Declined => (stood, *shows) = (false, false),
            DisputeEntryKind::Ruled => {
                let asked = reader == Reader::Arbiter && confirming && last_ruling == Some(index);
                *shows = stood || asked;
                stood = true;
            }
            _ => {}
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispute::{Level, Percent, RuledBy, Ruling};
    use crate::id::UserId;
    use crate::time::Timestamp;
    use DisputeEntryKind as K;
    use uuid::Uuid;

    fn ruling() -> Ruling {
        let by = RuledBy::Arbiter(UserId(Uuid::from_u128(1)));
        Ruling { refund: Percent::NONE, by, confirmed_by: None, at: Timestamp::UNIX_EPOCH }
    }

    fn review(stage: Stage, level: Level) -> State {
        State::UnderReview(Review { assigned: None, rule_by: Timestamp::UNIX_EPOCH, stage, level, served: Vec::new() })
    }

    fn read(kinds: &[(K, Option<DisputeStatus>)], state: &State, reader: Reader) -> Vec<K> {
        let history: Vec<_> = kinds.iter().map(|&(kind, expired)| Happened { kind, expired }).collect();
        let shown = shown(&history, state, reader);
        history.iter().zip(shown).filter(|(_, shows)| *shows).map(|(entry, _)| entry.kind).collect()
    }

    fn plain(kinds: &[K]) -> Vec<(K, Option<DisputeStatus>)> {
        kinds.iter().map(|&kind| (kind, None)).collect()
    }

    #[test]
    fn a_ruling_to_be_confirmed_is_read_by_the_one_who_confirms() {
        let history = plain(&[K::Opened, K::Contested, K::Ruled, K::Assigned]);
        let confirming = review(Stage::Confirming { proposed: ruling() }, Level::First);
        assert_eq!(read(&history, &confirming, Reader::Party), [K::Opened, K::Contested, K::Assigned]);
        assert_eq!(read(&history, &confirming, Reader::Arbiter), [K::Opened, K::Contested, K::Ruled, K::Assigned]);
    }

    #[test]
    fn a_declined_ruling_is_read_at_the_end() {
        let declined = plain(&[K::Opened, K::Ruled, K::Declined, K::Assigned]);
        let tiebreak = review(Stage::Tiebreak, Level::First);
        for reader in [Reader::Party, Reader::Arbiter] {
            assert_eq!(read(&declined, &tiebreak, reader), [K::Opened, K::Assigned]);
        }
        let history = plain(&[K::Opened, K::Ruled, K::Declined, K::Ruled]);
        let ruled = State::Ruled { ruling: ruling(), appeal_by: Timestamp::UNIX_EPOCH, served: Vec::new() };
        assert_eq!(read(&history, &ruled, Reader::Party), [K::Opened, K::Ruled]);
        let history = plain(&[K::Opened, K::Ruled, K::Declined, K::Ruled, K::Appealed]);
        let appeal = review(Stage::Ruling, Level::Appeal { by: TradeParty::Buyer, first: ruling() });
        assert_eq!(read(&history, &appeal, Reader::Arbiter), [K::Opened, K::Ruled, K::Appealed]);
        let done = State::Final { ruling: ruling(), first: Some(ruling()) };
        assert_eq!(read(&history, &done, Reader::Party).len(), 5);
    }

    #[test]
    fn a_ruling_that_nobody_confirmed_in_time_decides_nothing() {
        let mut history = plain(&[K::Ruled, K::Expired]);
        history[1].1 = Some(DisputeStatus::UnderReview);
        let ruled = State::Ruled { ruling: ruling(), appeal_by: Timestamp::UNIX_EPOCH, served: Vec::new() };
        assert_eq!(read(&history, &ruled, Reader::Party), [K::Expired]);
        let confirmed = plain(&[K::Ruled, K::Confirmed]);
        assert_eq!(read(&confirmed, &ruled, Reader::Party), [K::Ruled, K::Confirmed]);
    }
}
