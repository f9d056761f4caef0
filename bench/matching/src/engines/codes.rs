//! The values of each field that filters tell apart, numbered: what bitmaps and packed records are made of.

use std::collections::{BTreeSet, HashMap};

use domain::campaign::{Fact, Facts, Field, Filter, Predicate, Scalar, Test};
use domain::matching::Entry;

/// The code of a field without a value.
const MISSING: usize = 0;
/// The code of a value that no filter names.
const OTHER: usize = 1;

/// All fields that filters ask about.
pub(crate) struct Codes {
    numbers: HashMap<Field, usize>,
    fields: Vec<FieldCodes>,
}

/// The codes of one field: texts that filters name, prefixes that they name, and the intervals between bounds.
#[derive(Default)]
pub(crate) struct FieldCodes {
    points: HashMap<String, usize>,
    prefixes: HashMap<String, usize>,
    longest: usize,
    /// Where each interval begins.
    bounds: Vec<i64>,
    first_interval: usize,
    pub(crate) count: usize,
}

/// A lead in codes.
#[derive(Default)]
pub(crate) struct Read {
    /// By field.
    pub(crate) codes: Vec<usize>,
    /// Of fields with several values, which `codes` calls missing.
    pub(crate) many: Vec<(usize, Vec<usize>)>,
}

/// One member of a filter's conjunction.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) filter: &'a Filter,
    pub(crate) negated: bool,
}

impl Codes {
    /// The codes of all values that the filters name.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let mut codes = Self { numbers: HashMap::new(), fields: Vec::new() };
        let mut bounds: Vec<BTreeSet<i64>> = Vec::new();
        for entry in entries {
            codes.learn(&entry.filter, &mut bounds);
        }
        for (field, bounds) in codes.fields.iter_mut().zip(bounds) {
            field.bounds = if bounds.is_empty() { Vec::new() } else { [i64::MIN].into_iter().chain(bounds).collect() };
            field.first_interval = field.count.saturating_add(2);
            field.count = field.first_interval.saturating_add(field.bounds.len());
        }
        codes
    }

    fn learn(&mut self, filter: &Filter, bounds: &mut Vec<BTreeSet<i64>>) {
        let predicate = match filter {
            Filter::All(parts) | Filter::Any(parts) => return parts.iter().for_each(|part| self.learn(part, bounds)),
            Filter::Not(part) => return self.learn(part, bounds),
            Filter::Is(predicate) => predicate,
        };
        let at = self.number(&predicate.field).unwrap_or_else(|| {
            self.fields.push(FieldCodes::default());
            bounds.push(BTreeSet::new());
            let at = self.fields.len().saturating_sub(1);
            self.numbers.insert(predicate.field.clone(), at);
            at
        });
        if let (Some(field), Some(bounds)) = (self.fields.get_mut(at), bounds.get_mut(at)) {
            field.learn(&predicate.test, bounds);
        }
    }

    pub(crate) fn number(&self, field: &Field) -> Option<usize> {
        self.numbers.get(field).copied()
    }

    pub(crate) fn fields(&self) -> &[FieldCodes] {
        &self.fields
    }

    /// The field of a part that is one test, and the codes that pass it; `None` for a part that is no single test.
    pub(crate) fn passing(&self, part: Part<'_>) -> Option<(usize, Vec<usize>)> {
        let Filter::Is(Predicate { field, test }) = part.filter else { return None };
        let at = self.number(field)?;
        let codes = self.fields.get(at)?;
        let passing = codes.passing(test);
        if !part.negated {
            return Some((at, passing));
        }
        let mut negated = vec![true; codes.count];
        for code in passing {
            if let Some(place) = negated.get_mut(code) {
                *place = false;
            }
        }
        Some((at, negated.into_iter().enumerate().filter_map(|(code, passes)| passes.then_some(code)).collect()))
    }

    /// The codes of a lead.
    pub(crate) fn read(&self, facts: &Facts, read: &mut Read) {
        read.codes.clear();
        read.codes.resize(self.fields.len(), MISSING);
        read.many.clear();
        for (field, fact) in facts.iter() {
            let Some(at) = self.number(field) else { continue };
            let (Some(place), Some(known)) = (read.codes.get_mut(at), self.fields.get(at)) else { continue };
            match fact {
                Fact::One(value) => *place = known.code(value),
                Fact::Many(values) => read.many.push((at, values.iter().map(|value| known.code(value)).collect())),
            }
        }
    }
}

