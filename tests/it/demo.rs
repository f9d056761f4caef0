//! The demo: the whole market through the library's entry, repeatable, and its figures consistent.

use std::path::Path;

use api::demo::{Demo, DemoError, Flaw, Progress, Report};
use secrecy::SecretString;
use serde_json::Value;

use crate::harness::{Database, on_each_backend};

const ROWS: usize = 300;

fn demo(folder: &Path, seed: u64, url: &str) -> Demo {
    let (data_dir, bind) = (folder.to_path_buf(), "127.0.0.1:8080".to_owned());
    Demo { rows: ROWS, seed, data_dir, database_url: Some(SecretString::from(url.to_owned())), bind, stripe: true }
}

async fn run(demo: Demo) -> Result<Report, DemoError> {
    Box::pin(demo.run(&Progress::new(false))).await.map(|done| done.report)
}

fn check(report: &Report) {
    let (rows, leads) = (&report.rows, &report.leads);
    assert_eq!(rows.read, 305, "300 rows, and 5 people whom the second agency brings again");
    assert_eq!(rows.read, rows.accepted + rows.refused + rows.duplicate);
    assert_eq!(rows.accepted, leads.verified + leads.unqualified + leads.rejected);
    assert_eq!(leads.rejected, leads.rejected_by.values().sum::<u64>());

    let listed: u64 = report.formats.iter().map(|line| line.listed).sum();
    assert_eq!(listed, leads.verified, "the stock of so few rows is listed whole");
    assert!(report.formats.iter().all(|line| line.sold > 0 && line.sold <= line.listed && line.average_cpl_minor > 0));
    let sales: u64 = report.formats.iter().map(|line| line.exclusive_sales + line.shared_sales).sum();
    assert_eq!(sales, report.advertisers.iter().map(|line| line.trades).sum::<u64>());

    let money = &report.money;
    assert_eq!(money.sold_minor, money.released_minor + money.refunded_minor + money.held_minor);
    assert_eq!(money.held_minor, 0, "every hold has ended");
    assert_eq!(money.released_minor, money.income_minor + money.commission_minor);
    assert_eq!(money.sold_minor, report.advertisers.iter().map(|line| line.spent_minor).sum::<i64>());
    assert_eq!(money.refunded_minor, report.advertisers.iter().map(|line| line.refunded_minor).sum::<i64>());
    assert!(money.refunded_minor > 0 && money.commission_minor > 0);

    let disputes = &report.disputes;
    assert_eq!(disputes.opened, report.advertisers.iter().map(|line| line.disputes).sum::<u64>());
    assert_eq!(disputes.opened, disputes.by_ending.values().sum::<u64>());
    for unfinished in ["OPEN", "UNDER_REVIEW"] {
        assert_eq!(disputes.by_ending.get(unfinished), None, "every dispute has ended");
    }

    for line in &report.pseudo_leads {
        assert!(line.injected > line.showing && line.showing > 0, "{line:?}");
        assert_eq!((line.recall_before_bp, line.precision_before_bp), (Some(10_000), Some(10_000)), "{line:?}");
    }
    assert_eq!(report.pseudo_leads.len(), Flaw::ALL.len());

    let stripe = report.stripe.as_ref().unwrap();
    assert!(stripe.topped_up_minor > 0 && stripe.withdrawn_minor > 0 && stripe.double_holds, "{stripe:?}");
    assert_eq!(stripe.differences, 0, "both books agree");

    let ledger = &report.ledger;
    assert!(ledger.balanced && ledger.invariants > 0, "{:?}", ledger.broken);
    assert_eq!(ledger.balances_minor.values().sum::<i64>(), 0);
    assert_eq!((ledger.balances_minor["ESCROW"], ledger.balances_minor["RESERVED"]), (0, 0));
    assert_eq!(ledger.balances_minor["FEES"], money.commission_minor);
}

async fn repeats_itself(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let url = database.empty(folder.path()).await;
    let first = run(demo(folder.path(), 1, &url)).await.unwrap();
    check(&first);
    let again = run(demo(folder.path(), 1, &url)).await.unwrap();
    let json = |report: &Report| serde_json::to_value(report).unwrap();
    assert_eq!(json(&first), json(&again));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_repeats_its_market_on_sqlite_and_another_does_not() {
    repeats_itself(Database::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let other = Demo { database_url: None, ..demo(folder.path(), 2, "") };
    let other = run(other).await.unwrap();
    check(&other);
    assert!(folder.path().join("demo/demo.db").exists(), "the database lies in the demo's own folder");
    let Value::Object(figures) = serde_json::to_value(&other).unwrap() else { panic!("one object") };
    assert_eq!((figures["seed"].clone(), figures["syntheticContacts"].clone()), (2.into(), true.into()));
    let first = run(demo(folder.path(), 1, &Database::Sqlite.empty(folder.path()).await)).await.unwrap();
    assert_ne!(first.money, other.money);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_repeats_its_market_on_postgres() {
    if Database::Postgres.is_there().await {
        repeats_itself(Database::Postgres).await;
    }
}

on_each_backend! {
    async fn an_exchange_that_is_no_demo_is_not_touched(x: Exchange) {
        x.organization("Acme").await;
        let before = x.row_counts().await;
        let refused = run(demo(&x.folder(), 1, &x.url)).await.unwrap_err();
        assert!(matches!(&refused, DemoError::Place(why) if why.contains("is not a demo")), "{refused}");
        assert_eq!(x.row_counts().await, before);
    }
}
