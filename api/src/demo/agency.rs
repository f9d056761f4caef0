//! The two sellers, and the file that each hands in.

use std::path::{Path, PathBuf};

use super::DemoError;
use super::form::Form;
use super::people::Record;

/// The mapping that both agencies hand in with their files.
pub(crate) const MAPPING: &str = include_str!("../../mappings/demo.toml");

/// A lead-generation agency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Agency {
    /// Most people with a mobile phone.
    Atlantic,
    /// Everybody else: fixed lines, unknown lines, and the mobile phones of the big campaigns of May and November.
    Tagus,
}

/// Both, in the order in which they hand in their files.
pub(crate) const AGENCIES: [Agency; 2] = [Agency::Atlantic, Agency::Tagus];

impl Agency {
    /// The agency that brings this person: the file's own `contact` and `month` decide.
    pub(crate) fn of(record: &Record) -> Self {
        let campaign = matches!(record.month.as_str(), "may" | "nov");
        if record.contact == "cellular" && !campaign { Self::Atlantic } else { Self::Tagus }
    }

    /// The organization's name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Atlantic => "Atlantic Leads",
            Self::Tagus => "Tagus Contacts",
        }
    }

    /// Where its forms stand.
    pub(crate) const fn site(self) -> &'static str {
        match self {
            Self::Atlantic => "forms.atlantic-leads.example",
            Self::Tagus => "forms.tagus-contacts.example",
        }
    }

    /// The agency's mail domain.
    pub(crate) const fn domain(self) -> &'static str {
        match self {
            Self::Atlantic => "atlantic-leads.example",
            Self::Tagus => "tagus-contacts.example",
        }
    }

    /// Writes its file and its mapping into `folder`; answers where the file is.
    pub(crate) fn hand_in(self, forms: &[Form], folder: &Path) -> Result<PathBuf, DemoError> {
        let stem = self.domain().trim_end_matches(".example");
        let path = folder.join(format!("{stem}.csv"));
        let mut writer = csv::Writer::from_path(&path).map_err(|error| DemoError::Input(error.to_string()))?;
        for form in forms {
            writer.serialize(form).map_err(|error| DemoError::Input(error.to_string()))?;
        }
        writer.flush()?;
        std::fs::write(folder.join(format!("{stem}.toml")), MAPPING)?;
        Ok(path)
    }
}
