//! Which values share a class.

use super::super::classes::{Budget, Classes};
use super::super::rows::Rows;
use super::super::texts::Texts;
use crate::campaign::{Scalar, Span, Test};

#[test]
fn what_no_campaign_tells_apart_shares_a_class() {
    let (mut rows, mut texts) = (Rows::default(), Texts::default());
    let mut classes = Classes::new(&mut rows, &Budget::STANDARD).unwrap();
    let day = |day: i64, from: i64, to: i64| Span { min: Some(day * 1_440 + from * 60), max: Some(day * 1_440 + to * 60 - 1) };
    let week = |days: i64, from, to| Test::Within((0..days).map(|at| day(at, from, to)).collect());
    let mut name = |test: &Test| {
        classes.name(test, &mut texts, &mut rows, &Budget::STANDARD);
        assert!(classes.verdict(test, &texts).is_exact(classes.len()), "{test:?}");
        classes.len()
    };
    assert_eq!(name(&week(5, 9, 17)), 2, "office hours, and all else with having none");
    assert_eq!(name(&week(5, 9, 17)), 2);
    assert_eq!(name(&week(5, 8, 18)), 3, "the hours before and after are asked for together");
    assert_eq!(name(&week(6, 9, 17)), 4, "Saturday by itself");
    assert_eq!(name(&Test::Missing), 5);
    let at = |minute: i64| classes.class_of(&Scalar::Number(minute), |_| 0);
    assert_eq!(at(9 * 60), at(1_440 + 16 * 60));
    assert_eq!(at(8 * 60), at(4 * 1_440 + 17 * 60));
    assert_ne!(at(5 * 1_440 + 9 * 60), at(9 * 60));
    assert_eq!(at(6 * 1_440), at(0));
    assert_ne!(classes.missing(), at(0));
}
