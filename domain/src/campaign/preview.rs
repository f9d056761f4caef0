//! What a draft would have met among the listings of the past, and what of that may be told.
//!
//! How the draft meets a listing, by its format:
//! - FIXED: it stands there when the listing opens, so it takes a copy at the listing's price if it offers that much, the
//!   exclusive sale before a copy. Those who bought within five seconds of the opening were standing orders too and come first.
//! - AUCTION: it is one more sealed bid, placed at the opening, and the auction is cleared again with the rule that cleared it.
//!   An auction that was not cleared, bought out or withdrawn say, is not won.
//! - DUTCH: it takes the lead when the price has fallen to what it offers, unless copies ran out, or the listing ended, before.
//!
//! Everything is counted at the opening of its listing: caps and budget in the order of the openings. A trial counts as
//! confirmed.
//!
//! A preview tells of many leads and never of one. Counts are rounded down to a multiple of [`LEAST_TOLD`], so that 0 says
//! "fewer than that"; prices and money are told of that many or more, in two significant digits. What others bid and paid in an
//! auction is sealed and is blurred besides, lead by lead, by a factor that only the exchange knows and that never changes:
//! whoever narrows drafts down to one lead learns nothing exact, however often.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::caps::Usage;
use super::facts::Facts;
use super::filter::Field;
use super::sight::Sight;
use super::state::{CampaignState, Standing};
use super::terms::{Amounts, Terms};
use crate::clearing::{SaleKind, SealedBid, clear};
use crate::id::{BidId, CampaignId, LeadId};
use crate::listing::{Listing, SaleFormat, Terms as Asked};
use crate::money::BP_WHOLE;
use crate::time::{Timestamp, plus_secs};

/// The least number of leads of which anything is told.
pub const LEAST_TOLD: u64 = 5;

/// Whoever bought so soon after the opening was as fast as a standing order, in seconds.
pub(super) const INSTANT_SECS: i64 = 5;

/// The farthest that a lead's sealed amounts are blurred, up or down, in basis points.
pub const BLUR_BP: i64 = 1_000;

/// A copy that was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastSale {
    /// What was sold.
    pub kind: SaleKind,
    /// For how much, in minor units.
    pub price_minor: i64,
    /// When.
    pub sold_at: Timestamp,
    /// Whether the draft's own buyer bought it: what a buyer knows already would make the rest of a small number known.
    pub own: bool,
}

/// That the draft's buyer bought a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonBought {
    /// When.
    pub sold_at: Timestamp,
    /// Whether the person counts as the buyer's whatever the duplicate window says.
    pub stands: bool,
}

/// A listing of the past that matches the draft.
#[derive(Debug, Clone)]
pub struct PastListing {
    /// The lead.
    pub lead: LeadId,
    /// The listing as it stands.
    pub listing: Listing,
    /// When it ended, if it did.
    pub ended_at: Option<Timestamp>,
    /// What was known of the lead at the opening.
    pub facts: Facts,
    /// The copies that were sold.
    pub sales: Vec<PastSale>,
    /// What others bid, where the auction was cleared.
    pub bids: Option<Vec<SealedBid>>,
    /// What tells the person from others.
    pub person: BTreeSet<Vec<u8>>,
    /// When the buyer bought this person.
    pub bought: Vec<PersonBought>,
    /// By how much sealed amounts are blurred, in basis points, at most [`BLUR_BP`] up or down; always the same for a listing.
    pub blur_bp: i64,
}

/// Prices that were paid, as far as they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// How many, rounded down.
    pub count: u64,
    /// The least, rounded down, in minor units.
    pub least_minor: i64,
    /// The one in the middle, rounded.
    pub median_minor: i64,
    /// The greatest, rounded up.
    pub greatest_minor: i64,
}

