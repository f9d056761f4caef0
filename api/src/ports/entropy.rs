//! Randomness: keys, tokens and the random part of ids.

use std::sync::{Mutex, PoisonError};

use domain::id::uuid_v7;
use domain::time::Timestamp;
use rand::rngs::SysRng;
use rand::{Rng, SeedableRng, TryRng};
use rand_chacha::ChaCha20Rng;
use uuid::Uuid;

/// Gives random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `buf` with random bytes.
    fn fill(&self, buf: &mut [u8]);

    /// A new UUIDv7 of the instant `now`.
    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        uuid_v7(now, random)
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::panic, reason = "without randomness every key and token would be guessable: there is no way to go on")]
    fn fill(&self, buf: &mut [u8]) {
        if let Err(error) = SysRng.try_fill_bytes(buf) {
            panic!("the operating system gives no randomness: {error}");
        }
    }

    /// From a generator of the thread's own that the system's seeds again and again: a purchase makes half a dozen ids, and asking
    /// the system for each is a call of its own.
    #[expect(clippy::disallowed_methods, reason = "this is the port")]
    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        rand::rng().fill_bytes(&mut random);
        uuid_v7(now, random)
    }
}

/// The same bytes for the same seed, for tests and the demo. Never for a real exchange: its keys could be computed.
pub struct SeededEntropy(Mutex<ChaCha20Rng>);

impl SeededEntropy {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buf: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(buf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_stream_and_the_system_does_not() {
        let draw = |entropy: &dyn Entropy| {
            let mut buf = [0; 32];
            entropy.fill(&mut buf);
            buf
        };
        assert_eq!(draw(&SeededEntropy::new(7)), draw(&SeededEntropy::new(7)));
        assert_ne!(draw(&SeededEntropy::new(7)), draw(&SeededEntropy::new(8)));
        assert_ne!(draw(&SystemEntropy), draw(&SystemEntropy));
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(SeededEntropy::new(7).uuid(now), SeededEntropy::new(7).uuid(now));
        assert_ne!(SystemEntropy.uuid(now), SystemEntropy.uuid(now));
    }
}
