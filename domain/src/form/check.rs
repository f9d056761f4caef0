//! Whether a form can bring leads of its vertical: everything that is wrong with it, each at its place.

use std::collections::BTreeSet;

use super::language::is_tag;
use super::{
    CoreField, FormContent, FormTexts, MAX_FIELDS, MAX_LANGUAGES, MAX_LINE, MAX_ORIGINS, MAX_STEPS, MAX_TEXT, MIN_CONSENT,
};
use crate::lead::Audience;
use crate::refusal::{Code, Refusal};
use crate::text::has_control_character;
use crate::vertical::{Definition, Labels};

/// Whether `content` may become a version of a form of this vertical, or every reason why not; the paths are those of its fields.
pub fn check(content: &FormContent, definition: &Definition) -> Result<(), Vec<Refusal>> {
    let mut found = Vec::new();
    if definition.group {
        found.push(Refusal::invalid("vertical", "this vertical only gathers others; name one below it"));
    }
    if !definition.audiences.contains(&content.audience) {
        found.push(Refusal::invalid("audience", "this vertical does not take leads of this audience"));
    }
    found.extend(line(&content.consent_version, "consentVersion"));
    found.extend(texts(content));
    found.extend(steps(content, definition));
    found.extend(needed(content, definition));
    if content.country.as_ref().is_some_and(|code| code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase())) {
        found.push(Refusal::invalid("country", "an ISO 3166-1 alpha-2 code such as `NO`"));
    }
    if !is_color(&content.theme_color) {
        found.push(Refusal::invalid("themeColor", "a colour such as `#0a5c36`"));
    }
    if content.origins.len() > MAX_ORIGINS {
        found.push(Refusal::new(Code::TooLarge, format!("at most {MAX_ORIGINS}")).at("origins"));
    }
    for (index, _) in content.origins.iter().enumerate().filter(|(_, origin)| !is_origin(origin)) {
        found.push(Refusal::new(Code::Invalid, "an origin such as `https://tours.example`").at(index).at("origins"));
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn texts(content: &FormContent) -> Vec<Refusal> {
    let mut found = Vec::new();
    if content.texts.is_empty() {
        found.push(Refusal::required("texts"));
    }
    if content.texts.len() > MAX_LANGUAGES {
        found.push(Refusal::new(Code::TooLarge, format!("at most {MAX_LANGUAGES} languages")).at("texts"));
    }
    let mut seen = BTreeSet::new();
    for (index, texts) in content.texts.iter().enumerate() {
        let place = |refusal: Refusal| refusal.at(index).at("texts");
        if !is_tag(&texts.language) {
            found.push(place(Refusal::invalid("language", "a BCP 47 tag such as `en` or `pt-BR`")));
        } else if !seen.insert(texts.language.as_str()) {
            found.push(place(Refusal::new(Code::Taken, "named twice").at("language")));
        }
        found.extend(words(texts).into_iter().map(place));
    }
    found
}

fn words(texts: &FormTexts) -> Vec<Refusal> {
    let mut found: Vec<Refusal> = line(&texts.title, "title").into_iter().collect();
    for (text, field) in [(&texts.offer, "offer"), (&texts.consent, "consent")] {
        found.extend(long(text, field));
    }
    if (1..MIN_CONSENT).contains(&texts.consent.trim().chars().count()) {
        found.push(Refusal::invalid("consent", format!("at least {MIN_CONSENT} characters that say what is agreed to")));
    }
    found.extend(texts.call_to_action.as_deref().and_then(|text| line(text, "callToAction")));
    found.extend(texts.thanks.as_deref().and_then(|text| long(text, "thanks")));
    found
}

fn steps(content: &FormContent, definition: &Definition) -> Vec<Refusal> {
    let mut found = Vec::new();
    if content.steps.len() > MAX_STEPS {
        found.push(Refusal::new(Code::TooLarge, format!("at most {MAX_STEPS}")).at("steps"));
    }
    if content.fields().count() > MAX_FIELDS {
        found.push(Refusal::new(Code::TooLarge, format!("at most {MAX_FIELDS} fields")).at("steps"));
    }
    let mut seen = BTreeSet::new();
    for (at, step) in content.steps.iter().enumerate() {
        if step.fields.is_empty() {
            found.push(Refusal::required("fields").at(at).at("steps"));
        }
        found.extend(labels(&step.titles).into_iter().map(|refusal| refusal.at("titles").at(at).at("steps")));
        for (index, field) in step.fields.iter().enumerate() {
            let place = |refusal: Refusal| refusal.at(index).at("fields").at(at).at("steps");
            let known = field.key.parse::<CoreField>().is_ok() || definition.attribute(&field.key).is_some();
            if !known {
                found.push(place(Refusal::invalid("key", "neither a field of every lead nor an attribute of the vertical")));
            } else if !seen.insert(field.key.as_str()) {
                found.push(place(Refusal::new(Code::Taken, "asked twice").at("key")));
            }
            found.extend(labels(&field.labels).into_iter().map(|refusal| place(refusal.at("labels"))));
        }
    }
    found
}

/// What a lead of the vertical cannot be without.
fn needed(content: &FormContent, definition: &Definition) -> Vec<Refusal> {
    let mut found = Vec::new();
    let mut lacks = |what: String| found.push(Refusal::new(Code::Required, what).at("steps"));
    if !content.asks(CoreField::Name.as_str()) {
        lacks("a lead has a name: ask for `name`".to_owned());
    }
    let (phone, email) = (content.asks(CoreField::Phone.as_str()), content.asks(CoreField::Email.as_str()));
    if !phone && !email {
        lacks("a lead has a way to reach the person: ask for `phone` or `email`".to_owned());
    }
    if content.audience == Audience::Business && !content.asks(CoreField::Company.as_str()) {
        lacks("a lead for a company names it: ask for `company`".to_owned());
    }
    for attribute in definition.attributes.iter().filter(|attribute| attribute.required && !content.asks(&attribute.key)) {
        lacks(format!("the vertical needs `{}`", attribute.key));
    }
    if !phone && content.country.is_none() && !content.asks(CoreField::Country.as_str()) {
        found.push(Refusal::new(Code::Required, "name the country, or ask for `country` or `phone`").at("country"));
    }
    found
}

fn labels(labels: &Labels) -> Vec<Refusal> {
    let wrong = |(language, text): (&String, &String)| {
        if is_tag(language) { line(text, language) } else { Some(Refusal::invalid(language, "a BCP 47 tag such as `en`")) }
    };
    labels.iter().filter_map(wrong).collect()
}

fn line(text: &str, field: &str) -> Option<Refusal> {
    sized(text, MAX_LINE, field)
}

fn long(text: &str, field: &str) -> Option<Refusal> {
    sized(text, MAX_TEXT, field)
}

fn sized(text: &str, most: usize, field: &str) -> Option<Refusal> {
    if text.trim().is_empty() {
        return Some(Refusal::required(field));
    }
    if text.chars().nth(most).is_some() {
        return Some(Refusal::new(Code::TooLarge, format!("at most {most} characters")).at(field));
    }
    has_control_character(text).then(|| Refusal::invalid(field, "printable text"))
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// An origin as a browser writes it. What is let through here stands in a header.
fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    let local = matches!(host, "localhost" | "127.0.0.1");
    let named =
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    let numbered = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    text.len() <= 255 && named && numbered && (scheme == "https" || (scheme == "http" && local))
}
