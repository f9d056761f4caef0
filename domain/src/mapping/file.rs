//! How a file is written down, and which of its rows are taken.

use serde::Deserialize;

use crate::money::Currency;

/// How a file is written down.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileFormat {
    /// `auto`, `tab`, or one ASCII character that is neither letter nor digit, a control character included.
    pub delimiter: String,
    /// `auto`, or a label of the WHATWG encoding standard such as `utf-8`, `utf-16le`, `windows-1251`, `iso-8859-1`.
    pub encoding: String,
    /// The quotation mark, one ASCII character.
    pub quote: char,
    /// The character that, within quotation marks, takes its meaning from the next one; without it a quotation mark is
    /// doubled there.
    pub escape: Option<char>,
    /// Whether the first line (after the skipped ones) names the columns. Without, columns are `#1`, `#2`, ...
    pub header: bool,
    /// Lines to leave out at the start of the file; at most 1,000.
    pub skip_lines: u32,
    /// ISO 3166 country of phone numbers written without `+`.
    pub phone_region: Option<String>,
    /// Currency of amounts that name none.
    pub currency: Option<Currency>,
    /// The decimal mark: `.` or `,`.
    pub decimal: char,
    /// IANA time zone of instants written without one.
    pub time_zone: String,
    /// Texts that mean "not answered" in every column, whatever their case; the empty text always does.
    pub missing: Vec<String>,
}

impl Default for FileFormat {
    fn default() -> Self {
        Self {
            delimiter: "auto".to_owned(),
            encoding: "auto".to_owned(),
            quote: '"',
            escape: None,
            header: true,
            skip_lines: 0,
            phone_region: None,
            currency: None,
            decimal: '.',
            time_zone: "UTC".to_owned(),
            missing: Vec::new(),
        }
    }
}

impl FileFormat {
    /// The delimiter's byte, `None` for `auto`. The error says what is allowed.
    pub fn delimiter_byte(&self) -> Result<Option<u8>, String> {
        match self.delimiter.as_str() {
            "auto" => Ok(None),
            "tab" => Ok(Some(b'\t')),
            one => match one.as_bytes() {
                [byte] if separates(*byte) && !one.starts_with(self.quote) => Ok(Some(*byte)),
                _ => Err("a delimiter is `auto`, `tab` or one ASCII character that is neither letter nor digit, no end of a \
                              line and not the quotation mark"
                    .to_owned()),
            },
        }
    }
}

const fn separates(byte: u8) -> bool {
    byte.is_ascii_punctuation() || byte == b' ' || (byte.is_ascii_control() && !matches!(byte, 0 | b'\n' | b'\r'))
}

/// Takes only some rows. Comparisons leave case and blanks around aside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowFilter {
    /// The column looked at.
    pub column: String,
    /// Take rows with one of these values.
    #[serde(default)]
    pub is: Vec<String>,
    /// Leave out rows with one of these values.
    #[serde(default)]
    pub not: Vec<String>,
}

/// Contacts made up for files without personal data, deterministic by seed and row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticRule {
    /// Other seeds give other people.
    pub seed: u32,
}

/// The delimiter that cuts the sample's first lines into the most columns, evenly; a comma when none does.
#[must_use]
pub fn sniff_delimiter(sample: &str, quote: char) -> u8 {
    const CANDIDATES: &[char] = &[',', ';', '\t', '|', ':', '^', '~', '\u{1}'];
    const LINES: usize = 50;
    let mut best = (0_usize, 0_usize, b',');
    for &candidate in CANDIDATES {
        let counts = delimiters_per_line(sample, quote, candidate, LINES);
        let first = counts.first().copied().unwrap_or(0);
        let even = counts.iter().filter(|&&count| count == first).count();
        let share = even.saturating_mul(100).checked_div(counts.len()).unwrap_or(0);
        let evenness = usize::from(first > 0).saturating_mul(share / 10);
        if (evenness, first) > (best.0, best.1)
            && let Ok(byte) = u8::try_from(candidate)
        {
            best = (evenness, first, byte);
        }
    }
    best.2
}

fn delimiters_per_line(sample: &str, quote: char, delimiter: char, limit: usize) -> Vec<usize> {
    let mut counts = Vec::new();
    let (mut count, mut quoted, mut empty) = (0_usize, false, true);
    for c in sample.chars() {
        if c == quote {
            quoted = !quoted;
        } else if c == '\n' && !quoted {
            if !empty {
                counts.push(count);
            }
            (count, empty) = (0, true);
            if counts.len() >= limit {
                return counts;
            }
            continue;
        } else if c == delimiter && !quoted {
            count = count.saturating_add(1);
        }
        empty = empty && c.is_whitespace();
    }
    if counts.is_empty() && !empty {
        counts.push(count);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_found_despite_quoted_ones() {
        assert_eq!(sniff_delimiter("a,b,c\n1,\"x;y;z\",3\n", '"'), b',');
        assert_eq!(sniff_delimiter("a;b;c\n1,5;2,5;3,5\n1,2;2;3\n", '"'), b';');
        assert_eq!(sniff_delimiter("a\tb\n1\t2\n", '"'), b'\t');
        assert_eq!(sniff_delimiter("a|b\n", '"'), b'|');
        assert_eq!(sniff_delimiter("a\u{1}b\n1,5\u{1}2,5\n", '"'), 1);
        assert_eq!(sniff_delimiter("only\none\n", '"'), b',');
        assert_eq!(sniff_delimiter("", '"'), b',');
    }

    #[test]
    fn delimiters_are_single_characters_other_than_the_quote() {
        let format = |delimiter: &str| FileFormat { delimiter: delimiter.to_owned(), ..FileFormat::default() };
        assert_eq!(format("auto").delimiter_byte(), Ok(None));
        assert_eq!(format("tab").delimiter_byte(), Ok(Some(b'\t')));
        assert_eq!(format(";").delimiter_byte(), Ok(Some(b';')));
        assert_eq!(format("\u{1}").delimiter_byte(), Ok(Some(1)));
        for bad in ["", ";;", "\"", "a", "é", "\n", "\r", "\u{0}"] {
            assert!(format(bad).delimiter_byte().is_err(), "{bad}");
        }
    }
}
