//! What a campaign says: its filter, its prices, its caps, its hours.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::ask::{Ask, filter_fit};
use super::caps::{Cap, Period};
use super::facts::Facts;
use super::filter::{Field, Filter};
use super::schedule::{DaySpan, Schedule};
use crate::money::{BP_WHOLE, Currency, Money};
use crate::refusal::{Code, Refusal};
use crate::vertical::Attribute;

/// Longest name, in characters.
pub const MAX_NAME: usize = 120;
/// Price rules of one campaign.
pub const MAX_RULES: usize = 32;
/// The heaviest weight among equal prices.
pub const MAX_TIE_WEIGHT: u32 = 1_000;
/// The longest duplicate window: ten years, in seconds.
pub const MAX_DUPLICATE_SECS: i64 = 3_650 * 86_400;
/// The largest count that a cap may name.
const MAX_COUNT: u32 = 100_000_000;

/// What is offered for a lead; at least one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// For a shared copy, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_minor: Option<i64>,
    /// For the exclusive sale, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusive_minor: Option<i64>,
}

/// An amount for those leads that pass a filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRule {
    /// For which leads.
    pub when: Filter,
    /// The same in the buyer's own words.
    pub asked: Ask,
    /// What is offered for them.
    pub amounts: Amounts,
}

/// The price: the first rule whose filter a lead passes, else `otherwise`, else nothing is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Tried in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<PriceRule>,
    /// For a lead that passes no rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Amounts>,
}

/// Where a campaign asks for a live bid on each ping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOut {
    /// An address of the buyer's, `https` unless the configuration allows others.
    pub url: String,
    /// How long it may take to answer, in milliseconds.
    pub deadline_millis: u32,
}

/// A campaign's terms, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Which leads.
    pub filter: Filter,
    /// The same in the buyer's own words; nothing where it takes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Ask>,
    /// What is offered for them.
    pub price: Price,
    /// The most that is bought; the throttle is a cap on a minute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// The buyer's clock, for caps and schedule.
    pub zone: Tz,
    /// When it buys.
    #[serde(default)]
    pub schedule: Schedule,
    /// It buys nobody whom its buyer has bought within so many seconds, refunded or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_window_secs: Option<i64>,
    /// After so many leads it pauses until the buyer resumes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_leads: Option<u32>,
    /// The share of the leads that match that it takes part in, in basis points.
    pub share_bp: i64,
    /// Among equal values the heavier goes first, 1..=1000.
    pub tie_weight: u32,
    /// After so many failed deliveries in a row it pauses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_after_failures: Option<u32>,
    /// Where it asks for a live bid; its own amounts are then the most that it pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_out: Option<CallOut>,
}

/// What a buyer offers, as handed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AmountsDraft {
    /// For a shared copy.
    pub shared: Option<Money>,
    /// For the exclusive sale.
    pub exclusive: Option<Money>,
}

/// A cap, as handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CapDraft {
    /// For how long.
    pub period: Period,
    /// Leads.
    pub leads: Option<u32>,
    /// Money.
    pub spend: Option<Money>,
}

/// Terms, as handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TermsDraft {
    /// Which leads; all of the vertical when absent.
    pub filter: Option<Ask>,
    /// Price rules, tried in order.
    pub rules: Vec<(Ask, AmountsDraft)>,
    /// The price of a lead that passes no rule.
    pub price: AmountsDraft,
    /// Caps.
    pub caps: Vec<CapDraft>,
    /// The most leads a minute.
    pub throttle_per_minute: Option<u32>,
    /// IANA name of the buyer's clock.
    pub zone: String,
    /// When it buys; always when empty.
    pub schedule: Vec<DaySpan>,
    /// See [`Terms::duplicate_window_secs`].
    pub duplicate_window_secs: Option<i64>,
    /// See [`Terms::trial_leads`].
    pub trial_leads: Option<u32>,
    /// See [`Terms::share_bp`].
    pub share_bp: i64,
    /// See [`Terms::tie_weight`].
    pub tie_weight: u32,
    /// See [`Terms::pause_after_failures`].
    pub pause_after_failures: Option<u32>,
    /// See [`Terms::call_out`].
    pub call_out: Option<CallOut>,
}

impl Price {
    /// What is offered for a lead; `None` when no rule is for it.
    #[must_use]
    pub fn of(&self, facts: &Facts) -> Option<Amounts> {
        let rule = self.rules.iter().find(|rule| rule.when.holds(facts));
        rule.map(|rule| rule.amounts).or(self.otherwise)
    }

