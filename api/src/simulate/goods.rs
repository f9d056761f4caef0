//! What the agencies sell: made-up people who ask for something, with the attributes that their vertical asks for.

use std::collections::{BTreeMap, BTreeSet};

use domain::lead::{
    Audience, ConsentEvidence, ContactDraft, ContactKind, Demographics, Firmographics, Gender, Geography, IncomeBand, Interest,
    LeadDraft, MaritalStatus, Occupation, Offering, SessionSignals, Source, SourceKind,
};
use domain::mapping::person;
use domain::time::{Timestamp, plus_secs};
use domain::verification::Level;
use domain::vertical::{Attribute, AttributeKind, AttributeValue, starter_set};
use sha2::{Digest, Sha256};

use super::SimulateError;
use crate::demo::dice::Dice;

/// Campaigns for each vertical that is traded: fewer would leave most leads without a buyer.
const CAMPAIGNS_PER_KIND: u32 = 25;

/// Steps into which the range of a number is divided, so that leads and filters meet.
const STEPS: u32 = 8;

/// Texts of free attributes.
const WORDS: &[&str] = &["Lisbon", "Porto", "Faro", "Braga", "Madeira", "Greece", "Norway", "Toyota", "Renault", "Volvo"];

/// Country, region, city, postal code.
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("PT", "Lisboa", "Lisboa", "1100-148"),
    ("PT", "Norte", "Porto", "4000-322"),
    ("PT", "Algarve", "Faro", "8000-078"),
    ("ES", "Madrid", "Madrid", "28013"),
    ("ES", "Andalucía", "Sevilla", "41001"),
    ("FR", "Île-de-France", "Paris", "75004"),
    ("DE", "Bayern", "München", "80331"),
    ("DE", "Berlin", "Berlin", "10117"),
    ("IT", "Lazio", "Roma", "00184"),
    ("NL", "Noord-Holland", "Amsterdam", "1012"),
    ("NO", "Vestland", "Bergen", "5003"),
    ("AU", "Victoria", "Melbourne", "3000"),
];

const SOURCES: &[SourceKind] = &[
    SourceKind::SearchAd,
    SourceKind::SearchOrganic,
    SourceKind::SocialAd,
    SourceKind::Banner,
    SourceKind::Referral,
    SourceKind::Email,
    SourceKind::PartnerNetwork,
];

const INTERESTS: &[Interest] = &[Interest::Callback, Interest::Advice, Interest::Order, Interest::Questionnaire];

const LANGUAGES: &[&str] = &["pt", "es", "fr", "de", "en"];

/// A vertical that is traded.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    /// Its path.
    pub(super) path: String,
    /// Its attributes, without those that tell the person.
    pub(super) attributes: Vec<Attribute>,
}

/// The verticals of the starter set whose leads are verified at once, as many as so many campaigns can serve.
pub(super) fn kinds(campaigns: u32) -> Result<Vec<Kind>, SimulateError> {
    let most = usize::try_from((campaigns / CAMPAIGNS_PER_KIND).max(2)).unwrap_or(usize::MAX);
    let set = starter_set().map_err(|_| SimulateError::Unexpected("a broken starter set"))?;
    let fit = set.into_iter().filter(|vertical| {
        let definition = &vertical.definition;
        let telling = definition.attributes.iter().any(|attribute| attribute.required && attribute.identifying);
        let consumers = definition.audiences.contains(&Audience::Consumer);
        !definition.group && consumers && definition.required_level == Level::Format && !telling
    });
    let kind = |vertical: domain::vertical::StarterVertical| Kind {
        path: vertical.path.as_str().to_owned(),
        attributes: vertical.definition.attributes.into_iter().filter(|attribute| !attribute.identifying).collect(),
    };
    Ok(fit.take(most).map(kind).collect())
}

/// The lead of the person `ordinal` under `seed`, of `kind`, as it is at `now`.
pub(super) fn lead(kind: &Kind, seed: u64, ordinal: u64, now: Timestamp) -> LeadDraft {
    let mut dice = Dice::of(seed, "lead", ordinal);
    let someone = person(u32::try_from(seed % 10_000).unwrap_or(0), ordinal);
    let (country, region, city, postal) = dice.pick(PLACES).unwrap_or(("PT", "Lisboa", "Lisboa", "1100-148"));
    let attributes = attributes(kind, now, &mut dice);
    let captured_at = plus_secs(now, -i64::from(dice.between(1, 60)));
    LeadDraft {
        vertical: kind.path.clone(),
        audience: Audience::Consumer,
        contact_kind: if attributes.is_empty() { ContactKind::Registration } else { ContactKind::Interested },
        interest: dice.pick(INTERESTS).unwrap_or(Interest::Callback),
        offering: Offering::ConsumerDemographic,
        target_organization: None,
        contact: ContactDraft {
            name: someone.name,
            phones: someone.phone.into_iter().collect(),
            emails: vec![someone.email],
            ..ContactDraft::default()
        },
        demographics: demographics(&mut dice),
        firmographics: Firmographics::default(),
        attributes,
        geography: Geography {
            country: Some(country.to_owned()),
            region: Some(region.to_owned()),
            city: Some(city.to_owned()),
            postal_code: Some(postal.to_owned()),
        },
        source: Source::of(dice.pick(SOURCES).unwrap_or(SourceKind::Direct)),
        consent: Some(ConsentEvidence {
            text: "Yes, call me about offers that fit my answers.".to_owned(),
            captured_at: Some(captured_at),
            page_url: Some("https://forms.simulation.example/ask".to_owned()),
            ..ConsentEvidence::default()
        }),
        session: SessionSignals {
            time_on_page_secs: Some(dice.between(25, 300)),
            typed_fields: Some(dice.between(5, 12)),
            honeypot_filled: Some(false),
            ..SessionSignals::default()
        },
        comments: None,
        call_me_at: None,
        seller_reference: None,
        captured_at: Some(captured_at),
        synthetic: true,
    }
}

