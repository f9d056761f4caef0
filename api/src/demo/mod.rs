//! `clearlead demo`: a market on real input, run by actors through the same use cases as any client's, on a clock of its own.

mod advertiser;
mod agency;
mod agenda;
mod buying;
mod calling;
mod cast;
mod closing;
pub(crate) mod dice;
mod exhibit;
mod findings;
mod flaw;
mod form;
mod injection;
mod intake;
mod market;
mod people;
pub(crate) mod place;
mod progress;
mod quarrel;
pub mod report;
mod script;
mod seller;
mod selling;
mod table;
mod till;
mod timings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use store::{StoreError, WriteError};

use crate::app::{App, AppError, StoreSource};
use crate::config::Config;
use crate::ports::{Clock, Entropy, FakeClock, SeededEntropy};

use advertiser::ADVERTISERS;
use agenda::Agenda;
use cast::Cast;
use findings::Findings;
use form::OPENING;
use market::Market;
use place::Place;

pub use cast::{Login, PASSWORD};
pub use flaw::Flaw;
pub use progress::Progress;
pub use report::Report;
pub use table::Table;
pub(crate) use table::amount;
pub use till::Till;
pub use timings::Timings;

/// What decides a run.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Rows of the input, spread evenly over it.
    pub rows: usize,
    /// What decides every chance.
    pub seed: u64,
    /// The folder in which the demo makes its own.
    pub data_dir: PathBuf,
    /// Another database than a file in that folder.
    pub database_url: Option<SecretString>,
    /// Where the exchange listens afterwards.
    pub bind: String,
    /// Whether a double of Stripe takes part.
    pub stripe: bool,
}

/// A market that has run.
#[derive(Debug)]
pub struct Done {
    /// The figures.
    pub report: Report,
    /// Log-ins for each part.
    pub logins: Vec<Login>,
    /// The settings of its exchange.
    pub config: Config,
    /// How long each phase took.
    pub timings: Timings,
    /// The double of Stripe, if one took part; it ends with this.
    pub till: Option<Till>,
}

/// Why the demo did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The input cannot be read.
    #[error("the demo's input: {0}")]
    Input(String),
    /// The folder or the database will not do.
    #[error("{0}")]
    Place(String),
    /// A use case refused an actor, or failed.
    #[error(transparent)]
    App(#[from] AppError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database failed while writing.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file could not be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Something that cannot be.
    #[error("the demo met {0}")]
    Unexpected(&'static str),
}

impl Demo {
    /// Makes the database anew and runs the market to the end of its last hold.
    pub async fn run(&self, progress: &Progress) -> Result<Done, DemoError> {
        let mut timings = Timings::default();
        let clock = Arc::new(FakeClock::new(OPENING));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(self.seed));
        let place = Place::new(&self.data_dir, self.database_url.clone());
        let till = if self.stripe { Some(Till::open(self.seed).await?) } else { None };
        let config = place.config(&self.bind, &till.as_ref().map(Till::settings).unwrap_or_default())?;
        place.clear(Arc::new(StoreSource::new(clock.clone(), Arc::clone(&entropy)))).await?;
        let shared: Arc<dyn Clock> = clock.clone();
        let app = Arc::new(place.open(config.clone(), shared, entropy).await?);
        let started = timings.start();
        app.store.migrate().await?;
        app.store.demo_mark().await?;
        crate::app::payments::payments_open(&app).await?;
        crate::app::verticals::verticals_seed(&app).await?;
        let cast = Cast::assemble(&app).await?;
        timings.add("database and accounts", started);
        let report = Box::pin(self.trade(&app, &clock, (&cast, till.as_ref()), &place, progress, &mut timings)).await;
        progress.end();
        let report = report?;
        app.store.close().await?;
        Ok(Done { report, logins: cast.logins(), config, timings, till })
    }

    async fn trade(
        &self,
        app: &Arc<App>,
        clock: &FakeClock,
        (cast, till): (&Cast, Option<&Till>),
        place: &Place,
        progress: &Progress,
        timings: &mut Timings,
    ) -> Result<Report, DemoError> {
        let started = timings.start();
        let records = people::read(self.rows)?;
        let domains: Vec<String> = ADVERTISERS.into_iter().map(|advertiser| advertiser.domain().to_owned()).collect();
        let injected = injection::inject(&records, &domains, self.seed);
        timings.add("input and injection", started);
        let mut market = Market {
            app,
            clock,
            seed: self.seed,
            cast,
            till,
            truth: &injected.truth,
            findings: Findings::default(),
            agenda: Agenda::default(),
            leads: BTreeMap::new(),
            days: Vec::new(),
            bought: BTreeMap::new(),
            revenue: BTreeMap::new(),
            quarrels: BTreeMap::new(),
            neglected: BTreeSet::new(),
            timings,
        };
        market.deposit().await?;
        market.hand_in(&injected.forms, place.folder(), progress).await?;
        market.take_stock().await?;
        market.run(progress).await?;
        market.withdraw().await?;
        market.report(&injected.truth).await
    }
}
