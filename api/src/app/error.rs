//! Why a use case did not do what it was asked.

use domain::refusal::{Code, Refusal};
use store::TransientError;
use store::{StoreError, WriteError};

/// A no with reasons for the caller, or a fault that only the log may know.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Rules said no; nothing was written.
    #[error("refused: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something else of ours failed. No personal data in the text.
    #[error("{0}")]
    Internal(String),
}

impl AppError {
    /// A fault of ours, with what is known of it (no personal data).
    pub fn internal(what: impl std::fmt::Display) -> Self {
        Self::Internal(what.to_string())
    }

    /// Whether a rule with this code said no.
    #[must_use]
    pub fn refused_with(&self, code: Code) -> bool {
        matches!(self, Self::Refused(refusals) if refusals.iter().any(|refusal| refusal.code == code))
    }
}

impl From<Refusal> for AppError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl From<Vec<Refusal>> for AppError {
    fn from(refusals: Vec<Refusal>) -> Self {
        Self::Refused(refusals)
    }
}

impl From<WriteError> for AppError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusals) => Self::Refused(refusals),
            WriteError::Store(error) => Self::Store(error),
        }
    }
}

impl TransientError for AppError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }
}
