//! Pings that are sent when they are due, whether or not those before were answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::try_join_all;
use reqwest::Client;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::Instant;

use super::market::{Market, body};
use crate::Failure;

/// Pings under way at the same time: more wait, and their waiting counts.
const CONNECTIONS: u64 = 64;

/// No two pings of a run are of one person.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Who is pinged, and for how long.
pub(super) struct Load<'a> {
    market: &'a Market,
    address: String,
    lasts: Duration,
    client: Client,
}

/// How one rate was answered.
pub(super) struct Stepped {
    /// Pings a second.
    pub(super) offered: f64,
    /// From the instant at which each was due to its answer.
    pub(super) millis: Vec<f64>,
    /// The share that got an offer.
    pub(super) offers: f64,
}

impl<'a> Load<'a> {
    /// Over connections that are kept.
    pub(super) fn new(market: &'a Market, address: SocketAddr, lasts: Duration) -> Result<Self, Failure> {
        let client = Client::builder().pool_max_idle_per_host(usize::try_from(CONNECTIONS)?).no_proxy().build()?;
        Ok(Self { market, address: format!("http://{address}/graphql"), lasts, client })
    }

    /// How long each of `count` pings takes when nothing else happens, in milliseconds.
    pub(super) async fn one_by_one(&self, count: u32) -> Result<Vec<f64>, Failure> {
        let mut millis = Vec::new();
        for _ in 0..count {
            let body = next();
            let started = Instant::now();
            self.ask(&body).await?;
            millis.push(started.elapsed().as_secs_f64() * 1e3);
        }
        Ok(millis)
    }

    /// Offers `rate` pings a second. Each of the senders sends every ping whose number leaves its own as the rest.
    pub(super) async fn at(&self, rate: f64) -> Result<Stepped, Failure> {
        let started = Instant::now();
        let sent = try_join_all((0..CONNECTIONS).map(|first| self.send(first, rate, started))).await?.concat();
        let count = |offered: bool| u32::try_from(sent.iter().filter(|(_, got)| *got || !offered).count()).unwrap_or(u32::MAX);
        let offers = f64::from(count(true)) / f64::from(count(false).max(1));
        Ok(Stepped { offered: rate, millis: sent.into_iter().map(|(millis, _)| millis).collect(), offers })
    }

    async fn send(&self, first: u64, rate: f64, started: Instant) -> Result<Vec<(f64, bool)>, Failure> {
        let mut sent = Vec::new();
        for number in (first..).step_by(usize::try_from(CONNECTIONS)?) {
            let due = Duration::from_secs_f64(f64::from(u32::try_from(number)?) / rate);
            if due >= self.lasts {
                break;
            }
            let body = next();
            let due = started + due;
            tokio::time::sleep_until(due).await;
            let offered = self.ask(&body).await?;
            sent.push((due.elapsed().as_secs_f64() * 1e3, offered));
        }
        Ok(sent)
    }

    /// Whether a ping got an offer.
    async fn ask(&self, body: &Value) -> Result<bool, Failure> {
        let request = self.client.post(&self.address).bearer_auth(self.market.key.expose_secret()).json(body);
        let answer: Value = request.send().await?.error_for_status()?.json().await?;
        let payload = answer.pointer("/data/leadPing").ok_or_else(|| format!("no answer: {answer}"))?;
        if payload.get("userErrors").and_then(Value::as_array).is_none_or(|errors| !errors.is_empty()) {
            return Err(format!("a ping was refused: {payload}").into());
        }
        Ok(payload.get("offer").is_some_and(Value::is_object))
    }
}

impl Stepped {
    /// Whether 99 of 100 were answered within so many milliseconds.
    pub(super) fn is_patient(&self, millis: f64) -> bool {
        bench_matching::quantile(&self.millis, 0.99) <= millis
    }
}

/// The next ping's body.
fn next() -> Value {
    body(NEXT.fetch_add(1, Ordering::Relaxed))
}
