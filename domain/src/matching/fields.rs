//! Numbers of the fields that campaigns ask about, so that a lead's facts are looked up by name once.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::residual::Known;
use crate::campaign::{Facts, Field};

#[derive(Debug, Default)]
pub(super) struct Fields(HashMap<Field, u32, RandomState>);

impl Fields {
    /// The number of a field, a new one if need be.
    pub(super) fn number_or_new(&mut self, field: &Field) -> u32 {
        if let Some(&number) = self.0.get(field) {
            return number;
        }
        let number = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.insert(field.clone(), number);
        number
    }

    /// The number of a field that was numbered.
    pub(super) fn number(&self, field: &Field) -> u32 {
        self.0.get(field).copied().unwrap_or(u32::MAX)
    }

    /// The facts of a lead, by the number of their field.
    pub(super) fn known<'a>(&self, facts: &'a Facts) -> Vec<Known<'a>> {
        let mut known: Vec<Known<'a>> = std::iter::repeat_with(|| Known::new(None)).take(self.0.len()).collect();
        for (field, fact) in facts.iter() {
            let number = self.0.get(field).and_then(|&number| usize::try_from(number).ok());
            if let Some(place) = number.and_then(|number| known.get_mut(number)) {
                *place = Known::new(Some(fact));
            }
        }
        known
    }
}
