//! A first mapping for a file nobody has described yet: from the names of its columns and a sample of its rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::convert::wordlike;
use super::file::FileFormat;
use super::profile::{Profile, Shape};
use super::synonyms::{NAMES, Topic, likeness, plain, within};
use super::target::{Kind, Target};
use crate::vertical::{Attribute, AttributeKind, Definition};

/// Below this, a column's name says nothing.
const LEAST_LIKENESS: u32 = 60;

/// Values of a column that a proposal translates one by one.
const MAX_TRANSLATED: usize = 40;

/// A vertical that the file may belong to.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its current definition.
    pub definition: &'a Definition,
}

/// A commented mapping in TOML. The more rows the sample has, the better the proposal; a hundred are plenty. Of several
/// candidates the one whose attributes the columns resemble most is taken. What was told of the `format` is kept.
#[must_use]
pub fn propose(columns: &[String], rows: &[Vec<String>], format: &FileFormat, candidates: &[Candidate<'_>]) -> String {
    let profiles: Vec<Profile> = columns
        .iter()
        .enumerate()
        .map(|(index, name)| Profile::new(name, rows.iter().filter_map(|row| row.get(index))))
        .collect();
    let topics = assign(&profiles);
    let unused = |profile: &&Profile| !topics.values().any(|taken| taken.name == profile.name) && !is_outcome(profile);
    let free: Vec<&Profile> = profiles.iter().filter(unused).collect();
    let chosen = candidates
        .iter()
        .filter(|candidate| !candidate.definition.group)
        .map(|candidate| (attributes_for(candidate.definition, &free), candidate))
        .reduce(|best, next| if next.0.len() > best.0.len() { next } else { best });
    let (attributes, path) = chosen.map_or_else(|| (BTreeMap::new(), ""), |(found, candidate)| (found, candidate.path));
    let mut proposal = Proposal { text: String::new(), used: BTreeSet::new() };
    proposal.head(path, attributes.len(), &profiles, format);
    proposal.fields(&topics);
    proposal.attributes(&attributes, candidates.iter().find(|candidate| candidate.path == path));
    proposal.rest(&profiles);
    proposal.text
}

type Topics<'a> = BTreeMap<Topic, &'a Profile>;

/// The best column per topic: the likeness of the name and the look of the values together; each column once.
fn assign(profiles: &[Profile]) -> Topics<'_> {
    let mut scored: Vec<(u32, usize, Topic, &Profile)> = Vec::new();
    for (position, profile) in profiles.iter().enumerate() {
        let name = plain(&profile.name);
        for (topic, known) in NAMES {
            let by_name = likeness(&name, known);
            let by_look = profile.look(*topic);
            let score = match by_look {
                Some(false) => 0,
                Some(true) => by_name.saturating_add(60),
                None => by_name,
            };
            // A name that only resembles the topic needs values that do.
            if by_name < 90 && words_of(*topic).is_some_and(|words| !profile.knows(&words)) {
                continue;
            }
            if by_name >= LEAST_LIKENESS || (by_look == Some(true) && matches!(profile.shape, Shape::Email | Shape::Phone)) {
                scored.push((score, position, *topic, profile));
            }
        }
    }
    scored.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut topics = Topics::new();
    let mut taken = BTreeSet::new();
    for (score, position, topic, profile) in scored {
        if topic == Topic::Outcome && score >= 90 {
            taken.insert(position);
        } else if score > 0 && topic != Topic::Outcome && !topics.contains_key(&topic) && taken.insert(position) {
            topics.insert(topic, profile);
        }
    }
    topics
}

fn is_outcome(profile: &Profile) -> bool {
    let known = NAMES.iter().find(|(topic, _)| *topic == Topic::Outcome).map_or("", |(_, known)| *known);
    likeness(&plain(&profile.name), known) >= 90
}

fn words_of(topic: Topic) -> Option<Vec<String>> {
    match topic {
        Topic::Field(target) => match target.kind() {
            Kind::Words(words) => Some(words),
            _ => None,
        },
        _ => None,
    }
}

/// The best column per attribute: the likeness of the names, and for listed values theirs; each column once.
fn attributes_for<'a>(definition: &Definition, free: &[&'a Profile]) -> BTreeMap<String, &'a Profile> {
    let mut scored: Vec<(u32, &str, usize, &'a Profile)> = Vec::new();
    for attribute in &definition.attributes {
        let labels = attribute.labels.values().map(String::as_str);
        let known = std::iter::once(attribute.key.as_str()).chain(labels).collect::<Vec<_>>().join("|");
        for (position, profile) in free.iter().enumerate().filter(|(_, profile)| fits(attribute, profile)) {
            let name = plain(&profile.name);
            let part = if within(&plain(&attribute.key), &name) { 62 } else { 0 };
            let by_name = likeness(&name, &known).max(part);
            let by_values = if profile.all_among(&attribute.values) { 50 } else { 0 };
            let score = by_name.saturating_add(by_values);
            if score >= LEAST_LIKENESS || by_values > 0 {
                scored.push((score, &attribute.key, position, *profile));
            }
        }
    }
    scored.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)).then(a.2.cmp(&b.2)));
    let mut found = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (_, key, position, profile) in scored {
        if !found.contains_key(key) && taken.insert(position) {
            found.insert(key.to_owned(), profile);
        }
    }
    found
}

