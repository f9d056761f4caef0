//! Card payments that their payer's bank questions.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};

text_enum! {
    /// Where a disputed card payment stands.
    CardDisputeState {
        /// The bank asks, and has taken nothing.
        Inquiry = "INQUIRY",
        /// The bank has taken the money, and waits for evidence.
        NeedsResponse = "NEEDS_RESPONSE",
        /// The bank reads the evidence.
        UnderReview = "UNDER_REVIEW",
        /// The money is back.
        Won = "WON",
        /// The money is gone.
        Lost = "LOST",
        /// An inquiry that came to nothing.
        Closed = "CLOSED",
    }
}

impl CardDisputeState {
    /// Whether the bank has decided.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Won | Self::Lost | Self::Closed)
    }
}

/// What a dispute's state asks of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booking {
    /// Nothing.
    Nothing,
    /// The bank took the money: it is taken from the wallet, which is frozen.
    Take,
    /// The bank gave the money back.
    GiveBack,
}

/// What the ledger is to book when the bank says `seen`, and the money was `taken` from the wallet before or not, and given back
/// or not. The bank's words may come late, twice and in any order.
#[must_use]
pub const fn booking(seen: CardDisputeState, taken: bool, given_back: bool) -> Booking {
    use CardDisputeState as S;
    match seen {
        S::NeedsResponse | S::UnderReview | S::Lost if !taken => Booking::Take,
        S::Won if taken && !given_back => Booking::GiveBack,
        _ => Booking::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CardDisputeState as S;

    #[test]
    fn money_is_taken_once_and_given_back_once() {
        for inquiry in [S::Inquiry, S::Closed] {
            assert_eq!(booking(inquiry, false, false), Booking::Nothing);
        }
        assert_eq!(booking(S::NeedsResponse, false, false), Booking::Take);
        assert_eq!(booking(S::Lost, false, false), Booking::Take);
        assert_eq!(booking(S::Lost, true, false), Booking::Nothing);
        assert_eq!(booking(S::Won, true, false), Booking::GiveBack);
        assert_eq!(booking(S::Won, true, true), Booking::Nothing);
        assert_eq!(booking(S::Won, false, false), Booking::Nothing);
    }
}
