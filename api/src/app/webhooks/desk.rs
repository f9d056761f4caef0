//! Where the messages of events go straight to whoever sends them in the same process: with a place reserved for each, and leased as they
//! are written, so that nobody takes them from the database.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use domain::id::WebhookEndpointId;
use store::webhooks::{Leased, Target};
use tokio::sync::{Notify, mpsc};

use super::attempt::News;
use crate::app::places::Places;

/// The desk of the sender that runs in this process, if one does.
#[derive(Debug, Default)]
pub struct Desks(Mutex<Weak<Desk>>);

/// What a sender shares with whoever has messages for it.
#[derive(Debug)]
pub(super) struct Desk {
    places: Mutex<Places<WebhookEndpointId>>,
    begun: Notify,
    /// The sender has to look in the database for what waits there: what is new queues behind it.
    is_behind: AtomicBool,
    tell: mpsc::UnboundedSender<News>,
    secs: i64,
}

/// Places that are reserved until messages are handed over, and free again if they are not.
#[derive(Debug)]
pub(super) struct Reserved {
    desk: Arc<Desk>,
    endpoints: Vec<WebhookEndpointId>,
}

impl Desks {
    /// From now on messages come to `desk`.
    pub(super) fn open(&self, desk: &Arc<Desk>) {
        *self.locked() = Arc::downgrade(desk);
    }

    /// No more messages come to a sender directly.
    pub(super) fn close(&self) {
        *self.locked() = Weak::new();
    }

    pub(super) fn current(&self) -> Option<Arc<Desk>> {
        self.locked().upgrade()
    }

    fn locked(&self) -> MutexGuard<'_, Weak<Desk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// A desk with `places`, at which messages that are handed over are leased for `secs`, and of which `tell` is told.
    pub(super) fn new(places: Places<WebhookEndpointId>, secs: i64, tell: mpsc::UnboundedSender<News>) -> Self {
        Self { places: Mutex::new(places), begun: Notify::new(), is_behind: AtomicBool::new(false), tell, secs }
    }

    pub(super) fn places(&self) -> MutexGuard<'_, Places<WebhookEndpointId>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long messages that are handed over are nobody else's, in seconds.
    pub(super) fn secs(&self) -> i64 {
        self.secs
    }

    /// Whether what waits in the database goes first.
    pub(super) fn behind(&self, is_behind: bool) {
        self.is_behind.store(is_behind, Ordering::Relaxed);
    }

    /// Begins what a place was reserved for, if there is one now; answers whether it did.
    pub(super) fn begin_reserved(&self) -> bool {
        let begins = self.places().begin_reserved();
        if begins {
            self.begun.notify_one();
        }
        begins
    }

    /// Waits until `room` places can be reserved, but no longer than `patience`; answers how many can.
    pub(super) async fn room(&self, room: usize, patience: Duration) -> usize {
        let until = tokio::time::Instant::now() + patience;
        loop {
            let some = self.places().reservable();
            if some >= room || tokio::time::timeout_at(until, self.begun.notified()).await.is_err() {
                return some;
            }
        }
    }

    /// Nothing yet.
    pub(super) fn reserve(self: &Arc<Self>) -> Reserved {
        Reserved { desk: Arc::clone(self), endpoints: Vec::new() }
    }
}

impl Reserved {
    /// Reserves a place for a message to `endpoint`, if there is one; answers whether there was.
    pub(super) fn take(&mut self, endpoint: WebhookEndpointId) -> bool {
        let takes = !self.desk.is_behind.load(Ordering::Relaxed) && self.desk.places().reserve(endpoint);
        if takes {
            self.endpoints.push(endpoint);
        }
        takes
    }

    /// Gives a place at `endpoint` back.
    pub(super) fn give_back(&mut self, endpoint: WebhookEndpointId) {
        if let Some(at) = self.endpoints.iter().rposition(|reserved| *reserved == endpoint) {
            self.endpoints.swap_remove(at);
            self.desk.places().give_back(endpoint);
        }
    }

    /// Hands over a message for each of the places, in the database under a lease, and says to which endpoints there are others.
    pub(super) fn hand_over(mut self, leased: Vec<Leased>, targets: Vec<Target>, left: BTreeSet<WebhookEndpointId>) {
        // A sender that has gone leaves them to whoever takes them when the lease has run out.
        if !leased.is_empty() && self.desk.tell.send(News::Handed(leased, targets)).is_ok() {
            self.endpoints.clear();
        }
        if !left.is_empty() {
            self.desk.tell.send(News::Left(left)).unwrap_or_default();
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut places = self.desk.places();
        for endpoint in &self.endpoints {
            places.give_back(*endpoint);
        }
    }
}
