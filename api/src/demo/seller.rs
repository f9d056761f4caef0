//! How the agencies sell and how they quarrel.

use chrono::TimeDelta;
use domain::clearing::Pricing;
use domain::listing::{AuctionDraft, DutchDraft, FixedDraft, ListingDraft, TermsDraft};
use domain::money::{Currency, Money};

use super::dice::Dice;

/// How long a listing at a fixed price, and a Dutch one, is open.
const OPEN_SECS: i64 = 2 * 86_400;

/// How long an auction is open: from the morning's listing to the evening.
const AUCTION_SECS: i64 = 9 * 3_600;

/// What an agency knows of a lead that it lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stock {
    /// The score, 0 to 100.
    pub(crate) score: i64,
    /// Average yearly balance, in EUR.
    pub(crate) balance: i64,
    /// Whether the person asked long ago.
    pub(crate) aged: bool,
}

/// The terms under which an agency lists a lead: aged ones fall in price, the wealthy go to sealed bids, the others
/// partly at a CPL and partly to bids for shared copies.
pub(crate) fn terms(stock: Stock, dice: &mut Dice) -> ListingDraft {
    let eur = |minor: i64| Money::new(minor.max(100), Currency::EUR);
    let cpl = stock.score.saturating_mul(20).saturating_add(800);
    if stock.aged {
        let dutch = DutchDraft { start: eur(cpl), floor: eur(cpl / 4), step: eur((cpl / 12).max(100)), interval_secs: 3_600 };
        return ListingDraft { terms: TermsDraft::Dutch(dutch), max_sales: 1, open_secs: Some(OPEN_SECS) };
    }
    if stock.balance >= 1_500 || dice.chance(350) {
        let pricing = if dice.chance(200) { Pricing::FirstPrice } else { Pricing::SecondPrice };
        let shared = dice.chance(600);
        let auction = AuctionDraft {
            pricing,
            shared_reserve: shared.then(|| eur(cpl / 3)),
            exclusive_reserve: Some(eur(cpl)),
            buy_now: None,
        };
        let max_sales = if shared { 3 } else { 1 };
        return ListingDraft { terms: TermsDraft::Auction(auction), max_sales, open_secs: Some(AUCTION_SECS) };
    }
    let fixed = FixedDraft { shared_price: Some(eur(cpl)), exclusive_price: Some(eur(cpl.saturating_mul(5) / 2)) };
    ListingDraft { terms: TermsDraft::Fixed(fixed), max_sales: 2, open_secs: Some(OPEN_SECS) }
}

/// How a seller meets a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Agrees: the money goes back.
    Accept,
    /// Shows its consent record and asks for a ruling.
    Contest,
    /// Lets the deadline pass.
    Silence,
}

/// The seller's answer: it mostly knows its own forms, so it contests more often what is good.
pub(crate) fn answer(lead_is_good: bool, dice: &mut Dice) -> Answer {
    let (accept, contest) = if lead_is_good { (100, 800) } else { (500, 250) };
    match dice.below(1_000) {
        roll if roll < accept => Answer::Accept,
        roll if roll < accept + contest => Answer::Contest,
        _ => Answer::Silence,
    }
}

/// The time between a dispute and the seller's look at it.
pub(crate) fn answer_after(dice: &mut Dice) -> TimeDelta {
    TimeDelta::hours(i64::from(dice.between(2, 40)))
}
