//! A filter taken apart into a conjunction, and what each part says of the classes of one field.

use super::class_set::Verdict;
use crate::campaign::{Field, Filter, Predicate};

/// One member of a conjunction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) filter: &'a Filter,
    pub(super) negated: bool,
}

impl<'a> Part<'a> {
    /// The parts whose conjunction `filter` is, as small as they get without copying anything.
    pub(super) fn of(filter: &'a Filter) -> Vec<Self> {
        let mut parts = Vec::with_capacity(USUAL);
        collect(filter, false, &mut parts);
        parts
    }

    /// The predicate that the part is, or is the negation of.
    pub(super) fn predicate(&self) -> Option<&'a Predicate> {
        match self.filter {
            Filter::Is(predicate) => Some(predicate),
            Filter::All(_) | Filter::Any(_) | Filter::Not(_) => None,
        }
    }

    /// What the part says of each class of `field`, where `judge` tells what a predicate of that field says. Predicates of
    /// other fields may hold or fail.
    pub(super) fn verdict(&self, field: &Field, judge: &impl Fn(&Predicate) -> Verdict) -> Verdict {
        verdict(self.filter, field, judge).negated(self.negated)
    }
}

/// Most filters have no more parts.
const USUAL: usize = 16;

/// Every predicate of a filter.
pub(super) fn each_predicate<'a>(filter: &'a Filter, visit: &mut impl FnMut(&'a Predicate)) {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().for_each(|part| each_predicate(part, visit)),
        Filter::Not(part) => each_predicate(part, visit),
        Filter::Is(predicate) => visit(predicate),
    }
}

fn collect<'a>(filter: &'a Filter, negated: bool, parts: &mut Vec<Part<'a>>) {
    match (filter, negated) {
        (Filter::All(inner), false) | (Filter::Any(inner), true) => inner.iter().for_each(|part| collect(part, negated, parts)),
        (Filter::Not(inner), _) => collect(inner, !negated, parts),
        (Filter::All(inner) | Filter::Any(inner), _) => match inner.as_slice() {
            [only] => collect(only, negated, parts),
            _ => parts.push(Part { filter, negated }),
        },
        (Filter::Is(_), _) => parts.push(Part { filter, negated }),
    }
}

fn verdict(filter: &Filter, field: &Field, judge: &impl Fn(&Predicate) -> Verdict) -> Verdict {
    let each = |parts: &[Filter], start: Verdict, combine: fn(Verdict, Verdict) -> Verdict| {
        parts.iter().fold(start, |so_far, part| combine(so_far, verdict(part, field, judge)))
    };
    match filter {
        Filter::All(parts) => each(parts, Verdict::HOLDS, Verdict::and),
        Filter::Any(parts) => each(parts, Verdict::FAILS, Verdict::or),
        Filter::Not(part) => verdict(part, field, judge).negated(true),
        Filter::Is(predicate) if predicate.field == *field => judge(predicate),
        Filter::Is(_) => Verdict::UNKNOWN,
    }
}
