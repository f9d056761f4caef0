//! When a campaign buys: spans of minutes on days of the week, by the buyer's own clock.

use std::str::FromStr;

use chrono::{Datelike, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

/// Minutes of a day.
pub const DAY_MINUTES: u16 = 1_440;

/// Spans that one schedule may hold.
pub(super) const MAX_SPANS: usize = 42;

text_enum! {
    /// A day of the week.
    Weekday {
        /// Monday.
        Monday = "MONDAY",
        /// Tuesday.
        Tuesday = "TUESDAY",
        /// Wednesday.
        Wednesday = "WEDNESDAY",
        /// Thursday.
        Thursday = "THURSDAY",
        /// Friday.
        Friday = "FRIDAY",
        /// Saturday.
        Saturday = "SATURDAY",
        /// Sunday.
        Sunday = "SUNDAY",
    }
}

/// A span of one day of the week, half open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySpan {
    /// The day.
    pub day: Weekday,
    /// The first minute of the day, from 0.
    pub from_minute: u16,
    /// The first minute no longer inside, up to 1,440.
    pub until_minute: u16,
}

/// Spans of the week; none means always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schedule(Vec<DaySpan>);

impl Weekday {
    /// Its place in the week, Monday 0.
    #[must_use]
    pub fn index(self) -> u8 {
        match self {
            Self::Monday => 0,
            Self::Tuesday => 1,
            Self::Wednesday => 2,
            Self::Thursday => 3,
            Self::Friday => 4,
            Self::Saturday => 5,
            Self::Sunday => 6,
        }
    }
}

impl DaySpan {
    /// The minutes of the week that it covers, both ends included, from Monday 00:00.
    #[must_use]
    pub fn minutes_of_week(self) -> (i64, i64) {
        let day = i64::from(self.day.index()).saturating_mul(i64::from(DAY_MINUTES));
        let last = i64::from(self.until_minute).saturating_sub(1);
        (day.saturating_add(i64::from(self.from_minute)), day.saturating_add(last))
    }

    /// Whether it is a span of a day.
    pub fn check(self) -> Result<(), Refusal> {
        if self.from_minute < self.until_minute && self.until_minute <= DAY_MINUTES {
            Ok(())
        } else {
            Err(Refusal::invalid("until", "a span begins and ends within one day: from 00:00 until at most 24:00"))
        }
    }
}

impl Schedule {
    /// The schedule of these spans; the refusal names the place of the one that is none.
    pub fn new(spans: Vec<DaySpan>) -> Result<Self, Refusal> {
        if spans.len() > MAX_SPANS {
            return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_SPANS} spans")));
        }
        for (index, span) in spans.iter().enumerate() {
            span.check().map_err(|refusal| refusal.at(index))?;
        }
        Ok(Self(spans))
    }

    /// Its spans.
    #[must_use]
    pub fn spans(&self) -> &[DaySpan] {
        &self.0
    }

    /// Whether the campaign buys at `now` on the clock of `zone`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp, zone: Tz) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let minute = minute_of_week(now, zone);
        let within = |span: &DaySpan| {
            let (first, last) = span.minutes_of_week();
            first <= minute && minute <= last
        };
        self.0.iter().any(within)
    }
}

/// The minute of the week that the clock of `zone` shows, from Monday 00:00.
#[must_use]
pub(super) fn minute_of_week(now: Timestamp, zone: Tz) -> i64 {
    let local = now.with_timezone(&zone);
    let days = i64::from(local.weekday().num_days_from_monday());
    let minutes = i64::from(local.hour()).saturating_mul(60).saturating_add(i64::from(local.minute()));
    days.saturating_mul(i64::from(DAY_MINUTES)).saturating_add(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(day: Weekday, from_minute: u16, until_minute: u16) -> DaySpan {
        DaySpan { day, from_minute, until_minute }
    }

    #[test]
    fn a_schedule_is_half_open_and_follows_summer_time() {
        let office = Schedule::new(vec![span(Weekday::Wednesday, 9 * 60, 18 * 60)]).unwrap();
        let open = |at: &str| office.is_open(at.parse().unwrap(), Tz::Europe__Berlin);
        assert!(!open("2026-11-25T07:59:59Z") && open("2026-11-25T08:00:00Z"));
        assert!(open("2026-11-25T16:59:59Z") && !open("2026-11-25T17:00:00Z"));
        assert!(open("2026-07-01T07:00:00Z") && !open("2026-07-01T16:00:00Z"));
        assert!(!open("2026-11-26T10:00:00Z"));
        assert!(Schedule::default().is_open("2026-11-26T10:00:00Z".parse().unwrap(), Tz::UTC));
    }

    #[test]
    fn a_span_ends_within_its_day() {
        assert_eq!(span(Weekday::Sunday, 0, DAY_MINUTES).check(), Ok(()));
        assert_eq!(span(Weekday::Sunday, 0, DAY_MINUTES).minutes_of_week(), (6 * 1_440, 7 * 1_440 - 1));
        for (from, until) in [(600, 600), (700, 600), (0, DAY_MINUTES + 1)] {
            let refusal = Schedule::new(vec![span(Weekday::Monday, 1, 2), span(Weekday::Monday, from, until)]).unwrap_err();
            assert_eq!(refusal.path, ["1", "until"]);
        }
        assert_eq!(Schedule::new(vec![span(Weekday::Monday, 1, 2); MAX_SPANS + 1]).unwrap_err().code, Code::TooLarge);
    }
}
