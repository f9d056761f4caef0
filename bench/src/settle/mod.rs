//! Settlement: purchases a second and how long each takes, through the use case that a mutation calls.
//!
//! Beside it, in the same rounds: (a) the same code with one transaction for each purchase, as many at once as the database
//! has connections; (b) on Postgres the statements of one purchase as a function in the server, called by `pgbench`.

mod function;
mod market;
mod waiting;

use std::sync::Arc;

use api::app::App;
use bench_matching::median;
use store::Backend;

use crate::figures::{ROUNDS, Report};
use crate::read::Database;
use crate::stage::Stage;
use crate::{Failure, say};

use function::Function;
use market::Market;
use waiting::Run;

/// Buyers that wait at the same time.
const BUYERS: [usize; 4] = [1, 16, 64, 256];

/// One transaction for each purchase, as many at the same time as connections.
const ONE_BY_ONE: &str = "[settlement]\nbatch_max = 1\nlanes = 16\n";

/// Where purchases meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sellers {
    /// At many sellers' accounts.
    Many,
    /// All at one account.
    One,
}

/// What was measured of one case over the rounds.
#[derive(Debug, Default)]
struct Case {
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Case {
    fn add(&mut self, run: &Run) {
        self.rates.push(run.rate);
        self.p50.push(run.p50_ms);
        self.p99.push(run.p99_ms);
    }
}

/// Measures on the stage's database, and on SQLite as well when that is Postgres.
pub(crate) async fn measure(stage: Stage, purchases: usize, lanes: Option<usize>, json: bool) -> Result<(), Failure> {
    let versions = vec![Database::open(&stage.url).await?.version().await?];
    let mut report = Report::new("settle", versions);
    let settings = lanes.map_or_else(String::new, |lanes| format!("[settlement]\nlanes = {lanes}\n"));
    if stage.app.store.backend() == Backend::Postgres {
        on(&stage, purchases, &settings, &mut report).await?;
        on(&Stage::set(None).await?, purchases, &settings, &mut report).await?;
    } else {
        on(&stage, purchases, &settings, &mut report).await?;
    }
    report.finish(json)
}

async fn on(stage: &Stage, purchases: usize, settings: &str, report: &mut Report) -> Result<(), Failure> {
    let backend = stage.app.store.backend();
    let ours = stage.process(settings).await?;
    let control = stage.process(ONE_BY_ONE).await?;
    let market = Market::open(&stage.app, *BUYERS.last().unwrap_or(&1)).await?;
    let function = match backend {
        Backend::Postgres => Function::create(stage).await?,
        Backend::Sqlite => None,
    };
    for sellers in [Sellers::Many, Sellers::One] {
        let mut queue: [Case; BUYERS.len()] = Default::default();
        let mut single: [Case; BUYERS.len()] = Default::default();
        let mut called = Vec::new();
        for _ in 0..ROUNDS {
            for ((count, queue), single) in BUYERS.into_iter().zip(&mut queue).zip(&mut single) {
                let purchases = if count == 1 { purchases.div_ceil(10) } else { purchases };
                queue.add(&round(&ours, &market, count, purchases, sellers).await?);
                single.add(&round(&control, &market, count, purchases, sellers).await?);
            }
            if let Some(function) = &function {
                let listings = market.list(&stage.app, purchases, sellers).await?;
                called.push(function.run(stage, &market, &listings).await?);
            }
        }
        tell(report, backend, sellers, &queue, &single, &called);
    }
    if let Some((invariant, row)) = stage.app.store.ledger_verify().await?.first_broken() {
        return Err(format!("the ledger is broken: {invariant}: {row}").into());
    }
    Ok(())
}

async fn round(app: &Arc<App>, market: &Market, buyers: usize, purchases: usize, sellers: Sellers) -> Result<Run, Failure> {
    let listings = market.list(app, purchases, sellers).await?;
    waiting::run(app, market.buyers(buyers), listings).await
}

fn tell(report: &mut Report, backend: Backend, sellers: Sellers, queue: &[Case], single: &[Case], called: &[f64]) {
    let place = match (backend, sellers) {
        (Backend::Postgres, Sellers::Many) => "Postgres",
        (Backend::Postgres, Sellers::One) => "Postgres, one hot seller",
        (Backend::Sqlite, Sellers::Many) => "SQLite",
        (Backend::Sqlite, Sellers::One) => "SQLite, one hot seller",
    };
    if !called.is_empty() {
        report.figure(format!("(b) function by pgbench, {} clients, {place}", function::CLIENTS), median(called), "1/s");
    }
    for ((buyers, queue), single) in BUYERS.into_iter().zip(queue).zip(single) {
        let name = |what: &str| format!("{what}, {buyers} waiting, {place}");
        let rate = median(&queue.rates);
        report.figure(name("(a) purchases one by one"), median(&single.rates), "1/s");
        report.against(name("purchases"), rate, "1/s", "(a)", rate / median(&single.rates));
        if !called.is_empty() {
            report.against(name("purchases"), rate, "1/s", "(b)", rate / median(called));
        }
        report.against(name("p50"), median(&queue.p50), "ms", "(a)", median(&single.p50) / median(&queue.p50));
        report.against(name("p99"), median(&queue.p99), "ms", "(a)", median(&single.p99) / median(&queue.p99));
    }
    if backend == Backend::Postgres && called.is_empty() {
        say("pgbench is missing: (b) is left out");
    }
}
