//! Fitting a mapping to a file's header and a vertical's schema, before any row is read.

use std::collections::{BTreeSet, HashMap};

use chrono_tz::Tz;

use super::convert::Converter;
use super::date::DateFormat;
use super::number::NumberFormat;
use super::problems::{band_problems, word_problems};
use super::rule::{Case, Scalar};
use super::target::Kind;
use super::template::{self, Piece};
use super::{FieldRule, FileFormat, Mapping, RowFilter, Target};
use crate::refusal::{Code, Refusal};
use crate::vertical::{Attribute, AttributeKind, Definition};

/// What a file may have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Columns.
    pub columns: usize,
    /// Bytes of a cell.
    pub cell_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { columns: 200, cell_bytes: 10_000 }
    }
}

/// Column names told with a refusal.
const SHOWN_COLUMNS: usize = 40;

/// Fields without which no lead can be made, unless contacts are made up.
const CHANNELS: &[Target] =
    &[Target::Phone, Target::Phone2, Target::Phone3, Target::Email, Target::Email2, Target::Email3, Target::MessengerAccount];

/// Fields that say who the person is.
const PERSON: &[Target] = &[Target::Name];

/// A mapping that fits a file and a vertical.
#[derive(Debug, Clone)]
pub struct Bound {
    pub(super) vertical: String,
    pub(super) columns: Vec<String>,
    pub(super) filters: Vec<BoundFilter>,
    pub(super) fields: Vec<BoundField>,
    pub(super) missing: BTreeSet<String>,
    pub(super) synthetic_seed: Option<u32>,
    pub(super) cell_bytes: usize,
}

/// What a field fills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Field(Target),
    Attribute(String),
}

/// Where a field's text comes from: indexes of columns.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    Constant(String),
    Columns(Vec<usize>),
    Template(Vec<BoundPiece>),
}

#[derive(Debug, Clone)]
pub(super) enum BoundPiece {
    Text(String),
    Column(usize),
}

#[derive(Debug, Clone)]
pub(super) struct BoundField {
    pub place: Place,
    pub origin: Origin,
    pub values: HashMap<String, String>,
    pub otherwise: Option<String>,
    pub default: Option<String>,
    pub missing: BTreeSet<String>,
    pub required: bool,
    pub case: Case,
    pub keep_blanks: bool,
    pub converter: Converter,
}

#[derive(Debug, Clone)]
pub(super) struct BoundFilter {
    pub column: usize,
    pub is: BTreeSet<String>,
    pub not: BTreeSet<String>,
}

/// A text as filters, translations and missing values compare it.
pub(super) fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

struct Binder<'a> {
    file: &'a FileFormat,
    columns: Vec<String>,
    zone: Tz,
    region: Option<phonenumber::country::Id>,
}

impl Mapping {
    /// The names of the columns of a file: its header, or `#1`, `#2`, ... for `width` columns without one.
    #[must_use]
    pub fn column_names(&self, first_record: &[&str]) -> Vec<String> {
        let named = |(index, cell): (usize, &&str)| {
            let name = cell.trim_start_matches('\u{feff}').trim();
            if self.file.header && !name.is_empty() { name.to_owned() } else { format!("#{}", index.saturating_add(1)) }
        };
        first_record.iter().enumerate().map(named).collect()
    }

    /// This mapping for a file with these columns ([`Mapping::column_names`]) and a vertical with this definition, or every
    /// problem with its place in the mapping.
    pub fn bind(&self, columns: &[String], definition: &Definition, limits: Limits) -> Result<Bound, Vec<Refusal>> {
        if definition.group {
            return Err(Refusal::invalid("vertical", "this vertical only gathers those below it: name one of them").into());
        }
        let mut found = Vec::new();
        let binder = self.binder(columns, limits, &mut found);
        let mut fields = Vec::new();
        for (&target, rule) in &self.fields {
            match binder.field(Place::Field(target), target.kind(), rule) {
                Ok(field) => fields.push(field),
                Err(refused) => found.extend(refused.into_iter().map(|refusal| refusal.at(target.as_str()).at("fields"))),
            }
        }
        for (key, rule) in &self.attributes {
            let bound = match definition.attribute(key) {
                Some(attribute) => binder.field(Place::Attribute(key.clone()), kind_of(attribute), rule),
                None => Err(vec![Refusal::new(Code::Invalid, unknown_attribute(key, definition))]),
            };
            match bound {
                Ok(field) => fields.push(field),
                Err(refused) => found.extend(refused.into_iter().map(|refusal| refusal.at(key).at("attributes"))),
            }
        }
        let mut filters = Vec::new();
        for (index, filter) in self.only.iter().enumerate() {
            match binder.filter(filter) {
                Ok(filter) => filters.push(filter),
                Err(refusal) => found.push(refusal.at(index).at("only")),
            }
        }
        found.extend(self.incomplete(definition));
        if !found.is_empty() {
            return Err(found);
        }
        Ok(Bound {
            vertical: self.vertical.clone(),
            columns: binder.columns,
            filters,
            fields,
            missing: self.file.missing.iter().map(|text| folded(text)).collect(),
            synthetic_seed: self.synthetic.as_ref().map(|rule| rule.seed),
            cell_bytes: limits.cell_bytes,
        })
    }

