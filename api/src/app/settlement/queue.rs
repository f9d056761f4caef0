//! The queue: what waits, how many batches run, and the end of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::refusal::{Code, Refusal};
use store::Store;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::Command;
use super::batch::{Queued, Waiting, settle};
use crate::app::AppError;
use crate::config::Config;

/// How long one who was answered is waited for, at most: a fraction of what a command takes in a batch.
const FOR_EACH: Duration = Duration::from_micros(10);

/// The commands of one process on their way to the database.
///
/// A command that was accepted is done, whether or not its caller still waits for the answer.
pub struct Queue {
    store: Store,
    config: Arc<Config>,
    state: Mutex<State>,
    lanes: TaskTracker,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Queued>>,
    /// Lanes that run: each settles one batch after another and ends when nothing waits.
    running: usize,
    is_closed: bool,
    settled: Settled,
}

/// What a queue has taken to the database so far, and what waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settled {
    /// Batches that were begun.
    pub batches: u64,
    /// Commands in them.
    pub commands: u64,
    /// Commands that wait for a batch.
    pub waiting: usize,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(store: Store, config: Arc<Config>) -> Self {
        Self { store, config, state: Mutex::default(), lanes: TaskTracker::new() }
    }

    /// Does `command` in the next batch. Refused with RETRY_LATER when the queue is full or closed; nothing has happened
    /// then.
    pub(crate) async fn run<C: Command>(self: &Arc<Self>, command: C) -> Result<C::Outcome, AppError> {
        let (answer, answered) = oneshot::channel();
        self.push(Box::new(Waiting::new(command, answer)))?;
        answered.await.map_err(|_| AppError::internal("a command was left without its answer"))?
    }

    /// What was settled since the start, and what waits now.
    pub fn settled(&self) -> Settled {
        let state = self.lock();
        Settled { waiting: state.waiting.len(), ..state.settled }
    }

    /// Accepts no more commands and waits until those that were accepted are done, at most for `patience`; what has not
    /// begun by then is refused with RETRY_LATER. Answers whether all were done.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.lock().is_closed = true;
        self.lanes.close();
        let is_done = tokio::time::timeout(patience, self.lanes.wait()).await.is_ok();
        for queued in std::mem::take(&mut self.lock().waiting) {
            queued.fail(busy());
        }
        is_done
    }

    fn push(self: &Arc<Self>, queued: Box<dyn Queued>) -> Result<(), AppError> {
        let settings = &self.config.settlement;
        let mut state = self.lock();
        if state.is_closed || state.waiting.len() >= settings.queue_max {
            metrics::counter!("clearlead_settlement_refused").increment(1);
            return Err(busy());
        }
        state.waiting.push_back(queued);
        metrics::gauge!("clearlead_settlement_waiting").set(gauge(state.waiting.len()));
        if state.running < settings.lanes {
            state.running = state.running.saturating_add(1);
            self.lanes.spawn(Arc::clone(self).lane());
        }
        Ok(())
    }

    async fn lane(self: Arc<Self>) {
        let mut about_to_ask = 1;
        loop {
            self.gather(about_to_ask).await;
            let Some(batch) = self.next() else { return };
            about_to_ask = batch.len();
            settle(&self.store, &self.config.exchange, batch).await;
        }
    }

    /// Lets those ask who were answered just now or came with the first: all of them are one batch. Otherwise the first would be
    /// a batch by itself, and the others wait for two. There is no timer: others run meanwhile, and soon it is over.
    async fn gather(&self, about_to_ask: usize) {
        let patience = FOR_EACH.saturating_mul(u32::try_from(about_to_ask).unwrap_or(u32::MAX));
        let since = Instant::now();
        loop {
            tokio::task::yield_now().await;
            if self.lock().waiting.len() >= about_to_ask || since.elapsed() >= patience {
                return;
            }
        }
    }

    /// The commands that have gathered; `None` ends the lane.
    fn next(&self) -> Option<Vec<Box<dyn Queued>>> {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            state.running = state.running.saturating_sub(1);
            return None;
        }
        let count = state.waiting.len().min(self.config.settlement.batch_max);
        let batch: Vec<Box<dyn Queued>> = state.waiting.drain(..count).collect();
        state.settled.batches = state.settled.batches.saturating_add(1);
        state.settled.commands = state.settled.commands.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        metrics::gauge!("clearlead_settlement_waiting").set(gauge(state.waiting.len()));
        drop(state);
        metrics::histogram!("clearlead_settlement_batch_commands").record(gauge(batch.len()));
        let now = Instant::now();
        for queued in &batch {
            let waited = now.saturating_duration_since(queued.since());
            metrics::histogram!("clearlead_settlement_wait_seconds", "name" => queued.name()).record(waited.as_secs_f64());
        }
        Some(batch)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn busy() -> AppError {
    Refusal::new(Code::RetryLater, "the exchange is busy: ask again shortly").into()
}

/// A gauge holds 32 bits exactly, which is more than ever waits.
fn gauge(count: usize) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
