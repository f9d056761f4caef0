//! The queue is bounded, ends in order, and owes nobody who has gone away.

use std::time::Duration;

use domain::ledger::AccountKind;
use futures::future::join_all;
use serde_json::json;

use super::scene::{Hold, Scene, buy, place, refused, waiting as queued};
use crate::harness::on_each_backend;
use crate::ledger::market::{assert_clean, balance, fund};
use crate::market::stand;

fn busy() -> (String, String) {
    ("RETRY_LATER".to_owned(), String::new())
}

on_each_backend! {
    async fn a_full_queue_says_so_and_nothing_is_lost(x: Exchange) {
        let mut x = x;
        let (scene, buyer) = (Scene::set(&x).await, x.organization("B").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let (plug, auction) = (scene.fixed(&x, "10").await, scene.auction(&x).await);
        let (one, two, three) = (scene.fixed(&x, "10").await, scene.fixed(&x, "10").await, scene.fixed(&x, "10").await);
        x.app = x.process_with("[settlement]\nqueue_max = 2").await;
        x.schema = api::graphql::schema(x.app.clone());
        let hold = Hold::take(&x.app).await;
        let plug = Hold::plug(&x.app, &buyer, &plug).await;
        let waiting = tokio::spawn({
            let (app, buyer, one, two) = (x.app.clone(), buyer.clone(), one.clone(), two.clone());
            async move { join_all([buy(&app, &buyer, &one, "one"), buy(&app, &buyer, &two, "two")]).await }
        });
        queued(&x.app, 2).await;
        let before = x.row_counts().await;
        assert_eq!(stand::errors(&stand::buy(&x, &buyer, &three, "EXCLUSIVE", "three").await), stand::one("RETRY_LATER", ""));
        assert_eq!(refused(place(&x.app, &buyer, &auction, 500, "bid").await), busy());
        let payload = stand::bid(&x, &buyer, &auction, None, Some("5"), "bid").await;
        assert_eq!(stand::errors(&payload), stand::one("RETRY_LATER", ""));
        assert_eq!(x.row_counts().await, before);
        hold.release().await;
        plug.await.unwrap().unwrap();
        assert!(waiting.await.unwrap().iter().all(Result::is_ok));
        let bought = stand::buy(&x, &buyer, &three, "EXCLUSIVE", "three").await;
        assert_eq!(bought["userErrors"], json!([]), "asked again it goes through: {bought:#}");
        assert_eq!((x.count("trade").await, balance(&x, buyer.org(), AccountKind::Available).await), (4, 6_000));
        assert_clean(&x).await;
    }

    async fn what_was_accepted_is_done_before_the_end(x: Exchange) {
        let (scene, buyer) = (Scene::set(&x).await, x.organization("B").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let plug = scene.fixed(&x, "10").await;
        let (one, two, late) = (scene.fixed(&x, "10").await, scene.fixed(&x, "10").await, scene.fixed(&x, "10").await);
        let hold = Hold::take(&x.app).await;
        let plug = Hold::plug(&x.app, &buyer, &plug).await;
        let accepted = join_all([buy(&x.app, &buyer, &one, "one"), buy(&x.app, &buyer, &two, "two")]);
        let ((accepted, is_done), ()) = tokio::join!(
            async { tokio::join!(accepted, x.app.settlement.drain(Duration::from_secs(20))) },
            async {
                queued(&x.app, 2).await;
                assert_eq!(refused(buy(&x.app, &buyer, &late, "late").await), busy());
                hold.release().await;
            }
        );
        assert!(is_done && accepted.iter().all(Result::is_ok), "{accepted:?}");
        plug.await.unwrap().unwrap();
        assert_eq!(x.count("trade").await, 3);
        assert_eq!(refused(buy(&x.app, &buyer, &late, "late").await), busy());
        let next = x.second_process().await;
        buy(&next, &buyer, &late, "late").await.unwrap();
        assert_clean(&x).await;
    }

    async fn what_has_not_begun_by_the_end_of_the_drain_is_refused(x: Exchange) {
        let (scene, buyer) = (Scene::set(&x).await, x.organization("B").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let (plug, waiting) = (scene.fixed(&x, "10").await, scene.fixed(&x, "10").await);
        let hold = Hold::take(&x.app).await;
        let plug = Hold::plug(&x.app, &buyer, &plug).await;
        let (waited, is_done) =
            tokio::join!(buy(&x.app, &buyer, &waiting, "waiting"), x.app.settlement.drain(Duration::from_millis(50)));
        assert_eq!((refused(waited), is_done), (busy(), false));
        hold.release().await;
        plug.await.unwrap().unwrap();
        assert_eq!(x.count("trade").await, 1);
        assert_clean(&x).await;
    }

    async fn a_caller_that_goes_away_has_bought_once(x: Exchange) {
        let (scene, buyer) = (Scene::set(&x).await, x.organization("B").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let (plug, one, two) = (scene.fixed(&x, "10").await, scene.fixed(&x, "10").await, scene.fixed(&x, "10").await);
        let hold = Hold::take(&x.app).await;
        let in_flight = Hold::plug(&x.app, &buyer, &plug).await;
        let waiting = tokio::spawn({
            let (app, buyer, one) = (x.app.clone(), buyer.clone(), one.clone());
            async move { buy(&app, &buyer, &one, "one").await }
        });
        queued(&x.app, 1).await;
        in_flight.abort();
        waiting.abort();
        hold.release().await;
        assert!(in_flight.await.unwrap_err().is_cancelled() && waiting.await.unwrap_err().is_cancelled());
        buy(&x.app, &buyer, &two, "two").await.unwrap();
        assert_eq!((x.count("trade").await, balance(&x, buyer.org(), AccountKind::Available).await), (3, 7_000));
        buy(&x.app, &buyer, &plug, "plug").await.unwrap();
        buy(&x.app, &buyer, &one, "one").await.unwrap();
        assert_eq!(x.count("trade").await, 3);
        assert_clean(&x).await;
    }
}
