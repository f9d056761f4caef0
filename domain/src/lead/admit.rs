//! Admission: a draft becomes a lead, or every reason why it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::public_text::{attribute_refusals, public_refusals};
use super::{
    AgeBand, Audience, Channel, ConsentEvidence, ContactKind, Demographics, Firmographics, Geography, Interest, LeadDraft,
    LeadOrigin, Offering, Sealed, SessionSignals, Source, Trace,
};
use crate::contact::{Contact, DuplicateKey, contact_keys, normalise, session_keys};
use crate::id::OrganizationId;
use crate::offer::Ping;
use crate::refusal::{Code, Refusal};
use crate::text::has_control_character;
use crate::time::{Timestamp, plus_secs};
use crate::vertical::{AttributeValue, Definition, VerticalPath};

/// Seconds by which a seller's clock may be ahead.
const CLOCK_SKEW_SECS: i64 = 300;
/// A lead older than this is no lead any more: ten years, in seconds.
const MAX_AGE_SECS: i64 = 10 * 366 * 86_400;
const MAX_COMMENTS: usize = 4_000;
const MAX_INTERESTS: usize = 20;
const MAX_INTEREST: usize = 60;
const MAX_SHORT: usize = 120;
const MAX_POSTAL_CODE: usize = 16;
const MAX_URL: usize = 2_000;
const MAX_UTM: usize = 10;

/// An admitted lead: everything but [`Sealed`] may be shown before the sale.
#[derive(Clone, PartialEq, Eq)]
pub struct Lead {
    /// The vertical.
    pub vertical: VerticalPath,
    /// For itself or for a company.
    pub audience: Audience,
    /// How much contact data came, and how.
    pub contact_kind: ContactKind,
    /// What the person asked for.
    pub interest: Interest,
    /// Who may buy it.
    pub offering: Offering,
    /// The advertiser whose offer the person answered.
    pub target_organization: Option<OrganizationId>,
    /// Values that buyers may filter by and see: the vertical's public attributes, and demographics or firmographics under
    /// their core keys (`age_band`, `gender`, ...).
    pub attributes: BTreeMap<String, AttributeValue>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Region.
    pub region: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Where the lead came from.
    pub source: Source,
    /// What shows that the person asked, without address and browser.
    pub consent: Option<ConsentEvidence>,
    /// How the form was filled, without address, browser and device.
    pub form: SessionSignals,
    /// The ways on which the person can be reached.
    pub channels: Vec<Channel>,
    /// The seller's own reference.
    pub seller_reference: Option<String>,
    /// When the person left the details; when the lead was brought where the seller does not say it.
    pub captured_at: Timestamp,
    /// Whether the seller says when the person left the details. A lead of unknown age earns nothing by being new.
    pub dated: bool,
    /// Whether the contact data is made up.
    pub synthetic: bool,
    /// What tells who the person is.
    pub sealed: Sealed,
}

silent_debug!(Lead);

impl Lead {
    /// How the form was filled, with what tells the device.
    #[must_use]
    pub fn session(&self) -> SessionSignals {
        let trace = &self.sealed.trace;
        SessionSignals {
            device_id: trace.device_id.clone(),
            ip: trace.ip.clone(),
            user_agent: trace.user_agent.clone(),
            ..self.form.clone()
        }
    }

    /// What the person says about themselves, as far as the checks ask.
    #[must_use]
    pub fn demographics(&self) -> Demographics {
        let occupation = match self.attributes.get("occupation") {
            Some(AttributeValue::Text(text)) => text.parse().ok(),
            _ => None,
        };
        Demographics { age: self.sealed.age, occupation, ..Demographics::default() }
    }

    /// The keys by which the exchange knows the person, the device, the address and the page again.
    #[must_use]
    pub fn keys(&self) -> Vec<DuplicateKey> {
        contact_keys(&self.sealed.contact).into_iter().chain(session_keys(&self.session())).collect()
    }
}

