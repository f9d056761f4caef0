//! The words around a form that its seller does not write: buttons, usual labels, and what is wrong with an answer.

mod arabic;
mod english;
mod french;
mod german;
mod hebrew;
mod persian;
mod portuguese;
mod spanish;
mod ukrainian;

use super::CoreField;
use super::language::primary;
use crate::lead::Interest;

/// The words in one language.
#[derive(Debug, PartialEq, Eq)]
pub struct FormWords {
    /// ISO 639-1.
    pub language: &'static str,
    /// To the next step.
    pub next: &'static str,
    /// To the step before.
    pub back: &'static str,
    /// On the button where the form says nothing.
    pub send: &'static str,
    /// Where one is: `{n}` of `{all}`.
    pub step: &'static str,
    /// Behind a label that must be answered.
    pub required: &'static str,
    /// Before anything is chosen.
    pub choose: &'static str,
    /// Yes.
    pub yes: &'static str,
    /// No.
    pub no: &'static str,
    /// Above the consent.
    pub consent: &'static str,
    /// Above what is wrong.
    pub errors: &'static str,
    /// Nothing was given.
    pub missing: &'static str,
    /// Too much was given.
    pub too_long: &'static str,
    /// Something else is wrong.
    pub wrong: &'static str,
    /// No phone number.
    pub phone: &'static str,
    /// No e-mail address.
    pub email: &'static str,
    /// No whole number.
    pub whole: &'static str,
    /// A number beyond `{min}` and `{max}`.
    pub between: &'static str,
    /// No date.
    pub date: &'static str,
    /// The box was not ticked.
    pub agree: &'static str,
    /// The page was open for too long.
    pub expired: &'static str,
    /// Too many were sent.
    pub later: &'static str,
    /// The browser has to prove work.
    pub work: &'static str,
    /// It cannot without a script.
    pub no_script: &'static str,
    /// A fault of ours.
    pub failed: &'static str,
    /// In the end, where the form says nothing.
    pub thanks: &'static str,
    /// The link to the certificate.
    pub proof: &'static str,
    /// The form takes nothing any more.
    pub closed: &'static str,
    /// The label of the field that people do not see.
    pub trap: &'static str,
    /// Labels in the order of [`CoreField::ALL`].
    labels: [&'static str; 13],
    /// Wishes in the order of [`Interest::ALL`].
    interests: [&'static str; 11],
}

const WORDS: &[FormWords] = &[
    english::ENGLISH,
    german::GERMAN,
    spanish::SPANISH,
    french::FRENCH,
    portuguese::PORTUGUESE,
    ukrainian::UKRAINIAN,
    arabic::ARABIC,
    persian::PERSIAN,
    hebrew::HEBREW,
];

static ENGLISH: FormWords = english::ENGLISH;

impl FormWords {
    /// The words for a tag; English where there are none.
    #[must_use]
    pub fn of(tag: &str) -> &'static Self {
        WORDS.iter().find(|words| words.language == primary(tag)).unwrap_or(&ENGLISH)
    }

    /// The usual label of a field.
    #[must_use]
    pub fn label(&self, field: CoreField) -> &'static str {
        CoreField::ALL.iter().zip(self.labels).find(|(known, _)| **known == field).map_or("", |(_, label)| label)
    }

    /// A wish.
    #[must_use]
    pub fn interest(&self, interest: Interest) -> &'static str {
        Interest::ALL.iter().zip(self.interests).find(|(known, _)| **known == interest).map_or("", |(_, label)| label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_word_once() {
        assert_eq!((CoreField::ALL.len(), Interest::ALL.len()), (13, 11));
        for words in WORDS {
            assert_eq!(WORDS.iter().filter(|other| other.language == words.language).count(), 1);
            assert!(words.between.contains("{min}") && words.between.contains("{max}"), "{}", words.language);
            assert!(words.step.contains("{n}") && words.step.contains("{all}"), "{}", words.language);
            assert!(words.labels.iter().chain(&words.interests).all(|word| !word.is_empty()));
        }
        assert_eq!(FormWords::of("pt-BR").language, "pt");
        assert_eq!(FormWords::of("ja").language, "en");
        assert_eq!(FormWords::of("de").interest(Interest::Callback), "Einen Rückruf");
    }
}
