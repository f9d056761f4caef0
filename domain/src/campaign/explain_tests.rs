use std::collections::BTreeSet;

use super::super::Ask;
use super::super::caps::{Cap, Period, Usage};
use super::super::facts::Facts;
use super::super::filter::{Field, Filter, Predicate, Scalar, Test};
use super::super::schedule::Schedule;
use super::super::state::CampaignState;
use super::super::terms::{Price, PriceRule, Terms};
use super::*;
use crate::id::CampaignId;
use crate::money::BP_WHOLE;

const GOOD: Situation = Situation {
    in_scope: true,
    asked: Some(Amounts { shared_minor: Some(500), exclusive_minor: Some(2_000) }),
    available_minor: 10_000,
    has_person: false,
    is_seller: false,
    access: BuyerAccess::Full,
};

fn noon() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn amounts(shared: Option<i64>, exclusive: Option<i64>) -> Amounts {
    Amounts { shared_minor: shared, exclusive_minor: exclusive }
}

fn country(code: &str) -> Predicate {
    Predicate { field: Field::Country, test: Test::OneOf(BTreeSet::from([Scalar::Text(code.into())])) }
}

fn postal() -> Predicate {
    Predicate { field: Field::PostalCode, test: Test::StartsWith(BTreeSet::from(["01".to_owned()])) }
}

fn standing() -> Standing {
    let terms = Terms {
        filter: Filter::All(vec![Filter::Is(country("NO")), Filter::Is(postal())]),
        asked: Some(Ask::All(vec![Ask::Is(country("NO")), Ask::Is(postal())])),
        price: Price { rules: vec![], otherwise: Some(amounts(Some(600), Some(1_000))) },
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
    let usage = Usage::none(noon(), terms.zone);
    Standing { id: CampaignId(Uuid::nil()), state: CampaignState::Active, trial_confirmed: false, terms, usage }
}

fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.set(Field::Country, Scalar::Text("NO".into()));
    facts.set(Field::PostalCode, Scalar::Text("0150".into()));
    facts
}

fn reason(standing: &Standing, situation: Situation) -> Option<LossReason> {
    let facts = facts();
    standing.explain(&Sight::whole(&facts), Uuid::from_u128(1), situation, noon()).reason
}

#[test]
fn what_is_hidden_is_neither_told_nor_held_against_it() {
    let (facts, campaign) = (facts(), standing());
    let whole = campaign.explain(&Sight::whole(&facts), Uuid::from_u128(1), GOOD, noon());
    assert_eq!((whole.matches, whole.price, whole.reason), (Some(true), Some(amounts(Some(600), Some(1_000))), None));
    assert_eq!(whole.conditions.iter().map(|each| each.holds).collect::<Vec<_>>(), [Some(true), Some(true)]);
    let hidden = campaign.explain(&Sight::whole(&facts).without([Field::PostalCode]), Uuid::from_u128(1), GOOD, noon());
    assert_eq!((hidden.matches, hidden.reason), (None, None));
    assert_eq!(hidden.conditions.iter().map(|each| each.holds).collect::<Vec<_>>(), [Some(true), None]);
}

#[test]
fn a_price_that_hangs_on_what_is_hidden_is_not_told() {
    let mut campaign = standing();
    campaign.terms.filter = Filter::everything();
    campaign.terms.price.rules =
        vec![PriceRule { when: Filter::Is(postal()), asked: Ask::Is(postal()), amounts: amounts(Some(1), None) }];
    campaign.terms.caps = vec![Cap { period: Period::Total, leads: None, spend_minor: Some(100) }];
    let facts = facts();
    let sight = Sight::whole(&facts).without([Field::PostalCode]);
    let seen = |campaign: &Standing| campaign.explain(&sight, Uuid::from_u128(1), GOOD, noon());
    assert_eq!(
        (seen(&campaign).price, seen(&campaign).reason),
        (None, None),
        "the budget holds one of the prices and not the other"
    );
    campaign.usage = campaign.usage.plus(100);
    assert_eq!((seen(&campaign).price, seen(&campaign).reason), (None, Some(LossReason::BudgetExhausted)));
}

#[test]
fn the_first_reason_is_told() {
    let campaign = standing();
    assert_eq!(reason(&campaign, Situation { in_scope: false, ..GOOD }), Some(LossReason::FilterMismatch));
    let mut other = campaign.clone();
    other.terms.filter = Filter::Is(country("SE"));
    assert_eq!(reason(&other, GOOD), Some(LossReason::FilterMismatch));
    assert_eq!(reason(&Standing { state: CampaignState::Paused, ..campaign.clone() }, GOOD), Some(LossReason::OutOfSchedule));
    let mut none = campaign.clone();
    none.terms.share_bp = 0;
    assert_eq!(reason(&none, GOOD), Some(LossReason::NotDrawn));
    let mut full = campaign.clone();
    full.terms.caps = vec![Cap { period: Period::Total, leads: Some(1), spend_minor: None }];
    full.usage = full.usage.plus(1);
    assert_eq!(reason(&full, GOOD), Some(LossReason::CapReached));
    let mut unpriced = campaign.clone();
    unpriced.terms.price.otherwise = None;
    assert_eq!(reason(&unpriced, GOOD), Some(LossReason::FilterMismatch));
    let dear = Situation { asked: Some(amounts(Some(601), Some(1_001))), ..GOOD };
    assert_eq!(reason(&campaign, dear), Some(LossReason::BelowReserve));
    assert_eq!(reason(&campaign, Situation { asked: Some(amounts(None, None)), ..GOOD }), Some(LossReason::BelowReserve));
    assert_eq!(reason(&campaign, Situation { available_minor: 599, ..GOOD }), Some(LossReason::InsufficientFunds));
    assert_eq!(reason(&campaign, Situation { asked: None, available_minor: 600, ..GOOD }), None);
    assert_eq!(reason(&campaign, Situation { has_person: true, is_seller: true, ..GOOD }), Some(LossReason::DuplicateForBuyer));
    assert_eq!(reason(&campaign, Situation { is_seller: true, ..GOOD }), Some(LossReason::OwnLead));
    let access = |access| reason(&campaign, Situation { access, ..GOOD });
    assert_eq!(access(BuyerAccess::WalletFrozen), Some(LossReason::InsufficientFunds));
    assert_eq!(access(BuyerAccess::Suspended), Some(LossReason::Barred));
    assert_eq!(access(BuyerAccess::Full), None);
}
