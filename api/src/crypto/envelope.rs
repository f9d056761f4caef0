//! Envelopes: each object gets a random data key of its own, which a key of the ring wraps. Destroying the wrapped key
//! destroys the content. XChaCha20-Poly1305; both layers are bound to the purpose and the object, so that neither a
//! ciphertext nor a wrapped key can be moved to another row.
//!
//! Where many rows are about one object, some of which never change, they are sealed under one [`DataKey`] that is kept
//! beside them: it can be wrapped anew, and destroyed, without touching them.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{CryptoError, KeyRing};
use crate::ports::Entropy;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Nonce, key and tag.
const WRAPPED_BYTES: usize = 72;

/// What an envelope belongs to: authenticated, not stored in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// What is sealed, such as `lead.contact`.
    pub purpose: &'static str,
    /// The row that it is about.
    pub object: Uuid,
}

/// A sealed content, as three columns. It holds nothing in clear but the name of the ring's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The name of the ring's key that wraps the data key.
    pub key_id: String,
    /// The data key: nonce, then ciphertext with tag (72 bytes).
    pub wrapped_key: Vec<u8>,
    /// The content: nonce, then ciphertext with tag (40 bytes more than the content).
    pub ciphertext: Vec<u8>,
}

/// The data key of an object, unwrapped. There is no way to print it.
pub struct DataKey(Zeroizing<[u8; KEY_BYTES]>);

/// A data key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedDataKey {
    /// The name of the ring's key that wraps it.
    pub key_id: String,
    /// Nonce, then ciphertext with tag (72 bytes).
    pub wrapped_key: Vec<u8>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

impl fmt::Debug for WrappedDataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedDataKey({})", self.key_id)
    }
}

impl DataKey {
    /// Seals `plaintext` for `binding`: nonce, then ciphertext with tag (40 bytes more than the content).
    pub fn seal(&self, entropy: &dyn Entropy, binding: Binding, plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        encrypt(&self.0, entropy, &binding.aad(b"content"), plaintext)
    }

    /// Opens what was sealed under this key for the same `binding`.
    pub fn open(&self, binding: Binding, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        decrypt(&self.0, &binding.aad(b"content"), sealed)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl Binding {
    pub(super) fn aad(&self, layer: &[u8]) -> Vec<u8> {
        [layer, b"\0", self.purpose.as_bytes(), b"\0", self.object.as_bytes()].concat()
    }
}

impl Sealed {
    /// The data key in it.
    #[must_use]
    pub fn wrapped(&self) -> WrappedDataKey {
        WrappedDataKey { key_id: self.key_id.clone(), wrapped_key: self.wrapped_key.clone() }
    }

    /// The three parts as one column: the length of the name, the name, the wrapped key, the content.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let name_len = u8::try_from(self.key_id.len()).unwrap_or(u8::MAX);
        let name: Vec<u8> = self.key_id.bytes().take(usize::from(name_len)).collect();
        [&[name_len], name.as_slice(), &self.wrapped_key, &self.ciphertext].concat()
    }

    /// What [`Sealed::to_bytes`] wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&name_len, rest) = bytes.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(name_len))?;
        let (wrapped_key, ciphertext) = rest.split_at_checked(WRAPPED_BYTES)?;
        let key_id = String::from_utf8(name.to_vec()).ok()?;
        Some(Self { key_id, wrapped_key: wrapped_key.to_vec(), ciphertext: ciphertext.to_vec() })
    }
}

impl KeyRing {
    /// A new data key for the object of `binding`, and the same wrapped by the active key.
    pub fn data_key(&self, entropy: &dyn Entropy, binding: Binding) -> Result<(DataKey, WrappedDataKey), CryptoError> {
        let mut data_key = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(data_key.as_mut());
        let (key_id, key) = self.active();
        let wrapped_key = encrypt(key, entropy, &binding.aad(b"key"), data_key.as_ref())?;
        Ok((DataKey(data_key), WrappedDataKey { key_id: key_id.to_owned(), wrapped_key }))
    }

