use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::*;
use crate::campaign::{Facts, Span};

fn make() -> Field {
    Field::Attribute("make".to_owned())
}

fn interests() -> Field {
    Field::Attribute("interests".to_owned())
}

fn is(field: Field, test: Test) -> Filter {
    Filter::Is(Predicate { field, test })
}

fn one_of(field: Field, texts: &[&str]) -> Filter {
    is(field, Test::OneOf(texts.iter().map(|text| Scalar::Text((*text).to_owned())).collect()))
}

fn within(field: Field, min: Option<i64>, max: Option<i64>) -> Filter {
    is(field, Test::Within(vec![Span { min, max }]))
}

fn starts(field: Field, prefix: &str) -> Filter {
    is(field, Test::StartsWith([prefix.to_owned()].into()))
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

#[test]
fn a_contradiction_is_found_with_its_place() {
    let impossible = [
        (within(Field::Score, Some(5), Some(4)), vec![]),
        (one_of(Field::City, &[]), vec![]),
        (Filter::Any(vec![]), vec![]),
        (not(Filter::everything()), vec![0]),
        (Filter::All(vec![one_of(Field::City, &["bonn"]), one_of(Field::City, &["ulm"])]), vec![1]),
        (
            Filter::All(vec![
                one_of(Field::Country, &["DE"]),
                not(Filter::Any(vec![one_of(Field::City, &["bonn"]), one_of(Field::Country, &["AT", "DE"])])),
            ]),
            vec![1, 0, 1],
        ),
        (Filter::All(vec![starts(Field::PostalCode, "10"), starts(Field::PostalCode, "20")]), vec![1]),
        (Filter::All(vec![within(Field::Score, Some(50), None), not(within(Field::Score, Some(10), None))]), vec![1, 0]),
        (Filter::All(vec![is(make(), Test::Missing), one_of(make(), &["vw"])]), vec![1]),
        (
            Filter::All(vec![
                Filter::Any(vec![one_of(make(), &["vw"]), one_of(make(), &["bmw"])]),
                one_of(Field::City, &["bonn"]),
                one_of(make(), &["kia"]),
            ]),
            vec![2],
        ),
        (
            Filter::All(vec![
                Filter::Any(vec![
                    one_of(Field::City, &["ulm"]),
                    Filter::All(vec![one_of(make(), &["vw"]), one_of(Field::City, &["trier"])]),
                ]),
                one_of(Field::City, &["bonn"]),
            ]),
            vec![0],
        ),
        (Filter::All(vec![one_of(interests(), &["golf"]), not(one_of(interests(), &["golf", "chess"]))]), vec![1, 0]),
        (Filter::All(vec![one_of(interests(), &["golf"]), is(interests(), Test::Missing)]), vec![1]),
    ];
    for (filter, path) in impossible {
        assert_eq!(filter.never_holds(), Some(path), "{filter:?}");
    }
}

#[test]
fn what_a_lead_can_pass_is_not_blamed() {
    let possible = [
        Filter::everything(),
        not(Filter::Any(vec![])),
        not(one_of(Field::City, &[])),
        Filter::All(vec![one_of(interests(), &["golf"]), one_of(interests(), &["chess"])]),
        Filter::All(vec![
            starts(Field::PostalCode, "10"),
            not(starts(Field::PostalCode, "101")),
            not(one_of(Field::PostalCode, &["10"])),
        ]),
        Filter::Any(vec![within(Field::Score, Some(5), Some(4)), one_of(Field::City, &["bonn"])]),
        Filter::All(vec![within(Field::Score, Some(i64::MAX), None), not(within(Field::Score, None, Some(i64::MAX - 1)))]),
        not(within(make(), None, None)),
    ];
    for filter in possible {
        assert_eq!(filter.never_holds(), None, "{filter:?}");
    }
}

#[test]
fn depth_and_leaves_are_counted() {
    let leaf = || one_of(make(), &["vw"]);
    assert_eq!((leaf().depth(), leaf().leaves()), (1, 1));
    assert_eq!((Filter::everything().depth(), Filter::everything().leaves()), (1, 0));
    let filter = Filter::All(vec![leaf(), not(Filter::Any(vec![leaf(), leaf()])), leaf()]);
    assert_eq!((filter.depth(), filter.leaves()), (4, 4));
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        3 => "[ab]{0,2}".prop_map(Scalar::Text),
        2 => (0_i64..4).prop_map(Scalar::Number),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)].prop_map(Scalar::Number),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    let bound =
        || prop_oneof![3 => (-1_i64..5).prop_map(Some), 1 => Just(None), 1 => Just(Some(i64::MAX)), 1 => Just(Some(i64::MIN))];
    let span = (bound(), bound()).prop_map(|(min, max)| Span { min, max });
    prop_oneof![
        4 => btree_set(scalar(), 0..4).prop_map(Test::OneOf),
        2 => btree_set("[ab]{0,2}", 0..3).prop_map(Test::StartsWith),
        2 => vec(span, 0..3).prop_map(Test::Within),
        1 => Just(Test::Missing),
    ]
}

