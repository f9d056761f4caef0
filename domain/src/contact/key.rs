//! Keys by which the exchange knows a person, a device or a page again without keeping who it is: canonical texts, to be
//! hashed with a secret key before they are stored.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Contact, Email, Phone};
use crate::access::{UnknownText, text_enum};
use crate::lead::{Channel, SessionSignals, silent_debug};

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
        /// The SHA-256 of a number or an address, by which lists are exchanged that tell nobody's name.
        Sha256 = "SHA256",
    }
}

impl KeyKind {
    /// Whether the key is a way to reach the person: two leads that share one are the same person.
    #[must_use]
    pub const fn is_channel(self) -> bool {
        self.channel().is_some()
    }

    /// The way to reach the person that the key is made of, if it is.
    #[must_use]
    pub const fn channel(self) -> Option<Channel> {
        match self {
            Self::Phone => Some(Channel::Phone),
            Self::Email => Some(Channel::Email),
            Self::Messenger => Some(Channel::Messenger),
            Self::Device | Self::Ip | Self::Page | Self::Sha256 => None,
        }
    }

    /// Whether the key tells from where the form was sent, and many in a day are odd.
    #[must_use]
    pub const fn is_origin(self) -> bool {
        matches!(self, Self::Device | Self::Ip)
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

/// The keys of every way that does reach a person: a number or an address that cannot be is shared by all who type it.
#[must_use]
pub fn contact_keys(contact: &Contact) -> Vec<DuplicateKey> {
    let phones = contact.phones.iter().filter(|phone| phone.valid).map(DuplicateKey::of_phone);
    let emails = contact.emails.iter().filter(|email| email.valid).map(DuplicateKey::of_email);
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
    fn what_reaches_nobody_is_no_key() {
        assert_eq!(keys("11111111", "kari@@fjelltur.no"), Vec::<String>::new());
        assert_eq!(keys("11111111", "kari@fjelltur.no"), ["EMAIL:kari@fjelltur.no"]);
    }

    #[test]
    fn a_page_is_known_without_its_query() {
        let session = SessionSignals { page_url: Some("https://A.example/form/?id=7#top".into()), ..SessionSignals::default() };
        assert_eq!(session_keys(&session)[0].canonical, "PAGE:https://a.example/form");
    }
}