/// The digests of a lead's phones and addresses, as a ping names them.
pub(super) fn digests(draft: &LeadDraft) -> Vec<String> {
    let ways = draft.contact.phones.iter().chain(&draft.contact.emails);
    ways.map(|way| hex::encode(Sha256::digest(way.as_bytes()))).collect()
}

fn demographics(dice: &mut Dice) -> Demographics {
    Demographics {
        age: u8::try_from(dice.between(18, 80)).ok(),
        gender: dice.pick(&[Gender::Female, Gender::Male]),
        marital_status: dice.pick(&[MaritalStatus::Single, MaritalStatus::Married, MaritalStatus::Divorced]),
        occupation: dice.pick(&[Occupation::Management, Occupation::Technician, Occupation::Services, Occupation::Retired]),
        income_band: dice.pick(IncomeBand::ALL),
        language: dice.pick(LANGUAGES).map(str::to_owned),
        ..Demographics::default()
    }
}

fn attributes(kind: &Kind, now: Timestamp, dice: &mut Dice) -> BTreeMap<String, AttributeValue> {
    let mut found = BTreeMap::new();
    for attribute in &kind.attributes {
        let answered = attribute.required || dice.chance(600);
        let value = value(attribute, now, dice);
        if let Some(value) = value.filter(|_| answered) {
            found.insert(attribute.key.clone(), value);
        }
    }
    found
}

fn value(attribute: &Attribute, now: Timestamp, dice: &mut Dice) -> Option<AttributeValue> {
    match attribute.kind {
        AttributeKind::Bool => Some(AttributeValue::Bool(dice.chance(500))),
        AttributeKind::Int => Some(AttributeValue::Int(level(attribute, dice.below(STEPS + 1)))),
        AttributeKind::Date => {
            let day = plus_secs(now, i64::from(dice.between(1, 90)) * 86_400).date_naive();
            let inside = attribute.earliest.is_none_or(|first| day >= first) && attribute.latest.is_none_or(|last| day <= last);
            inside.then_some(AttributeValue::Date(day))
        }
        AttributeKind::Enum => {
            let values: Vec<&str> = attribute.values.iter().map(|listed| listed.value.as_str()).collect();
            dice.pick(&values).map(AttributeValue::text)
        }
        AttributeKind::Text => dice.pick(WORDS).map(AttributeValue::text),
    }
}

/// The number at `step` of the attribute's range.
pub(super) fn level(attribute: &Attribute, step: u32) -> i64 {
    let min = attribute.min.unwrap_or(0);
    let span = attribute.max.unwrap_or(1_000).saturating_sub(min);
    min.saturating_add(span.saturating_mul(i64::from(step.min(STEPS))) / i64::from(STEPS))
}

/// A few of `items`, at least one and at most `most`.
pub(super) fn some_of<T: Copy + Ord>(items: &[T], most: u32, dice: &mut Dice) -> BTreeSet<T> {
    let count = dice.between(1, most.max(1) + 1);
    (0..count).filter_map(|_| dice.pick(items)).collect()
}

/// What filters may name of each.
pub(super) fn countries() -> Vec<&'static str> {
    PLACES.iter().map(|(country, ..)| *country).collect()
}

/// See [`countries`].
pub(super) fn cities() -> Vec<&'static str> {
    PLACES.iter().map(|(_, _, city, _)| *city).collect()
}

/// See [`countries`].
pub(super) fn postal_prefixes() -> Vec<&'static str> {
    PLACES.iter().filter_map(|(.., postal)| postal.get(..2)).collect()
}

/// See [`countries`].
pub(super) const fn words() -> &'static [&'static str] {
    WORDS
}

/// See [`countries`].
pub(super) const fn sources() -> &'static [SourceKind] {
    SOURCES
}

/// See [`countries`].
pub(super) const fn languages() -> &'static [&'static str] {
    LANGUAGES
}

#[cfg(test)]
mod tests {
    use domain::lead::{admit, admit_ping};

    use super::*;

    #[test]
    fn every_lead_is_one_and_can_be_pinged() {
        let now = chrono::DateTime::from_timestamp(1_767_600_000, 0).unwrap();
        let set = starter_set().unwrap();
        let kinds = kinds(1_000_000).unwrap();
        assert!(kinds.len() > 15);
        for (ordinal, kind) in (79_990_u64..).zip(kinds.iter().cycle().take(60)) {
            let vertical = set.iter().find(|vertical| vertical.path.as_str() == kind.path).unwrap();
            let draft = lead(kind, 1, ordinal, now);
            let ping = admit_ping(&draft, &vertical.path, &vertical.definition, now);
            let admitted = admit(&draft, &vertical.path, &vertical.definition, now);
            assert_eq!(ping.unwrap().agrees(&admitted.unwrap()), Ok(()), "{}", kind.path);
            assert_eq!(digests(&draft).len(), if ordinal < 80_000 { 2 } else { 1 });
        }
    }
}
