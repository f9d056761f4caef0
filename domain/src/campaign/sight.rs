//! A lead as far as somebody may know it, and what a campaign's filter and prices then say of it.
//!
//! What is not to be known makes a condition neither true nor false, and the whole follows by Kleene's logic: it is told only
//! where it is the same whatever lies behind.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::{Ask, name_of};
use super::facts::Facts;
use super::filter::{Field, Filter, Predicate, Scalar, Span, Test};
use super::terms::{Amounts, Price, Terms};

/// A lead as far as somebody may know it.
#[derive(Debug, Clone)]
pub struct Sight<'a> {
    facts: &'a Facts,
    hidden: BTreeSet<Field>,
    vague: BTreeMap<Field, Span>,
}

/// One condition of a filter, and whether a lead fulfils it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// Its place in the filter as its buyer wrote it.
    pub path: Vec<String>,
    /// Whether it holds; `None` where that is not to be known.
    pub holds: Option<bool>,
}

impl<'a> Sight<'a> {
    /// Everything that the facts say.
    #[must_use]
    pub const fn whole(facts: &'a Facts) -> Self {
        Self { facts, hidden: BTreeSet::new(), vague: BTreeMap::new() }
    }

    /// Without `fields`: not even whether they have a value is known.
    #[must_use]
    pub fn without(mut self, fields: impl IntoIterator<Item = Field>) -> Self {
        self.hidden.extend(fields);
        self
    }

    /// With no more known of the number in `field` than that it lies in `span`.
    #[must_use]
    pub fn within(mut self, field: Field, span: Span) -> Self {
        self.vague.insert(field, span);
        self
    }

    fn holds(&self, predicate: &Predicate) -> Option<bool> {
        if self.hidden.contains(&predicate.field) {
            return None;
        }
        match self.vague.get(&predicate.field) {
            Some(span) => predicate.test.over(*span),
            None => Some(predicate.holds(self.facts)),
        }
    }
}

impl Test {
    /// Whether every number in `span` passes, or none does; `None` when some do.
    fn over(&self, span: Span) -> Option<bool> {
        let settled = |all: bool, none: bool| if all { Some(true) } else { none.then_some(false) };
        match self {
            Self::Within(spans) => {
                let covers = |each: &Span| [span.min, span.max].into_iter().all(|end| end.is_some_and(|end| each.contains(end)));
                settled(spans.iter().any(covers), !spans.iter().any(|each| each.meets(span)))
            }
            Self::OneOf(values) => {
                let listed = |value: &Scalar| matches!(value, Scalar::Number(number) if span.contains(*number));
                settled(false, !values.iter().any(listed))
            }
            Self::StartsWith(_) | Self::Missing => Some(false),
        }
    }
}

impl Span {
    /// Whether some number lies in both.
    fn meets(self, other: Self) -> bool {
        let before = |one: Self, two: Self| matches!((one.max, two.min), (Some(last), Some(first)) if last < first);
        !before(self, other) && !before(other, self)
    }
}

impl Filter {
    /// Whether a lead passes, as far as `sight` tells.
    #[must_use]
    pub fn seen(&self, sight: &Sight<'_>) -> Option<bool> {
        match self {
            Self::All(parts) => joined(parts, sight, false),
            Self::Any(parts) => joined(parts, sight, true),
            Self::Not(part) => part.seen(sight).map(|holds| !holds),
            Self::Is(predicate) => sight.holds(predicate),
        }
    }
}

/// `decisive` as soon as one part is; unknown when one could be; else the contrary.
fn joined(parts: &[Filter], sight: &Sight<'_>, decisive: bool) -> Option<bool> {
    let mut all_known = true;
    for part in parts {
        match part.seen(sight) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!decisive)
}

impl Price {
    /// What is offered for a lead, as far as `sight` tells: `None` when it hangs on what is not known.
    #[must_use]
    pub fn seen(&self, sight: &Sight<'_>) -> Option<Option<Amounts>> {
        for rule in &self.rules {
            match rule.when.seen(sight) {
                Some(true) => return Some(Some(rule.amounts)),
                Some(false) => {}
                None => return None,
            }
        }
        Some(self.otherwise)
    }
}

impl Terms {
    /// Every condition of the filter, in the order in which the buyer wrote them.
    #[must_use]
    pub fn trace(&self, sight: &Sight<'_>) -> Vec<Traced> {
        let mut found = Vec::new();
        if let Some(asked) = &self.asked {
            trace(asked, &self.filter, &mut Vec::new(), sight, &mut found);
        }
        found
    }
}

fn trace(ask: &Ask, filter: &Filter, path: &mut Vec<String>, sight: &Sight<'_>, found: &mut Vec<Traced>) {
    let mut each = |name: &str, asks: &[Ask], parts: &[Filter]| {
        for (index, (ask, part)) in asks.iter().zip(parts).enumerate() {
            path.extend([name.to_owned(), index.to_string()]);
            trace(ask, part, path, sight, found);
            path.truncate(path.len().saturating_sub(2));
        }
    };
    match (ask, filter) {
        (Ask::All(asks), Filter::All(parts)) => each("all", asks, parts),
        (Ask::Any(asks), Filter::Any(parts)) => each("any", asks, parts),
        (Ask::Not(ask), Filter::Not(part)) => {
            path.push("not".to_owned());
            trace(ask, part, path, sight, found);
            path.pop();
        }
        (leaf, part) => {
            // A condition on an attribute may have become more than one node: that there is a value is that it is not missing.
            let name = match leaf {
                Ask::Is(predicate) => name_of(predicate),
                _ => "attribute",
            };
            let path = path.iter().cloned().chain([name.to_owned()]).collect();
            found.push(Traced { path, holds: part.seen(sight) });
        }
    }
}

#[cfg(test)]
#[path = "sight_tests.rs"]
mod tests;
