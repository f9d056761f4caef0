//! Joining columns: `{First name} {Last name}`.

/// One piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text between columns.
    Text(String),
    /// The name of a column.
    Column(String),
}

/// Reads a template: a column's name between braces, `{{` and `}}` for braces. The error says what is wrong.
pub(super) fn pieces(template: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                text.push(c);
            }
            '{' => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                let name: String = chars.by_ref().take_while(|&c| c != '}').collect();
                pieces.push(Piece::Column(name));
            }
            '}' => return Err("a `}` without its `{`".to_owned()),
            _ => text.push(c),
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    if pieces.iter().any(|piece| matches!(piece, Piece::Column(_))) {
        Ok(pieces)
    } else {
        Err("a template names at least one column between braces".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_text_and_braces() {
        let column = |name: &str| Piece::Column(name.to_owned());
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(pieces("{First} {Last}"), Ok(vec![column("First"), text(" "), column("Last")]));
        assert_eq!(pieces("{{x}} {A}"), Ok(vec![text("{x} "), column("A")]));
        assert!(pieces("no column").is_err());
        assert!(pieces("a } {b}").is_err());
    }
}
