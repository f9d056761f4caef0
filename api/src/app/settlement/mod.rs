//! Settlement: purchases, placements of bids and releases of holds go through one queue per process. While one batch is
//! being committed the next one gathers, without a timer; each batch is one transaction.

mod batch;
mod queue;

use store::WriteError;
use store::settlement::{Batch, Needs};

use crate::config::Exchange;

pub use queue::{Queue, Settled};

/// What the queue can do: one kind for each use case that moves money in batches.
///
/// A command is decided again when its transaction is: it changes nothing but the batch.
pub(crate) trait Command: Send + 'static {
    /// The mutation's name, for metrics.
    const NAME: &'static str;

    /// What a caller gets when it was done.
    type Outcome: Send + 'static;

    /// Names the rows that [`Command::decide`] reads.
    fn needs(&self, needs: &mut Needs);

    /// Decides on what the commands before have left, and records what follows; a refusal records nothing.
    fn decide(&self, batch: &mut Batch, exchange: &Exchange) -> Result<Self::Outcome, WriteError>;
}
