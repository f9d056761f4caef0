//! The number of a bank account, as ISO 13616 has it: country, check digits, and as many characters as the country says.

use std::fmt;
use std::str::FromStr;

use crate::refusal::Refusal;

/// The length of the numbers of each country, from SWIFT's IBAN registry.
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// A valid account number. Debug shows no more than an owner sees of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Iban(String);

impl Iban {
    /// The number without spaces, in capitals.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last four characters: what is shown of it.
    #[must_use]
    pub fn last_four(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default()
    }
}

impl fmt::Debug for Iban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Iban(..{})", self.last_four())
    }
}

impl FromStr for Iban {
    type Err = Refusal;

    /// Reads a number as people write it, with or without spaces.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let refused = |why: &str| Refusal::invalid("iban", why);
        let number: String = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
        if !number.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(refused("an IBAN holds letters and digits only"));
        }
        let country = number.get(..2).unwrap_or_default();
        let length = LENGTHS.iter().find(|(known, _)| *known == country).map(|(_, length)| *length);
        let length = length.ok_or_else(|| refused("no country with IBANs begins so"))?;
        if number.len() != length {
            return Err(refused(&format!("an IBAN of this country has {length} characters")));
        }
        if remainder(&number) == Some(1) {
            Ok(Self(number))
        } else {
            Err(refused("the check digits do not fit: is it mistyped?"))
        }
    }
}

/// The number of ISO 7064 MOD 97-10: the first four characters go to the end, letters count from 10, the rest of 97.
fn remainder(number: &str) -> Option<u32> {
    let (head, body) = number.split_at_checked(4)?;
    body.chars().chain(head.chars()).try_fold(0_u32, |rest, c| {
        let digit = c.to_digit(36)?;
        let shift = if digit < 10 { 10 } else { 100 };
        rest.checked_mul(shift)?.checked_add(digit)?.checked_rem(97)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_the_registry_are_valid_however_they_are_spaced() {
        let examples = [
            "DE89 3704 0044 0532 0130 00",
            "gb29nwbk60161331926819",
            "NO93 8601 1117 947",
            "PT50 0002 0123 1234 5678 9015 4",
            "FR14 2004 1010 0505 0001 3M02 606",
            "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
        ];
        for text in examples {
            assert!(text.parse::<Iban>().is_ok(), "{text}");
        }
        let iban: Iban = "DE89 3704 0044 0532 0130 00".parse().unwrap();
        assert_eq!((iban.as_str(), iban.last_four()), ("DE89370400440532013000", "3000"));
        assert_eq!(format!("{iban:?}"), "Iban(..3000)");
    }

    #[test]
    fn a_slip_is_refused_at_its_place() {
        let slips =
            ["", "DE", "DE88370400440532013000", "DE8937040044053201300", "XX89370400440532013000", "DE89-3704-0044", "ÄÖ89"];
        for text in slips {
            let refusal = text.parse::<Iban>().unwrap_err();
            assert_eq!(refusal.path, ["iban"], "{text}");
        }
    }
}
