//! The simulation: a short market by the real clock through the library's entry, in which everything holds.

use std::path::Path;
use std::time::Duration;

use api::simulate::{Progress, Report, SimulateError, Simulation, Table};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::harness::{Database, on_each_backend};

fn simulation(folder: &Path, url: &str) -> Simulation {
    Simulation {
        sellers: 3,
        buyers: 10,
        campaigns: 50,
        leads_per_second: 12,
        length: Duration::from_secs(4),
        offer_secs: 2,
        seed: 1,
        data_dir: folder.to_path_buf(),
        database_url: Some(SecretString::from(url.to_owned())),
    }
}

async fn run(simulation: &Simulation, stop: &CancellationToken) -> Result<Report, SimulateError> {
    Box::pin(simulation.run(&Progress::new(false), stop)).await
}

fn check(report: &Report) {
    let shown = Table(report).to_string();
    let broken: Vec<_> = report.checks.iter().filter(|check| check.broken.is_some()).collect();
    assert!(broken.is_empty(), "{shown}");
    assert_eq!(report.unexplained, 0, "{shown}");
    // The ledger's invariants, and those of the simulation itself.
    assert!(report.checks.iter().filter(|check| check.invariant.starts_with("ledger: ")).count() > 10, "{shown}");
    for own in ["each lead is sold, or says why not", "no cap was overspent in any of its periods", "no offer is left open"] {
        assert!(report.checks.iter().any(|check| check.invariant == own), "{own}: {shown}");
    }
    assert!(report.sold() > 0 && report.offers > 0 && report.pings >= report.offers, "{shown}");
    assert_eq!(report.leads, report.sales.iter().map(|line| line.leads).sum::<u64>());
    assert_eq!(report.leads, report.sold() + report.losses.values().sum::<u64>());
    for line in &report.sales {
        assert!(line.sold <= line.leads && line.exclusive + line.shared >= line.sold, "{line:?}");
        assert_eq!(line.gross_minor > 0, line.sold > 0, "{line:?}");
    }
    assert!(report.batches > 0 && report.commands_per_batch >= 1.0, "{shown}");
    assert!(report.ping.p50_micros > 0 && report.ping.p99_micros >= report.ping.p50_micros);
}

async fn holds(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let url = database.empty(folder.path()).await;
    let report = run(&simulation(folder.path(), &url), &CancellationToken::new()).await.unwrap();
    check(&report);
    assert_eq!((report.stopped, report.database == "Postgres"), (false, database == Database::Postgres));
    // A simulation's database is made anew by the next, and one that is told to stop at once still reports.
    let stop = CancellationToken::new();
    stop.cancel();
    let report = run(&simulation(folder.path(), &url), &stop).await.unwrap();
    assert_eq!((report.stopped, report.leads, report.unexplained), (true, 0, 0));
    assert!(report.checks.iter().all(|check| check.broken.is_none()), "{}", Table(&report));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_market_holds_on_sqlite() {
    holds(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_market_holds_on_postgres() {
    if Database::Postgres.is_there().await {
        holds(Database::Postgres).await;
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let asked = Simulation { data_dir: data_dir.clone(), database_url: None, ..simulation(folder.path(), "") };
    let wrong = [
        (Simulation { sellers: 0, ..asked.clone() }, "sellers: from 1 to 10000, not 0"),
        (Simulation { buyers: 100_001, ..asked.clone() }, "buyers: from 1 to 100000, not 100001"),
        (Simulation { campaigns: 1_000_001, ..asked.clone() }, "campaigns: from 1 to 1000000, not 1000001"),
        (Simulation { leads_per_second: 0, ..asked.clone() }, "leads per second: from 1 to 10000, not 0"),
        (Simulation { length: Duration::from_millis(900), ..asked.clone() }, "seconds of the market: from 1 to 86400, not 0"),
        (Simulation { offer_secs: -1, ..asked.clone() }, "seconds of an offer: from 1 to 3600, not 0"),
    ];
    for (asked, why) in wrong {
        assert_eq!(run(&asked, &CancellationToken::new()).await.unwrap_err().to_string(), why);
    }
    assert!(!data_dir.exists());
}

on_each_backend! {
    async fn an_exchange_that_is_no_simulation_is_not_touched(x: Exchange) {
        x.organization("Acme").await;
        let before = x.row_counts().await;
        let refused = run(&simulation(&x.folder(), &x.url), &CancellationToken::new()).await.unwrap_err();
        assert!(refused.to_string().contains("is not a demo"), "{refused}");
        assert_eq!(x.row_counts().await, before);
    }
}
