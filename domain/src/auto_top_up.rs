//! A wallet that fills itself from a saved card when it runs low.

use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::time::{Timestamp, Window};

text_enum! {
    /// Whether a wallet fills itself.
    AutoTopUpState {
        /// It does.
        Active = "ACTIVE",
        /// The card was declined: it waits until it is set again.
        Paused = "PAUSED",
        /// It was turned off.
        Off = "OFF",
    }
}

/// What decides whether a wallet fills itself now, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// What can be spent.
    pub available_minor: i64,
    /// Below this it fills itself.
    pub threshold_minor: i64,
    /// By this much.
    pub amount_minor: i64,
    /// What it has filled itself by in this month, what is under way included.
    pub month_minor: i64,
    /// The most in a month.
    pub monthly_max_minor: i64,
}

impl Level {
    /// Whether the wallet is low and the month leaves room.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let after = self.month_minor.saturating_add(self.amount_minor);
        self.available_minor < self.threshold_minor && after <= self.monthly_max_minor
    }
}

/// The calendar month, in UTC, in which `now` lies.
#[must_use]
pub fn month_of(now: Timestamp) -> Window {
    let first = |year: i32, month: u32| NaiveDate::from_ymd_opt(year, month, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
    let (year, month) = (now.year(), now.month());
    let (next_year, next_month) = if month == 12 { (year.saturating_add(1), 1) } else { (year, month.saturating_add(1)) };
    let at = |start: Option<chrono::NaiveDateTime>| start.map_or(now, |start| start.and_utc());
    Window { from: at(first(year, month)), until: at(first(next_year, next_month)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    #[test]
    fn it_fills_itself_below_the_threshold_and_within_the_month() {
        let level = Level { available_minor: 99, threshold_minor: 100, amount_minor: 50, month_minor: 0, monthly_max_minor: 100 };
        assert!(level.is_due());
        assert!(!Level { available_minor: 100, ..level }.is_due());
        assert!(Level { month_minor: 50, ..level }.is_due());
        assert!(!Level { month_minor: 51, ..level }.is_due());
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let month = month_of(Utc.with_ymd_and_hms(2026, 12, 31, 23, 59, 59).unwrap());
        assert_eq!(month.from, Utc.with_ymd_and_hms(2026, 12, 1, 0, 0, 0).unwrap());
        assert_eq!(month.until, Utc.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).unwrap());
    }
}