    /// Unwraps the data key of the object of `binding`.
    pub fn data_key_open(&self, binding: Binding, wrapped: &WrappedDataKey) -> Result<DataKey, CryptoError> {
        let key = self.key(&wrapped.key_id).ok_or(CryptoError::UnknownKey)?;
        let bytes = decrypt(key, &binding.aad(b"key"), &wrapped.wrapped_key)?;
        let mut data_key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return Err(CryptoError::Unopenable);
        }
        data_key.copy_from_slice(&bytes);
        Ok(DataKey(data_key))
    }

    /// The same data key wrapped by the active key; `None` when it already is.
    pub fn rewrap(
        &self,
        entropy: &dyn Entropy,
        binding: Binding,
        wrapped: &WrappedDataKey,
    ) -> Result<Option<WrappedDataKey>, CryptoError> {
        let (key_id, key) = self.active();
        if wrapped.key_id == key_id {
            return Ok(None);
        }
        let data_key = self.data_key_open(binding, wrapped)?;
        let wrapped_key = encrypt(key, entropy, &binding.aad(b"key"), data_key.bytes())?;
        Ok(Some(WrappedDataKey { key_id: key_id.to_owned(), wrapped_key }))
    }

    /// Seals `plaintext` for `binding` under a new data key, wrapped by the active key.
    pub fn seal(&self, entropy: &dyn Entropy, binding: Binding, plaintext: &[u8]) -> Result<Sealed, CryptoError> {
        let (data_key, WrappedDataKey { key_id, wrapped_key }) = self.data_key(entropy, binding)?;
        let ciphertext = data_key.seal(entropy, binding, plaintext)?;
        Ok(Sealed { key_id, wrapped_key, ciphertext })
    }

    /// Opens what was sealed for the same `binding`.
    pub fn open(&self, binding: Binding, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        self.data_key_open(binding, &sealed.wrapped())?.open(binding, &sealed.ciphertext)
    }
}

fn encrypt(key: &[u8; KEY_BYTES], entropy: &dyn Entropy, aad: &[u8], msg: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce);
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let body = cipher.encrypt(&XNonce::from(nonce), Payload { msg, aad }).map_err(|_| CryptoError::TooLarge)?;
    Ok([nonce.as_slice(), &body].concat())
}

