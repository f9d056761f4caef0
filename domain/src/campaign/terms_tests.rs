use super::super::caps::Period;
use super::super::filter::{Predicate, Scalar, Test};
use super::super::schedule::{DAY_MINUTES, MAX_SPANS, Weekday};
use super::*;

fn eur(minor: i64) -> Option<Money> {
    Some(Money::new(minor, Currency::EUR))
}

fn usd(minor: i64) -> Option<Money> {
    Some(Money::new(minor, "USD".parse().unwrap()))
}

fn country(code: &str) -> Ask {
    Ask::Is(Predicate { field: Field::Country, test: Test::OneOf([Scalar::Text(code.into())].into()) })
}

fn cap(period: Period, leads: Option<u32>, spend: Option<Money>) -> CapDraft {
    CapDraft { period, leads, spend }
}

fn draft() -> TermsDraft {
    TermsDraft {
        filter: None,
        rules: vec![],
        price: AmountsDraft { shared: eur(500), exclusive: None },
        caps: vec![],
        throttle_per_minute: None,
        zone: "Europe/Berlin".into(),
        schedule: vec![],
        duplicate_window_secs: None,
        trial_leads: None,
        share_bp: BP_WHOLE,
        tie_weight: 1,
        pause_after_failures: None,
        call_out: None,
    }
}

fn refused(draft: &TermsDraft) -> Vec<(Code, String)> {
    let refusals = terms(draft, Currency::EUR, &[]).unwrap_err();
    refusals.into_iter().map(|refusal| (refusal.code, refusal.path.join("."))).collect()
}

fn one(code: Code, path: &str) -> Vec<(Code, String)> {
    vec![(code, path.to_owned())]
}

#[test]
fn terms_say_what_was_asked() {
    let asked = country("NO");
    let draft = TermsDraft {
        filter: Some(asked.clone()),
        rules: vec![(country("SE"), AmountsDraft { shared: eur(1), exclusive: eur(2) })],
        caps: vec![cap(Period::Day, Some(3), eur(4))],
        throttle_per_minute: Some(5),
        schedule: vec![DaySpan { day: Weekday::Friday, from_minute: 0, until_minute: DAY_MINUTES }],
        duplicate_window_secs: Some(MAX_DUPLICATE_SECS),
        trial_leads: Some(1),
        share_bp: 1,
        tie_weight: MAX_TIE_WEIGHT,
        pause_after_failures: Some(1_000),
        ..draft()
    };
    let made = terms(&draft, Currency::EUR, &[]).unwrap();
    assert_eq!(made.asked, Some(asked));
    assert_eq!(made.price.rules[0].amounts, Amounts { shared_minor: Some(1), exclusive_minor: Some(2) });
    assert_eq!(made.price.otherwise, Some(Amounts { shared_minor: Some(500), exclusive_minor: None }));
    let caps = [
        Cap { period: Period::Day, leads: Some(3), spend_minor: Some(4) },
        Cap { period: Period::Minute, leads: Some(5), spend_minor: None },
    ];
    assert_eq!(made.caps, caps);
    assert_eq!(made.zone, Tz::Europe__Berlin);
    assert_eq!(made.schedule.spans(), draft.schedule);
    let kept: Terms = serde_json::from_value(serde_json::to_value(&made).unwrap()).unwrap();
    assert_eq!(kept, made);
    assert_eq!(terms(&super::tests::draft(), Currency::EUR, &[]).unwrap().filter, Filter::everything());
}

#[test]
fn every_part_that_is_wrong_is_named() {
    let draft = TermsDraft {
        filter: Some(Ask::All(vec![country("NO"), country("Norway")])),
        rules: vec![
            (country("NO"), AmountsDraft { shared: eur(1), exclusive: None }),
            (Ask::Not(Box::new(country("XX"))), AmountsDraft { shared: usd(1), exclusive: eur(0) }),
            (country("NO"), AmountsDraft::default()),
        ],
        price: AmountsDraft { shared: None, exclusive: eur(-1) },
        caps: vec![
            cap(Period::Day, None, None),
            cap(Period::Hour, Some(0), None),
            cap(Period::Week, None, usd(5)),
            cap(Period::Month, Some(1), eur(0)),
            cap(Period::Total, Some(1), None),
            cap(Period::Total, Some(2), None),
        ],
        throttle_per_minute: Some(0),
        zone: "Berlin".into(),
        schedule: vec![DaySpan { day: Weekday::Monday, from_minute: 10, until_minute: 10 }],
        duplicate_window_secs: Some(0),
        trial_leads: Some(0),
        share_bp: 0,
        tie_weight: 0,
        pause_after_failures: Some(0),
        call_out: None,
    };
    let expected = [
        (Code::Invalid, "filter.all.1.country"),
        (Code::Invalid, "priceRules.1.when.not.country"),
        (Code::CurrencyMismatch, "priceRules.1.price.shared"),
        (Code::Invalid, "priceRules.1.price.exclusive"),
        (Code::Required, "priceRules.2.price"),
        (Code::Invalid, "price.exclusive"),
        (Code::Required, "caps.0"),
        (Code::Invalid, "caps.1.leads"),
        (Code::CurrencyMismatch, "caps.2.spend"),
        (Code::Invalid, "caps.3.spend"),
        (Code::Taken, "caps.5.period"),
        (Code::Invalid, "throttlePerMinute"),
        (Code::Invalid, "schedule.0.until"),
        (Code::Invalid, "timeZone"),
        (Code::Invalid, "duplicateWindowSecs"),
        (Code::Invalid, "trialLeads"),
        (Code::Invalid, "shareBp"),
        (Code::Invalid, "tieWeight"),
        (Code::Invalid, "pauseAfterFailures"),
    ];
    assert_eq!(refused(&draft), expected.map(|(code, path)| (code, path.to_owned())));
}

