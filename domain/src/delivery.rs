//! Bringing bought leads to where their buyers work: kinds of destinations, where a delivery stands, when it is tried again, and how fast a
//! destination is sent leads.

use std::str::FromStr;

use chrono::{Days, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::refusal::{Code, Refusal};
use crate::time::{Timestamp, listed_pause_secs, plus_secs};

/// Most destinations of one campaign.
pub const MAX_CAMPAIGN_DESTINATIONS: usize = 5;
/// The pauses after the first, the second, ... failed try, in seconds; the last one repeats.
const PAUSES_SECS: &[i64] = &[5, 60, 300, 900, 1_800, 3_600, 7_200];
/// By how much a pause is shortened at the most, in percent, so that what failed together does not come back together.
const JITTER_PERCENT: i64 = 20;
/// Most hours of a schedule.
const MAX_HOURS: usize = 24;

text_enum! {
    /// The system that leads are brought to.
    DestinationKind {
        /// A HubSpot form.
        HubspotForm = "HUBSPOT_FORM",
        /// A HubSpot contact.
        HubspotContact = "HUBSPOT_CONTACT",
        /// Salesforce Web-to-Lead.
        SalesforceWeb = "SALESFORCE_WEB",
        /// A Salesforce lead over REST.
        SalesforceRest = "SALESFORCE_REST",
        /// A Pipedrive person and lead.
        Pipedrive = "PIPEDRIVE",
        /// A Bitrix24 lead.
        Bitrix24 = "BITRIX24",
        /// A Kommo (amoCRM) lead with its contact.
        Kommo = "KOMMO",
        /// A hook of Zapier, Make, n8n or the like.
        Hook = "HOOK",
        /// Any HTTP endpoint.
        Http = "HTTP",
        /// ADF/XML for car dealers.
        Adf = "ADF",
        /// E-mail.
        Email = "EMAIL",
        /// A CSV file, written by a schedule.
        Csv = "CSV",
    }
}

text_enum! {
    /// Where a delivery stands.
    DeliveryState {
        /// It is to be tried, or tried again.
        Waiting = "WAITING",
        /// The other side has the lead.
        Delivered = "DELIVERED",
        /// It was given up; `deliveryRetry` tries it once more.
        Failed = "FAILED",
        /// The trade was refunded or the person's data destroyed before it was delivered.
        Stopped = "STOPPED",
    }
}

text_enum! {
    /// What an attempt came to.
    AttemptOutcome {
        /// The other side took the lead.
        Accepted = "ACCEPTED",
        /// The other side had it already.
        Duplicate = "DUPLICATE",
        /// The other side took this step, and needs another.
        Continued = "CONTINUED",
        /// The other side refuses this lead.
        Rejected = "REJECTED",
        /// The other side wants nothing more (410).
        Unsubscribed = "UNSUBSCRIBED",
        /// Nothing is decided yet.
        Retry = "RETRY",
        /// No lead can pass until the settings are changed.
        Broken = "BROKEN",
    }
}

/// When files are written: at full hours of a clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSchedule {
    /// The hours, 0 to 23, in order and each once.
    hours: Vec<u32>,
    /// The clock.
    zone: Tz,
}

impl FileSchedule {
    /// A schedule of these hours on the clock of `zone`.
    pub fn new(hours: &[i32], zone: &str) -> Result<Self, Refusal> {
        if hours.len() > MAX_HOURS {
            return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_HOURS} hours")).at("hours"));
        }
        let hour = |(at, hour): (usize, &i32)| {
            let hour = u32::try_from(*hour).ok().filter(|hour| *hour < 24);
            hour.ok_or_else(|| Refusal::new(Code::Invalid, "an hour from 0 to 23").at(at).at("hours"))
        };
        let mut hours = hours.iter().enumerate().map(hour).collect::<Result<Vec<_>, _>>()?;
        hours.sort_unstable();
        hours.dedup();
        if hours.is_empty() {
            return Err(Refusal::required("hours"));
        }
        let zone = zone.parse().map_err(|_| Refusal::invalid("timeZone", "a time zone such as `Europe/Berlin`"))?;
        Ok(Self { hours, zone })
    }

    /// The hours.
    #[must_use]
    pub fn hours(&self) -> &[u32] {
        &self.hours
    }

    /// The name of the clock.
    #[must_use]
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// The first scheduled instant behind `now`. An hour that the clock leaves out in spring is left out.
    #[must_use]
    pub fn next_after(&self, now: Timestamp) -> Timestamp {
        let today = now.with_timezone(&self.zone).date_naive();
        let days = (0..3).filter_map(|days| today.checked_add_days(Days::new(days)));
        let times = days
            .flat_map(|day| self.hours.iter().filter_map(move |hour| Some(day.and_time(NaiveTime::from_hms_opt(*hour, 0, 0)?))));
        let instants = times.filter_map(|time| self.zone.from_local_datetime(&time).earliest());
        let next = instants.map(|at| at.to_utc()).find(|at| *at > now);
        next.unwrap_or_else(|| plus_secs(now, 86_400))
    }
}

/// When the leads of a destination are written to files, and who is told of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePlan {
    /// When.
    pub schedule: FileSchedule,
    /// Addresses that get a mail with a link to each file.
    pub notify: Vec<String>,
}

