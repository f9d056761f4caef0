//! Scripted faults: what goes wrong with the next requests, before or after they take effect.

use serde::{Deserialize, Serialize};

/// A fault for the next requests of a kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fault {
    /// `GET` or `POST`; any if none.
    #[serde(default)]
    pub method: Option<String>,
    /// What the path begins with, such as `/v1/transfers`.
    pub path: String,
    /// How many requests it befalls.
    #[serde(default = "once")]
    pub times: u32,
    /// Whether the request takes effect.
    pub phase: Phase,
    /// What the client notices.
    #[serde(flatten)]
    pub action: FaultAction,
    /// Whether an answer after the effect replaces the true one under the idempotency key too, as a 500 of Stripe's own does;
    /// otherwise the fault is on the way, and a replay has the true answer.
    #[serde(default)]
    pub keep: bool,
}

/// Whether a faulted request takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The fault comes first: nothing is executed and no idempotency key used up. (A hang delays the execution only.)
    Before,
    /// The request is executed, and the fault befalls its answer.
    After,
}

/// What the client of a faulted request notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum FaultAction {
    /// An answer with this status and a fitting error object.
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// No answer for this long, or until hanging requests are released; then it goes on as if nothing had been.
    Hang {
        /// Milliseconds of real time; until released if none.
        #[serde(default)]
        millis: Option<u64>,
    },
    /// The connection closed without an answer.
    Drop,
}

fn once() -> u32 {
    1
}

/// The faults that are still to come, the first scripted first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pending: Vec<Fault>,
    releases: u64,
    hanging: usize,
}

impl Faults {
    pub(crate) fn script(&mut self, fault: Fault) {
        self.pending.push(fault);
    }

    /// Lets every request that hangs now go on.
    pub(crate) fn release(&mut self) {
        self.releases = self.releases.wrapping_add(1);
    }

    /// A request begins to hang; says how often hanging requests were released before.
    pub(crate) fn begin_hang(&mut self) -> u64 {
        self.hanging += 1;
        self.releases
    }

    /// A request hangs no longer.
    pub(crate) fn end_hang(&mut self) {
        self.hanging = self.hanging.saturating_sub(1);
    }

    /// How many requests hang now.
    pub(crate) fn hanging(&self) -> usize {
        self.hanging
    }

    /// How often hanging requests were released.
    pub(crate) fn releases(&self) -> u64 {
        self.releases
    }

    /// Nothing scripted any more, and what hangs released.
    pub(crate) fn emptied(&self) -> Self {
        Self { pending: Vec::new(), releases: self.releases.wrapping_add(1), hanging: self.hanging }
    }

    pub(crate) fn clear(&mut self) {
        self.pending.clear();
    }

    pub(crate) fn pending(&self) -> &[Fault] {
        &self.pending
    }

    /// The fault that befalls this request, counted down.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let befalls = |fault: &Fault| {
            fault.times > 0
                && path.starts_with(&fault.path)
                && fault.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
        };
        let fault = self.pending.iter_mut().find(|fault| befalls(fault))?;
        fault.times -= 1;
        let taken = fault.clone();
        self.pending.retain(|fault| fault.times > 0);
        Some(taken)
    }
}
