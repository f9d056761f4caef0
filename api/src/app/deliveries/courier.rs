//! Brings what is due, side by side. No sale waits for it, and no destination for another: see [`Places`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::id::{DeliveryId, DestinationId};
use store::deliveries::{Claim, Claimed};
use store::held::Held;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::pacing;
use super::run::deliver;
use crate::app::destinations::target;
use crate::app::places::{Limits, Places, Room};
use crate::app::under_way::{Leases, watched};
use crate::app::{App, AppError};

/// A delivery that is slow, and where to.
type Slow = (DestinationId, Held<DeliveryId>);

/// What is told of a delivery that is over.
struct Over {
    destination: DestinationId,
    delivery: DeliveryId,
    slow: bool,
    /// Whether its destination is in trouble, or else what went wrong on our side.
    ails: Result<bool, AppError>,
}

/// Brings the deliveries that are due. One per process; what is under way ends with it.
pub struct Courier {
    app: Arc<App>,
    places: Places<DestinationId>,
    running: JoinSet<Over>,
    tell: mpsc::UnboundedSender<Slow>,
    slow: mpsc::UnboundedReceiver<Slow>,
    leases: Leases<DeliveryId>,
    done: u64,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Courier({:?})", self.places)
    }
}

impl Courier {
    /// With nothing under way.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        // What waits in the channel is no more than what is under way.
        let (tell, slow) = mpsc::unbounded_channel();
        let settings = &app.config.delivery;
        let per_target = i64::try_from(settings.per_destination).unwrap_or(i64::MAX);
        let places =
            Places::new(Limits { quick_max: settings.at_once, slow_max: settings.slow_max, per_target, untried: per_target });
        let leases = Leases::new(settings.slow_millis);
        Self { app, places, running: JoinSet::new(), tell, slow, leases, done: 0 }
    }

    /// Brings what is due until `stop`, and then waits for what is under way.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let stopping = stop.is_cancelled();
            let taken = if stopping { Ok(0) } else { self.take().await };
            let taken = taken.unwrap_or_else(|error| {
                tracing::error!(%error, "deliveries could not be taken");
                0
            });
            if stopping && self.running.is_empty() {
                return;
            }
            if taken == 0 {
                tokio::select! {
                    () = self.hear() => {}
                    () = stop.cancelled(), if !stopping => {}
                }
            }
        }
    }

    /// Brings what is due now, and what that lets follow, and waits for all of it; answers how many were tried.
    pub async fn drain(mut self) -> Result<u64, AppError> {
        loop {
            match self.take().await {
                Ok(0) if self.running.is_empty() => return Ok(self.done),
                Ok(0) => self.hear().await,
                Ok(_) => {}
                Err(error) => {
                    while !self.running.is_empty() {
                        self.hear().await;
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Waits for news, or until it is time to look again.
    async fn hear(&mut self) {
        let pause = Duration::from_millis(self.app.config.workers.poll_millis);
        tokio::select! {
            Some(over) = self.running.join_next() => self.over(over),
            Some(slow) = self.slow.recv() => self.slowed(slow),
            () = tokio::time::sleep(pause) => {}
        }
        while let Some(over) = self.running.try_join_next() {
            self.over(over);
        }
        while let Ok(slow) = self.slow.try_recv() {
            self.slowed(slow);
        }
        let held = self.leases.due();
        if !held.is_empty()
            && let Err(error) = self.app.store.deliveries_lease_renew(held, self.leases.secs()).await
        {
            tracing::error!(%error, "the leases of deliveries under way could not be renewed");
        }
    }

    fn slowed(&mut self, (destination, held): Slow) {
        self.places.slow(destination);
        self.leases.keep(held);
    }

    fn over(&mut self, over: Result<Over, JoinError>) {
        // That it was slow was told before.
        while let Ok(slow) = self.slow.try_recv() {
            self.slowed(slow);
        }
        // Panics are caught inside, and nobody aborts one.
        let Ok(Over { destination, delivery, slow, ails }) = over else { return };
        self.done = self.done.saturating_add(1);
        self.leases.end(&delivery);
        if let Err(error) = &ails {
            // Its turn ends with the lease, and then it is tried again.
            tracing::error!(%error, %delivery, "a delivery could not be moved on");
        }
        self.places.over(destination, slow, ails.unwrap_or(true));
    }

    /// Takes what is due, as far as there are places; answers how many that were.
    async fn take(&mut self) -> Result<usize, AppError> {
        let settings = &self.app.config.delivery;
        let free = self.places.free();
        // While half of the places are taken it is worth to ask for more than one.
        if free.saturating_mul(2) < settings.at_once {
            return Ok(0);
        }
        let rooms = self.places.rooms(|_| false);
        let rooms: BTreeMap<DestinationId, u64> =
            rooms.map(|Room { target, room, .. }| (target, u64::try_from(room).unwrap_or(0))).collect();
        let claim = Claim {
            limit: u64::try_from(free).unwrap_or(u64::MAX),
            lease_secs: self.leases.secs(),
            per_destination: settings.per_destination,
            rooms,
        };
        let pace = |destination: &_| {
            // Settings that cannot be read are told by the delivery itself.
            target(destination).map_or(domain::delivery::Pacing { burst: 1, interval_millis: 1_000 }, |target| pacing(&target))
        };
        let claimed = self.app.store.deliveries_claim(&claim, pace).await?;
        let taken = claimed.len();
        for claimed in claimed {
            self.places.begin(claimed.destination.id);
            self.running.spawn(bring(Arc::clone(&self.app), claimed, self.tell.clone()));
        }
        Ok(taken)
    }
}

/// Makes one delivery, and tells when that takes long.
async fn bring(app: Arc<App>, claimed: Claimed, tell: mpsc::UnboundedSender<Slow>) -> Over {
    let (destination, delivery) = (claimed.destination.id, claimed.delivery.id);
    let held = Held { id: delivery, number: claimed.delivery.lease };
    // Whoever hears this has gone when nobody does: the process ends.
    let is_slow = || tell.send((destination, held)).unwrap_or_default();
    let (slow, ails) = watched(app.config.delivery.slow_millis, Box::pin(deliver(&app, claimed)), is_slow).await;
    Over { destination, delivery, slow, ails }
}
