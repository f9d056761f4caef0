//! The report for people.

use std::fmt::{self, Display, Formatter};

use super::report::{Disputes, Leads, Report, Rows, Stripe};

/// Writes the report as a table of plain text.
#[derive(Debug)]
pub struct Table<'a>(pub &'a Report);

impl Display for Table<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        writeln!(f, "\nClearlead demo, seed {}. Every name, number and address is made up.", report.seed)?;
        rows(f, &report.rows)?;
        leads(f, &report.leads)?;
        market(f, report)?;
        disputes(f, &report.disputes)?;
        pseudo_leads(f, report)?;
        money(f, report)
    }
}

fn rows(f: &mut Formatter<'_>, rows: &Rows) -> fmt::Result {
    title(f, "Rows of both files")?;
    counts(f, &[("read", rows.read), ("leads", rows.accepted), ("refused", rows.refused), ("brought before", rows.duplicate)])?;
    rows.refused_why.iter().try_for_each(|(why, count)| writeln!(f, "    refused at {why:<24}{count:>8}"))
}

fn leads(f: &mut Formatter<'_>, leads: &Leads) -> fmt::Result {
    title(f, "Verification")?;
    counts(f, &[("verified", leads.verified), ("unqualified", leads.unqualified), ("rejected", leads.rejected)])?;
    leads.rejected_by.iter().try_for_each(|(check, count)| writeln!(f, "    rejected by {check:<23}{count:>8}"))?;
    leads.temperature.iter().try_for_each(|(what, count)| writeln!(f, "    verified and {what:<22}{count:>8}"))
}

fn market(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    title(f, "Sales")?;
    writeln!(f, "  {:<10}{:>8}{:>8}{:>11}{:>9}{:>14}", "format", "listed", "sold", "exclusive", "shared", "average CPL")?;
    for line in &report.formats {
        let cpl = amount(Some(line.average_cpl_minor));
        let (exclusive, shared) = (line.exclusive_sales, line.shared_sales);
        writeln!(f, "  {:<10}{:>8}{:>8}{exclusive:>11}{shared:>9}{cpl:>14}", line.format, line.listed, line.sold)?;
    }
    title(f, "Advertisers")?;
    writeln!(
        f,
        "  {:<22}{:>7}{:>12}{:>11}{:>10}{:>13}{:>13}{:>10}",
        "", "leads", "spent", "refunded", "converted", "cost per", "revenue", "disputes"
    )?;
    report.advertisers.iter().try_for_each(|line| {
        writeln!(
            f,
            "  {:<22}{:>7}{:>12}{:>11}{:>10}{:>13}{:>13}{:>10}",
            line.name,
            line.trades,
            amount(Some(line.spent_minor)),
            amount(Some(line.refunded_minor)),
            line.conversions,
            amount(line.cost_per_conversion_minor),
            amount(Some(line.revenue_minor)),
            line.disputes
        )
    })
}

fn disputes(f: &mut Formatter<'_>, disputes: &Disputes) -> fmt::Result {
    title(f, "Disputes")?;
    let figures = [
        ("opened", disputes.opened),
        ("pretexts refused", disputes.pretexts_refused),
        ("files shown", disputes.exhibits),
        ("rulings with a second arbiter", disputes.second_words),
        ("appeals", disputes.appeals),
    ];
    counts(f, &figures)?;
    for (reason, endings) in &disputes.by_reason {
        let endings: Vec<String> = endings.iter().map(|(ending, count)| format!("{} {count}", spoken(ending))).collect();
        writeln!(f, "    {reason:<17}{}", endings.join(", "))?;
    }
    disputes.by_ending.iter().try_for_each(|(ending, count)| writeln!(f, "    all: {:<30}{count:>8}", spoken(ending)))
}

