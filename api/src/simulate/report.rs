//! The figures of a simulation, in the form in which `--json` prints them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::Simulation;
use super::findings::{Sold, Way};
use super::market::{Market, Session};
use super::watch::{grows, thirds};

/// An achieved rate below this share of the asked one means that the exchange did not keep up, in basis points.
const KEPT_UP_BP: u64 = 9_500;
/// What may wait in a queue that is called short: commands of settlement, and milliseconds by which jobs are late.
const WAITING_SLACK: u64 = 64;
const LATE_SLACK_MILLIS: u64 = 2_000;

/// All that is told at the end. Amounts are minor units of EUR.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// SQLite or Postgres.
    pub database: String,
    /// Agencies.
    pub sellers: u32,
    /// Advertisers.
    pub buyers: u32,
    /// Campaigns at the start.
    pub campaigns: u32,
    /// How long the market was open, in seconds, until its last lead was concluded.
    pub seconds: f64,
    /// Whether it was told to stop before its time.
    pub stopped: bool,
    /// Leads a second that were asked for.
    pub asked_per_second: u32,
    /// Leads a second that were made and concluded.
    pub achieved_per_second: f64,
    /// Whether that is at least 95% of the asked rate.
    pub kept_up: bool,
    /// Leads made.
    pub leads: u64,
    /// Pings.
    pub pings: u64,
    /// Offers that pings got.
    pub offers: u64,
    /// Posts, with a ping or without.
    pub posts: u64,
    /// Leads and their sales by the way in which they were sold.
    pub sales: Vec<SalesLine>,
    /// Leads that were not sold, by reason.
    pub losses: BTreeMap<String, u64>,
    /// Calls on the side that were refused, by call and code.
    pub refusals: BTreeMap<String, u64>,
    /// Calls that were answered RETRY_LATER, and made again.
    pub retried: u64,
    /// What happened to campaigns while the market was open and before, by kind.
    pub changes: BTreeMap<String, u64>,
    /// Trades whose contact a buyer looked at.
    pub reveals: u64,
    /// Trades that a buyer disputed.
    pub disputes: u64,
    /// Pings, from call to answer.
    pub ping: Latency,
    /// Posts, from call to answer.
    pub post: Latency,
    /// Batches of settlement while the market was open.
    pub batches: u64,
    /// Commands in one of them, on average.
    pub commands_per_batch: f64,
    /// Commands that waited for settlement.
    pub waiting: Queue,
    /// By how much the oldest due job was late, in milliseconds.
    pub jobs_late_millis: Queue,
    /// Resident memory in MiB at the start, in the middle and at the end; zeros where the system does not say.
    pub memory_mib: [u64; 3],
    /// Losses without a reason, errors that are no refusal.
    pub unexplained: u64,
    /// The first of these, in words.
    pub unexplained_examples: Vec<String>,
    /// What must hold, and whether it does.
    pub checks: Vec<Check>,
}

/// One way of selling.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SalesLine {
    /// In words.
    pub way: String,
    /// Leads made to be sold so.
    pub leads: u64,
    /// Leads sold.
    pub sold: u64,
    /// Exclusive sales.
    pub exclusive: u64,
    /// Shared copies.
    pub shared: u64,
    /// What buyers paid.
    pub gross_minor: i64,
}

/// How long calls took, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// The median.
    pub p50_micros: u32,
    /// The 99th percentile.
    pub p99_micros: u32,
}

/// The length of a queue: medians of three equal parts of the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// In the first part, the second, the last.
    pub thirds: [u64; 3],
    /// Whether it was longer in each part, and much longer at the end.
    pub grew: bool,
}

/// Something that must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What.
    pub invariant: String,
    /// The first case that breaks it.
    pub broken: Option<String>,
}

