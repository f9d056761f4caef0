//! The lines of a text as they stand in the file, in constant memory.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};

use super::reader::ReadError;
use super::text::{Bytes, Fault};

/// A line with its break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, from 1.
    pub number: u64,
    pub text: String,
}

/// The lines of a text, one after another. Lines end with LF, CR and LF, or CR alone.
pub(super) struct Lines {
    text: BufReader<Bytes>,
    /// Lines that were looked at and not taken.
    held: VecDeque<Line>,
    /// What comes behind the lines held.
    failed: Option<ReadError>,
    number: u64,
    longest: usize,
}

impl Lines {
    /// The lines of `text`, none of which has more than `longest` bytes.
    pub(super) fn new(text: Bytes, longest: usize) -> Self {
        Self { text: BufReader::new(text), held: VecDeque::new(), failed: None, number: 0, longest }
    }

    /// The next line, `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Line>, ReadError> {
        match (self.held.pop_front(), self.failed.take()) {
            (Some(line), failed) => {
                self.failed = failed;
                Ok(Some(line))
            }
            (None, Some(error)) => Err(error),
            (None, None) => self.read(),
        }
    }

    /// Gives back lines that were the last to be taken, in their order, and the error that came behind them.
    pub(super) fn give_back(&mut self, lines: Vec<Line>, error: Option<ReadError>) {
        self.failed = error.or(self.failed.take());
        for line in lines.into_iter().rev() {
            self.held.push_front(line);
        }
    }

    /// The text of the next lines, up to about `bytes`, which are not taken.
    pub(super) fn ahead(&mut self, bytes: usize) -> String {
        let mut ahead = String::new();
        let mut lines = Vec::new();
        let mut error = None;
        while ahead.len() < bytes {
            match self.next() {
                Ok(Some(line)) => {
                    ahead.push_str(&line.text);
                    lines.push(line);
                }
                Ok(None) => break,
                Err(found) => {
                    error = Some(found);
                    break;
                }
            }
        }
        self.give_back(lines, error);
        ahead
    }

    fn read(&mut self) -> Result<Option<Line>, ReadError> {
        let number = self.number.saturating_add(1);
        let mut text = Vec::new();
        self.gather(&mut text).map_err(|error| ReadError::of(error, number))?;
        if text.is_empty() {
            return Ok(None);
        }
        self.number = number;
        let text = String::from_utf8(text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Ok(Some(Line { number, text }))
    }

    fn gather(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let piece = self.text.fill_buf()?;
            // Whether a line that ended with CR ends with CR and LF may show only in the next piece.
            if text.last() == Some(&b'\r') {
                if piece.first() == Some(&b'\n') {
                    text.push(b'\n');
                    self.text.consume(1);
                }
                return Ok(());
            }
            if piece.is_empty() {
                return Ok(());
            }
            let end = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let taken = end.map_or(piece.len(), |end| end.saturating_add(1));
            text.extend(piece.iter().take(taken));
            self.text.consume(taken);
            if text.len() > self.longest {
                return Err(Fault::error("a row is too long; perhaps a closing quotation mark is missing"));
            }
            if text.last() == Some(&b'\n') {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn lines(text: &str) -> Lines {
        Lines::new(Box::new(Cursor::new(text.to_owned())), 100)
    }

    fn rest(mut lines: Lines) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((line.number, line.text));
        }
        found
    }

    #[test]
    fn lines_end_in_three_ways() {
        let expected = [(1, "a\n".to_owned()), (2, "b\r\n".to_owned()), (3, "c\r".to_owned()), (4, "d".to_owned())];
        assert_eq!(rest(lines("a\nb\r\nc\rd")), expected);
        assert_eq!(rest(lines("a\nb\r\nc\r")), expected[..3]);
        assert_eq!(rest(lines("")), []);
    }

    #[test]
    fn what_was_looked_at_is_there_still() {
        let mut read = lines("a\nb\nc\n");
        assert_eq!(read.ahead(3), "a\nb\n");
        let first = read.next().unwrap().unwrap();
        let second = read.next().unwrap().unwrap();
        read.give_back(vec![first, second], None);
        assert_eq!(rest(read).len(), 3);
    }

    #[test]
    fn a_line_beyond_the_limit_is_an_error_in_its_place() {
        let mut read = lines(&format!("a\n{}\n", "x".repeat(101)));
        assert_eq!(read.ahead(1_000), "a\n");
        assert_eq!(read.next().unwrap().unwrap().text, "a\n");
        assert!(read.next().unwrap_err().to_string().starts_with("line 2: a row is too long"));
        assert_eq!(Lines::new(Box::new(Cursor::new("x".repeat(100))), 100).next().unwrap().unwrap().text.len(), 100);
    }
}
