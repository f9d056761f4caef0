//! What breaks a transaction breaks one command, not those beside it.

use std::time::Duration;

use api::app::AppError;
use api::app::trade::trades_advance;
use domain::ledger::AccountKind;
use futures::future::join_all;
use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use serde_json::json;
use store::WriteError;
use store::entity::trade;
use store::trades::trade_deliver;

use super::scene::{Hold, Scene, buy, buying, refused, together};
use crate::harness::{Database, Exchange, on_each_backend};
use crate::ledger::market::{DAY, assert_clean, balance, fund, on_trade};
use crate::market::stand::{LeadSpec, lead, listed, money};

on_each_backend! {
    async fn a_corrupt_row_stops_one_command(x: Exchange) {
        let (scene, buyer) = (Scene::set(&x).await, x.organization("B").await);
        fund(&x.app, buyer.org(), 100_000).await;
        let plug = scene.fixed(&x, "10").await;
        let mut listings = Vec::new();
        for _ in 0..9 {
            listings.push(scene.fixed(&x, "10").await);
        }
        let corrupt: domain::id::ListingId = listings[4].parse().unwrap();
        let id = if x.database == Database::Postgres { format!("'{}'", corrupt.0) } else { format!("x'{}'", corrupt.0.simple()) };
        x.tamper(&format!("UPDATE listing SET terms = '{{}}' WHERE id = {id}")).await.unwrap();
        let done = together(&x, (&buyer, &plug), listings.iter().map(|id| buying(&x, &buyer, id, id))).await;
        for (place, done) in done.iter().enumerate() {
            match done {
                Ok(_) => assert_ne!(place, 4),
                Err(AppError::Store(error)) => assert!(place == 4 && error.to_string().contains("unexpected value"), "{error}"),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!((x.count("trade").await, balance(&x, buyer.org(), AccountKind::Available).await), (9, 91_000));
        assert_clean(&x).await;
    }

    async fn a_broken_key_stops_one_buyer(x: Exchange) {
        let (scene, plugger) = (Scene::set(&x).await, x.organization("P").await);
        fund(&x.app, plugger.org(), 1_000).await;
        let plug = scene.fixed(&x, "10").await;
        let (mut buyers, mut listings) = (Vec::new(), Vec::new());
        for n in 0..6 {
            let buyer = x.organization(&format!("Buyer {n}")).await;
            fund(&x.app, buyer.org(), 5_000).await;
            buyers.push(buyer);
            listings.push(scene.fixed(&x, "10").await);
        }
        let before = scene.fixed(&x, "10").await;
        buy(&x.app, &buyers[3], &before, "before").await.unwrap();
        // The next movement of this account claims a version that a transfer has already.
        x.tamper("UPDATE account SET version = version - 1 WHERE organization_id = (SELECT id FROM organization WHERE name = 'Buyer 3')")
            .await
            .unwrap();
        let purchases = buyers.iter().zip(&listings).map(|(buyer, id)| buying(&x, buyer, id, "k"));
        let done = together(&x, (&plugger, &plug), purchases).await;
        let failed: Vec<usize> = done.iter().enumerate().filter(|(_, done)| done.is_err()).map(|(place, _)| place).collect();
        assert_eq!(failed, [3]);
        assert!(matches!(done[3], Err(AppError::Store(_) | AppError::Refused(_))), "{:?}", done[3]);
        assert_eq!((x.count("trade").await, x.count("idempotency").await), (7, 7));
    }

    async fn a_release_that_escrow_does_not_cover_stops_alone(x: Exchange) {
        let (scene, rival, buyer) = (Scene::set(&x).await, x.organization("Rival").await, x.organization("B").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let elsewhere = lead(&x, rival.org(), LeadSpec::of(scene.vertical)).await;
        let elsewhere = listed(&x, &rival, elsewhere, 1, None, json!({ "fixed": { "exclusivePrice": money("10") } })).await;
        let mut trades = Vec::new();
        for listing in [scene.fixed(&x, "10").await, elsewhere, scene.fixed(&x, "10").await] {
            let bought = buy(&x.app, &buyer, &listing, &listing).await.unwrap();
            on_trade!(x.app, trade_deliver, bought.trade).unwrap();
            trades.push(bought.trade);
        }
        x.tamper("UPDATE account SET balance_minor = 900 WHERE kind = 'ESCROW' \
                  AND organization_id = (SELECT id FROM organization WHERE name = 'Rival')")
            .await
            .unwrap();
        x.clock.advance_secs(14 * DAY);
        assert_eq!(trades_advance(&x.app).await.unwrap(), 2);
        let mut states = Vec::new();
        for trade in trades {
            states.push(trade::Entity::find_by_id(trade.0).one(x.app.store.read()).await.unwrap().unwrap().state);
        }
        assert_eq!(states, ["RELEASED", "HELD", "RELEASED"]);
        assert_eq!(balance(&x, rival.org(), AccountKind::Escrow).await, 900);
        assert_eq!(balance(&x, rival.org(), AccountKind::Available).await, 0);
        assert_eq!(balance(&x, scene.seller.org(), AccountKind::Escrow).await, 0);
    }

    async fn a_key_that_was_kept_meanwhile_has_the_last_word(x: Exchange) {
        let (scene, buyer) = (Scene::set(&x).await, x.organization("B").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let (bought, free) = (scene.fixed(&x, "10").await, scene.fixed(&x, "10").await);
        buy(&x.app, &buyer, &bought, "before").await.unwrap();
        // Somebody keeps an answer without the lock on its key, and commits when the batch has decided.
        let store = x.app.store.clone();
        let rude = tokio::spawn(async move {
            let done: Result<(), WriteError> = store
                .write("rude", |tx| async move {
                    let copy = "INSERT INTO idempotency (organization_id, idempotency_key, operation, input_hash, response, created_at) \
                                SELECT organization_id, 'k', operation, input_hash, response, created_at FROM idempotency";
                    tx.db().execute_raw(Statement::from_string(tx.db().get_database_backend(), copy)).await?;
                    tokio::time::sleep(Duration::from_millis(400)).await;
                    Ok(())
                })
                .await;
            done
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let done = buy(&x.app, &buyer, &free, "k").await;
        rude.await.unwrap().unwrap();
        assert_eq!(refused(done), ("IDEMPOTENCY_MISMATCH".to_owned(), "idempotencyKey".to_owned()));
        assert_eq!((x.count("trade").await, balance(&x, buyer.org(), AccountKind::Available).await), (1, 4_000));
        assert_clean(&x).await;
    }
}

/// A deadlock makes the batch run again, and what the first attempt had decided is forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_tried_again_and_decided_anew() {
    if !Database::Postgres.is_there().await {
        return;
    }
    let x = Exchange::start(Database::Postgres).await;
    let (scene, buyer, other) = (Scene::set(&x).await, x.organization("B").await, x.organization("O").await);
    fund(&x.app, buyer.org(), 5_000).await;
    fund(&x.app, other.org(), 5_000).await;
    let (taken, free) = (scene.fixed(&x, "10").await, scene.fixed(&x, "10").await);
    // Somebody holds the buyers' accounts and then asks for the listing that the batch has locked by now: against the order.
    let store = x.app.store.clone();
    let rude = tokio::spawn(async move {
        let done: Result<(), WriteError> = store
            .write("rude", |tx| async move {
                let run = |sql: &'static str| Statement::from_string(tx.db().get_database_backend(), sql);
                tx.db().execute_raw(run("SELECT id FROM account FOR NO KEY UPDATE")).await?;
                tokio::time::sleep(Duration::from_millis(400)).await;
                tx.db()
                    .execute_raw(run(
                        "UPDATE listing SET state = 'WITHDRAWN' WHERE id = (SELECT id FROM listing ORDER BY id LIMIT 1)",
                    ))
                    .await?;
                Ok(())
            })
            .await;
        done
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let done = join_all([buy(&x.app, &buyer, &taken, "a"), buy(&x.app, &other, &free, "b")]).await;
    rude.await.unwrap().unwrap();
    let [withdrawn, bought] = done.try_into().unwrap();
    assert_eq!(refused(withdrawn), ("WRONG_STATE".to_owned(), "listingId".to_owned()));
    bought.unwrap();
    assert_eq!((x.count("trade").await, balance(&x, buyer.org(), AccountKind::Available).await), (1, 5_000));
    assert_clean(&x).await;
}

/// Without its database a batch fails as one: dividing it would ask the same again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_database_fails_all_and_the_queue_goes_on() {
    let x = Exchange::start(Database::Sqlite).await;
    let (scene, buyer) = (Scene::set(&x).await, x.organization("B").await);
    fund(&x.app, buyer.org(), 5_000).await;
    let listing = scene.fixed(&x, "10").await;
    let process = x.process_with("").await;
    process.store.close().await.unwrap();
    for key in ["a", "b"] {
        assert!(matches!(buy(&process, &buyer, &listing, key).await, Err(AppError::Store(_))));
    }
    let hold = Hold::take(&x.app).await;
    hold.release().await;
    buy(&x.app, &buyer, &listing, "a").await.unwrap();
    assert_clean(&x).await;
}
