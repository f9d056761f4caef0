//! CSV: a row for each lead, and the file made of rows.
//!
//! The file is UTF-8 with CRLF line ends as RFC 4180 has it, one header line, cells quoted where needed. A cell that a spreadsheet would
//! take for a formula (it starts with `=`, `+`, `-`, `@`, a tab or a line end) gets an apostrophe before it, as OWASP's «CSV Injection»
//! advises; this also keeps E.164 phones as text instead of numbers. A cell that starts with an apostrophe gets one more, so that
//! [`unguard`] always gives back what went in. Programs that read the file can ask for cells as they are with `guard: false`.
//!
//! Any field name can be mapped; the columns stay the same for every lead, empty ones included.
//!
//! Default mapping: ids, `idempotency_key`, `bought_at`, `submitted_at`, `vertical`, names, first phone and e-mail, place, `language`,
//! `price`, `currency`, `summary` (the answers as lines), `test`.

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Next, Stage};
use super::check::Checker;
use super::delivery::Delivery;
use super::destination::Adapter;
use super::mapping::{Core, Filled, Mapping, PERSON_AND_PLACE};
use super::render_error::RenderError;
use super::step::{Row, Step};

/// A file of leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Csv {
    /// Between cells: `,`, `;`, `|` or a tab.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Whether cells are guarded against formulas.
    #[serde(default = "yes")]
    pub guard: bool,
}

fn comma() -> char {
    ','
}

fn yes() -> bool {
    true
}

impl Default for Csv {
    fn default() -> Self {
        Self { delimiter: comma(), guard: yes() }
    }
}

impl Adapter for Csv {
    fn default_mapping(&self) -> Mapping {
        let bought = [Core::LeadId, Core::TradeId, Core::IdempotencyKey, Core::BoughtAt, Core::SubmittedAt, Core::Vertical];
        let more = [Core::Language, Core::Price, Core::Currency, Core::Summary, Core::Test];
        Mapping::own(&[bought.as_slice(), PERSON_AND_PLACE, &more].concat())
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.require([',', ';', '|', '\t'].contains(&self.delimiter), "delimiter", "one of `,`, `;`, `|` or a tab is needed");
    }

    fn render(&self, delivery: &Delivery<'_>, _stage: &Stage) -> Result<Step, RenderError> {
        let filled = delivery.fields()?;
        let cell = |name: &str| filled.iter().find(|field| field.field == name).map(Filled::text).unwrap_or_default();
        let guarded = |text: String| if self.guard { guard(&text) } else { text };
        let columns: Vec<_> = delivery.destination.mapping().0.into_iter().map(|field| field.field).collect();
        let cells = columns.iter().map(|name| guarded(cell(name))).collect();
        Ok(Step::Row(Row { columns: columns.into_iter().map(guarded).collect(), cells, delimiter: self.delimiter }))
    }

    fn next(&self, _stage: &Stage, answer: &Answer) -> Next {
        Next::Done(answer.by_status(""))
    }
}

/// A cell that no spreadsheet takes for a formula.
#[must_use]
pub fn guard(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']) { format!("'{cell}") } else { cell.to_owned() }
}

/// The cell before [`guard`].
#[must_use]
pub fn unguard(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

/// A file with the header of the first row; rows with other columns are left out, since they belong to another file.
#[must_use]
pub fn file(rows: &[Row]) -> String {
    let Some(first) = rows.first() else {
        return String::new();
    };
    let delimiter = u8::try_from(first.delimiter).unwrap_or(b',');
    let terminator = csv::Terminator::CRLF;
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(Vec::new());
    let same = rows.iter().filter(|row| row.columns == first.columns && row.cells.len() == first.columns.len());
    // Writing into memory fails only for rows of unequal length, which are left out above.
    let written =
        std::iter::once(&first.columns).chain(same.map(|row| &row.cells)).try_for_each(|cells| writer.write_record(cells));
    match (written, writer.into_inner()) {
        (Ok(()), Ok(bytes)) => String::from_utf8(bytes).unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
#[path = "csv_file_tests.rs"]
mod tests;
