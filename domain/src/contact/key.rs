//! Keys by which the exchange knows a person, a device or a page again without keeping who it is: canonical texts, to be
//! hashed with a secret key before they are stored.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Contact, Email, Phone};
use crate::access::{UnknownText, text_enum};
use crate::lead::{SessionSignals, silent_debug};

text_enum! {
    /// What a key is made of.
    KeyKind {
        /// A phone number in E.164.
        Phone = "PHONE",
        /// A mailbox.
        Email = "EMAIL",
        /// A messenger account.
        Messenger = "MESSENGER",
        /// A device.
        Device = "DEVICE",
        /// An address on the net.
        Ip = "IP",
        /// A page with a form.
        Page = "PAGE",
    }
}

impl KeyKind {
    /// Whether the key is a way to reach the person: two leads that share one are the same person.
    #[must_use]
    pub const fn is_channel(self) -> bool {
        matches!(self, Self::Phone | Self::Email | Self::Messenger)
    }
}

/// One key, in clear.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuplicateKey {
    /// What it is made of.
    pub kind: KeyKind,
    /// The canonical text: the same for every spelling of the same thing, and different between kinds.
    pub canonical: String,
}

silent_debug!(DuplicateKey);

impl DuplicateKey {
    fn new(kind: KeyKind, text: &str) -> Self {
        Self { kind, canonical: format!("{}:{text}", kind.as_str()) }
    }

    /// The key of a phone number.
    #[must_use]
    pub fn of_phone(phone: &Phone) -> Self {
        Self::new(KeyKind::Phone, &phone.e164)
    }

    /// The key of a mailbox.
    #[must_use]
    pub fn of_email(email: &Email) -> Self {
        Self::new(KeyKind::Email, &email.mailbox())
    }
}

/// The keys of every way to reach the person.
#[must_use]
pub fn contact_keys(contact: &Contact) -> Vec<DuplicateKey> {
    let phones = contact.phones.iter().map(DuplicateKey::of_phone);
    let emails = contact.emails.iter().map(DuplicateKey::of_email);
    let messenger = contact
        .messenger
        .iter()
        .map(|messenger| DuplicateKey::new(KeyKind::Messenger, &format!("{}:{}", messenger.kind.as_str(), messenger.account)));
    let mut keys: Vec<_> = phones.chain(emails).chain(messenger).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// The keys of the device, the address and the page from which the lead came: what a ring of pseudo-leads shares.
#[must_use]
pub fn session_keys(session: &SessionSignals) -> Vec<DuplicateKey> {
    let key = |kind, text: &Option<String>| {
        text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(|text| DuplicateKey::new(kind, &text.to_lowercase()))
    };
    let page = session.page_url.as_deref().map(|url| url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/'));
    [key(KeyKind::Device, &session.device_id), key(KeyKind::Ip, &session.ip), key(KeyKind::Page, &page.map(str::to_owned))]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::normalise;
    use crate::lead::{Audience, ContactDraft};

    fn keys(phone: &str, email: &str) -> Vec<String> {
        let draft = ContactDraft {
            name: "Kari Nordmann".into(),
            phones: vec![phone.into()],
            emails: vec![email.into()],
            ..ContactDraft::default()
        };
        let contact = normalise(&draft, Audience::Consumer, Some("NO")).unwrap();
        contact_keys(&contact).into_iter().map(|key| key.canonical).collect()
    }

    #[test]
    fn every_spelling_of_a_channel_has_one_key() {
        assert_eq!(keys("912 34 567", "K.N+x@gmail.com"), ["PHONE:+4791234567", "EMAIL:kn@gmail.com"]);
        assert_eq!(keys("+47 912-34-567", "kn@googlemail.com"), keys("0047 91234567", "k.n@gmail.com"));
    }

    #[test]
    fn a_page_is_known_without_its_query() {
        let session = SessionSignals { page_url: Some("https://A.example/form/?id=7#top".into()), ..SessionSignals::default() };
        assert_eq!(session_keys(&session)[0].canonical, "PAGE:https://a.example/form");
    }
}
