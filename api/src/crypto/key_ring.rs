//! The ring of keys: the first seals, all open, and one more key makes the hashes that find duplicates.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::config::{Crypto, CryptoKey, Server};
use crate::ports::Entropy;

const KEY_BYTES: usize = 32;
const BLOCK_BYTES: usize = 64;
const HASH_LABEL: &[u8] = b"clearlead keyed hash v1";
const FIRST_KEY: &str = "k1";

type Secret = Zeroizing<[u8; KEY_BYTES]>;

/// Why there is no key ring.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The file could not be read or made.
    #[error("the key file {path}: {source}")]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is there, but is not a key ring.
    #[error("the key file {0} is not a key ring")]
    NotARing(PathBuf),
    /// Others than the owner may read the file.
    #[error("the key file {0} can be read by others than its owner: chmod 600 it")]
    Exposed(PathBuf),
    /// A key with this name is in the ring already.
    #[error("the ring has a key of this name already")]
    NameTaken,
}

/// The keys of the exchange. There is no way to print them.
#[derive(Clone)]
pub struct KeyRing {
    active: NamedKey,
    old: Vec<NamedKey>,
    hash_key: Secret,
}

#[derive(Clone)]
struct NamedKey {
    id: String,
    key: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    hash_key: SecretString,
    keys: Vec<CryptoKey>,
}

impl KeyRing {
    /// The ring of the settings, or of the key file, which is made (readable by its owner only) when there is none.
    pub fn load(crypto: &Crypto, server: &Server, entropy: &dyn Entropy) -> Result<Self, KeyRingError> {
        let path = crypto.resolved_key_file(server);
        if !crypto.keys.is_empty() {
            return Self::from_parts(&crypto.keys, &crypto.hash_key).ok_or(KeyRingError::NotARing(path));
        }
        let failed = |source| KeyRingError::File { path: path.clone(), source };
        match std::fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(text) => Self::from_file(&path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let ring = Self::generate(entropy, FIRST_KEY);
                match ring.save_new(&path) {
                    Ok(()) => Ok(ring),
                    // Another process was faster: its ring is the ring.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        let text = std::fs::read_to_string(&path).map(Zeroizing::new).map_err(failed)?;
                        Self::from_file(&path, &text)
                    }
                    Err(error) => Err(failed(error)),
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// A new ring with one key named `id`.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy, id: &str) -> Self {
        Self { active: NamedKey::generate(entropy, id), old: Vec::new(), hash_key: random_key(entropy) }
    }

    /// This ring with a new active key named `id`; the hash key stays.
    pub fn rotated(&self, entropy: &dyn Entropy, id: &str) -> Result<Self, KeyRingError> {
        if self.key(id).is_some() {
            return Err(KeyRingError::NameTaken);
        }
        let old = std::iter::once(&self.active).chain(&self.old).cloned().collect();
        Ok(Self { active: NamedKey::generate(entropy, id), old, hash_key: self.hash_key.clone() })
    }

    /// The HMAC-SHA256 of a canonical text, such as an E.164 number or a lower-cased address. `kind` keeps the hashes of
    /// phones and addresses apart. Stable for the life of the exchange, whichever key is active.
    #[must_use]
    pub fn keyed_hash(&self, kind: &str, canonical: &str) -> [u8; KEY_BYTES] {
        let derived = Zeroizing::new(hmac(&self.hash_key, &[HASH_LABEL]));
        hmac(&derived, &[kind.as_bytes(), b"\0", canonical.as_bytes()])
    }

    /// The name of the key that seals.
    #[must_use]
    pub fn active_id(&self) -> &str {
        &self.active.id
    }

    pub(super) fn active(&self) -> (&str, &[u8; KEY_BYTES]) {
        (&self.active.id, &self.active.key)
    }

    pub(super) fn key(&self, id: &str) -> Option<&[u8; KEY_BYTES]> {
        std::iter::once(&self.active).chain(&self.old).find(|named| named.id == id).map(|named| &*named.key)
    }

    fn from_parts(keys: &[CryptoKey], hash_key: &SecretString) -> Option<Self> {
        let named = |key: &CryptoKey| Some(NamedKey { id: key.id.clone(), key: decoded(&key.key)? });
        let mut keys = keys.iter().map(named).collect::<Option<Vec<_>>>()?.into_iter();
        Some(Self { active: keys.next()?, old: keys.collect(), hash_key: decoded(hash_key)? })
    }

    fn from_file(path: &Path, text: &str) -> Result<Self, KeyRingError> {
        if is_exposed(path) {
            return Err(KeyRingError::Exposed(path.to_owned()));
        }
        // The parser's own message would quote the line, which holds a key.
        let file: KeyFile = toml::from_str(text).map_err(|_| KeyRingError::NotARing(path.to_owned()))?;
        Self::from_parts(&file.keys, &file.hash_key).ok_or_else(|| KeyRingError::NotARing(path.to_owned()))
    }

    fn save_new(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let draft = path.with_extension(format!("{}.new", std::process::id()));
        let written = write_private(&draft, &self.to_text()).and_then(|()| std::fs::hard_link(&draft, path));
        std::fs::remove_file(&draft)?;
        written
    }

    fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(
            "# The keys of this exchange. Without them no contact detail can be read again: keep a copy in a safe place.\n",
        ));
        text.push_str(&format!("hash_key = \"{}\"\n", STANDARD.encode(self.hash_key.as_ref())));
        for named in std::iter::once(&self.active).chain(&self.old) {
            text.push_str(&format!("\n[[keys]]\nid = \"{}\"\nkey = \"{}\"\n", named.id, STANDARD.encode(named.key.as_ref())));
        }
        text
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(..)")
    }
}

