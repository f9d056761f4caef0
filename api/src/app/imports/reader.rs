//! The rows of a CSV file, one after another, with the lines on which they stand.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::mapping::{FileFormat, sniff_delimiter};
use domain::refusal::{Code, Refusal};

use super::lines::{Line, Lines};
use super::record::{Dialect, Record};
use super::text::{self, Bytes, Counted, Fault, SAMPLE_BYTES};
use crate::app::uploads::StorageFault;

/// The most bytes of a row that stands on several lines; one that goes on longer most likely lacks a closing quotation mark.
const SEVERAL_LINES_BYTES: usize = 128 * 1024;

/// What a row may have at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowLimits {
    pub columns: usize,
    pub cell_bytes: usize,
}

impl RowLimits {
    fn line_bytes(self) -> usize {
        const LARGEST: usize = 1 << 20;
        self.columns.saturating_mul(self.cell_bytes).clamp(self.cell_bytes, LARGEST)
    }
}

/// Why no more rows can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The file itself is to blame; the text says how, and holds nothing of the file.
    #[error("line {line}: {reason}")]
    File { line: u64, reason: String },
    /// The storage is to blame.
    #[error("the file could not be read: {0}")]
    Storage(io::Error),
}

impl ReadError {
    /// What broke off the reading of `line`.
    pub(super) fn of(error: io::Error, line: u64) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        if error.get_ref().is_some_and(|inner| inner.is::<Fault>()) {
            return Self::File { line, reason: error.to_string() };
        }
        match error.kind() {
            _ if error.get_ref().is_some_and(|inner| inner.is::<StorageFault>()) => Self::Storage(error),
            InvalidInput | InvalidData | UnexpectedEof => {
                Self::File { line, reason: "the compressed file is damaged".to_owned() }
            }
            _ => Self::Storage(error),
        }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its cells.
    pub cells: Vec<String>,
}

/// The rows of a file.
pub(super) struct Rows {
    lines: Lines,
    dialect: Dialect,
    /// The cells of the first row.
    width: Option<usize>,
    raw_bytes: Arc<AtomicU64>,
}

impl Rows {
    /// Opens a file of `size` bytes. A refusal is about the mapping's `file`; an error about the file.
    pub(super) fn open(
        bytes: Bytes,
        size: u64,
        format: &FileFormat,
        limits: RowLimits,
    ) -> Result<Result<Self, ReadError>, Refusal> {
        let encoding = text::encoding(&format.encoding)?;
        let delimiter = format
            .delimiter_byte()
            .map_err(|message| Refusal::new(Code::Invalid, message).at("delimiter").at("file").at("mapping"))?;
        let raw_bytes = Arc::new(AtomicU64::new(0));
        let opened = || -> Result<Self, ReadError> {
            let counted = Counted::new(bytes, Arc::clone(&raw_bytes));
            let decoded = text::decoded(Box::new(counted), size, encoding).map_err(|error| ReadError::of(error, 1))?;
            let mut lines = Lines::new(decoded, limits.line_bytes());
            for _ in 0..format.skip_lines {
                lines.next()?;
            }
            let delimiter = delimiter.unwrap_or_else(|| sniff_delimiter(&lines.ahead(SAMPLE_BYTES), format.quote));
            let ascii = |c: char| u8::try_from(c).ok().filter(u8::is_ascii);
            let dialect =
                Dialect { delimiter, quote: ascii(format.quote).unwrap_or(b'"'), escape: format.escape.and_then(ascii) };
            Ok(Self { lines, dialect, width: None, raw_bytes: Arc::clone(&raw_bytes) })
        };
        Ok(opened())
    }

    /// The next row, `None` behind the last. Empty lines are passed over.
    pub(super) fn next(&mut self) -> Result<Option<Row>, ReadError> {
        loop {
            let Some(first) = self.lines.next()? else { return Ok(None) };
            if first.text.trim_end_matches(['\r', '\n']).is_empty() {
                continue;
            }
            let mut record = Record::default();
            self.dialect.read(&mut record, &first.text);
            let cells = if record.open.is_none() { record.cells } else { self.several(&first, record) };
            self.width.get_or_insert(cells.len());
            return Ok(Some(Row { line: first.number, cells }));
        }
    }

