//! The open market: leads come at the asked rate by the real clock, whether or not the exchange keeps up, while the workers run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::id::{CampaignId, OrganizationId};
use domain::refusal::Code;
use futures::StreamExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cast::Cast;
use super::findings::{Findings, count};
use super::goods::Kind;
use super::orders::order;
use super::progress::Progress;
use super::watch::{Sample, watch};
use super::{SimulateError, Simulation};
use crate::app::campaigns::{CampaignCreate, CampaignDraft, campaign_create};
use crate::app::{App, AppError};
use crate::demo::dice::Dice;
use crate::workers::PASSES;

/// Leads that are being sold at the same time: agencies that wait for more than this have stopped sending.
const AT_ONCE: usize = 256;
/// Campaigns that are made at the same time.
const ORDERS_AT_ONCE: usize = 16;
/// One change of a campaign comes for so many leads.
const LEADS_PER_CHANGE: u64 = 8;
/// How often a call is made again that was answered RETRY_LATER, and after how long the first time, in milliseconds.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(40);

/// A campaign that the simulation made.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) id: CampaignId,
    pub(super) buyer: OrganizationId,
    pub(super) draft: CampaignDraft,
}

/// The market and everybody in it.
pub(super) struct Market {
    pub(super) app: Arc<App>,
    pub(super) cast: Cast,
    pub(super) kinds: Vec<Kind>,
    pub(super) seed: u64,
    findings: Mutex<Findings>,
    orders: Mutex<Vec<Order>>,
}

/// How the open market went.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// From the first lead until the last was concluded.
    pub(super) took: Duration,
    pub(super) batches: u64,
    pub(super) commands: u64,
    pub(super) samples: Vec<Sample>,
    pub(super) stopped: bool,
}

impl Market {
    pub(super) fn new(app: Arc<App>, cast: Cast, kinds: Vec<Kind>, seed: u64) -> Self {
        Self { app, cast, kinds, seed, findings: Mutex::default(), orders: Mutex::default() }
    }

    /// What was seen so far.
    pub(super) fn findings(&self) -> MutexGuard<'_, Findings> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn orders(&self) -> MutexGuard<'_, Vec<Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn dice(&self, purpose: &str, number: u64) -> Dice {
        Dice::of(self.seed, purpose, number)
    }

    /// The buyers make their first campaigns.
    pub(super) async fn order_all(self: &Arc<Self>, campaigns: u32, progress: &Progress, stop: &CancellationToken) {
        progress.begin("campaigns", campaigns.into());
        let each = |number: u32| async move {
            self.order_one(u64::from(number)).await;
            progress.step();
        };
        let orders = futures::stream::iter(0..campaigns).map(each).buffer_unordered(ORDERS_AT_ONCE).collect::<()>();
        stop.run_until_cancelled(orders).await;
    }

    /// A buyer makes a campaign. The buyers take turns, so that every one of them has one while there are enough.
    pub(super) async fn order_one(&self, number: u64) {
        let mut dice = self.dice("order", number);
        let buyers = u64::try_from(self.cast.buyers.len()).unwrap_or(1).max(1);
        let place = usize::try_from(number % buyers).unwrap_or(0);
        let Some(buyer) = self.cast.buyers.get(place) else { return };
        let Some(draft) = order(&self.kinds, number, &mut dice) else { return };
        let input = CampaignCreate { draft: draft.clone(), idempotency_key: format!("order-{number}") };
        match campaign_create(&self.app, &buyer.caller, input).await {
            Ok(made) => {
                self.findings().changed("made");
                self.orders().push(Order { id: made.id, buyer: buyer.organization, draft });
            }
            Err(error) => self.findings().refused("campaignCreate", &error),
        }
    }

    /// Opens the market for its time or until `stop`.
    pub(super) async fn open(self: &Arc<Self>, asked: &Simulation, progress: &Progress, stop: &CancellationToken) -> Session {
        progress.begin("market", asked.length.as_secs());
        let settled = self.app.settlement.settled();
        let closing = CancellationToken::new();
        let watching = tokio::spawn(watch(Arc::clone(self), closing.clone()));
        let (started, mut selling) = (Instant::now(), JoinSet::new());
        let stopped = self.sell_all(asked, (started, &mut selling), progress, stop).await;
        while let Some(ended) = selling.join_next().await {
            self.ended(ended);
        }
        let took = started.elapsed();
        closing.cancel();
        let samples = watching.await.unwrap_or_default();
        let after = self.app.settlement.settled();
        Session {
            took,
            batches: after.batches.saturating_sub(settled.batches),
            commands: after.commands.saturating_sub(settled.commands),
            samples,
            stopped,
        }
    }

