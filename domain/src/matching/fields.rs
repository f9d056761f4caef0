//! Numbers of the fields that campaigns ask about, so that a lead's facts are looked up by name once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;

use super::residual::Known;
use crate::campaign::{Facts, Field};

/// What judging filters needs of fields.
pub(super) trait NumberField {
    /// The number of a field, a new one if need be.
    fn number_or_new(&mut self, field: &Field) -> u32;

    /// The number of a field that was numbered.
    fn number(&self, field: &Field) -> u32;
}

#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Of the fields that every lead may have.
    core: [Option<u32>; CORE],
    attributes: HashMap<String, u32, RandomState>,
    count: u32,
}

/// The fields besides attributes.
const CORE: usize = 16;

/// The fields as one of several knows them who number fields at the same time.
pub(super) struct Share<'a> {
    all: &'a Mutex<Fields>,
    met: Fields,
}

impl NumberField for Fields {
    fn number_or_new(&mut self, field: &Field) -> u32 {
        self.find(field).unwrap_or_else(|| {
            let number = self.count;
            self.count = self.count.saturating_add(1);
            self.set(field, number);
            number
        })
    }

    fn number(&self, field: &Field) -> u32 {
        self.find(field).unwrap_or(u32::MAX)
    }
}

impl NumberField for Share<'_> {
    fn number_or_new(&mut self, field: &Field) -> u32 {
        self.met.find(field).unwrap_or_else(|| {
            let number = self.all.lock().unwrap_or_else(PoisonError::into_inner).number_or_new(field);
            self.met.set(field, number);
            number
        })
    }

    fn number(&self, field: &Field) -> u32 {
        self.met.number(field)
    }
}

impl<'a> Share<'a> {
    pub(super) fn new(all: &'a Mutex<Fields>) -> Self {
        Self { all, met: Fields::default() }
    }
}

impl Fields {
    fn set(&mut self, field: &Field, number: u32) {
        match place(field) {
            Ok(at) => self.core.get_mut(at).into_iter().for_each(|known| *known = Some(number)),
            Err(key) => _ = self.attributes.insert(key.to_owned(), number),
        }
    }

    /// The facts of a lead, by the number of their field.
    pub(super) fn known<'a>(&self, facts: &'a Facts) -> Vec<Known<'a>> {
        let count = usize::try_from(self.count).unwrap_or(0);
        let mut known: Vec<Known<'a>> = std::iter::repeat_with(|| Known::new(None)).take(count).collect();
        for (field, fact) in facts.iter() {
            let number = self.find(field).and_then(|number| usize::try_from(number).ok());
            if let Some(place) = number.and_then(|number| known.get_mut(number)) {
                *place = Known::new(Some(fact));
            }
        }
        known
    }

    fn find(&self, field: &Field) -> Option<u32> {
        match place(field) {
            Ok(at) => self.core.get(at).copied().flatten(),
            Err(key) => self.attributes.get(key).copied(),
        }
    }
}

/// The place of a field that every lead may have, or the key of an attribute.
fn place(field: &Field) -> Result<usize, &str> {
    Ok(match field {
        Field::Audience => 0,
        Field::ContactKind => 1,
        Field::Interest => 2,
        Field::Source => 3,
        Field::Consent => 4,
        Field::Country => 5,
        Field::Region => 6,
        Field::City => 7,
        Field::PostalCode => 8,
        Field::Temperature => 9,
        Field::Score => 10,
        Field::Level => 11,
        Field::Seller => 12,
        Field::SellerBadTrades => 13,
        Field::AgeSecs => 14,
        Field::LocalMinute => 15,
        Field::Attribute(key) => return Err(key),
    })
}