/// What the draft would have won, as far as it is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Won {
    /// Listings that match, rounded down.
    pub matching: u64,
    /// Leads won, rounded down.
    pub leads: u64,
    /// What they would have cost, rounded, in minor units.
    pub spent_minor: Option<i64>,
}

/// What a preview tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Listings that were looked at, rounded down like every count.
    pub listings: u64,
    /// Leads that they offered: one may be listed several times.
    pub leads: u64,
    /// Leads that match the filter.
    pub matching: u64,
    /// Leads that match, and that schedule, share, caps and budget would have let through at the price of the draft.
    pub admitted: u64,
    /// What others paid for shared copies of leads that match.
    pub shared: Option<Spread>,
    /// What others paid for exclusive sales of leads that match.
    pub exclusive: Option<Spread>,
    /// All that the draft would have won.
    pub won: Won,
    /// The same by format.
    pub formats: BTreeMap<SaleFormat, Won>,
}

/// A draft on its way through the past, the earliest listing first.
#[derive(Debug, Clone)]
pub struct Preview {
    standing: Standing,
    weight_bp: i64,
    until: Timestamp,
    listings: u64,
    leads: BTreeSet<LeadId>,
    matching: BTreeSet<LeadId>,
    admitted: BTreeSet<LeadId>,
    persons: BTreeSet<Vec<u8>>,
    shared: Vec<i64>,
    exclusive: Vec<i64>,
    formats: BTreeMap<SaleFormat, Won>,
}

impl Preview {
    /// A draft with these terms, of a buyer whose bids weigh `weight_bp`, on its way from `since` to `until`.
    #[must_use]
    pub fn new(terms: Terms, weight_bp: i64, since: Timestamp, until: Timestamp) -> Self {
        let usage = Usage::none(since, terms.zone);
        let id = CampaignId(Uuid::nil());
        Self {
            standing: Standing { id, state: CampaignState::Active, trial_confirmed: true, terms, usage },
            weight_bp,
            until,
            listings: 0,
            leads: BTreeSet::new(),
            matching: BTreeSet::new(),
            admitted: BTreeSet::new(),
            persons: BTreeSet::new(),
            shared: Vec::new(),
            exclusive: Vec::new(),
            formats: BTreeMap::new(),
        }
    }

    /// Counts a listing; answers whether the draft may match it: what cannot be known of the past counts as fulfilled.
    pub fn sees(&mut self, lead: LeadId, facts: &Facts) -> bool {
        self.listings = self.listings.saturating_add(1);
        self.leads.insert(lead);
        self.standing.terms.filter.seen(&sight(facts)) != Some(false)
    }

    /// Lets the draft meet a listing that it may match. `past` opened no earlier than the one before.
    pub fn meets(&mut self, past: &PastListing) {
        self.matching.insert(past.lead);
        for sale in past.sales.iter().filter(|sale| !sale.own) {
            let sealed = past.listing.terms.format() == SaleFormat::Auction;
            let price_minor = if sealed { blurred(sale.price_minor, past.blur_bp) } else { sale.price_minor };
            match sale.kind {
                SaleKind::Shared => self.shared.push(price_minor),
                SaleKind::Exclusive => self.exclusive.push(price_minor),
            }
        }
        let price_minor = self.offered(past).and_then(|offered| self.price_of(past, offered));
        let won = self.formats.entry(past.listing.terms.format()).or_default();
        won.matching = won.matching.saturating_add(1);
        let Some(price_minor) = price_minor else { return };
        won.leads = won.leads.saturating_add(1);
        won.spent_minor = Some(won.spent_minor.unwrap_or(0).saturating_add(price_minor));
        let now = past.listing.opens_at;
        self.standing.usage = self.standing.usage.rolled(now, self.standing.terms.zone).plus(price_minor);
        self.persons.extend(past.person.iter().cloned());
    }

