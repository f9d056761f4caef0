//! What keeps contact details and credentials secret: the key ring, envelopes, keyed hashes and random tokens.

mod envelope;
mod file;
mod key_ring;
mod signature;
mod token;

pub use envelope::{Binding, DataKey, Sealed, WrappedDataKey};
pub use file::{FileOpener, FileSealer};
pub use key_ring::{KeyRing, KeyRingError};
pub use signature::{signature, signature_matches};
pub use token::{Token, token_hash, tokens_match};

/// Why something sealed could not be opened. It says nothing about the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The ring has no key of the name that the envelope gives.
    #[error("the key ring has no key of this name")]
    UnknownKey,
    /// The envelope was changed, was cut, belongs to another object, or another key made it.
    #[error("the envelope does not open: changed, cut, of another object or of another key")]
    Unopenable,
    /// More than a cipher can take.
    #[error("too large to seal")]
    TooLarge,
}
