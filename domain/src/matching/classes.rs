//! The value classes of one field: values that no campaign tells apart share a class, and each class has a row of bits.
//!
//! A number's class is an interval between bounds that campaigns name; a text's class is the text itself when a campaign
//! names it, else the longest named prefix that it starts with, else "any other". When the budget of names is used up, other
//! texts that campaigns name share a few classes, and a test that a class cannot decide is left to the residual check.

use super::class_set::{CLASSES_MAX, ClassSet, Verdict};
use super::rows::Rows;
use super::texts::{Texts, UNKNOWN};
use crate::campaign::{Scalar, Span, Test};

/// The class of leads without the field.
pub(super) const MISSING: u8 = 0;

/// The class of all values that have no other.
const OTHER: u8 = 1;

/// Characters of a prefix that is named in place of longer ones.
const SHORT: usize = 2;

/// How many rows fields and partitions may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Intervals of numbers in one field.
    pub(super) intervals: usize,
    /// Texts with a class of their own in one field, and half the prefixes.
    pub(super) names: usize,
    /// Classes that share the other texts of a field once its names are used up.
    pub(super) buckets: usize,
    /// Rows of one partition: an eighth of a byte each for every campaign.
    pub(super) rows: usize,
}

impl Budget {
    /// With fewer rows more is left to the residual check, with more each campaign takes more memory.
    pub(super) const STANDARD: Self = Self { intervals: 64, names: 56, buckets: 24, rows: 640 };
}

#[derive(Debug)]
pub(super) struct Classes {
    /// The row of each class, by ordinal.
    rows: Vec<u16>,
    /// The least number of each interval, ascending from `i64::MIN`; empty while "any other" stands for numbers too.
    intervals: Vec<(i64, u8)>,
    /// Texts with a class of their own by their numbers, sorted.
    points: Vec<(u32, u8)>,
    /// Prefixes with a class of their own, sorted.
    prefixes: Vec<(Box<str>, u8)>,
    /// Bytes of the longest of them.
    longest: usize,
    /// The classes that share the other texts; empty while "any other" stands for them.
    buckets: Vec<u8>,
}

