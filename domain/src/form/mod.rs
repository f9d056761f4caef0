//! Hosted forms: what a seller asks a person, in which words, and what the person then agrees to.

mod check;
pub mod language;
mod page;
mod report;
mod words;
mod work;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::id::{FormId, OrganizationId};
use crate::lead::{Audience, Interest, SourceKind};
use crate::time::Timestamp;
use crate::vertical::Labels;

pub use check::check;
pub use page::{Choice, Control, FormPage, PageField, PageStep, page, shown_text};
pub use report::{FieldUse, Hint, Report, page_address};
pub use words::FormWords;
pub use work::work_done;

/// Steps of one form.
pub const MAX_STEPS: usize = 10;
/// Fields of one form.
pub const MAX_FIELDS: usize = 60;
/// Languages of one form.
pub const MAX_LANGUAGES: usize = 20;
/// Pages on which one form may be embedded.
pub const MAX_ORIGINS: usize = 20;
/// The longest offer and the longest consent, in characters.
pub const MAX_TEXT: usize = 4_000;
/// The longest title, label, call to action and version, in characters.
pub const MAX_LINE: usize = 120;
/// The shortest consent, in characters: what the check of consent asks for.
pub const MIN_CONSENT: usize = 20;
/// The longest comment, in characters: what a lead may carry.
pub const MAX_COMMENTS: u32 = 4_000;

text_enum! {
    /// What every lead may say of the person, whatever its vertical.
    CoreField {
        /// The name.
        Name = "name",
        /// The phone number.
        Phone = "phone",
        /// The e-mail address.
        Email = "email",
        /// The company's name.
        Company = "company",
        /// The title there.
        Position = "position",
        /// The age in years.
        Age = "age",
        /// The country.
        Country = "country",
        /// The region.
        Region = "region",
        /// The city.
        City = "city",
        /// The postal code.
        PostalCode = "postal_code",
        /// What the person asks for.
        Interest = "interest",
        /// A message.
        Comments = "comments",
        /// The preferred time to call.
        CallMeAt = "call_me_at",
    }
}

/// A seller's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its id, which is part of its address.
    pub id: FormId,
    /// Whose leads come there.
    pub organization: OrganizationId,
    /// What it is for.
    pub name: String,
    /// The path of its vertical.
    pub vertical: String,
    /// What the next version will say.
    pub draft: FormContent,
    /// The version that is shown; none before the first is published.
    pub published_version: Option<i64>,
    /// Since when.
    pub created_at: Timestamp,
    /// The last change.
    pub updated_at: Timestamp,
    /// Since when it takes nothing any more.
    pub disabled_at: Option<Timestamp>,
}

/// What a form says and asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormContent {
    /// The languages, the first of which is shown where none fits.
    pub texts: Vec<FormTexts>,
    /// The seller's version of the words of the consent.
    pub consent_version: String,
    /// What is asked, step by step.
    pub steps: Vec<FormStep>,
    /// For whom the leads stand.
    pub audience: Audience,
    /// What a person wants who is not asked.
    pub interest: Interest,
    /// Where those come from who see the form.
    pub source: SourceKind,
    /// The country of those who are not asked: ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// The colour of the button, such as `#0a5c36`.
    pub theme_color: String,
    /// The origins of the pages on which it may be embedded, such as `https://tours.example`.
    pub origins: Vec<String>,
}

/// A form's words in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormTexts {
    /// The language: a BCP 47 tag.
    pub language: String,
    /// The title.
    pub title: String,
    /// What is offered.
    pub offer: String,
    /// What the person agrees to.
    pub consent: String,
    /// On the button; a usual word where nothing is said.
    pub call_to_action: Option<String>,
    /// What is said in the end; the usual where nothing is said.
    pub thanks: Option<String>,
}

/// Some of the questions, which stand together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormStep {
    /// Its titles by language.
    pub titles: Labels,
    /// The questions.
    pub fields: Vec<FormField>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// A [`CoreField`] or an attribute of the vertical.
    pub key: String,
    /// Whether it must be answered.
    pub required: bool,
    /// Its labels by language; those of the vertical where nothing is said.
    pub labels: Labels,
}

impl FormContent {
    /// Every question in its order.
    pub fn fields(&self) -> impl Iterator<Item = &FormField> {
        self.steps.iter().flat_map(|step| &step.fields)
    }

    /// Whether `key` is asked.
    #[must_use]
    pub fn asks(&self, key: &str) -> bool {
        self.fields().any(|field| field.key == key)
    }

    /// The tags of its languages.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|texts| texts.language.as_str())
    }
}

/// The text for a language: exactly its own, or that of the same language elsewhere.
fn in_language<'a>(labels: &'a BTreeMap<String, String>, tag: &str) -> Option<&'a String> {
    let same = || labels.iter().find(|(known, _)| language::primary(known) == language::primary(tag)).map(|(_, text)| text);
    labels.get(tag).or_else(same)
}
