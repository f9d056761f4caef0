//! The crate `a-tree`: expressions in its own language, sharing what they have in common.

use std::collections::HashMap;
use std::fmt::Write;

use a_tree::{ATree, AttributeDefinition, Event};
use domain::campaign::{Facts, Field, Filter, Predicate, Scalar, Test};
use domain::matching::Entry;

use super::{Engine, numbered};
use crate::Error;

/// Campaigns of one tree. Every insertion walks all roots of its tree, so a single tree of a million would take an hour to
/// build; and most campaigns share too few tests for one large tree to have many nodes less than several small ones.
pub(crate) const OF_ONE_TREE: usize = 1_024;

/// The trees, searched one after the other.
pub(crate) struct Tree {
    trees: Vec<ATree<u32>>,
    kinds: HashMap<Field, Kind>,
}

/// The type of a field's attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    /// Several texts. A text that is asked for by prefix is the list of its own prefixes.
    Texts,
}

impl Tree {
    pub(crate) fn build(entries: &[Entry]) -> Result<Self, Error> {
        let mut kinds = HashMap::new();
        entries.iter().for_each(|entry| learn(&entry.filter, &mut kinds));
        let definitions: Vec<AttributeDefinition> = kinds.iter().map(|(field, kind)| definition(&name(field), *kind)).collect();
        let mut trees = Vec::new();
        let mut text = String::new();
        for (campaign, entry) in numbered(entries) {
            if (usize::try_from(campaign).unwrap_or(0)).is_multiple_of(OF_ONE_TREE) {
                trees.push(ATree::new(&definitions).map_err(|error| Error::Peer(error.to_string()))?);
            }
            text.clear();
            expression(&entry.filter, false, &kinds, &mut text);
            let Some(tree) = trees.last_mut() else { continue };
            tree.insert(&campaign, &text).map_err(|error| Error::Peer(error.to_string()))?;
        }
        Ok(Self { trees, kinds })
    }

    fn event(&self, tree: &ATree<u32>, facts: &Facts) -> Result<Event, Error> {
        let failed = |error: a_tree::EventError| Error::Peer(error.to_string());
        let mut builder = tree.make_event();
        for (field, kind) in &self.kinds {
            let (name, values) = (name(field), facts.get(field).map_or(&[][..], |fact| fact.values()));
            match (kind, values) {
                (Kind::Texts, values) => {
                    let texts: Vec<&str> = values.iter().flat_map(|value| listed(field, value)).collect();
                    builder.with_string_list(&name, &texts).map_err(failed)?;
                }
                (Kind::Number, [Scalar::Number(number)]) => builder.with_integer(&name, *number).map_err(failed)?,
                (Kind::Text, [Scalar::Text(text)]) => builder.with_string(&name, text).map_err(failed)?,
                _ => {}
            }
        }
        builder.build().map_err(failed)
    }
}

impl Engine for Tree {
    /// One event for each tree: numbers of texts are the tree's own.
    type Lead = Vec<Event>;

    fn lead(&self, facts: &Facts) -> Result<Vec<Event>, Error> {
        self.trees.iter().map(|tree| self.event(tree, facts)).collect()
    }

    fn matches(&mut self, lead: &Vec<Event>, out: &mut Vec<u32>) -> Result<(), Error> {
        for (tree, event) in self.trees.iter().zip(lead) {
            let report = tree.search(event).map_err(|error| Error::Peer(error.to_string()))?;
            out.extend(report.matches().iter().copied());
        }
        Ok(())
    }
}

fn learn(filter: &Filter, kinds: &mut HashMap<Field, Kind>) {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().for_each(|part| learn(part, kinds)),
        Filter::Not(part) => learn(part, kinds),
        Filter::Is(Predicate { field, test }) => {
            let kind = match test {
                Test::StartsWith(_) => Kind::Texts,
                _ if field.is_many_valued() => Kind::Texts,
                Test::Within(_) => Kind::Number,
                Test::OneOf(_) | Test::Missing => Kind::Text,
            };
            if kinds.get(field) != Some(&kind) {
                kinds.insert(field.clone(), kind);
            }
        }
    }
}

