//! The rows of a CSV file, one after another, with the lines on which they stand.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use csv::{ReaderBuilder, StringRecord};
use domain::mapping::{FileFormat, sniff_delimiter};
use domain::refusal::{Code, Refusal};

use super::text::{self, Bytes, Counted};
use crate::app::uploads::StorageFault;

/// What a row may have at most; a file that exceeds it most likely lacks a closing quotation mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowLimits {
    pub columns: usize,
    pub cell_bytes: usize,
}

impl RowLimits {
    fn row_bytes(self) -> usize {
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

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its cells.
    pub cells: StringRecord,
}

/// The rows of a file.
pub(super) struct Rows {
    csv: csv::Reader<Measured>,
    row_bytes: Arc<AtomicU64>,
    raw_bytes: Arc<AtomicU64>,
    two_byte_breaks: Arc<AtomicBool>,
    skipped_lines: u64,
    last_line: u64,
}

/// Ends with an error when one row takes more than its share: an open quotation mark would otherwise gather the whole file.
struct Measured {
    text: Bytes,
    since_row: Arc<AtomicU64>,
    limit: u64,
    breaks: Breaks,
}

/// Finds out whether lines end with CR and LF, by the first one that ends.
struct Breaks {
    two_bytes: Arc<AtomicBool>,
    known: bool,
    previous: u8,
}

impl Breaks {
    fn see(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.known {
                return;
            }
            if *byte == b'\n' {
                self.known = true;
                self.two_bytes.store(self.previous == b'\r', Ordering::Relaxed);
            }
            self.previous = *byte;
        }
    }
}

impl Read for Measured {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row.load(Ordering::Relaxed) > self.limit {
            return Err(io::Error::other(TooLong));
        }
        let read = self.text.read(buffer)?;
        self.breaks.see(buffer.get(..read).unwrap_or_default());
        self.since_row.fetch_add(u64::try_from(read).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(read)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a row is too long; perhaps a closing quotation mark is missing")]
struct TooLong;

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
        let opened = || -> io::Result<Self> {
            let counted = Counted::new(bytes, Arc::clone(&raw_bytes));
            let decoded = text::decoded(Box::new(counted), size, encoding)?;
            let text = text::without_lines(decoded, format.skip_lines, limits.row_bytes())?;
            let (delimiter, text) = match delimiter {
                Some(delimiter) => (delimiter, text),
                None => {
                    let (head, text) = text::peeked(text)?;
                    (sniff_delimiter(&String::from_utf8_lossy(&head), format.quote), text)
                }
            };
            let row_bytes = Arc::new(AtomicU64::new(0));
            let limit = u64::try_from(limits.row_bytes()).unwrap_or(u64::MAX);
            let two_byte_breaks = Arc::new(AtomicBool::new(false));
            let breaks = Breaks { two_bytes: Arc::clone(&two_byte_breaks), known: false, previous: 0 };
            let measured = Measured { text, since_row: Arc::clone(&row_bytes), limit, breaks };
            let csv = ReaderBuilder::new()
                .delimiter(delimiter)
                .quote(u8::try_from(format.quote).unwrap_or(b'"'))
                .has_headers(false)
                .flexible(true)
                .from_reader(measured);
            Ok(Self {
                csv,
                row_bytes,
                raw_bytes: Arc::clone(&raw_bytes),
                two_byte_breaks,
                skipped_lines: u64::from(format.skip_lines),
                last_line: 0,
            })
        };
        Ok(opened().map_err(|error| read_error(error, 1)))
    }

    /// The next row, `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Row>, ReadError> {
        self.row_bytes.store(0, Ordering::Relaxed);
        let mut cells = StringRecord::new();
        let found = self.csv.read_record(&mut cells);
        let more = found.map_err(|error| {
            let line = self.line_after(0);
            match error.into_kind() {
                csv::ErrorKind::Io(error) => read_error(error, line),
                _ => ReadError::File { line, reason: "the row is no text".to_owned() },
            }
        })?;
        if !more {
            return Ok(None);
        }
        let inside = cells.iter().map(|cell| cell.bytes().filter(|byte| *byte == b'\n').count()).sum();
        self.last_line = self.line_after(inside);
        Ok(Some(Row { line: self.last_line, cells }))
    }

    /// Bytes of the file read so far, as they lie there.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw_bytes.load(Ordering::Relaxed)
    }

    /// The line of a row that was just read and has `inside` line breaks within its cells. The reader stands behind the
    /// row's own line break, except at the end of a file that lacks the last one; where lines end with CR and LF it stands
    /// between the two, and has not counted the line yet.
    fn line_after(&self, inside: usize) -> u64 {
        let inside = u64::try_from(inside).unwrap_or(0);
        let behind = self.csv.position().line().saturating_add(self.skipped_lines);
        let own = u64::from(!self.two_byte_breaks.load(Ordering::Relaxed));
        behind.saturating_sub(inside).saturating_sub(own).max(self.last_line.saturating_add(1))
    }
}

fn read_error(error: io::Error, line: u64) -> ReadError {
    if error.get_ref().is_some_and(|inner| inner.is::<StorageFault>()) {
        return ReadError::Storage(error);
    }
    let ours = error.get_ref().is_some_and(|inner| inner.is::<TooLong>()) || error.kind() == io::ErrorKind::Other;
    let broken = matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof);
    if ours || broken {
        let reason = if broken { "the compressed file is damaged".to_owned() } else { error.to_string() };
        ReadError::File { line, reason }
    } else {
        ReadError::Storage(error)
    }
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
            found.push((row.line, row.cells.iter().map(ToOwned::to_owned).collect()));
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
        let skipping = FileFormat { skip_lines: 2, ..FileFormat::default() };
        assert_eq!(
            rows("Report\n\na;b\n1;2\n", &skipping).unwrap(),
            [(3, vec!["a".into(), "b".into()]), (4, vec!["1".into(), "2".into()])]
        );
    }

    #[test]
    fn delimiters_and_quotes_as_told_or_found() {
        let told = FileFormat { delimiter: "|".into(), quote: '\'', ..FileFormat::default() };
        assert_eq!(rows("a|'b|c'\n", &told).unwrap(), [(1, vec!["a".into(), "b|c".into()])]);
        assert_eq!(rows("a\tb\n\"x\ty\"\tz\n", &FileFormat::default()).unwrap()[1].1, ["x\ty", "z"]);
    }

    #[test]
    fn an_open_quotation_mark_does_not_gather_the_file() {
        let text = format!("a;b\n1;\"{}", "x".repeat(200_000));
        let error = rows(&text, &FileFormat::default()).unwrap_err();
        assert_eq!(error.to_string(), "line 2: a row is too long; perhaps a closing quotation mark is missing");
    }
}
