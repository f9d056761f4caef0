//! The part of a filter that rows cannot decide, as a few words of code.
//!
//! A program is a chain of tests, each with the place to go on at when it passes and when it fails: AND, OR and NOT are in the
//! places and cost nothing. Tests are written from the last to the first, so a place is always lower than the test that names it.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::parts::Part;
use super::texts::{Texts, UNKNOWN};
use crate::campaign::{Fact, Field, Filter, Predicate, Scalar, Test};

const ACCEPT: u32 = u32::MAX;
const REJECT: u32 = u32::MAX - 1;

const MISSING: u32 = 0;
const ONE_OF: u32 = 1;
const STARTS_WITH: u32 = 2;
const WITHIN: u32 = 3;

/// Words before the operands of a test: field and kind, where to go on when it passes, where when it fails, number of operands.
const HEADER: usize = 4;

/// A compiled check. The last word is where to begin.
#[derive(Debug)]
pub(super) struct Residual(Box<[u32]>);

/// A fact of the lead at hand, with the number of its text once somebody asked for it.
pub(super) struct Known<'a> {
    fact: Option<&'a Fact>,
    number: Cell<Option<u32>>,
}

impl<'a> Known<'a> {
    pub(super) fn new(fact: Option<&'a Fact>) -> Self {
        Self { fact, number: Cell::new(None) }
    }

    pub(super) fn fact(&self) -> Option<&'a Fact> {
        self.fact
    }

    /// The number of one of its texts.
    pub(super) fn number_of(&self, text: &str, texts: &Texts) -> u32 {
        if matches!(self.fact, Some(Fact::Many(_))) {
            return texts.number(text);
        }
        let number = self.number.get().unwrap_or_else(|| texts.number(text));
        self.number.set(Some(number));
        number
    }
}

impl Residual {
    /// Compiles a conjunction; `number` gives the number of a field.
    pub(super) fn compile(parts: &[Part<'_>], number: &impl Fn(&Field) -> u32, texts: &mut Texts) -> Self {
        let mut code = Vec::new();
        let mut writer = Writer { code: &mut code, number, texts };
        let first = parts.iter().rev().fold(ACCEPT, |next, part| writer.filter(part.filter, part.negated, next, REJECT));
        code.push(first);
        Self(code.into_boxed_slice())
    }

    /// Whether a lead passes.
    pub(super) fn holds(&self, known: &[Known<'_>], texts: &Texts) -> bool {
        let mut place = self.0.last().copied().unwrap_or(REJECT);
        loop {
            match place {
                ACCEPT => return true,
                REJECT => return false,
                at => match self.test(at) {
                    Some(test) => place = if test.passes(known, texts) { test.passed } else { test.failed },
                    None => return false,
                },
            }
        }
    }

    /// Gives back the texts that it compares with.
    pub(super) fn release(&self, texts: &mut Texts) {
        let mut at = 0;
        while let Some(test) = self.test(at) {
            test.texts().for_each(|number| texts.give_back(number));
            at = u32::try_from(test.end).unwrap_or(ACCEPT);
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// The test that begins at `at`; `None` at the last word.
    fn test(&self, at: u32) -> Option<Step<'_>> {
        let at = usize::try_from(at).ok()?;
        let [head, passed, failed, length] = *self.0.get(at..)?.first_chunk::<HEADER>()?;
        let operands = at.checked_add(HEADER)?;
        let end = operands.checked_add(usize::try_from(length).ok()?)?;
        let field = usize::try_from(head / 4).ok()?;
        Some(Step { field, kind: head % 4, passed, failed, operands: self.0.get(operands..end)?, end })
    }
}

struct Step<'a> {
    field: usize,
    kind: u32,
    passed: u32,
    failed: u32,
    operands: &'a [u32],
    end: usize,
}

impl Step<'_> {
    fn passes(&self, known: &[Known<'_>], texts: &Texts) -> bool {
        let Some(known) = known.get(self.field) else { return self.kind == MISSING };
        match known.fact {
            None => self.kind == MISSING,
            Some(fact) => fact.values().iter().any(|value| self.passes_value(value, known, texts)),
        }
    }

    fn passes_value(&self, value: &Scalar, known: &Known<'_>, texts: &Texts) -> bool {
        match (self.kind, value) {
            (ONE_OF, Scalar::Number(value)) => self.numbers().any(|number| number == *value),
            (ONE_OF, Scalar::Text(text)) => {
                let number = known.number_of(text, texts);
                number != UNKNOWN && self.texts().any(|one| one == number)
            }
            (STARTS_WITH, Scalar::Text(text)) => {
                self.texts().any(|one| texts.text(one).is_some_and(|prefix| text.starts_with(prefix)))
            }
            (WITHIN, Scalar::Number(value)) => {
                let mut bounds = self.numbers();
                while let (Some(min), Some(max)) = (bounds.next(), bounds.next()) {
                    if min <= *value && *value <= max {
                        return true;
                    }
                }
                false
            }
            _ => false,
        }
    }

    /// The numbers of a `ONE_OF` come first, and their count before them; a `WITHIN` has nothing but numbers.
    fn numbers(&self) -> impl Iterator<Item = i64> {
        let words = match self.kind {
            WITHIN => self.operands,
            ONE_OF => self.operands.get(1..self.texts_begin()).unwrap_or_default(),
            _ => &[],
        };
        let (pairs, _) = words.as_chunks::<2>();
        pairs.iter().map(|&[low, high]| i64::from_be_bytes(joined(high, low)))
    }

    fn texts(&self) -> impl Iterator<Item = u32> {
        let words = match self.kind {
            STARTS_WITH => self.operands,
            ONE_OF => self.operands.get(self.texts_begin()..).unwrap_or_default(),
            _ => &[],
        };
        words.iter().copied()
    }

    fn texts_begin(&self) -> usize {
        let numbers = self.operands.first().copied().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        numbers.saturating_mul(2).saturating_add(1)
    }
}

struct Writer<'a, N> {
    code: &'a mut Vec<u32>,
    number: &'a N,
    texts: &'a mut Texts,
}

impl<N: Fn(&Field) -> u32> Writer<'_, N> {
    /// Writes `filter` and answers where it begins: a conjunction hands on at `passed` what all its parts pass, a disjunction
    /// at `failed` what none passes, and a negation swaps the two.
    fn filter(&mut self, filter: &Filter, negated: bool, passed: u32, failed: u32) -> u32 {
        match (filter, negated) {
            (Filter::Is(predicate), false) => self.test(predicate, passed, failed),
            (Filter::Is(predicate), true) => self.test(predicate, failed, passed),
            (Filter::Not(part), _) => self.filter(part, !negated, passed, failed),
            (Filter::All(parts), false) | (Filter::Any(parts), true) => {
                parts.iter().rev().fold(passed, |next, part| self.filter(part, negated, next, failed))
            }
            (Filter::Any(parts), false) | (Filter::All(parts), true) => {
                parts.iter().rev().fold(failed, |next, part| self.filter(part, negated, passed, next))
            }
        }
    }

