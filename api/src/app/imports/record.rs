//! From the text of a line to its cells.

/// How the cells of a line are set apart; all of these are ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub delimiter: u8,
    pub quote: u8,
    /// Within quotation marks: takes its meaning from the character behind it.
    pub escape: Option<u8>,
}

/// A row as far as its lines were read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The cells that are complete.
    pub cells: Vec<String>,
    /// The cell whose quotation mark waits for the closing one.
    pub open: Option<String>,
    /// Whether text stands behind a closing quotation mark, which then most likely was an opening one.
    pub strayed: bool,
}

/// The end of a cell: where its delimiter stands, or the end of the line.
struct Quoted {
    end: usize,
    strayed: bool,
}

impl Dialect {
    /// Reads one more line, with its break, into a row.
    pub(super) fn read(self, record: &mut Record, line: &str) {
        self.cells(record, line, false);
    }

    /// The cells of a line that stands for itself: a quotation mark that nothing closes is a character like others.
    pub(super) fn read_alone(self, line: &str) -> Vec<String> {
        let mut record = Record::default();
        self.cells(&mut record, line, true);
        record.cells
    }

    fn cells(self, record: &mut Record, line: &str, alone: bool) {
        let body = line.trim_end_matches(['\r', '\n']);
        let mut at = 0;
        loop {
            let quoted = match record.open.take() {
                Some(cell) => Some((cell, at)),
                None => (body.as_bytes().get(at) == Some(&self.quote)).then(|| (String::new(), at.saturating_add(1))),
            };
            let end = match quoted {
                None => self.plain(record, body, at),
                Some((mut cell, from)) => match self.quoted(body, from, &mut cell) {
                    Some(Quoted { end, strayed }) => {
                        record.strayed |= strayed;
                        record.cells.push(cell);
                        end
                    }
                    None if alone => self.plain(record, body, at),
                    None => {
                        cell.push_str(line.get(body.len()..).unwrap_or_default());
                        record.open = Some(cell);
                        return;
                    }
                },
            };
            if end >= body.len() {
                return;
            }
            at = end.saturating_add(1);
        }
    }

    fn plain(self, record: &mut Record, body: &str, from: usize) -> usize {
        let end = self.delimiter_from(body, from);
        record.cells.push(body.get(from..end).unwrap_or_default().to_owned());
        end
    }

    /// Reads a cell on to its closing quotation mark; `None` when the line ends before.
    fn quoted(self, body: &str, mut at: usize, cell: &mut String) -> Option<Quoted> {
        loop {
            let rest = body.get(at..).unwrap_or_default();
            let Some(next) = rest.bytes().position(|byte| byte == self.quote || Some(byte) == self.escape) else {
                cell.push_str(rest);
                return None;
            };
            cell.push_str(rest.get(..next).unwrap_or_default());
            let mark = rest.as_bytes().get(next).copied();
            let behind = at.saturating_add(next).saturating_add(1);
            let following = body.as_bytes().get(behind).copied();
            if following == Some(self.quote) && mark == Some(self.quote) {
                cell.push(char::from(self.quote));
                at = behind.saturating_add(1);
            } else if mark != Some(self.quote) {
                let escaped = body.get(behind..).unwrap_or_default().chars().next()?;
                cell.push(escaped);
                at = behind.saturating_add(escaped.len_utf8());
            } else {
                let end = self.delimiter_from(body, behind);
                let text = body.get(behind..end).unwrap_or_default();
                cell.push_str(text);
                return Some(Quoted { end, strayed: !text.trim().is_empty() });
            }
        }
    }

    fn delimiter_from(self, body: &str, from: usize) -> usize {
        let found = body.bytes().skip(from).position(|byte| byte == self.delimiter);
        found.map_or(body.len(), |found| from.saturating_add(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMA: Dialect = Dialect { delimiter: b',', quote: b'"', escape: None };

    fn record(lines: &[&str]) -> Record {
        let mut record = Record::default();
        for line in lines {
            COMMA.read(&mut record, line);
        }
        record
    }

    fn cells(line: &str) -> Vec<String> {
        let record = record(&[line]);
        assert_eq!((record.open, record.strayed), (None, false), "{line}");
        record.cells
    }

    #[test]
    fn cells_as_other_programs_write_them() {
        assert_eq!(cells("a,b,c\n"), ["a", "b", "c"]);
        assert_eq!(cells("a,,\r\n"), ["a", "", ""]);
        assert_eq!(cells("\"a,b\",\"say \"\"no\"\"\",\"\""), ["a,b", "say \"no\"", ""]);
        assert_eq!(cells("5\" pipe,é,\"ü\" ,x"), ["5\" pipe", "é", "ü ", "x"]);
        assert_eq!(cells(""), [""]);
    }

    #[test]
    fn a_cell_goes_on_in_the_next_lines() {
        let two = record(&["1,\"Main Street\r\n", "Springfield\",x\n"]);
        assert_eq!(
            two,
            Record { cells: vec!["1".into(), "Main Street\r\nSpringfield".into(), "x".into()], open: None, strayed: false }
        );
        assert_eq!(record(&["1,\"a\n"]), Record { cells: vec!["1".into()], open: Some("a\n".into()), strayed: false });
        assert!(record(&["1,\"a\n", "2,\"b\",c\n"]).strayed, "the second line's opening mark was taken for a closing one");
    }

    #[test]
    fn a_mark_that_nothing_closes_is_a_character_of_a_line_alone() {
        assert_eq!(COMMA.read_alone("\"Smith, J\",\"open,1\n"), ["Smith, J", "\"open", "1"]);
        assert_eq!(COMMA.read_alone("\"\n"), ["\""]);
    }

    #[test]
    fn an_escaped_mark_closes_nothing() {
        let escaping = Dialect { escape: Some(b'\\'), delimiter: 1, ..COMMA };
        assert_eq!(escaping.read_alone("\"say \\\"é\\\\\"\u{1}\\n"), ["say \"é\\", "\\n"]);
    }
}
