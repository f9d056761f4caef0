//! Files too large to hold in memory: sealed chunk by chunk by the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizar:
//! Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, 2015). The nonce counts the chunks and marks the
//! last, so that none can be left out, exchanged, repeated or cut off unnoticed. Memory is that of one chunk.

use bytes::{Bytes, BytesMut};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use super::{Binding, CryptoError, DataKey};
use crate::ports::Entropy;

const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;
const SEALED_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
/// The random part of the nonces, at the head of the file: a file that is put again under the same key has another.
const PREFIX_BYTES: usize = 15;

/// Seals a file as it comes.
pub struct FileSealer {
    chunks: Chunks,
    buffer: BytesMut,
    out: BytesMut,
}

/// Opens a file as it comes.
pub struct FileOpener {
    chunks: Chunks,
    has_prefix: bool,
    buffer: BytesMut,
}

struct Chunks {
    cipher: XChaCha20Poly1305,
    aad: Vec<u8>,
    prefix: [u8; PREFIX_BYTES],
    index: u64,
}

impl Chunks {
    fn new(key: &DataKey, binding: Binding, prefix: [u8; PREFIX_BYTES]) -> Self {
        let cipher = XChaCha20Poly1305::new(&Key::from(*key.bytes()));
        Self { cipher, aad: binding.aad(b"file"), prefix, index: 0 }
    }

    /// Prefix, number of the chunk, whether it is the last.
    fn nonce(&mut self, is_last: bool) -> Result<XNonce, CryptoError> {
        let parts = [self.prefix.as_slice(), &self.index.to_be_bytes(), &[u8::from(is_last)]].concat();
        self.index = self.index.checked_add(1).ok_or(CryptoError::TooLarge)?;
        Ok(XNonce::from(<[u8; 24]>::try_from(parts).map_err(|_| CryptoError::TooLarge)?))
    }

    fn seal(&mut self, msg: &[u8], is_last: bool) -> Result<Vec<u8>, CryptoError> {
        let nonce = self.nonce(is_last)?;
        self.cipher.encrypt(&nonce, Payload { msg, aad: &self.aad }).map_err(|_| CryptoError::TooLarge)
    }

    fn open(&mut self, msg: &[u8], is_last: bool) -> Result<Vec<u8>, CryptoError> {
        let nonce = self.nonce(is_last)?;
        self.cipher.decrypt(&nonce, Payload { msg, aad: &self.aad }).map_err(|_| CryptoError::Unopenable)
    }
}

impl FileSealer {
    /// Begins a file.
    #[must_use]
    pub fn new(entropy: &dyn Entropy, key: &DataKey, binding: Binding) -> Self {
        let mut prefix = [0; PREFIX_BYTES];
        entropy.fill(&mut prefix);
        Self { chunks: Chunks::new(key, binding, prefix), buffer: BytesMut::new(), out: BytesMut::from(prefix.as_slice()) }
    }

    /// Takes more of the file, and answers what is sealed so far; perhaps nothing.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Bytes, CryptoError> {
        self.buffer.extend_from_slice(bytes);
        // A full chunk may turn out to be the last: it waits for what follows.
        while self.buffer.len() > CHUNK_BYTES {
            let chunk = self.buffer.split_to(CHUNK_BYTES);
            self.out.extend_from_slice(&self.chunks.seal(&chunk, false)?);
        }
        Ok(self.out.split().freeze())
    }

    /// Ends the file, and answers the rest of what is sealed.
    pub fn finish(mut self) -> Result<Bytes, CryptoError> {
        let last = self.chunks.seal(&self.buffer, true)?;
        self.out.extend_from_slice(&last);
        Ok(self.out.freeze())
    }
}

impl FileOpener {
    /// Begins a file that was sealed under `key` for the same `binding`.
    #[must_use]
    pub fn new(key: &DataKey, binding: Binding) -> Self {
        Self { chunks: Chunks::new(key, binding, [0; PREFIX_BYTES]), has_prefix: false, buffer: BytesMut::new() }
    }