    /// The most that is offered for any lead, side by side: a bound for those who look without the lead.
    #[must_use]
    pub fn most(&self) -> Amounts {
        let all = || self.rules.iter().map(|rule| rule.amounts).chain(self.otherwise);
        Amounts {
            shared_minor: all().filter_map(|amounts| amounts.shared_minor).max(),
            exclusive_minor: all().filter_map(|amounts| amounts.exclusive_minor).max(),
        }
    }

    /// Whether it is the same for every lead.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.rules.is_empty()
    }
}

impl Terms {
    /// Whether its filter, or that of a price rule, asks about `field`.
    #[must_use]
    pub fn asks(&self, field: &Field) -> bool {
        self.filter.asks(field) || self.price.rules.iter().any(|rule| rule.when.asks(field))
    }
}

impl Amounts {
    /// The larger of the two, in minor units; 0 of none.
    #[must_use]
    pub fn larger_minor(self) -> i64 {
        self.shared_minor.into_iter().chain(self.exclusive_minor).max().unwrap_or(0)
    }
}

/// The terms that `draft` makes, in `currency`, for verticals with the filterable attributes `schemas`; or every refusal with its
/// place.
pub fn terms(draft: &TermsDraft, currency: Currency, schemas: &[Attribute]) -> Result<Terms, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut keep = |found: Vec<Refusal>| refusals.extend(found);
    let filter = match &draft.filter {
        None => Some(Filter::everything()),
        Some(ask) => possible(ask, schemas).map_err(|found| keep(within("filter", found))).ok(),
    };
    let price = price(draft, currency, schemas).map_err(&mut keep).ok();
    let caps = caps(draft, currency).map_err(&mut keep).ok();
    let schedule = Schedule::new(draft.schedule.clone()).map_err(|refusal| keep(vec![refusal.at("schedule")])).ok();
    let zone = draft.zone.parse::<Tz>().map_err(|_| keep(vec![unknown_zone()])).ok();
    keep(bounds(draft));
    match (filter, price, caps, schedule, zone) {
        (Some(filter), Some(price), Some(caps), Some(schedule), Some(zone)) if refusals.is_empty() => Ok(Terms {
            filter,
            asked: draft.filter.clone(),
            price,
            caps,
            zone,
            schedule,
            duplicate_window_secs: draft.duplicate_window_secs,
            trial_leads: draft.trial_leads,
            share_bp: draft.share_bp,
            tie_weight: draft.tie_weight,
            pause_after_failures: draft.pause_after_failures,
            call_out: draft.call_out.clone(),
        }),
        _ => Err(refusals),
    }
}

/// The filter, if some lead can pass it.
pub fn possible(ask: &Ask, schemas: &[Attribute]) -> Result<Filter, Vec<Refusal>> {
    let filter = filter_fit(ask, schemas)?;
    match filter.never_holds() {
        None => Ok(filter),
        Some(path) => {
            let refusal = Refusal::new(Code::Invalid, "no lead can ever pass this");
            Err(vec![ask.place(&path).into_iter().rev().fold(refusal, |refusal, segment| refusal.at(segment))])
        }
    }
}

fn price(draft: &TermsDraft, currency: Currency, schemas: &[Attribute]) -> Result<Price, Vec<Refusal>> {
    let mut refusals = Vec::new();
    if draft.rules.len() > MAX_RULES {
        return Err(vec![Refusal::new(Code::TooLarge, format!("at most {MAX_RULES} rules")).at("priceRules")]);
    }
    let mut rules = Vec::with_capacity(draft.rules.len());
    for (index, (asked, amounts)) in draft.rules.iter().enumerate() {
        let when = possible(asked, schemas).map_err(|found| within("when", found));
        let offered = offered(*amounts, currency).map_err(|found| within("price", found));
        match (when, offered) {
            (Ok(when), Ok(Some(amounts))) => rules.push(PriceRule { when, asked: asked.clone(), amounts }),
            (when, offered) => {
                let none = matches!(offered, Ok(None)).then(|| Refusal::new(Code::Required, NO_AMOUNT).at("price"));
                let found = when.err().into_iter().flatten().chain(offered.err().into_iter().flatten()).chain(none);
                refusals.extend(found.map(|refusal| refusal.at(index).at("priceRules")));
            }
        }
    }
    let otherwise = offered(draft.price, currency).map_err(|found| refusals.extend(within("price", found))).ok().flatten();
    if otherwise.is_none() && draft.rules.is_empty() && refusals.is_empty() {
        refusals.push(Refusal::new(Code::Required, NO_AMOUNT).at("price"));
    }
    if refusals.is_empty() { Ok(Price { rules, otherwise }) } else { Err(refusals) }
}

