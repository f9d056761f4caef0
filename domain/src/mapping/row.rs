//! From a row to a draft, or to what is wrong with it.

use std::collections::BTreeMap;

use super::bind::{Bound, BoundField, BoundFilter, BoundPiece, Origin, Place, folded};
use super::convert::{Reason, Value};
use super::draft::Values;
use super::rule::Case;
use super::{Target, synthetic};
use crate::lead::LeadDraft;
use crate::refusal::{Code, Refusal};
use crate::text::has_control_character;
use crate::time::Timestamp;

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowOutcome {
    /// A lead.
    Lead(Box<LeadDraft>),
    /// Left out by a filter, or empty.
    Skipped,
    /// What is wrong, cell by cell.
    Refused(Vec<RowRefusal>),
}

/// What is wrong with one cell, or with the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRefusal {
    /// The column, when one is to blame.
    pub column: Option<String>,
    /// For machines.
    pub code: Code,
    /// For people; never the cell's text, which may be personal.
    pub reason: String,
}

impl From<RowRefusal> for Refusal {
    /// The refusal at the name of its column.
    fn from(refused: RowRefusal) -> Self {
        let refusal = Self::new(refused.code, refused.reason);
        refused.column.into_iter().fold(refusal, |refusal, column| refusal.at(column))
    }
}

