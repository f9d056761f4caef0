//! Texts that are read by others than those who may know the person: they must not give the person away.

use std::collections::BTreeMap;

use super::LeadDraft;
use crate::refusal::{Code, Refusal};
use crate::vertical::AttributeValue;

const SEEN: &str = "this is seen before the sale: it must hold no address, no link and no number to call";
/// So many digits, whatever stands between them, are a number at which somebody can be called.
const NUMBER_DIGITS: usize = 7;
/// What people write between the digits of a number.
const BETWEEN_DIGITS: &[char] = &[' ', '\u{a0}', '\u{202f}', '-', '‐', '‑', '–', '.', ',', '/', '(', ')', '+', '_'];

/// The texts of a draft that buyers see before the sale, and those that are kept in the clear, as far as they give the
/// person away; paths are those of the draft's fields.
pub(super) fn public_refusals(draft: &LeadDraft) -> Vec<Refusal> {
    let mut found = Vec::new();
    let geography = &draft.geography;
    for (text, field) in [(&geography.region, "region"), (&geography.city, "city")] {
        found.extend(text.as_deref().filter(|text| gives_away(text)).map(|_| refusal(field).at("geography")));
    }
    for (index, interest) in draft.demographics.interests.iter().enumerate() {
        found
            .extend(gives_away(interest).then(|| Refusal::new(Code::Invalid, SEEN).at(index).at("interests").at("demographics")));
    }
    let source = &draft.source;
    let kept = [(&draft.seller_reference, "sellerReference", None), (&source.campaign, "campaign", Some("source"))];
    for (text, field, within) in kept {
        if text.as_deref().is_some_and(names_address) {
            let refusal = kept_refusal(field);
            found.push(within.into_iter().fold(refusal, |refusal, segment| refusal.at(segment)));
        }
    }
    let utm = source.utm.iter().find(|(key, value)| names_address(key) || names_address(value));
    found.extend(utm.map(|_| kept_refusal("utm").at("source")));
    found
}

/// The public attributes whose texts give the person away; paths are their keys.
pub(super) fn attribute_refusals(public: &BTreeMap<String, AttributeValue>) -> impl Iterator<Item = Refusal> {
    public.iter().filter_map(|(key, value)| {
        let AttributeValue::Text(text) = value else { return None };
        gives_away(text).then(|| refusal(key))
    })
}

fn refusal(field: &str) -> Refusal {
    Refusal::invalid(field, SEEN)
}

fn kept_refusal(field: &str) -> Refusal {
    Refusal::invalid(field, "this is no place for who the person is: it must hold no address and no number to call")
}

/// Whether a text holds an address, a link, or a number to call.
fn gives_away(text: &str) -> bool {
    let lower = text.to_lowercase();
    text.contains('@') || lower.contains("://") || lower.contains("www.") || digits_in_a_row(text) >= NUMBER_DIGITS
}

/// Whether a text that may hold numbers of the seller's own (of an order, of a campaign) holds a person's address or a number
/// in the international form.
fn names_address(text: &str) -> bool {
    let mut around = text.split('@');
    let before = around.next().is_some_and(|text| text.ends_with(char::is_alphanumeric));
    let address = before && around.next().is_some_and(|text| text.starts_with(char::is_alphanumeric) && text.contains('.'));
    let number = text
        .split('+')
        .skip(1)
        .any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && digits_in_a_row(rest) >= NUMBER_DIGITS);
    address || number
}

/// The longest run of digits, of any script, with only what people write between digits in it.
fn digits_in_a_row(text: &str) -> usize {
    let (mut longest, mut run) = (0_usize, 0_usize);
    for c in text.chars() {
        if c.is_numeric() {
            run = run.saturating_add(1);
            longest = longest.max(run);
        } else if !BETWEEN_DIGITS.contains(&c) {
            run = 0;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_addresses_and_links_give_a_person_away() {
        for text in [
            "0712345678",
            "912 34 567",
            "(030) 901-820",
            "call +47 912.34.567",
            "٠٧١٢٣٤٥٦٧٨",
            "kari@fjelltur.no",
            "@kari_n",
            "https://kari.example",
            "WWW.kari.example",
        ] {
            assert!(gives_away(text), "{text}");
        }
        for text in ["Bergen", "5003 Bergen", "Oslo 1", "Route 66", "VW Golf 1.4 TSI, 2019", "123456", "call 12 34 or 56 78 9"] {
            assert!(!gives_away(text), "{text}");
        }
    }

    #[test]
    fn numbers_of_the_sellers_own_are_no_persons() {
        for text in ["kari@fjelltur.no", "+4791234567", "lead +47 912 34 567"] {
            assert!(names_address(text), "{text}");
        }
        for text in ["2026-000123456", "12345678901", "A-1", "@summer", "summer+winter", "a@b"] {
            assert!(!names_address(text), "{text}");
        }
    }
}
