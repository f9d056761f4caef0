//! The listing page over HTTP: what a request costs the process that serves it, beside a plain async-graphql resolver of the
//! same page on the same database.
//!
//! Both servers are children of this process, so that what their clients cost is not counted. In each round each answers every
//! load once, one after the other: the machine's moods meet both alike.

mod client;
mod control;
mod database;
mod load;
mod market;
mod page;
mod server;

use std::time::Duration;

use bench_matching::median;
use clap::Args;

use self::load::Load;
use self::page::Page;
use self::server::{Child, Side};
use crate::Failure;
use crate::figures::{ROUNDS, Report};
use crate::stage::Stage;

pub(crate) use database::Database;
pub(crate) use server::{ServeRead, serve};

/// Clients at once, each with a connection of its own and one request under way.
const CLIENTS: [usize; 3] = [1, 8, 32];
/// Clients while a page without rows is asked for.
const CLIENTS_OF_NOTHING: usize = 8;

/// What `bench -- read` is told.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Read {
    /// Open listings on the market.
    #[arg(long, default_value_t = 100_000)]
    listings: u32,
    /// How long each load lasts, in milliseconds.
    #[arg(long, default_value_t = 2_000)]
    millis: u64,
}

/// What one side did under one load, round by round.
#[derive(Debug, Default)]
struct Measured {
    /// Processor time of the serving process for one request, in microseconds.
    served_us: Vec<f64>,
    /// The same with that of the database's own processes.
    whole_us: Vec<f64>,
    per_second: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
}

/// Measures on SQLite, and on Postgres too when `database_url` names one.
pub(crate) async fn measure(database_url: Option<&str>, read: Read, json: bool) -> Result<(), Failure> {
    let mut sets = vec![("SQLite", Stage::set(None).await?)];
    if let Some(url) = database_url {
        sets.push(("Postgres", Stage::set(Some(url)).await?));
    }
    let mut stages = Vec::new();
    let mut versions = vec![format!("clearlead {}", env!("CARGO_PKG_VERSION")), control::VERSIONS.to_owned()];
    for (name, stage) in sets {
        let database = Database::open(&stage.url).await?;
        versions.push(database.version().await?);
        stages.push((name, stage, database));
    }
    let mut report = Report::new("read", versions);
    for (name, stage, database) in &stages {
        let token = market::fill(stage, read.listings).await?;
        database.settle().await?;
        let sides = [Child::start(Side::Clearlead, stage).await?, Child::start(Side::Control, stage).await?];
        page::compare(&sides, &token).await?;
        for clients in CLIENTS {
            let load = Load { page: Page::full(&token)?, clients, lasts: Duration::from_millis(read.millis) };
            tell(&mut report, &format!("{clients} client(s), {name}"), &rounds(&sides, &load, database).await?);
        }
        let load = Load { page: Page::empty(&token)?, clients: CLIENTS_OF_NOTHING, lasts: Duration::from_millis(read.millis) };
        tell(&mut report, &format!("a page without rows, {name}"), &rounds(&sides, &load, database).await?);
    }
    report.finish(json)
}

/// Lets both sides answer `load`, [`ROUNDS`] times in turn.
async fn rounds(sides: &[Child; 2], load: &Load, database: &Database) -> Result<[Measured; 2], Failure> {
    let mut measured = <[Measured; 2]>::default();
    for _ in 0..ROUNDS {
        for (side, measured) in sides.iter().zip(&mut measured) {
            let before = (side.cpu()?, database.cpu().await?);
            let answered = load.run(side.address).await?;
            let (served, stored) = (side.cpu()?.saturating_sub(before.0), database.cpu().await?.saturating_sub(before.1));
            let per_request = |time: Duration| time.as_secs_f64() * 1e6 / answered.requests();
            measured.served_us.push(per_request(served));
            measured.whole_us.push(per_request(served.saturating_add(stored)));
            measured.per_second.push(answered.per_second());
            measured.p50_ms.push(answered.quantile_ms(0.5));
            measured.p99_ms.push(answered.quantile_ms(0.99));
        }
    }
    Ok(measured)
}

fn tell(report: &mut Report, load: &str, [ours, control]: &[Measured; 2]) {
    let lower: [(&str, &Vec<f64>, &Vec<f64>, &'static str); 4] = [
        ("processor time a request, server", &ours.served_us, &control.served_us, "us"),
        ("processor time a request, server and database", &ours.whole_us, &control.whole_us, "us"),
        ("p50", &ours.p50_ms, &control.p50_ms, "ms"),
        ("p99", &ours.p99_ms, &control.p99_ms, "ms"),
    ];
    for (what, ours, control, unit) in lower {
        let (ours, control) = (median(ours), median(control));
        report.against(format!("{what}, {load}"), ours, unit, &format!("control {control:.1}"), control / ours);
    }
    let (ours, control) = (median(&ours.per_second), median(&control.per_second));
    report.against(format!("requests, {load}"), ours, "1/s", &format!("control {control:.0}"), ours / control);
}
