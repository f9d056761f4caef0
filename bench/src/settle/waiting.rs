//! Buyers who buy one lead after another, each waiting for its purchase.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api::app::App;
use api::app::listings::{ListingBuy, listing_buy};
use bench_matching::quantile;
use domain::clearing::SaleKind;
use domain::id::ListingId;
use tokio::task::JoinSet;

use crate::Failure;
use crate::process::{cpu_of, cpu_of_machine};
use crate::stage::Company;

/// What was measured.
pub(super) struct Run {
    /// Purchases a second.
    pub(super) rate: f64,
    /// How long half of them took at most, in milliseconds.
    pub(super) p50_ms: f64,
    /// How long all but a hundredth took at most, in milliseconds.
    pub(super) p99_ms: f64,
    /// How many were settled together, on average.
    pub(super) together: f64,
    /// What a purchase took of the processors, the database's part included, in microseconds.
    pub(super) cpu_us: f64,
    /// The part of this process in it.
    pub(super) own_cpu_us: f64,
}

/// All `listings` are bought once.
pub(super) async fn run(app: &Arc<App>, buyers: &[Company], listings: Vec<ListingId>) -> Result<Run, Failure> {
    let count = u32::try_from(listings.len())?;
    let (listings, next) = (Arc::new(listings), Arc::new(AtomicUsize::new(0)));
    let mut waiting = JoinSet::new();
    let (settled, cpu, own_cpu) = (app.settlement.settled(), cpu_of_machine()?, cpu_of(std::process::id())?);
    let started = Instant::now();
    for buyer in buyers {
        let (app, buyer, listings, next) = (Arc::clone(app), buyer.clone(), Arc::clone(&listings), Arc::clone(&next));
        waiting.spawn(async move {
            let mut took = Vec::new();
            while let Some(listing) = listings.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (kind, idempotency_key) = (SaleKind::Exclusive, listing.to_string());
                let input = ListingBuy { listing: *listing, kind, max_price: None, idempotency_key };
                let asked = Instant::now();
                listing_buy(&app, &buyer.caller, input).await?;
                took.push(asked.elapsed().as_secs_f64() * 1_000.0);
            }
            Ok::<_, api::app::AppError>(took)
        });
    }
    let mut took = Vec::new();
    while let Some(buyer) = waiting.join_next().await {
        took.extend(buyer??);
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    let batches = u32::try_from(app.settlement.settled().batches.saturating_sub(settled.batches))?;
    let each_us = |spent: Duration| spent.as_secs_f64() * 1_000_000.0 / f64::from(count);
    Ok(Run {
        rate,
        p50_ms: quantile(&took, 0.5),
        p99_ms: quantile(&took, 0.99),
        together: f64::from(count) / f64::from(batches),
        cpu_us: each_us(cpu_of_machine()?.saturating_sub(cpu)),
        own_cpu_us: each_us(cpu_of(std::process::id())?.saturating_sub(own_cpu)),
    })
}
