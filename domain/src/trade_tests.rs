use super::*;
use proptest::prelude::*;

const DAY: i64 = 86_400;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + secs, 0).unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Code {
    result.unwrap_err().code
}

fn sold() -> Hold {
    Hold::open(at(0), 7 * DAY, &HoldTerms::default())
}

#[test]
fn the_length_follows_the_standing() {
    let terms = HoldTerms::default();
    let lengths: Vec<_> = SellerStanding::ALL.iter().map(|standing| terms.hold_secs(*standing)).collect();
    assert_eq!(lengths, [14 * DAY, 7 * DAY, 3 * DAY]);
}

#[test]
fn the_clock_starts_at_the_first_delivery() {
    let delivered = sold().deliver(at(100)).unwrap();
    assert_eq!(delivered, Hold::Held(Clock::Running { ends_at: at(100 + 7 * DAY) }));
    assert_eq!(delivered.deliver(at(900)), Ok(delivered));
}

#[test]
fn the_clock_starts_a_day_after_the_sale_at_the_latest_however_late_anybody_looks() {
    assert_eq!(sold().due_at(), Some(at(DAY)));
    let expected = Hold::Held(Clock::Running { ends_at: at(8 * DAY) });
    assert_eq!(sold().deliver(at(DAY)), Ok(expected));
    assert_eq!(sold().deliver(at(5 * DAY)), Ok(expected));
    assert_eq!(code(sold().release(1000, 1000, at(8 * DAY - 1))), Code::OutsideWindow);
    assert_eq!(sold().release(1000, 1000, at(8 * DAY)).unwrap().0, Hold::Released { commission_minor: 100 });
}

#[test]
fn at_the_instant_of_the_end_the_release_wins() {
    let held = sold().deliver(at(0)).unwrap();
    assert!(held.freeze(at(7 * DAY - 1)).is_ok());
    assert_eq!(code(held.freeze(at(7 * DAY))), Code::OutsideWindow);
    assert_eq!(code(held.release(1000, 1000, at(7 * DAY - 1))), Code::OutsideWindow);
    assert!(held.release(1000, 1000, at(7 * DAY)).is_ok());
}

#[test]
fn a_dispute_before_the_delivery_starts_no_clock() {
    let frozen = sold().freeze(at(100)).unwrap();
    assert_eq!(frozen.resume(at(200)), Ok(sold()), "as if nothing had been said");
    let expected = Hold::Held(Clock::Running { ends_at: at(2 * DAY + 7 * DAY) });
    assert_eq!(frozen.resume(at(2 * DAY)), Ok(expected), "the latest start has passed meanwhile");
    let delivered = frozen.deliver(at(150)).unwrap();
    assert_eq!(delivered.resume(at(200)), Ok(Hold::Held(Clock::Running { ends_at: at(200 + 7 * DAY) })));
}

#[test]
fn what_ended_stays_ended() {
    let held = sold().deliver(at(0)).unwrap();
    let (released, _) = held.release(1000, 1000, at(8 * DAY)).unwrap();
    let (refunded, from) = held.refund(1000).unwrap();
    assert_eq!(from, RefundFrom::Escrow);
    let (split, shares) = held.freeze(at(1)).unwrap().split(999, RefundPart::new(5_000).unwrap(), 1000).unwrap();
    assert_eq!(shares, Shares { refund_minor: 499, commission_minor: 50, income_minor: 450 });
    for hold in [released, refunded, split] {
        assert_eq!(code(hold.release(1000, 1000, at(99 * DAY))), Code::WrongState);
        assert_eq!(code(hold.freeze(at(2))), Code::WrongState);
        assert_eq!(code(hold.resume(at(2))), Code::WrongState);
        assert_eq!(code(hold.split(1000, RefundPart::new(1).unwrap(), 0)), Code::WrongState);
        assert_eq!(hold.due_at(), None);
    }
    assert_eq!(code(refunded.refund(1000)), Code::WrongState);
    assert_eq!(code(refunded.deliver(at(3))), Code::WrongState);
    assert!(!refunded.shows_contact());
}

#[test]
fn a_refund_after_the_end_takes_back_what_each_got() {
    let released = Hold::Released { commission_minor: 100 };
    let parties = |refund_minor, commission_minor, income_minor| {
        RefundFrom::Parties(Shares { refund_minor, commission_minor, income_minor })
    };
    assert_eq!(released.refund(1000), Ok((Hold::Refunded, parties(0, 100, 900))));
    let split = Hold::Split { refund_minor: 400, commission_minor: 60 };
    assert_eq!(split.refund(1000), Ok((Hold::Refunded, parties(400, 60, 540))));
}

#[test]
fn a_split_is_neither_nothing_nor_all() {
    for bp in [-1, 0, BP_WHOLE, BP_WHOLE + 1] {
        assert_eq!(code(RefundPart::new(bp)), Code::Invalid);
    }
    assert_eq!(code(sold().split(1000, RefundPart::new(1).unwrap(), 0)), Code::WrongState);
}

proptest! {
    #[test]
    fn the_clock_runs_for_the_hold_and_not_while_disputed(
        hold_secs in 1..20 * DAY, first in 0..2 * DAY, stop_micros in 0..1_000_000_i64, stopped in 0..30 * DAY,
    ) {
        let opened = Hold::open(at(0), hold_secs, &HoldTerms::default());
        let started = first.min(DAY);
        let held = opened.deliver(at(first)).unwrap();
        let stop = plus_micros(at(first), stop_micros.min((started + hold_secs - first) * 1_000_000 - 1));
        prop_assume!(stop >= at(first));
        let resumed_at = plus_secs(stop, stopped);
        let resumed = held.freeze(stop).unwrap().resume(resumed_at).unwrap();
        prop_assert_eq!(resumed.due_at(), Some(plus_secs(at(started + hold_secs), stopped)));
    }
}
