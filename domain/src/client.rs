//! A client card: what a buyer keeps of a person who became its client. It is the buyer's own, linked to the lead it came
//! from, until the buyer has its money back or the person withdraws consent.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::evidence::check_text;
use crate::refusal::{Code, Refusal};

/// The longest value of one field, in characters.
pub const MAX_FIELD_CHARS: usize = 200;

/// Fields of the buyer's own on one card.
pub const MAX_FIELDS: usize = 40;

/// What a buyer keeps of its client.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCard {
    /// The name.
    pub name: String,
    /// The phone, as the buyer writes it.
    pub phone: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The postal address.
    pub address: Option<String>,
    /// The company, of a business client.
    pub company: Option<String>,
    /// The buyer's own number for this client.
    pub reference: Option<String>,
    /// The buyer's own fields.
    pub fields: BTreeMap<String, String>,
}

/// A card never shows a person in a log.
impl fmt::Debug for ClientCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCard").field("fields", &self.fields.len()).finish_non_exhaustive()
    }
}

text_enum! {
    /// What an entry in a client's history is.
    ClientEntryKind {
        /// The card was made from a lead.
        Created = "CREATED",
        /// The card was changed.
        Updated = "UPDATED",
        /// Somebody wrote something down.
        Note = "NOTE",
    }
}

impl ClientCard {
    /// The card with its values trimmed and blank ones left out; every refusal at once.
    pub fn checked(self) -> Result<Self, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut take = |field: &str, value: Option<String>| match value.filter(|text| !text.trim().is_empty()) {
            None => None,
            Some(text) => short(field, &text).map_err(|refusal| refusals.push(refusal)).ok(),
        };
        let name = take("name", Some(self.name));
        let phone = take("phone", self.phone);
        let email = take("email", self.email);
        let address = take("address", self.address);
        let company = take("company", self.company);
        let reference = take("reference", self.reference);
        let mut fields = BTreeMap::new();
        for (key, value) in self.fields {
            let at = |refusal: Refusal| Refusal { path: vec!["fields".to_owned()], ..refusal };
            match (short("fields", &key), short("fields", &value)) {
                (Ok(key), Ok(value)) => drop(fields.insert(key, value)),
                (Err(refusal), _) | (_, Err(refusal)) => refusals.push(at(refusal)),
            }
        }
        if fields.len() > MAX_FIELDS {
            refusals.push(Refusal::new(Code::TooLarge, format!("at most {MAX_FIELDS} fields")).at("fields"));
        }
        if name.is_none() && refusals.is_empty() {
            refusals.push(Refusal::required("name"));
        }
        match name {
            Some(name) if refusals.is_empty() => Ok(Self { name, phone, email, address, company, reference, fields }),
            _ => Err(refusals),
        }
    }
}

fn short(field: &str, text: &str) -> Result<String, Refusal> {
    let text = check_text(field, text)?;
    if text.chars().count() > MAX_FIELD_CHARS {
        return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_FIELD_CHARS} characters")).at(field));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_trimmed_and_has_a_name() {
        let card = ClientCard { name: " Ada ".into(), phone: Some("  ".into()), ..ClientCard::default() };
        let checked = card.checked().unwrap();
        assert_eq!((checked.name.as_str(), checked.phone), ("Ada", None));
        let refused = ClientCard::default().checked().unwrap_err();
        assert_eq!((refused[0].code, refused[0].path.clone()), (Code::Required, vec!["name".to_owned()]));
    }

    #[test]
    fn limits_hold_at_their_figure() {
        let card = |fields: usize, len: usize| ClientCard {
            name: "n".repeat(len),
            fields: (0..fields).map(|n| (format!("k{n}"), "v".to_owned())).collect(),
            ..ClientCard::default()
        };
        assert!(card(MAX_FIELDS, MAX_FIELD_CHARS).checked().is_ok());
        assert_eq!(card(MAX_FIELDS + 1, 1).checked().unwrap_err()[0].code, Code::TooLarge);
        assert_eq!(card(0, MAX_FIELD_CHARS + 1).checked().unwrap_err()[0].code, Code::TooLarge);
    }

    #[test]
    fn a_card_in_a_log_names_nobody() {
        let card = ClientCard { name: "Ada Lovelace".into(), email: Some("ada@example.org".into()), ..ClientCard::default() };
        let text = format!("{card:?}");
        assert!(!text.contains("Ada") && !text.contains("example"), "{text}");
    }
}