impl FieldCodes {
    fn learn(&mut self, test: &Test, bounds: &mut BTreeSet<i64>) {
        match test {
            Test::Missing => {}
            Test::OneOf(values) => {
                for value in values {
                    match value {
                        Scalar::Number(number) => bounds.extend([Some(*number), number.checked_add(1)].into_iter().flatten()),
                        Scalar::Text(text) if self.points.contains_key(text) => {}
                        Scalar::Text(text) => {
                            let code = self.next();
                            self.points.insert(text.clone(), code);
                        }
                    }
                }
            }
            Test::StartsWith(prefixes) => {
                for prefix in prefixes {
                    if !self.prefixes.contains_key(prefix) {
                        let code = self.next();
                        self.prefixes.insert(prefix.clone(), code);
                        self.longest = self.longest.max(prefix.len());
                    }
                }
            }
            Test::Within(spans) => {
                let ends = spans.iter().flat_map(|span| [span.min, span.max.and_then(|max| max.checked_add(1))]);
                bounds.extend(ends.flatten());
            }
        }
    }

    /// A code for another text, behind those of a missing value and of any other.
    fn next(&mut self) -> usize {
        self.count = self.count.saturating_add(1);
        self.count.saturating_add(1)
    }

    fn code(&self, value: &Scalar) -> usize {
        match value {
            Scalar::Number(number) => match self.bounds.partition_point(|least| least <= number) {
                0 => OTHER,
                after => self.first_interval.saturating_add(after).saturating_sub(1),
            },
            Scalar::Text(text) => self.points.get(text).copied().or_else(|| self.prefix(text)).unwrap_or(OTHER),
        }
    }

    fn prefix(&self, text: &str) -> Option<usize> {
        (0..=self.longest).rev().find_map(|length| self.prefixes.get(text.get(..length)?).copied())
    }

    fn passing(&self, test: &Test) -> Vec<usize> {
        match test {
            Test::Missing => vec![MISSING],
            Test::OneOf(values) => values.iter().map(|value| self.code(value)).collect(),
            Test::StartsWith(wanted) => {
                let longer = |name: &str| wanted.iter().any(|prefix| name.starts_with(prefix.as_str()));
                let names = self.points.iter().chain(&self.prefixes);
                names.filter(|(name, _)| longer(name)).map(|(_, code)| *code).collect()
            }
            Test::Within(spans) => {
                let passes = |(at, least): (usize, &i64)| {
                    spans.iter().any(|span| span.contains(*least)).then(|| self.first_interval.saturating_add(at))
                };
                self.bounds.iter().enumerate().filter_map(passes).collect()
            }
        }
    }
}

impl<'a> Part<'a> {
    /// The conjunction that a filter is.
    pub(crate) fn of(filter: &'a Filter) -> Vec<Self> {
        match filter {
            Filter::All(parts) => parts.iter().flat_map(Self::of).collect(),
            Filter::Not(part) if matches!(**part, Filter::Is(_)) => vec![Part { filter: part, negated: true }],
            _ => vec![Part { filter, negated: false }],
        }
    }

    pub(crate) fn holds(&self, facts: &Facts) -> bool {
        self.filter.holds(facts) != self.negated
    }

    /// Whether it is a test of a field that may have several values.
    pub(crate) fn of_many(&self) -> bool {
        matches!(self.filter, Filter::Is(predicate) if predicate.field.is_many_valued())
    }
}
