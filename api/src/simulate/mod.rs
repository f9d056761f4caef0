//! `clearlead simulate`: a market of standing orders and real-time leads by the real clock, through the same use cases as any
//! client's, and a closing report of what held and what did not.

mod audit;
mod cast;
mod churn;
mod closing;
mod findings;
mod goods;
mod market;
mod orders;
mod posting;
mod progress;
mod report;
mod selling;
mod table;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use store::{Backend, StoreError};
use tokio_util::sync::CancellationToken;

use crate::app::verticals::verticals_seed;
use crate::app::{App, AppError, StoreSource};
use crate::demo::DemoError;
use crate::demo::place::Place;
use crate::ports::{SystemClock, SystemEntropy};

use cast::Cast;
use goods::kinds;
use market::{Market, Workers};

pub use progress::Progress;
pub use report::{Check, Latency, Queue, Report, SalesLine};
pub use table::Table;

/// How long an auction is open, in seconds: short, so that a minute's market sees many close.
const AUCTION_SECS: i64 = 10;

/// What decides a run.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// Agencies.
    pub sellers: u32,
    /// Advertisers.
    pub buyers: u32,
    /// Campaigns at the start, spread over the buyers.
    pub campaigns: u32,
    /// Leads that the agencies make each second, if the exchange keeps up.
    pub leads_per_second: u32,
    /// How long the market is open.
    pub length: Duration,
    /// How long an offer to a ping stands, in seconds.
    pub offer_secs: i64,
    /// What decides every chance; the clock is real, so no two runs are the same.
    pub seed: u64,
    /// The folder in which the simulation makes its own.
    pub data_dir: PathBuf,
    /// Another database than a file in that folder.
    pub database_url: Option<SecretString>,
}

/// Why a simulation did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// It was asked for something that makes no sense.
    #[error("{0}")]
    Asked(String),
    /// The folder or the database will not do.
    #[error(transparent)]
    Place(#[from] DemoError),
    /// A use case failed while the market was set up or looked through.
    #[error(transparent)]
    App(#[from] AppError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that cannot be.
    #[error("the simulation met {0}")]
    Unexpected(&'static str),
}

impl Simulation {
    /// Makes the database anew, opens the market for its time or until `stop`, lets it drain, and looks whether everything
    /// holds.
    pub async fn run(&self, progress: &Progress, stop: &CancellationToken) -> Result<Report, SimulateError> {
        self.check()?;
        let app = self.open().await?;
        let report = Box::pin(self.trade(&app, progress, stop)).await;
        progress.end();
        let report = report?;
        app.store.close().await?;
        Ok(report)
    }

    fn check(&self) -> Result<(), SimulateError> {
        let within = |what: &str, value: u64, most: u64| match (1..=most).contains(&value) {
            true => Ok(()),
            false => Err(SimulateError::Asked(format!("{what}: from 1 to {most}, not {value}"))),
        };
        within("sellers", self.sellers.into(), 10_000)?;
        within("buyers", self.buyers.into(), 100_000)?;
        within("campaigns", self.campaigns.into(), 1_000_000)?;
        within("leads per second", self.leads_per_second.into(), 10_000)?;
        within("seconds of the market", self.length.as_secs(), 86_400)?;
        within("seconds of an offer", u64::try_from(self.offer_secs).unwrap_or(0), 3_600)
    }

    async fn open(&self) -> Result<Arc<App>, SimulateError> {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let place = Place::in_folder(self.data_dir.join("simulation"), "simulation.db", self.database_url.clone());
        place.clear(Arc::new(StoreSource::new(clock.clone(), entropy.clone()))).await?;
        // Nobody ever logs in here, so the passwords may be cheap.
        let settings = format!(
            "[auth]\nargon2_memory_kib = 64\nargon2_iterations = 1\n[campaigns]\noffer_secs = {}\n\
             [exchange]\nauction_min_secs = {AUCTION_SECS}\n",
            self.offer_secs
        );
        let config = place.settings("127.0.0.1:8080", &settings)?;
        let app = Arc::new(place.open_in_earnest(config, clock, entropy).await?);
        app.store.migrate().await?;
        app.store.demo_mark().await.map_err(AppError::from)?;
        verticals_seed(&app).await?;
        Ok(app)
    }

    async fn trade(&self, app: &Arc<App>, progress: &Progress, stop: &CancellationToken) -> Result<Report, SimulateError> {
        let backend = match app.store.backend() {
            Backend::Sqlite => "SQLite",
            Backend::Postgres => "Postgres",
        };
        let kinds = kinds(self.campaigns)?;
        let cast = Cast::assemble(app, self, progress).await?;
        let market = Arc::new(Market::new(Arc::clone(app), cast, kinds, self.seed));
        let workers = Workers::start(&market);
        market.order_all(self.campaigns, progress, stop).await;
        market.jobs_done(progress, stop).await?;
        let session = market.open(self, progress, stop).await;
        market.close(self.offer_secs, progress).await?;
        workers.stop().await;
        let mut report = market.report(self, backend, &session);
        market.audit(&mut report, progress).await?;
        Ok(report)
    }
}
