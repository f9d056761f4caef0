//! Flat posts: a lead as a record of plain texts, for systems that speak JSON or forms and no GraphQL. The fields are those of
//! mappings, and the vertical's attributes under their own keys.

use std::collections::BTreeMap;

use crate::access::TextEnum;
use crate::lead::LeadDraft;
use crate::mapping::{FieldRule, FileFormat, Kind, Limits, Mapping, RowOutcome, SyntheticRule, Target};
use crate::money::Currency;
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;
use crate::vertical::{AttributeKind, Definition, VerticalPath};

/// Fields that one record may have.
pub const MAX_FIELDS: usize = 200;

/// Fields that tell who the person is: they have no place in a ping.
const TELLING: &[Target] = &[
    Target::Name,
    Target::Phone,
    Target::Phone2,
    Target::Phone3,
    Target::Email,
    Target::Email2,
    Target::Email3,
    Target::MessengerKind,
    Target::MessengerAccount,
    Target::Company,
    Target::Position,
    Target::ConsentIp,
    Target::ConsentUserAgent,
    Target::DeviceId,
    Target::Ip,
    Target::UserAgent,
    Target::Comments,
    Target::CallMeAt,
    Target::SellerReference,
];

/// Fields that a ping has in the place of others.
const NOT_PINGED: &[Target] = &[
    Target::Offering,
    Target::TargetOrganization,
    Target::ConsentText,
    Target::ConsentVersion,
    Target::ConsentAt,
    Target::ConsentPage,
    Target::ConsentCertificate,
    Target::ConsentSessionSecs,
    Target::RefusesPhone,
    Target::RefusesEmail,
    Target::RefusesMessenger,
    Target::TimeOnPageSecs,
    Target::TypedFields,
    Target::PastedFields,
    Target::HoneypotFilled,
    Target::FormPage,
    Target::Visits,
    Target::SiteSecs,
];

/// What a record is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What the lead is, without who it is.
    Ping,
    /// The whole lead, to be sold at once.
    Post,
    /// The whole lead, for the seller's stock.
    Lead,
}

/// One field that a record may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedField {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// What it means, for people.
    pub about: String,
}

/// The fields that a record of a lead of this vertical may have.
#[must_use]
pub fn fields(definition: &Definition, purpose: Purpose) -> Vec<PostedField> {
    let pinged = purpose == Purpose::Ping;
    let core = Target::ALL.iter().filter(|target| !pinged || !(TELLING.contains(target) || NOT_PINGED.contains(target)));
    let required = |target: Target| match target {
        Target::Interest | Target::Source => true,
        Target::Country | Target::ContactKind => pinged,
        Target::Name | Target::ConsentText => !pinged,
        _ => false,
    };
    let core = core.map(|target| PostedField {
        name: target.as_str().to_owned(),
        kind: target.kind(),
        required: required(*target),
        about: target.description().trim().to_owned(),
    });
    let own = definition.attributes.iter().filter(|attribute| !pinged || !attribute.identifying);
    let own = own.map(|attribute| PostedField {
        name: attribute.key.clone(),
        kind: match attribute.kind {
            AttributeKind::Enum => Kind::Words(attribute.values.iter().map(|listed| listed.value.clone()).collect()),
            AttributeKind::Int => Kind::Whole(attribute.min.unwrap_or(i64::MIN), attribute.max.unwrap_or(i64::MAX)),
            AttributeKind::Bool => Kind::Bool,
            AttributeKind::Date => Kind::Date,
            AttributeKind::Text => Kind::Text,
        },
        required: attribute.required,
        about: attribute.labels.get("en").cloned().unwrap_or_default(),
    });
    core.chain(own).collect()
}

/// The draft that a record makes, or every field that is wrong, by its name. `currency` is that of amounts which name none.
pub fn draft(
    record: &BTreeMap<String, String>,
    vertical: &VerticalPath,
    definition: &Definition,
    purpose: Purpose,
    currency: Currency,
    now: Timestamp,
) -> Result<LeadDraft, Vec<Refusal>> {
    if record.len() > MAX_FIELDS {
        return Err(vec![Refusal::new(Code::TooLarge, format!("at most {MAX_FIELDS} fields"))]);
    }
    if purpose == Purpose::Ping {
        let telling = |key: &&String| key.parse().is_ok_and(|target: Target| TELLING.contains(&target));
        let message = "this tells who the person is: leave it for the post";
        let told: Vec<Refusal> = record.keys().filter(telling).map(|key| Refusal::invalid(key, message)).collect();
        if !told.is_empty() {
            return Err(told);
        }
    }
    let columns: Vec<String> = record.keys().cloned().collect();
    let cells: Vec<&str> = record.values().map(String::as_str).collect();
    let rule = |key: &String| FieldRule { column: Some(key.clone()), ..FieldRule::default() };
    let mut mapping = Mapping {
        vertical: vertical.to_string(),
        file: FileFormat { currency: Some(currency), ..FileFormat::default() },
        only: Vec::new(),
        // A ping has no contact, and what is made up in its place is not looked at.
        synthetic: (purpose == Purpose::Ping).then_some(SyntheticRule { seed: 0 }),
        fields: BTreeMap::new(),
        attributes: BTreeMap::new(),
    };
    for key in record.keys() {
        match key.parse::<Target>() {
            Ok(target) => _ = mapping.fields.insert(target, rule(key)),
            Err(_) => _ = mapping.attributes.insert(key.clone(), rule(key)),
        }
    }
    let bound = mapping
        .bind(&columns, definition, Limits::default())
        .map_err(|found| found.into_iter().map(by_name).collect::<Vec<_>>())?;
    match bound.apply(&cells, 0, now) {
        RowOutcome::Lead(draft) => Ok(LeadDraft { synthetic: false, ..*draft }),
        RowOutcome::Skipped => Err(vec![Refusal::new(Code::Required, "the record is empty")]),
        RowOutcome::Refused(found) => Err(found.into_iter().map(Refusal::from).collect()),
    }
}

