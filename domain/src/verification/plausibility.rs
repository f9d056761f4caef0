//! Checks of appearance: names that nobody has, answers that contradict each other, a mail domain of a trader.

use super::bogus::{ABUSE, ABUSE_AND_NAMES, FAMOUS, FICTION, KEYBOARD_ROWS, TEST_NAMES};
use super::{CheckKind, Facts, Finding, Outcome};
use crate::contact::{Contact, fold};
use crate::lead::{Demographics, Occupation};

/// Whether the name is one that people have. A famous person's name is only odd: others are called the same.
#[must_use]
pub fn name(contact: &Contact) -> Finding {
    let folded = fold(&contact.name);
    let words: Vec<&str> = folded.split(' ').collect();
    let compact: String = words.concat();
    let fault = if words.iter().any(|word| abusive(word)) {
        Some((Outcome::Fail, "ABUSE"))
    } else if TEST_NAMES.contains(&folded.as_str()) {
        Some((Outcome::Fail, "TEST_ENTRY"))
    } else if FICTION.contains(&folded.as_str()) {
        Some((Outcome::Fail, "FICTION"))
    } else if words.iter().any(|word| typed_along_the_keys(word)) || keyboard_run(&compact) >= 6 {
        Some((Outcome::Fail, "KEYBOARD_RUN"))
    } else if longest_repeat(&compact) >= 4 || (compact.chars().count() >= 3 && distinct_letters(&compact) == 1) {
        Some((Outcome::Fail, "REPEATED_LETTERS"))
    } else if words.iter().any(|word| ABUSE.contains(word)) {
        Some((Outcome::Inconclusive, "ABUSE_OR_NAME"))
    } else if FAMOUS.contains(&folded.as_str()) {
        Some((Outcome::Inconclusive, "FAMOUS"))
    } else if compact.chars().filter(char::is_ascii_digit).count() >= 2 {
        Some((Outcome::Inconclusive, "DIGITS"))
    } else if words.iter().any(|word| unpronounceable(word)) {
        Some((Outcome::Inconclusive, "NO_VOWELS"))
    } else if compact.chars().count() < 2 || longest_repeat(&compact) == 3 {
        Some((Outcome::Inconclusive, "ODD"))
    } else {
        None
    };
    let finding = |outcome| Finding::new(CheckKind::Name, outcome).because("words", words.len());
    fault.map_or_else(|| finding(Outcome::Pass), |(outcome, fact)| finding(outcome).because("fault", fact))
}

/// Whether the answers fit each other and are no gibberish.
#[must_use]
pub fn answers<'a>(demographics: &Demographics, texts: impl IntoIterator<Item = &'a str>) -> Finding {
    let mut faults = Vec::new();
    if let (Some(age), Some(occupation)) = (demographics.age, demographics.occupation) {
        match occupation {
            Occupation::Retired if age < 40 => faults.push("AGE_AND_OCCUPATION"),
            Occupation::Student if age > 70 => faults.push("AGE_AND_OCCUPATION"),
            Occupation::Management | Occupation::Entrepreneur | Occupation::Professional if age < 16 => {
                faults.push("AGE_AND_OCCUPATION");
            }
            _ => {}
        }
    }
    let mut gibberish = false;
    let mut abuse = false;
    for text in texts {
        let folded = fold(text);
        let words: Vec<&str> = folded.split(' ').collect();
        abuse |= words.iter().any(|word| abusive(word));
        gibberish |= words.iter().any(|word| keyboard_run(word) >= 5) || longest_repeat(&words.concat()) >= 6;
        gibberish |= TEST_NAMES.contains(&folded.as_str());
    }
    if gibberish {
        faults.push("GIBBERISH");
    }
    if abuse {
        faults.push("ABUSE");
    }
    let outcome = match (abuse, faults.is_empty()) {
        (true, _) => Outcome::Fail,
        (false, false) => Outcome::Inconclusive,
        (false, true) => Outcome::Pass,
    };
    let finding = Finding::new(CheckKind::Answers, outcome);
    if faults.is_empty() { finding } else { finding.because("faults", faults.join(",")) }
}

/// Whether the person writes from the mail domain of an organization that trades on the exchange. A domain that the people
/// of several organizations share is a provider's that no list names, and says little. `None` without an address.
#[must_use]
pub fn competitor(contact: &Contact, facts: &Facts) -> Option<Finding> {
    contact.emails.first()?;
    let outcome = match facts.domain_traders {
        0 => Outcome::Pass,
        1 => Outcome::Fail,
        _ => Outcome::Inconclusive,
    };
    Some(Finding::new(CheckKind::Competitor, outcome).because("tradersAtDomain", facts.domain_traders))
}

/// A word of abuse that is nobody's name: Dick and Moron are people's.
fn abusive(word: &str) -> bool {
    ABUSE.contains(&word) && !ABUSE_AND_NAMES.contains(&word)
}

/// A word of four keys beside each other, or a longer one with five: "Werther" and "Reza" are names.
fn typed_along_the_keys(word: &str) -> bool {
    let run = keyboard_run(word);
    run >= 5 || (run == 4 && word.chars().count() == 4)
}

