//! The clock of the person behind a lead, as far as country and region tell it.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono_tz::Tz;

use super::facts::fold;
use super::schedule::minute_of_week;
use crate::time::Timestamp;

type Regions = HashMap<(&'static str, &'static str), Tz>;

static COUNTRIES: LazyLock<HashMap<&'static str, Vec<Tz>>> = LazyLock::new(|| {
    let country = |line: &'static str| {
        let mut words = line.split_whitespace();
        let country = words.next()?;
        Some((country, words.filter_map(|zone| zone.parse().ok()).collect()))
    };
    lines(include_str!("../../zones/countries.txt")).filter_map(country).collect()
});

static REGIONS: LazyLock<Regions> = LazyLock::new(|| {
    let mut regions = Regions::new();
    for line in lines(include_str!("../../zones/regions.txt")) {
        let mut words = line.split('|');
        let (Some(country), Some(zone)) = (words.next(), words.next().and_then(|zone| zone.parse().ok())) else { continue };
        regions.extend(words.map(|name| ((country, name), zone)));
    }
    regions
});

/// The minute of the week that the person's clock shows at `now`, from Monday 00:00. `None` where the country has several
/// clocks that differ and the region does not tell which: nobody is called at a guess.
#[must_use]
pub fn local_minute(country: &str, region: Option<&str>, now: Timestamp) -> Option<i64> {
    if let Some(zone) = region.and_then(|region| REGIONS.get(&(country, fold(region).as_str())).copied()) {
        return Some(minute_of_week(now, zone));
    }
    let mut minutes = COUNTRIES.get(country)?.iter().map(|zone| minute_of_week(now, *zone));
    let first = minutes.next()?;
    minutes.all(|minute| minute == first).then_some(first)
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_read() {
        let count = |text: &'static str| lines(text).count();
        assert_eq!(COUNTRIES.len(), count(include_str!("../../zones/countries.txt")));
        assert!(COUNTRIES.values().all(|zones| !zones.is_empty()));
        let named = lines(include_str!("../../zones/regions.txt")).map(|line| line.split('|').count() - 2).sum::<usize>();
        assert_eq!(REGIONS.len(), named);
    }

    #[test]
    fn a_clock_is_known_or_not_guessed() {
        let now = "2026-11-26T12:00:00Z".parse().unwrap();
        let thursday = 3 * 1_440;
        assert_eq!(local_minute("NO", None, now), Some(thursday + 13 * 60));
        assert_eq!(local_minute("DE", None, now), Some(thursday + 13 * 60));
        assert_eq!(local_minute("US", None, now), None);
        assert_eq!(local_minute("US", Some("  TX "), now), None);
        assert_eq!(local_minute("US", Some(" New York"), now), Some(thursday + 7 * 60));
        assert_eq!(local_minute("US", Some("ca"), now), Some(thursday + 4 * 60));
        assert_eq!(local_minute("ES", Some("Canarias"), now), Some(thursday + 12 * 60));
        assert_eq!(local_minute("XX", None, now), None);
    }
}