/// The refusal at the name of its field: the places of mappings mean nothing to who posts.
fn by_name(mut refusal: Refusal) -> Refusal {
    let name = refusal.path.iter().find(|segment| !matches!(segment.as_str(), "fields" | "attributes"));
    refusal.path = name.cloned().into_iter().collect();
    refusal
}

/// The name of the field that a refused lead names by `path`.
#[must_use]
pub fn field_at(path: &[String]) -> Option<String> {
    let path = path.strip_prefix(&["lead".to_owned()]).unwrap_or(path);
    match path {
        [attributes, key, ..] if attributes == "attributes" => Some(key.clone()),
        [terms, reserve, ..] if terms == "terms" && reserve == "sharedReserve" => Some("shared_reserve".to_owned()),
        [terms, reserve, ..] if terms == "terms" && reserve == "exclusiveReserve" => Some("exclusive_reserve".to_owned()),
        [one] if one == "maxSales" => Some("max_sales".to_owned()),
        [one] if one == "offerId" => Some("offer_id".to_owned()),
        [one] if one == "vertical" => Some("vertical".to_owned()),
        [digests, ..] if digests == "digests" => Some("digests".to_owned()),
        [one] if one.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()) => Some(one.clone()),
        path => Target::at_path(path).map(|target| target.as_str().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vertical::starter_set;

    fn tour() -> (VerticalPath, Definition) {
        let set = starter_set().unwrap();
        let tour = set.into_iter().find(|vertical| vertical.path.as_str() == "travel/tour").unwrap();
        (tour.path, tour.definition)
    }

    fn record(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn made(pairs: &[(&str, &str)], purpose: Purpose) -> Result<LeadDraft, Vec<(Code, String)>> {
        let (path, definition) = tour();
        let now = "2026-11-26T10:00:00Z".parse().unwrap();
        let made = draft(&record(pairs), &path, &definition, purpose, Currency::EUR, now);
        made.map_err(|found| found.into_iter().map(|refusal| (refusal.code, refusal.path.join("."))).collect())
    }

    const PING: &[(&str, &str)] = &[
        ("contact_kind", "QUICK"),
        ("interest", "CALLBACK"),
        ("source", "SEARCH_AD"),
        ("country", "NO"),
        ("city", "Bergen"),
        ("postal_code", "5003"),
        ("age", "41"),
        ("destination_country", "Greece"),
        ("nights", "7"),
        ("adults", "2"),
    ];

    #[test]
    fn a_record_makes_a_draft_by_the_names_of_its_fields() {
        let draft = made(PING, Purpose::Ping).unwrap();
        assert_eq!((draft.geography.city.as_deref(), draft.geography.postal_code.as_deref()), (Some("Bergen"), Some("5003")));
        assert_eq!((draft.demographics.age, draft.attributes["nights"].to_string()), (Some(41), "7".to_owned()));
        assert!(!draft.synthetic);
        let post: Vec<_> = PING.iter().copied().chain([("name", "Kari Nordmann"), ("phone", "+4791234567")]).collect();
        let draft = made(&post, Purpose::Post).unwrap();
        assert_eq!((draft.contact.name.as_str(), draft.contact.phones.len()), ("Kari Nordmann", 1));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        let with = |more: &[(&'static str, &'static str)]| PING.iter().chain(more).copied().collect::<Vec<_>>();
        let told = made(&with(&[("phone", "+4791234567"), ("ip", "203.0.113.7")]), Purpose::Ping).unwrap_err();
        assert_eq!(told, [(Code::Invalid, "ip".to_owned()), (Code::Invalid, "phone".to_owned())]);
        assert_eq!(made(&with(&[("shoe_size", "43")]), Purpose::Ping).unwrap_err(), [(Code::Invalid, "shoe_size".to_owned())]);
        let wrong = made(&with(&[("gender", "CAT")]), Purpose::Ping).unwrap_err();
        assert_eq!(wrong, [(Code::Invalid, "gender".to_owned())]);
    }

    #[test]
    fn a_ping_lists_nothing_that_tells_the_person() {
        let (_, definition) = tour();
        let names = |purpose| fields(&definition, purpose).into_iter().map(|field| field.name).collect::<Vec<_>>();
        for target in TELLING {
            assert!(!names(Purpose::Ping).contains(&target.as_str().to_owned()));
            assert!(names(Purpose::Post).contains(&target.as_str().to_owned()));
        }
        assert!(names(Purpose::Ping).contains(&"nights".to_owned()));
    }
}
