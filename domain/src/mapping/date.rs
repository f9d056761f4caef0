//! Dates and instants as files write them.

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;

use crate::time::{Timestamp, truncated};

/// Formats tried when a mapping names none.
const DEFAULT_FORMATS: &[&str] = &["%Y-%m-%d", "%+", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"];

/// Seconds or milliseconds since 1970.
const UNIX: &str = "unix";
const UNIX_MILLIS: &str = "unix-ms";

/// Years that a date of a lead may have; others are slips such as `0021` or day and year mixed up.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2100;

/// The longest text read as a date, in bytes.
const MAX_DATE_LEN: usize = 64;

/// Formats of one column, tried in order, and the zone of instants without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DateFormat {
    formats: Vec<String>,
    zone: Tz,
}

impl DateFormat {
    /// Formats in strftime notation, or `unix`, `unix-ms`; none stands for ISO 8601. The error names the bad format.
    pub(super) fn new(formats: &[String], zone: Tz) -> Result<Self, String> {
        let valid = |format: &str| {
            matches!(format, UNIX | UNIX_MILLIS) || !StrftimeItems::new(format).any(|item| matches!(item, Item::Error))
        };
        if let Some(bad) = formats.iter().find(|format| format.is_empty() || !valid(format)) {
            return Err(format!("`{bad}` is not a date format: use strftime notation such as `%d.%m.%Y`, `unix` or `unix-ms`"));
        }
        let formats =
            if formats.is_empty() { DEFAULT_FORMATS.iter().map(ToString::to_string).collect() } else { formats.to_vec() };
        Ok(Self { formats, zone })
    }

    /// The day, when one of the formats fits and the year is plausible.
    pub(super) fn read_date(&self, text: &str) -> Option<NaiveDate> {
        self.first(text, |parsed, _| parsed.to_naive_date().ok(), |instant| instant.with_timezone(&self.zone).date_naive())
            .filter(|date| YEARS.contains(&date.year()))
    }

    /// The instant, when one of the formats fits and the year is plausible; a day alone is its midnight.
    pub(super) fn read_instant(&self, text: &str) -> Option<Timestamp> {
        self.first(text, instant_of, |instant| instant).filter(|instant| YEARS.contains(&instant.year())).map(truncated)
    }

    fn first<T>(&self, text: &str, read: impl Fn(&Parsed, Tz) -> Option<T>, convert: impl Fn(Timestamp) -> T) -> Option<T> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_DATE_LEN {
            return None;
        }
        self.formats.iter().find_map(|format| match format.as_str() {
            UNIX => text.parse().ok().and_then(|secs| DateTime::from_timestamp(secs, 0)).map(&convert),
            UNIX_MILLIS => text.parse().ok().and_then(DateTime::from_timestamp_millis).map(&convert),
            format => {
                let mut parsed = Parsed::new();
                parse(&mut parsed, text, StrftimeItems::new(format)).ok()?;
                read(&parsed, self.zone)
            }
        })
    }
}

fn instant_of(parsed: &Parsed, zone: Tz) -> Option<Timestamp> {
    if let Ok(instant) = parsed.to_datetime() {
        return Some(instant.to_utc());
    }
    let time = parsed.to_naive_time().unwrap_or(NaiveTime::MIN);
    let local = parsed.to_naive_date().ok()?.and_time(time);
    zone.from_local_datetime(&local).earliest().map(|instant| instant.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn format(formats: &[&str], zone: Tz) -> DateFormat {
        DateFormat::new(&formats.iter().map(ToString::to_string).collect::<Vec<_>>(), zone).unwrap()
    }

    #[test]
    fn days_in_several_notations() {
        let day = NaiveDate::from_ymd_opt(2024, 3, 31).unwrap();
        assert_eq!(format(&[], Tz::UTC).read_date("2024-03-31"), Some(day));
        assert_eq!(format(&["%d.%m.%Y", "%d/%m/%y"], Tz::UTC).read_date("31/03/24"), Some(day));
        assert_eq!(format(&["%d %b %Y"], Tz::UTC).read_date("31 mar 2024"), Some(day));
        assert_eq!(format(&[], Tz::UTC).read_date("0024-03-31"), None);
        assert_eq!(format(&["%d.%m.%Y"], Tz::UTC).read_date("31.02.2024"), None);
        assert!(DateFormat::new(&["%Q".to_owned()], Tz::UTC).is_err());
    }

    #[test]
    fn instants_take_the_zone_of_the_file() {
        let lisbon: Tz = "Europe/Lisbon".parse().unwrap();
        let summer = format(&["%d.%m.%Y %H:%M"], lisbon).read_instant("01.07.2024 12:30").unwrap();
        assert_eq!(summer.to_rfc3339(), "2024-07-01T11:30:00+00:00");
        assert_eq!(
            format(&[], lisbon).read_instant("2024-07-01T12:30:00+02:00").unwrap().to_rfc3339(),
            "2024-07-01T10:30:00+00:00"
        );
        assert_eq!(format(&["unix"], lisbon).read_instant("1719829800").unwrap().to_rfc3339(), "2024-07-01T10:30:00+00:00");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,80}", pattern in ".{0,12}") {
            if let Ok(format) = DateFormat::new(&[pattern], Tz::Europe__Lisbon) {
                let _ = (format.read_date(&text), format.read_instant(&text));
            }
        }
    }
}