impl NamedKey {
    fn generate(entropy: &dyn Entropy, id: &str) -> Self {
        Self { id: id.to_owned(), key: random_key(entropy) }
    }
}

fn random_key(entropy: &dyn Entropy) -> Secret {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    entropy.fill(key.as_mut());
    key
}

fn decoded(text: &SecretString) -> Option<Secret> {
    let bytes = Zeroizing::new(STANDARD.decode(text.expose_secret()).ok()?);
    <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
}

fn hmac(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; KEY_BYTES] {
    // HMAC fills a key up with zeros to the block of the hash; a whole block cannot be refused.
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::ports::SeededEntropy;

    fn config(data_dir: &Path) -> Config {
        Config::from_toml(&format!("[server]\ndata_dir = {:?}", data_dir.display().to_string())).unwrap()
    }

    #[test]
    fn the_first_start_makes_a_ring_and_the_next_one_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let config = config(&data_dir);
        let first = KeyRing::load(&config.crypto, &config.server, &SeededEntropy::new(1)).unwrap();
        let second = KeyRing::load(&config.crypto, &config.server, &SeededEntropy::new(2)).unwrap();
        assert_eq!(first.keyed_hash("phone", "+1"), second.keyed_hash("phone", "+1"));
        assert_eq!(first.active(), second.active());
        assert_eq!(std::fs::read_dir(&data_dir).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = data_dir.join("keyring.toml");
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
            let refused = KeyRing::load(&config.crypto, &config.server, &SeededEntropy::new(3));
            assert!(matches!(refused, Err(KeyRingError::Exposed(_))));
        }
    }

    #[test]
    fn hashes_keep_kinds_and_exchanges_apart_and_survive_rotation() {
        let entropy = SeededEntropy::new(1);
        let ring = KeyRing::generate(&entropy, "a");
        let hash = ring.keyed_hash("phone", "+4420");
        assert_eq!(hash, ring.rotated(&entropy, "b").unwrap().keyed_hash("phone", "+4420"));
        assert_ne!(hash, ring.keyed_hash("email", "+4420"));
        assert_ne!(hash, KeyRing::generate(&entropy, "a").keyed_hash("phone", "+4420"));
        assert!(matches!(ring.rotated(&entropy, "a"), Err(KeyRingError::NameTaken)));
    }

    #[test]
    fn a_spoiled_key_file_is_refused_without_quoting_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        write_private(&folder.path().join("keyring.toml"), "hash_key = \"c2VjcmV0\"\nkeys = oops").unwrap();
        let error = KeyRing::load(&config.crypto, &config.server, &SeededEntropy::new(1)).unwrap_err();
        assert!(matches!(error, KeyRingError::NotARing(_)));
        assert!(!error.to_string().contains("c2VjcmV0"));
        assert_eq!(format!("{:?}", KeyRing::generate(&SeededEntropy::new(1), "a")), "KeyRing(..)");
    }
}
