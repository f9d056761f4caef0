//! Why a campaign would buy a lead, or would not.

use uuid::Uuid;

use super::sight::{Sight, Traced};
use super::state::Standing;
use super::terms::Amounts;
use crate::clearing::LossReason;
use crate::listing::BuyerAccess;
use crate::time::Timestamp;

/// What else decides whether a campaign buys a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Whether the lead is of the campaign's vertical and is sold in its currency.
    pub in_scope: bool,
    /// What its listing asks for at least; `None` where the lead is no longer for sale and only the rest is asked about.
    pub asked: Option<Amounts>,
    /// What the buyer can spend, in minor units of the campaign's currency.
    pub available_minor: i64,
    /// Whether the buyer has this person, or had within the campaign's duplicate window.
    pub has_person: bool,
    /// Whether the buyer sells the lead itself.
    pub is_seller: bool,
    /// Whether the buyer may act.
    pub access: BuyerAccess,
}

/// What a campaign makes of a lead, as far as its buyer may know the lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Every condition of the filter.
    pub conditions: Vec<Traced>,
    /// Whether the lead passes the filter.
    pub matches: Option<bool>,
    /// The price that the campaign has for it; `None` when it has none, or when it hangs on what is not to be known.
    pub price: Option<Amounts>,
    /// The first reason why the campaign would not buy it; `None` when nothing that may be known stands in the way.
    pub reason: Option<LossReason>,
}

impl Standing {
    /// What it makes at `now` of the lead `subject`, of which `sight` is known. The reasons are tried in the order of what a buyer
    /// can mend: the filter, the hours, the share, the price, caps and budget, the bid, the money, then who buys.
    #[must_use]
    pub fn explain(&self, sight: &Sight<'_>, subject: Uuid, situation: Situation, now: Timestamp) -> Explanation {
        let matches = self.terms.filter.seen(sight);
        let price = self.terms.price.seen(sight);
        let refused = self.refused(matches, price, subject, situation, now).err();
        Explanation { conditions: self.terms.trace(sight), matches, price: price.flatten(), reason: refused }
    }

    fn refused(
        &self,
        matches: Option<bool>,
        price: Option<Option<Amounts>>,
        subject: Uuid,
        situation: Situation,
        now: Timestamp,
    ) -> Result<(), LossReason> {
        if !situation.in_scope || matches == Some(false) {
            return Err(LossReason::FilterMismatch);
        }
        self.takes_part(subject, now)?;
        match price {
            Some(price) => self.afforded(price.ok_or(LossReason::FilterMismatch)?, situation, now)?,
            // Which price applies is not to be known; that no lead at all fits any more is.
            None => self.admits(1, now)?,
        }
        if situation.has_person {
            Err(LossReason::DuplicateForBuyer)
        } else if situation.is_seller {
            Err(LossReason::OwnLead)
        } else {
            match situation.access {
                BuyerAccess::Full => Ok(()),
                BuyerAccess::WalletFrozen => Err(LossReason::InsufficientFunds),
                BuyerAccess::Suspended => Err(LossReason::Barred),
            }
        }
    }

    fn afforded(&self, price: Amounts, situation: Situation, now: Timestamp) -> Result<(), LossReason> {
        let left = self.within_caps(price, now)?;
        let enough =
            |offered: Option<i64>, asked: Option<i64>| offered.filter(|offered| asked.is_some_and(|least| least <= *offered));
        let standing = match situation.asked {
            None => left,
            Some(asked) => Amounts {
                shared_minor: enough(left.shared_minor, asked.shared_minor),
                exclusive_minor: enough(left.exclusive_minor, asked.exclusive_minor),
            },
        };
        match standing.shared_minor.into_iter().chain(standing.exclusive_minor).min() {
            None => Err(LossReason::BelowReserve),
            Some(least) if least > situation.available_minor => Err(LossReason::InsufficientFunds),
            Some(_) => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