/// The lead that `draft` makes in `definition`, or every reason why it makes none; paths are those of the draft's fields.
pub fn admit(draft: &LeadDraft, path: &VerticalPath, definition: &Definition, now: Timestamp) -> Result<Lead, Vec<Refusal>> {
    let mut refused = Vec::new();
    if definition.group {
        refused.push(Refusal::invalid("vertical", "this vertical only gathers others; name one below it"));
    }
    if !definition.audiences.contains(&draft.audience) {
        refused.push(Refusal::invalid("audience", "this vertical does not take leads of this audience"));
    }
    refused.extend(kind_refusals(draft));
    refused.extend(origin_refusals(draft, now));
    refused.extend(size_refusals(draft));
    refused.extend(public_refusals(draft));
    let declared = country_of(&draft.geography);
    refused.extend(declared.as_ref().err().cloned());
    let home = declared.as_ref().ok().and_then(Option::as_deref);
    let contact = normalise(&draft.contact, draft.audience, home).map_err(|found| within("contact", found));
    let fitted = definition.fit(&draft.attributes).map_err(|found| within("attributes", found));
    let country = home.map(str::to_owned).or_else(|| contact.as_ref().ok().and_then(phone_country));
    if country.is_none() && declared.is_ok() && contact.is_ok() {
        refused.push(Refusal::required("country").at("geography"));
    }
    match (contact, fitted, country) {
        (Ok(contact), Ok(fitted), Some(country)) if refused.is_empty() => {
            refused.extend(attribute_refusals(&fitted.public).map(|refusal| refusal.at("attributes")));
            let mut attributes = core_attributes(&draft.demographics, &draft.firmographics);
            attributes.extend(fitted.public);
            let lead = assemble(draft, path, contact, attributes, fitted.identifying, country, now);
            if refused.is_empty() { Ok(lead) } else { Err(refused) }
        }
        (contact, fitted, _) => {
            refused.extend(contact.err().into_iter().flatten());
            refused.extend(fitted.err().into_iter().flatten());
            Err(refused)
        }
    }
}

/// What `draft` tells of a lead whose person is not told yet, or every reason why it is none; its contact is not looked at.
pub fn admit_ping(draft: &LeadDraft, path: &VerticalPath, definition: &Definition, now: Timestamp) -> Result<Ping, Vec<Refusal>> {
    let mut refused = Vec::new();
    if definition.group {
        refused.push(Refusal::invalid("vertical", "this vertical only gathers others; name one below it"));
    }
    if !definition.audiences.contains(&draft.audience) {
        refused.push(Refusal::invalid("audience", "this vertical does not take leads of this audience"));
    }
    refused.extend(origin_refusals(draft, now));
    refused.extend(size_refusals(draft));
    refused.extend(public_refusals(draft));
    let country = match country_of(&draft.geography) {
        Ok(Some(country)) => Some(country),
        Ok(None) => {
            refused.push(Refusal::required("country").at("geography"));
            None
        }
        Err(refusal) => {
            refused.push(refusal);
            None
        }
    };
    match (definition.fit_public(&draft.attributes), country) {
        (Ok(public), Some(country)) if refused.is_empty() => {
            refused.extend(attribute_refusals(&public).map(|refusal| refusal.at("attributes")));
            let mut attributes = core_attributes(&draft.demographics, &draft.firmographics);
            attributes.extend(public);
            let ping = Ping {
                vertical: path.clone(),
                audience: draft.audience,
                contact_kind: draft.contact_kind,
                interest: draft.interest,
                attributes,
                country,
                region: trimmed(draft.geography.region.as_deref()),
                city: trimmed(draft.geography.city.as_deref()),
                source: draft.source.kind,
                captured_at: draft.captured_at.unwrap_or(now),
            };
            if refused.is_empty() { Ok(ping) } else { Err(refused) }
        }
        (fitted, _) => {
            refused.extend(fitted.err().map(|found| within("attributes", found)).into_iter().flatten());
            Err(refused)
        }
    }
}

