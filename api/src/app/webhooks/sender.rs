//! Sends what is due: takes messages in batches, by hand or from the database, posts them side by side, and writes down in batches what
//! came of them.
//!
//! Nobody waits for a slow endpoint: see [`Places`].

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::id::{WebhookDeliveryId, WebhookEndpointId};
use store::held::Held;
use store::webhooks::{Attempted, EndpointRoom, Lease, Leased, Target};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::attempt::{News, Sending, attempt};
use super::desk::Desk;
use super::looking::Looking;
use super::notice::{WEBHOOK_NOTICE, notice};
use super::sign::Signer;
use crate::app::places::{Limits, Places, Room};
use crate::app::under_way::{Leases, RENEWED};
use crate::app::{App, AppError};

/// How many messages are taken, and how many attempts written down, in one transaction.
const BATCH: usize = 500;
/// Messages under way to an endpoint that has answered none yet.
const UNTRIED: i64 = 1;
/// How long it is waited, while nearly all places are taken, for half a batch of them to become free: a transaction for each few messages
/// would cost more than the messages.
const GATHERING: Duration = Duration::from_millis(10);
/// Of how many endpoints the secrets are remembered.
const REMEMBERED: usize = 10_000;

/// Sends the messages that are due. One per process.
#[derive(Debug)]
pub struct Sender {
    app: Arc<App>,
    desk: Arc<Desk>,
    signers: HashMap<WebhookEndpointId, Arc<Signer>>,
    tell: mpsc::UnboundedSender<News>,
    news: mpsc::UnboundedReceiver<News>,
    leases: Leases<WebhookDeliveryId>,
    looking: Looking,
    behind: Option<WebhookEndpointId>,
    /// Messages that were handed over and whose secrets are still to be read.
    unsigned: Vec<(Vec<Leased>, Vec<Target>)>,
    /// Messages that begin when places become free.
    queued: VecDeque<Sending>,
    unwritten: Vec<Attempted>,
    done: u64,
}

