//! Sale formats and their amounts.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ListingLimits;
use crate::access::{UnknownText, text_enum};
use crate::clearing::{Auction, Pricing, SaleKind};
use crate::money::{Currency, Money};
use crate::refusal::{Code, Refusal};
use crate::time::{Timestamp, plus_secs, secs_until};

const MAX_INTERVAL_SECS: i64 = 7 * 86_400;

text_enum! {
    /// How a lead is sold.
    SaleFormat {
        /// At a fixed cost per lead.
        Fixed = "FIXED",
        /// To the best sealed bids at the closing time.
        Auction = "AUCTION",
        /// At a price that falls until somebody takes it.
        Dutch = "DUTCH",
    }
}

/// The amounts of a listing, in minor units of its currency. The JSON form is what the database keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Terms {
    /// A price per kind of sale that is offered.
    Fixed {
        /// The price of a shared copy.
        shared_minor: Option<i64>,
        /// The price of the exclusive sale.
        exclusive_minor: Option<i64>,
    },
    /// A reserve per kind of sale that is offered.
    Auction {
        /// What a winner pays.
        pricing: Pricing,
        /// The least amount for a shared copy.
        shared_reserve_minor: Option<i64>,
        /// The least amount for the exclusive sale.
        exclusive_reserve_minor: Option<i64>,
        /// The price at which the exclusive sale ends the auction at once.
        buy_now_minor: Option<i64>,
    },
    /// A falling price.
    Dutch {
        /// What is sold.
        kind: SaleKind,
        /// The price at the opening.
        start_minor: i64,
        /// The price below which it does not fall.
        floor_minor: i64,
        /// By how much it falls.
        step_minor: i64,
        /// How often it falls.
        interval_secs: i64,
    },
}

/// What a seller asks for, before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermsDraft {
    /// See [`Terms::Fixed`].
    Fixed(FixedDraft),
    /// See [`Terms::Auction`].
    Auction(AuctionDraft),
    /// See [`Terms::Dutch`].
    Dutch(DutchDraft),
}

/// A fixed cost per lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedDraft {
    /// The price of a shared copy.
    pub shared_price: Option<Money>,
    /// The price of the exclusive sale.
    pub exclusive_price: Option<Money>,
}

/// A sealed auction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuctionDraft {
    /// What a winner pays.
    pub pricing: Pricing,
    /// The least amount for a shared copy.
    pub shared_reserve: Option<Money>,
    /// The least amount for the exclusive sale.
    pub exclusive_reserve: Option<Money>,
    /// The price at which the exclusive sale ends the auction at once.
    pub buy_now: Option<Money>,
}

/// A falling price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutchDraft {
    /// The price at the opening.
    pub start: Money,
    /// The price below which it does not fall.
    pub floor: Money,
    /// By how much it falls.
    pub step: Money,
    /// How often it falls, in seconds.
    pub interval_secs: i64,
}

impl Terms {
    /// The format.
    #[must_use]
    pub const fn format(&self) -> SaleFormat {
        match self {
            Self::Fixed { .. } => SaleFormat::Fixed,
            Self::Auction { .. } => SaleFormat::Auction,
            Self::Dutch { .. } => SaleFormat::Dutch,
        }
    }

    /// Whether this kind of sale is offered at all.
    #[must_use]
    pub fn offers(&self, kind: SaleKind) -> bool {
        match (self, kind) {
            (Self::Fixed { shared_minor: offered, .. }, SaleKind::Shared)
            | (Self::Fixed { exclusive_minor: offered, .. }, SaleKind::Exclusive)
            | (Self::Auction { shared_reserve_minor: offered, .. }, SaleKind::Shared)
            | (Self::Auction { exclusive_reserve_minor: offered, .. }, SaleKind::Exclusive) => offered.is_some(),
            (Self::Dutch { kind: sold, .. }, kind) => *sold == kind,
        }
    }

    /// What an immediate purchase costs at `now`, in minor units; `None` when the terms offer none of this kind.
    #[must_use]
    pub fn price_at(&self, kind: SaleKind, opens_at: Timestamp, now: Timestamp) -> Option<i64> {
        match *self {
            Self::Fixed { shared_minor, exclusive_minor } => match kind {
                SaleKind::Shared => shared_minor,
                SaleKind::Exclusive => exclusive_minor,
            },
            Self::Auction { buy_now_minor, .. } => buy_now_minor.filter(|_| kind == SaleKind::Exclusive),
            Self::Dutch { kind: sold, start_minor, floor_minor, step_minor, interval_secs } => {
                let steps = secs_until(opens_at, now).checked_div(interval_secs).unwrap_or(0);
                let price = start_minor.saturating_sub(step_minor.saturating_mul(steps)).max(floor_minor);
                (sold == kind).then_some(price)
            }
        }
    }