    fn binder(&self, columns: &[String], limits: Limits, found: &mut Vec<Refusal>) -> Binder<'_> {
        let file = &self.file;
        let at = |refusal: Refusal| refusal.at("file");
        if let Err(message) = file.delimiter_byte() {
            found.push(at(Refusal::invalid("delimiter", message)));
        }
        if !file.quote.is_ascii_punctuation() {
            found.push(at(Refusal::invalid("quote", "the quotation mark is one ASCII punctuation character")));
        }
        if file.escape.is_some_and(|escape| !escape.is_ascii_punctuation() || file.delimiter.starts_with(escape)) {
            found.push(at(Refusal::invalid(
                "escape",
                "the escape character is one ASCII punctuation character, not the delimiter",
            )));
        }
        if !matches!(file.decimal, '.' | ',') {
            found.push(at(Refusal::invalid("decimal", "the decimal mark is `.` or `,`")));
        }
        if file.skip_lines > 1_000 {
            found.push(at(Refusal::new(Code::TooLarge, "at most 1000 lines are left out").at("skip_lines")));
        }
        let zone = file.time_zone.parse().unwrap_or_else(|_| {
            found.push(at(Refusal::invalid("time_zone", "an IANA time zone is needed, such as `Europe/Lisbon`")));
            Tz::UTC
        });
        let region = file.phone_region.as_ref().and_then(|region| {
            let id = region.parse().ok();
            if id.is_none() {
                found.push(at(Refusal::invalid("phone_region", "an ISO 3166 country in capitals is needed, such as `PT`")));
            }
            id
        });
        if columns.len() > limits.columns {
            found.push(Refusal::new(Code::TooLarge, format!("a file has at most {} columns", limits.columns)).at("file"));
        }
        Binder { file, columns: columns.to_vec(), zone, region }
    }

    fn incomplete(&self, definition: &Definition) -> Vec<Refusal> {
        let needs =
            |what: &str, why: &str| Refusal::new(Code::Required, format!("`{what}` is needed{why}")).at(what).at("fields");
        let has = |target: &Target| self.fields.contains_key(target);
        let mut found = Vec::new();
        if self.synthetic.is_none() {
            found.extend(PERSON.iter().filter(|target| !has(target)).map(|target| needs(target.as_str(), "")));
            if !CHANNELS.iter().any(has) {
                found.push(needs("phone", ", or an e-mail address, or a messenger account"));
            }
        }
        for target in [Target::Interest, Target::Source, Target::Country] {
            if !has(&target) {
                found.push(needs(target.as_str(), ": a column, or a constant when it is the same for every row"));
            }
        }
        for attribute in definition.attributes.iter().filter(|attribute| attribute.required) {
            if !self.attributes.contains_key(&attribute.key) {
                let message = format!("`{}` is required by the vertical", attribute.key);
                found.push(Refusal::new(Code::Required, message).at(&attribute.key).at("attributes"));
            }
        }
        found
    }
}

