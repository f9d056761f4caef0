//! One batch: loaded, decided and written in one transaction, which is tried again, or divided, when it fails.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use futures::FutureExt;
use store::error::Fault;
use store::settlement::{Batch, Needs};
use store::{Store, StoreError, Tx, WriteError};
use tokio::sync::oneshot;

use super::Command;
use super::queue::busy;
use crate::app::AppError;
use crate::config::Exchange;

/// A command of any kind that waits in the queue.
pub(super) trait Queued: Send {
    /// The mutation's name.
    fn name(&self) -> &'static str;

    /// Since when it waits.
    fn since(&self) -> Instant;

    /// See [`Command::needs`].
    fn needs(&self, needs: &mut Needs);

    /// Decides it and keeps the outcome, in place of that of an earlier attempt. A fault fails the whole attempt.
    fn decide(&mut self, batch: &mut Batch, exchange: &Exchange) -> Result<(), WriteError>;

    /// Gives the caller the outcome, once it is committed.
    fn deliver(self: Box<Self>);

    /// Gives the caller an error.
    fn fail(self: Box<Self>, error: AppError);
}

/// A command with the caller that waits for it.
pub(super) struct Waiting<C: Command> {
    command: C,
    since: Instant,
    decided: Option<Result<C::Outcome, AppError>>,
    answer: oneshot::Sender<Result<C::Outcome, AppError>>,
}

impl<C: Command> Waiting<C> {
    pub(super) fn new(command: C, answer: oneshot::Sender<Result<C::Outcome, AppError>>) -> Self {
        Self { command, since: Instant::now(), decided: None, answer }
    }
}

impl<C: Command> Queued for Waiting<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn since(&self) -> Instant {
        self.since
    }

    fn needs(&self, needs: &mut Needs) {
        self.command.needs(needs);
    }

    fn decide(&mut self, batch: &mut Batch, exchange: &Exchange) -> Result<(), WriteError> {
        self.decided = None;
        match self.command.decide(batch, exchange) {
            Ok(outcome) => self.decided = Some(Ok(outcome)),
            Err(WriteError::Refused(refusals)) => self.decided = Some(Err(AppError::Refused(refusals))),
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    fn deliver(self: Box<Self>) {
        let outcome = self.decided.unwrap_or_else(|| Err(AppError::internal("a command was not decided")));
        // Who has gone away learns it from the same call with the same key.
        self.answer.send(outcome).unwrap_or_default();
    }

    fn fail(self: Box<Self>, error: AppError) {
        self.answer.send(Err(error)).unwrap_or_default();
    }
}

/// Settles the commands in their order. A transaction that fails for what its commands do is divided, until those that make
/// it fail stand alone; each caller gets its own outcome.
pub(super) async fn settle(store: &Store, exchange: &Exchange, commands: Vec<Box<dyn Queued>>) {
    let mut parts = VecDeque::from([commands]);
    while let Some(mut part) = parts.pop_front() {
        match attempt(store, exchange, &mut part).await {
            Ok(()) => part.into_iter().for_each(Queued::deliver),
            Err(error) if part.len() > 1 && is_of_commands(&error) => {
                metrics::counter!("clearlead_settlement_divided").increment(1);
                let rest = part.split_off(part.len() / 2);
                parts.push_front(rest);
                parts.push_front(part);
            }
            Err(error) => fail(part, error),
        }
    }
}

async fn attempt(store: &Store, exchange: &Exchange, commands: &mut Vec<Box<dyn Queued>>) -> Result<(), WriteError> {
    let mut needs = Needs::default();
    commands.iter().for_each(|queued| queued.needs(&mut needs));
    let (needs, commands) = (&needs, &Mutex::new(commands));
    let written = store.write("settlement", |tx: Tx| async move {
        let mut batch = Batch::load(&tx, needs).await?;
        for queued in commands.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            queued.decide(&mut batch, exchange)?;
        }
        batch.write().await
    });
    // A panic is a fault of one command like any other.
    let panicked = |_| Err(StoreError::Misuse("a command panicked").into());
    AssertUnwindSafe(written).catch_unwind().await.unwrap_or_else(panicked)
}

/// Whether some of the commands may succeed without the others. When the database is not there none will.
fn is_of_commands(error: &WriteError) -> bool {
    match error {
        WriteError::Refused(_) => true,
        WriteError::Store(error) => !error.is_unreachable(),
    }
}

fn fail(commands: Vec<Box<dyn Queued>>, error: WriteError) {
    for queued in commands {
        let error = match &error {
            WriteError::Refused(refusals) => AppError::Refused(refusals.clone()),
            // It collided with others as often as it was tried: nothing has happened, and the next time may be quieter.
            WriteError::Store(error) if error.fault() == Fault::Transient && !error.is_unreachable() => busy(),
            WriteError::Store(error) => AppError::Store(error.clone()),
        };
        queued.fail(error);
    }
}
