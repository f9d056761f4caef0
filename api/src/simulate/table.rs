//! The report for people.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::report::{Latency, Queue, Report};
use crate::demo::amount;

/// Writes the report as plain text.
#[derive(Debug)]
pub struct Table<'a>(pub &'a Report);

impl Display for Table<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let Report { sellers, buyers, campaigns, database, seed, .. } = report;
        writeln!(
            f,
            "\n{sellers} sellers, {buyers} buyers, {campaigns} campaigns on {database}, seed {seed}. Everybody is made up."
        )?;
        rate(f, report)?;
        sales(f, report)?;
        counts(f, "Leads not sold, and why", &report.losses)?;
        counts(f, "Other calls that were refused", &report.refusals)?;
        counts(f, "Campaigns", &report.changes)?;
        speed(f, report)?;
        checks(f, report)
    }
}

fn rate(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let Report { leads, seconds, asked_per_second: asked, achieved_per_second: achieved, .. } = report;
    let stopped = if report.stopped { ", stopped before its time" } else { "" };
    writeln!(f, "{leads} leads in {seconds:.1} s{stopped}: {achieved:.1} a second, {asked} were asked for")?;
    if !report.kept_up && !report.stopped {
        writeln!(f, "  this machine did not keep up with the rate asked for: the figures are those of an overloaded exchange")?;
    }
    if report.retried > 0 {
        writeln!(f, "  {} calls were answered RETRY_LATER, and made again", report.retried)?;
    }
    Ok(())
}

fn sales(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let Report { pings, offers, posts, reveals, disputes, .. } = report;
    writeln!(f, "\nSales: {pings} pings, {offers} offers, {posts} posts; {reveals} contacts looked at, {disputes} disputed")?;
    writeln!(f, "  {:<20}{:>9}{:>9}{:>11}{:>9}{:>16}", "", "leads", "sold", "exclusive", "shared", "paid, EUR")?;
    for line in &report.sales {
        let paid = amount(Some(line.gross_minor));
        writeln!(f, "  {:<20}{:>9}{:>9}{:>11}{:>9}{paid:>16}", line.way, line.leads, line.sold, line.exclusive, line.shared)?;
    }
    let paid = report.sales.iter().fold(0_i64, |sum, line| sum.saturating_add(line.gross_minor));
    writeln!(f, "  {:<20}{:>9}{:>9}{:>36}", "all", report.leads, report.sold(), amount(Some(paid)))
}

fn counts(f: &mut Formatter<'_>, title: &str, counts: &BTreeMap<String, u64>) -> fmt::Result {
    if counts.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    sorted.into_iter().try_for_each(|(what, count)| writeln!(f, "  {what:<44}{count:>9}"))
}

fn speed(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(f, "\nSpeed                         median       p99")?;
    let latency = |f: &mut Formatter<'_>, what: &str, latency: Latency| {
        let millis = |micros: u32| f64::from(micros) / 1_000.0;
        writeln!(f, "  {what:<24}{:>7.1} ms{:>7.1} ms", millis(latency.p50_micros), millis(latency.p99_micros))
    };
    latency(f, "ping", report.ping)?;
    latency(f, "post", report.post)?;
    writeln!(f, "  settlement: {} batches of {:.1} commands on average", report.batches, report.commands_per_batch)?;
    let queue = |f: &mut Formatter<'_>, what: &str, Queue { thirds: [start, middle, end], grew }: Queue| {
        let grew = if grew { "  GROWING" } else { "" };
        writeln!(f, "  {what:<44}{start:>7}{middle:>9}{end:>9}{grew}")
    };
    writeln!(f, "\n{:<46}{:>7}{:>9}{:>9}", "Over time", "start", "middle", "end")?;
    queue(f, "commands waiting for settlement", report.waiting)?;
    queue(f, "the oldest due job is late by, ms", report.jobs_late_millis)?;
    queue(f, "memory of the process, MiB", Queue { thirds: report.memory_mib, grew: false })
}

fn checks(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let broken = report.checks.iter().filter_map(|check| Some((&check.invariant, check.broken.as_ref()?)));
    let count = broken.clone().count();
    writeln!(f, "\n{} invariants checked, {count} broken", report.checks.len())?;
    for (invariant, row) in broken {
        writeln!(f, "  BROKEN: {invariant}: {row}")?;
    }
    writeln!(f, "{} losses or errors unexplained", report.unexplained)?;
    report.unexplained_examples.iter().try_for_each(|what| writeln!(f, "  UNEXPLAINED: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_said_aloud() {
        let mut report = Report { seed: 7, kept_up: true, ..Report::default() };
        report.check("the sum", None);
        let shown = Table(&report).to_string();
        assert!(shown.contains("seed 7") && shown.contains("1 invariants checked, 0 broken"), "{shown}");
        assert!(!shown.contains("did not keep up"));
        report.check("the caps", Some("one is over".into()));
        report.kept_up = false;
        report.waiting.grew = true;
        report.unexplained_examples = vec!["a fault".into()];
        let shown = Table(&report).to_string();
        for said in ["BROKEN: the caps: one is over", "did not keep up", "GROWING", "UNEXPLAINED: a fault"] {
            assert!(shown.contains(said), "{shown}");
        }
    }
}
