//! The lead as an adapter sees it: plain values, no rules.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

/// One bought lead, ready to be handed over. `Debug` shows ids and counts only, since the rest is personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Lead {
    /// Id of the lead in the exchange.
    pub id: String,
    /// Id of the trade that bought it.
    pub trade_id: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Phone numbers in E.164, the preferred one first.
    pub phones: Vec<String>,
    /// E-mail addresses, the preferred one first.
    pub emails: Vec<String>,
    /// ISO 3166-1 alpha-2 country.
    pub country: Option<String>,
    /// Region, state or province.
    pub region: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Path of the vertical, such as `auto/used`.
    pub vertical: String,
    /// What the buyer paid.
    pub price: Option<Price>,
    /// The vertical's answers, in the order of its form.
    pub attributes: Vec<Attribute>,
    /// When the consumer sent it.
    pub submitted_at: DateTime<Utc>,
    /// When the buyer bought it.
    pub bought_at: DateTime<Utc>,
    /// BCP 47 language of the consumer.
    pub language: String,
    /// Where the buyer opens the lead in the exchange.
    pub link: Option<String>,
    /// Marks a sample: adapters say so wherever the format has a place.
    pub test: bool,
}

/// A price as decimal text, so that no float comes near it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Decimal text, such as `25.00`.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
}

/// One answer of the vertical's form.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Key in the vertical's schema.
    pub key: String,
    /// What the key is called for people.
    pub label: String,
    /// The answer.
    pub value: String,
}

impl std::fmt::Debug for Lead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lead")
            .field("id", &self.id)
            .field("trade_id", &self.trade_id)
            .field("vertical", &self.vertical)
            .field("phones", &self.phones.len())
            .field("emails", &self.emails.len())
            .field("attributes", &self.attributes.len())
            .field("test", &self.test)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attribute").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Lead {
    /// A marked sample for previews and test deliveries; its phone and address are reserved for fiction and examples.
    #[must_use]
    pub fn sample() -> Self {
        let attribute =
            |key: &str, label: &str, value: &str| Attribute { key: key.into(), label: label.into(), value: value.into() };
        Self {
            id: "lead_sample".into(),
            trade_id: "trade_sample".into(),
            first_name: Some("Erika".into()),
            last_name: Some("Mustermann".into()),
            phones: vec!["+12025550143".into()],
            emails: vec!["erika@example.com".into()],
            country: Some("DE".into()),
            region: Some("Berlin".into()),
            city: Some("Berlin".into()),
            postal_code: Some("10115".into()),
            vertical: "auto/used".into(),
            price: Some(Price { amount: "25.00".into(), currency: "EUR".into() }),
            attributes: vec![
                attribute("year", "Year", "2021"),
                attribute("make", "Make", "Volkswagen"),
                attribute("model", "Model", "Golf"),
            ],
            submitted_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default(),
            bought_at: DateTime::from_timestamp(1_800_000_060, 0).unwrap_or_default(),
            language: "de".into(),
            link: Some("https://exchange.example/leads/lead_sample".into()),
            test: true,
        }
    }

    /// The same lead with a mark in the place of everything that tells who the person is: what is made from it shows the shape of a
    /// request and nothing of the person.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mark = |text: &Option<String>, mark: &str| text.as_ref().map(|_| mark.to_owned());
        let marks = |texts: &[String], mark: &str| vec![mark.to_owned(); texts.len()];
        let answer = |a: &Attribute| Attribute { value: "[answer]".into(), ..a.clone() };
        Self {
            first_name: mark(&self.first_name, "[first name]"),
            last_name: mark(&self.last_name, "[last name]"),
            phones: marks(&self.phones, "[phone]"),
            emails: marks(&self.emails, "[e-mail]"),
            postal_code: mark(&self.postal_code, "[postal code]"),
            attributes: self.attributes.iter().map(answer).collect(),
            ..self.clone()
        }
    }

    /// `text` with every word masked that the person's name, phones, addresses or postal code hold, whatever its case: services like to
    /// repeat what they were sent.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let names = [&self.first_name, &self.last_name, &self.postal_code].into_iter().flatten();
        let personal: BTreeSet<String> =
            names.chain(&self.phones).chain(&self.emails).flat_map(|text| words(text)).filter(|word| word.len() >= 3).collect();
        let masked = |word: &str| if words(word).any(|part| personal.contains(&part)) { "[…]" } else { word }.to_owned();
        text.split(' ').map(masked).collect::<Vec<_>>().join(" ")
    }

    /// Given and family name, with one blank between them.
    #[must_use]
    pub fn full_name(&self) -> String {
        [self.first_name.as_deref(), self.last_name.as_deref()]
            .into_iter()
            .flatten()
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// A name that is never empty, since most systems demand one: the full name, else a way to reach the person, else the id.
    #[must_use]
    pub fn display_name(&self) -> String {
        let name = self.full_name();
        if !name.is_empty() {
            return name;
        }
        self.phones.first().or_else(|| self.emails.first()).unwrap_or(&self.id).clone()
    }

    /// A heading for lists of leads, marked when it is a sample.
    #[must_use]
    pub fn title(&self) -> String {
        let mark = if self.test { "[TEST] " } else { "" };
        format!("{mark}{}: {}", self.vertical, self.display_name())
    }

    /// The answers as lines of `label: value`, after a mark if it is a sample.
    #[must_use]
    pub fn summary(&self) -> String {
        let mark = self.test.then(|| "[TEST]".to_owned());
        mark.into_iter().chain(self.attributes.iter().map(|a| format!("{}: {}", a.label, a.value))).collect::<Vec<_>>().join("\n")
    }

    /// The answer under `key`.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.key == key)
    }
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_a_redacted_lead_tells_nobody() {
        let redacted = Lead::sample().redacted();
        assert_eq!((redacted.full_name().as_str(), redacted.city.as_deref()), ("[first name] [last name]", Some("Berlin")));
        assert_eq!((redacted.phones, redacted.emails), (vec!["[phone]".to_owned()], vec!["[e-mail]".to_owned()]));
        assert!(redacted.attributes.iter().all(|a| a.value == "[answer]"));
    }

    #[test]
    fn words_that_tell_the_person_are_masked() {
        let lead = Lead::sample();
        assert_eq!(lead.mask("contact MUSTERMANN, (erika@example.com) +12025550143 exists"), "contact […] […] […] exists");
        assert_eq!(lead.mask("the field city is unknown"), "the field city is unknown");
    }
}