fn fits(attribute: &Attribute, profile: &Profile) -> bool {
    match attribute.kind {
        AttributeKind::Int => profile.shape == Shape::Number,
        AttributeKind::Bool => profile.distinct.len() <= 3,
        AttributeKind::Date => matches!(profile.shape, Shape::Date(_)),
        AttributeKind::Enum => profile.distinct.len() <= MAX_TRANSLATED,
        AttributeKind::Text => true,
    }
}

struct Proposal {
    text: String,
    used: BTreeSet<String>,
}

impl Proposal {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn head(&mut self, path: &str, matched: usize, profiles: &[Profile], format: &FileFormat) {
        self.line("# A proposal from the names of the columns and a sample of the rows: read it before you use it.");
        let _ =
            writeln!(self.text, "vertical = {} # check: {matched} of its attributes look like columns of the file", quoted(path));
        self.line("\n[file]");
        for (key, told) in [("delimiter", &format.delimiter), ("encoding", &format.encoding)] {
            if told != "auto" {
                let _ = writeln!(self.text, "{key} = {}", quoted(told));
            }
        }
        if format.skip_lines > 0 {
            let _ = writeln!(self.text, "skip_lines = {}", format.skip_lines);
        }
        let missing: BTreeSet<&str> = profiles.iter().flat_map(|profile| profile.missing.iter().map(String::as_str)).collect();
        if !missing.is_empty() {
            let missing: Vec<String> = missing.into_iter().map(quoted).collect();
            let _ = writeln!(self.text, "missing = [{}] # read as not answered", missing.join(", "));
        }
        if profiles.iter().filter(|profile| profile.decimal_comma).count()
            > profiles.iter().filter(|profile| profile.decimal_point).count()
        {
            self.line("decimal = \",\"");
        }
        self.line("# phone_region = \"PT\" # the country of phone numbers written without +");
        self.line("# currency = \"EUR\" # the currency of amounts");
    }

    fn fields(&mut self, topics: &Topics<'_>) {
        let given = topics.get(&Topic::GivenName).map(|profile| profile.name.clone());
        let family = topics.get(&Topic::FamilyName).map(|profile| profile.name.clone());
        let named = topics.contains_key(&Topic::Field(Target::Name)) || given.is_some() || family.is_some();
        let channels = [Target::Phone, Target::Phone2, Target::Email, Target::Email2];
        let reachable = channels.iter().any(|target| topics.contains_key(&Topic::Field(*target)));
        let personal = named || reachable;
        if !personal {
            self.line("\n# No column holds a name, a phone number or an address. Such rows are no leads; for a demonstration contacts can be made up:");
            self.line("[synthetic]\nseed = 1");
        }
        self.line("\n[fields]");
        if personal && !named {
            self.line("name = { constant = \"\", required = true } # no column was found: name it");
        }
        if named && !reachable {
            self.line("phone = { constant = \"\", required = true } # no column was found: name one, or `email`");
        }
        if !topics.contains_key(&Topic::Field(Target::Name)) && (given.is_some() || family.is_some()) {
            let parts: Vec<String> = [given, family].into_iter().flatten().collect();
            let template: Vec<String> = parts.iter().map(|name| format!("{{{name}}}")).collect();
            let _ = writeln!(self.text, "name = {{ template = {} }}", quoted(&template.join(" ")));
            self.used.extend(parts);
        }
        for (topic, profile) in topics {
            match topic {
                Topic::Field(target) => self.rule(target.as_str(), target.kind(), profile, ""),
                Topic::BirthDate if !topics.contains_key(&Topic::Field(Target::Age)) => {
                    self.rule("age", Kind::Date, profile, "the date of birth");
                }
                Topic::GivenName | Topic::FamilyName | Topic::BirthDate | Topic::Outcome => {}
            }
        }
        let mut constant = |target: Target, text: &str| {
            if !topics.contains_key(&Topic::Field(target)) {
                let _ = writeln!(self.text, "{} = {{ constant = \"{text}\" }} # check: no column says it", target.as_str());
            }
        };
        constant(Target::Country, "US");
        constant(Target::Interest, "CALLBACK");
        constant(Target::Source, "DIRECT");
        if !topics.contains_key(&Topic::Field(Target::ConsentText)) {
            self.line(
                "# consent_text = { constant = \"the words that the person agreed to\" } # without consent a lead is refused",
            );
        }
    }