/// The longest run of keys beside each other, in one direction.
fn keyboard_run(word: &str) -> usize {
    let letters: Vec<char> = word.chars().collect();
    let beside = |row: &str, a: char, b: char| {
        let place = |c| row.chars().position(|key| key == c);
        match (place(a), place(b)) {
            (Some(a), Some(b)) => i64::try_from(b).unwrap_or(0).checked_sub(i64::try_from(a).unwrap_or(0)),
            _ => None,
        }
    };
    let mut longest = 0_usize;
    for row in KEYBOARD_ROWS {
        let mut run = 1_usize;
        let mut direction = 0_i64;
        for pair in letters.windows(2) {
            let step = match pair {
                [a, b] => beside(row, *a, *b),
                _ => None,
            };
            run = match step {
                Some(step) if step.abs() == 1 && (direction == 0 || step == direction) => {
                    direction = step;
                    run.saturating_add(1)
                }
                Some(step) if step.abs() == 1 => {
                    direction = step;
                    2
                }
                _ => {
                    direction = 0;
                    1
                }
            };
            longest = longest.max(run);
        }
    }
    longest
}

fn longest_repeat(word: &str) -> usize {
    let mut longest = 0_usize;
    let mut run = 0_usize;
    let mut last = None;
    for letter in word.chars() {
        run = if last == Some(letter) { run.saturating_add(1) } else { 1 };
        last = Some(letter);
        longest = longest.max(run);
    }
    longest
}

fn distinct_letters(word: &str) -> usize {
    word.chars().collect::<std::collections::BTreeSet<_>>().len()
}

/// A word of four or more Latin letters without a vowel.
fn unpronounceable(word: &str) -> bool {
    word.len() >= 4 && word.bytes().all(|b| b.is_ascii_lowercase()) && !word.contains(['a', 'e', 'i', 'o', 'u', 'y'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::normalise;
    use crate::lead::{Audience, ContactDraft};
    use proptest::prelude::*;

    fn contact(name: &str) -> Contact {
        let draft = ContactDraft { name: name.into(), emails: vec!["a@fjell.no".into()], ..ContactDraft::default() };
        normalise(&draft, Audience::Consumer, None).unwrap()
    }

    fn judged(text: &str) -> (Outcome, Option<String>) {
        let finding = name(&contact(text));
        (finding.outcome, finding.evidence.get("fault").cloned())
    }

    #[test]
    fn real_names_pass() {
        let real = [
            "Kari Nordmann",
            "Олена Шевченко",
            "Wanjiru wa Kamau",
            "Nguyễn Văn An",
            "Li Na",
            "José-María O'Neill",
            "Aaron Lee",
            "فاطمه رضایی",
            "Bjørn Skjørberg",
            "Grzegorz Brzęczyszczykiewicz",
            "Lyndsey Smyth",
            "Tereza Krč",
            "Werther Power",
            "Reza Karimi",
            "Ana Asanovic",
        ];
        for text in real {
            assert_eq!(judged(text), (Outcome::Pass, None), "{text}");
        }
    }

    #[test]
    fn names_of_nobody_do_not() {
        let cases = [
            ("Test Test", Outcome::Fail, "TEST_ENTRY"),
            ("Тест", Outcome::Fail, "TEST_ENTRY"),
            ("Mickey Mouse", Outcome::Fail, "FICTION"),
            ("Asdf Ghjk", Outcome::Fail, "KEYBOARD_RUN"),
            ("Qwerty", Outcome::Fail, "KEYBOARD_RUN"),
            ("Фыва Пролд", Outcome::Fail, "KEYBOARD_RUN"),
            ("Aaaaa Bbbbb", Outcome::Fail, "REPEATED_LETTERS"),
            ("Fuck You", Outcome::Fail, "ABUSE"),
            ("Dick Cheney", Outcome::Inconclusive, "ABUSE_OR_NAME"),
            ("Dick Fucker", Outcome::Fail, "ABUSE"),
            ("Elon Musk", Outcome::Inconclusive, "FAMOUS"),
            ("Kari 2000", Outcome::Inconclusive, "DIGITS"),
            ("Krtl Nordmann", Outcome::Inconclusive, "NO_VOWELS"),
        ];
        for (text, outcome, fault) in cases {
            assert_eq!(judged(text), (outcome, Some(fault.to_owned())), "{text}");
        }
    }

    #[test]
    fn answers_must_fit_each_other() {
        let judge = |age, occupation, text: &str| {
            let demographics = Demographics { age: Some(age), occupation: Some(occupation), ..Demographics::default() };
            answers(&demographics, [text]).outcome
        };
        assert_eq!(judge(67, Occupation::Retired, "Please call me after six."), Outcome::Pass);
        assert_eq!(judge(19, Occupation::Retired, ""), Outcome::Inconclusive);
        assert_eq!(judge(40, Occupation::Technician, "asdfghjkl"), Outcome::Inconclusive);
        assert_eq!(judge(40, Occupation::Technician, "you idiot"), Outcome::Fail);
        assert_eq!(judge(40, Occupation::Technician, "ask for Dick"), Outcome::Pass);
    }

    proptest! {
        #[test]
        fn no_name_brings_the_check_down_and_no_evidence_repeats_it(text in "[\\p{L} .'-]{2,40}") {
            let draft = ContactDraft { name: text, emails: vec!["a@fjell.no".into()], ..ContactDraft::default() };
            if let Ok(contact) = normalise(&draft, Audience::Consumer, None) {
                let finding = name(&contact);
                prop_assert!(finding.evidence.keys().all(|fact| fact == "words" || fact == "fault"));
            }
        }
    }
}
