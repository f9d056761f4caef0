use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::Ask;
use super::super::caps::Cap;
use super::super::filter::{Field, Filter, Predicate, Scalar, Test};
use super::super::schedule::{DaySpan, Schedule, Weekday};
use super::super::terms::{Price, PriceRule};
use super::*;
use crate::refusal::Code;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2026-11-25T12:00:00Z")
}

fn amounts(shared: Option<i64>, exclusive: Option<i64>) -> Amounts {
    Amounts { shared_minor: shared, exclusive_minor: exclusive }
}

fn standing() -> Standing {
    let in_norway =
        Filter::Is(Predicate { field: Field::Country, test: Test::OneOf(BTreeSet::from([Scalar::Text("NO".into())])) });
    let rule = |when: Filter, amounts| PriceRule { when, asked: Ask::All(vec![]), amounts };
    let terms = Terms {
        filter: Filter::everything(),
        asked: None,
        price: Price {
            rules: vec![
                rule(in_norway.clone(), amounts(Some(900), Some(3_000))),
                rule(Filter::Any(vec![in_norway, Filter::Not(Box::new(Filter::everything()))]), amounts(Some(1), None)),
            ],
            otherwise: None,
        },
        caps: vec![],
        zone: chrono_tz::Tz::UTC,
        schedule: Schedule::default(),
        duplicate_window_secs: None,
        trial_leads: None,
        share_bp: BP_WHOLE,
        tie_weight: 1,
        pause_after_failures: None,
        call_out: None,
    };
    Standing {
        id: CampaignId(Uuid::from_u128(1)),
        state: CampaignState::Active,
        trial_confirmed: false,
        usage: Usage::none(noon(), terms.zone),
        terms,
    }
}

fn facts(country: &str) -> Facts {
    let mut facts = Facts::default();
    facts.set(Field::Country, Scalar::Text(country.into()));
    facts
}

fn offer(standing: &Standing, country: &str) -> Result<Amounts, LossReason> {
    standing.offer(&facts(country), Uuid::from_u128(7), noon())
}

#[test]
fn the_first_rule_that_a_lead_passes_sets_the_price() {
    let campaign = standing();
    assert_eq!(offer(&campaign, "NO"), Ok(amounts(Some(900), Some(3_000))));
    assert_eq!(offer(&campaign, "SE"), Err(LossReason::FilterMismatch), "no rule, and no price besides");
    let mut open = campaign.clone();
    open.terms.price.otherwise = Some(amounts(None, Some(50)));
    assert_eq!(offer(&open, "SE"), Ok(amounts(None, Some(50))));
    assert_eq!(open.terms.price.most(), amounts(Some(900), Some(3_000)));
    assert_eq!((open.terms.price.is_fixed(), campaign.terms.price.is_fixed()), (false, false));
}

#[test]
fn it_offers_nothing_when_it_does_not_buy() {
    for state in [CampaignState::Paused, CampaignState::Archived] {
        assert_eq!(offer(&Standing { state, ..standing() }, "NO"), Err(LossReason::OutOfSchedule));
    }
    let mut mornings = standing();
    let wednesday = DaySpan { day: Weekday::Wednesday, from_minute: 0, until_minute: 12 * 60 };
    mornings.terms.schedule = Schedule::new(vec![wednesday]).unwrap();
    assert_eq!(offer(&mornings, "NO"), Err(LossReason::OutOfSchedule));
    mornings.terms.zone = chrono_tz::Tz::America__New_York;
    assert!(offer(&mornings, "NO").is_ok());
    let mut none = standing();
    none.terms.share_bp = 0;
    assert_eq!(offer(&none, "NO"), Err(LossReason::NotDrawn));
}

