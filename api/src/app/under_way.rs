//! What is under way to other servers: told when it takes long, and kept under its lease from then on.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use store::held::Held;

use super::AppError;

/// How long a lease lasts, in seconds, beyond the time after which work is slow. Short, so that what a dead process had under way is soon
/// taken up by another.
const LEASE_SECS: i64 = 10;
/// How often the leases of slow work are renewed.
pub(super) const RENEWED: Duration = Duration::from_secs(3);

/// The leases of what is slow.
#[derive(Debug)]
pub(super) struct Leases<I> {
    slow_millis: u32,
    slow: HashMap<I, i64>,
    renewed: Instant,
}

impl<I: Copy + Eq + Hash> Leases<I> {
    /// None yet. Work is slow after `slow_millis`.
    pub(super) fn new(slow_millis: u32) -> Self {
        Self { slow_millis, slow: HashMap::new(), renewed: Instant::now() }
    }

    /// How long each lasts, in seconds.
    pub(super) fn secs(&self) -> i64 {
        i64::from(self.slow_millis / 1_000).saturating_add(LEASE_SECS)
    }

    /// It is slow: its lease is to be renewed from now on.
    pub(super) fn keep(&mut self, held: Held<I>) {
        self.slow.insert(held.id, held.number);
    }

    /// It is over.
    pub(super) fn end(&mut self, id: &I) {
        self.slow.remove(id);
    }

    /// What is to be renewed now.
    pub(super) fn due(&mut self) -> Vec<Held<I>> {
        if self.slow.is_empty() || self.renewed.elapsed() < RENEWED {
            return Vec::new();
        }
        self.renewed = Instant::now();
        self.slow.iter().map(|(id, number)| Held { id: *id, number: *number }).collect()
    }
}

/// Does `work`, and says `slow` once when that takes longer than `slow_millis`; answers whether it did, and what came of it. A panic is an
/// error like any other.
pub(super) async fn watched<T>(
    slow_millis: u32,
    work: impl Future<Output = Result<T, AppError>>,
    slow: impl FnOnce(),
) -> (bool, Result<T, AppError>) {
    let work = AssertUnwindSafe(work).catch_unwind();
    tokio::pin!(work);
    let (was_slow, done) = match tokio::time::timeout(Duration::from_millis(slow_millis.into()), &mut work).await {
        Ok(done) => (false, done),
        Err(_) => {
            slow();
            (true, work.await)
        }
    };
    (was_slow, done.unwrap_or_else(|_| Err(AppError::internal("what was under way panicked"))))
}
