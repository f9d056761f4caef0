//! A verified lead offered for sale: its state, and the decisions to open, buy, withdraw, close and open again.

mod sale;
mod terms;

pub use sale::{BuyerAccess, BuyerFacts, Purchase, listing_buy, refuse_buyer};
pub use terms::{AuctionDraft, DutchDraft, FixedDraft, SaleFormat, Terms, TermsDraft};

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::clearing::SaleKind;
use crate::money::Currency;
use crate::refusal::{Code, Refusal};
use crate::time::{Timestamp, plus_secs};

text_enum! {
    /// Where a listing stands.
    ListingState {
        /// It can be bought or bid for.
        Open = "OPEN",
        /// It ended with at least one sale.
        Sold = "SOLD",
        /// It reached its closing time without a sale.
        Unsold = "UNSOLD",
        /// The seller or the exchange took it back.
        Withdrawn = "WITHDRAWN",
    }
}

/// What a listing may ask for, from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingLimits {
    /// The most copies of one person's lead that are ever sold.
    pub max_sales: u8,
    /// The shortest time that a listing is open, in seconds.
    pub min_open_secs: i64,
    /// The longest time that an auction is open, in seconds.
    pub max_auction_secs: i64,
    /// The longest time that any other listing is open, in seconds.
    pub max_open_secs: i64,
    /// The shortest interval in which a Dutch price falls, in seconds.
    pub min_interval_secs: i64,
}

impl Default for ListingLimits {
    fn default() -> Self {
        Self { max_sales: 5, min_open_secs: 30, max_auction_secs: 7 * 86_400, max_open_secs: 90 * 86_400, min_interval_secs: 1 }
    }
}

/// What a seller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingDraft {
    /// The format and its amounts.
    pub terms: TermsDraft,
    /// The most copies to sell.
    pub max_sales: i64,
    /// How long the listing is open, in seconds; the longest allowed when absent.
    pub open_secs: Option<i64>,
}

/// What the decision to list must know of the lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeadFacts {
    /// The lead is VERIFIED.
    pub verified: bool,
    /// The lead answered one advertiser's offer.
    pub targeted: bool,
    /// The lead has an open listing.
    pub listed: bool,
    /// The lead was sold exclusively before.
    pub sold_exclusive: bool,
    /// Shared copies sold before, over all listings.
    pub sold_shared: u8,
}

/// A listing that may be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The format and its amounts.
    pub terms: Terms,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// The most copies to sell.
    pub max_sales: u8,
    /// The first instant.
    pub opens_at: Timestamp,
    /// The first instant at which it is no longer open.
    pub closes_at: Timestamp,
}

/// What the decisions on a listing must know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Where it stands.
    pub state: ListingState,
    /// The format and its amounts.
    pub terms: Terms,
    /// The most copies to sell.
    pub max_sales: u8,
    /// Copies sold so far.
    pub sold_count: u8,
    /// The first instant.
    pub opens_at: Timestamp,
    /// The first instant at which it is no longer open.
    pub closes_at: Timestamp,
}

impl Listing {
    /// Whether it can be bought or bid for at `now`.
    #[must_use]
    pub fn is_open_at(&self, now: Timestamp) -> bool {
        self.state == ListingState::Open && self.opens_at <= now && now < self.closes_at
    }

    /// Whether a sale of this kind is still possible: a shared copy sold rules out the exclusive sale.
    #[must_use]
    pub fn offers(&self, kind: SaleKind) -> bool {
        let left = match kind {
            SaleKind::Exclusive => self.sold_count == 0,
            SaleKind::Shared => self.sold_count < self.max_sales,
        };
        left && self.terms.offers(kind)
    }

    /// What an immediate purchase costs at `now`, in minor units; `None` when there is none of this kind.
    #[must_use]
    pub fn price_at(&self, kind: SaleKind, now: Timestamp) -> Option<i64> {
        if self.offers(kind) { self.terms.price_at(kind, self.opens_at, now) } else { None }
    }

    /// The state in which its closing time finds it; `None` while it is open or when it has ended.
    #[must_use]
    pub fn expired_at(&self, now: Timestamp) -> Option<ListingState> {
        let due = self.state == ListingState::Open && self.closes_at <= now;
        due.then_some(if self.sold_count > 0 { ListingState::Sold } else { ListingState::Unsold })
    }

