//! Caps: how many leads a campaign buys and what it spends, by the hour, day, week and month of the buyer's own clock, and in
//! total.

use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::clearing::LossReason;
use crate::time::Timestamp;

text_enum! {
    /// For how long a cap holds.
    Period {
        /// A minute: the throttle.
        Minute = "MINUTE",
        /// An hour of the buyer's clock.
        Hour = "HOUR",
        /// A day of the buyer's calendar, however long it is.
        Day = "DAY",
        /// A week, from Monday.
        Week = "WEEK",
        /// A month of the calendar.
        Month = "MONTH",
        /// For ever.
        Total = "TOTAL",
    }
}

/// The most that is bought in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// For how long.
    pub period: Period,
    /// Leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads: Option<u32>,
    /// Money, in minor units of the campaign's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_minor: Option<i64>,
}

/// What was bought in the period that began at `began`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The first instant of the period.
    pub began: Timestamp,
    /// Leads bought, and leads that an open offer holds.
    pub leads: u32,
    /// What they cost, in minor units.
    pub spend_minor: i64,
}

/// What was bought in the present period of each length. It holds also what no cap asks for yet, so that a new cap counts
/// from the period's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    counts: [Count; 6],
}

impl Period {
    /// The first instant of the period in which `now` lies, by the clock of `zone`. A period that summer time cuts short or
    /// makes longer is one period.
    #[must_use]
    pub fn began(self, now: Timestamp, zone: Tz) -> Timestamp {
        let local = now.with_timezone(&zone);
        let day = |date: NaiveDate| first_instant(zone, date.and_time(NaiveTime::MIN));
        match self {
            Self::Minute => seconds_back(now, local.second()),
            Self::Hour => seconds_back(now, local.minute().saturating_mul(60).saturating_add(local.second())),
            Self::Day => day(local.date_naive()),
            Self::Week => {
                let since_monday = u64::from(local.weekday().num_days_from_monday());
                day(local.date_naive().checked_sub_days(Days::new(since_monday)).unwrap_or(local.date_naive()))
            }
            Self::Month => day(local.date_naive().with_day(1).unwrap_or(local.date_naive())),
            Self::Total => DateTime::UNIX_EPOCH,
        }
    }
}

impl Usage {
    /// Nothing bought yet.
    #[must_use]
    pub fn none(now: Timestamp, zone: Tz) -> Self {
        let count = |period: &Period| Count { began: period.began(now, zone), leads: 0, spend_minor: 0 };
        Self {
            counts: [Period::Minute, Period::Hour, Period::Day, Period::Week, Period::Month, Period::Total].map(|p| count(&p)),
        }
    }

    /// What was bought in the present period of this length, as far as this usage was rolled.
    #[must_use]
    pub fn count(&self, period: Period) -> Count {
        let [minute, hour, day, week, month, total] = self.counts;
        match period {
            Period::Minute => minute,
            Period::Hour => hour,
            Period::Day => day,
            Period::Week => week,
            Period::Month => month,
            Period::Total => total,
        }
    }

    /// The usage as of `now`: periods that have ended begin anew.
    #[must_use]
    pub fn rolled(mut self, now: Timestamp, zone: Tz) -> Self {
        for (count, period) in self.counts.iter_mut().zip(Period::ALL) {
            let began = period.began(now, zone);
            if count.began != began {
                *count = Count { began, leads: 0, spend_minor: 0 };
            }
        }
        self
    }

    /// Whether another lead at `price_minor` fits under `caps`; the usage must be rolled.
    pub fn admits(&self, caps: &[Cap], price_minor: i64) -> Result<(), LossReason> {
        for cap in caps {
            let count = self.count(cap.period);
            if cap.leads.is_some_and(|most| count.leads >= most) {
                return Err(LossReason::CapReached);
            }
            if cap.spend_minor.is_some_and(|most| count.spend_minor.saturating_add(price_minor) > most) {
                return Err(LossReason::BudgetExhausted);
            }
        }
        Ok(())
    }