    /// What may be told of what was met.
    #[must_use]
    pub fn told(mut self) -> Outlook {
        let all = self.formats.values().fold(Won::default(), |all, won| Won {
            matching: all.matching.saturating_add(won.matching),
            leads: all.leads.saturating_add(won.leads),
            spent_minor: Some(all.spent_minor.unwrap_or(0).saturating_add(won.spent_minor.unwrap_or(0))),
        });
        Outlook {
            listings: floor(self.listings),
            leads: told(self.leads.len()),
            matching: told(self.matching.len()),
            admitted: told(self.admitted.len()),
            shared: spread(&mut self.shared),
            exclusive: spread(&mut self.exclusive),
            won: all.told(),
            formats: self.formats.into_iter().map(|(format, won)| (format, won.told())).collect(),
        }
    }

    /// What the draft would have offered at the opening; `None` when it would have offered nothing.
    fn offered(&mut self, past: &PastListing) -> Option<Amounts> {
        let now = past.listing.opens_at;
        self.standing.takes_part(past.lead.0, now).ok()?;
        let amounts = {
            let (sight, price) = (sight(&past.facts), &self.standing.terms.price);
            let rule = price.rules.iter().find(|rule| rule.when.seen(&sight) != Some(false));
            rule.map(|rule| rule.amounts).or(price.otherwise)?
        };
        let amounts = self.standing.within_caps(amounts, now).ok()?;
        self.admitted.insert(past.lead);
        let window = self.standing.terms.duplicate_window_secs;
        let recent = |sold_at| window.is_some_and(|secs| now < plus_secs(sold_at, secs));
        let owned = past.bought.iter().any(|bought| bought.stands || recent(bought.sold_at));
        let again = past.person.iter().any(|key| self.persons.contains(key));
        (!owned && !again).then_some(amounts)
    }

    /// What the lead would have cost; `None` when the draft would not have won it.
    fn price_of(&self, past: &PastListing, offered: Amounts) -> Option<i64> {
        match &past.listing.terms {
            Asked::Fixed { shared_minor, exclusive_minor } => {
                let instant = plus_secs(past.listing.opens_at, INSTANT_SECS);
                let affordable = |asked: Option<i64>, most: Option<i64>| asked.filter(|asked| most >= Some(*asked));
                let exclusive = affordable(*exclusive_minor, offered.exclusive_minor);
                let shared = affordable(*shared_minor, offered.shared_minor);
                exclusive
                    .filter(|_| past.left_at(SaleKind::Exclusive, instant))
                    .or(shared.filter(|_| past.left_at(SaleKind::Shared, instant)))
            }
            Asked::Auction { .. } => self.cleared(past, offered),
            Asked::Dutch { kind, start_minor, floor_minor, step_minor, interval_secs } => {
                let most = match kind {
                    SaleKind::Shared => offered.shared_minor,
                    SaleKind::Exclusive => offered.exclusive_minor,
                }
                .filter(|most| most >= floor_minor)?;
                let above = start_minor.saturating_sub(most).max(0);
                let steps = above.checked_div(*step_minor).unwrap_or(0);
                let exact = above.checked_rem(*step_minor).unwrap_or(0) == 0;
                let steps = if exact { steps } else { steps.saturating_add(1) };
                let at = plus_secs(past.listing.opens_at, steps.saturating_mul(*interval_secs));
                let open = at <= self.until && at < past.listing.closes_at && past.ended_at.is_none_or(|ended_at| at < ended_at);
                let price_minor = past.listing.terms.price_at(*kind, past.listing.opens_at, at);
                price_minor.filter(|price_minor| *price_minor <= most && open && past.left_at(*kind, at))
            }
        }
    }