    fn test(&mut self, predicate: &Predicate, passed: u32, failed: u32) -> u32 {
        let at = self.code.len();
        let field = (self.number)(&predicate.field);
        self.code.extend([0, passed, failed, 0]);
        let kind = match &predicate.test {
            Test::Missing => MISSING,
            Test::OneOf(values) => {
                self.one_of(values);
                ONE_OF
            }
            Test::StartsWith(prefixes) => {
                prefixes.iter().for_each(|prefix| self.text(prefix));
                STARTS_WITH
            }
            Test::Within(spans) => {
                for span in spans {
                    self.scalar(span.min.unwrap_or(i64::MIN));
                    self.scalar(span.max.unwrap_or(i64::MAX));
                }
                WITHIN
            }
        };
        let length = self.code.len().saturating_sub(at).saturating_sub(HEADER);
        if let Some([head, _, _, count]) = self.code.get_mut(at..).and_then(|words| words.first_chunk_mut::<HEADER>()) {
            *head = field.saturating_mul(4).saturating_add(kind);
            *count = u32::try_from(length).unwrap_or(0);
        }
        u32::try_from(at).unwrap_or(REJECT)
    }

    fn one_of(&mut self, values: &BTreeSet<Scalar>) {
        let numbers = values.iter().filter(|value| matches!(value, Scalar::Number(_))).count();
        self.code.push(u32::try_from(numbers).unwrap_or(0));
        // Numbers sort before texts.
        for value in values {
            match value {
                Scalar::Number(number) => self.scalar(*number),
                Scalar::Text(text) => self.text(text),
            }
        }
    }

    fn scalar(&mut self, number: i64) {
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        self.code.extend([u32::from_be_bytes([e, f, g, h]), u32::from_be_bytes([a, b, c, d])]);
    }

    fn text(&mut self, text: &str) {
        let number = self.texts.take(text);
        self.code.push(number);
    }
}

fn joined(high: u32, low: u32) -> [u8; 8] {
    let ([a, b, c, d], [e, f, g, h]) = (high.to_be_bytes(), low.to_be_bytes());
    [a, b, c, d, e, f, g, h]
}