fn definition(name: &str, kind: Kind) -> AttributeDefinition {
    match kind {
        Kind::Number => AttributeDefinition::integer(name),
        Kind::Text => AttributeDefinition::string(name),
        Kind::Texts => AttributeDefinition::string_list(name),
    }
}

fn name(field: &Field) -> String {
    match field {
        Field::Attribute(key) => format!("attribute_{key}"),
        field => format!("field_{field:?}").to_lowercase(),
    }
}

/// The prefixes of a text that is asked for by prefix; a text of several as it is.
fn listed<'a>(field: &Field, value: &'a Scalar) -> Vec<&'a str> {
    match value {
        Scalar::Number(_) => Vec::new(),
        Scalar::Text(text) if field.is_many_valued() => vec![text],
        Scalar::Text(text) => (1..=text.len()).filter_map(|length| text.get(..length)).collect(),
    }
}

/// Writes a filter. A test of a missing field is undefined there and fails here, so its negation names that case.
fn expression(filter: &Filter, negated: bool, kinds: &HashMap<Field, Kind>, out: &mut String) {
    let (parts, all) = match filter {
        Filter::Not(part) => return expression(part, !negated, kinds, out),
        Filter::Is(predicate) => return test(predicate, negated, kinds.get(&predicate.field).copied(), out),
        Filter::All(parts) => (parts, !negated),
        Filter::Any(parts) => (parts, negated),
    };
    if parts.is_empty() {
        // What every lead passes, or none: every lead has a score.
        out.push_str(if all { "field_score is not null" } else { "field_score is null" });
        return;
    }
    out.push('(');
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push_str(if all { " and " } else { " or " });
        }
        expression(part, negated, kinds, out);
    }
    out.push(')');
}

fn test(predicate: &Predicate, negated: bool, kind: Option<Kind>, out: &mut String) {
    let name = name(&predicate.field);
    let texts = |values: &mut dyn Iterator<Item = &str>| values.map(|text| format!("\"{text}\"")).collect::<Vec<_>>();
    let or_missing = |out: &mut String, negated_test: &str| write!(out, "({name} is null or {negated_test})").unwrap_or_default();
    let list = match &predicate.test {
        Test::Missing => return out.push_str(&format!("{name} {}", if negated { "is not null" } else { "is null" })),
        Test::Within(spans) => {
            let least = |min: i64| format!("{name} {} {min}", if negated { "<" } else { ">=" });
            let most = |max: i64| format!("{name} {} {max}", if negated { ">" } else { "<=" });
            let (within, between) = if negated { (" or ", " and ") } else { (" and ", " or ") };
            let span = |span: &domain::campaign::Span| {
                let ends: Vec<String> = [span.min.map(least), span.max.map(most)].into_iter().flatten().collect();
                if let [only] = ends.as_slice() { only.clone() } else { format!("({})", ends.join(within)) }
            };
            let spans: Vec<String> = spans.iter().map(span).collect();
            let text = if let [only] = spans.as_slice() { only.clone() } else { format!("({})", spans.join(between)) };
            return if negated { or_missing(out, &text) } else { out.push_str(&text) };
        }
        Test::StartsWith(prefixes) => texts(&mut prefixes.iter().map(String::as_str)),
        Test::OneOf(values) => {
            texts(&mut values.iter().filter_map(|value| if let Scalar::Text(text) = value { Some(text.as_str()) } else { None }))
        }
    };
    let text = match (kind, list.as_slice(), negated) {
        (Some(Kind::Texts), list, false) => format!("{name} one of [{}]", list.join(", ")),
        (Some(Kind::Texts), list, true) => format!("{name} none of [{}]", list.join(", ")),
        (_, [only], false) => format!("{name} = {only}"),
        (_, [only], true) => format!("{name} <> {only}"),
        (_, list, false) => format!("{name} in [{}]", list.join(", ")),
        (_, list, true) => format!("{name} not in [{}]", list.join(", ")),
    };
    if negated && kind != Some(Kind::Texts) { or_missing(out, &text) } else { out.push_str(&text) }
}