    fn cleared(&self, past: &PastListing, offered: Amounts) -> Option<i64> {
        let auction = past.listing.terms.auction(past.listing.max_sales)?;
        let bids = past.bids.as_ref()?;
        let blur = |minor: Option<i64>| minor.map(|minor| blurred(minor, past.blur_bp));
        let others = bids.iter().map(|sealed| SealedBid {
            shared_minor: blur(sealed.shared_minor),
            exclusive_minor: blur(sealed.exclusive_minor),
            ..sealed.clone()
        });
        let own = SealedBid {
            bid: BidId(Uuid::nil()),
            bidder: u32::MAX,
            placed_at: past.listing.opens_at,
            shared_minor: offered.shared_minor,
            exclusive_minor: offered.exclusive_minor,
            weight_bp: self.weight_bp,
            barred: None,
        };
        let bids: Vec<SealedBid> = others.chain([own]).collect();
        clear(&auction, &bids).sales.into_iter().find(|sale| sale.bid == BidId(Uuid::nil())).map(|sale| sale.price_minor)
    }
}

impl PastListing {
    /// Whether a sale of this kind was still possible before `instant`, going by what had been sold until then.
    fn left_at(&self, kind: SaleKind, instant: Timestamp) -> bool {
        let before = || self.sales.iter().filter(|sale| sale.sold_at < instant);
        match kind {
            SaleKind::Exclusive => before().count() == 0,
            SaleKind::Shared => {
                before().all(|sale| sale.kind == SaleKind::Shared) && before().count() < usize::from(self.listing.max_sales)
            }
        }
    }
}

impl Won {
    fn told(self) -> Self {
        let spent_minor = self.spent_minor.filter(|_| self.leads >= LEAST_TOLD).map(|minor| coarse(minor, Rounding::Nearest));
        Self { matching: floor(self.matching), leads: floor(self.leads), spent_minor }
    }
}

/// What is known of a lead of the past: where exactly the person lives lies sealed, and who sold it is not found out by trying.
fn sight(facts: &Facts) -> Sight<'_> {
    Sight::whole(facts).without([Field::PostalCode, Field::Seller])
}

fn told(count: usize) -> u64 {
    floor(u64::try_from(count).unwrap_or(u64::MAX))
}

fn floor(count: u64) -> u64 {
    count.saturating_sub(count.checked_rem(LEAST_TOLD).unwrap_or(0))
}

fn spread(prices: &mut [i64]) -> Option<Spread> {
    let count = u64::try_from(prices.len()).ok().filter(|count| *count >= LEAST_TOLD)?;
    prices.sort_unstable();
    let middle = prices.len().saturating_sub(1).checked_div(2)?;
    Some(Spread {
        count: floor(count),
        least_minor: coarse(*prices.first()?, Rounding::Down),
        median_minor: coarse(*prices.get(middle)?, Rounding::Nearest),
        greatest_minor: coarse(*prices.last()?, Rounding::Up),
    })
}

/// A sealed amount, no less than one minor unit, moved by the blur of its lead.
fn blurred(minor: i64, blur_bp: i64) -> i64 {
    let factor = i128::from(BP_WHOLE.saturating_add(blur_bp.clamp(BLUR_BP.saturating_neg(), BLUR_BP)));
    let moved = i128::from(minor).saturating_mul(factor).checked_div(i128::from(BP_WHOLE)).unwrap_or(0);
    i64::try_from(moved).unwrap_or(i64::MAX).max(1)
}

#[derive(Debug, Clone, Copy)]
enum Rounding {
    Down,
    Nearest,
    Up,
}

/// `minor` in two significant digits.
fn coarse(minor: i64, rounding: Rounding) -> i64 {
    let mut step: i64 = 1;
    while minor.checked_div(step).unwrap_or(0) >= 100 {
        step = step.saturating_mul(10);
    }
    let more = match rounding {
        Rounding::Down => 0,
        Rounding::Nearest => step.checked_div(2).unwrap_or(0),
        Rounding::Up => step.saturating_sub(1),
    };
    let raised = minor.saturating_add(more);
    raised.saturating_sub(raised.checked_rem(step).unwrap_or(0))
}

#[cfg(test)]
#[path = "preview_tests.rs"]
mod tests;
