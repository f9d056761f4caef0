//! Many at once: never more trades than copies, and one clearing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::app::App;
use api::app::listings::{ListingBuy, listing_buy, listing_close};
use api::app::{AppError, Caller};
use domain::clearing::SaleKind;
use domain::id::ListingId;
use domain::ledger::AccountKind;
use domain::refusal::Code;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::stand::{LeadSpec, lead, listed, money, placed, vertical};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{assert_clean, balance, fund};

const BUYERS: usize = 64;

async fn buyers(x: &Exchange) -> Vec<Actor> {
    let mut buyers = Vec::new();
    for n in 0..BUYERS {
        let buyer = x.organization(&format!("Buyer {n}")).await;
        fund(&x.app, buyer.org(), 5_000).await;
        buyers.push(buyer);
    }
    buyers
}

/// All buy at once, in two processes; answers how many did.
async fn race(x: &Exchange, buyers: &[Actor], listing: &str, kind: SaleKind) -> usize {
    let listing: ListingId = listing.parse().unwrap();
    let processes: [Arc<App>; 2] = [x.app.clone(), x.second_process().await];
    let attempts = buyers.iter().zip(processes.iter().cycle()).map(|(buyer, app)| {
        let (app, principal) = (app.clone(), buyer.principal.clone());
        tokio::spawn(async move {
            let caller = Caller { principal, request_id: "race".into(), address: None };
            let input = ListingBuy { listing, kind, max_price: None, idempotency_key: "once".into() };
            listing_buy(&app, &caller, input).await
        })
    });
    let mut bought = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(_) => bought += 1,
            Err(AppError::Refused(refusals)) => assert_eq!(refusals[0].code, Code::SoldOut),
            Err(fault) => panic!("{fault}"),
        }
    }
    bought
}

async fn total(x: &Exchange, buyers: &[Actor]) -> i64 {
    let mut total = 0;
    for buyer in buyers {
        total += balance(x, buyer.org(), AccountKind::Available).await;
    }
    total
}

