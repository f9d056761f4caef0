//! Contact data: normalised, refused where it is nobody's, and turned into keys by which the exchange knows a person again.

mod key;
mod mail;
mod name;
mod phone;

use serde::{Deserialize, Serialize};

pub use key::{DuplicateKey, KeyKind, contact_keys, session_keys};
pub use mail::{Email, is_free_mail, is_role_mailbox, normalise_email};
pub use name::{NameFault, fold, normalise_name};
pub(crate) use phone::is_hidden;
pub use phone::{Phone, PhoneLine, normalise_phone};

use crate::lead::{Audience, Channel, ContactDraft, Messenger, silent_debug};
use crate::refusal::{Code, Refusal};

/// Phones and e-mail addresses, each, that one lead may have.
pub const MAX_CHANNELS: usize = 3;

/// Longest name, company or position, in characters.
pub const MAX_NAME: usize = 120;

/// Who it is and how to reach them, normalised.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The person's name, with single blanks.
    pub name: String,
    /// Phone numbers, the preferred one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<Phone>,
    /// E-mail addresses, the preferred one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<Email>,
    /// A messenger account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messenger: Option<Messenger>,
    /// The company's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// The decision maker's title there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
}

silent_debug!(Contact);

impl Contact {
    /// The ways on which the person can be reached.
    #[must_use]
    pub fn channels(&self) -> Vec<Channel> {
        let phone = (!self.phones.is_empty()).then_some(Channel::Phone);
        let email = (!self.emails.is_empty()).then_some(Channel::Email);
        let messenger = self.messenger.as_ref().map(|_| Channel::Messenger);
        phone.into_iter().chain(email).chain(messenger).collect()
    }
}

/// The contact as the exchange keeps it, or every reason why this is not a lead: nobody's name, a company's switchboard, a
/// hidden number, no way to reach the person. `country` (ISO 3166-1 alpha-2) reads numbers without a country code.
pub fn normalise(draft: &ContactDraft, audience: Audience, country: Option<&str>) -> Result<Contact, Vec<Refusal>> {
    let mut refused = Vec::new();
    let mut keep = |result: Result<(), Refusal>| refused.extend(result.err());
    let name = normalise_name(&draft.name);
    keep(name.as_ref().map(|_| ()).map_err(NameFault::refusal));
    let phones = each(&draft.phones, "phones", |text| normalise_phone(text, country), &mut keep);
    let emails = each(&draft.emails, "emails", normalise_email, &mut keep);
    let messenger = draft.messenger.as_ref().map(normalise_messenger);
    if let Some(Err(refusal)) = &messenger {
        keep(Err(refusal.clone()));
    }
    let company = short_text(draft.company.as_deref(), "company");
    let position = short_text(draft.position.as_deref(), "position");
    keep(company.as_ref().map(|_| ()).map_err(Clone::clone));
    keep(position.as_ref().map(|_| ()).map_err(Clone::clone));
    if audience == Audience::Business && matches!(company, Ok(None)) {
        keep(Err(Refusal::required("company")));
    }
    if draft.phones.is_empty() && draft.emails.is_empty() && draft.messenger.is_none() {
        let message = "a lead needs at least one way to reach the person: a phone, an e-mail address or a messenger";
        keep(Err(Refusal::new(Code::Required, message).at("phones")));
    }
    if let (Ok(name), Ok(company), Ok(position), true) = (name, company, position, refused.is_empty()) {
        Ok(Contact { name, phones, emails, messenger: messenger.and_then(Result::ok), company, position })
    } else {
        Err(refused)
    }
}

fn each<T: PartialEq>(
    texts: &[String],
    field: &str,
    read: impl Fn(&str) -> Result<T, Refusal>,
    keep: &mut impl FnMut(Result<(), Refusal>),
) -> Vec<T> {
    if texts.len() > MAX_CHANNELS {
        keep(Err(Refusal::new(Code::TooLarge, format!("at most {MAX_CHANNELS}")).at(field)));
        return Vec::new();
    }
    let mut found: Vec<T> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match read(text) {
            Ok(value) if found.contains(&value) => {}
            Ok(value) => found.push(value),
            Err(refusal) => keep(Err(refusal.at(index).at(field))),
        }
    }
    found
}

fn short_text(text: Option<&str>, field: &str) -> Result<Option<String>, Refusal> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().nth(MAX_NAME).is_some() {
        return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_NAME} characters")).at(field));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::invalid(field, "printable text"));
    }
    Ok(Some(text.to_owned()))
}

fn normalise_messenger(messenger: &Messenger) -> Result<Messenger, Refusal> {
    let account = messenger.account.trim().trim_start_matches('@').to_lowercase();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    if account.is_empty() || account.chars().count() > 64 || !account.chars().all(plain) {
        return Err(Refusal::invalid("messenger", "an account of at most 64 letters, digits, dots, hyphens and underscores"));
    }
    Ok(Messenger { kind: messenger.kind, account })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::MessengerKind;

    fn draft() -> ContactDraft {
        ContactDraft { name: "  Kari   Nordmann ".into(), phones: vec!["912 34 567".into()], ..ContactDraft::default() }
    }

    fn places(draft: &ContactDraft, audience: Audience) -> Vec<String> {
        normalise(draft, audience, Some("NO")).unwrap_err().iter().map(|refusal| refusal.path.join(".")).collect()
    }

    #[test]
    fn a_contact_is_normalised() {
        let given = ContactDraft {
            phones: vec!["912 34 567".into(), "+47 91234567".into()],
            emails: vec![" Kari.Nordmann@Example.NO ".into()],
            messenger: Some(Messenger { kind: MessengerKind::Telegram, account: "@Kari_N".into() }),
            ..draft()
        };
        let contact = normalise(&given, Audience::Consumer, Some("NO")).unwrap();
        assert_eq!(contact.name, "Kari Nordmann");
        assert_eq!(contact.phones.iter().map(|phone| phone.e164.as_str()).collect::<Vec<_>>(), ["+4791234567"]);
        assert_eq!(contact.emails.iter().map(|email| email.address.as_str()).collect::<Vec<_>>(), ["kari.nordmann@example.no"]);
        assert_eq!(contact.messenger.as_ref().map(|messenger| messenger.account.as_str()), Some("kari_n"));
        assert_eq!(contact.channels(), [Channel::Phone, Channel::Email, Channel::Messenger]);
        assert_eq!(format!("{contact:?} {given:?}"), "Contact(..) ContactDraft(..)");
    }

    #[test]
    fn what_is_nobody_is_refused_with_its_place() {
        assert_eq!(places(&ContactDraft { name: String::new(), ..draft() }, Audience::Consumer), ["name"]);
        assert_eq!(places(&ContactDraft { name: "Anonymous".into(), ..draft() }, Audience::Consumer), ["name"]);
        assert_eq!(places(&ContactDraft { name: "Reception".into(), ..draft() }, Audience::Business), ["name", "company"]);
        assert_eq!(places(&ContactDraft { phones: vec![], ..draft() }, Audience::Consumer), ["phones"]);
        assert_eq!(places(&ContactDraft { phones: vec!["hidden".into()], ..draft() }, Audience::Consumer), ["phones.0"]);
        assert_eq!(places(&ContactDraft { emails: vec!["kari".into()], ..draft() }, Audience::Consumer), ["emails.0"]);
        assert_eq!(places(&ContactDraft { phones: vec!["1".into(); 4], ..draft() }, Audience::Consumer), ["phones"]);
    }
}