impl Report {
    /// Whether nothing is broken, nothing unexplained, and no queue grew.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let holds = self.checks.iter().all(|check| check.broken.is_none());
        holds && self.unexplained == 0 && !self.waiting.grew && !self.jobs_late_millis.grew
    }

    /// Leads sold in all.
    #[must_use]
    pub fn sold(&self) -> u64 {
        self.sales.iter().fold(0, |sum, line| sum.saturating_add(line.sold))
    }

    pub(super) fn check(&mut self, invariant: impl Into<String>, broken: Option<String>) {
        self.checks.push(Check { invariant: invariant.into(), broken });
    }
}

impl Market {
    /// The figures of a market that has closed; what must hold is looked at afterwards.
    pub(super) fn report(&self, asked: &Simulation, database: &str, session: &Session) -> Report {
        let findings = self.findings();
        let leads = findings.leads_made();
        let seconds = session.took.as_secs_f64();
        let achieved_per_second = per_second(leads, session.took);
        let wanted = f64::from(asked.leads_per_second) * KEPT_UP_BP as f64 / 10_000.0;
        let queue = |of, slack| {
            let thirds = thirds(&session.samples, of);
            Queue { thirds, grew: grows(thirds, slack) }
        };
        Report {
            seed: asked.seed,
            database: database.to_owned(),
            sellers: asked.sellers,
            buyers: asked.buyers,
            campaigns: asked.campaigns,
            seconds,
            stopped: session.stopped,
            asked_per_second: asked.leads_per_second,
            achieved_per_second,
            kept_up: achieved_per_second >= wanted,
            leads,
            pings: findings.pings,
            offers: findings.offers,
            posts: findings.posts,
            sales: findings.leads.iter().map(|(way, leads)| line(*way, *leads, findings.sold.get(way))).collect(),
            losses: findings.losses.clone(),
            refusals: findings.refusals.clone(),
            retried: findings.retried,
            changes: findings.changes.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect(),
            reveals: findings.reveals,
            disputes: findings.disputes,
            ping: latency(&findings.ping_micros),
            post: latency(&findings.post_micros),
            batches: session.batches,
            commands_per_batch: session.commands as f64 / session.batches.max(1) as f64,
            waiting: queue(|sample| sample.waiting, WAITING_SLACK),
            jobs_late_millis: queue(|sample| sample.jobs_late_millis, LATE_SLACK_MILLIS),
            memory_mib: thirds(&session.samples, |sample| sample.memory_mib),
            unexplained: findings.unexplained,
            unexplained_examples: findings.told.clone(),
            checks: Vec::new(),
        }
    }
}

fn line(way: Way, leads: u64, sold: Option<&Sold>) -> SalesLine {
    let Sold { leads: sold, exclusive, shared, gross_minor } = sold.copied().unwrap_or_default();
    SalesLine { way: way.as_str().to_owned(), leads, sold, exclusive, shared, gross_minor }
}

fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64().max(0.001)
}

fn latency(micros: &[u32]) -> Latency {
    let mut sorted = micros.to_vec();
    sorted.sort_unstable();
    let at = |per_cent: usize| sorted.get((sorted.len() * per_cent / 100).min(sorted.len().saturating_sub(1))).copied();
    Latency { p50_micros: at(50).unwrap_or(0), p99_micros: at(99).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_sound_when_nothing_is_broken_unexplained_or_growing() {
        let sound = Report { checks: vec![Check { invariant: "a".into(), broken: None }], ..Report::default() };
        assert!(sound.is_sound());
        let mut broken = sound.clone();
        broken.check("b", Some("a row".into()));
        assert!(!broken.is_sound());
        assert!(!Report { unexplained: 1, ..sound.clone() }.is_sound());
        let grew = Queue { thirds: [0, 100, 900], grew: true };
        assert!(!Report { waiting: grew, ..sound.clone() }.is_sound());
        assert!(!Report { jobs_late_millis: grew, ..sound }.is_sound());
    }

    #[test]
    fn percentiles_are_of_the_calls() {
        let micros: Vec<u32> = (1..=1_000).rev().collect();
        assert_eq!(latency(&micros), Latency { p50_micros: 501, p99_micros: 991 });
        assert_eq!(latency(&[7]), Latency { p50_micros: 7, p99_micros: 7 });
        assert_eq!(latency(&[]), Latency::default());
    }
}