const NO_AMOUNT: &str = "set at least one of: shared, exclusive";

fn offered(draft: AmountsDraft, currency: Currency) -> Result<Option<Amounts>, Vec<Refusal>> {
    let side = |field: &str, money: Option<Money>| match money {
        Some(money) if money.currency != currency => Some(foreign(currency).at(field)),
        Some(money) if money.minor < 1 => Some(Refusal::invalid(field, "the amount is at least one minor unit")),
        _ => None,
    };
    let refusals: Vec<Refusal> = side("shared", draft.shared).into_iter().chain(side("exclusive", draft.exclusive)).collect();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let [shared_minor, exclusive_minor] = [draft.shared, draft.exclusive].map(|money| money.map(|money| money.minor));
    let some = shared_minor.is_some() || exclusive_minor.is_some();
    Ok(some.then_some(Amounts { shared_minor, exclusive_minor }))
}

fn caps(draft: &TermsDraft, currency: Currency) -> Result<Vec<Cap>, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut caps: Vec<Cap> = Vec::new();
    for (index, cap) in draft.caps.iter().enumerate() {
        let refusal = if caps.iter().any(|before| before.period == cap.period) {
            Refusal::new(Code::Taken, "one cap for each period").at("period")
        } else if cap.leads.is_none() && cap.spend.is_none() {
            Refusal::new(Code::Required, "set at least one of: leads, spend")
        } else if cap.leads.is_some_and(|leads| !(1..=MAX_COUNT).contains(&leads)) {
            Refusal::invalid("leads", format!("1 to {MAX_COUNT}"))
        } else if cap.spend.is_some_and(|spend| spend.currency != currency) {
            foreign(currency).at("spend")
        } else if cap.spend.is_some_and(|spend| spend.minor < 1) {
            Refusal::invalid("spend", "the amount is at least one minor unit")
        } else {
            caps.push(Cap { period: cap.period, leads: cap.leads, spend_minor: cap.spend.map(|spend| spend.minor) });
            continue;
        };
        refusals.push(refusal.at(index).at("caps"));
    }
    match draft.throttle_per_minute {
        Some(leads) if !(1..=MAX_COUNT).contains(&leads) => {
            refusals.push(Refusal::invalid("throttlePerMinute", format!("1 to {MAX_COUNT}")));
        }
        Some(_) if caps.iter().any(|cap| cap.period == Period::Minute) => {
            refusals.push(Refusal::new(Code::Taken, "there is a cap on a minute already").at("throttlePerMinute"));
        }
        Some(leads) => caps.push(Cap { period: Period::Minute, leads: Some(leads), spend_minor: None }),
        None => {}
    }
    if refusals.is_empty() { Ok(caps) } else { Err(refusals) }
}

fn bounds(draft: &TermsDraft) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut bound = |field: &str, value: Option<i64>, most: i64| {
        if value.is_some_and(|value| !(1..=most).contains(&value)) {
            refusals.push(Refusal::invalid(field, format!("1 to {most}")));
        }
    };
    bound("duplicateWindowSecs", draft.duplicate_window_secs, MAX_DUPLICATE_SECS);
    bound("trialLeads", draft.trial_leads.map(i64::from), i64::from(MAX_COUNT));
    bound("shareBp", Some(draft.share_bp), BP_WHOLE);
    bound("tieWeight", Some(i64::from(draft.tie_weight)), i64::from(MAX_TIE_WEIGHT));
    bound("pauseAfterFailures", draft.pause_after_failures.map(i64::from), 1_000);
    refusals
}

fn foreign(currency: Currency) -> Refusal {
    Refusal::new(Code::CurrencyMismatch, format!("the campaign is in {currency}"))
}

fn unknown_zone() -> Refusal {
    Refusal::invalid("timeZone", "a name of the IANA time zone database, such as `Europe/Berlin`")
}

fn within(field: &str, refusals: Vec<Refusal>) -> Vec<Refusal> {
    refusals.into_iter().map(|refusal| refusal.at(field)).collect()
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