impl Binder<'_> {
    fn column(&self, name: &str) -> Result<usize, Refusal> {
        if let Some(number) = name.strip_prefix('#').and_then(|number| number.parse::<usize>().ok()) {
            let index = number.checked_sub(1).filter(|index| *index < self.columns.len());
            return index.ok_or_else(|| self.unknown_column(name));
        }
        let wanted = name.trim();
        let mut exact = self.columns.iter().enumerate().filter(|(_, column)| column.as_str() == wanted);
        let found = match (exact.next(), exact.next()) {
            (None, _) => {
                let mut near = self.columns.iter().enumerate().filter(|(_, column)| folded(column) == folded(wanted));
                (near.next(), near.next())
            }
            found => found,
        };
        match found {
            (Some((index, _)), None) => Ok(index),
            (Some(_), Some(_)) => {
                let message = format!("several columns are called `{}`: name one by its place, such as `#3`", shortened(name));
                Err(Refusal::new(Code::Invalid, message))
            }
            (None, _) => Err(self.unknown_column(name)),
        }
    }

    fn unknown_column(&self, name: &str) -> Refusal {
        let shown: Vec<String> = self.columns.iter().take(SHOWN_COLUMNS).map(|column| shortened(column)).collect();
        let more = if self.columns.len() > SHOWN_COLUMNS { ", ..." } else { "" };
        let message = format!("the file has no column `{}`; it has: {}{more}", shortened(name), shown.join(", "));
        Refusal::new(Code::Invalid, message)
    }

    fn filter(&self, filter: &RowFilter) -> Result<BoundFilter, Refusal> {
        let column = self.column(&filter.column).map_err(|refusal| refusal.at("column"))?;
        if filter.is.is_empty() && filter.not.is_empty() {
            return Err(Refusal::new(Code::Required, "a filter names values, by `is` or by `not`"));
        }
        let set = |texts: &[String]| texts.iter().map(|text| folded(text)).collect();
        Ok(BoundFilter { column, is: set(&filter.is), not: set(&filter.not) })
    }

    fn field(&self, place: Place, kind: Kind, rule: &FieldRule) -> Result<BoundField, Vec<Refusal>> {
        let origin = self.origin(rule)?;
        let converter = self.converter(kind, rule)?;
        let text = |scalar: &Option<Scalar>| scalar.as_ref().map(ToString::to_string);
        Ok(BoundField {
            place,
            origin,
            values: rule.values.iter().map(|(from, to)| (folded(from), to.to_string())).collect(),
            otherwise: text(&rule.otherwise),
            default: text(&rule.default),
            missing: rule.missing.iter().map(|text| folded(text)).collect(),
            required: rule.required,
            case: rule.case.unwrap_or_default(),
            keep_blanks: rule.keep_blanks,
            converter,
        })
    }

    fn origin(&self, rule: &FieldRule) -> Result<Origin, Vec<Refusal>> {
        let given = [rule.column.is_some(), !rule.columns.is_empty(), rule.constant.is_some(), rule.template.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            let message = "exactly one of `column`, `columns`, `constant` and `template` says where the value comes from";
            return Err(Refusal::new(Code::Invalid, message).into());
        }
        if let Some(constant) = &rule.constant {
            return Ok(Origin::Constant(constant.to_string()));
        }
        if let Some(text) = &rule.template {
            let at = |refusal: Refusal| refusal.at("template");
            let pieces = template::pieces(text).map_err(|message| at(Refusal::new(Code::Invalid, message)))?;
            let bound = pieces.into_iter().map(|piece| match piece {
                Piece::Text(text) => Ok(BoundPiece::Text(text)),
                Piece::Column(name) => self.column(&name).map(BoundPiece::Column),
            });
            return Ok(Origin::Template(bound.collect::<Result<_, _>>().map_err(at)?));
        }
        if let Some(name) = &rule.column {
            return Ok(Origin::Columns(vec![self.column(name).map_err(|refusal| refusal.at("column"))?]));
        }
        let mut indexes = Vec::new();
        let mut found = Vec::new();
        for (position, name) in rule.columns.iter().enumerate() {
            match self.column(name) {
                Ok(index) => indexes.push(index),
                Err(refusal) => found.push(refusal.at(position).at("columns")),
            }
        }
        if found.is_empty() { Ok(Origin::Columns(indexes)) } else { Err(found) }
    }

    fn converter(&self, kind: Kind, rule: &FieldRule) -> Result<Converter, Vec<Refusal>> {
        let mut found = Vec::new();
        let dates = DateFormat::new(&rule.dates, self.zone).map_err(|message| vec![Refusal::invalid("dates", message)])?;
        let decimal = rule.decimal.unwrap_or(self.file.decimal);
        if !matches!(decimal, '.' | ',') {
            found.push(Refusal::invalid("decimal", "the decimal mark is `.` or `,`"));
        }
        let currency = rule.currency.or(self.file.currency);
        if kind == Kind::Money && currency.is_none() {
            found.push(Refusal::new(Code::Required, "an amount needs `currency`, here or in `file`").at("currency"));
        }
        found.extend(band_problems(&kind, &rule.bands));
        found.extend(word_problems(&kind, rule));
        if rule.separator.as_ref().is_some_and(String::is_empty) {
            found.push(Refusal::invalid("separator", "a separator is not empty"));
        }
        if !found.is_empty() {
            return Err(found);
        }
        let lower = |texts: &[String]| texts.iter().map(|text| folded(text)).collect();
        Ok(Converter {
            kind,
            number: NumberFormat { decimal },
            unit: rule.unit.unwrap_or_default(),
            round: rule.round.unwrap_or_default(),
            strip: rule.strip.clone(),
            bands: rule.bands.clone(),
            birth_date: !rule.dates.is_empty(),
            dates,
            yes: lower(&rule.yes),
            no: lower(&rule.no),
            currency,
            region: self.region,
            separator: rule.separator.clone().unwrap_or_else(|| ";".to_owned()),
        })
    }
}

fn kind_of(attribute: &Attribute) -> Kind {
    match attribute.kind {
        AttributeKind::Enum => Kind::Words(attribute.values.iter().map(|listed| listed.value.clone()).collect()),
        AttributeKind::Int => Kind::Whole(attribute.min.unwrap_or(i64::MIN), attribute.max.unwrap_or(i64::MAX)),
        AttributeKind::Bool => Kind::Bool,
        AttributeKind::Date => Kind::Date,
        AttributeKind::Text => Kind::Text,
    }
}

fn unknown_attribute(key: &str, definition: &Definition) -> String {
    let known: Vec<&str> = definition.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    format!("the vertical has no attribute `{}`; it has: {}", shortened(key), known.join(", "))
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(60).filter(|c| !c.is_control()).collect()
}