fn decrypt(key: &[u8; KEY_BYTES], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(CryptoError::Unopenable)?;
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let plaintext = cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad }).map_err(|_| CryptoError::Unopenable)?;
    Ok(Zeroizing::new(plaintext))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SeededEntropy;

    const CONTENT: &[u8] = "Ada Lovelace, +44 20 7946 0000".as_bytes();

    fn contact_of(object: u128) -> Binding {
        Binding { purpose: "lead.contact", object: Uuid::from_u128(object) }
    }

    #[test]
    fn only_the_same_ring_purpose_and_object_open_an_envelope() {
        let entropy = SeededEntropy::new(1);
        let ring = KeyRing::generate(&entropy, "a");
        let sealed = ring.seal(&entropy, contact_of(1), CONTENT).unwrap();
        assert_eq!(ring.open(contact_of(1), &sealed).unwrap().as_slice(), CONTENT);
        assert_eq!(ring.open(contact_of(2), &sealed).unwrap_err(), CryptoError::Unopenable);
        let other_purpose = Binding { purpose: "lead.answers", ..contact_of(1) };
        assert_eq!(ring.open(other_purpose, &sealed).unwrap_err(), CryptoError::Unopenable);
        let stranger = KeyRing::generate(&entropy, "a");
        assert_eq!(stranger.open(contact_of(1), &sealed).unwrap_err(), CryptoError::Unopenable);
        let nameless = KeyRing::generate(&entropy, "b");
        assert_eq!(nameless.open(contact_of(1), &sealed).unwrap_err(), CryptoError::UnknownKey);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let entropy = SeededEntropy::new(2);
        let ring = KeyRing::generate(&entropy, "a");
        let sealed = ring.seal(&entropy, contact_of(1), CONTENT).unwrap();
        assert_eq!((sealed.wrapped_key.len(), sealed.ciphertext.len()), (72, CONTENT.len() + 40));
        assert_eq!(Sealed::from_bytes(&sealed.to_bytes()), Some(sealed.clone()));
        assert_eq!((Sealed::from_bytes(&[]), Sealed::from_bytes(&[9, 1])), (None, None));
        for keep in 0..sealed.ciphertext.len() {
            let cut = Sealed { ciphertext: sealed.ciphertext[..keep].to_vec(), ..sealed.clone() };
            assert_eq!(ring.open(contact_of(1), &cut).unwrap_err(), CryptoError::Unopenable, "cut at {keep}");
        }
        for keep in 0..sealed.wrapped_key.len() {
            let cut = Sealed { wrapped_key: sealed.wrapped_key[..keep].to_vec(), ..sealed.clone() };
            assert_eq!(ring.open(contact_of(1), &cut).unwrap_err(), CryptoError::Unopenable, "cut at {keep}");
        }
        for at in 0..sealed.ciphertext.len() {
            let mut flipped = sealed.clone();
            flipped.ciphertext[at] ^= 1;
            assert_eq!(ring.open(contact_of(1), &flipped).unwrap_err(), CryptoError::Unopenable, "flipped at {at}");
        }
    }

    #[test]
    fn a_wrapped_key_does_not_move_to_another_row() {
        let entropy = SeededEntropy::new(3);
        let ring = KeyRing::generate(&entropy, "a");
        let one = ring.seal(&entropy, contact_of(1), CONTENT).unwrap();
        let two = ring.seal(&entropy, contact_of(2), b"someone else").unwrap();
        let mixed = Sealed { ciphertext: one.ciphertext, ..two };
        assert_eq!(ring.open(contact_of(1), &mixed).unwrap_err(), CryptoError::Unopenable);
    }

    #[test]
    fn rotation_keeps_the_content_and_lets_the_old_key_go() {
        let entropy = SeededEntropy::new(4);
        let old = KeyRing::generate(&entropy, "a");
        let sealed = old.seal(&entropy, contact_of(1), CONTENT).unwrap();
        let both = old.rotated(&entropy, "b").unwrap();
        let WrappedDataKey { key_id, wrapped_key } = both.rewrap(&entropy, contact_of(1), &sealed.wrapped()).unwrap().unwrap();
        let moved = Sealed { key_id, wrapped_key, ..sealed.clone() };
        assert_eq!(moved.key_id, "b");
        assert_eq!(both.open(contact_of(1), &sealed).unwrap().as_slice(), CONTENT);
        assert_eq!(both.open(contact_of(1), &moved).unwrap().as_slice(), CONTENT);
        assert_eq!(both.rewrap(&entropy, contact_of(1), &moved.wrapped()), Ok(None));
        assert_eq!(old.open(contact_of(1), &moved).unwrap_err(), CryptoError::UnknownKey);
    }

    #[test]
    fn many_rows_under_one_data_key_stay_apart() {
        let entropy = SeededEntropy::new(6);
        let ring = KeyRing::generate(&entropy, "a");
        let (key, wrapped) = ring.data_key(&entropy, contact_of(1)).unwrap();
        let (one, two) = (contact_of(2), contact_of(3));
        let sealed = key.seal(&entropy, one, CONTENT).unwrap();
        let again = ring.data_key_open(contact_of(1), &wrapped).unwrap();
        assert_eq!(again.open(one, &sealed).unwrap().as_slice(), CONTENT);
        assert_eq!(again.open(two, &sealed).unwrap_err(), CryptoError::Unopenable);
        assert_eq!(ring.data_key_open(contact_of(2), &wrapped).unwrap_err(), CryptoError::Unopenable);
        assert_eq!(format!("{key:?} {wrapped:?}"), "DataKey(..) WrappedDataKey(a)");
    }

    #[test]
    fn the_same_content_never_looks_the_same() {
        let entropy = SeededEntropy::new(5);
        let ring = KeyRing::generate(&entropy, "a");
        let one = ring.seal(&entropy, contact_of(1), CONTENT).unwrap();
        let two = ring.seal(&entropy, contact_of(1), CONTENT).unwrap();
        assert_ne!(one.ciphertext, two.ciphertext);
        assert_ne!(one.wrapped_key, two.wrapped_key);
    }
}
