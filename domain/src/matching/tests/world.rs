//! Random campaigns and leads over few values, so that they meet often, and the plain way to match them.

use std::collections::BTreeMap;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::super::classes::Budget;
use super::super::{Entry, Index, Lead, Scratch, Slot, StandingOffer};
use crate::campaign::{Facts, Field, Filter, Predicate, Scalar, Span, Test};
use crate::money::Currency;
use crate::vertical::VerticalPath;

pub(super) const VERTICALS: [&str; 4] = ["insurance", "insurance/auto", "insurance/auto/comprehensive", "insurance/automatic"];

/// From no row at all to the real one.
pub(super) const BUDGETS: [Budget; 6] = [
    Budget { numbers: 1, names: 0, buckets: 0, rows: 0 },
    Budget { numbers: 2, names: 1, buckets: 1, rows: 9 },
    Budget { numbers: 3, names: 2, buckets: 3, rows: 40 },
    Budget { numbers: 6, names: 4, buckets: 2, rows: 25 },
    Budget { numbers: 5, names: 3, buckets: 4, rows: 640 },
    Budget::STANDARD,
];

pub(super) fn path(at: usize) -> VerticalPath {
    VERTICALS[at % VERTICALS.len()].parse().unwrap()
}

pub(super) fn currency(other: bool) -> Currency {
    if other { "USD".parse().unwrap() } else { Currency::EUR }
}

pub(super) fn interests() -> Field {
    Field::Attribute("interests".to_owned())
}

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![
        Just(Field::Country),
        Just(Field::PostalCode),
        Just(Field::Score),
        Just(Field::Attribute("make".to_owned())),
        Just(interests()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    "[ab]{0,3}"
}

pub(super) fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        3 => text().prop_map(Scalar::Text),
        2 => (-4_i64..8).prop_map(Scalar::Number),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)].prop_map(Scalar::Number),
    ]
}

fn bound() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![2 => Just(None), 8 => (-4_i64..8).prop_map(Some), 1 => Just(Some(i64::MIN)), 1 => Just(Some(i64::MAX))]
}

fn test() -> impl Strategy<Value = Test> {
    let span = (bound(), bound()).prop_map(|(min, max)| Span { min, max });
    prop_oneof![
        4 => btree_set(scalar(), 0..5).prop_map(Test::OneOf),
        2 => btree_set(text(), 0..3).prop_map(Test::StartsWith),
        3 => vec(span, 0..3).prop_map(Test::Within),
        1 => Just(Test::Missing),
    ]
}

pub(super) fn filter() -> impl Strategy<Value = Filter> {
    let leaf = (field(), test()).prop_map(|(field, test)| Filter::Is(Predicate { field, test }));
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..4).prop_map(Filter::All),
            3 => vec(inner.clone(), 0..4).prop_map(Filter::Any),
            1 => inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

pub(super) fn facts() -> impl Strategy<Value = Facts> {
    let one = (field(), scalar());
    (vec(one, 0..6), vec(scalar(), 0..4)).prop_map(|(singles, many)| {
        let mut facts = Facts::default();
        singles.into_iter().for_each(|(field, value)| facts.set(field, value));
        facts.set_many(interests(), many);
        facts
    })
}

pub(super) fn offer() -> impl Strategy<Value = StandingOffer> {
    let amount = || prop_oneof![1 => Just(None), 6 => (0_i64..60).prop_map(Some), 1 => Just(Some(i64::MAX))];
    (amount(), amount(), prop_oneof![Just(10_000_i64), 1_i64..=10_000])
        .prop_map(|(shared_minor, exclusive_minor, weight_bp)| StandingOffer { shared_minor, exclusive_minor, weight_bp })
}

pub(super) fn entry() -> impl Strategy<Value = Entry> {
    (0..VERTICALS.len(), prop::bool::weighted(0.2), filter(), offer()).prop_map(|(at, other, filter, offer)| Entry {
        vertical: path(at),
        currency: currency(other),
        filter,
        offer,
    })
}

/// An index and the campaigns that it should hold.
pub(super) struct World {
    pub(super) index: Index,
    pub(super) campaigns: BTreeMap<Slot, (Entry, bool)>,
    scratch: Scratch,
}

impl World {
    pub(super) fn new(budget: Budget) -> Self {
        Self { index: Index::with_budget(budget), campaigns: BTreeMap::new(), scratch: Scratch::default() }
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        let slot = self.index.insert(&entry);
        assert!(self.campaigns.insert(slot, (entry, true)).is_none(), "a slot in use was given out");
    }

    pub(super) fn insert_all(&mut self, entries: Vec<Entry>) {
        let slots = self.index.insert_all(&entries);
        for (slot, entry) in slots.into_iter().zip(entries) {
            assert!(self.campaigns.insert(slot, (entry, true)).is_none(), "a slot in use was given out");
        }
    }

    /// The live campaign at `at`, counted round.
    pub(super) fn pick(&self, at: usize) -> Option<Slot> {
        self.campaigns.keys().nth(at.checked_rem(self.campaigns.len())?).copied()
    }

    pub(super) fn replace(&mut self, slot: Slot, entry: Entry) {
        let (_, open) = self.campaigns.remove(&slot).unwrap();
        let moved = self.index.replace(slot, &entry).unwrap();
        assert!(self.campaigns.insert(moved, (entry, open)).is_none(), "a slot in use was given out");
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        self.index.remove(slot);
        self.campaigns.remove(&slot).unwrap();
    }

    pub(super) fn set_open(&mut self, slot: Slot, open: bool) {
        self.index.set_open(slot, open);
        self.campaigns.get_mut(&slot).unwrap().1 = open;
    }

    /// Who meets the lead, by the plain evaluation.
    pub(super) fn plain(&self, vertical: &VerticalPath, currency: Currency, facts: &Facts) -> Vec<Slot> {
        let meets = |entry: &Entry| vertical.within(&entry.vertical) && currency == entry.currency && entry.filter.holds(facts);
        self.campaigns.iter().filter(|(_, (entry, open))| *open && meets(entry)).map(|(slot, _)| *slot).collect()
    }

    /// Compares the index with the plain evaluation; how many matched.
    pub(super) fn check(&mut self, vertical: &VerticalPath, currency: Currency, facts: &Facts) -> usize {
        let mut found = Vec::new();
        self.index.matches(Lead { vertical, currency, facts }, &mut self.scratch, |slot| found.push(slot));
        found.sort_unstable();
        assert_eq!(found, self.plain(vertical, currency, facts), "{vertical} {currency} {facts:?}");
        assert_eq!(self.index.len(), self.campaigns.len());
        found.len()
    }
}
