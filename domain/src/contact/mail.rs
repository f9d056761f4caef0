//! E-mail addresses.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::lead::silent_debug;
use crate::refusal::{Code, Refusal};

/// Longest address, in bytes (RFC 5321).
const MAX_ADDRESS: usize = 254;

/// Providers at which anybody can have an address; the file names its source and licence.
static FREE_MAIL: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("../../data/free_mail.txt").lines();
    lines.filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
});

/// Mailboxes that belong to a desk and not to a person.
const ROLE_MAILBOXES: &[&str] = &[
    "abuse",
    "accounting",
    "accounts",
    "admin",
    "administrator",
    "billing",
    "contact",
    "contacts",
    "enquiries",
    "enquiry",
    "feedback",
    "hello",
    "help",
    "helpdesk",
    "hostmaster",
    "hr",
    "info",
    "information",
    "inquiries",
    "jobs",
    "kontakt",
    "mail",
    "marketing",
    "no-reply",
    "noreply",
    "office",
    "postmaster",
    "press",
    "reception",
    "sales",
    "security",
    "service",
    "support",
    "team",
    "webmaster",
];

/// An e-mail address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// The whole address, in lower case.
    pub address: String,
    /// Whether it is written as RFC 5321 wants it, with a public domain.
    pub valid: bool,
}

silent_debug!(Email);

impl Email {
    /// What stands behind the last `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The address by which the same mailbox is known again: no tag behind `+`, and no dots where the provider ignores them.
    #[must_use]
    pub fn mailbox(&self) -> String {
        let (local, domain) = self.address.rsplit_once('@').unwrap_or((self.address.as_str(), ""));
        let local = local.split('+').next().filter(|stem| !stem.is_empty()).unwrap_or(local);
        match domain {
            "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
            _ => format!("{local}@{domain}"),
        }
    }
}

/// Reads an address. One with an `@` that is otherwise malformed is kept, marked as not valid: people mistype.
pub fn normalise_email(text: &str) -> Result<Email, Refusal> {
    let address = text.trim().to_lowercase();
    if address.len() > MAX_ADDRESS {
        return Err(Refusal::new(Code::TooLarge, format!("an e-mail address has at most {MAX_ADDRESS} characters")));
    }
    if !address.contains('@') || address.chars().any(|c| c.is_control() || c == '<' || c == '>') {
        return Err(Refusal::new(Code::Invalid, "not an e-mail address"));
    }
    let valid = email_address::EmailAddress::is_valid(&address) && has_public_domain(&address);
    Ok(Email { address, valid })
}

/// Whether anybody can have an address at `domain`.
#[must_use]
pub fn is_free_mail(domain: &str) -> bool {
    FREE_MAIL.contains(domain)
}

/// Whether the mailbox belongs to a desk (`info@`) and not to a person.
#[must_use]
pub fn is_role_mailbox(email: &Email) -> bool {
    email.address.split('@').next().is_some_and(|local| ROLE_MAILBOXES.contains(&local))
}

fn has_public_domain(address: &str) -> bool {
    let Some((_, domain)) = address.rsplit_once('@') else { return false };
    let Some((name, top)) = domain.rsplit_once('.') else { return false };
    !name.is_empty() && top.chars().count() >= 2 && !top.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lower_case_and_judged() {
        let read = |text: &str| normalise_email(text).map(|email| (email.address, email.valid));
        assert_eq!(read(" Kari@Example.NO "), Ok(("kari@example.no".into(), true)));
        for mistyped in
            ["kari@@example.no", "kari@example", "kari@.no", "kari nordmann@example.no", "@example.no", "kari@127.0.0.1"]
        {
            assert_eq!(read(mistyped), Ok((mistyped.into(), false)));
        }
        assert_eq!(read("kari").unwrap_err().code, Code::Invalid);
        assert_eq!(read(&format!("{}@example.no", "k".repeat(250))).unwrap_err().code, Code::TooLarge);
    }

    #[test]
    fn providers_are_told_from_organizations() {
        for domain in ["gmail.com", "btinternet.com", "online.no", "t-online.de", "example.com"] {
            assert!(is_free_mail(domain), "{domain}");
        }
        assert!(!is_free_mail("fjelltur.no") && !is_free_mail("") && !is_free_mail("#"));
    }

    #[test]
    fn one_mailbox_has_one_key() {
        let mailbox = |text: &str| normalise_email(text).unwrap().mailbox();
        assert_eq!(mailbox("K.Nordmann+car@googlemail.com"), "knordmann@gmail.com");
        assert_eq!(mailbox("k.nordmann+car@example.no"), "k.nordmann@example.no");
        assert_eq!(mailbox("+car@example.no"), "+car@example.no");
    }
}
