use super::opening::{Opening, open};
use super::*;
use crate::dispute::cap::ReturnCap;
use crate::dispute::reason::{DisputeClaim, DisputeDetail};
use crate::evidence::{AttemptDisposition, CallAttempt, LoggedCall, UnreachableRule};
use crate::proof::AutomaticProof;
use crate::trade::{Clock, Hold};
use proptest::prelude::*;
use uuid::Uuid;

const HOUR: i64 = 3600;
const FILE: NewEvidence = NewEvidence { texts: 0, files: 1, calls: 0 };
const WORDS: NewEvidence = NewEvidence { texts: 1, files: 0, calls: 0 };

fn terms() -> Terms {
    Terms::default()
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + secs, 0).unwrap()
}

fn arbiter(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn percent(value: i64) -> Percent {
    Percent::new(value).unwrap()
}

fn opened() -> State {
    State::Open { answer_by: at(48 * HOUR) }
}

fn step(state: State, command: Command, secs: i64) -> State {
    decide(state, command, at(secs), &terms()).unwrap().state
}

fn reviewed() -> State {
    step(opened(), Command::Contest { evidence: 1, arbiter: Some(arbiter(1)) }, HOUR)
}

fn rule(arbiter: UserId, refund: i64) -> Command {
    Command::Rule { arbiter, refund: percent(refund), confirm: false, second: None }
}

fn code(result: Result<Decision, Refusal>) -> Code {
    result.unwrap_err().code
}

fn settled(refund: i64, commission_waived: bool) -> Option<Settlement> {
    Some(Settlement::Settle { refund: percent(refund), commission_waived })
}

#[test]
fn the_seller_accepts_or_is_silent_until_the_deadline_and_not_a_moment_longer() {
    let last = 48 * HOUR - 1;
    for (command, secs, cause) in [
        (Command::Accept, last, RefundCause::SellerAccepted),
        (Command::Expire { on_the_evidence: Percent::NONE }, 48 * HOUR, RefundCause::SellerSilent),
    ] {
        let decision = decide(opened(), command, at(secs), &terms()).unwrap();
        assert_eq!(decision, Decision { state: State::Refunded { cause }, settlement: settled(100, false) });
    }
    let late = |command| code(decide(opened(), command, at(48 * HOUR), &terms()));
    assert_eq!(late(Command::Accept), Code::OutsideWindow);
    assert_eq!(late(Command::Withdraw), Code::OutsideWindow);
    assert_eq!(late(Command::Contest { evidence: 1, arbiter: None }), Code::OutsideWindow);
    let early = decide(opened(), Command::Expire { on_the_evidence: Percent::NONE }, at(last), &terms());
    assert_eq!(code(early), Code::OutsideWindow);
}

#[test]
fn contesting_takes_evidence() {
    let bare = decide(opened(), Command::Contest { evidence: 0, arbiter: None }, at(0), &terms());
    assert_eq!(code(bare), Code::Required);
    assert_eq!(reviewed().timer(), Some(at(73 * HOUR)));
    assert_eq!(reviewed().arbiter(), Some(arbiter(1)));
}

#[test]
fn the_buyer_withdraws_before_a_ruling_only() {
    for state in [opened(), reviewed()] {
        let decision = decide(state, Command::Withdraw, at(2 * HOUR), &terms()).unwrap();
        assert_eq!(decision, Decision { state: State::Withdrawn, settlement: Some(Settlement::Resume) });
    }
    let ruled = step(reviewed(), rule(arbiter(1), 0), 2 * HOUR);
    assert_eq!(code(decide(ruled, Command::Withdraw, at(2 * HOUR), &terms())), Code::WrongState);
}

#[test]
fn a_ruling_is_final_when_nobody_appeals() {
    for (refund, status) in [(100, DisputeStatus::Upheld), (0, DisputeStatus::Rejected), (30, DisputeStatus::Split)] {
        let ruled = step(reviewed(), rule(arbiter(1), refund), 10 * HOUR);
        assert_eq!((ruled.status(), ruled.timer()), (status, Some(at(58 * HOUR))));
        let decision = decide(ruled, Command::Expire { on_the_evidence: Percent::HALF }, at(58 * HOUR), &terms()).unwrap();
        assert_eq!((decision.state.status(), decision.settlement), (DisputeStatus::Final, settled(refund, false)));
        assert_eq!(decision.state.proved(), Some(percent(refund)));
    }
}

#[test]
fn only_the_arbiter_in_charge_rules_and_in_time() {
    assert_eq!(code(decide(reviewed(), rule(arbiter(2), 0), at(2 * HOUR), &terms())), Code::Forbidden);
    assert_eq!(code(decide(reviewed(), rule(arbiter(1), 0), at(73 * HOUR), &terms())), Code::OutsideWindow);
    assert!(decide(reviewed(), rule(arbiter(1), 0), at(73 * HOUR - 1), &terms()).is_ok());
    assert_eq!(code(decide(opened(), rule(arbiter(1), 0), at(0), &terms())), Code::WrongState);
}

#[test]
fn a_silent_arbiter_stalls_nothing_and_the_exchange_takes_nothing() {
    let ruled = step(reviewed(), Command::Expire { on_the_evidence: percent(50) }, 73 * HOUR);
    assert_eq!((ruled.status(), ruled.timer()), (DisputeStatus::Split, Some(at(121 * HOUR))));
    let last = decide(ruled.clone(), Command::Expire { on_the_evidence: Percent::ALL }, at(121 * HOUR), &terms()).unwrap();
    assert_eq!(last.settlement, settled(50, true));
    let appeal = Command::Appeal { by: TradeParty::Seller, new_evidence: FILE, arbiter: Some(arbiter(2)) };
    let appealed = step(ruled, appeal, 80 * HOUR);
    let decision = decide(appealed, rule(arbiter(2), 10), at(81 * HOUR), &terms()).unwrap();
    assert_eq!((decision.state.status(), decision.settlement), (DisputeStatus::Final, settled(10, true)));
}

#[test]
fn an_appeal_is_once_with_new_evidence_by_who_lost_before_another_arbiter() {
    let ruled = step(reviewed(), rule(arbiter(1), 100), 10 * HOUR);
    let appeal = |by, new_evidence, n| Command::Appeal { by, new_evidence, arbiter: Some(arbiter(n)) };
    let answer = |command, secs| decide(ruled.clone(), command, at(secs), &terms());
    assert_eq!(code(answer(appeal(TradeParty::Seller, NewEvidence::default(), 2), 11 * HOUR)), Code::Required);
    assert_eq!(code(answer(appeal(TradeParty::Seller, WORDS, 2), 11 * HOUR)), Code::Required, "an arbiter has read words");
    assert_eq!(code(answer(appeal(TradeParty::Buyer, FILE, 2), 11 * HOUR)), Code::WrongState);
    assert_eq!(code(answer(appeal(TradeParty::Seller, FILE, 1), 11 * HOUR)), Code::Conflict);
    assert_eq!(code(answer(appeal(TradeParty::Seller, FILE, 2), 58 * HOUR)), Code::OutsideWindow);
    assert!(answer(appeal(TradeParty::Seller, NewEvidence { calls: 1, ..NewEvidence::default() }, 2), 11 * HOUR).is_ok());
    let appealed = answer(appeal(TradeParty::Seller, FILE, 2), 58 * HOUR - 1).unwrap().state;
    assert_eq!(code(decide(appealed.clone(), Command::Withdraw, at(59 * HOUR), &terms())), Code::WrongState);
    let decision = decide(appealed, rule(arbiter(2), 0), at(59 * HOUR), &terms()).unwrap();
    assert_eq!((decision.state.status(), decision.settlement), (DisputeStatus::Final, settled(0, false)));
    assert_eq!(code(decide(decision.state, appeal(TradeParty::Buyer, FILE, 3), at(60 * HOUR), &terms())), Code::WrongState);
}

#[test]
fn a_large_price_takes_two_arbiters_and_a_third_when_they_differ() {
    let ruling = |n, second| Command::Rule { arbiter: arbiter(n), refund: Percent::ALL, confirm: true, second };
    let confirming = step(reviewed(), ruling(1, Some(arbiter(2))), 70 * HOUR);
    assert_eq!((confirming.status(), confirming.timer()), (DisputeStatus::UnderReview, Some(at(142 * HOUR))));
    assert!(evidence_allowed(&confirming, at(71 * HOUR)).is_err());
    let confirm = |n, agrees, third| Command::Confirm { arbiter: arbiter(n), agrees, third };
    assert_eq!(code(decide(confirming.clone(), confirm(1, true, None), at(71 * HOUR), &terms())), Code::Forbidden);
    let agreed = step(confirming.clone(), confirm(2, true, None), 71 * HOUR);
    let State::Ruled { ruling: agreed, served, .. } = agreed else { panic!("not ruled") };
    assert_eq!((agreed.by, agreed.confirmed_by), (RuledBy::Arbiter(arbiter(1)), Some(arbiter(2))));
    assert_eq!(served, [arbiter(1), arbiter(2)]);
    let differing = step(confirming.clone(), confirm(2, false, Some(arbiter(3))), 71 * HOUR);
    assert_eq!(differing.arbiter(), Some(arbiter(3)));
    for state in [confirming, differing.clone()] {
        assert_eq!(code(decide(state, Command::Withdraw, at(71 * HOUR), &terms())), Code::WrongState, "an arbiter has ruled");
    }
    assert_eq!(step(differing, ruling(3, None), 72 * HOUR).status(), DisputeStatus::Upheld);
    assert_eq!(step(reviewed(), rule(arbiter(1), 100), 2 * HOUR).status(), DisputeStatus::Upheld);
}

#[test]
fn a_price_is_large_above_the_figure_of_its_currency() {
    let money = |minor, currency: &str| Money::new(minor, currency.parse().unwrap());
    let rule = ConfirmAbove { minor: [(Currency::EUR, 100_000), ("JPY".parse().unwrap(), 160_000)].into(), other_minor: 50_000 };
    assert!(!rule.applies_to(money(100_000, "EUR")) && rule.applies_to(money(100_001, "EUR")));
    assert!(!rule.applies_to(money(160_000, "JPY")) && rule.applies_to(money(160_001, "JPY")));
    assert!(!rule.applies_to(money(50_000, "NOK")) && rule.applies_to(money(50_001, "NOK")));
}

#[test]
fn words_are_new_where_no_person_has_read_any() {
    let ruled = step(reviewed(), Command::Expire { on_the_evidence: Percent::NONE }, 73 * HOUR);
    let appeal = Command::Appeal { by: TradeParty::Buyer, new_evidence: WORDS, arbiter: Some(arbiter(2)) };
    assert_eq!(step(ruled, appeal, 80 * HOUR).status(), DisputeStatus::UnderReview);
}

#[test]
fn an_arbiter_steps_aside_without_buying_time() {
    let passed = step(reviewed(), Command::Recuse { arbiter: arbiter(1), next: Some(arbiter(2)) }, 5 * HOUR);
    assert_eq!((passed.arbiter(), passed.timer()), (Some(arbiter(2)), reviewed().timer()));
    let back = Command::Recuse { arbiter: arbiter(2), next: Some(arbiter(1)) };
    assert_eq!(code(decide(passed.clone(), back, at(6 * HOUR), &terms())), Code::Conflict);
    let alone = step(passed, Command::Recuse { arbiter: arbiter(2), next: None }, 6 * HOUR);
    assert_eq!(alone.arbiter(), None);
    assert_eq!(step(alone, Command::Assign { arbiter: arbiter(3) }, 7 * HOUR).arbiter(), Some(arbiter(3)));
}

fn opening() -> Opening {
    Opening {
        claim: DisputeClaim::Mistake,
        detail: DisputeDetail::WrongPerson,
        hold: Hold::Held(Clock::Running { ends_at: at(100 * HOUR) }),
        disputed_before: false,
        traded_at: at(0),
        calls: Vec::new(),
        files: 0,
        recent_trades: 5,
        recent_disputes: 0,
        proof: None,
    }
}

fn try_open(opening: &Opening, secs: i64) -> Result<State, Code> {
    let unreachable = UnreachableRule::in_zone(chrono_tz::UTC);
    open(opening, at(secs), &terms(), &ReturnCap::default(), &unreachable).map(|o| o.state).map_err(|r| r.code)
}

#[test]
fn a_claim_opens_inside_the_hold_once() {
    assert_eq!(try_open(&opening(), HOUR), Ok(State::Open { answer_by: at(49 * HOUR) }));
    assert!(try_open(&opening(), 100 * HOUR - 1).is_ok());
    assert_eq!(try_open(&opening(), 100 * HOUR), Err(Code::OutsideWindow));
    assert_eq!(try_open(&Opening { disputed_before: true, ..opening() }, HOUR), Err(Code::WrongState));
    let ended = Opening { hold: Hold::Released { commission_minor: 1 }, ..opening() };
    assert_eq!(try_open(&ended, HOUR), Err(Code::WrongState));
    let pretext = Opening { claim: DisputeClaim::NoAnswer, ..opening() };
    assert_eq!(try_open(&pretext, HOUR), Err(Code::Invalid));
}

#[test]
fn the_cap_asks_for_evidence_and_a_proof_needs_none() {
    let many = Opening { recent_trades: 20, recent_disputes: 3, ..opening() };
    assert_eq!(try_open(&many, HOUR), Err(Code::Required));
    assert!(try_open(&Opening { recent_disputes: 2, ..many.clone() }, HOUR).is_ok());
    assert!(try_open(&Opening { files: 1, ..many.clone() }, HOUR).is_ok());
    let dead = Opening { detail: DisputeDetail::DeadNumber, ..many };
    assert_eq!(try_open(&dead, HOUR), Err(Code::OutsideWindow), "the trade is younger than a day");
    let called = |secs| {
        let attempt = CallAttempt { at: at(secs), duration_secs: 0, disposition: AttemptDisposition::OutOfService };
        LoggedCall { attempt, recorded_at: at(secs) }
    };
    let (call, later) = (called(HOUR), called(30 * HOUR));
    assert_eq!(try_open(&Opening { calls: vec![call, later], ..dead.clone() }, 31 * HOUR), Err(Code::Required));
    assert!(try_open(&Opening { calls: vec![call, call, later], ..dead.clone() }, 31 * HOUR).is_ok());
    let proved = Opening { proof: Some(AutomaticProof::PhoneImpossible), ..dead };
    assert_eq!(try_open(&proved, HOUR), Ok(State::Refunded { cause: RefundCause::AutomaticProof }));
    assert_eq!(try_open(&proved, 100 * HOUR), Err(Code::OutsideWindow), "a proof does not open an ended hold");
}

fn any_arbiter() -> impl Strategy<Value = UserId> {
    (1u128..6).prop_map(arbiter)
}

fn any_command() -> impl Strategy<Value = Command> {
    let user = any_arbiter;
    let maybe = || proptest::option::of(any_arbiter());
    let party = prop_oneof![Just(TradeParty::Buyer), Just(TradeParty::Seller)];
    let part = || (0i64..=100).prop_map(percent);
    prop_oneof![
        1 => Just(Command::Accept),
        4 => (0u64..3, maybe()).prop_map(|(evidence, arbiter)| Command::Contest { evidence, arbiter }),
        1 => Just(Command::Withdraw),
        3 => user().prop_map(|arbiter| Command::Assign { arbiter }),
        8 => (user(), part(), any::<bool>(), maybe())
            .prop_map(|(arbiter, refund, confirm, second)| Command::Rule { arbiter, refund, confirm, second }),
        8 => (user(), any::<bool>(), maybe()).prop_map(|(arbiter, agrees, third)| Command::Confirm { arbiter, agrees, third }),
        4 => (user(), maybe()).prop_map(|(arbiter, next)| Command::Recuse { arbiter, next }),
        6 => (party, 0u64..3, maybe()).prop_map(|(by, files, arbiter)| {
            Command::Appeal { by, new_evidence: NewEvidence { files, ..WORDS }, arbiter }
        }),
        1 => Just(Command::Refund { cause: RefundCause::ClassRefund }),
        4 => part().prop_map(|on_the_evidence| Command::Expire { on_the_evidence }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever anybody tries: a state has a timer exactly when it is not final, the money is told where to go exactly at the
    /// step into a final state, a final state never moves, and silence alone ends every dispute within four deadlines.
    #[test]
    fn money_always_has_a_way_out(commands in proptest::collection::vec((any_command(), 0i64..40), 0..30)) {
        let (mut state, mut hour, mut settlements) = (opened(), 0, 0);
        for (command, hours) in commands {
            hour += hours;
            let before = state.clone();
            match decide(state.clone(), command, at(hour * HOUR), &terms()) {
                Err(_) => prop_assert_eq!(&state, &before),
                Ok(decision) => {
                    prop_assert!(!before.is_final());
                    prop_assert_eq!(decision.settlement.is_some(), decision.state.is_final());
                    settlements += usize::from(decision.settlement.is_some());
                    state = decision.state;
                }
            }
            prop_assert_eq!(state.timer().is_none(), state.is_final());
            if let Some(arbiter) = state.arbiter() {
                prop_assert!(matches!(&state, State::UnderReview(review) if !review.served.contains(&arbiter)));
            }
        }
        for _ in 0..4 {
            let Some(deadline) = state.timer() else { break };
            let expired = decide(state, Command::Expire { on_the_evidence: Percent::HALF }, deadline, &terms()).unwrap();
            settlements += usize::from(expired.settlement.is_some());
            state = expired.state;
        }
        prop_assert!(state.is_final());
        prop_assert_eq!(settlements, 1);
    }

    #[test]
    fn every_state_survives_storage(commands in proptest::collection::vec(any_command(), 0..12)) {
        let mut state = opened();
        for command in commands {
            if let Ok(decision) = decide(state.clone(), command, at(HOUR), &terms()) {
                state = decision.state;
            }
        }
        let text = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
    }
}
