//! The decision on an immediate purchase: fixed price, buy-now, or the present price of a falling one.

use super::{Listing, ListingState};
use crate::clearing::SaleKind;
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

/// Whether a buyer may act at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuyerAccess {
    /// Nothing stops it.
    #[default]
    Full,
    /// A chargeback has frozen its wallet.
    WalletFrozen,
    /// An operator has stopped the organization.
    Suspended,
}

/// What the decision to sell to a buyer must know of that buyer and the lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuyerFacts {
    /// The buyer is the seller.
    pub is_seller: bool,
    /// The buyer has bought this person before.
    pub has_person: bool,
    /// The lead is still VERIFIED.
    pub lead_verified: bool,
    /// Whether the buyer may act.
    pub access: BuyerAccess,
}

/// A purchase that may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchase {
    /// What the buyer gets.
    pub kind: SaleKind,
    /// What the buyer pays, in minor units.
    pub price_minor: i64,
    /// Copies sold after it.
    pub sold_count: u8,
    /// Where the listing stands after it.
    pub state: ListingState,
}

/// Refuses a buyer to whom the lead may not be sold, whatever the price.
pub fn refuse_buyer(buyer: BuyerFacts) -> Result<(), Refusal> {
    if buyer.access == BuyerAccess::Suspended {
        Err(Refusal::new(Code::Suspended, "the organization is suspended"))
    } else if buyer.access == BuyerAccess::WalletFrozen {
        Err(Refusal::new(Code::WalletFrozen, "the wallet is frozen after a chargeback"))
    } else if buyer.is_seller {
        Err(Refusal::new(Code::OwnLead, "an organization does not buy its own lead").at("listingId"))
    } else if buyer.has_person {
        Err(Refusal::new(Code::DuplicateForBuyer, "you have bought this person already").at("listingId"))
    } else if !buyer.lead_verified {
        Err(Refusal::new(Code::NotVerified, "the lead is no longer verified").at("listingId"))
    } else {
        Ok(())
    }
}

/// Decides an immediate purchase of one copy. `most_minor` is the highest price that the buyer agreed to.
pub fn listing_buy(
    listing: &Listing,
    buyer: BuyerFacts,
    kind: SaleKind,
    most_minor: Option<i64>,
    now: Timestamp,
) -> Result<Purchase, Refusal> {
    refuse_buyer(buyer)?;
    listing.require_open(now).map_err(|refusal| refusal.at("listingId"))?;
    let price_minor = match listing.price_at(kind, now) {
        Some(price_minor) => price_minor,
        None if listing.terms.price_at(kind, listing.opens_at, now).is_some() => {
            return Err(Refusal::new(Code::SoldOut, "no copy of this kind is left").at("kind"));
        }
        None => return Err(Refusal::invalid("kind", "the listing has no price for an immediate sale of this kind")),
    };
    if most_minor.is_some_and(|most| price_minor > most) {
        return Err(Refusal::new(Code::PriceMoved, "the present price is above `maxPrice`").at("maxPrice"));
    }
    let sold_count = listing.sold_count.saturating_add(1);
    let ended = kind == SaleKind::Exclusive || sold_count >= listing.max_sales;
    let state = if ended { ListingState::Sold } else { ListingState::Open };
    Ok(Purchase { kind, price_minor, sold_count, state })
}
