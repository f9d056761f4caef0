//! The true externals: what the exchange cannot decide by itself. Each is a trait with its real adapters.

pub mod clock;
pub mod entropy;

pub use clock::{Clock, FakeClock, SystemClock};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