    fn attributes(&mut self, attributes: &BTreeMap<String, &Profile>, candidate: Option<&Candidate<'_>>) {
        self.line("\n[attributes]");
        let Some(candidate) = candidate else { return };
        for attribute in &candidate.definition.attributes {
            let need = if attribute.required { "required" } else { "" };
            match attributes.get(&attribute.key) {
                Some(profile) => self.rule(&attribute.key, kind(attribute), profile, need),
                None if attribute.required => {
                    let line = format!("# {} = ... # required by the vertical, and no column was found", attribute.key);
                    self.line(&line);
                }
                None => {}
            }
        }
    }

    fn rule(&mut self, key: &str, kind: Kind, profile: &Profile, remark: &str) {
        let mut rule = format!("column = {}", quoted(&profile.name));
        let mut remarks: Vec<String> = Vec::new();
        if !remark.is_empty() {
            remarks.push(remark.to_owned());
        }
        match (&kind, &profile.shape) {
            (Kind::Words(_), Shape::Number) => remarks.push("numbers: add bands = [[0, \"...\"], ...]".to_owned()),
            (Kind::Words(words), _) => translate(&mut rule, &mut remarks, words, profile),
            (Kind::Date | Kind::Instant, Shape::Date(format)) => {
                let _ = write!(rule, ", dates = [{}]", quoted(format));
                if profile.ambiguous_date {
                    remarks.push("check: day and month could also be the other way round".to_owned());
                }
            }
            (Kind::Date | Kind::Instant, _) => remarks.push("check: no known date format".to_owned()),
            (Kind::Country, _) => remarks.push("names in English, or ISO 3166 codes".to_owned()),
            _ => {}
        }
        let remark = if remarks.is_empty() { String::new() } else { format!(" # {}", commented(&remarks.join("; "))) };
        let _ = writeln!(self.text, "{key} = {{ {rule} }}{remark}");
        self.used.insert(profile.name.clone());
    }

    fn rest(&mut self, profiles: &[Profile]) {
        self.line("\n# Columns not used:");
        let unused: Vec<&Profile> = profiles.iter().filter(|profile| !self.used.contains(&profile.name)).collect();
        for profile in unused {
            let note = if is_outcome(profile) {
                "looks like an outcome, known only after the lead was worked on: never an input".to_owned()
            } else {
                format!("{}, {} different values in the sample", profile.shape.name(), profile.distinct.len())
            };
            let line = format!("#   {}: {note}", commented(&profile.name));
            self.line(&line);
        }
    }
}

/// A table of meanings for the values of the sample that are not themselves among `words`.
fn translate(rule: &mut String, remarks: &mut Vec<String>, words: &[String], profile: &Profile) {
    let known = |text: &str| words.iter().any(|word| wordlike(word) == wordlike(text));
    let mut table = Vec::new();
    let mut unknown = 0_usize;
    for value in profile.distinct.keys().filter(|value| !known(value)).take(MAX_TRANSLATED) {
        let near = words.iter().find(|word| near(&wordlike(value), &wordlike(word)));
        unknown = unknown.saturating_add(usize::from(near.is_none()));
        table.push(format!("{} = {}", quoted(value), quoted(near.map_or("", String::as_str))));
    }
    if !table.is_empty() {
        let _ = write!(rule, ", values = {{ {} }}, otherwise = \"\"", table.join(", "));
        let listed = profile.distinct.keys().filter(|value| known(value));
        for value in listed.map(|value| format!("{} = {}", quoted(value), quoted(&wordlike(value)))).collect::<Vec<_>>() {
            *rule = rule.replacen("values = { ", &format!("values = {{ {value}, "), 1);
        }
    }
    if unknown > 0 {
        remarks.push(format!("check: {unknown} values have no meaning yet; allowed are {}", words.join(", ")));
    }
}

/// Whether one of two words begins the other, with five letters at least in common.
fn near(a: &str, b: &str) -> bool {
    let common = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    common >= 5
}

fn kind(attribute: &Attribute) -> Kind {
    match attribute.kind {
        AttributeKind::Enum => Kind::Words(attribute.values.iter().map(|listed| listed.value.clone()).collect()),
        AttributeKind::Int => Kind::Whole(i64::MIN, i64::MAX),
        AttributeKind::Bool => Kind::Bool,
        AttributeKind::Date => Kind::Date,
        AttributeKind::Text => Kind::Text,
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn commented(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