    /// The first instant at which a price that falls from `opens_at` on is at most `amount_minor`; `None` when it never is, or
    /// does not fall.
    #[must_use]
    pub fn reaches_at(&self, amount_minor: i64, opens_at: Timestamp) -> Option<Timestamp> {
        let Self::Dutch { start_minor, floor_minor, step_minor, interval_secs, .. } = *self else { return None };
        if amount_minor < floor_minor {
            return None;
        }
        let above = start_minor.saturating_sub(amount_minor).max(0);
        let steps = above.saturating_add(step_minor.saturating_sub(1)).checked_div(step_minor)?;
        Some(plus_secs(opens_at, steps.saturating_mul(interval_secs)))
    }

    /// What the clearing of `max_sales` copies must know; `None` when these terms are no auction's.
    #[must_use]
    pub const fn auction(&self, max_sales: u8) -> Option<Auction> {
        match *self {
            Self::Auction { pricing, shared_reserve_minor, exclusive_reserve_minor, .. } => {
                Some(Auction { pricing, max_sales, shared_reserve_minor, exclusive_reserve_minor })
            }
            Self::Fixed { .. } | Self::Dutch { .. } => None,
        }
    }

    /// The same terms as a draft, to list again; without the exclusive sale when shared copies are sold.
    #[must_use]
    pub fn draft(&self, currency: Currency, partly_sold: bool) -> TermsDraft {
        let money = |minor| Money::new(minor, currency);
        let exclusive = |minor: Option<i64>| minor.filter(|_| !partly_sold).map(money);
        match *self {
            Self::Fixed { shared_minor, exclusive_minor } => TermsDraft::Fixed(FixedDraft {
                shared_price: shared_minor.map(money),
                exclusive_price: exclusive(exclusive_minor),
            }),
            Self::Auction { pricing, shared_reserve_minor, exclusive_reserve_minor, buy_now_minor } => {
                TermsDraft::Auction(AuctionDraft {
                    pricing,
                    shared_reserve: shared_reserve_minor.map(money),
                    exclusive_reserve: exclusive(exclusive_reserve_minor),
                    buy_now: exclusive(buy_now_minor),
                })
            }
            Self::Dutch { start_minor, floor_minor, step_minor, interval_secs, .. } => TermsDraft::Dutch(DutchDraft {
                start: money(start_minor),
                floor: money(floor_minor),
                step: money(step_minor),
                interval_secs,
            }),
        }
    }

    /// The least amount for which a copy may go at the opening, in minor units: the figure to browse and sort by.
    #[must_use]
    pub fn least_minor(&self) -> i64 {
        let least = match *self {
            Self::Fixed { shared_minor: shared, exclusive_minor: exclusive }
            | Self::Auction { shared_reserve_minor: shared, exclusive_reserve_minor: exclusive, .. } => {
                shared.into_iter().chain(exclusive).min()
            }
            Self::Dutch { start_minor, .. } => Some(start_minor),
        };
        least.unwrap_or(0)
    }
}

/// Checks a draft for `max_sales` copies (`None`: that number is itself refused); `partly_sold` when shared copies of the lead were sold before, which rules out
/// the exclusive sale. The first amount names the currency.
pub(super) fn checked(
    draft: &TermsDraft,
    max_sales: Option<u8>,
    partly_sold: bool,
    limits: &ListingLimits,
) -> Result<(Terms, Currency), Vec<Refusal>> {
    let (field, broken) = match draft {
        TermsDraft::Fixed(fixed) => ("fixed", fixed_checked(fixed, max_sales, partly_sold)),
        TermsDraft::Auction(auction) => ("auction", auction_checked(auction, max_sales, partly_sold)),
        TermsDraft::Dutch(dutch) => {
            ("dutch", dutch_checked(dutch, max_sales.is_some_and(|most| most > 1) || partly_sold, limits))
        }
    };
    broken.map_err(|refusals| refusals.into_iter().map(|refusal| refusal.at(field)).collect())
}

fn fixed_checked(draft: &FixedDraft, max_sales: Option<u8>, partly_sold: bool) -> Result<(Terms, Currency), Vec<Refusal>> {
    let amounts = [("sharedPrice", draft.shared_price), ("exclusivePrice", draft.exclusive_price)];
    let currency = one_currency(&amounts)?;
    kinds(amounts, max_sales, partly_sold)?;
    let shared_minor = draft.shared_price.map(|m| m.minor);
    Ok((Terms::Fixed { shared_minor, exclusive_minor: draft.exclusive_price.map(|m| m.minor) }, currency))
}