#[test]
fn a_campaign_has_a_price() {
    assert_eq!(refused(&TermsDraft { price: AmountsDraft::default(), ..draft() }), one(Code::Required, "price"));
    let ruled = TermsDraft {
        rules: vec![(country("NO"), AmountsDraft { shared: eur(1), exclusive: None })],
        price: AmountsDraft::default(),
        ..draft()
    };
    assert_eq!(terms(&ruled, Currency::EUR, &[]).unwrap().price.otherwise, None);
}

#[test]
fn every_list_and_number_has_its_most() {
    let rule = || (country("NO"), AmountsDraft { shared: eur(1), exclusive: None });
    let rules = |count: usize| TermsDraft { rules: (0..count).map(|_| rule()).collect(), ..draft() };
    assert!(terms(&rules(MAX_RULES), Currency::EUR, &[]).is_ok());
    assert_eq!(refused(&rules(MAX_RULES + 1)), one(Code::TooLarge, "priceRules"));
    let span = DaySpan { day: Weekday::Monday, from_minute: 0, until_minute: 1 };
    let scheduled = |count: usize| TermsDraft { schedule: vec![span; count], ..draft() };
    assert!(terms(&scheduled(MAX_SPANS), Currency::EUR, &[]).is_ok());
    assert_eq!(refused(&scheduled(MAX_SPANS + 1)), one(Code::TooLarge, "schedule"));
    let capped = |leads: u32| TermsDraft { caps: vec![cap(Period::Day, Some(leads), None)], ..draft() };
    assert!(terms(&capped(MAX_COUNT), Currency::EUR, &[]).is_ok());
    assert_eq!(refused(&capped(MAX_COUNT + 1)), one(Code::Invalid, "caps.0.leads"));
    let over = TermsDraft {
        throttle_per_minute: Some(MAX_COUNT + 1),
        duplicate_window_secs: Some(MAX_DUPLICATE_SECS + 1),
        trial_leads: Some(MAX_COUNT + 1),
        share_bp: BP_WHOLE + 1,
        tie_weight: MAX_TIE_WEIGHT + 1,
        pause_after_failures: Some(1_001),
        ..draft()
    };
    let paths = ["throttlePerMinute", "duplicateWindowSecs", "trialLeads", "shareBp", "tieWeight", "pauseAfterFailures"];
    assert_eq!(refused(&over), paths.map(|path| (Code::Invalid, path.to_owned())));
}

#[test]
fn the_throttle_is_the_cap_on_a_minute() {
    let twice = TermsDraft { caps: vec![cap(Period::Minute, Some(1), None)], throttle_per_minute: Some(1), ..draft() };
    assert_eq!(refused(&twice), one(Code::Taken, "throttlePerMinute"));
}

#[test]
fn a_filter_that_can_never_match_is_refused_at_the_part_to_blame() {
    let filtered = |filter: Ask| refused(&TermsDraft { filter: Some(filter), ..draft() });
    let both = Ask::All(vec![country("NO"), Ask::All(vec![country("SE")])]);
    assert_eq!(filtered(both), one(Code::Invalid, "filter.all.1.all.0.country"));
    let not = Ask::All(vec![country("NO"), Ask::Not(Box::new(country("NO")))]);
    assert_eq!(filtered(not), one(Code::Invalid, "filter.all.1.not.country"));
    assert_eq!(filtered(Ask::Any(vec![])), one(Code::Invalid, "filter"));
    let rules = vec![(Ask::All(vec![country("NO"), country("SE")]), AmountsDraft { shared: eur(5), exclusive: None })];
    assert_eq!(refused(&TermsDraft { rules, ..draft() }), one(Code::Invalid, "priceRules.0.when.all.1.country"));
    let either = Ask::Any(vec![country("NO"), country("SE")]);
    assert!(terms(&TermsDraft { filter: Some(either), ..draft() }, Currency::EUR, &[]).is_ok());
}
