use proptest::prelude::*;

use super::super::AttributeAsk;
use super::super::ask::filter_fit;
use super::*;

fn is(field: Field, test: Test) -> Filter {
    Filter::Is(Predicate { field, test })
}

fn one(text: &str) -> Test {
    Test::OneOf(BTreeSet::from([Scalar::Text(text.into())]))
}

fn span(min: Option<i64>, max: Option<i64>) -> Span {
    Span { min, max }
}

fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.set(Field::Country, Scalar::Text("NO".into()));
    facts.set(Field::AgeSecs, Scalar::Number(4_000));
    facts.set(Field::PostalCode, Scalar::Text("0150".into()));
    facts.set(Field::Attribute("gender".into()), Scalar::Text("male".into()));
    facts
}

#[test]
fn a_whole_is_told_where_what_is_hidden_cannot_change_it() {
    let facts = facts();
    let sight = Sight::whole(&facts).without([Field::PostalCode]);
    let postal = || is(Field::PostalCode, Test::StartsWith(BTreeSet::from(["01".to_owned()])));
    let (norway, sweden) = (|| is(Field::Country, one("NO")), || is(Field::Country, one("SE")));
    assert_eq!(postal().seen(&sight), None);
    assert_eq!(is(Field::PostalCode, Test::Missing).seen(&sight), None);
    assert_eq!(Filter::Not(Box::new(postal())).seen(&sight), None);
    assert_eq!(Filter::All(vec![postal(), sweden()]).seen(&sight), Some(false));
    assert_eq!(Filter::All(vec![postal(), norway()]).seen(&sight), None);
    assert_eq!(Filter::Any(vec![postal(), norway()]).seen(&sight), Some(true));
    assert_eq!(Filter::Any(vec![postal(), sweden()]).seen(&sight), None);
    assert_eq!((Filter::All(vec![]).seen(&sight), Filter::Any(vec![]).seen(&sight)), (Some(true), Some(false)));
}

#[test]
fn a_vague_number_is_told_only_where_all_of_its_span_agrees() {
    let facts = facts();
    let sight = Sight::whole(&facts).within(Field::AgeSecs, span(Some(3_600), Some(7_200)));
    let age = |spans: Vec<Span>| is(Field::AgeSecs, Test::Within(spans)).seen(&sight);
    assert_eq!(age(vec![span(None, Some(7_200))]), Some(true));
    assert_eq!(age(vec![span(None, Some(7_199))]), None);
    assert_eq!(age(vec![span(Some(3_600), None)]), Some(true));
    assert_eq!(age(vec![span(Some(3_601), None)]), None);
    assert_eq!(age(vec![span(Some(4_000), Some(4_000))]), None, "a narrow span in the middle is no way to ask");
    assert_eq!(age(vec![span(None, Some(3_599)), span(Some(7_201), None)]), Some(false));
    assert_eq!(is(Field::AgeSecs, Test::Missing).seen(&sight), Some(false));
    let listed = |number| is(Field::AgeSecs, Test::OneOf(BTreeSet::from([Scalar::Number(number)]))).seen(&sight);
    assert_eq!((listed(3_000), listed(4_000)), (Some(false), None));
}

#[test]
fn a_trace_bears_the_buyers_own_paths() {
    let attribute = |missing| AttributeAsk { key: "gender".into(), missing: Some(missing), ..AttributeAsk::default() };
    let leaf = |field: Field, test: Test| Ask::Is(Predicate { field, test });
    let asked = Ask::All(vec![
        leaf(Field::Country, one("NO")),
        Ask::Any(vec![Ask::Attribute(attribute(false)), Ask::Attribute(attribute(true))]),
        Ask::Not(Box::new(Ask::All(vec![leaf(Field::PostalCode, Test::StartsWith(BTreeSet::from(["01".to_owned()])))]))),
        Ask::Not(Box::new(Ask::Attribute(attribute(true)))),
        leaf(Field::City, Test::Missing),
    ]);
    let filter = filter_fit(&asked, &[]).unwrap();
    let facts = facts();
    let sight = Sight::whole(&facts).without([Field::PostalCode]);
    let mut found = Vec::new();
    trace(&asked, &filter, &mut Vec::new(), &sight, &mut found);
    let told: Vec<_> = found.iter().map(|leaf| (leaf.path.join("."), leaf.holds)).collect();
    let expected = [
        ("all.0.country", Some(true)),
        ("all.1.any.0.attribute", Some(true)),
        ("all.1.any.1.attribute", Some(false)),
        ("all.2.not.all.0.postalPrefix", None),
        ("all.3.not.attribute", Some(false)),
        ("all.4.missing", Some(true)),
    ];
    assert_eq!(told, expected.map(|(path, holds)| (path.to_owned(), holds)));
}

#[test]
fn a_price_is_told_up_to_the_first_rule_that_is_not_known() {
    let facts = facts();
    let amounts = |minor| Amounts { shared_minor: Some(minor), exclusive_minor: None };
    let rule = |when: Filter, minor| super::super::PriceRule { when, asked: Ask::All(vec![]), amounts: amounts(minor) };
    let price = Price {
        rules: vec![rule(is(Field::Country, one("SE")), 1), rule(is(Field::PostalCode, one("0150")), 2)],
        otherwise: Some(amounts(3)),
    };
    assert_eq!(price.seen(&Sight::whole(&facts)), Some(Some(amounts(2))));
    assert_eq!(price.seen(&Sight::whole(&facts).without([Field::PostalCode])), None);
    assert_eq!(price.seen(&Sight::whole(&facts).without([Field::Country])), None);
    assert_eq!(price.of(&facts), Some(amounts(2)));
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let test = prop_oneof![
        (-3_i64..8, 0_i64..5).prop_map(|(min, wide)| Test::Within(vec![span(Some(min), Some(min + wide))])),
        (-3_i64..8).prop_map(|min| Test::Within(vec![span(Some(min), None)])),
        proptest::collection::btree_set((-3_i64..8).prop_map(Scalar::Number), 1..4).prop_map(Test::OneOf),
        Just(Test::Missing),
    ];
    let field = prop_oneof![Just(Field::AgeSecs), Just(Field::Score), Just(Field::Level)];
    let leaf = (field, test).prop_map(|(field, test)| is(field, test));
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_told_is_so_whatever_is_behind(
        filter in any_filter(), age in 0_i64..4, score in proptest::option::of(-3_i64..8), level in -3_i64..8,
    ) {
        let mut facts = Facts::default();
        facts.set(Field::AgeSecs, Scalar::Number(age));
        facts.set(Field::Level, Scalar::Number(level));
        if let Some(score) = score {
            facts.set(Field::Score, Scalar::Number(score));
        }
        prop_assert_eq!(filter.seen(&Sight::whole(&facts)), Some(filter.holds(&facts)));
        let sight = Sight::whole(&facts).without([Field::Score]).within(Field::AgeSecs, span(Some(0), Some(3)));
        if let Some(told) = filter.seen(&sight) {
            prop_assert_eq!(told, filter.holds(&facts));
        }
    }
}
