//! The value classes of one field: values that no campaign tells apart share a class, and each class has a row of bits.
//!
//! In the beginning all values, and having none, are one class. A filter that tells some of its members from others splits it,
//! as far as the budget goes. A number's class goes by the interval between bounds that campaigns name, and intervals that no
//! campaign tells apart share one; a text's class is the text itself when a campaign names it, else the longest named prefix
//! that it starts with, else "any other". When the budget of names is used up, other texts share a few classes. A test that a
//! class cannot decide is left to the residual check.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::class_set::{CLASSES_MAX, ClassSet, Verdict, set};
use super::prefixes::Prefixes;
use super::rows::Rows;
use super::texts::{TakeText, Texts};
use crate::campaign::{Scalar, Span, Test};

/// The class of all values that have no other.
const OTHER: u8 = 0;

/// Characters of a prefix that is named in place of longer ones.
const SHORT: usize = 2;

/// How many rows fields and partitions may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Classes of numbers in one field.
    pub(super) numbers: usize,
    /// Texts with a class of their own in one field, and half the prefixes.
    pub(super) names: usize,
    /// Classes that share the other texts of a field once its names are used up.
    pub(super) buckets: usize,
    /// Rows of one partition: an eighth of a byte each for every campaign.
    pub(super) rows: usize,
}

impl Budget {
    /// With fewer rows more is left to the residual check, with more each campaign takes more memory.
    pub(super) const STANDARD: Self = Self { numbers: 64, names: 56, buckets: 24, rows: 640 };
}

impl Default for Budget {
    fn default() -> Self {
        Self::STANDARD
    }
}

#[derive(Debug)]
pub(super) struct Classes {
    /// The row of each class, by ordinal.
    rows: Vec<u16>,
    /// The same rows as bits.
    mask: Vec<u64>,
    /// The class of leads without the field; [`OTHER`] until a campaign tells them apart.
    missing: u8,
    /// The least number of each interval, ascending from `i64::MIN`; empty while "any other" stands for numbers too.
    intervals: Vec<(i64, u8)>,
    /// The classes that several intervals have, or what is no number.
    shared: ClassSet,
    /// Classes that were split off for numbers.
    numbers: usize,
    /// Texts with a class of their own by their numbers, sorted.
    points: Vec<(u32, u8)>,
    /// Prefixes with a class of their own.
    prefixes: Prefixes,
    /// The classes that share the other texts; empty while "any other" stands for them.
    buckets: Vec<u8>,
}