fn pseudo_leads(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    title(f, "Pseudo-leads injected, and caught")?;
    writeln!(
        f,
        "  {:<12}{:>9}{:>9} |{:>8}{:>11}{:>8} |{:>7}{:>8}{:>11}{:>8}",
        "", "injected", "showing", "before", "precision", "recall", "sold", "after", "precision", "recall"
    )?;
    report.pseudo_leads.iter().try_for_each(|line| {
        writeln!(
            f,
            "  {:<12}{:>9}{:>9} |{:>8}{:>11}{:>8} |{:>7}{:>8}{:>11}{:>8}",
            line.kind.as_str(),
            line.injected,
            line.showing,
            line.caught_before,
            percent(line.precision_before_bp),
            percent(line.recall_before_bp),
            line.sold,
            line.caught_after,
            percent(line.precision_after_bp),
            percent(line.recall_after_bp)
        )
    })
}

fn money(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    title(f, &format!("Money, {}", report.currency))?;
    let money = &report.money;
    let lines = [
        ("deposited", money.deposited_minor),
        ("sold", money.sold_minor),
        ("  released", money.released_minor),
        ("    to the sellers", money.income_minor),
        ("    commission", money.commission_minor),
        ("  refunded", money.refunded_minor),
        ("  still held", money.held_minor),
    ];
    lines.iter().try_for_each(|(what, minor)| writeln!(f, "  {what:<32}{:>14}", amount(Some(*minor))))?;
    title(f, "Ledger")?;
    let sums = report.ledger.balances_minor.iter();
    sums.clone().try_for_each(|(account, minor)| writeln!(f, "  {account:<32}{:>14}", amount(Some(*minor))))?;
    let sum = sums.fold(0_i64, |sum, (_, minor)| sum.saturating_add(*minor));
    writeln!(f, "  {:<32}{:>14}", "sum", amount(Some(sum)))?;
    match &report.ledger.broken {
        None => writeln!(f, "  balanced: {} invariants hold", report.ledger.invariants),
        Some(row) => writeln!(f, "  BROKEN: {row}"),
    }?;
    report.stripe.as_ref().map_or(Ok(()), |stripe| by_card(f, stripe))
}

fn by_card(f: &mut Formatter<'_>, stripe: &Stripe) -> fmt::Result {
    title(f, "Stripe's double, which is not Stripe")?;
    for (what, minor) in [("paid in by card", stripe.topped_up_minor), ("taken out", stripe.withdrawn_minor)] {
        writeln!(f, "  {what:<32}{:>14}", amount(Some(minor)))?;
    }
    let holds = if stripe.double_holds { "its book sums to zero" } else { "BROKEN: its book does not sum to zero" };
    writeln!(f, "  {holds}; {} differences from the exchange's", stripe.differences)
}

fn title(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    writeln!(f, "\n{text}")
}

fn counts(f: &mut Formatter<'_>, figures: &[(&str, u64)]) -> fmt::Result {
    figures.iter().try_for_each(|(what, count)| writeln!(f, "  {what:<37}{count:>8}"))
}

/// `1 234.56`, or a dash.
pub(crate) fn amount(minor: Option<i64>) -> String {
    let Some(minor) = minor else { return "-".to_owned() };
    let whole = (minor.unsigned_abs() / 100).to_string();
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && whole.len().saturating_sub(index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{grouped}.{:02}", minor.unsigned_abs() % 100)
}

/// `97.3%`, or a dash.
fn percent(bp: Option<i64>) -> String {
    bp.map_or_else(|| "-".to_owned(), |bp| format!("{}.{}%", bp / 100, bp % 100 / 10))
}

fn spoken(ending: &str) -> String {
    ending.to_lowercase().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_readable() {
        assert_eq!(amount(Some(123_456_789)), "1 234 567.89");
        assert_eq!((amount(Some(-5)).as_str(), amount(None).as_str()), ("-0.05", "-"));
        assert_eq!((percent(Some(10_000)).as_str(), percent(Some(333)).as_str()), ("100.0%", "3.3%"));
        let shown = Table(&Report { seed: 7, ..Report::default() }).to_string();
        assert!(shown.contains("seed 7") && shown.contains("made up"));
    }
}
