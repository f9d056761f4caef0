//! An index of roaring bitmaps: for every value of a field the campaigns that take it, intersected from the smallest on.

use std::collections::HashMap;

use domain::campaign::{Facts, Field};
use domain::matching::Entry;
use roaring::RoaringBitmap;

use super::codes::{Codes, Part, Read};
use super::{Engine, numbered};
use crate::Error;

/// Fields with more values keep apart who does not ask about them, so that each row stays small.
const SMALL: usize = 64;

/// The bitmaps, and the filters' parts that are no single test.
pub(crate) struct Bitmaps<'a> {
    codes: Codes,
    fields: Vec<Rows>,
    everybody: RoaringBitmap,
    rest: HashMap<u32, Vec<Part<'a>>>,
    read: Read,
}

#[derive(Default)]
struct Rows {
    rows: Vec<RoaringBitmap>,
    asking: RoaringBitmap,
    /// Of a large field: who does not ask about it. The rows of the others hold them.
    unasking: Option<RoaringBitmap>,
}

impl<'a> Bitmaps<'a> {
    pub(crate) fn build(entries: &'a [Entry]) -> Self {
        let codes = Codes::of(entries);
        let rows = |count: usize| Rows { rows: vec![RoaringBitmap::new(); count], ..Rows::default() };
        let mut fields: Vec<Rows> = codes.fields().iter().map(|field| rows(field.count)).collect();
        let mut rest: HashMap<u32, Vec<Part<'a>>> = HashMap::new();
        for (campaign, entry) in numbered(entries) {
            for part in Part::of(&entry.filter) {
                if !put(&codes, &mut fields, campaign, part) {
                    rest.entry(campaign).or_default().push(part);
                }
            }
        }
        let everybody: RoaringBitmap = numbered(entries).map(|(campaign, _)| campaign).collect();
        let many = codes.number(&Field::Attribute("interests".to_owned()));
        for (at, field) in fields.iter_mut().enumerate() {
            let unasking = &everybody - &field.asking;
            if field.rows.len() > SMALL || many == Some(at) {
                field.unasking = Some(unasking);
            } else {
                field.rows.iter_mut().for_each(|row| *row |= &unasking);
            }
        }
        Self { codes, fields, everybody, rest, read: Read::default() }
    }
}

/// Puts a campaign into the rows of a part; whether they decide it.
fn put(codes: &Codes, fields: &mut [Rows], campaign: u32, part: Part<'_>) -> bool {
    let Some((at, passing)) = codes.passing(part) else { return false };
    let Some(field) = fields.get_mut(at) else { return false };
    let too_many = part.negated && (part.of_many() || field.rows.len() > SMALL);
    // A second test of the same field would have to be intersected with the first.
    if too_many || field.asking.max() == Some(campaign) {
        return false;
    }
    field.asking.insert(campaign);
    for code in passing {
        if let Some(row) = field.rows.get_mut(code) {
            row.insert(campaign);
        }
    }
    true
}

impl Engine for Bitmaps<'_> {
    type Lead = Facts;

    fn lead(&self, facts: &Facts) -> Result<Facts, Error> {
        Ok(facts.clone())
    }

    fn matches(&mut self, facts: &Facts, out: &mut Vec<u32>) -> Result<(), Error> {
        self.codes.read(facts, &mut self.read);
        let read = &self.read;
        let small = self.fields.iter().zip(&read.codes).filter(|(field, _)| field.unasking.is_none());
        let mut rows: Vec<(u64, &RoaringBitmap)> =
            small.filter_map(|(field, code)| field.rows.get(*code)).map(|row| (row.len(), row)).collect();
        rows.sort_unstable_by_key(|(length, _)| *length);
        let mut rows = rows.into_iter().map(|(_, row)| row);
        let mut found = match (rows.next(), rows.next()) {
            (Some(first), Some(second)) => first & second,
            (Some(only), None) => only.clone(),
            _ => self.everybody.clone(),
        };
        rows.for_each(|row| found &= row);
        for (at, (field, code)) in self.fields.iter().zip(&read.codes).enumerate() {
            let Some(unasking) = &field.unasking else { continue };
            let many = read.many.iter().find(|(of, _)| *of == at).map(|(_, codes)| codes.as_slice());
            let mut kept = &found & unasking;
            for code in many.unwrap_or(std::slice::from_ref(code)) {
                kept |= field.rows.get(*code).map(|row| &found & row).unwrap_or_default();
            }
            found = kept;
        }
        let passes = |campaign: &u32| self.rest.get(campaign).is_none_or(|parts| parts.iter().all(|part| part.holds(facts)));
        out.extend(found.iter().filter(passes));
        Ok(())
    }
}