impl Classes {
    /// The two classes that every field has; `None` when the partition has no row left.
    pub(super) fn new(rows: &mut Rows, budget: &Budget) -> Option<Self> {
        if rows.len().saturating_add(2) > budget.rows {
            return None;
        }
        let pair = vec![rows.add(None)?, rows.add(None)?];
        Some(Self {
            rows: pair,
            intervals: Vec::new(),
            points: Vec::new(),
            prefixes: Vec::new(),
            longest: 0,
            buckets: Vec::new(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn row(&self, class: u8) -> Option<u16> {
        self.rows.get(usize::from(class)).copied()
    }

    pub(super) fn row_at(&self, ordinal: usize) -> Option<u16> {
        self.rows.get(ordinal).copied()
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let texts = self.prefixes.iter().map(|(name, _)| name.len()).fold(0, usize::saturating_add);
        let prefixes = self.prefixes.capacity().saturating_mul(size_of::<(Box<str>, u8)>());
        let points = self.points.capacity().saturating_mul(size_of::<(u32, u8)>());
        let intervals = self.intervals.capacity().saturating_mul(size_of::<(i64, u8)>());
        let rows = self.rows.capacity().saturating_mul(size_of::<u16>());
        [texts, prefixes, points, intervals, rows, self.buckets.capacity()].into_iter().fold(0, usize::saturating_add)
    }

    /// The class of a value; `number_of` tells the number of a text.
    pub(super) fn class_of(&self, value: &Scalar, number_of: impl FnOnce(&str) -> u32) -> u8 {
        match value {
            Scalar::Number(number) => self.interval_of(*number).map_or(OTHER, |(_, class)| class),
            Scalar::Text(_) if self.points.is_empty() && self.prefixes.is_empty() && self.buckets.is_empty() => OTHER,
            Scalar::Text(text) => {
                let number = number_of(text);
                self.point(number).unwrap_or_else(|| self.common_class(text, number))
            }
        }
    }

    /// Gives back the texts that have classes.
    pub(super) fn release(&self, texts: &mut Texts) {
        self.points.iter().for_each(|(number, _)| texts.give_back(*number));
    }

    /// Gives the values that `test` names classes of their own, as far as the budget goes.
    pub(super) fn name(&mut self, test: &Test, texts: &mut Texts, rows: &mut Rows, budget: &Budget) {
        match test {
            Test::Missing => {}
            Test::OneOf(values) => {
                for value in values {
                    match value {
                        Scalar::Number(number) => self.cut_span(Span { min: Some(*number), max: Some(*number) }, rows, budget),
                        Scalar::Text(text) => self.name_point(text, texts, rows, budget),
                    }
                }
            }
            Test::StartsWith(prefixes) => prefixes.iter().for_each(|prefix| self.name_prefix(prefix, rows, budget)),
            Test::Within(spans) => spans.iter().for_each(|&span| self.cut_span(span, rows, budget)),
        }
    }

    /// What `test` says of each class.
    pub(super) fn verdict(&self, test: &Test, texts: &Texts) -> Verdict {
        let mut verdict = Verdict { may_hold: ClassSet::NONE, may_fail: ClassSet::below(self.len()) };
        match test {
            Test::Missing => verdict.always(MISSING),
            Test::OneOf(values) => {
                for value in values {
                    match value {
                        Scalar::Number(number) => self.judge_span(*number, *number, &mut verdict),
                        Scalar::Text(text) => {
                            let number = texts.number(text);
                            match self.point(number) {
                                Some(class) => verdict.always(class),
                                None => verdict.sometimes(self.common_class(text, number)),
                            }
                        }
                    }
                }
            }
            Test::StartsWith(prefixes) => prefixes.iter().for_each(|prefix| self.judge_prefix(prefix, texts, &mut verdict)),
            Test::Within(spans) => {
                for span in spans {
                    self.judge_span(span.min.unwrap_or(i64::MIN), span.max.unwrap_or(i64::MAX), &mut verdict);
                }
            }
        }
        verdict
    }

    fn judge_span(&self, min: i64, max: i64, verdict: &mut Verdict) {
        if min > max {
            return;
        }
        if self.intervals.is_empty() {
            verdict.sometimes(OTHER);
        }
        let first = self.intervals.partition_point(|&(least, _)| least <= min).saturating_sub(1);
        let ends = self.intervals.iter().skip(1).map(|&(least, _)| least.saturating_sub(1)).chain([i64::MAX]);
        for (&(least, class), greatest) in self.intervals.iter().zip(ends).skip(first).take_while(|((least, _), _)| *least <= max)
        {
            if min <= least && greatest <= max { verdict.always(class) } else { verdict.sometimes(class) }
        }
    }

    fn judge_prefix(&self, prefix: &str, texts: &Texts, verdict: &mut Verdict) {
        let points = self.points.iter().filter(|(number, _)| texts.text(*number).is_some_and(|text| text.starts_with(prefix)));
        let first = self.prefixes.partition_point(|(name, _)| **name < *prefix);
        let longer = self.prefixes.iter().skip(first).take_while(|(name, _)| name.starts_with(prefix));
        for class in points.map(|(_, class)| class).chain(longer.map(|(_, class)| class)) {
            verdict.always(*class);
        }
        if self.prefix(prefix).is_some() {
            return;
        }
        match self.longest_prefix(prefix) {
            Some(class) => verdict.sometimes(class),
            None => self.buckets.iter().chain(&[OTHER]).for_each(|&class| verdict.sometimes(class)),
        }
    }

    fn interval_of(&self, number: i64) -> Option<(i64, u8)> {
        let after = self.intervals.partition_point(|&(least, _)| least <= number);
        self.intervals.get(after.checked_sub(1)?).copied()
    }

    fn point(&self, number: u32) -> Option<u8> {
        let at = self.points.binary_search_by_key(&number, |&(number, _)| number).ok()?;
        self.points.get(at).map(|&(_, class)| class)
    }

    fn longest_prefix(&self, text: &str) -> Option<u8> {
        let longest = self.longest.min(text.len());
        (0..=longest).rev().find_map(|length| self.prefix(text.get(..length)?))
    }

    fn prefix(&self, prefix: &str) -> Option<u8> {
        let at = self.prefixes.binary_search_by(|(name, _)| (**name).cmp(prefix)).ok()?;
        self.prefixes.get(at).map(|&(_, class)| class)
    }

    /// The class of a text without a class of its own. A text without a number is one that no campaign names anywhere.
    fn common_class(&self, text: &str, number: u32) -> u8 {
        if let Some(class) = self.longest_prefix(text) {
            return class;
        }
        if number == UNKNOWN {
            return OTHER;
        }
        let bucket = usize::try_from(number).unwrap_or(0).checked_rem(self.buckets.len());
        bucket.and_then(|at| self.buckets.get(at)).copied().unwrap_or(OTHER)
    }

    fn cut_span(&mut self, span: Span, rows: &mut Rows, budget: &Budget) {
        let (min, max) = (span.min.unwrap_or(i64::MIN), span.max.unwrap_or(i64::MAX));
        if min > max {
            return;
        }
        if self.intervals.is_empty() {
            let Some(class) = self.carve(OTHER, rows, budget) else { return };
            self.intervals.push((i64::MIN, class));
        }
        for bound in [Some(min), max.checked_add(1)].into_iter().flatten() {
            let Some((least, class)) = self.interval_of(bound) else { continue };
            if least == bound || self.intervals.len() >= budget.intervals {
                continue;
            }
            let Some(class) = self.carve(class, rows, budget) else { return };
            let at = self.intervals.partition_point(|&(least, _)| least < bound);
            self.intervals.insert(at, (bound, class));
        }
    }

    fn name_point(&mut self, text: &str, texts: &mut Texts, rows: &mut Rows, budget: &Budget) {
        // Once there are buckets a name would have to be cut out of several of them.
        if self.point(texts.number(text)).is_some() || !self.buckets.is_empty() {
            return;
        }
        if self.points.len() >= budget.names {
            if rows.len().saturating_add(budget.buckets) <= budget.rows {
                self.buckets = (0..budget.buckets).filter_map(|_| self.carve(OTHER, rows, budget)).collect();
            }
            return;
        }
        if let Some(class) = self.carve(self.longest_prefix(text).unwrap_or(OTHER), rows, budget) {
            let number = texts.take(text);
            let at = self.points.partition_point(|(other, _)| *other < number);
            self.points.insert(at, (number, class));
        }
    }

    fn name_prefix(&mut self, prefix: &str, rows: &mut Rows, budget: &Budget) {
        // When names become few, what many have in common is named rather than each: the residual check tells the rest apart.
        let scarce = self.prefixes.len() >= budget.names;
        let short = prefix.char_indices().nth(SHORT).and_then(|(end, _)| prefix.get(..end)).filter(|_| scarce);
        let name = short.unwrap_or(prefix);
        if self.prefix(name).is_some() || self.prefixes.len() >= budget.names.saturating_mul(2) || !self.buckets.is_empty() {
            return;
        }
        if let Some(class) = self.carve(self.longest_prefix(name).unwrap_or(OTHER), rows, budget) {
            let at = self.prefixes.partition_point(|(known, _)| **known < *name);
            self.longest = self.longest.max(name.len());
            self.prefixes.insert(at, (name.into(), class));
        }
    }

    /// A new class that behaves like `parent` to all campaigns so far.
    fn carve(&mut self, parent: u8, rows: &mut Rows, budget: &Budget) -> Option<u8> {
        if rows.len() >= budget.rows || self.rows.len() >= CLASSES_MAX {
            return None;
        }
        let class = u8::try_from(self.rows.len()).ok()?;
        let row = rows.add(self.row(parent))?;
        self.rows.push(row);
        Some(class)
    }
}

impl Verdict {
    fn always(&mut self, class: u8) {
        self.may_hold.insert(class);
        self.may_fail.remove(class);
    }

    fn sometimes(&mut self, class: u8) {
        self.may_hold.insert(class);
    }
}
