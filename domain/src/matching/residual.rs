//! The part of a filter that rows cannot decide, as a few bytes of code.
//!
//! A program is a chain of tests, each with the place to go on at when it passes and when it fails: AND, OR and NOT are in the
//! places and cost nothing. Tests are written from the last to the first, so a place is always lower than the test that names
//! it. All numbers take as many bytes as they need, seven bits in each.

use std::cell::Cell;
use std::ops::Range;

use super::parts::Part;
use super::texts::{TakeText, Texts, UNKNOWN};
use crate::campaign::{Fact, Field, Filter, Predicate, Scalar, Test};

/// Places of tests are counted from here on.
const TESTS: u64 = 2;
const ACCEPT: u64 = 0;
const REJECT: u64 = 1;

const MISSING: u64 = 0;
const ONE_OF: u64 = 1;
const STARTS_WITH: u64 = 2;
const WITHIN: u64 = 3;

/// A compiled check: where to begin, and the tests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Residual<'a>(&'a [u8]);

/// The checks of some campaigns, in the order of their places.
#[derive(Debug, Default)]
pub(super) struct Residuals {
    code: Vec<u8>,
    /// Where each begins.
    begins: Vec<u32>,
}

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

impl Residuals {
    /// The check of the campaign that `rank` others come before.
    pub(super) fn get(&self, rank: usize) -> Option<Residual<'_>> {
        self.code.get(self.range(rank)?).map(Residual)
    }

    /// Puts `code` before all checks from `rank` on.
    pub(super) fn insert(&mut self, rank: usize, code: &[u8]) {
        let begin = self.range(rank).map_or(self.code.len(), |range| range.start);
        if begin == self.code.len() {
            self.code.extend_from_slice(code);
        } else {
            self.code.splice(begin..begin, code.iter().copied());
        }
        self.begins.insert(rank.min(self.begins.len()), u32::try_from(begin).unwrap_or(u32::MAX));
        let length = u32::try_from(code.len()).unwrap_or(u32::MAX);
        self.begins.iter_mut().skip(rank.saturating_add(1)).for_each(|begin| *begin = begin.saturating_add(length));
    }

    /// Takes a check away, and gives back the texts that it compares with.
    pub(super) fn remove(&mut self, rank: usize, texts: &mut Texts) {
        let Some(range) = self.range(rank) else { return };
        if let Some(residual) = self.get(rank) {
            residual.release(texts);
        }
        let length = u32::try_from(range.len()).unwrap_or(u32::MAX);
        self.code.drain(range);
        self.begins.remove(rank);
        self.begins.iter_mut().skip(rank).for_each(|begin| *begin = begin.saturating_sub(length));
    }

    /// Gives back the texts that all checks compare with.
    pub(super) fn release(&self, texts: &mut Texts) {
        (0..self.begins.len()).filter_map(|rank| self.get(rank)).for_each(|residual| residual.release(texts));
    }

    /// Keeps no memory for more checks.
    pub(super) fn shrink(&mut self) {
        self.code.shrink_to_fit();
        self.begins.shrink_to_fit();
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.code.capacity().saturating_add(self.begins.capacity().saturating_mul(size_of::<u32>()))
    }

    fn range(&self, rank: usize) -> Option<Range<usize>> {
        let begin = usize::try_from(*self.begins.get(rank)?).ok()?;
        let end = self.begins.get(rank.saturating_add(1)).and_then(|next| usize::try_from(*next).ok());
        Some(begin..end.unwrap_or(self.code.len()))
    }
}

impl Residual<'_> {
    /// Compiles a conjunction to the end of `out`; `number` gives the number of a field.
    pub(super) fn compile(parts: &[Part<'_>], number: &impl Fn(&Field) -> u32, texts: &mut impl TakeText, out: &mut Vec<u8>) {
        let mut code = Vec::new();
        let mut writer = Writer { code: &mut code, number, texts };
        let first = parts.iter().rev().fold(ACCEPT, |next, part| writer.filter(part.filter, part.negated, next, REJECT));
        put(out, first);
        out.append(&mut code);
    }

    /// Whether a lead passes.
    pub(super) fn holds(&self, known: &[Known<'_>], texts: &Texts) -> bool {
        let mut tests = Reader(self.0);
        let mut place = tests.next_number().unwrap_or(REJECT);
        while let Some(at) = place.checked_sub(TESTS) {
            let test = usize::try_from(at).ok().and_then(|at| tests.0.get(at..)).and_then(|code| Step::read(&mut Reader(code)));
            let Some(test) = test else { return false };
            place = if test.passes(known, texts) { test.passed } else { test.failed };
        }
        place == ACCEPT
    }

    fn release(&self, texts: &mut Texts) {
        let mut tests = Reader(self.0);
        tests.next_number();
        while let Some(test) = Step::read(&mut tests) {
            test.texts().for_each(|number| texts.give_back(number));
        }
    }
}

struct Step<'a> {
    field: usize,
    kind: u64,
    passed: u64,
    failed: u64,
    operands: Reader<'a>,
}

