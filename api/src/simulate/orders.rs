//! What the advertisers order: campaigns with all kinds of filters, prices, caps, hours, trials and shares.

use std::collections::BTreeSet;

use domain::campaign::{
    AmountsDraft, Ask, AttributeAsk, CapDraft, DaySpan, Field, Period, Predicate, Scalar, TermsDraft, Test, Weekday,
};
use domain::lead::{AgeBand, IncomeBand};
use domain::money::{Currency, Money};
use domain::vertical::{Attribute, AttributeKind};

use super::goods::{Kind, cities, countries, languages, level, postal_prefixes, some_of, sources, words};
use crate::app::campaigns::CampaignDraft;
use crate::demo::dice::Dice;

/// Of 1,000 campaigns so many take every lead of their vertical, at a low price.
const BROAD_PER_MILLE: u32 = 80;
/// Of 1,000 campaigns so many nest OR and NOT.
const NESTED_PER_MILLE: u32 = 200;
/// Of 1,000 campaigns so many are for a whole branch of the tree.
const BRANCH_PER_MILLE: u32 = 100;

const ZONES: &[&str] = &["Europe/Lisbon", "Europe/Berlin", "Europe/Oslo", "America/New_York", "Australia/Melbourne"];

const WEEK: &[Weekday] = &[
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// The campaign of one of `kinds` that chance makes.
pub(super) fn order(kinds: &[Kind], number: u64, dice: &mut Dice) -> Option<CampaignDraft> {
    let places: Vec<usize> = (0..kinds.len()).collect();
    let kind = kinds.get(dice.pick(&places)?)?;
    let branch = dice.chance(BRANCH_PER_MILLE);
    let vertical = if branch { kind.path.split('/').next()?.to_owned() } else { kind.path.clone() };
    let attributes: &[Attribute] = if branch { &[] } else { &kind.attributes };
    let terms = TermsDraft {
        caps: caps(dice),
        throttle_per_minute: dice.chance(150).then(|| dice.between(1, 12)),
        zone: dice.pick(ZONES)?.to_owned(),
        schedule: if dice.chance(150) { hours(dice) } else { Vec::new() },
        duplicate_window_secs: dice.chance(200).then_some(90 * 86_400),
        trial_leads: dice.chance(100).then(|| dice.between(3, 20)),
        ..wishes(attributes, dice)
    };
    Some(CampaignDraft { name: format!("Order {number}"), vertical, currency: Currency::EUR, terms, destinations: None })
}

/// The same campaign with another filter and another price. Its caps and its trial stay, so that every period can be counted
/// again at the end.
pub(super) fn reordered(kinds: &[Kind], before: &CampaignDraft, dice: &mut Dice) -> CampaignDraft {
    let kind = kinds.iter().find(|kind| kind.path == before.vertical);
    let TermsDraft { filter, rules, price, share_bp, tie_weight, .. } =
        wishes(kind.map_or(&[], |kind| kind.attributes.as_slice()), dice);
    let terms = TermsDraft { filter, rules, price, share_bp, tie_weight, ..before.terms.clone() };
    CampaignDraft { terms, ..before.clone() }
}

/// Filter, price, share and weight; nothing that limits.
fn wishes(attributes: &[Attribute], dice: &mut Dice) -> TermsDraft {
    let broad = dice.chance(BROAD_PER_MILLE);
    let exclusive = if broad { dice.between(300, 900) } else { dice.between(500, 4_000) };
    let leaves = conditions(attributes, dice);
    let rules = match leaves.last() {
        Some(last) if dice.chance(150) => vec![(last.clone(), price(exclusive + exclusive / 2, dice))],
        _ => Vec::new(),
    };
    TermsDraft {
        filter: (!broad).then(|| nested(leaves, dice)),
        rules,
        price: price(exclusive, dice),
        caps: Vec::new(),
        throttle_per_minute: None,
        zone: String::new(),
        schedule: Vec::new(),
        duplicate_window_secs: None,
        trial_leads: None,
        share_bp: if dice.chance(150) { i64::from(dice.between(2_000, 9_000)) } else { 10_000 },
        tie_weight: dice.between(1, 6),
        pause_after_failures: None,
        call_out: None,
    }
}

fn euros(minor: u32) -> Option<Money> {
    Some(Money::new(minor.max(1).into(), Currency::EUR))
}

fn price(exclusive: u32, dice: &mut Dice) -> AmountsDraft {
    let shared = euros(exclusive * 2 / 5);
    match dice.below(10) {
        0 => AmountsDraft { shared, exclusive: None },
        1..=2 => AmountsDraft { shared: None, exclusive: euros(exclusive) },
        _ => AmountsDraft { shared, exclusive: euros(exclusive) },
    }
}

fn caps(dice: &mut Dice) -> Vec<CapDraft> {
    let mut caps = Vec::new();
    let mut cap = |period, leads, spend| caps.push(CapDraft { period, leads, spend });
    if dice.chance(100) {
        cap(Period::Hour, Some(dice.between(3, 40)), None);
    }
    if dice.chance(300) {
        cap(Period::Day, Some(dice.between(10, 200)), None);
    }
    if dice.chance(100) {
        cap(Period::Week, None, euros(dice.between(5_000, 100_000)));
    }
    if dice.chance(200) {
        cap(Period::Total, Some(dice.between(5, 500)), euros(dice.between(2_000, 200_000)));
    }
    caps
}

fn hours(dice: &mut Dice) -> Vec<DaySpan> {
    let span = |day: &Weekday| {
        let from_minute = u16::try_from(dice.below(12) * 60).unwrap_or(0);
        DaySpan { day: *day, from_minute, until_minute: from_minute + 720 }
    };
    WEEK.iter().map(span).collect()
}

/// Three to six conditions, each of another field.
fn conditions(attributes: &[Attribute], dice: &mut Dice) -> Vec<Ask> {
    let mut asks = core(dice);
    asks.extend(attributes.iter().filter(|attribute| attribute.filterable).filter_map(|attribute| condition(attribute, dice)));
    dice.shuffle(&mut asks);
    asks.truncate(usize::try_from(dice.between(2, 6)).unwrap_or(2));
    // A buyer serves a few countries, which alone leaves most leads out.
    asks.insert(0, one_of(Field::Country, &some_of(&countries(), 4, dice)));
    asks
}

fn core(dice: &mut Dice) -> Vec<Ask> {
    let words = |values: BTreeSet<&str>| Some(values.into_iter().map(str::to_owned).collect());
    let ages: Vec<&str> = AgeBand::ALL.iter().skip(1).map(|band| band.as_str()).collect();
    let incomes: Vec<&str> = IncomeBand::ALL.iter().map(|band| band.as_str()).collect();
    let attribute = |key: &str, one_of| Ask::Attribute(AttributeAsk { key: key.to_owned(), one_of, ..AttributeAsk::default() });
    let mut asks = vec![
        attribute("age_band", words(some_of(&ages, 5, dice))),
        attribute("income_band", words(some_of(&incomes, 5, dice))),
        attribute("language", words(some_of(languages(), 4, dice))),
    ];
    let source: Vec<&str> = sources().iter().map(|source| source.as_str()).collect();
    asks.push(one_of(Field::Source, &some_of(&source, 5, dice)));
    if dice.chance(200) {
        asks.push(one_of(Field::City, &some_of(&cities(), 6, dice)));
    }
    if dice.chance(100) {
        let prefixes = some_of(&postal_prefixes(), 6, dice).into_iter().map(str::to_owned).collect();
        asks.push(Ask::Is(Predicate { field: Field::PostalCode, test: Test::StartsWith(prefixes) }));
    }
    asks
}

fn one_of(field: Field, values: &BTreeSet<&str>) -> Ask {
    let values = values.iter().map(|value| Scalar::Text((*value).to_owned())).collect();
    Ask::Is(Predicate { field, test: Test::OneOf(values) })
}

fn condition(attribute: &Attribute, dice: &mut Dice) -> Option<Ask> {
    let mut ask = AttributeAsk { key: attribute.key.clone(), ..AttributeAsk::default() };
    if !attribute.required && dice.chance(100) {
        ask.missing = Some(dice.chance(300));
        return Some(Ask::Attribute(ask));
    }
    match attribute.kind {
        AttributeKind::Bool => ask.equals = Some(dice.chance(500).to_string()),
        AttributeKind::Int => {
            let from = dice.below(6);
            ask.min = Some(level(attribute, from).to_string());
            ask.max = dice.chance(500).then(|| level(attribute, from + 3).to_string());
        }
        AttributeKind::Enum => {
            let values: Vec<&str> = attribute.values.iter().map(|listed| listed.value.as_str()).collect();
            let most = u32::try_from(values.len()).unwrap_or(1);
            ask.one_of = Some(some_of(&values, most, dice).into_iter().map(str::to_owned).collect());
        }
        AttributeKind::Text => ask.one_of = Some(some_of(words(), 5, dice).into_iter().map(str::to_owned).collect()),
        AttributeKind::Date => return None,
    }
    Some(Ask::Attribute(ask))
}

/// All of them, or, for some, a nest of OR and NOT.
fn nested(mut leaves: Vec<Ask>, dice: &mut Dice) -> Ask {
    if leaves.len() < 4 || !dice.chance(NESTED_PER_MILLE) {
        return Ask::All(leaves);
    }
    let rest = leaves.split_off(1);
    let mut parts = rest.into_iter();
    let (first, second) = (parts.next(), parts.next());
    let not = parts.next().map(|part| Ask::Not(Box::new(part)));
    let either = Ask::Any(second.into_iter().chain(not).collect());
    leaves.push(Ask::Any(first.into_iter().chain([Ask::All(parts.chain([either]).collect())]).collect()));
    Ask::All(leaves)
}

#[cfg(test)]
mod tests {
    use domain::campaign::terms;
    use domain::vertical::starter_set;

    use super::super::goods::kinds;
    use super::*;

    #[test]
    fn every_order_is_accepted_and_orders_differ() {
        let kinds = kinds(1_000_000).unwrap();
        let set = starter_set().unwrap();
        let mut nested = 0;
        for number in 0..2_000 {
            let mut dice = Dice::of(3, "order", number);
            let draft = order(&kinds, number, &mut dice).unwrap();
            let below = set.iter().filter(|vertical| vertical.path.as_str().starts_with(&draft.vertical));
            let schemas: Vec<Attribute> = below
                .flat_map(|vertical| vertical.definition.attributes.clone())
                .filter(|attribute| attribute.filterable)
                .collect();
            let fitted = terms(&draft.terms, draft.currency, &schemas);
            assert!(fitted.is_ok(), "{draft:?}: {fitted:?}");
            let again = reordered(&kinds, &draft, &mut dice);
            assert!(terms(&again.terms, draft.currency, &schemas).is_ok(), "{again:?}");
            assert_eq!((again.terms.caps, again.terms.trial_leads), (draft.terms.caps, draft.terms.trial_leads));
            nested += u32::from(format!("{:?}", draft.terms.filter).contains("Not"));
        }
        assert!((100..600).contains(&nested), "{nested}");
    }
}
