//! Phone numbers: E.164 through the metadata of libphonenumber.

use std::str::FromStr;

use phonenumber::country;
use phonenumber::metadata::DATABASE;
use serde::{Deserialize, Serialize};

use super::fold;
use crate::access::{UnknownText, text_enum};
use crate::lead::silent_debug;
use crate::refusal::{Code, Refusal};

/// Longest text that may hold a phone number, in characters.
const MAX_TEXT: usize = 40;

/// What networks and people show in place of a number, in folded form.
const HIDDEN: &[&str] = &[
    "hidden",
    "anonymous",
    "private",
    "withheld",
    "restricted",
    "unknown",
    "unavailable",
    "blocked",
    "no caller id",
    "no number",
    "secret",
    "unterdruckt",
    "anonym",
    "скрыт",
    "прихований",
    "oculto",
    "masque",
];

text_enum! {
    /// What a number belongs to, by its numbering plan.
    PhoneLine {
        /// A mobile.
        Mobile = "MOBILE",
        /// A fixed line.
        Fixed = "FIXED",
        /// A plan that does not tell them apart.
        FixedOrMobile = "FIXED_OR_MOBILE",
        /// Voice over the net.
        Voip = "VOIP",
        /// A service: toll free, shared cost, premium, a company's universal number. Never a person.
        Service = "SERVICE",
        /// Not said by the plan.
        Unknown = "UNKNOWN",
    }
}

/// A phone number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// E.164: `+` and digits.
    pub e164: String,
    /// Whether the number is one that its country's plan assigns.
    pub valid: bool,
    /// What it belongs to.
    pub line: PhoneLine,
    /// ISO 3166-1 alpha-2 of the country, where the plan names one.
    pub country: Option<String>,
}

silent_debug!(Phone);

/// Reads a number, with a country code or in the manner of `country`. A number that no plan assigns is kept, marked as not
/// valid; a hidden or a service number, and a text that is no number at all, is refused.
pub fn normalise_phone(text: &str, country: Option<&str>) -> Result<Phone, Refusal> {
    let text = text.trim();
    if text.chars().nth(MAX_TEXT).is_some() {
        return Err(Refusal::new(Code::TooLarge, format!("a phone number has at most {MAX_TEXT} characters")));
    }
    if is_hidden(text) || text.is_empty() {
        return Err(Refusal::new(Code::NotALead, "a hidden number is no way to reach a person"));
    }
    let region = country.and_then(|code| country::Id::from_str(code).ok());
    let number = phonenumber::parse(region, text).map_err(|_| {
        let missing = if region.is_none() && !text.starts_with('+') { "; without a country, begin with `+`" } else { "" };
        Refusal::new(Code::Invalid, format!("not a phone number{missing}"))
    })?;
    let valid = number.is_valid();
    let line = line_of(number.number_type(&DATABASE));
    if line == PhoneLine::Service {
        return Err(Refusal::new(Code::NotALead, "a service number belongs to a company, not to a person"));
    }
    let e164 = number.format().mode(phonenumber::Mode::E164).to_string();
    let country = number.country().id().map(|id| id.as_ref().to_owned());
    Ok(Phone { e164, valid, line, country })
}

/// Whether a text stands in place of a number, or shows only a part of one. To be asked before a number is read: what reads
/// numbers would take the part for the whole.
pub(crate) fn is_hidden(text: &str) -> bool {
    text.contains('*') || text.to_lowercase().contains("xxx") || HIDDEN.contains(&fold(text).as_str())
}

const fn line_of(kind: phonenumber::Type) -> PhoneLine {
    use phonenumber::Type as T;
    match kind {
        T::Mobile => PhoneLine::Mobile,
        T::FixedLine => PhoneLine::Fixed,
        T::FixedLineOrMobile | T::PersonalNumber | T::Pager => PhoneLine::FixedOrMobile,
        T::Voip => PhoneLine::Voip,
        T::TollFree | T::PremiumRate | T::SharedCost | T::Uan | T::Emergency | T::Voicemail | T::ShortCode | T::StandardRate => {
            PhoneLine::Service
        }
        _ => PhoneLine::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_become_e164() {
        let cases = [
            ("912 34 567", Some("NO"), "+4791234567", PhoneLine::Mobile),
            ("0712 345 678", Some("KE"), "+254712345678", PhoneLine::Mobile),
            ("(030) 901820", Some("DE"), "+4930901820", PhoneLine::Fixed),
            ("+44 7911 123456", None, "+447911123456", PhoneLine::Mobile),
            ("0044 7911 123456", Some("DE"), "+447911123456", PhoneLine::Mobile),
            ("+1 212-555-2368", Some("NO"), "+12125552368", PhoneLine::FixedOrMobile),
        ];
        for (text, country, e164, line) in cases {
            let phone = normalise_phone(text, country).unwrap();
            assert_eq!((phone.e164.as_str(), phone.line, phone.valid), (e164, line, true), "{text}");
        }
    }

    #[test]
    fn a_number_that_no_plan_assigns_is_kept_as_not_valid() {
        let phone = normalise_phone("+47 100 00 000", None).unwrap();
        assert_eq!((phone.e164.as_str(), phone.valid), ("+4710000000", false));
    }

    #[test]
    fn hidden_and_service_numbers_are_refused() {
        for text in ["hidden", "Private", "***", "+47 912 XX XXX", "", "No Caller ID"] {
            assert_eq!(normalise_phone(text, Some("NO")).unwrap_err().code, Code::NotALead, "{text}");
        }
        assert_eq!(normalise_phone("+1 800 253 0000", None).unwrap_err().code, Code::NotALead);
        assert_eq!(normalise_phone("kari@example.no", Some("NO")).unwrap_err().code, Code::Invalid);
        assert_eq!(normalise_phone("91234567", None).unwrap_err().code, Code::Invalid);
        assert_eq!(normalise_phone(&"9".repeat(41), Some("NO")).unwrap_err().code, Code::TooLarge);
    }

    proptest! {
        #[test]
        fn no_text_brings_the_reader_down_and_e164_is_stable(text in "[+()0-9 -]{0,20}") {
            if let Some(phone) = normalise_phone(&text, Some("DE")).ok().filter(|phone| phone.valid) {
                prop_assert_eq!(normalise_phone(&phone.e164, None).unwrap().e164, phone.e164);
            }
        }
    }
}
