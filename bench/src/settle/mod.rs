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

/// Buyers that wait at the same time, unless others are asked for.
pub(crate) const BUYERS: [usize; 4] = [1, 16, 64, 256];

/// One transaction for each purchase, as many at the same time as connections.
const ONE_BY_ONE: &str = "[settlement]\nbatch_max = 1\nlanes = 16\n";

/// What is to be measured.
pub(crate) struct Asked {
    /// Purchases of each measurement.
    pub(crate) purchases: usize,
    /// Batches at a time, if not as many as the configuration says.
    pub(crate) lanes: Option<usize>,
    /// Buyers that wait at the same time, each a case of its own.
    pub(crate) waiting: Vec<usize>,
    /// Whether (a) and (b) are left out.
    pub(crate) alone: bool,
}

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
    together: Vec<f64>,
    cpu: Vec<f64>,
    own_cpu: Vec<f64>,
}

/// With so many buyers waiting: through the queue, and one by one.
#[derive(Debug, Default)]
struct Cases {
    waiting: usize,
    queue: Case,
    single: Case,
}

impl Case {
    fn add(&mut self, run: &Run) {
        self.rates.push(run.rate);
        self.p50.push(run.p50_ms);
        self.p99.push(run.p99_ms);
        self.together.push(run.together);
        self.cpu.push(run.cpu_us);
        self.own_cpu.push(run.own_cpu_us);
    }
}

/// Measures on the stage's database, and on SQLite as well when that is Postgres.
pub(crate) async fn measure(stage: Stage, asked: Asked, json: bool) -> Result<(), Failure> {
    let versions = vec![Database::open(&stage.url).await?.version().await?];
    let mut report = Report::new("settle", versions);
    let settings = asked.lanes.map_or_else(String::new, |lanes| format!("[settlement]\nlanes = {lanes}\n"));
    if stage.app.store.backend() == Backend::Postgres {
        on(&stage, &asked, &settings, &mut report).await?;
        on(&Stage::set(None).await?, &asked, &settings, &mut report).await?;
    } else {
        on(&stage, &asked, &settings, &mut report).await?;
    }
    report.finish(json)
}

async fn on(stage: &Stage, asked: &Asked, settings: &str, report: &mut Report) -> Result<(), Failure> {
    let Asked { purchases, waiting, alone, .. } = asked;
    let backend = stage.app.store.backend();
    let ours = stage.process(settings).await?;
    let control = stage.process(ONE_BY_ONE).await?;
    let market = Market::open(&stage.app, waiting.iter().copied().max().unwrap_or(1)).await?;
    let function = match backend {
        Backend::Postgres if !alone => Function::create(stage).await?,
        _ => None,
    };
    for sellers in [Sellers::Many, Sellers::One] {
        let mut cases: Vec<Cases> = waiting.iter().map(|waiting| Cases { waiting: *waiting, ..Cases::default() }).collect();
        let mut called = Vec::new();
        for _ in 0..ROUNDS {
            for Cases { waiting, queue, single } in &mut cases {
                let purchases = if *waiting == 1 { purchases.div_ceil(10) } else { *purchases };
                queue.add(&round(&ours, &market, *waiting, purchases, sellers).await?);
                if !alone {
                    single.add(&round(&control, &market, *waiting, purchases, sellers).await?);
                }
            }
            if let Some(function) = &function {
                let listings = market.list(&stage.app, *purchases, sellers).await?;
                called.push(function.run(stage, &market, &listings).await?);
            }
        }
        tell(report, backend, sellers, &cases, &called);
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

fn tell(report: &mut Report, backend: Backend, sellers: Sellers, cases: &[Cases], called: &[f64]) {
    let place = match (backend, sellers) {
        (Backend::Postgres, Sellers::Many) => "Postgres",
        (Backend::Postgres, Sellers::One) => "Postgres, one hot seller",
        (Backend::Sqlite, Sellers::Many) => "SQLite",
        (Backend::Sqlite, Sellers::One) => "SQLite, one hot seller",
    };
    if !called.is_empty() {
        report.figure(format!("(b) function by pgbench, {} clients, {place}", function::CLIENTS), median(called), "1/s");
    }
    for Cases { waiting, queue, single } in cases {
        let name = |what: &str| format!("{what}, {waiting} waiting, {place}");
        let mut told = |what: &str, value: f64, unit: &'static str, ratio: f64| match single.rates.is_empty() {
            true => report.figure(name(what), value, unit),
            false => report.against(name(what), value, unit, "(a)", ratio),
        };
        let (rate, one_by_one) = (median(&queue.rates), median(&single.rates));
        told("purchases", rate, "1/s", rate / one_by_one);
        for (what, of, single, unit) in [
            ("p50", &queue.p50, &single.p50, "ms"),
            ("p99", &queue.p99, &single.p99, "ms"),
            ("processor time a purchase", &queue.cpu, &single.cpu, "us"),
            ("processor time a purchase, this process", &queue.own_cpu, &single.own_cpu, "us"),
        ] {
            told(what, median(of), unit, median(single) / median(of));
        }
        report.figure(name("purchases in a batch"), median(&queue.together), "");
        if !single.rates.is_empty() {
            report.figure(name("(a) purchases one by one"), one_by_one, "1/s");
        }
        if !called.is_empty() {
            report.against(name("purchases"), rate, "1/s", "(b)", rate / median(called));
        }
    }
    let is_alone = cases.iter().all(|case| case.single.rates.is_empty());
    if backend == Backend::Postgres && called.is_empty() && !is_alone {
        say("pgbench is missing: (b) is left out");
    }
}
