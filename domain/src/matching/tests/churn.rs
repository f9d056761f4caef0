//! Campaigns that come, change and go while leads are matched.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::block::PLACES;
use super::super::classes::Budget;
use super::super::{Entry, StandingOffer};
use super::world::{BUDGETS, World, currency, entry, facts, interests, path};
use crate::campaign::{Facts, Field, Filter, Predicate, Scalar, Span, Test};

#[derive(Debug, Clone)]
enum Step {
    Insert(Box<Entry>),
    InsertAll(Vec<Entry>),
    Replace(usize, Box<Entry>),
    Remove(usize),
    Open(usize, bool),
    Lead(usize, bool, Facts),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => entry().prop_map(|entry| Step::Insert(Box::new(entry))),
        1 => vec(entry(), 0..6).prop_map(Step::InsertAll),
        1 => (any::<usize>(), entry()).prop_map(|(at, entry)| Step::Replace(at, Box::new(entry))),
        1 => any::<usize>().prop_map(Step::Remove),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(at, open)| Step::Open(at, open)),
        6 => (0_usize..4, prop::bool::weighted(0.2), facts()).prop_map(|(at, other, facts)| Step::Lead(at, other, facts)),
    ]
}

fn run(budget: Budget, steps: Vec<Step>) {
    let mut world = World::new(budget);
    for step in steps {
        match step {
            Step::Insert(entry) => world.insert(*entry),
            Step::InsertAll(entries) => world.insert_all(entries),
            Step::Replace(at, entry) => _ = world.pick(at).map(|slot| world.replace(slot, *entry)),
            Step::Remove(at) => _ = world.pick(at).map(|slot| world.remove(slot)),
            Step::Open(at, open) => _ = world.pick(at).map(|slot| world.set_open(slot, open)),
            Step::Lead(at, other, facts) => _ = world.check(&path(at), currency(other), &facts),
        }
    }
    while let Some(slot) = world.pick(0) {
        world.remove(slot);
    }
    world.check(&path(2), currency(false), &Facts::default());
    assert_eq!(texts(&world), 0, "a text outlives the checks that compare with it");
}

fn texts(world: &World) -> usize {
    world.index.texts.len()
}

#[test]
fn texts_are_given_back_while_others_of_the_partition_stay() {
    let mut world = World::new(Budget { rows: 0, ..Budget::STANDARD });
    let named = |name: &str| Entry {
        vertical: path(0),
        currency: currency(false),
        filter: Filter::Is(Predicate {
            field: Field::Attribute("make".to_owned()),
            test: Test::OneOf([Scalar::Text(name.to_owned())].into()),
        }),
        offer: StandingOffer { shared_minor: Some(1), exclusive_minor: None, weight_bp: 10_000 },
    };
    for number in 0..1_200 {
        world.insert(named(&format!("make {number}")));
    }
    assert_eq!(texts(&world), 1_200);
    while world.campaigns.len() > 1 {
        let slot = world.pick(1).unwrap();
        world.remove(slot);
    }
    // What is left of a block that has room is swept when that is used up.
    assert!(texts(&world) < PLACES, "{}", texts(&world));
    for number in 0..1_200 {
        world.insert(named(&format!("other make {number}")));
    }
    while world.campaigns.len() > PLACES {
        let slot = world.pick(1).unwrap();
        world.remove(slot);
    }
    assert!(texts(&world) < 2 * PLACES, "{}", texts(&world));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_index_equals_the_plain_evaluation(budget in 0..BUDGETS.len(), steps in vec(step(), 0..60)) {
        run(BUDGETS[budget], steps);
    }
}

