//! The lead: a person, or a named decision maker of a company, who of their own accord left contact details and an interest.

/// Gives the named types a `Debug` that tells nothing: they hold personal data.
macro_rules! silent_debug {
    ($($name:ident),+ $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )+};
}
pub(crate) use silent_debug;

mod admit;
mod consent;
mod draft;
mod person;
mod public_text;
mod sealed;
mod standing;
#[cfg(test)]
pub(crate) mod testing;
mod words;

pub use admit::{Lead, admit, admit_ping};
pub use consent::{ConsentEvidence, FormFilling, SessionSignals};
pub use draft::{ContactDraft, Geography, LeadDraft, Messenger, Source};
pub use person::{
    AgeBand, CreditBand, DecisionRole, Demographics, Education, Firmographics, Gender, HeadcountBand, IncomeBand, Industry,
    MaritalStatus, Occupation, OrganizationType,
};
pub use sealed::{Sealed, Trace};
pub use standing::{Ties, erase, judge, withdraw};
pub use words::{
    Audience, Channel, ContactKind, Interest, LeadOrigin, LeadState, MessengerKind, Offering, PseudoLead, SourceKind, Temperature,
};