    /// Refuses what needs an open listing.
    pub fn require_open(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.state {
            ListingState::Open if self.is_open_at(now) => Ok(()),
            ListingState::Open => Err(Refusal::new(Code::OutsideWindow, "the listing has closed")),
            ListingState::Sold => Err(Refusal::new(Code::SoldOut, "the listing is sold")),
            ended => Err(Refusal::wrong_state(format!("the listing is {}", ended.as_str()))),
        }
    }
}

/// Decides whether the lead may be listed under these terms. Every broken rule is named at its field.
pub fn listing_open(
    draft: &ListingDraft,
    lead: &LeadFacts,
    limits: &ListingLimits,
    now: Timestamp,
) -> Result<Opening, Vec<Refusal>> {
    let mut refusals = lead_refusals(lead, limits);
    let max_sales = copies(draft.max_sales, lead, limits).map_err(|refusal| refusals.push(refusal));
    let open_secs = open_secs(draft, limits).map_err(|refusal| refusals.push(refusal));
    let terms = terms::checked(&draft.terms, max_sales.ok(), lead.sold_shared > 0, limits).map_err(|broken| {
        refusals.extend(broken.into_iter().map(|refusal| refusal.at("terms")));
    });
    match (terms, max_sales, open_secs) {
        (Ok((terms, currency)), Ok(max_sales), Ok(secs)) if refusals.is_empty() => {
            Ok(Opening { terms, currency, max_sales, opens_at: now, closes_at: plus_secs(now, secs) })
        }
        _ => Err(refusals),
    }
}

/// Decides whether the seller may take the listing back. Sales already made stand.
pub fn listing_withdraw(listing: &Listing, now: Timestamp) -> Result<ListingState, Refusal> {
    listing.require_open(now).map(|()| ListingState::Withdrawn)
}

/// Decides whether a lead may be listed again after `listing`; the new terms and what was sold before are then decided
/// by [`listing_open`].
pub fn listing_relist(listing: &Listing) -> Result<(), Refusal> {
    match listing.state {
        ListingState::Open => Err(Refusal::wrong_state("the listing is still open: withdraw it first")),
        ListingState::Sold | ListingState::Unsold | ListingState::Withdrawn => Ok(()),
    }
}

fn lead_refusals(lead: &LeadFacts, limits: &ListingLimits) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if !lead.verified {
        refusals.push(Refusal::new(Code::NotVerified, "only a VERIFIED lead can be listed").at("leadId"));
    }
    if lead.listed {
        refusals.push(Refusal::new(Code::Taken, "the lead has an open listing").at("leadId"));
    }
    if lead.sold_exclusive || lead.sold_shared >= limits.max_sales {
        refusals.push(Refusal::new(Code::SoldOut, "every copy of this lead is sold").at("leadId"));
    }
    refusals
}

fn copies(asked: i64, lead: &LeadFacts, limits: &ListingLimits) -> Result<u8, Refusal> {
    let left = limits.max_sales.saturating_sub(lead.sold_shared).max(1);
    let most = if lead.targeted { 1 } else { left };
    let why = if lead.targeted { "a TARGETED lead is sold once, to its advertiser" } else { "copies of a lead" };
    u8::try_from(asked)
        .ok()
        .filter(|asked| (1..=most).contains(asked))
        .ok_or_else(|| Refusal::invalid("maxSales", format!("`maxSales` is 1 to {most} here ({why})")))
}

fn open_secs(draft: &ListingDraft, limits: &ListingLimits) -> Result<i64, Refusal> {
    let most = match draft.terms {
        TermsDraft::Auction(_) => limits.max_auction_secs,
        TermsDraft::Fixed(_) | TermsDraft::Dutch(_) => limits.max_open_secs,
    };
    let secs = draft.open_secs.unwrap_or(most);
    if (limits.min_open_secs..=most).contains(&secs) {
        Ok(secs)
    } else {
        let message = format!("the listing is open for {} to {most} seconds", limits.min_open_secs);
        Err(Refusal::invalid("openSecs", message))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