/// When a delivery that has failed `failed` times is tried again, or `None` when that would be at `give_up_at` or later. `asked_secs` is what
/// the other side asks for, `chance` any number.
#[must_use]
pub fn next_attempt_at(
    failed: i64,
    asked_secs: Option<i64>,
    chance: u64,
    now: Timestamp,
    give_up_at: Timestamp,
) -> Option<Timestamp> {
    let usual = listed_pause_secs(PAUSES_SECS, failed);
    let off = i64::try_from(chance.checked_rem(1_000).unwrap_or(0)).unwrap_or(0);
    // What was asked for is waited for, and up to a fifth longer; a pause of our own is up to a fifth shorter.
    let part = |secs: i64| secs.saturating_mul(1_000).saturating_mul(JITTER_PERCENT).saturating_mul(off).saturating_div(100_000);
    let millis = match asked_secs {
        Some(secs) => secs.max(1).saturating_mul(1_000).saturating_add(part(secs.clamp(1, 60))),
        None => usual.saturating_mul(1_000).saturating_sub(part(usual)),
    };
    let at = plus_millis(now, millis);
    (at < give_up_at).then_some(at)
}

/// How fast a destination is sent leads: `burst` at once, and then one every `interval_millis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// Leads at once, at least 1.
    pub burst: u32,
    /// Milliseconds from one to the next in the long run.
    pub interval_millis: u32,
}

impl Pacing {
    /// Whether a lead may be sent at `now`, to a destination that is booked until `until`: until when it is booked then, or else when the next
    /// lead may be sent.
    pub fn book(self, until: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Timestamp> {
        let until = until.map_or(now, |until| until.max(now));
        let free_at = plus_millis(until, self.tolerance_millis().saturating_neg());
        if free_at <= now { Ok(self.after(until)) } else { Err(free_at) }
    }

    /// Until when a destination is booked behind one more lead.
    #[must_use]
    pub fn after(self, until: Timestamp) -> Timestamp {
        plus_millis(until, i64::from(self.interval_millis))
    }

    /// Until when a destination is booked that must be left alone until `at`.
    #[must_use]
    pub fn paused_until(self, at: Timestamp) -> Timestamp {
        plus_millis(at, self.tolerance_millis())
    }

    fn tolerance_millis(self) -> i64 {
        i64::from(self.burst.saturating_sub(1)).saturating_mul(i64::from(self.interval_millis))
    }
}

fn plus_millis(instant: Timestamp, millis: i64) -> Timestamp {
    TimeDelta::try_milliseconds(millis).and_then(|delta| instant.checked_add_signed(delta)).unwrap_or(Timestamp::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn pauses_grow_and_end() {
        let now = at("2026-03-02T09:00:00Z");
        let day = plus_secs(now, 86_400);
        let pause = |failed, chance| next_attempt_at(failed, None, chance, now, day).map(|at| (at - now).num_milliseconds());
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 7, 8].map(|failed| pause(failed, 0).unwrap() / 1_000),
            [5, 60, 300, 900, 1_800, 3_600, 7_200, 7_200]
        );
        assert_eq!((pause(2, 500), pause(2, 999)), (Some(54_000), Some(48_012)));
        assert_eq!(next_attempt_at(1, Some(30), 0, now, day), Some(plus_secs(now, 30)));
        assert_eq!(next_attempt_at(1, Some(30), 500, now, day), Some(plus_secs(now, 33)));
        assert_eq!(next_attempt_at(1, Some(86_400), 0, now, day), None);
        assert_eq!(next_attempt_at(1, None, 0, now, plus_secs(now, 5)), None);
    }

    #[test]
    fn a_destination_is_sent_a_burst_and_then_one_by_one() {
        let now = at("2026-03-02T09:00:00Z");
        let pacing = Pacing { burst: 3, interval_millis: 500 };
        let mut until = None;
        for _ in 0..3 {
            until = Some(pacing.book(until, now).unwrap());
        }
        assert_eq!(pacing.book(until, now), Err(now + TimeDelta::milliseconds(500)));
        assert!(pacing.book(until, now + TimeDelta::milliseconds(500)).is_ok());
        let alone = pacing.paused_until(plus_secs(now, 60));
        assert_eq!(pacing.book(Some(alone), plus_secs(now, 59)), Err(plus_secs(now, 60)));
        assert!(pacing.book(Some(alone), plus_secs(now, 60)).is_ok());
    }

    #[test]
    fn files_are_written_at_the_hours_of_a_clock() {
        let schedule = FileSchedule::new(&[18, 6, 6], "Europe/Lisbon").unwrap();
        assert_eq!((schedule.hours(), schedule.zone()), ([6, 18].as_slice(), "Europe/Lisbon"));
        assert_eq!(schedule.next_after(at("2026-03-02T06:00:00Z")), at("2026-03-02T18:00:00Z"));
        assert_eq!(schedule.next_after(at("2026-07-02T17:30:00Z")), at("2026-07-03T05:00:00Z"));
        // In the night of the change, 02:00 does not exist in Berlin.
        let nightly = FileSchedule::new(&[2], "Europe/Berlin").unwrap();
        assert_eq!(nightly.next_after(at("2026-03-28T12:00:00Z")), at("2026-03-30T00:00:00Z"));
        assert_eq!(FileSchedule::new(&[], "UTC").unwrap_err().path, ["hours"]);
        assert_eq!(FileSchedule::new(&[1, 24], "UTC").unwrap_err().path, ["hours", "1"]);
        assert_eq!(FileSchedule::new(&[1; 25], "UTC").unwrap_err().code, Code::TooLarge);
        assert_eq!(FileSchedule::new(&[1], "Mars").unwrap_err().path, ["timeZone"]);
    }
}
