//! The whole ping over HTTP: from a seller's request to its offer, with many campaigns in the book, at rates that do not wait for
//! the answers.
//!
//! Server and clients are one process: what the clients cost is counted too.

mod load;
mod market;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_matching::quantile;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::load::{Load, Stepped};
use self::market::Market;
use crate::Failure;
use crate::figures::Report;
use crate::stage::Stage;

/// What a ping may take, 99 of 100 times, in milliseconds.
const PATIENCE_MS: f64 = 50.0;
/// The rates that are offered one after another, each twice the one before, in pings a second.
const FIRST_RATE: f64 = 50.0;
const RATES: u32 = 8;
/// How often the rate between the last that went well and the first that did not is halved.
const HALVINGS: u32 = 3;
/// Pings of each measurement without a load.
const ALONE: u32 = 300;

/// What `bench -- ping` is told.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Ping {
    /// Campaigns in the book.
    #[arg(long, default_value_t = 100_000)]
    campaigns: u32,
    /// How long each rate is offered, in milliseconds.
    #[arg(long, default_value_t = 4_000)]
    millis: u64,
}

/// Measures on SQLite, and on Postgres too when `database_url` names one.
pub(crate) async fn measure(database_url: Option<&str>, ping: Ping, json: bool) -> Result<(), Failure> {
    let mut report = Report::new("ping", vec![format!("clearlead {}", env!("CARGO_PKG_VERSION"))]);
    on("SQLite", &Stage::set(None).await?, ping, &mut report).await?;
    if let Some(url) = database_url {
        on("Postgres", &Stage::set(Some(url)).await?, ping, &mut report).await?;
    }
    report.finish(json)
}

async fn on(place: &str, stage: &Stage, ping: Ping, report: &mut Report) -> Result<(), Failure> {
    let market = Market::fill(stage, ping.campaigns).await?;
    alone(place, stage, &market, report).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let serving = api::http::exchange_serve(Arc::clone(&stage.app), Vec::new(), listener, stop.clone().cancelled_owned());
    let serving = tokio::spawn(serving);
    let load = Load::new(&market, address, Duration::from_millis(ping.millis))?;
    climb(place, &load, ping.campaigns, report).await?;
    stop.cancel();
    drop(load);
    Ok(serving.await??)
}

/// Offers more and more, until a ping takes too long.
async fn climb(place: &str, load: &Load<'_>, campaigns: u32, report: &mut Report) -> Result<(), Failure> {
    let one_by_one = load.one_by_one(ALONE).await?;
    report.figure(format!("one ping after another over HTTP, {place}"), quantile(&one_by_one, 0.5), "ms");
    let (mut good, mut bad) = (None, None);
    for step in 0..RATES {
        let rate = FIRST_RATE * f64::from(2_u32.saturating_pow(step));
        let stepped = load.at(rate).await?;
        tell(report, place, &stepped);
        if !stepped.is_patient(PATIENCE_MS) {
            bad = Some(rate);
            break;
        }
        good = Some(stepped);
    }
    for _ in 0..HALVINGS {
        let (Some(known), Some(limit)) = (&good, bad) else { break };
        let stepped = load.at(f64::midpoint(known.offered, limit)).await?;
        tell(report, place, &stepped);
        if stepped.is_patient(PATIENCE_MS) { good = Some(stepped) } else { bad = Some(stepped.offered) }
    }
    let reached = good.map_or(0.0, |stepped| stepped.offered);
    report.figure(format!("pings with p99 within {PATIENCE_MS:.0} ms, {campaigns} campaigns, {place}"), reached, "1/s");
    Ok(())
}

fn tell(report: &mut Report, place: &str, stepped: &Stepped) {
    let at = format!("at {:.0} pings/s, {:.0}% offered something, {place}", stepped.offered, stepped.offers * 100.0);
    report.figure(format!("p50 {at}"), quantile(&stepped.millis, 0.5), "ms");
    report.figure(format!("p99 {at}"), quantile(&stepped.millis, 0.99), "ms");
}

/// How a ping's time divides when nothing else happens: the match in memory, and the use case with its settlement.
async fn alone(place: &str, stage: &Stage, market: &Market, report: &mut Report) -> Result<(), Failure> {
    market.ping(stage, 0).await?;
    let (mut matched, mut whole) = (Vec::new(), Vec::new());
    for number in 1..=ALONE {
        let started = Instant::now();
        market.pick(stage, number).await?;
        matched.push(started.elapsed().as_secs_f64() * 1e6);
        let started = Instant::now();
        market.ping(stage, number).await?;
        whole.push(started.elapsed().as_secs_f64() * 1e3);
    }
    report.figure(format!("the match and its candidates in memory, {place}"), quantile(&matched, 0.5), "us");
    report.figure(format!("the whole ping through the use case, {place}"), quantile(&whole, 0.5), "ms");
    Ok(())
}
