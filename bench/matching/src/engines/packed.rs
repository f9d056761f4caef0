//! Conjunctions packed into fixed-width records, one bit for every value of each field, and scanned: the words of the most
//! selective fields first, of the campaigns that are left the others.

use std::collections::HashMap;

use domain::campaign::Facts;
use domain::matching::Entry;

use super::codes::{Codes, Part, Read};
use super::{Engine, numbered};
use crate::Error;

/// Bits that one field gets at most: further values share them.
const BITS: usize = 64;

/// The records, word by word, and the filters' parts that they cannot decide.
pub(crate) struct Packed<'a> {
    codes: Codes,
    /// Where the bits of each field lie, if it has some.
    places: Vec<Option<Place>>,
    columns: Vec<Vec<u64>>,
    rest: HashMap<u32, Vec<Part<'a>>>,
    read: Read,
}

#[derive(Clone, Copy)]
struct Place {
    column: usize,
    shift: u32,
    bits: usize,
}

impl<'a> Packed<'a> {
    pub(crate) fn build(entries: &'a [Entry]) -> Self {
        let codes = Codes::of(entries);
        let places = places(&codes, entries);
        let width = places.iter().flatten().map(|place| place.column.saturating_add(1)).max().unwrap_or(0);
        let mut columns = vec![vec![u64::MAX; entries.len()]; width];
        let mut rest: HashMap<u32, Vec<Part<'a>>> = HashMap::new();
        for ((campaign, entry), at) in numbered(entries).zip(0..) {
            for part in Part::of(&entry.filter) {
                let place = codes.passing(part).and_then(|(field, passing)| Some((places.get(field).copied()??, field, passing)));
                let Some((place, field, passing)) = place else {
                    rest.entry(campaign).or_default().push(part);
                    continue;
                };
                if let Some(word) = columns.get_mut(place.column).and_then(|column| column.get_mut(at)) {
                    *word &= !place.mask() | passing.iter().fold(0, |bits, code| bits | place.bit(*code));
                }
                if codes.fields().get(field).is_some_and(|field| field.count > place.bits) {
                    rest.entry(campaign).or_default().push(part);
                }
            }
        }
        Self { codes, places, columns, rest, read: Read::default() }
    }
}

impl Place {
    fn mask(self) -> u64 {
        let bits = u32::try_from(BITS.saturating_sub(self.bits)).unwrap_or(0);
        u64::MAX.unbounded_shr(bits) << self.shift
    }

    fn bit(self, code: usize) -> u64 {
        // The first two codes stand for no value and for any other, which many leads have.
        let own = if code < self.bits { code } else { code.saturating_sub(2) % self.bits.saturating_sub(2) + 2 };
        1 << (u32::try_from(own).unwrap_or(0).saturating_add(self.shift))
    }
}

/// The fields that let the fewest values pass come first.
fn places(codes: &Codes, entries: &[Entry]) -> Vec<Option<Place>> {
    let mut taken: Vec<f64> = vec![0.0; codes.fields().len()];
    let sample = entries.iter().take(2_000);
    for (field, passing) in
        sample.flat_map(|entry| Part::of(&entry.filter)).filter(|part| !part.of_many()).filter_map(|part| codes.passing(part))
    {
        if let (Some(taken), Some(codes)) = (taken.get_mut(field), codes.fields().get(field)) {
            *taken += 1.0 - crate::float(passing.len()) / crate::float(codes.count);
        }
    }
    let mut order: Vec<usize> = (0..taken.len()).filter(|field| taken.get(*field).is_some_and(|taken| *taken > 0.0)).collect();
    order.sort_by(|a, b| taken.get(*b).copied().unwrap_or(0.0).total_cmp(&taken.get(*a).copied().unwrap_or(0.0)));
    let mut places = vec![None; taken.len()];
    let mut free: Vec<usize> = Vec::new();
    for field in order {
        let bits = codes.fields().get(field).map_or(0, |codes| codes.count.min(BITS));
        let column = free.iter().position(|free| *free >= bits).unwrap_or_else(|| {
            free.push(BITS);
            free.len().saturating_sub(1)
        });
        if let (Some(place), Some(free)) = (places.get_mut(field), free.get_mut(column)) {
            let shift = u32::try_from(BITS.saturating_sub(*free)).unwrap_or(0);
            *free = free.saturating_sub(bits);
            *place = Some(Place { column, shift, bits });
        }
    }
    places
}

impl Engine for Packed<'_> {
    type Lead = Facts;

    fn lead(&self, facts: &Facts) -> Result<Facts, Error> {
        Ok(facts.clone())
    }

    fn matches(&mut self, facts: &Facts, out: &mut Vec<u32>) -> Result<(), Error> {
        self.codes.read(facts, &mut self.read);
        let mut asked = vec![0_u64; self.columns.len()];
        for (place, code) in self.places.iter().zip(&self.read.codes) {
            if let Some(place) = place
                && let Some(asked) = asked.get_mut(place.column)
            {
                *asked |= place.bit(*code);
            }
        }
        let (Some(first), Some(asked_first)) = (self.columns.first(), asked.first()) else { return Ok(()) };
        for (chunk, begins) in first.chunks(64).zip((0_usize..).step_by(64)) {
            let mut left =
                chunk.iter().rev().fold(0_u64, |left, word| (left << 1) | u64::from(word & asked_first == *asked_first));
            while left != 0 {
                let at = usize::try_from(left.trailing_zeros()).unwrap_or(0).saturating_add(begins);
                left &= left.wrapping_sub(1);
                let mut others = self.columns.iter().zip(&asked).skip(1);
                if others.all(|(column, asked)| column.get(at).is_some_and(|word| word & asked == *asked)) {
                    let campaign = u32::try_from(at).unwrap_or(u32::MAX);
                    let rest = self.rest.get(&campaign);
                    out.extend(rest.is_none_or(|parts| parts.iter().all(|part| part.holds(facts))).then_some(campaign));
                }
            }
        }
        Ok(())
    }
}