fn filter_over(field: impl Strategy<Value = Field> + Clone + 'static) -> impl Strategy<Value = Filter> {
    (field, test()).prop_map(|(field, test)| is(field, test)).prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..4).prop_map(Filter::All),
            2 => vec(inner.clone(), 0..4).prop_map(Filter::Any),
            2 => inner.prop_map(not),
        ]
    })
}

/// One value at least of every kind that the filters above can tell apart.
fn every_value(letters: usize) -> Vec<Scalar> {
    let mut texts = vec![String::new()];
    let mut longest = texts.clone();
    for _ in 0..letters {
        longest = longest.iter().flat_map(|text| ["a", "b", "c"].map(|letter| format!("{text}{letter}"))).collect();
        texts.extend(longest.iter().cloned());
    }
    let numbers = [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX].into_iter().chain(-3..8);
    texts.into_iter().map(Scalar::Text).chain(numbers.map(Scalar::Number)).collect()
}

fn with(field: &Field, values: &[&Scalar]) -> Facts {
    let mut facts = Facts::default();
    facts.set_many(field.clone(), values.iter().map(|value| (*value).clone()).collect());
    facts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn of_one_field_never_means_never(filter in filter_over(Just(Field::City))) {
        let values = every_value(3);
        let some = values.iter().any(|value| filter.holds(&with(&Field::City, &[value]))) || filter.holds(&Facts::default());
        prop_assert_eq!(filter.never_holds().is_none(), some);
    }

    #[test]
    fn of_a_field_with_several_values_a_conjunction_is_decided(leaves in vec((test(), any::<bool>()), 0..4)) {
        let leaf = |(test, negated): (Test, bool)| {
            let leaf = is(interests(), test);
            if negated { not(leaf) } else { leaf }
        };
        let filter = Filter::All(leaves.into_iter().map(leaf).collect());
        // Of each leaf one value is needed at most; of what passes the negated ones all can come together.
        let passing: Vec<Scalar> = every_value(3)
            .into_iter()
            .filter(|value| match &filter {
                Filter::All(parts) => parts.iter().all(|part| !matches!(part, Filter::Not(_)) || part.holds(&with(&interests(), &[value]))),
                _ => true,
            })
            .collect();
        let all = with(&interests(), &passing.iter().collect::<Vec<_>>());
        prop_assert_eq!(filter.never_holds().is_none(), filter.holds(&all) || filter.holds(&Facts::default()));
    }

    #[test]
    fn whoever_is_blamed_has_no_witness(
        filter in filter_over(prop_oneof![Just(Field::City), Just(Field::Score), Just(interests())]),
        leads in vec((vec(scalar(), 0..2), vec(scalar(), 0..2), vec(scalar(), 0..4)), 40),
    ) {
        for (city, score, many) in leads {
            let mut facts = Facts::default();
            city.into_iter().for_each(|value| facts.set(Field::City, value));
            score.into_iter().for_each(|value| facts.set(Field::Score, value));
            facts.set_many(interests(), many);
            prop_assert!(!filter.holds(&facts) || filter.never_holds().is_none());
        }
    }
}
