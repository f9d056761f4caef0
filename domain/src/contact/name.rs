//! Names of persons: written evenly, folded for comparison, and told from names of nobody.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::MAX_NAME;
use crate::refusal::{Code, Refusal};

/// Words that stand where a name should, in folded form: the person wished to stay unknown, or nobody asked.
const ANONYMOUS: &[&str] = &[
    "anonymous",
    "anonym",
    "anon",
    "anonimo",
    "anonyme",
    "unknown",
    "unbekannt",
    "desconocido",
    "inconnu",
    "hidden",
    "withheld",
    "private",
    "noname",
    "no name",
    "none",
    "null",
    "nil",
    "na",
    "n a",
    "undefined",
    "not provided",
    "not given",
    "customer",
    "client",
    "user",
    "guest",
    "visitor",
    "somebody",
    "someone",
    "nobody",
    "person",
    "lead",
    "контакт",
    "клиент",
    "кліент",
    "аноним",
    "анонім",
    "гость",
    "гість",
    "неизвестно",
    "невідомо",
    "no",
    "yes",
    "x",
    "xx",
    "xxx",
    "name",
    "first name",
    "full name",
    "your name",
    "mr",
    "mrs",
    "ms",
    "herr",
    "frau",
];

/// Words that name a desk and not a person, in folded form.
const SWITCHBOARD: &[&str] = &[
    "reception",
    "receptionist",
    "switchboard",
    "front desk",
    "office",
    "head office",
    "sales",
    "sales department",
    "support",
    "customer service",
    "helpdesk",
    "help desk",
    "hotline",
    "call center",
    "call centre",
    "info",
    "information",
    "secretary",
    "secretariat",
    "administration",
    "zentrale",
    "empfang",
    "sekretariat",
    "buro",
    "recepcion",
    "centralita",
    "standard",
    "accueil",
    "приемная",
    "приймальня",
    "секретарь",
    "секретар",
    "офис",
    "офіс",
    "ресепшн",
    "marketing",
    "marketing department",
    "purchasing",
    "procurement",
    "accounting",
    "hr",
    "human resources",
];

/// Endings of firms, in folded form: a name that ends so is a company's.
const COMPANY_ENDINGS: &[&str] =
    &["gmbh", "ltd", "llc", "inc", "plc", "ag", "ооо", "тов", "oy", "ab", "asa", "sarl", "srl", "corp", "bv"];

/// Why a text is no person's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFault {
    /// Nothing there.
    Missing,
    /// Longer than 120 characters.
    TooLong,
    /// No letters, or characters that no name has.
    NotAName,
    /// The person, or the seller, gave no name.
    Anonymous,
    /// A desk or a company, and no person.
    Switchboard,
}

impl NameFault {
    /// The refusal, at `name`.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let refusal = match self {
            Self::Missing => return Refusal::required("name"),
            Self::TooLong => Refusal::new(Code::TooLarge, format!("at most {MAX_NAME} characters")),
            Self::NotAName => Refusal::new(Code::Invalid, "a name is made of letters"),
            Self::Anonymous => Refusal::new(Code::NotALead, "an anonymous record is not a lead: it needs a person's name"),
            Self::Switchboard => Refusal::new(
                Code::NotALead,
                "a company or its switchboard is not a lead: it needs the name of a person who decides",
            ),
        };
        refusal.at("name")
    }
}

/// The name with single blanks and composed characters.
pub fn normalise_name(text: &str) -> Result<String, NameFault> {
    let name = text.nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        return Err(NameFault::Missing);
    }
    if name.chars().nth(MAX_NAME).is_some() {
        return Err(NameFault::TooLong);
    }
    let known = |c: char| c.is_alphanumeric() || is_combining_mark(c) || " .,'’`-–()/&_@*+".contains(c);
    let folded = fold(&name);
    // Marks instead of letters are how people hide: "***", "---", "?".
    if !name.chars().any(char::is_alphabetic) {
        return Err(if name.chars().any(char::is_numeric) { NameFault::NotAName } else { NameFault::Anonymous });
    }
    if !name.chars().all(known) {
        return Err(NameFault::NotAName);
    }
    if ANONYMOUS.contains(&folded.as_str()) {
        return Err(NameFault::Anonymous);
    }
    let last = folded.rsplit(' ').next().unwrap_or_default();
    if SWITCHBOARD.contains(&folded.as_str()) || (folded.contains(' ') && COMPANY_ENDINGS.contains(&last)) {
        return Err(NameFault::Switchboard);
    }
    Ok(name)
}

/// The name for comparison: lower case, no marks on letters, words parted by single blanks.
#[must_use]
pub fn fold(text: &str) -> String {
    let plain: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_of_all_kinds_have_names() {
        for name in [
            "Kari Nordmann",
            "Олена Шевченко",
            "José-María O'Neill",
            "王小明",
            "فاطمه رضایی",
            "Li",
            "Wanjiru wa Kamau",
            "Dr. K. Müller",
        ] {
            assert_eq!(normalise_name(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn nobody_has_none() {
        let cases = [
            ("", NameFault::Missing),
            (" \t", NameFault::Missing),
            ("***", NameFault::Anonymous),
            ("N/A", NameFault::Anonymous),
            ("ANONYMOUS", NameFault::Anonymous),
            ("Гость", NameFault::Anonymous),
            ("Switchboard", NameFault::Switchboard),
            ("Front  desk", NameFault::Switchboard),
            ("Nordic Pumps GmbH", NameFault::Switchboard),
            ("12345", NameFault::NotAName),
            ("<script>", NameFault::NotAName),
        ];
        for (text, fault) in cases {
            assert_eq!(normalise_name(text), Err(fault), "{text}");
        }
        assert_eq!(normalise_name(&"a".repeat(121)), Err(NameFault::TooLong));
    }

    #[test]
    fn folding_forgets_case_and_marks() {
        assert_eq!(fold("  José-María  O'NEILL "), "jose maria o neill");
    }

    proptest! {
        #[test]
        fn normalising_and_folding_are_idempotent(text in "\\PC{0,40}") {
            if let Ok(name) = normalise_name(&text) {
                prop_assert_eq!(normalise_name(&name), Ok(name.clone()));
            }
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