#[test]
fn caps_leave_room_for_the_cheaper_side() {
    let mut campaign = standing();
    campaign.terms.caps = vec![Cap { period: Period::Day, leads: Some(3), spend_minor: Some(4_000) }];
    assert_eq!(offer(&campaign, "NO"), Ok(amounts(Some(900), Some(3_000))));
    campaign.usage = campaign.usage.plus(1_001);
    assert_eq!(offer(&campaign, "NO"), Ok(amounts(Some(900), None)));
    campaign.usage = campaign.usage.plus(2_100);
    assert_eq!(offer(&campaign, "NO"), Err(LossReason::BudgetExhausted));
    campaign.usage = campaign.usage.plus(1);
    assert_eq!(offer(&campaign, "NO"), Err(LossReason::CapReached), "the count comes before the money");
    let tomorrow = campaign.offer(&facts("NO"), Uuid::from_u128(7), at("2026-11-26T00:00:00Z"));
    assert_eq!(tomorrow, Ok(amounts(Some(900), Some(3_000))));
    assert_eq!(campaign.admits(900, noon()), Err(LossReason::CapReached));
}

#[test]
fn a_trial_ends_after_its_leads_until_it_is_confirmed() {
    let mut campaign = standing();
    campaign.terms.trial_leads = Some(2);
    campaign.usage = campaign.usage.plus(10);
    assert!(!campaign.trial_is_over() && offer(&campaign, "NO").is_ok());
    campaign.usage = campaign.usage.plus(10);
    assert!(campaign.trial_is_over());
    assert_eq!(offer(&campaign, "NO"), Err(LossReason::CapReached));
    assert_eq!(campaign.admits(1, at("2027-11-25T12:00:00Z")), Err(LossReason::CapReached), "no period ends a trial");
    campaign.trial_confirmed = true;
    assert!(!campaign.trial_is_over() && offer(&campaign, "NO").is_ok());
}

#[test]
fn states_follow_one_another() {
    use CampaignState::{Active, Archived, Paused};
    let wrong = |refused: Result<CampaignState, Refusal>| refused.unwrap_err().code == Code::WrongState;
    assert_eq!(campaign_pause(Active), Ok(Paused));
    assert!(wrong(campaign_pause(Paused)) && wrong(campaign_pause(Archived)));
    assert_eq!(campaign_resume(Paused), Ok(Active));
    assert!(wrong(campaign_resume(Active)) && wrong(campaign_resume(Archived)));
    assert_eq!((campaign_archive(Active), campaign_archive(Paused)), (Ok(Archived), Ok(Archived)));
    assert!(wrong(campaign_archive(Archived)));
    assert_eq!((campaign_change(Active), campaign_change(Paused)), (Ok(()), Ok(())));
    assert_eq!(campaign_change(Archived).unwrap_err().code, Code::WrongState);
}

#[test]
fn a_share_is_drawn_as_often_as_it_says_and_by_each_campaign_for_itself() {
    let lots = |campaign: u128, share_bp: i64| -> Vec<bool> {
        (0..10_000).map(|lead| drawn(CampaignId(Uuid::from_u128(campaign)), Uuid::from_u128(lead), share_bp)).collect()
    };
    let (one, other) = (lots(1, 2_500), lots(2, 2_500));
    let count = |drawn: &[bool]| drawn.iter().filter(|drawn| **drawn).count();
    assert!((2_300..2_700).contains(&count(&one)), "{}", count(&one));
    let both: Vec<bool> = one.iter().zip(&other).map(|(one, other)| *one && *other).collect();
    assert!((500..750).contains(&count(&both)), "a quarter of a quarter: {}", count(&both));
    assert_eq!((count(&lots(1, 0)), count(&lots(1, BP_WHOLE))), (0, 10_000));
}

proptest! {
    #[test]
    fn a_larger_share_holds_the_smaller(campaign in any::<u128>(), lead in any::<u128>(), share in 0_i64..9_999) {
        let drawn = |share| drawn(CampaignId(Uuid::from_u128(campaign)), Uuid::from_u128(lead), share);
        prop_assert_eq!(drawn(share), drawn(share));
        prop_assert!(!drawn(share) || drawn(share + 1));
    }
}
