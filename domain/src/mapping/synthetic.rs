//! People made up for files without personal data: the same for the same seed and row, reachable by nobody.
//!
//! Phone numbers come from the ranges that the Australian Communications and Media Authority keeps for fiction
//! (<https://www.acma.gov.au/phone-numbers-use-tv-shows-films-and-creative-works>), which are large enough to give each
//! row its own; addresses from the domains of RFC 2606.

use crate::lead::ContactDraft;

/// Prefixes of 10,000 numbers each.
const PHONE_RANGES: &[&str] = &["+6125550", "+6127010", "+6135550", "+6137010", "+6175550", "+6177010", "+6185550", "+6187010"];

const NUMBERS_PER_RANGE: u64 = 10_000;

/// Coprime with the number of numbers: rows next to each other get numbers far apart, each once.
const STRIDE: u64 = 32_713;

const DOMAINS: &[&str] = &["example.com", "example.org", "example.net"];

const GIVEN: &[&str] = &[
    "Ana",
    "António",
    "Beatriz",
    "Bruno",
    "Carla",
    "Carlos",
    "Catarina",
    "Daniel",
    "Diana",
    "Diogo",
    "Elena",
    "Eduardo",
    "Filipa",
    "Francisco",
    "Gabriela",
    "Gonçalo",
    "Helena",
    "Hugo",
    "Inês",
    "Ivo",
    "Joana",
    "João",
    "Julia",
    "Jorge",
    "Laura",
    "Leonardo",
    "Luísa",
    "Luís",
    "Mafalda",
    "Manuel",
    "Margarida",
    "Marco",
    "Maria",
    "Martim",
    "Marta",
    "Miguel",
    "Nadia",
    "Nuno",
    "Olga",
    "Oscar",
    "Patrícia",
    "Paulo",
    "Raquel",
    "Ricardo",
    "Rita",
    "Rui",
    "Sofia",
    "Simão",
    "Susana",
    "Samuel",
    "Teresa",
    "Tiago",
    "Vera",
    "Vasco",
    "Verónica",
    "Vítor",
    "Xénia",
    "Xavier",
    "Yara",
    "Zita",
    "Amália",
    "Alberto",
    "Clara",
    "César",
];

const FAMILY: &[&str] = &[
    "Abreu",
    "Almeida",
    "Alves",
    "Amaral",
    "Andrade",
    "Antunes",
    "Araújo",
    "Azevedo",
    "Barbosa",
    "Barros",
    "Batista",
    "Borges",
    "Branco",
    "Brito",
    "Campos",
    "Cardoso",
    "Carvalho",
    "Castro",
    "Coelho",
    "Correia",
    "Costa",
    "Cruz",
    "Cunha",
    "Dias",
    "Duarte",
    "Esteves",
    "Faria",
    "Fernandes",
    "Ferreira",
    "Figueiredo",
    "Fonseca",
    "Freitas",
    "Garcia",
    "Gomes",
    "Gonçalves",
    "Henriques",
    "Leal",
    "Leite",
    "Lopes",
    "Macedo",
    "Machado",
    "Magalhães",
    "Marques",
    "Martins",
    "Matos",
    "Melo",
    "Mendes",
    "Miranda",
    "Monteiro",
    "Morais",
    "Moreira",
    "Mota",
    "Neves",
    "Nogueira",
    "Nunes",
    "Oliveira",
    "Pacheco",
    "Pereira",
    "Pinheiro",
    "Pinto",
    "Ramos",
    "Ribeiro",
    "Rocha",
    "Santos",
];

/// A made-up person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Given and family name.
    pub name: String,
    /// A number kept for fiction, in E.164; none for rows beyond the 80,000 that there are.
    pub phone: Option<String>,
    /// An address under a domain kept for examples; another for each row.
    pub email: String,
}

impl Person {
    /// Fills what a row says nothing of: the name, and the ways to reach the person when it names none.
    pub(super) fn fill(self, contact: &mut ContactDraft) {
        if contact.name.is_empty() {
            contact.name = self.name;
        }
        if contact.phones.is_empty() && contact.emails.is_empty() && contact.messenger.is_none() {
            contact.phones.extend(self.phone);
            contact.emails.push(self.email);
        }
    }
}

/// The person of row `ordinal` (from 0) under `seed`.
#[must_use]
pub fn person(seed: u32, ordinal: u64) -> Person {
    let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ ordinal;
    let given = pick(GIVEN, &mut state);
    let family = pick(FAMILY, &mut state);
    let domain = pick(DOMAINS, &mut state);
    let plain = |name: &str| unaccented(name).to_lowercase();
    Person {
        name: format!("{given} {family}"),
        phone: phone(seed, ordinal),
        email: format!("{}.{}.{seed}.{ordinal}@{domain}", plain(given), plain(family)),
    }
}

fn phone(seed: u32, ordinal: u64) -> Option<String> {
    let ranges = u64::try_from(PHONE_RANGES.len()).ok()?;
    let numbers = ranges.checked_mul(NUMBERS_PER_RANGE)?;
    if ordinal >= numbers {
        return None;
    }
    let index = ordinal.checked_mul(STRIDE)?.checked_add(u64::from(seed))?.checked_rem(numbers)?;
    let range = PHONE_RANGES.get(usize::try_from(index.checked_div(NUMBERS_PER_RANGE)?).ok()?)?;
    Some(format!("{range}{:04}", index.checked_rem(NUMBERS_PER_RANGE)?))
}

fn pick(from: &'static [&'static str], state: &mut u64) -> &'static str {
    *state = mixed(*state);
    let length = u64::try_from(from.len()).unwrap_or(1);
    let index = state.checked_rem(length).and_then(|index| usize::try_from(index).ok()).unwrap_or(0);
    from.get(index).copied().unwrap_or_default()
}

/// A step of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
const fn mixed(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn unaccented(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    text.nfd().filter(char::is_ascii).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_is_another_and_the_same_again() {
        let people: Vec<Person> = (0..50_000).map(|ordinal| person(7, ordinal)).collect();
        let phones: BTreeSet<&String> = people.iter().filter_map(|person| person.phone.as_ref()).collect();
        let emails: BTreeSet<&String> = people.iter().map(|person| &person.email).collect();
        assert_eq!((phones.len(), emails.len()), (50_000, 50_000));
        assert_eq!(person(7, 123), people[123]);
        assert_ne!(person(8, 123), people[123]);
        assert_eq!(person(7, 80_000).phone, None);
    }

    #[test]
    fn the_ranges_are_numbers_of_their_country() {
        for range in PHONE_RANGES {
            for last in ["0000", "4711", "9999"] {
                let number = phonenumber::parse(None, format!("{range}{last}")).unwrap();
                assert!(phonenumber::is_valid(&number), "{range}{last}");
            }
        }
    }
}
