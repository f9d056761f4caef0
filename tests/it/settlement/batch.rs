//! Commands in one batch see each other, and fail alone.

use domain::ledger::AccountKind;
use futures::FutureExt;
use serde_json::json;

use super::scene::{Scene, buy, buying, place, placing, refused, together};
use crate::harness::on_each_backend;
use crate::ledger::market::{assert_clean, balance, fund};
use crate::market::stand::{LeadSpec, money};

fn code(code: &str, path: &str) -> (String, String) {
    (code.to_owned(), path.to_owned())
}

on_each_backend! {
    async fn a_refused_command_fails_alone(x: Exchange) {
        let scene = Scene::set(&x).await;
        let (rich, poor, frozen) = (x.organization("R").await, x.organization("P").await, x.organization("F").await);
        fund(&x.app, rich.org(), 10_000).await;
        fund(&x.app, poor.org(), 1_500).await;
        fund(&x.app, frozen.org(), 1_500).await;
        x.tamper("UPDATE organization SET wallet_frozen_at = created_at WHERE name = 'F'").await.unwrap();
        let (plug, one, two, three) =
            (scene.fixed(&x, "10").await, scene.fixed(&x, "10").await, scene.fixed(&x, "10").await, scene.fixed(&x, "10").await);
        let nowhere = scene.fixed(&x, "10").await.replace("lst_0", "lst_1");
        let done = together(&x, (&rich, &plug), [
            buying(&x, &rich, &one, "a"),
            buying(&x, &poor, &one, "b"),
            buying(&x, &rich, &nowhere, "c"),
            buying(&x, &poor, &two, "d"),
            buying(&x, &poor, &three, "e"),
            buying(&x, &frozen, &three, "f"),
            buying(&x, &scene.seller, &three, "g"),
            buying(&x, &rich, &three, "h"),
        ]).await;
        let mut done = done.into_iter();
        let mut next = || done.next().unwrap();
        next().unwrap();
        assert_eq!(refused(next()), code("SOLD_OUT", "listingId"));
        assert_eq!(refused(next()), code("NOT_FOUND", "listingId"));
        next().unwrap();
        assert_eq!(refused(next()), code("INSUFFICIENT_FUNDS", ""), "the first purchase has spent it");
        assert_eq!(refused(next()), code("WALLET_FROZEN", ""));
        assert_eq!(refused(next()), code("OWN_LEAD", "listingId"));
        next().unwrap();
        assert_eq!((x.count("trade").await, x.count("idempotency").await), (4, 4));
        assert_eq!(balance(&x, rich.org(), AccountKind::Available).await, 7_000);
        assert_eq!(balance(&x, poor.org(), AccountKind::Available).await, 500);
        assert_eq!(balance(&x, scene.seller.org(), AccountKind::Escrow).await, 4_000);
        assert_eq!(refused(buy(&x.app, &poor, &one, "b").await), code("SOLD_OUT", "listingId"), "a refusal is not remembered");
        assert_clean(&x).await;
    }

    async fn one_key_answers_once(x: Exchange) {
        let (scene, buyer) = (Scene::set(&x).await, x.organization("B").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let (plug, one, two) = (scene.fixed(&x, "10").await, scene.fixed(&x, "10").await, scene.fixed(&x, "10").await);
        let done = together(&x, (&buyer, &plug), [
            buying(&x, &buyer, &one, "k"),
            buying(&x, &buyer, &one, "k"),
            buying(&x, &buyer, &two, "k"),
        ]).await;
        let [first, again, other] = done.try_into().unwrap();
        let first = first.unwrap();
        assert_eq!(again.unwrap(), first);
        assert_eq!(refused(other), code("IDEMPOTENCY_MISMATCH", "idempotencyKey"));
        assert_eq!((x.count("trade").await, balance(&x, buyer.org(), AccountKind::Available).await), (2, 8_000));
        assert_clean(&x).await;
    }

    async fn one_person_is_sold_once_to_a_buyer_of_several_listings(x: Exchange) {
        let (scene, buyer, other) = (Scene::set(&x).await, x.organization("B").await, x.organization("O").await);
        fund(&x.app, buyer.org(), 10_000).await;
        fund(&x.app, other.org(), 10_000).await;
        let same = || LeadSpec { phone: Some("+351911"), ..LeadSpec::of(scene.vertical) };
        let terms = || json!({ "fixed": { "exclusivePrice": money("10") } });
        let (plug, one, two) = (
            scene.fixed(&x, "10").await,
            scene.listing(&x, same(), 1, terms()).await,
            scene.listing(&x, same(), 1, terms()).await,
        );
        let done = together(&x, (&buyer, &plug), [
            buying(&x, &buyer, &one, "a"),
            buying(&x, &buyer, &two, "b"),
            buying(&x, &other, &two, "c"),
        ]).await;
        let [first, second, others] = done.try_into().unwrap();
        first.unwrap();
        assert_eq!(refused(second), code("DUPLICATE_FOR_BUYER", "listingId"));
        others.unwrap();
        assert_clean(&x).await;
    }

    async fn a_buy_now_returns_bids_of_the_same_batch(x: Exchange) {
        let (scene, rich) = (Scene::set(&x).await, x.organization("R").await);
        let (early, late) = (x.organization("E").await, x.organization("L").await);
        for buyer in [&rich, &early, &late] {
            fund(&x.app, buyer.org(), 10_000).await;
        }
        let (plug, auction) = (scene.fixed(&x, "10").await, scene.auction(&x).await);
        place(&x.app, &early, &auction, 500, "early").await.unwrap();
        let bid = |minor, key| placing(&x, &late, &auction, minor, key).map(|done| done.map(drop));
        let done = together(&x, (&rich, &plug), [
            bid(700, "first").boxed(),
            bid(900, "second").boxed(),
            placing(&x, &rich, &auction, 800, "own").map(|done| done.map(drop)).boxed(),
            buying(&x, &rich, &auction, "now").map(|done| done.map(drop)).boxed(),
            bid(950, "third").boxed(),
        ]).await;
        let [first, second, own, now, third] = done.try_into().unwrap();
        for placed in [first, second, own, now] {
            placed.unwrap();
        }
        assert_eq!(refused(third), code("SOLD_OUT", "listingId"));
        for (buyer, spendable) in [(&early, 10_000), (&late, 10_000), (&rich, 10_000 - 1_000 - 5_000)] {
            assert_eq!(balance(&x, buyer.org(), AccountKind::Available).await, spendable);
            assert_eq!(balance(&x, buyer.org(), AccountKind::Reserved).await, 0);
        }
        let ends = x.dump(&["bid"]).await;
        let count = |what: &str| ends.matches(what).count();
        assert_eq!((count("LOST"), count("WITHDRAWN"), count("OUTBID"), count("OPEN")), (2, 2, 2, 0), "{ends}");
        assert_clean(&x).await;
    }

    async fn a_stop_refuses_only_what_would_move_money(x: Exchange) {
        let (scene, buyer) = (Scene::set(&x).await, x.organization("B").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let (one, auction) = (scene.fixed(&x, "10").await, scene.auction(&x).await);
        x.app.store.money_stop_set("a test".into()).await.unwrap();
        let before = x.row_counts().await;
        assert_eq!(refused(buy(&x.app, &buyer, &one, "a").await), code("MONEY_STOPPED", ""));
        assert_eq!(refused(place(&x.app, &buyer, &auction, 500, "b").await), code("MONEY_STOPPED", ""));
        assert_eq!(refused(buy(&x.app, &scene.seller, &one, "c").await), code("OWN_LEAD", "listingId"));
        assert_eq!(x.row_counts().await, before);
        x.app.store.money_stop_lift().await.unwrap();
        buy(&x.app, &buyer, &one, "a").await.unwrap();
        assert_clean(&x).await;
    }
}
