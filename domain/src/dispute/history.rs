//! The words of a dispute's history. Entries are only added.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::TradeParty;
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