impl Sender {
    /// With nothing under way.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        // What waits in the channel is no more than what is under way.
        let (tell, news) = mpsc::unbounded_channel();
        let settings = &app.config.webhooks;
        let places = Places::new(Limits {
            quick_max: settings.in_flight_max,
            slow_max: settings.slow_max,
            per_target: settings.in_flight_per_endpoint,
            untried: UNTRIED,
        });
        let leases = Leases::new(settings.slow_millis);
        let desk = Arc::new(Desk::new(places, leases.secs(), tell.clone()));
        let looking = Looking::new(Duration::from_millis(app.config.workers.poll_millis));
        let (unsigned, queued, unwritten) = (Vec::new(), VecDeque::new(), Vec::new());
        Self {
            app,
            desk,
            signers: HashMap::new(),
            tell,
            news,
            leases,
            looking,
            behind: None,
            unsigned,
            queued,
            unwritten,
            done: 0,
        }
    }

    /// Sends until `stop`, and then waits for what is under way.
    pub async fn run(mut self, stop: CancellationToken) {
        let pause = Duration::from_millis(self.app.config.workers.poll_millis);
        let due = Arc::clone(&self.app.webhooks_due);
        self.app.webhook_desks.open(&self.desk);
        loop {
            let stopping = stop.is_cancelled();
            if stopping {
                self.app.webhook_desks.close();
            }
            if self.step(!stopping).await {
                self.gather().await;
                continue;
            }
            if stopping && self.desk.places().in_flight() == 0 {
                return;
            }
            tokio::select! {
                Some(news) = self.news.recv() => self.hear(news),
                () = due.notified(), if !stopping => self.looking.anywhere(),
                () = stop.cancelled(), if !stopping => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sends what is due now, and what that lets follow, and waits for all of it; answers how many attempts there were.
    pub async fn drain(&mut self) -> u64 {
        let before = self.done;
        loop {
            self.looking.anywhere();
            if self.step(true).await {
                continue;
            }
            if self.desk.places().in_flight() == 0 {
                return self.done.saturating_sub(before);
            }
            if let Ok(Some(news)) = tokio::time::timeout(RENEWED, self.news.recv()).await {
                self.hear(news);
            }
        }
    }

    /// Waits until there is room for half a batch, or half of all places where they are fewer, but not for long.
    async fn gather(&mut self) {
        let until = tokio::time::Instant::now() + GATHERING;
        let room = self.app.config.webhooks.in_flight_max.min(BATCH) / 2;
        while self.desk.places().free() < room {
            match tokio::time::timeout_at(until, self.news.recv()).await {
                Ok(Some(news)) => self.hear(news),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Writes down what is over and takes what is due; answers whether there was anything.
    async fn step(&mut self, takes: bool) -> bool {
        while let Ok(news) = self.news.try_recv() {
            self.hear(news);
        }
        for (leased, targets) in std::mem::take(&mut self.unsigned) {
            self.send(leased, &targets).await;
        }
        let rest = self.unwritten.split_off(self.unwritten.len().min(BATCH));
        let over = std::mem::replace(&mut self.unwritten, rest);
        let is_due = takes && self.looking.is_due();
        let lease = if is_due { self.lease(&over) } else { None };
        if is_due && lease.is_none() {
            // What is new leaves the next places to what waits.
            self.desk.behind(true);
        }
        let asked = if lease.is_some() { self.looking.begin() } else { HashSet::new() };
        let app = Arc::clone(&self.app);
        let (held, secs) = (self.leases.due(), self.leases.secs());
        let work = async { tokio::join!(written(&app, &over), taken(&app, lease.clone()), renewed(&app, held, secs)) };
        let (was_written, taken, renewed) = self.hearing(work).await;
        if let Err(error) = renewed {
            tracing::error!(%error, "the leases of messages under way could not be renewed");
        }
        let mut did = !over.is_empty();
        match taken {
            Ok((leased, targets)) => {
                did |= self.looked(lease.as_ref(), &leased, asked, &over);
                leased.iter().for_each(|leased| self.desk.places().expect(leased.endpoint));
                did |= self.send(leased, &targets).await;
            }
            Err(error) => {
                tracing::error!(%error, "messages could not be taken");
                self.looking.anywhere();
                did = false;
            }
        }
        if let Err(error) = was_written {
            tracing::error!(%error, "what came of messages could not be written down");
            self.unwritten.extend(over);
            return false;
        }
        self.looking.written(over.iter().map(|attempted| attempted.endpoint));
        did || !self.unwritten.is_empty() || !self.unsigned.is_empty()
    }

    /// Does `work`; whatever ends meanwhile makes room for what is handed over.
    async fn hearing<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                Some(news) = self.news.recv() => self.hear(news),
            }
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Handed(leased, targets) => self.handed(leased, targets),
            News::Left(endpoints) => {
                let places = self.desk.places();
                self.looking.left(endpoints.into_iter().map(|endpoint| (endpoint, places.is_idle(&endpoint))));
            }
            News::Slow(endpoint, held) => {
                self.desk.places().slow(endpoint);
                self.leases.keep(held);
                self.begin_queued();
            }
            News::Over { endpoint, held, slow, attempted } => {
                self.leases.end(&held.id);
                let failed = attempted.as_ref().is_none_or(|attempted| !attempted.succeeded());
                self.desk.places().over(endpoint, slow, failed);
                self.done = self.done.saturating_add(1);
                self.unwritten.extend(attempted);
                self.begin_queued();
            }
        }
    }

    /// Sends messages that were handed over; those of endpoints whose secrets are not at hand come a little later.
    fn handed(&mut self, leased: Vec<Leased>, targets: Vec<Target>) {
        if targets.iter().any(|target| self.signer(target).is_none()) {
            self.unsigned.push((leased, targets));
        } else {
            self.begin(leased, &targets);
        }
    }

    /// What may be taken now, if anything. Nothing is taken for an endpoint whose failures are not written down yet: that may pause
    /// it.
    fn lease(&self, over: &[Attempted]) -> Option<Lease> {
        let settings = &self.app.config.webhooks;
        let places = self.desk.places();
        let room = places.reservable().min(BATCH);
        let least = (settings.in_flight_max.min(BATCH) / 4).max(1);
        // What came of earlier ones could not be written down: no more is begun before that is done.
        if room < least || self.unwritten.len() > settings.in_flight_max.max(BATCH) {
            return None;
        }
        let failed = over.iter().chain(&self.unwritten).filter(|attempted| !attempted.succeeded());
        let failed: BTreeSet<WebhookEndpointId> = failed.map(|attempted| attempted.endpoint).collect();
        let rooms = places.rooms(|endpoint| failed.contains(endpoint));
        let rooms = rooms.map(|Room { target, room, idle }| EndpointRoom { endpoint: target, room, idle });
        Some(Lease {
            limit: u64::try_from(room).unwrap_or(0),
            untried: UNTRIED,
            rooms: rooms.collect(),
            secs: self.leases.secs(),
            behind: self.behind,
        })
    }

    /// Goes on with the endpoints behind those that had their turn; answers whether the others are to be looked at too. `over` are the
    /// attempts that were written down beside the look.
    fn looked(
        &mut self,
        lease: Option<&Lease>,
        leased: &[Leased],
        asked: HashSet<WebhookEndpointId>,
        over: &[Attempted],
    ) -> bool {
        let Some(lease) = lease else { return false };
        let is_full = u64::try_from(leased.len()).is_ok_and(|count| count >= lease.limit);
        let has_others = !is_full && lease.behind.is_some();
        self.behind = if is_full { leased.iter().map(|leased| leased.endpoint).max() } else { None };
        self.desk.behind(is_full);
        if is_full || has_others {
            self.looking.anywhere();
        }
        let unwritten: HashSet<_> = over.iter().chain(&self.unwritten).map(|attempted| attempted.endpoint).collect();
        let places = self.desk.places();
        let is_idle = |endpoint: &_| places.is_idle(endpoint) && !unwritten.contains(endpoint);
        self.looking.found(asked, leased.iter().map(|leased| leased.endpoint), is_idle);
        has_others
    }

    /// Sends messages for which places are reserved; answers whether there were any.
    async fn send(&mut self, leased: Vec<Leased>, targets: &[Target]) -> bool {
        if leased.is_empty() {
            return false;
        }
        if let Err(error) = self.signers_read(targets).await {
            // The leases run out, and the messages are taken again.
            tracing::error!(%error, "the secrets of endpoints could not be read");
            leased.iter().for_each(|leased| self.desk.places().give_back(leased.endpoint));
            return false;
        }
        self.begin(leased, targets);
        true
    }

    fn begin(&mut self, leased: Vec<Leased>, targets: &[Target]) {
        let targets: HashMap<WebhookEndpointId, Arc<Target>> =
            targets.iter().map(|target| (target.endpoint, Arc::new(target.clone()))).collect();
        for leased in leased {
            let endpoint = leased.endpoint;
            let target = targets.get(&endpoint);
            let Some((target, signer)) = target.and_then(|target| Some((target, self.signer(target)?))) else {
                self.desk.places().give_back(endpoint);
                continue;
            };
            let sending = Sending {
                app: Arc::clone(&self.app),
                leased,
                target: Arc::clone(target),
                signer: Arc::clone(signer),
                tell: self.tell.clone(),
            };
            self.queued.push_back(sending);
        }
        self.begin_queued();
    }

    /// Begins what has a place now.
    fn begin_queued(&mut self) {
        while !self.queued.is_empty() && self.desk.begin_reserved() {
            if let Some(sending) = self.queued.pop_front() {
                tokio::spawn(attempt(sending));
            }
        }
    }

    /// What signs for an endpoint as it is now, if it is at hand.
    fn signer(&self, target: &Target) -> Option<&Arc<Signer>> {
        self.signers.get(&target.endpoint).filter(|signer| signer.version == target.version)
    }

    /// Reads the secrets of endpoints that are new here or have changed.
    async fn signers_read(&mut self, targets: &[Target]) -> Result<(), AppError> {
        if self.signers.len() > REMEMBERED {
            self.signers.clear();
        }
        let unknown: Vec<&Target> = targets.iter().filter(|target| self.signer(target).is_none()).collect();
        let ids: BTreeSet<WebhookEndpointId> = unknown.iter().map(|target| target.endpoint).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let secrets = self.app.store.webhook_secrets(&ids.into_iter().collect::<Vec<_>>(), self.app.now()).await?;
        for target in unknown {
            let own = secrets.iter().filter(|secret| secret.endpoint == target.endpoint);
            let signer = Signer::new(&self.app, target.version, own)?;
            self.signers.insert(target.endpoint, Arc::new(signer));
        }
        Ok(())
    }
}

async fn taken(app: &App, lease: Option<Lease>) -> Result<(Vec<Leased>, Vec<Target>), AppError> {
    match lease {
        Some(lease) => Ok(app.store.webhook_lease(lease).await?),
        None => Ok((Vec::new(), Vec::new())),
    }
}

async fn renewed(app: &App, held: Vec<Held<WebhookDeliveryId>>, secs: i64) -> Result<(), AppError> {
    if held.is_empty() { Ok(()) } else { Ok(app.store.webhook_lease_renew(held, secs).await?) }
}

async fn written(app: &App, over: &[Attempted]) -> Result<(), AppError> {
    if over.is_empty() {
        return Ok(());
    }
    let settings = &app.config.webhooks;
    let (failures_max, probe_secs) = (settings.failures_max, settings.probe_secs);
    let over: Arc<[Attempted]> = over.into();
    app.store
        .write("webhook_attempted", move |tx| {
            let over = Arc::clone(&over);
            async move {
                // A message whose outcome is lost is sent again.
                tx.commit_lazily().await?;
                for told in tx.webhook_attempted(&over, failures_max, probe_secs).await? {
                    tx.enqueue(WEBHOOK_NOTICE, notice(told), tx.now().await?).await?;
                }
                Ok::<_, AppError>(())
            }
        })
        .await
}
