//! Destinations that hang delay nobody else, and what is under way to them is nobody else's.

use std::time::Duration;

use api::app::deliveries::{Courier, deliveries_run};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::stand::{Scene, hook};
use super::vendor::{Vendor, reply, silence};
use crate::harness::on_each_backend;

/// Few places, and hanging requests that outlast the test.
const FEW: &str = "at_once = 4\nper_destination = 2\nslow_millis = 100\n";

async fn until(what: impl AsyncFn() -> bool) {
    let all = async {
        while !what().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Long before the first of those that hang is given up.
    tokio::time::timeout(Duration::from_secs(40), all).await.unwrap();
}

/// A scene in which a hanging request is given up after a minute.
async fn patient(x: crate::harness::Exchange, settings: &str) -> Scene {
    let mut scene = Scene::open(x).await;
    scene.x.app = scene.x.process_with(&format!("[delivery]\ninsecure = true\ntimeout_secs = 60\n{settings}")).await;
    scene
}

/// More leads for hanging destinations than may be under way in all, and then some for one that is well.
async fn hanging_and_well(scene: &Scene) -> (Vec<Vendor>, Vendor) {
    let mut hanging = Vec::new();
    for n in 0..4 {
        let vendor = Vendor::start(|_, _| silence()).await;
        scene.default_to(hook(), &[("url", &vendor.url)]).await;
        for lead in 1..=3 {
            scene.bought(n * 3 + lead).await;
        }
        scene.made(i64::from(n) * 3 + 3).await;
        hanging.push(vendor);
    }
    let well = Vendor::start(|_, _| reply(200, json!({}))).await;
    scene.default_to(hook(), &[("url", &well.url)]).await;
    for lead in 13..=16 {
        scene.bought(lead).await;
    }
    scene.made(16).await;
    (hanging, well)
}

on_each_backend! {
    async fn hanging_destinations_hold_up_nobody(x: Exchange) {
        let scene = patient(x, FEW).await;
        let (hanging, well) = hanging_and_well(&scene).await;
        let running = tokio::spawn(Courier::new(scene.x.app.clone()).run(CancellationToken::new()));
        // What had to wait for its turn, has it a little later.
        until(async || {
            scene.x.clock.advance_secs(1);
            well.count() == 4
        }).await;
        // One at a time, once it is known that it hangs: nothing more was sent to those beside the first.
        let counts: Vec<usize> = hanging.iter().map(Vendor::count).collect();
        assert!(counts.iter().all(|count| (1..=2).contains(count)), "{counts:?}");
        running.abort();
    }

    async fn without_giving_places_away_they_would(x: Exchange) {
        let scene = patient(x, &FEW.replace("slow_millis = 100", "slow_millis = 60000")).await;
        let (hanging, well) = hanging_and_well(&scene).await;
        let running = tokio::spawn(Courier::new(scene.x.app.clone()).run(CancellationToken::new()));
        until(async || hanging.iter().map(Vendor::count).sum::<usize>() == 4).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(well.count(), 0);
        running.abort();
    }

    async fn a_delivery_under_way_is_nobody_elses(x: Exchange) {
        let scene = patient(x, FEW).await;
        let vendor = Vendor::start(|_, _| silence()).await;
        scene.default_to(hook(), &[("url", &vendor.url)]).await;
        scene.bought(1).await;
        scene.made(1).await;
        let running = tokio::spawn(Courier::new(scene.x.app.clone()).run(CancellationToken::new()));
        until(async || vendor.count() == 1).await;
        for _ in 0..2 {
            scene.x.clock.advance_secs(8);
            let before = scene.x.dump(&["delivery"]).await;
            until(async || scene.x.dump(&["delivery"]).await != before).await;
        }
        // The lease that was taken first has long run out; the renewed one has not.
        let second = scene.x.process_with("[delivery]\ninsecure = true\n").await;
        assert_eq!(deliveries_run(&second).await.unwrap(), 0);
        running.abort();
        // A process that died renews nothing.
        scene.x.clock.advance_secs(11);
        vendor.now(|_, _| reply(200, json!({})));
        assert_eq!(deliveries_run(&second).await.unwrap(), 1);
        assert_eq!(scene.delivery().await["state"], "DELIVERED");
    }
}
