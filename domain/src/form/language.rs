//! Languages as browsers and pages name them (BCP 47): which is chosen, and in which direction it is written.

/// The longest tag.
const MAX_TAG: usize = 35;
/// Languages that an `Accept-Language` may name before the rest is not read.
const MAX_ACCEPTED: usize = 20;
/// Languages that are written from right to left.
const RIGHT_TO_LEFT: &[&str] = &["ar", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"];
/// Scripts that are.
const RIGHT_TO_LEFT_SCRIPTS: &[&str] = &["arab", "hebr", "thaa", "syrc"];

/// Whether `text` has the form of a tag: a language of two or three letters, then parts of letters and digits.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let language =
        parts.next().is_some_and(|first| matches!(first.len(), 2 | 3) && first.bytes().all(|b| b.is_ascii_lowercase()));
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    language && text.len() <= MAX_TAG && parts.all(part)
}

/// The language of a tag, without country and script.
#[must_use]
pub fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// `rtl` or `ltr`, as HTML writes it. A script that is named counts more than the language.
#[must_use]
pub fn direction(tag: &str) -> &'static str {
    let script = tag.split('-').nth(1).filter(|part| part.len() == 4).map(str::to_ascii_lowercase);
    let right = match script {
        Some(script) => RIGHT_TO_LEFT_SCRIPTS.contains(&script.as_str()),
        None => RIGHT_TO_LEFT.contains(&primary(tag)),
    };
    if right { "rtl" } else { "ltr" }
}

/// The offered language that fits best: the one asked for, else by the header `Accept-Language`, else the first.
#[must_use]
pub fn chosen<'a>(offered: &[&'a str], asked: Option<&str>, accepted: Option<&str>) -> Option<&'a str> {
    let asked = asked.and_then(|tag| fitting(offered, tag));
    asked.or_else(|| by_weight(accepted?).into_iter().find_map(|tag| fitting(offered, tag))).or_else(|| offered.first().copied())
}

fn fitting<'a>(offered: &[&'a str], tag: &str) -> Option<&'a str> {
    let exact = offered.iter().find(|known| known.eq_ignore_ascii_case(tag));
    exact.or_else(|| offered.iter().find(|known| primary(known).eq_ignore_ascii_case(primary(tag)))).copied()
}

/// The tags of the header, the most wanted first.
fn by_weight(header: &str) -> Vec<&str> {
    let mut found: Vec<(u32, &str)> = header
        .split(',')
        .take(MAX_ACCEPTED)
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().filter(|tag| !tag.is_empty() && *tag != "*")?;
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1_000), thousandths)?;
            (weight > 0).then_some((weight, tag))
        })
        .collect();
    found.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    found.into_iter().map(|(_, tag)| tag).collect()
}

/// `0.85` as 850.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = rest.chars().chain("000".chars()).take(3).collect();
    whole.parse::<u32>().ok()?.min(1).saturating_mul(1_000).checked_add(digits.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_a_form() {
        for good in ["en", "pt-BR", "zh-Hant-TW", "ckb", "es-419"] {
            assert!(is_tag(good), "{good}");
        }
        for bad in ["", "e", "EN", "en_US", "en-", "english", "en-\"><b>", "en-abcdefghi"] {
            assert!(!is_tag(bad), "{bad}");
        }
    }

    #[test]
    fn the_asked_language_comes_before_the_browsers() {
        let offered = ["de", "en", "pt-BR", "ar"];
        let of = |asked, accepted| chosen(&offered, asked, accepted).unwrap();
        assert_eq!(of(None, None), "de");
        assert_eq!(of(Some("ar-EG"), Some("en")), "ar");
        assert_eq!(of(Some("xx"), Some("en-GB;q=0.8, pt-PT;q=0.9")), "pt-BR");
        assert_eq!(of(None, Some("fr, en;q=0.2, ar;q=0")), "en");
        assert_eq!(of(None, Some("*;q=0.1, ja")), "de");
        assert_eq!(chosen(&[], Some("en"), None), None);
    }

    #[test]
    fn a_script_says_more_than_a_language() {
        assert_eq!(["ar", "he-IL", "fa", "ur-PK"].map(direction), ["rtl"; 4]);
        assert_eq!(["en", "uk", "az", "ks-Deva"].map(direction), ["ltr"; 4]);
        assert_eq!(direction("az-Arab"), "rtl");
    }
}