fn auction_checked(draft: &AuctionDraft, max_sales: Option<u8>, partly_sold: bool) -> Result<(Terms, Currency), Vec<Refusal>> {
    let reserves = [("sharedReserve", draft.shared_reserve), ("exclusiveReserve", draft.exclusive_reserve)];
    let [shared, exclusive] = reserves;
    let currency = one_currency(&[shared, exclusive, ("buyNow", draft.buy_now)])?;
    kinds(reserves, max_sales, partly_sold)?;
    match (draft.buy_now, draft.exclusive_reserve) {
        (Some(_), None) => Err(Refusal::invalid("buyNow", "buy-now is an exclusive sale: set `exclusiveReserve` too"))?,
        (Some(now), Some(reserve)) if now.minor < reserve.minor => {
            Err(Refusal::invalid("buyNow", "the buy-now price is below the exclusive reserve"))?;
        }
        _ => {}
    }
    let terms = Terms::Auction {
        pricing: draft.pricing,
        shared_reserve_minor: draft.shared_reserve.map(|m| m.minor),
        exclusive_reserve_minor: draft.exclusive_reserve.map(|m| m.minor),
        buy_now_minor: draft.buy_now.map(|m| m.minor),
    };
    Ok((terms, currency))
}

fn dutch_checked(draft: &DutchDraft, shared: bool, limits: &ListingLimits) -> Result<(Terms, Currency), Vec<Refusal>> {
    let amounts = [("start", Some(draft.start)), ("floor", Some(draft.floor)), ("step", Some(draft.step))];
    let currency = one_currency(&amounts)?;
    let mut refusals = Vec::new();
    if draft.floor.minor >= draft.start.minor {
        refusals.push(Refusal::invalid("floor", "the floor is below the start"));
    } else if draft.step.minor > draft.start.minor.saturating_sub(draft.floor.minor) {
        refusals.push(Refusal::invalid("step", "the step is at most the way from the start to the floor"));
    }
    let intervals = limits.min_interval_secs.max(1)..=MAX_INTERVAL_SECS;
    if !intervals.contains(&draft.interval_secs) {
        let message = format!("the price falls every {} to {MAX_INTERVAL_SECS} seconds", intervals.start());
        refusals.push(Refusal::invalid("intervalSecs", message));
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let terms = Terms::Dutch {
        kind: if shared { SaleKind::Shared } else { SaleKind::Exclusive },
        start_minor: draft.start.minor,
        floor_minor: draft.floor.minor,
        step_minor: draft.step.minor,
        interval_secs: draft.interval_secs,
    };
    Ok((terms, currency))
}

/// The currency that every given amount has; each amount must be positive.
fn one_currency(amounts: &[(&str, Option<Money>)]) -> Result<Currency, Vec<Refusal>> {
    let given = || amounts.iter().filter_map(|&(field, amount)| Some((field, amount?)));
    let Some((_, first)) = given().next() else {
        let fields: Vec<&str> = amounts.iter().map(|&(field, _)| field).collect();
        return Err(vec![Refusal::new(Code::Required, format!("set at least one of: {}", fields.join(", ")))]);
    };
    let broken = |(field, amount): (&str, Money)| {
        if amount.currency != first.currency {
            Some(Refusal::new(Code::CurrencyMismatch, "a listing has one currency").at(field))
        } else if amount.minor < 1 {
            Some(Refusal::invalid(field, "the amount is at least one minor unit"))
        } else {
            None
        }
    };
    let refusals: Vec<Refusal> = given().filter_map(broken).collect();
    if refusals.is_empty() { Ok(first.currency) } else { Err(refusals) }
}

/// The shared and the exclusive amount must fit the number of copies.
fn kinds(
    [(shared_field, shared), (exclusive_field, exclusive)]: [(&str, Option<Money>); 2],
    max_sales: Option<u8>,
    partly_sold: bool,
) -> Result<(), Vec<Refusal>> {
    let refusal = if partly_sold && exclusive.is_some() {
        Refusal::new(Code::SoldOut, "shared copies of this lead are sold: it cannot be exclusive").at(exclusive_field)
    } else if shared.is_some() && max_sales == Some(1) && !partly_sold {
        Refusal::invalid(shared_field, "with `maxSales` 1 the only sale is the exclusive one")
    } else if shared.is_none() && (max_sales.is_some_and(|most| most > 1) || partly_sold) {
        Refusal::required(shared_field)
    } else {
        return Ok(());
    };
    Err(vec![refusal])
}
