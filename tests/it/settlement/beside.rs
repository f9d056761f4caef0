//! Batches beside one another and beside every other writer: nothing is sold twice, no invariant breaks, nobody starves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::app::listings::listings_close_due;
use api::app::trade::trades_advance;
use api::app::{App, AppError};
use domain::refusal::Code;
use futures::future::join_all;
use sea_orm::EntityTrait;
use serde_json::json;
use store::entity::{listing, trade};
use store::trades::{trade_deliver, trade_freeze, trade_refund};

use super::scene::{Scene, buy, place};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{DAY, assert_clean, fund, on_trade};
use crate::market::stand::{LeadSpec, lead, listed, money};

const BUYERS: usize = 12;

async fn buyers(x: &Exchange) -> Vec<Actor> {
    let mut buyers = Vec::new();
    for n in 0..BUYERS {
        let buyer = x.organization(&format!("Buyer {n}")).await;
        fund(&x.app, buyer.org(), 20_000).await;
        buyers.push(buyer);
    }
    buyers
}

/// A refusal is an answer; anything else is a fault.
fn answered<T>(result: Result<T, AppError>) -> bool {
    match result {
        Ok(_) => true,
        Err(AppError::Refused(refusals)) => {
            assert!(refusals.iter().all(|refusal| refusal.code != Code::Conflict), "{refusals:?}");
            false
        }
        Err(fault) => panic!("{fault}"),
    }
}

/// No listing has more trades than copies, and nobody has one person twice.
async fn assert_not_oversold(x: &Exchange) {
    let trades = trade::Entity::find().all(x.app.store.read()).await.unwrap();
    let listings = listing::Entity::find().all(x.app.store.read()).await.unwrap();
    let mut sold: BTreeMap<_, i64> = BTreeMap::new();
    for row in &trades {
        *sold.entry(row.listing_id).or_default() += 1;
    }
    for row in listings {
        let sold = sold.get(&row.id).copied().unwrap_or_default();
        assert!(sold == row.sold_count && sold <= row.max_sales, "{sold} trades, {} counted", row.sold_count);
    }
}

on_each_backend! {
    async fn two_processes_sell_everything_once(x: Exchange) {
        let (scene, buyers) = (Scene::set(&x).await, buyers(&x).await);
        let rival = x.organization("Rival").await;
        let mut listings = Vec::new();
        for n in 0..24_usize {
            // Every person is offered twice, by two sellers.
            let phone = Some(["+1", "+2", "+3", "+4", "+5", "+6", "+7", "+8", "+9", "+10", "+11", "+12"][n % 12]);
            let seller = if n < 12 { &scene.seller } else { &rival };
            let lead = lead(&x, seller.org(), LeadSpec { phone, ..LeadSpec::of(scene.vertical) }).await;
            listings.push(listed(&x, seller, lead, 1, None, json!({ "fixed": { "exclusivePrice": money("10") } })).await);
        }
        let processes: [Arc<App>; 2] = [x.app.clone(), x.second_process().await];
        let runs = (0..2 * BUYERS).map(|n| {
            let (app, buyer, listings) = (processes[n % 2].clone(), buyers[n / 2].clone(), listings.clone());
            tokio::spawn(async move {
                let mut bought = 0;
                for place in 0..listings.len() {
                    // Each begins elsewhere, and half go backwards.
                    let step = if n % 2 == 0 { place } else { listings.len() - place };
                    let id = &listings[(n * 5 + step) % listings.len()];
                    bought += usize::from(answered(buy(&app, &buyer, id, &format!("{n}-{id}")).await));
                }
                bought
            })
        });
        // Neither starves: each process answers all that it was asked, whoever is first.
        let all = tokio::time::timeout(Duration::from_secs(60), join_all(runs.collect::<Vec<_>>())).await.unwrap();
        assert_eq!(all.into_iter().map(Result::unwrap).sum::<usize>(), 24);
        assert_eq!(x.count("trade").await, 24);
        let twice = "SELECT COUNT(*) FROM (SELECT buyer_id, hash FROM trade JOIN lead_key ON lead_key.lead_id = trade.lead_id \
                     GROUP BY buyer_id, hash HAVING COUNT(*) > 1) AS twice";
        use sea_orm::{ConnectionTrait, Statement};
        let db = x.app.store.read();
        let rows = db.query_one_raw(Statement::from_string(db.get_database_backend(), twice)).await.unwrap().unwrap();
        assert_eq!(rows.try_get_by_index::<i64>(0).unwrap(), 0, "a buyer has one person twice");
        assert_not_oversold(&x).await;
        assert_clean(&x).await;
    }

    async fn batches_get_along_with_clearings_disputes_and_withdrawals(x: Exchange) {
        let (scene, buyers) = (Scene::set(&x).await, buyers(&x).await);
        let (mut fixed, mut auctions) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            fixed.push(scene.fixed(&x, "10").await);
            auctions.push(listed(
                &x, &scene.seller, lead(&x, scene.seller.org(), LeadSpec::of(scene.vertical)).await, 1, Some(60),
                json!({ "auction": { "exclusiveReserve": money("1") } }),
            ).await);
        }
        for (buyer, id) in buyers.iter().zip(&fixed) {
            let bought = buy(&x.app, buyer, id, "before").await.unwrap();
            on_trade!(x.app, trade_deliver, bought.trade).unwrap();
        }
        let held: Vec<_> = trade::Entity::find().all(x.app.store.read()).await.unwrap().into_iter().map(|row| row.id).collect();
        for auction in &auctions {
            for (n, buyer) in buyers.iter().enumerate().take(3) {
                place(&x.app, buyer, auction, 300 + n as i64, auction).await.unwrap();
            }
        }
        x.clock.advance_secs(14 * DAY);
        let rest = scene.seller.clone();
        let mut late = Vec::new();
        for _ in 0..20 {
            let lead = lead(&x, rest.org(), LeadSpec::of(scene.vertical)).await;
            late.push(listed(&x, &rest, lead, 1, None, json!({ "fixed": { "exclusivePrice": money("3") } })).await);
        }
        let (app, other) = (x.app.clone(), x.second_process().await);
        let buying = async {
            let attempts = late.iter().enumerate().map(|(n, id)| {
                let app = if n % 2 == 0 { &app } else { &other };
                buy(app, &buyers[n % BUYERS], id, id)
            });
            join_all(attempts).await.into_iter().map(|done| usize::from(answered(done))).sum::<usize>()
        };
        let clearing = async { tokio::join!(listings_close_due(&app), listings_close_due(&other)) };
        let releasing = async { tokio::join!(trades_advance(&app), trades_advance(&other)) };
        let disputing = async {
            for id in held.iter().take(6) {
                let id = domain::id::TradeId(*id);
                // Either the refund or the release was first.
                let _ = on_trade!(other, trade_freeze, id);
                let _ = on_trade!(other, trade_refund, id);
            }
        };
        let all = async { tokio::join!(buying, clearing, releasing, disputing) };
        let (bought, cleared, released, ()) = tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
        assert_eq!(bought, 20);
        assert_eq!(cleared.0.unwrap() + cleared.1.unwrap(), 20);
        released.0.unwrap();
        released.1.unwrap();
        while trades_advance(&app).await.unwrap() > 0 {}
        assert_eq!(x.count("trade").await, 12 + 20 + 20);
        assert_not_oversold(&x).await;
        assert_clean(&x).await;
    }
}