    /// The usage with one more lead; it must be rolled.
    #[must_use]
    pub fn plus(mut self, price_minor: i64) -> Self {
        for count in &mut self.counts {
            count.leads = count.leads.saturating_add(1);
            count.spend_minor = count.spend_minor.saturating_add(price_minor);
        }
        self
    }

    /// The usage without a lead that was counted at `counted_at` and came to nothing: periods that began later never counted it.
    #[must_use]
    pub fn minus(mut self, price_minor: i64, counted_at: Timestamp) -> Self {
        for count in self.counts.iter_mut().filter(|count| count.began <= counted_at) {
            count.leads = count.leads.saturating_sub(1);
            count.spend_minor = count.spend_minor.saturating_sub(price_minor).max(0);
        }
        self
    }
}

fn seconds_back(now: Timestamp, secs: u32) -> Timestamp {
    let whole = now.with_nanosecond(0).unwrap_or(now);
    whole.checked_sub_signed(TimeDelta::seconds(i64::from(secs))).unwrap_or(whole)
}

/// The instant at which the clock of `zone` first shows `local`, or the first later one that it shows at all.
pub(super) fn first_instant(zone: Tz, local: NaiveDateTime) -> Timestamp {
    let mut shown = local;
    for _ in 0..=48 {
        if let Some(instant) = zone.from_local_datetime(&shown).earliest() {
            return instant.to_utc();
        }
        // Clocks that go forward skip half an hour, an hour, or, once in a century, a day.
        shown = shown.checked_add_signed(TimeDelta::minutes(30)).unwrap_or(shown);
    }
    local.and_utc()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BERLIN: Tz = Tz::Europe__Berlin;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn began(period: Period, now: &str, zone: Tz) -> String {
        period.began(at(now), zone).to_rfc3339()
    }

    #[test]
    fn periods_follow_the_buyers_calendar() {
        let now = "2026-11-25T23:30:15.5Z";
        assert_eq!(began(Period::Minute, now, BERLIN), "2026-11-25T23:30:00+00:00");
        assert_eq!(began(Period::Hour, now, BERLIN), "2026-11-25T23:00:00+00:00");
        assert_eq!(began(Period::Hour, now, Tz::Asia__Kolkata), "2026-11-25T23:30:00+00:00");
        assert_eq!(began(Period::Day, now, BERLIN), "2026-11-25T23:00:00+00:00");
        assert_eq!(began(Period::Week, now, BERLIN), "2026-11-22T23:00:00+00:00");
        assert_eq!(began(Period::Month, now, BERLIN), "2026-10-31T23:00:00+00:00");
        assert_eq!(began(Period::Total, now, BERLIN), "1970-01-01T00:00:00+00:00");
    }

    #[test]
    fn the_days_of_the_clock_change_are_days() {
        // 29 March 2026 has 23 hours in Berlin, 25 October 25.
        assert_eq!(began(Period::Day, "2026-03-29T21:59:59Z", BERLIN), "2026-03-28T23:00:00+00:00");
        assert_eq!(began(Period::Day, "2026-03-29T22:00:00Z", BERLIN), "2026-03-29T22:00:00+00:00");
        assert_eq!(began(Period::Day, "2026-10-25T22:59:59Z", BERLIN), "2026-10-24T22:00:00+00:00");
        // The hour from two to three happens twice, and each is an hour of its own.
        assert_eq!(began(Period::Hour, "2026-10-25T00:59:00Z", BERLIN), "2026-10-25T00:00:00+00:00");
        assert_eq!(began(Period::Hour, "2026-10-25T01:01:00Z", BERLIN), "2026-10-25T01:00:00+00:00");
        // Midnight of 6 September 2026 does not exist in Santiago.
        assert_eq!(began(Period::Day, "2026-09-06T12:00:00Z", Tz::America__Santiago), "2026-09-06T04:00:00+00:00");
    }

    #[test]
    fn usage_rolls_over_the_clock_change() {
        // 25 October 2026 has 25 hours in Berlin: what was bought at its beginning counts until its end.
        let bought = Usage::none(at("2026-10-24T22:00:00Z"), BERLIN).rolled(at("2026-10-24T22:00:00Z"), BERLIN).plus(500);
        let daily = |now: &str| bought.rolled(at(now), BERLIN).count(Period::Day).leads;
        assert_eq!((daily("2026-10-25T22:59:59Z"), daily("2026-10-25T23:00:00Z")), (1, 0));
        // The hour that comes twice is counted twice.
        let first = Usage::none(at("2026-10-25T00:30:00Z"), BERLIN).plus(500);
        let hourly = |now: &str| first.rolled(at(now), BERLIN).count(Period::Hour).leads;
        assert_eq!((hourly("2026-10-25T00:59:59Z"), hourly("2026-10-25T01:00:00Z")), (1, 0));
        // 29 March 2026 has 23 hours.
        let spring = Usage::none(at("2026-03-28T23:00:00Z"), BERLIN).plus(500);
        let daily = |now: &str| spring.rolled(at(now), BERLIN).count(Period::Day).leads;
        assert_eq!((daily("2026-03-29T21:59:59Z"), daily("2026-03-29T22:00:00Z")), (1, 0));
        // The same instants are another day elsewhere.
        let auckland = Usage::none(at("2026-10-25T10:00:00Z"), Tz::Pacific__Auckland).plus(500);
        let daily = |now: &str| auckland.rolled(at(now), Tz::Pacific__Auckland).count(Period::Day).leads;
        assert_eq!((daily("2026-10-25T10:59:59Z"), daily("2026-10-25T11:00:00Z")), (1, 0));
    }

    #[test]
    fn a_day_that_a_calendar_skipped_is_none() {
        // Samoa went from 29 December 2011 to the 31st.
        let skipped = NaiveDate::from_ymd_opt(2011, 12, 30).unwrap().and_time(NaiveTime::MIN);
        assert_eq!(first_instant(Tz::Pacific__Apia, skipped), at("2011-12-30T10:00:00Z"));
    }

    #[test]
    fn a_cap_names_what_is_used_up() {
        let now = at("2026-11-25T10:00:00Z");
        let usage = Usage::none(now, BERLIN).plus(700).plus(200);
        let cap = |leads, spend_minor| [Cap { period: Period::Day, leads, spend_minor }];
        assert_eq!(usage.admits(&cap(Some(3), Some(1_000)), 100), Ok(()));
        assert_eq!(usage.admits(&cap(Some(2), None), 100), Err(LossReason::CapReached));
        assert_eq!(usage.admits(&cap(None, Some(1_000)), 101), Err(LossReason::BudgetExhausted));
        let tomorrow = usage.rolled(at("2026-11-25T23:00:00Z"), BERLIN);
        assert_eq!(tomorrow.admits(&cap(Some(1), Some(100)), 100), Ok(()));
        assert_eq!((tomorrow.count(Period::Day).leads, tomorrow.count(Period::Week).leads), (0, 2));
    }

    #[test]
    fn what_came_to_nothing_is_taken_from_its_own_periods() {
        let counted_at = at("2026-11-25T22:59:30Z");
        let usage = Usage::none(counted_at, BERLIN).plus(700);
        let later = usage.rolled(at("2026-11-25T23:00:10Z"), BERLIN).plus(50);
        let without = later.minus(700, counted_at);
        assert_eq!((without.count(Period::Day).leads, without.count(Period::Day).spend_minor), (1, 50));
        assert_eq!((without.count(Period::Total).leads, without.count(Period::Total).spend_minor), (1, 50));
    }

    proptest! {
        #[test]
        fn a_period_began_before_now_and_contains_its_beginning(secs in 0_i64..4_000_000_000, which in 0..5_usize, zone in 0..500_usize) {
            let (now, zone) = (DateTime::from_timestamp(secs, 0).unwrap(), chrono_tz::TZ_VARIANTS[zone]);
            let period = Period::ALL[which];
            let first = period.began(now, zone);
            prop_assert!(first <= now, "{first} {now} {zone}");
            prop_assert!(now.signed_duration_since(first) <= TimeDelta::days(33));
            prop_assert_eq!(period.began(first, zone), first, "{} {} {:?}", zone, now, period);
        }
    }
}