fn assemble(
    draft: &LeadDraft,
    path: &VerticalPath,
    contact: Contact,
    attributes: BTreeMap<String, AttributeValue>,
    identifying: BTreeMap<String, AttributeValue>,
    country: String,
    now: Timestamp,
) -> Lead {
    let session = &draft.session;
    let trace = Trace {
        consent_ip: draft.consent.as_ref().and_then(|consent| trimmed(consent.ip.as_deref())),
        consent_user_agent: draft.consent.as_ref().and_then(|consent| trimmed(consent.user_agent.as_deref())),
        ip: trimmed(session.ip.as_deref()),
        user_agent: trimmed(session.user_agent.as_deref()),
        device_id: trimmed(session.device_id.as_deref()),
    };
    let page = |url: &Option<String>| trimmed(url.as_deref()).map(|url| without_query(&url));
    let consent = draft.consent.clone().map(|consent| ConsentEvidence {
        text: consent.text.trim().to_owned(),
        page_url: page(&consent.page_url),
        ip: None,
        user_agent: None,
        ..consent
    });
    let form =
        SessionSignals { page_url: page(&session.page_url), device_id: None, ip: None, user_agent: None, ..session.clone() };
    Lead {
        vertical: path.clone(),
        audience: draft.audience,
        contact_kind: draft.contact_kind,
        interest: draft.interest,
        offering: draft.offering,
        target_organization: draft.target_organization,
        attributes,
        country,
        region: trimmed(draft.geography.region.as_deref()),
        city: trimmed(draft.geography.city.as_deref()),
        source: Source { page_url: page(&draft.source.page_url), ..draft.source.clone() },
        consent,
        form,
        channels: contact.channels(),
        seller_reference: trimmed(draft.seller_reference.as_deref()),
        captured_at: draft.captured_at.unwrap_or(now),
        dated: draft.captured_at.is_some(),
        synthetic: draft.synthetic,
        sealed: Sealed {
            contact,
            age: draft.demographics.age,
            postal_code: trimmed(draft.geography.postal_code.as_deref()),
            identifying,
            comments: trimmed(draft.comments.as_deref()),
            call_me_at: draft.call_me_at,
            trace,
        },
    }
}

fn kind_refusals(draft: &LeadDraft) -> Vec<Refusal> {
    let mut found = Vec::new();
    let asked = draft.comments.is_some() || draft.call_me_at.is_some() || !draft.attributes.is_empty();
    match draft.contact_kind {
        ContactKind::Quick if draft.contact.phones.is_empty() => {
            found.push(Refusal::new(Code::Required, "a QUICK contact has a phone").at("phones").at("contact"));
        }
        ContactKind::Interested if !asked => {
            let message = "an INTERESTED contact has a filled questionnaire, comments or a time to call";
            found.push(Refusal::invalid("contactKind", message));
        }
        _ => {}
    }
    match (draft.offering, draft.target_organization) {
        (Offering::Targeted, None) => found.push(Refusal::required("targetOrganizationId")),
        (Offering::ConsumerDemographic, Some(_)) => {
            found.push(Refusal::invalid("targetOrganizationId", "only a TARGETED lead names an advertiser"));
        }
        _ => {}
    }
    found
}

fn origin_refusals(draft: &LeadDraft, now: Timestamp) -> Vec<Refusal> {
    let mut found = Vec::new();
    let agreed =
        draft.consent.as_ref().is_some_and(|consent| !consent.text.trim().is_empty() || consent.certificate_url.is_some());
    if draft.source.origin == LeadOrigin::PurchasedDatabase && !agreed {
        let message = "a bought database without the consent of each person is not a source of leads";
        found.push(Refusal::new(Code::NotALead, message).at("origin").at("source"));
    }
    if draft.captured_at.is_some_and(|at| at > plus_secs(now, CLOCK_SKEW_SECS)) {
        found.push(Refusal::invalid("capturedAt", "lies in the future"));
    }
    if draft.captured_at.is_some_and(|at| plus_secs(at, MAX_AGE_SECS) < now) {
        found.push(Refusal::invalid("capturedAt", "lies more than ten years back"));
    }
    if draft.demographics.age.is_some_and(|age| age > 120) {
        found.push(Refusal::invalid("age", "from 0 to 120").at("demographics"));
    }
    let language = draft.demographics.language.as_deref();
    if language.is_some_and(|text| text.len() != 2 || !text.bytes().all(|b| b.is_ascii_lowercase())) {
        found.push(Refusal::invalid("language", "two lower-case letters (ISO 639-1)").at("demographics"));
    }
    found
}

