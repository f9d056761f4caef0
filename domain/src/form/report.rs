//! What the page's own script says of how a form was filled: counts, and no key or value ever. It comes from the browser, and
//! whoever controls the browser can write anything into it.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::lead::FormFilling;

/// The longest report, in bytes.
const MAX_BYTES: usize = 16_384;
/// The highest count.
const MAX_COUNT: u32 = 100_000;

text_enum! {
    /// A sign that no person sits before the browser.
    Hint {
        /// The browser says that a program drives it.
        Webdriver = "WEBDRIVER",
        /// It names itself headless.
        HeadlessAgent = "HEADLESS_AGENT",
        /// It knows no language.
        NoLanguages = "NO_LANGUAGES",
        /// Its window has no size.
        NoWindow = "NO_WINDOW",
        /// Fields were changed by a program's events.
        SyntheticEvents = "SYNTHETIC_EVENTS",
    }
}

/// How one field was filled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FieldUse {
    /// Keys pressed in it.
    pub keys: u32,
    /// Times that something was pasted or dropped into it.
    pub pastes: u32,
    /// Times that it got the focus.
    pub focuses: u32,
    /// Changes without a key and a paste, as when the browser or a list fills it.
    pub changes: u32,
}

/// A report, without what is not of this form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// By the names of fields.
    pub fields: BTreeMap<String, FieldUse>,
    /// How often the focus moved.
    pub focus_changes: u32,
    /// Clicks and touches.
    pub pointers: u32,
    /// Times that the page was left and looked at again.
    pub returns: u32,
    /// What speaks against a person.
    pub hints: BTreeSet<Hint>,
    /// Milliseconds since the page was there, by the browser's clock.
    pub millis: u64,
    /// The page that embeds the form, or the form's own.
    pub page: Option<String>,
    /// Where the person came from.
    pub referrer: Option<String>,
    /// The browser's time zone.
    pub zone: Option<String>,
}

impl Report {
    /// What the script wrote about the fields called `names`; `None` where it wrote nothing that can be read.
    #[must_use]
    pub fn read(text: &str, names: &BTreeSet<&str>) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let mut report: Self = serde_json::from_str(text).ok()?;
        report.fields.retain(|name, _| names.contains(name.as_str()));
        for field in report.fields.values_mut() {
            for count in [&mut field.keys, &mut field.pastes, &mut field.focuses, &mut field.changes] {
                *count = (*count).min(MAX_COUNT);
            }
        }
        for count in [&mut report.focus_changes, &mut report.pointers, &mut report.returns] {
            *count = (*count).min(MAX_COUNT);
        }
        report.page = report.page.take().and_then(|url| page_address(&url));
        report.referrer = report.referrer.take().and_then(|url| page_address(&url));
        report.zone = report.zone.take().filter(|zone| zone.parse::<chrono_tz::Tz>().is_ok());
        Some(report)
    }

    /// Fields that were filled by typing.
    #[must_use]
    pub fn typed_fields(&self) -> u32 {
        count(self.fields.values().filter(|field| field.keys > 0 && field.pastes == 0))
    }

    /// Fields into which something was pasted.
    #[must_use]
    pub fn pasted_fields(&self) -> u32 {
        count(self.fields.values().filter(|field| field.pastes > 0))
    }

    /// What the checks ask of it; `recent` as in [`FormFilling`].
    #[must_use]
    pub fn filling(report: Option<&Self>, recent: u32) -> FormFilling {
        let Some(report) = report else { return FormFilling { script: false, recent, ..FormFilling::default() } };
        let sum = |of: fn(&FieldUse) -> u32| report.fields.values().map(of).fold(0, u32::saturating_add);
        FormFilling {
            script: true,
            keys: sum(|field| field.keys),
            focuses: sum(|field| field.focuses).saturating_add(report.pointers),
            hints: report.hints.iter().map(|hint| hint.as_str().to_owned()).collect(),
            recent,
        }
    }
}

fn count<T>(found: impl Iterator<Item = T>) -> u32 {
    u32::try_from(found.count()).unwrap_or(u32::MAX)
}

/// An address of a page without its query, which may hold anything.
#[must_use]
pub fn page_address(url: &str) -> Option<String> {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let web = plain.starts_with("https://") || plain.starts_with("http://");
    let fits = web
        && plain.len() <= 500
        && !plain.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>'));
    // Before an @ stand a name and a password.
    (fits && !plain.contains('@')).then(|| plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Report> {
        Report::read(text, &BTreeSet::from(["name", "phone"]))
    }

    #[test]
    fn only_counts_of_the_forms_own_fields_are_kept() {
        let text = r#"{"fields":{"name":{"keys":12,"focuses":1},"phone":{"pastes":1},"secret":{"keys":9}},"focus_changes":4000000,
            "hints":["WEBDRIVER"],"millis":9000,"page":"https://a.example/x?mail=kari@x.no","referrer":"javascript:alert(1)","zone":"Mars/Base"}"#;
        let report = read(text).unwrap();
        assert_eq!(report.fields.keys().collect::<Vec<_>>(), ["name", "phone"]);
        assert_eq!((report.focus_changes, report.typed_fields(), report.pasted_fields()), (MAX_COUNT, 1, 1));
        assert_eq!(
            (report.page.as_deref(), report.referrer.as_deref(), report.zone.as_deref()),
            (Some("https://a.example/x"), None, None)
        );
        let filling = Report::filling(Some(&report), 3);
        assert_eq!((filling.keys, filling.focuses, filling.recent, filling.script), (12, 1, 3, true));
        assert_eq!(filling.hints, ["WEBDRIVER"]);
    }

    #[test]
    fn what_cannot_be_read_is_no_report() {
        for bad in ["", "[]x", r#"{"hints":["NEW"]}"#, r#"{"focus_changes":-1}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read(&format!("{{\"page\":\"{}\"}}", "x".repeat(MAX_BYTES))), None);
        assert!(!Report::filling(None, 0).script);
    }
}