    /// Takes more of the sealed file, and answers what is open so far; perhaps nothing.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Bytes, CryptoError> {
        self.buffer.extend_from_slice(bytes);
        if !self.has_prefix {
            if self.buffer.len() < PREFIX_BYTES {
                return Ok(Bytes::new());
            }
            self.chunks.prefix.copy_from_slice(&self.buffer.split_to(PREFIX_BYTES));
            self.has_prefix = true;
        }
        let mut opened = BytesMut::new();
        while self.buffer.len() > SEALED_BYTES {
            let chunk = self.buffer.split_to(SEALED_BYTES);
            opened.extend_from_slice(&self.chunks.open(&chunk, false)?);
        }
        Ok(opened.freeze())
    }

    /// Ends the file, and answers the rest of it. A file that was cut off does not end.
    pub fn finish(mut self) -> Result<Bytes, CryptoError> {
        if !self.has_prefix {
            return Err(CryptoError::Unopenable);
        }
        Ok(Bytes::from(self.chunks.open(&self.buffer, true)?))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::crypto::KeyRing;
    use crate::ports::SeededEntropy;

    const FILE: Binding = Binding { purpose: "file", object: Uuid::from_u128(1) };

    fn key() -> DataKey {
        let entropy = SeededEntropy::new(1);
        KeyRing::generate(&entropy, "a").data_key(&entropy, FILE).unwrap().0
    }

    fn sealed(content: &[u8], step: usize) -> Vec<u8> {
        let mut sealer = FileSealer::new(&SeededEntropy::new(2), &key(), FILE);
        let mut out: Vec<u8> = content.chunks(step).flat_map(|part| sealer.push(part).unwrap()).collect();
        out.extend(sealer.finish().unwrap());
        out
    }

    fn opened(sealed: &[u8], step: usize, binding: Binding) -> Result<Vec<u8>, CryptoError> {
        let mut opener = FileOpener::new(&key(), binding);
        let mut out = Vec::new();
        for part in sealed.chunks(step) {
            out.extend(opener.push(part)?);
        }
        out.extend(opener.finish()?);
        Ok(out)
    }

    #[test]
    fn files_of_every_size_come_back_however_they_are_cut() {
        for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7] {
            let content: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
            for step in [1_000, CHUNK_BYTES, 10 * CHUNK_BYTES] {
                let file = sealed(&content, step);
                assert_eq!(file.len(), size + PREFIX_BYTES + TAG_BYTES * size.div_ceil(CHUNK_BYTES).max(1));
                assert_eq!(opened(&file, step / 3 + 1, FILE).as_deref(), Ok(content.as_slice()), "{size} by {step}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_exchanged_repeated_or_of_another_file_is_noticed() {
        let file = sealed(&vec![7; 3 * CHUNK_BYTES], 1_000);
        let unopenable = Err(CryptoError::Unopenable);
        let chunk = |n: usize| PREFIX_BYTES + n * SEALED_BYTES..PREFIX_BYTES + (n + 1) * SEALED_BYTES;
        let whole = |order: &[usize]| -> Vec<u8> {
            order.iter().fold(file[..PREFIX_BYTES].to_vec(), |made, n| [made.as_slice(), &file[chunk(*n)]].concat())
        };
        assert!(opened(&whole(&[0, 1, 2]), 999, FILE).is_ok());
        for order in [[0, 1].as_slice(), &[0], &[], &[1, 0, 2], &[0, 0, 1, 2], &[0, 2], &[0, 1, 2, 2]] {
            assert_eq!(opened(&whole(order), 999, FILE), unopenable, "{order:?}");
        }
        for cut in [0, 1, PREFIX_BYTES, PREFIX_BYTES + 5, file.len() - 1] {
            assert_eq!(opened(&file[..cut], 999, FILE), unopenable, "cut at {cut}");
        }
        for at in [0, PREFIX_BYTES, file.len() - 1] {
            let mut flipped = file.clone();
            flipped[at] ^= 1;
            assert_eq!(opened(&flipped, 999, FILE), unopenable, "flipped at {at}");
        }
        assert_eq!(opened(&file, 999, Binding { object: Uuid::from_u128(2), ..FILE }), unopenable);
    }

    #[test]
    fn a_file_that_is_put_again_looks_like_another() {
        let entropy = SeededEntropy::new(3);
        let again = || FileSealer::new(&entropy, &key(), FILE).finish().unwrap();
        assert_ne!(again(), again());
    }
}