fn size_refusals(draft: &LeadDraft) -> Vec<Refusal> {
    let mut found = Vec::new();
    let mut limit = |text: Option<&str>, most: usize, place: &[&str]| {
        let Some(text) = text else { return };
        let refusal = if text.chars().nth(most).is_some() {
            Refusal::new(Code::TooLarge, format!("at most {most} characters"))
        } else if has_control_character(text) {
            Refusal::new(Code::Invalid, "printable text")
        } else {
            return;
        };
        found.push(place.iter().rev().fold(refusal, |refusal, segment| refusal.at(segment)));
    };
    limit(draft.comments.as_deref(), MAX_COMMENTS, &["comments"]);
    limit(draft.seller_reference.as_deref(), MAX_SHORT, &["sellerReference"]);
    limit(draft.geography.region.as_deref(), MAX_SHORT, &["geography", "region"]);
    limit(draft.geography.city.as_deref(), MAX_SHORT, &["geography", "city"]);
    limit(draft.geography.postal_code.as_deref(), MAX_POSTAL_CODE, &["geography", "postalCode"]);
    limit(draft.source.campaign.as_deref(), MAX_SHORT, &["source", "campaign"]);
    limit(draft.source.page_url.as_deref(), MAX_URL, &["source", "pageUrl"]);
    for (key, value) in &draft.source.utm {
        limit(Some(key), 40, &["source", "utm"]);
        limit(Some(value), 300, &["source", "utm"]);
    }
    for interest in &draft.demographics.interests {
        limit(Some(interest), MAX_INTEREST, &["demographics", "interests"]);
    }
    let session = &draft.session;
    for (text, field) in [
        (&session.device_id, "deviceId"),
        (&session.ip, "ip"),
        (&session.user_agent, "userAgent"),
        (&session.page_url, "pageUrl"),
    ] {
        limit(text.as_deref(), MAX_URL, &["session", field]);
    }
    if let Some(consent) = &draft.consent {
        limit(Some(&consent.text), MAX_COMMENTS, &["consent", "text"]);
        for (text, field) in [
            (&consent.text_version, "textVersion"),
            (&consent.page_url, "pageUrl"),
            (&consent.ip, "ip"),
            (&consent.user_agent, "userAgent"),
            (&consent.certificate_url, "certificateUrl"),
        ] {
            limit(text.as_deref(), MAX_URL, &["consent", field]);
        }
    }
    if draft.demographics.interests.len() > MAX_INTERESTS {
        found.push(Refusal::new(Code::TooLarge, format!("at most {MAX_INTERESTS}")).at("interests").at("demographics"));
    }
    if draft.source.utm.len() > MAX_UTM {
        found.push(Refusal::new(Code::TooLarge, format!("at most {MAX_UTM}")).at("utm").at("source"));
    }
    found
}

fn core_attributes(person: &Demographics, company: &Firmographics) -> BTreeMap<String, AttributeValue> {
    let interests: BTreeSet<&str> = person.interests.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
    let interests = (!interests.is_empty()).then(|| interests.into_iter().collect::<Vec<_>>().join("; "));
    [
        ("age_band", person.age.map(|age| AgeBand::of(age).as_str().to_owned())),
        ("gender", person.gender.map(|value| value.as_str().to_owned())),
        ("marital_status", person.marital_status.map(|value| value.as_str().to_owned())),
        ("occupation", person.occupation.map(|value| value.as_str().to_owned())),
        ("income_band", person.income_band.map(|value| value.as_str().to_owned())),
        ("credit_band", person.credit_band.map(|value| value.as_str().to_owned())),
        ("education", person.education.map(|value| value.as_str().to_owned())),
        ("interests", interests),
        ("language", person.language.clone()),
        ("industry", company.industry.map(|value| value.as_str().to_owned())),
        ("organization_type", company.organization_type.map(|value| value.as_str().to_owned())),
        ("headcount_band", company.headcount_band.map(|value| value.as_str().to_owned())),
        ("decision_role", company.decision_role.map(|value| value.as_str().to_owned())),
    ]
    .into_iter()
    .filter_map(|(key, value)| value.map(|text| (key.to_owned(), AttributeValue::Text(text))))
    .collect()
}

fn country_of(geography: &Geography) -> Result<Option<String>, Refusal> {
    let Some(code) = trimmed(geography.country.as_deref()) else { return Ok(None) };
    let known =
        code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) && phonenumber::country::Id::from_str(&code).is_ok();
    if known {
        Ok(Some(code))
    } else {
        Err(Refusal::invalid("country", "an ISO 3166-1 alpha-2 code such as `NO`").at("geography"))
    }
}

fn phone_country(contact: &Contact) -> Option<String> {
    contact.phones.iter().find_map(|phone| phone.country.clone())
}

fn within(field: &str, found: Vec<Refusal>) -> Vec<Refusal> {
    found.into_iter().map(|refusal| refusal.at(field)).collect()
}

fn trimmed(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "admit_tests.rs"]
mod tests;
