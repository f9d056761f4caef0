//! What a filter can ask of a lead: one fact for each field, in the form in which tests compare it.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::filter::{Field, Scalar};
use crate::access::{UnknownText, text_enum};

text_enum! {
    /// What shows that the person asked.
    ConsentKind {
        /// Nothing.
        None = "NONE",
        /// The words that the person agreed to.
        Text = "TEXT",
        /// A certificate kept by a third party.
        Certificate = "CERTIFICATE",
    }
}

/// The value of one field of one lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// One value.
    One(Scalar),
    /// Several values, such as a person's interests.
    Many(Vec<Scalar>),
}

/// What is known of a lead. A field without a fact is missing: every test of it but `Missing` fails.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<Field, Fact>);

impl Facts {
    /// The fact about `field`.
    #[must_use]
    pub fn get(&self, field: &Field) -> Option<&Fact> {
        self.0.get(field)
    }

    /// Sets one value.
    pub fn set(&mut self, field: Field, value: Scalar) {
        self.0.insert(field, Fact::One(value));
    }

    /// Sets several values; none is a fact that is missing. A field that takes one value keeps the first.
    pub fn set_many(&mut self, field: Field, values: Vec<Scalar>) {
        if field.is_many_valued() && !values.is_empty() {
            self.0.insert(field, Fact::Many(values));
        } else if let Some(first) = values.into_iter().next() {
            self.set(field, first);
        }
    }

    /// Every fact, in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = (&Field, &Fact)> {
        self.0.iter()
    }
}

impl Fact {
    /// Its values.
    #[must_use]
    pub fn values(&self) -> &[Scalar] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}
