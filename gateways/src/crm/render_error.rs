//! Why a step could not be made.

/// A lead that this destination cannot be given as it stands. The words hold no personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A secret is missing.
    #[error("the secret `{name}` is missing")]
    MissingSecret {
        /// Its name.
        name: String,
    },
    /// The lead leaves a field empty that the other side demands.
    #[error("`{field}` is required there, and this lead leaves it empty")]
    MissingField {
        /// The other side's name of the field.
        field: String,
    },
    /// A value has not the form that the field demands.
    #[error("the value of `{field}` is not {expected}")]
    BadValue {
        /// The other side's name of the field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A template failed.
    #[error("{path}: {reason}")]
    Template {
        /// The setting.
        path: String,
        /// The engine's words.
        reason: String,
    },
    /// An address is not one.
    #[error("{path} is not a usable address")]
    BadUrl {
        /// The setting.
        path: String,
    },
    /// A header would break out of its line.
    #[error("{path} cannot stand in a header")]
    BadHeader {
        /// The setting.
        path: String,
    },
    /// The destination is not reached by OAuth.
    #[error("this destination has no token endpoint")]
    NoTokens,
    /// The stage belongs to another kind of destination.
    #[error("this stage is not one of the destination's")]
    WrongStage,
}