on_each_backend! {
    async fn of_64_buyers_exactly_one_gets_the_exclusive_lead(x: Exchange) {
        let (seller, buyers, v) = (x.organization("S").await, buyers(&x).await, vertical(&x, "auto").await);
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let id = listed(&x, &seller, lead, 1, None, json!({ "fixed": { "exclusivePrice": money("40") } })).await;
        assert_eq!(race(&x, &buyers, &id, SaleKind::Exclusive).await, 1);
        assert_eq!(x.count("trade").await, 1);
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 4_000);
        assert_eq!(total(&x, &buyers).await, 64 * 5_000 - 4_000);
        assert_clean(&x).await;
    }

    async fn of_64_buyers_exactly_three_get_a_shared_copy(x: Exchange) {
        let (seller, buyers, v) = (x.organization("S").await, buyers(&x).await, vertical(&x, "auto").await);
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let id = listed(&x, &seller, lead, 3, None, json!({ "fixed": { "sharedPrice": money("15") } })).await;
        assert_eq!(race(&x, &buyers, &id, SaleKind::Shared).await, 3);
        assert_eq!(x.count("trade").await, 3);
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 4_500);
        assert_eq!(total(&x, &buyers).await, 64 * 5_000 - 4_500);
        assert_clean(&x).await;
    }

    async fn a_purchase_sent_again_at_once_answers_the_same(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let id = listed(&x, &seller, lead, 1, None, json!({ "fixed": { "exclusivePrice": money("40") } })).await;
        let (listing, other): (ListingId, _) = (id.parse().unwrap(), x.second_process().await);
        let calls = (0..8).map(|n| {
            let (app, principal) = (if n % 2 == 0 { x.app.clone() } else { other.clone() }, buyer.principal.clone());
            tokio::spawn(async move {
                let caller = Caller { principal, request_id: "again".into(), address: None };
                let kind = SaleKind::Exclusive;
                listing_buy(&app, &caller, ListingBuy { listing, kind, max_price: None, idempotency_key: "once".into() }).await
            })
        });
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            answers.push(call.await.unwrap().unwrap());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!((x.count("trade").await, balance(&x, buyer.org(), AccountKind::Available).await), (1, 1_000));
        assert_clean(&x).await;
    }

    async fn two_processes_clear_an_auction_once(x: Exchange) {
        let (seller, buyers, v) = (x.organization("S").await, buyers(&x).await, vertical(&x, "auto").await);
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let id = listed(&x, &seller, lead, 3, Some(60), json!({ "auction": { "sharedReserve": money("1") } })).await;
        for (n, buyer) in buyers.iter().enumerate().take(8) {
            placed(&x, buyer, &id, Some(&format!("{}", 10 + n)), None).await;
        }
        x.clock.advance_secs(60);
        let (listing, other): (ListingId, _) = (id.parse().unwrap(), x.second_process().await);
        let clearings = (0..8).map(|n| {
            let app = if n % 2 == 0 { x.app.clone() } else { other.clone() };
            tokio::spawn(async move { listing_close(&app, listing).await.unwrap() })
        });
        let mut cleared = 0;
        for clearing in clearings.collect::<Vec<_>>() {
            cleared += usize::from(clearing.await.unwrap());
        }
        assert_eq!((cleared, x.count("trade").await, x.count("receipt").await), (1, 3, 1));
        // The bids 17, 16 and 15 win and pay 14.
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 4_200);
        assert_eq!(total(&x, &buyers).await, 64 * 5_000 - 4_200);
        assert_clean(&x).await;
    }

    async fn the_workers_of_two_processes_clear_at_the_closing_time(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let id = listed(&x, &seller, lead, 1, Some(60), json!({ "auction": { "exclusiveReserve": money("12") } })).await;
        placed(&x, &buyer, &id, None, Some("20")).await;
        assert!(x.app.config.workers.poll_millis < 1_000, "an idle exchange clears less than a second late");
        let (stop, other) = (CancellationToken::new(), x.second_process().await);
        let mut workers = api::workers::start(&x.app, &stop).await.unwrap();
        let mut others = api::workers::start(&other, &stop).await.unwrap();
        x.clock.advance_secs(60);
        let cleared = async {
            while x.count("receipt").await == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), cleared).await.unwrap();
        stop.cancel();
        while workers.join_next().await.is_some() {}
        while others.join_next().await.is_some() {}
        assert_eq!((x.count("trade").await, x.count("receipt").await), (1, 1));
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 1_200);
        assert_clean(&x).await;
    }

    async fn one_buyer_at_many_listings_of_one_person_gets_one(x: Exchange) {
        let (v, buyer) = (vertical(&x, "auto").await, x.organization("B").await);
        fund(&x.app, buyer.org(), 100_000).await;
        let mut listings = BTreeSet::new();
        for _ in 0..8 {
            let rival = x.organization("Rival").await;
            let same = lead(&x, rival.org(), LeadSpec { phone: Some("+351911"), ..LeadSpec::of(v) }).await;
            listings.insert(listed(&x, &rival, same, 1, None, json!({ "fixed": { "exclusivePrice": money("10") } })).await);
        }
        let attempts = listings.into_iter().map(|id| {
            let (app, principal) = (x.app.clone(), buyer.principal.clone());
            tokio::spawn(async move {
                let caller = Caller { principal, request_id: "race".into(), address: None };
                let listing = id.parse().unwrap();
                let input = ListingBuy { listing, kind: SaleKind::Exclusive, max_price: None, idempotency_key: id };
                listing_buy(&app, &caller, input).await.is_ok()
            })
        });
        let mut bought = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            bought += usize::from(attempt.await.unwrap());
        }
        assert_eq!((bought, x.count("trade").await), (1, 1));
        assert_eq!(balance(&x, buyer.org(), AccountKind::Available).await, 99_000);
    }
}
