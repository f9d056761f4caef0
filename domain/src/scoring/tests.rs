use super::*;
use crate::lead::testing::{draft, tours};
use crate::lead::{LeadDraft, admit};
use crate::verification::Finding;
use proptest::prelude::*;

const NOW: &str = "2026-06-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn lead(change: impl FnOnce(&mut LeadDraft)) -> Lead {
    let mut draft = draft(now());
    change(&mut draft);
    admit(&draft, &"travel/tour".parse().unwrap(), &tours(), now()).unwrap()
}

fn scored(lead: &Lead, definition: &Definition, checks: &[Check], level: Level) -> Score {
    let weights = definition.weights.clone().under(&std::collections::BTreeMap::new(), 40, 65);
    score(lead, definition, &weights, checks, level, now())
}

fn points(score: &Score, factor: Factor) -> i64 {
    score.contributions.iter().filter(|part| part.factor == factor).map(|part| part.points).sum()
}

#[test]
fn each_contribution_is_shown_and_they_add_up() {
    let score = scored(&lead(|_| {}), &tours(), &[], Level::Format);
    let shown: Vec<_> = score.contributions.iter().map(|part| (part.factor, part.points, part.reason.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Factor::Verification, 12, "level FORMAT"),
            (Factor::Intent, 18, "asked for CALLBACK"),
            (Factor::Recency, 15, "left within the hour"),
            (Factor::Source, 8, "came by SEARCH_AD"),
            (Factor::Completeness, 3, "2 of 6 answers"),
            (Factor::Engagement, 0, "no sign beyond the form"),
            (Factor::Fit, 7, "goal is SEA"),
        ]
    );
    assert_eq!((score.points, score.temperature), (63, Temperature::Warm));
}

#[test]
fn doubts_and_age_take_points() {
    let checks = [
        Finding::new(CheckKind::Velocity, Outcome::Inconclusive).at(now()),
        Finding::new(CheckKind::MailDomain, Outcome::Inconclusive).at(now()),
        Finding::new(CheckKind::Answers, Outcome::Fail).at(now()),
    ];
    let stale = lead(|draft| draft.captured_at = "2026-03-01T00:00:00Z".parse().ok());
    let score = scored(&stale, &tours(), &checks, Level::Format);
    assert_eq!((points(&score, Factor::Recency), points(&score, Factor::Doubt)), (0, -25));
    assert_eq!((score.points, score.temperature), (23, Temperature::Cold));
}

#[test]
fn a_lead_of_unknown_age_earns_nothing_by_being_new() {
    let undated = lead(|draft| draft.captured_at = None);
    assert_eq!((undated.captured_at, undated.dated), (now(), false));
    assert_eq!(points(&scored(&undated, &tours(), &[], Level::Format), Factor::Recency), 0);
    assert!(points(&scored(&lead(|_| {}), &tours(), &[], Level::Format), Factor::Recency) > 0);
}

#[test]
fn weights_must_make_sense() {
    let at = |change: fn(&mut Weights)| {
        let mut weights = Weights::default();
        change(&mut weights);
        weights.problems(&tours()).first().map(|refusal| refusal.path.join("."))
    };
    let rule =
        |key: &str, any_of: Vec<AttributeValue>| FitRule { key: key.into(), any_of, at_least: None, at_most: None, points: 5 };
    assert_eq!(at(|_| {}), None);
    assert_eq!(at(|weights| weights.intent = 26).as_deref(), Some(""));
    assert_eq!(at(|weights| weights.odd_check = 1).as_deref(), Some("oddCheck"));
    assert_eq!(at(|weights| (weights.warm_from, weights.hot_from) = (Some(40), Some(40))).as_deref(), Some("hotFrom"));
    let problems =
        |rule: FitRule| Weights { rules: vec![rule], ..Weights::default() }.problems(&tours()).remove(0).path.join(".");
    assert_eq!(problems(rule("stars", vec![AttributeValue::Int(5)])), "rules.0.key");
    assert_eq!(problems(rule("goal", vec![AttributeValue::text("MOON")])), "rules.0.anyOf.goal");
    assert_eq!(problems(rule("goal", vec![])), "rules.0.anyOf");
    assert_eq!(problems(FitRule { at_least: Some(1), ..rule("goal", vec![]) }), "rules.0.key");
    assert_eq!(problems(FitRule { points: 51, ..rule("goal", vec![]) }), "rules.0.points");
}

#[test]
fn settings_take_the_place_of_a_verticals_weights() {
    let points = std::collections::BTreeMap::from([("intent".to_owned(), 0)]);
    let weights = tours().weights.under(&points, 40, 65);
    assert_eq!((weights.intent, weights.recency, weights.warm_from, weights.hot_from), (0, 15, Some(40), Some(65)));
    let own = Weights { hot_from: Some(90), ..Weights::default() }.under(&points, 40, 65);
    assert_eq!((own.warm_from, own.hot_from), (Some(40), Some(90)));
    assert!(Weights::knows("odd_check") && !Weights::knows("confirmed"));
}

proptest! {
    #[test]
    fn every_score_lies_in_its_range_and_is_the_sum_of_its_reasons(
        level in 0..Level::ALL.len(),
        interest in 0..Interest::ALL.len(),
        source in 0..SourceKind::ALL.len(),
        hours in 0i64..2_000,
        outcomes in proptest::collection::vec((0..CheckKind::ALL.len(), 0..Outcome::ALL.len()), 0..17),
        bonus in -50i64..=50,
    ) {
        let mut definition = tours();
        definition.weights.rules = vec![FitRule {
            key: "goal".into(), any_of: vec![AttributeValue::text("SEA")], at_least: None, at_most: None, points: bonus,
        }];
        let checks: Vec<Check> = outcomes.into_iter()
            .map(|(kind, outcome)| Finding::new(CheckKind::ALL[kind], Outcome::ALL[outcome]).at(now())).collect();
        let lead = lead(|draft| {
            draft.interest = Interest::ALL[interest];
            draft.source.kind = SourceKind::ALL[source];
            draft.captured_at = Some(crate::time::plus_secs(now(), -hours * 3_600));
        });
        let score = scored(&lead, &definition, &checks, Level::ALL[level]);
        prop_assert!((0..=100).contains(&score.points));
        prop_assert_eq!(score.contributions.iter().map(|part| part.points).sum::<i64>(), score.points);
    }
}