    /// Sends leads on their way when they are due; answers whether it was told to stop. A lead whose time has come waits only
    /// for others that are under way, and the clock does not wait for it.
    async fn sell_all(
        self: &Arc<Self>,
        asked: &Simulation,
        (started, selling): (Instant, &mut JoinSet<()>),
        progress: &Progress,
        stop: &CancellationToken,
    ) -> bool {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let apart = Duration::from_secs(1) / asked.leads_per_second.max(1);
        let ends = started + asked.length;
        let mut said = started;
        for number in 0_u64.. {
            let due = started + apart.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
            if due >= ends {
                return stop.run_until_cancelled(tokio::time::sleep_until(ends)).await.is_none();
            }
            let permit = async {
                tokio::time::sleep_until(due).await;
                tokio::time::timeout_at(ends, Arc::clone(&permits).acquire_owned()).await
            };
            let permit = match stop.run_until_cancelled(permit).await {
                None => return true,
                Some(Ok(Ok(permit))) => permit,
                // The time is over before it was this lead's turn.
                Some(_) => return false,
            };
            let market = Arc::clone(self);
            selling.spawn(async move {
                Box::pin(market.sell(number)).await;
                if number % LEADS_PER_CHANGE == 0 {
                    Box::pin(market.change(number / LEADS_PER_CHANGE)).await;
                }
                drop(permit);
            });
            while let Some(ended) = selling.try_join_next() {
                self.ended(ended);
            }
            if said.elapsed() >= Duration::from_millis(500) {
                said = Instant::now();
                progress.reach(started.elapsed().as_secs(), self.said(started.elapsed()));
            }
        }
        false
    }

    fn ended(&self, ended: Result<(), tokio::task::JoinError>) {
        if ended.is_err() {
            self.findings().unexplained("an actor panicked".to_owned());
        }
    }

    fn said(&self, elapsed: Duration) -> String {
        let waiting = self.app.settlement.settled().waiting;
        let findings = self.findings();
        let rate = findings.leads_made() as f64 / elapsed.as_secs_f64().max(0.001);
        let (offers, sold) = (findings.offers, findings.leads_sold());
        format!("{rate:.0} leads/s, {offers} offers, {sold} sold, {waiting} waiting")
    }

    /// Makes a call, and again after a growing pause while the exchange is busy.
    pub(super) async fn patiently<T, F>(&self, call: impl Fn() -> F) -> Result<T, AppError>
    where
        F: Future<Output = Result<T, AppError>>,
    {
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            match call().await {
                Err(error) if error.refused_with(Code::RetryLater) => {
                    count(&mut self.findings().retried);
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                answered => return answered,
            }
        }
        call().await
    }

    /// Waits until no job is due any more: each new campaign has then met the open listings.
    pub(super) async fn jobs_done(&self, progress: &Progress, stop: &CancellationToken) -> Result<(), SimulateError> {
        let waiting = self.app.store.jobs_backlog().await?.waiting;
        progress.begin("jobs", waiting);
        while !stop.is_cancelled() {
            let backlog = self.app.store.jobs_backlog().await?;
            if backlog.due_since.is_none_or(|due| due > self.app.now()) {
                return Ok(());
            }
            progress.reach(waiting.saturating_sub(backlog.waiting), String::new());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }
}

/// The exchange's workers, as a serving process runs them, but with their failures counted.
pub(super) struct Workers {
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Workers {
    /// Starts every pass.
    pub(super) fn start(market: &Arc<Market>) -> Self {
        let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
        let pause = Duration::from_millis(market.app.config.workers.poll_millis);
        for (name, pass) in PASSES {
            let (market, stop) = (Arc::clone(market), stop.clone());
            running.spawn(async move {
                while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
                    if let Err(error) = pass(Arc::clone(&market.app)).await {
                        market.findings().unexplained(format!("worker {name}: {error}"));
                    }
                }
            });
        }
        Self { stop, running }
    }

    /// Lets each end its pass.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        while self.running.join_next().await.is_some() {}
    }
}
