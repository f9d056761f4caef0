use super::*;
use crate::vertical::starter_set;

fn schemas() -> Vec<Attribute> {
    let set = starter_set().unwrap();
    let auto = set.iter().filter(|vertical| vertical.path.as_str().starts_with("insurance"));
    auto.flat_map(|vertical| vertical.definition.attributes.clone()).filter(|attribute| attribute.filterable).collect()
}

fn attribute(key: &str) -> AttributeAsk {
    AttributeAsk { key: key.into(), ..AttributeAsk::default() }
}

fn refused(ask: &Ask) -> Vec<(Code, String)> {
    let refusals = filter_fit(ask, &schemas()).unwrap_err();
    refusals.into_iter().map(|refusal| (refusal.code, refusal.path.join("."))).collect()
}

fn is(field: Field, test: Test) -> Ask {
    Ask::Is(Predicate { field, test })
}

fn texts(texts: &[&str]) -> Test {
    Test::OneOf(texts.iter().map(|text| Scalar::Text((*text).into())).collect())
}

#[test]
fn every_part_that_does_not_fit_is_named() {
    let unknown = Ask::Attribute(AttributeAsk { equals: Some("x".into()), ..attribute("shoe_size") });
    let gender = Ask::Attribute(AttributeAsk { one_of: Some(vec!["MALE".into(), "BOTH".into()]), ..attribute("gender") });
    let range = Ask::Attribute(AttributeAsk { min: Some("1".into()), ..attribute("gender") });
    let two = Ask::Attribute(AttributeAsk { equals: Some("MALE".into()), missing: Some(true), ..attribute("gender") });
    let country = is(Field::Country, texts(&["NO", "XX"]));
    let ask = Ask::All(vec![
        Ask::Any(vec![Ask::All(vec![]), unknown]),
        Ask::Not(Box::new(gender)),
        range,
        two,
        country,
        is(Field::Score, Test::Within(vec![Span { min: Some(5), max: Some(4) }])),
        is(Field::City, texts(&[])),
    ]);
    let expected = [
        (Code::Invalid, "all.0.any.1.attribute.key"),
        (Code::Invalid, "all.1.not.attribute.in"),
        (Code::Invalid, "all.2.attribute.key"),
        (Code::Invalid, "all.3.attribute.key"),
        (Code::Invalid, "all.4.country"),
        (Code::Invalid, "all.5.score.max"),
        (Code::Invalid, "all.6.city"),
    ];
    assert_eq!(refused(&ask), expected.map(|(code, path)| (code, path.to_owned())));
}

#[test]
fn values_are_compared_as_facts_are() {
    let ask = Ask::All(vec![
        is(Field::City, texts(&["  Porto  Alegre"])),
        is(Field::PostalCode, Test::StartsWith(BTreeSet::from(["ec1a 1".to_owned()]))),
        Ask::Attribute(AttributeAsk { equals: Some("MALE".into()), ..attribute("gender") }),
        Ask::Attribute(AttributeAsk { one_of: Some(vec!["Road Bikes".into()]), ..attribute("interests") }),
        Ask::Attribute(AttributeAsk { missing: Some(false), ..attribute("language") }),
    ]);
    let mut facts = super::super::Facts::default();
    facts.set(Field::City, Scalar::Text("porto alegre".into()));
    facts.set(Field::PostalCode, Scalar::Text("EC1A1BB".into()));
    facts.set(Field::Attribute("gender".into()), Scalar::Text("male".into()));
    facts.set(Field::Attribute("language".into()), Scalar::Text("pt".into()));
    facts.set_many(Field::Attribute("interests".into()), vec![Scalar::Text("sailing".into()), Scalar::Text("road bikes".into())]);
    let filter = filter_fit(&ask, &schemas()).unwrap();
    assert!(filter.holds(&facts));
    facts.set(Field::PostalCode, Scalar::Text("EC1B".into()));
    assert!(!filter.holds(&facts));
}

#[test]
fn a_filter_has_a_greatest_depth_and_number_of_leaves() {
    let leaf = || is(Field::Country, texts(&["NO"]));
    let nested = |depth: usize| (1..depth).fold(leaf(), |inner, _| Ask::Not(Box::new(inner)));
    assert!(filter_fit(&nested(MAX_DEPTH), &[]).is_ok());
    assert_eq!(refused(&nested(MAX_DEPTH + 1)), [(Code::TooLarge, String::new())]);
    let wide = |leaves: usize| Ask::Any((0..leaves).map(|_| leaf()).collect());
    assert!(filter_fit(&wide(MAX_LEAVES), &[]).is_ok());
    assert_eq!(refused(&wide(MAX_LEAVES + 1)), [(Code::TooLarge, String::new())]);
    let listed = |count: usize| is(Field::City, Test::OneOf((0..count).map(|n| Scalar::Text(n.to_string())).collect()));
    assert!(filter_fit(&listed(MAX_VALUES), &[]).is_ok());
    assert_eq!(refused(&listed(MAX_VALUES + 1)), [(Code::Invalid, "city".to_owned())]);
}
