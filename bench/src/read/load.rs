//! Clients that ask one after another for as long as a load lasts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bench_matching::quantile;
use futures::future::try_join_all;

use super::client::Client;
use super::page::Page;
use crate::Failure;

/// What is asked for, by how many at once, and for how long.
pub(super) struct Load {
    pub(super) page: Page,
    pub(super) clients: usize,
    pub(super) lasts: Duration,
}

/// How it was answered.
pub(super) struct Answered {
    millis: Vec<f64>,
    took: Duration,
}

impl Load {
    pub(super) async fn run(&self, address: SocketAddr) -> Result<Answered, Failure> {
        let clients = try_join_all((0..self.clients).map(|_| Client::connect(address))).await?;
        let started = Instant::now();
        let asked = try_join_all(clients.into_iter().map(|client| self.ask(client, started))).await?;
        Ok(Answered { took: started.elapsed(), millis: asked.concat() })
    }

    async fn ask(&self, mut client: Client, started: Instant) -> Result<Vec<f64>, Failure> {
        let mut millis = Vec::new();
        while started.elapsed() < self.lasts {
            let asked = Instant::now();
            client.ask(&self.page).await?;
            millis.push(asked.elapsed().as_secs_f64() * 1_000.0);
        }
        Ok(millis)
    }
}

impl Answered {
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a count of requests")]
    pub(super) fn requests(&self) -> f64 {
        self.millis.len() as f64
    }

    pub(super) fn per_second(&self) -> f64 {
        self.requests() / self.took.as_secs_f64()
    }

    pub(super) fn quantile_ms(&self, share: f64) -> f64 {
        quantile(&self.millis, share)
    }
}