impl<'a> Step<'a> {
    fn read(code: &mut Reader<'a>) -> Option<Self> {
        let head = code.next_number()?;
        let (passed, failed, length) = (code.next_number()?, code.next_number()?, code.next_number()?);
        let operands = Reader(code.take(length)?);
        Some(Self { field: usize::try_from(head / 4).ok()?, kind: head % 4, passed, failed, operands })
    }

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
            (STARTS_WITH, Scalar::Text(text)) => self.prefixes().any(|prefix| text.as_bytes().starts_with(prefix)),
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
        let mut operands = self.operands;
        let count = match self.kind {
            WITHIN => u64::MAX,
            ONE_OF => operands.next_number().unwrap_or(0),
            _ => 0,
        };
        (0..count).map_while(move |_| operands.next_number().map(folded_back))
    }

    /// The numbers of the texts of a `ONE_OF`.
    fn texts(&self) -> impl Iterator<Item = u32> {
        let mut operands = if self.kind == ONE_OF { self.operands } else { Reader(&[]) };
        let numbers = operands.next_number().unwrap_or(0);
        (0..numbers).for_each(|_| _ = operands.next_number());
        std::iter::from_fn(move || operands.next_number().and_then(|number| u32::try_from(number).ok()))
    }

    /// The texts of a `STARTS_WITH`: they are short, and are read more often than those that are compared whole.
    fn prefixes(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut operands = self.operands;
        std::iter::from_fn(move || {
            let length = operands.next_number()?;
            operands.take(length)
        })
    }
}

struct Writer<'a, N, T> {
    code: &'a mut Vec<u8>,
    number: &'a N,
    texts: &'a mut T,
}

impl<N: Fn(&Field) -> u32, T: TakeText> Writer<'_, N, T> {
    /// Writes `filter` and answers where it begins: a conjunction hands on at `passed` what all its parts pass, a disjunction
    /// at `failed` what none passes, and a negation swaps the two.
    fn filter(&mut self, filter: &Filter, negated: bool, passed: u64, failed: u64) -> u64 {
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

    fn test(&mut self, predicate: &Predicate, passed: u64, failed: u64) -> u64 {
        let at = u64::try_from(self.code.len()).unwrap_or(u64::MAX).saturating_add(TESTS);
        let mut operands = Vec::new();
        let kind = match &predicate.test {
            Test::Missing => MISSING,
            Test::OneOf(values) => {
                let numbers = values.iter().filter(|value| matches!(value, Scalar::Number(_))).count();
                put(&mut operands, u64::try_from(numbers).unwrap_or(0));
                // Numbers sort before texts.
                for value in values {
                    match value {
                        Scalar::Number(number) => put(&mut operands, folded(*number)),
                        Scalar::Text(text) => put(&mut operands, u64::from(self.texts.take(text))),
                    }
                }
                ONE_OF
            }
            Test::StartsWith(prefixes) => {
                for prefix in prefixes {
                    put(&mut operands, u64::try_from(prefix.len()).unwrap_or(0));
                    operands.extend_from_slice(prefix.as_bytes());
                }
                STARTS_WITH
            }
            Test::Within(spans) => {
                for span in spans {
                    put(&mut operands, folded(span.min.unwrap_or(i64::MIN)));
                    put(&mut operands, folded(span.max.unwrap_or(i64::MAX)));
                }
                WITHIN
            }
        };
        let head = u64::from((self.number)(&predicate.field)).saturating_mul(4).saturating_add(kind);
        let length = u64::try_from(operands.len()).unwrap_or(0);
        [head, passed, failed, length].into_iter().for_each(|number| put(self.code, number));
        self.code.append(&mut operands);
        at
    }
}

/// Reads numbers one after the other.
#[derive(Debug, Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn next_number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0_u32);
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if *byte < 0x80 {
                return Some(number);
            }
            shift = shift.saturating_add(7);
        }
    }
}

fn put(code: &mut Vec<u8>, number: u64) {
    let mut left = number;
    while left >= 0x80 {
        code.push(u8::try_from(left & 0x7f).unwrap_or(0) | 0x80);
        left = left.wrapping_shr(7);
    }
    code.push(u8::try_from(left).unwrap_or(0));
}

/// Small numbers stay small, also below 0.
fn folded(number: i64) -> u64 {
    (number.wrapping_shl(1) ^ number.wrapping_shr(63)).cast_unsigned()
}

fn folded_back(number: u64) -> i64 {
    (number.wrapping_shr(1) ^ (number & 1).wrapping_neg()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        let numbers = [0, 1, -1, 63, -64, 64, 300, i64::MIN, i64::MAX];
        let mut code = Vec::new();
        numbers.iter().for_each(|number| put(&mut code, folded(*number)));
        let mut reader = Reader(&code);
        assert_eq!(numbers, std::array::from_fn(|_| folded_back(reader.next_number().unwrap())));
        assert_eq!(reader.next_number(), None);
        assert_eq!(Reader(&[0x80]).next_number(), None);
    }
}