/// Numbers without end, the same at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn number(&mut self, bound: usize) -> i64 {
        i64::try_from(self.below(bound)).unwrap()
    }

    fn text(&mut self, bound: usize) -> String {
        format!("{:03}", self.below(bound))
    }

    fn leaf(&mut self, field: Field, test: Test) -> Filter {
        let leaf = Filter::Is(Predicate { field, test });
        if self.below(6) == 0 { Filter::Not(Box::new(leaf)) } else { leaf }
    }

    /// Hundreds of values in every field: more than the budget has names for.
    fn filter(&mut self) -> Filter {
        let cities: BTreeSet<Scalar> = (0..=self.below(60)).map(|_| Scalar::Text(self.text(400))).collect();
        let prefixes: BTreeSet<String> = (0..=self.below(20)).map(|_| self.text(300)[..1 + self.below(3)].to_owned()).collect();
        let min = self.number(300);
        let span = Span { min: Some(min), max: Some(min + self.number(300)) };
        let wanted: BTreeSet<Scalar> = (0..=self.below(40)).map(|_| Scalar::Text(self.text(90))).collect();
        let mut parts = vec![
            self.leaf(Field::City, Test::OneOf(cities)),
            self.leaf(Field::PostalCode, Test::StartsWith(prefixes)),
            self.leaf(Field::Score, Test::Within(vec![span])),
            self.leaf(interests(), Test::OneOf(wanted)),
        ];
        parts.remove(self.below(4));
        match self.below(4) {
            0 => Filter::Any(parts),
            1 => {
                let last = parts.pop().into_iter().collect();
                parts.push(Filter::Any(vec![Filter::All(last), self.filter()]));
                Filter::All(parts)
            }
            _ => Filter::All(parts),
        }
    }

    fn entry(&mut self) -> Entry {
        let offer = StandingOffer { shared_minor: Some(1 + self.number(5_000)), exclusive_minor: None, weight_bp: 10_000 };
        Entry { vertical: path(self.below(3)), currency: currency(false), filter: self.filter(), offer }
    }

    fn facts(&mut self) -> Facts {
        let mut facts = Facts::default();
        facts.set(Field::City, Scalar::Text(self.text(400)));
        facts.set(Field::PostalCode, Scalar::Text(self.text(300)));
        facts.set(Field::Score, Scalar::Number(self.number(600)));
        let many = (0..self.below(4)).map(|_| Scalar::Text(self.text(90))).collect();
        facts.set_many(interests(), many);
        facts
    }
}

#[test]
fn thousands_of_campaigns_in_many_blocks_stay_right_under_churn() {
    let mut numbers = Numbers(7);
    let mut world = World::new(Budget::STANDARD);
    let mut found = 0;
    let lead = |world: &mut World, numbers: &mut Numbers| {
        let facts = numbers.facts();
        world.check(&path(numbers.below(3)), currency(false), &facts)
    };
    for round in 0..12 {
        // Now and then enough at once for whole blocks.
        let together = if round % 5 == 0 { 2_600 } else { 450 };
        world.insert_all((0..together).map(|_| numbers.entry()).collect());
        for _ in 0..450 {
            world.insert(numbers.entry());
        }
        for _ in 0..500 {
            let slot = world.pick(numbers.below(1 << 30)).unwrap();
            match numbers.below(4) {
                0 => world.replace(slot, numbers.entry()),
                1 => world.set_open(slot, numbers.below(2) == 0),
                _ => world.remove(slot),
            }
        }
        for _ in 0..=round {
            found += lead(&mut world, &mut numbers);
        }
    }
    assert!(world.campaigns.len() > 10 * PLACES && found > 2_000, "{} {found}", world.campaigns.len());
    // Most of them go, whole blocks with them, and others come into the places left.
    for _ in 0..world.campaigns.len() - 300 {
        let slot = world.pick(numbers.below(1 << 30)).unwrap();
        world.remove(slot);
    }
    for _ in 0..20 {
        lead(&mut world, &mut numbers);
    }
    for _ in 0..1_500 {
        world.insert(numbers.entry());
    }
    for _ in 0..40 {
        lead(&mut world, &mut numbers);
    }
}

#[test]
fn a_free_slot_is_nobody() {
    let mut world = World::new(Budget::STANDARD);
    let entry = Numbers(3).entry();
    world.insert(entry.clone());
    let slot = world.pick(0).unwrap();
    world.remove(slot);
    world.index.set_open(slot, true);
    assert_eq!(world.index.replace(slot, &entry), None);
    world.index.remove(slot);
    assert!(world.index.is_empty());
    world.insert(entry.clone());
    assert_eq!(world.pick(0), Some(slot));
    assert_eq!(
        world.check(&entry.vertical, entry.currency, &Facts::default()),
        usize::from(entry.filter.holds(&Facts::default()))
    );
}
