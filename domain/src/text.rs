//! What every text of the exchange keeps to.

/// Whether `text` holds a character that no text may: NUL, which Postgres refuses and SQLite stores, and the other control
/// characters except tab, line feed and carriage return.
#[must_use]
pub fn has_control_character(text: &str) -> bool {
    text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
}
