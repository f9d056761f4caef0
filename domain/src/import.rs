//! The import of a file: its states, and the count of what became of the rows.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::refusal::Refusal;

text_enum! {
    /// What is imported.
    ImportKind {
        /// Leads of a seller.
        Leads = "LEADS",
        /// Entries of the exchange's do-not-contact list.
        Suppressions = "SUPPRESSIONS",
    }
}

text_enum! {
    /// How far an import is.
    ImportState {
        /// Waits for a worker.
        Queued = "QUEUED",
        /// Rows are being read.
        Running = "RUNNING",
        /// Every row was read.
        Done = "DONE",
        /// The file could not be read to its end; the rows before that are in.
        Failed = "FAILED",
        /// Stopped by its owner; the rows before that are in.
        Cancelled = "CANCELLED",
    }
}

impl ImportState {
    /// Whether nothing happens any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// Stops the import. Stopping a stopped one changes nothing.
    pub fn cancel(self) -> Result<Self, Refusal> {
        match self {
            Self::Queued | Self::Running | Self::Cancelled => Ok(Self::Cancelled),
            Self::Done | Self::Failed => Err(Refusal::wrong_state("the import has ended already")),
        }
    }
}

/// What became of the rows read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that are leads, or entries, now.
    pub accepted: u64,
    /// Rows refused, each with its reasons.
    pub refused: u64,
    /// Rows that were leads of this seller, or entries, already.
    pub duplicate: u64,
    /// Rows left out by the mapping's filters, or empty.
    pub skipped: u64,
}

impl Tally {
    /// All rows.
    #[must_use]
    pub const fn read(&self) -> u64 {
        self.accepted.saturating_add(self.refused).saturating_add(self.duplicate).saturating_add(self.skipped)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            accepted: self.accepted.saturating_add(other.accepted),
            refused: self.refused.saturating_add(other.refused),
            duplicate: self.duplicate.saturating_add(other.duplicate),
            skipped: self.skipped.saturating_add(other.skipped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Code;

    #[test]
    fn an_import_is_stopped_until_it_ends() {
        for state in [ImportState::Queued, ImportState::Running, ImportState::Cancelled] {
            assert_eq!(state.cancel(), Ok(ImportState::Cancelled));
        }
        for state in [ImportState::Done, ImportState::Failed] {
            assert_eq!(state.cancel().unwrap_err().code, Code::WrongState);
        }
        assert_eq!(ImportState::ALL.iter().filter(|state| state.is_final()).count(), 3);
    }
}
