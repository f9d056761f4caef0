//! A form in one language, with every word in its place: what is shown is what a certificate speaks about.

use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{CoreField, FormContent, FormField, FormTexts, FormWords, MAX_COMMENTS, MAX_LINE, in_language};
use crate::lead::Interest;
use crate::vertical::{Attribute, AttributeKind, DEFAULT_TEXT, Definition};

/// One version of a form in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormPage {
    /// The language.
    pub language: String,
    /// The title.
    pub title: String,
    /// What is offered.
    pub offer: String,
    /// What is asked.
    pub steps: Vec<PageStep>,
    /// What the person agrees to.
    pub consent: String,
    /// The version of these words.
    pub consent_version: String,
    /// On the button.
    pub call_to_action: String,
    /// What is said in the end.
    pub thanks: String,
}

/// Questions that stand together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageStep {
    /// The title.
    pub title: Option<String>,
    /// The questions.
    pub fields: Vec<PageField>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageField {
    /// Its name in what is sent.
    pub name: String,
    /// Its label.
    pub label: String,
    /// Whether it must be answered.
    pub required: bool,
    /// How it is answered.
    pub control: Control,
}

/// One answer that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// In what is sent.
    pub value: String,
    /// For the person.
    pub label: String,
}

/// How a question is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Control {
    /// A line of at most so many characters.
    Line {
        /// Characters.
        max: u32,
    },
    /// Several lines of at most so many characters.
    Area {
        /// Characters.
        max: u32,
    },
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A whole number.
    Whole {
        /// The least.
        min: Option<i64>,
        /// The greatest.
        max: Option<i64>,
    },
    /// A day.
    Date {
        /// The first.
        min: Option<NaiveDate>,
        /// The last.
        max: Option<NaiveDate>,
    },
    /// A day and a time of the person's own clock.
    Moment,
    /// One of several.
    Choice {
        /// Which.
        choices: Vec<Choice>,
    },
}

/// The page of `content` in the language of `texts`: labels of the vertical and usual words where the form says nothing.
#[must_use]
pub fn page(content: &FormContent, texts: &FormTexts, definition: &Definition) -> FormPage {
    let words = FormWords::of(&texts.language);
    let field = |field: &FormField| page_field(field, &texts.language, definition, words);
    let steps = content.steps.iter().map(|step| PageStep {
        title: in_language(&step.titles, &texts.language).map(|title| title.trim().to_owned()),
        fields: step.fields.iter().filter_map(field).collect(),
    });
    let said = |text: &Option<String>, usual: &str| text.as_deref().map_or(usual, str::trim).to_owned();
    FormPage {
        language: texts.language.clone(),
        title: texts.title.trim().to_owned(),
        offer: texts.offer.trim().to_owned(),
        steps: steps.collect(),
        consent: texts.consent.trim().to_owned(),
        consent_version: content.consent_version.trim().to_owned(),
        call_to_action: said(&texts.call_to_action, words.send),
        thanks: said(&texts.thanks, words.thanks),
    }
}

fn page_field(field: &FormField, language: &str, definition: &Definition, words: &FormWords) -> Option<PageField> {
    let own = in_language(&field.labels, language).map(|label| label.trim().to_owned());
    if let Ok(core) = CoreField::from_str(&field.key) {
        // Without these there is no lead.
        let required = field.required || core == CoreField::Name;
        let label = own.unwrap_or_else(|| words.label(core).to_owned());
        return Some(PageField { name: field.key.clone(), label, required, control: core_control(core, words) });
    }
    let attribute = definition.attribute(&field.key)?;
    let labels = &attribute.labels;
    let usual = || in_language(labels, language).or_else(|| labels.get("en")).cloned().unwrap_or_else(|| field.key.clone());
    let label = own.unwrap_or_else(usual);
    let label = match &attribute.unit {
        Some(unit) => format!("{label} ({unit})"),
        None => label,
    };
    let required = field.required || attribute.required;
    Some(PageField { name: field.key.clone(), label, required, control: attribute_control(attribute, language, words) })
}

fn core_control(core: CoreField, words: &FormWords) -> Control {
    let line = Control::Line { max: u32::try_from(MAX_LINE).unwrap_or(DEFAULT_TEXT) };
    match core {
        CoreField::Phone => Control::Phone,
        CoreField::Email => Control::Email,
        CoreField::Age => Control::Whole { min: Some(0), max: Some(120) },
        CoreField::PostalCode => Control::Line { max: 16 },
        CoreField::Comments => Control::Area { max: MAX_COMMENTS },
        CoreField::CallMeAt => Control::Moment,
        CoreField::Interest => Control::Choice {
            choices: Interest::ALL
                .iter()
                .map(|interest| Choice { value: interest.as_str().to_owned(), label: words.interest(*interest).to_owned() })
                .collect(),
        },
        CoreField::Name | CoreField::Company | CoreField::Position | CoreField::Country | CoreField::Region | CoreField::City => {
            line
        }
    }
}

fn attribute_control(attribute: &Attribute, language: &str, words: &FormWords) -> Control {
    match attribute.kind {
        AttributeKind::Int => Control::Whole { min: attribute.min, max: attribute.max },
        AttributeKind::Date => Control::Date { min: attribute.earliest, max: attribute.latest },
        AttributeKind::Text => match attribute.max_length.unwrap_or(DEFAULT_TEXT) {
            max if max > DEFAULT_TEXT => Control::Area { max },
            max => Control::Line { max },
        },
        AttributeKind::Bool => Control::Choice {
            choices: [("true", words.yes), ("false", words.no)]
                .map(|(value, label)| Choice { value: value.to_owned(), label: label.to_owned() })
                .into(),
        },
        AttributeKind::Enum => Control::Choice {
            choices: attribute
                .values
                .iter()
                .map(|listed| {
                    let label = in_language(&listed.labels, language).or_else(|| listed.labels.get("en"));
                    Choice { value: listed.value.clone(), label: label.unwrap_or(&listed.value).clone() }
                })
                .collect(),
        },
    }
}

impl FormPage {
    /// Every question in its order.
    pub fn fields(&self) -> impl Iterator<Item = &PageField> {
        self.steps.iter().flat_map(|step| &step.fields)
    }
}

/// Every word of the page in the order in which it is shown, a line each: what a certificate's hash is of.
#[must_use]
pub fn shown_text(page: &FormPage) -> String {
    let mut lines = vec![format!("# {}", page.title), page.offer.clone()];
    for step in &page.steps {
        lines.extend(step.title.iter().map(|title| format!("## {title}")));
        for field in &step.fields {
            lines.push(format!("{}{}", field.label, if field.required { " *" } else { "" }));
            if let Control::Choice { choices } = &field.control {
                lines.extend(choices.iter().map(|choice| format!("- {}", choice.label)));
            }
        }
    }
    lines.push(format!("[ ] {}", page.consent));
    lines.push(format!("({})", page.consent_version));
    lines.push(format!("[{}]", page.call_to_action));
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