impl Classes {
    /// One class for everything; `None` when the partition has no row left.
    pub(super) fn new(rows: &mut Rows, budget: &Budget) -> Option<Self> {
        if rows.len() >= budget.rows {
            return None;
        }
        let row = rows.add(None)?;
        let mut mask = Vec::new();
        set(&mut mask, usize::from(row), true);
        Some(Self {
            rows: vec![row],
            mask,
            missing: OTHER,
            intervals: Vec::new(),
            shared: ClassSet::NONE,
            numbers: 0,
            points: Vec::new(),
            prefixes: Prefixes::default(),
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

    /// The rows of all classes, as bits.
    pub(super) fn mask(&self) -> &[u64] {
        &self.mask
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let points = self.points.capacity().saturating_mul(size_of::<(u32, u8)>());
        let intervals = self.intervals.capacity().saturating_mul(size_of::<(i64, u8)>());
        let rows = self.rows.capacity().saturating_mul(size_of::<u16>());
        let mask = self.mask.capacity().saturating_mul(size_of::<u64>());
        [self.prefixes.heap_bytes(), points, intervals, rows, mask, self.buckets.capacity()]
            .into_iter()
            .fold(0, usize::saturating_add)
    }

    /// The class of leads without the field.
    pub(super) fn missing(&self) -> u8 {
        self.missing
    }

    /// The class of a value; `number_of` tells the number of a text.
    pub(super) fn class_of(&self, value: &Scalar, number_of: impl FnOnce(&str) -> u32) -> u8 {
        match value {
            Scalar::Number(number) => self.interval_of(*number).map_or(OTHER, |(_, class)| class),
            Scalar::Text(text) => {
                let point = if self.points.is_empty() { None } else { self.point(number_of(text)) };
                point.unwrap_or_else(|| self.common_class(text))
            }
        }
    }

    /// Gives back the texts that have classes.
    pub(super) fn release(&self, texts: &mut Texts) {
        self.points.iter().for_each(|(number, _)| texts.give_back(*number));
    }

    /// Splits classes so that `test` can be told from them, as far as the budget goes; whether any was split.
    pub(super) fn name(&mut self, test: &Test, texts: &mut impl TakeText, rows: &mut Rows, budget: &Budget) -> bool {
        let before = self.len();
        match test {
            Test::Missing => {
                if self.missing == OTHER {
                    self.missing = self.carve(OTHER, rows, budget).unwrap_or(OTHER);
                }
            }
            Test::OneOf(values) => {
                self.cut(values.iter().map_while(point_span), rows, budget);
                for value in values {
                    if let Scalar::Text(text) = value {
                        self.name_point(text, texts, rows, budget);
                    }
                }
            }
            Test::StartsWith(prefixes) => prefixes.iter().for_each(|prefix| self.name_prefix(prefix, rows, budget)),
            Test::Within(spans) => self.cut(spans.iter().copied(), rows, budget),
        }
        self.len() > before
    }

    /// What `test` says of each class.
    pub(super) fn verdict(&self, test: &Test, texts: &impl TakeText) -> Verdict {
        let mut verdict = Verdict { may_hold: ClassSet::NONE, may_fail: ClassSet::below(self.len()) };
        match test {
            Test::Missing if self.missing == OTHER => verdict.sometimes(OTHER),
            Test::Missing => verdict.always(self.missing),
            Test::OneOf(values) => {
                for value in values {
                    let Scalar::Text(text) = value else { continue };
                    match self.point(texts.number(text)) {
                        Some(class) => verdict.always(class),
                        None => verdict.sometimes(self.common_class(text)),
                    }
                }
                self.judge_spans(values.iter().map_while(point_span), &mut verdict);
            }
            Test::StartsWith(prefixes) => prefixes.iter().for_each(|prefix| self.judge_prefix(prefix, texts, &mut verdict)),
            Test::Within(spans) => self.judge_spans(spans.iter().copied(), &mut verdict),
        }
        verdict
    }

    fn judge_spans(&self, spans: impl Iterator<Item = Span>, verdict: &mut Verdict) {
        let mut inside = ClassSet::NONE;
        for (min, max) in spans.filter_map(bounds) {
            if self.intervals.is_empty() {
                verdict.sometimes(OTHER);
            }
            for (at, least, class) in self.overlapping(min, max) {
                verdict.sometimes(class);
                if least < min || max < self.greatest(at) {
                    continue;
                }
                if self.shared.contains(class) { inside.insert(ordinal(at)) } else { verdict.always(class) }
            }
        }
        if inside != ClassSet::NONE {
            let [within, without] = self.sides(inside);
            within.minus(without).ordinals().for_each(|class| verdict.always(ordinal(class)));
        }
    }

    /// The intervals that numbers between `min` and `max` fall into: the place, the least number and the class of each.
    fn overlapping(&self, min: i64, max: i64) -> impl Iterator<Item = (usize, i64, u8)> {
        let first = self.intervals.partition_point(|&(least, _)| least <= min).saturating_sub(1);
        let from = self.intervals.get(first..).unwrap_or_default();
        let places = (first..).zip(from).map(|(at, &(least, class))| (at, least, class));
        places.take_while(move |(_, least, _)| *least <= max)
    }

    /// The greatest number of the interval at a place.
    fn greatest(&self, at: usize) -> i64 {
        self.intervals.get(at.saturating_add(1)).map_or(i64::MAX, |&(next, _)| next.saturating_sub(1))
    }

    /// The classes of the intervals at the places in `inside`, and those of all else that is no text with a class of its own.
    fn sides(&self, inside: ClassSet) -> [ClassSet; 2] {
        let (mut within, mut without) = (ClassSet::NONE, ClassSet::NONE);
        without.insert(OTHER);
        without.insert(self.missing);
        for (at, &(_, class)) in self.intervals.iter().enumerate() {
            if inside.contains(ordinal(at)) { within.insert(class) } else { without.insert(class) }
        }
        [within, without]
    }

    fn judge_prefix(&self, prefix: &str, texts: &impl TakeText, verdict: &mut Verdict) {
        let points = self.points.iter().filter(|(number, _)| texts.text(*number).is_some_and(|text| text.starts_with(prefix)));
        let (is_named, longer) = self.prefixes.from(prefix);
        for class in points.map(|&(_, class)| class).chain(longer) {
            verdict.always(class);
        }
        if is_named {
            return;
        }
        match self.prefixes.longest(prefix) {
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

    /// The class of a text without a class of its own.
    fn common_class(&self, text: &str) -> u8 {
        if let Some(class) = self.prefixes.longest(text) {
            return class;
        }
        if self.buckets.is_empty() {
            return OTHER;
        }
        let hash = usize::try_from(FixedState::default().hash_one(text)).unwrap_or(usize::MAX);
        hash.checked_rem(self.buckets.len()).and_then(|at| self.buckets.get(at)).copied().unwrap_or(OTHER)
    }

    /// Tells the numbers in `spans` from all else.
    fn cut(&mut self, spans: impl Iterator<Item = Span> + Clone, rows: &mut Rows, budget: &Budget) {
        if self.numbers >= budget.numbers || spans.clone().filter_map(bounds).next().is_none() {
            return;
        }
        if self.intervals.is_empty() {
            self.intervals.push((i64::MIN, OTHER));
        }
        let mut inside = ClassSet::NONE;
        for (min, max) in spans.clone().filter_map(bounds) {
            [Some(min), max.checked_add(1)].into_iter().flatten().for_each(|bound| self.bound(bound));
        }
        for (min, max) in spans.filter_map(bounds) {
            for (at, least, _) in self.overlapping(min, max) {
                if min <= least && self.greatest(at) <= max {
                    inside.insert(ordinal(at));
                }
            }
        }
        let [within, without] = self.sides(inside);
        for shared in within.intersection(without).ordinals() {
            if self.numbers >= budget.numbers {
                break;
            }
            let Some(class) = self.carve(ordinal(shared), rows, budget) else { break };
            self.numbers = self.numbers.saturating_add(1);
            for (at, (_, known)) in self.intervals.iter_mut().enumerate() {
                if usize::from(*known) == shared && inside.contains(ordinal(at)) {
                    *known = class;
                }
            }
        }
        let (mut seen, mut shared) = (ClassSet::NONE, ClassSet::NONE);
        seen.insert(OTHER);
        for &(_, class) in &self.intervals {
            if seen.contains(class) { shared.insert(class) } else { seen.insert(class) }
        }
        self.shared = shared;
    }

    /// Lets an interval begin at `bound`, in the class of the one that it is cut from.
    fn bound(&mut self, bound: i64) {
        let Some((least, class)) = self.interval_of(bound) else { return };
        if least != bound && self.intervals.len() < CLASSES_MAX {
            let at = self.intervals.partition_point(|&(least, _)| least < bound);
            self.intervals.insert(at, (bound, class));
        }
    }

    fn name_point(&mut self, text: &str, texts: &mut impl TakeText, rows: &mut Rows, budget: &Budget) {
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
        if let Some(class) = self.carve(self.prefixes.longest(text).unwrap_or(OTHER), rows, budget) {
            let number = texts.take(text);
            let at = self.points.partition_point(|(other, _)| *other < number);
            self.points.insert(at, (number, class));
        }
    }

    fn name_prefix(&mut self, prefix: &str, rows: &mut Rows, budget: &Budget) {
        // When names become few, what many have in common is named rather than each: the residual check tells the rest apart.
        let scarce = self.prefixes.len() >= budget.names / 2;
        let short = prefix.char_indices().nth(SHORT).and_then(|(end, _)| prefix.get(..end)).filter(|_| scarce);
        let name = short.unwrap_or(prefix);
        if self.prefixes.class(name).is_some()
            || self.prefixes.len() >= budget.names.saturating_mul(2)
            || !self.buckets.is_empty()
        {
            return;
        }
        if let Some(class) = self.carve(self.prefixes.longest(name).unwrap_or(OTHER), rows, budget) {
            self.prefixes.insert(name, class);
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
        set(&mut self.mask, usize::from(row), true);
        Some(class)
    }
}

/// The bounds of a span with a number in it.
fn bounds(span: Span) -> Option<(i64, i64)> {
    Some((span.min.unwrap_or(i64::MIN), span.max.unwrap_or(i64::MAX))).filter(|(min, max)| min <= max)
}

/// The span of a number alone. Numbers sort before texts.
fn point_span(value: &Scalar) -> Option<Span> {
    match value {
        Scalar::Number(number) => Some(Span { min: Some(*number), max: Some(*number) }),
        Scalar::Text(_) => None,
    }
}

/// A place below [`CLASSES_MAX`] as a member of a set.
fn ordinal(at: usize) -> u8 {
    u8::try_from(at).unwrap_or(u8::MAX)
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
