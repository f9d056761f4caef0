//! What a mapping itself gets wrong, whatever the file says.

use std::collections::BTreeMap;

use super::FieldRule;
use super::bind::{folded, shortened};
use super::convert::wordlike;
use super::rule::Scalar;
use super::target::Kind;
use crate::refusal::Refusal;

pub(super) fn band_problems(kind: &Kind, bands: &[(i64, String)]) -> Vec<Refusal> {
    let bounds: BTreeMap<i64, &String> = bands.iter().map(|(from, name)| (*from, name)).collect();
    let ascending = bounds.keys().copied().eq(bands.iter().map(|(from, _)| *from));
    let mut found = Vec::new();
    if !ascending {
        found.push(Refusal::invalid("bands", "bands begin at ascending bounds"));
    }
    if !bands.is_empty() && !matches!(kind, Kind::Words(_) | Kind::Text) {
        found.push(Refusal::invalid("bands", "bands are for fields with listed values, and for texts"));
    }
    if let Kind::Words(words) = kind {
        let unknown = bands.iter().find(|(_, name)| !name.is_empty() && !known_word(words, name));
        found.extend(unknown.map(|(_, name)| Refusal::invalid("bands", not_listed(name, words))));
    }
    found
}

/// What a mapping itself writes must be one of the listed values; what the file says is looked at row by row.
pub(super) fn word_problems(kind: &Kind, rule: &FieldRule) -> Vec<Refusal> {
    let Kind::Words(words) = kind else { return Vec::new() };
    let mut found = Vec::new();
    let mut check = |scalar: &Scalar, place: &str| {
        let text = scalar.to_string();
        let counted = rule.bands.is_empty() && !text.is_empty() && !known_word(words, &text);
        if counted && !rule.values.keys().any(|from| folded(from) == folded(&text)) {
            found.push(Refusal::invalid(place, not_listed(&text, words)));
        }
    };
    rule.constant.iter().for_each(|scalar| check(scalar, "constant"));
    rule.otherwise.iter().for_each(|scalar| check(scalar, "otherwise"));
    rule.default.iter().for_each(|scalar| check(scalar, "default"));
    rule.values.values().for_each(|scalar| check(scalar, "values"));
    found
}

fn known_word(words: &[String], text: &str) -> bool {
    let like = wordlike(text);
    words.iter().any(|word| wordlike(word) == like)
}

fn not_listed(text: &str, words: &[String]) -> String {
    let shown: Vec<&str> = words.iter().take(30).map(String::as_str).collect();
    format!("`{}` is not one of {}", shortened(text), shown.join(", "))
}