    /// Bytes of the file read so far, as they lie there.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw_bytes.load(Ordering::Relaxed)
    }

    /// The cells of a row that has a quotation mark open at the end of its first line. When what follows does not make a
    /// row of the file's shape, the mark was a slip: the line is a row of its own, and the next ones are read again, so that
    /// each is taken or refused by itself.
    fn several(&mut self, first: &Line, mut record: Record) -> Vec<String> {
        let width = self.width.unwrap_or(usize::MAX);
        let mut more = Vec::new();
        let mut bytes = first.text.len();
        let mut failed = None;
        while record.open.is_some() && record.cells.len() < width && bytes <= SEVERAL_LINES_BYTES {
            match self.lines.next() {
                Ok(Some(line)) => {
                    bytes = bytes.saturating_add(line.text.len());
                    self.dialect.read(&mut record, &line.text);
                    more.push(line);
                }
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let whole = record.open.is_none() && !record.strayed && fits(&record.cells, self.width);
        if whole {
            return record.cells;
        }
        self.lines.give_back(more, failed);
        self.dialect.read_alone(&first.text)
    }
}

/// Whether a row has the file's number of cells; empty ones behind the last column are nothing.
fn fits(cells: &[String], width: Option<usize>) -> bool {
    width.is_none_or(|width| cells.len() >= width && cells.iter().skip(width).all(|cell| cell.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const LIMITS: RowLimits = RowLimits { columns: 4, cell_bytes: 100 };

    fn rows(text: &str, format: &FileFormat) -> Result<Vec<(u64, Vec<String>)>, ReadError> {
        let size = u64::try_from(text.len()).unwrap();
        let mut rows = Rows::open(Box::new(Cursor::new(text.to_owned())), size, format, LIMITS).unwrap()?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((row.line, row.cells));
        }
        Ok(found)
    }

    fn lines(text: &str) -> Vec<u64> {
        rows(text, &FileFormat::default()).unwrap().into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn rows_know_their_lines() {
        assert_eq!(lines("a;b\n1;2\n3;4"), [1, 2, 3]);
        assert_eq!(lines("a;b\r\n1;\"x\r\ny\"\r\n3;4\r\n"), [1, 2, 4]);
        assert_eq!(lines("a;b\n\n\n1;2\n3;4\n"), [1, 4, 5]);
        assert_eq!(lines("a;b\r1;2\r3;4\r"), [1, 2, 3]);
        let skipping = FileFormat { skip_lines: 2, ..FileFormat::default() };
        assert_eq!(
            rows("Report\n\na;b\n1;2\n", &skipping).unwrap(),
            [(3, vec!["a".into(), "b".into()]), (4, vec!["1".into(), "2".into()])]
        );
    }

    #[test]
    fn delimiters_quotes_and_escapes_as_told_or_found() {
        let told = FileFormat { delimiter: "|".into(), quote: '\'', ..FileFormat::default() };
        assert_eq!(rows("a|'b|c'\n", &told).unwrap(), [(1, vec!["a".into(), "b|c".into()])]);
        assert_eq!(rows("a\tb\n\"x\ty\"\tz\n", &FileFormat::default()).unwrap()[1].1, ["x\ty", "z"]);
        let escaped = FileFormat { delimiter: "\u{1}".into(), escape: Some('\\'), ..FileFormat::default() };
        assert_eq!(rows("a\u{1}b\n\"x\\\"\u{1}\"\u{1}z\n", &escaped).unwrap()[1].1, ["x\"\u{1}", "z"]);
    }

    #[test]
    fn an_open_quotation_mark_swallows_no_row() {
        let cells = |text: &str| {
            rows(text, &FileFormat::default()).unwrap().into_iter().map(|(_, cells)| cells.join("|")).collect::<Vec<_>>()
        };
        assert_eq!(cells("a,b\n1,\"x\n2,y\n3,z\n"), ["a|b", "1|\"x", "2|y", "3|z"]);
        assert_eq!(cells("a,b\n\"1,x\n2,\"y\"\n3,z\n"), ["a|b", "\"1|x", "2|y", "3|z"], "closed by the next row's opening mark");
        assert_eq!(cells("a,b,c\n1,\"x\n2,y,\"z\"\n\"q\nr\",s,t\n"), ["a|b|c", "1|\"x", "2|y|z", "q\nr|s|t"]);
        let many = format!("a,b\n1,\"x\n{}", "2,y\n".repeat(50_000));
        assert_eq!(lines(&many).len(), 50_002);
        assert_eq!(lines(&many).last(), Some(&50_002));
    }

    #[test]
    fn a_line_without_end_does_not_gather_the_file() {
        let text = format!("a;b\n1;\"{}", "x".repeat(200_000));
        let error = rows(&text, &FileFormat::default()).unwrap_err();
        assert_eq!(error.to_string(), "line 2: a row is too long; perhaps a closing quotation mark is missing");
    }
}