impl Bound {
    /// What becomes of a row. `ordinal` counts the rows of the file from 0 and decides who a made-up person is;
    /// `received_at` is when the file came: the day on which somebody born at a date has an age.
    #[must_use]
    pub fn apply(&self, cells: &[&str], ordinal: u64, received_at: Timestamp) -> RowOutcome {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return RowOutcome::Skipped;
        }
        if let Some(refusal) = self.misshapen(cells) {
            return RowOutcome::Refused(vec![refusal]);
        }
        if !self.filters.iter().all(|filter| takes(filter, cells)) {
            return RowOutcome::Skipped;
        }
        let mut values = Values { fields: BTreeMap::new(), attributes: BTreeMap::new() };
        let mut refused = Vec::new();
        for field in &self.fields {
            match self.value(field, cells, received_at) {
                Ok(None) => {}
                Ok(Some(value)) => match &field.place {
                    Place::Field(target) => {
                        values.fields.insert(*target, value);
                    }
                    Place::Attribute(key) => {
                        values.attributes.insert(key.clone(), value);
                    }
                },
                Err((code, reason)) => {
                    let reason = format!("`{}` {reason}", name_of(&field.place));
                    refused.push(RowRefusal { column: self.columns_of(field), code, reason });
                }
            }
        }
        if !refused.is_empty() {
            return RowOutcome::Refused(refused);
        }
        let person = self.synthetic_seed.map(|seed| synthetic::person(seed, ordinal));
        match values.into_draft(&self.vertical, person) {
            Ok(draft) => RowOutcome::Lead(Box::new(draft)),
            Err(refusal) => RowOutcome::Refused(vec![self.place(&refusal)]),
        }
    }

    /// The refusal of a draft that this mapping made, with the column that its field came from.
    #[must_use]
    pub fn place(&self, refusal: &Refusal) -> RowRefusal {
        let in_attributes = refusal.path.first().is_some_and(|first| first == "attributes");
        let key = refusal.path.get(1).filter(|_| in_attributes);
        let target = if in_attributes { None } else { Target::at_path(&refusal.path) };
        let field = self.fields.iter().find(|field| match &field.place {
            Place::Field(filled) => Some(*filled) == target,
            Place::Attribute(filled) => Some(filled) == key,
        });
        RowRefusal { column: field.and_then(|field| self.columns_of(field)), code: refusal.code, reason: refusal.message.clone() }
    }

    fn columns_of(&self, field: &BoundField) -> Option<String> {
        let name = |index: &usize| self.columns.get(*index).cloned();
        let names: Vec<String> = match &field.origin {
            Origin::Constant(_) => Vec::new(),
            Origin::Columns(indexes) => indexes.iter().filter_map(name).collect(),
            Origin::Template(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    BoundPiece::Column(index) => name(index),
                    BoundPiece::Text(_) => None,
                })
                .collect(),
        };
        (!names.is_empty()).then(|| names.join(" + "))
    }

    fn misshapen(&self, cells: &[&str]) -> Option<RowRefusal> {
        let beyond = cells.get(self.columns.len()..).unwrap_or_default();
        if cells.len() < self.columns.len() || beyond.iter().any(|cell| !cell.trim().is_empty()) {
            let reason = format!("the row has {} cells where the file has {} columns", cells.len(), self.columns.len());
            return Some(RowRefusal { column: None, code: Code::Invalid, reason });
        }
        cells.iter().zip(&self.columns).find_map(|(cell, column)| {
            let bad = |code, reason: &str| Some(RowRefusal { column: Some(column.clone()), code, reason: reason.to_owned() });
            if cell.len() > self.cell_bytes {
                bad(
                    Code::TooLarge,
                    &format!("the cell is longer than {} bytes; perhaps a quotation mark is missing", self.cell_bytes),
                )
            } else if has_control_character(cell) {
                bad(Code::Invalid, "the cell holds control characters")
            } else if cell.contains(char::REPLACEMENT_CHARACTER) {
                bad(Code::Invalid, "the cell holds bytes that are no text in the file's encoding")
            } else {
                None
            }
        })
    }

    fn value(&self, field: &BoundField, cells: &[&str], received_at: Timestamp) -> Result<Option<Value>, Reason> {
        let text = self.answer(field, cells).and_then(|text| translated(field, text)).or_else(|| field.default.clone());
        let text = text.filter(|text| !text.trim().is_empty());
        // A constant, a default or a translation of the mapping may hold what no cell can.
        if text.as_ref().is_some_and(|text| has_control_character(text)) {
            return Err((Code::Invalid, "holds control characters".to_owned()));
        }
        let value = match text {
            Some(text) => field.converter.convert(&cased(&text, field.case), received_at.date_naive())?,
            None => None,
        };
        if value.is_none() && field.required { Err((Code::Required, "has no answer".to_owned())) } else { Ok(value) }
    }

    fn answer(&self, field: &BoundField, cells: &[&str]) -> Option<String> {
        let cell = |index: usize| cells.get(index).copied().filter(|cell| !self.is_missing(field, cell));
        let kept = |text: &str| if field.keep_blanks { text.to_owned() } else { text.trim().to_owned() };
        match &field.origin {
            Origin::Constant(constant) => Some(constant.clone()),
            Origin::Columns(indexes) => indexes.iter().find_map(|index| cell(*index)).map(kept),
            Origin::Template(pieces) => {
                let answered = pieces.iter().any(|piece| matches!(piece, BoundPiece::Column(index) if cell(*index).is_some()));
                let joined: String = pieces
                    .iter()
                    .map(|piece| match piece {
                        BoundPiece::Text(text) => text.as_str(),
                        BoundPiece::Column(index) => cell(*index).map_or("", str::trim),
                    })
                    .collect();
                answered.then(|| joined.split_whitespace().collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn is_missing(&self, field: &BoundField, cell: &str) -> bool {
        let folded = folded(cell);
        folded.is_empty() || self.missing.contains(&folded) || field.missing.contains(&folded)
    }
}

fn takes(filter: &BoundFilter, cells: &[&str]) -> bool {
    let cell = folded(cells.get(filter.column).copied().unwrap_or_default());
    (filter.is.is_empty() || filter.is.contains(&cell)) && !filter.not.contains(&cell)
}

/// The meaning of a text; `None` when it means "not answered".
fn translated(field: &BoundField, text: String) -> Option<String> {
    let meaning = field.values.get(&folded(&text)).or(field.otherwise.as_ref()).cloned().unwrap_or(text);
    Some(meaning).filter(|meaning| !meaning.is_empty())
}

fn cased(text: &str, case: Case) -> String {
    match case {
        Case::Keep => text.to_owned(),
        Case::Lower => text.to_lowercase(),
        Case::Upper => text.to_uppercase(),
        Case::Title => {
            let mut begins = true;
            let mut titled = String::with_capacity(text.len());
            for c in text.chars() {
                if begins {
                    titled.extend(c.to_uppercase())
                } else {
                    titled.extend(c.to_lowercase())
                }
                begins = !c.is_alphanumeric() && c != '\'';
            }
            titled
        }
    }
}

fn name_of(place: &Place) -> &str {
    match place {
        Place::Field(target) => target.as_str(),
        Place::Attribute(key) => key,
    }
}
