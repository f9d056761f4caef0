//! A suspended organization neither sells nor buys: its listings and bids end, and what bids reserved returns.

use api::app::jobs::jobs_run;
use api::app::listings::listings_close_due;
use domain::ledger::AccountKind;
use serde_json::{Value, json};

use super::stand::{LeadSpec, buy, errors, lead, listed, money, one, placed, seen, vertical};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{assert_clean, balance, fund};

async fn suspend(x: &Exchange, who: &Actor) {
    let query = "mutation($input: OrganizationSuspendInput!) { organizationSuspend(input: $input) { organization { status } userErrors { code } } }";
    let input = json!({ "input": { "organizationId": who.org().to_string() } });
    let done = x.operator().await.run(x, query, input).await;
    assert_eq!(done["organizationSuspend"]["organization"]["status"], "SUSPENDED");
}

async fn browsed(x: &Exchange, viewer: &Actor) -> Value {
    viewer.run(x, "{ listings { edges { node { id } } } }", json!({})).await["listings"]["edges"].clone()
}

fn auction(reserve: &str) -> Value {
    json!({ "auction": { "exclusiveReserve": money(reserve) } })
}

on_each_backend! {
    async fn what_a_suspended_seller_offers_is_off_the_market(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let leads = [lead(&x, seller.org(), LeadSpec::of(v)).await, lead(&x, seller.org(), LeadSpec::of(v)).await];
        let fixed = listed(&x, &seller, leads[0], 1, None, json!({ "fixed": { "exclusivePrice": money("10") } })).await;
        let sealed = listed(&x, &seller, leads[1], 1, Some(60), auction("10")).await;
        placed(&x, &buyer, &sealed, None, Some("20")).await;
        suspend(&x, &seller).await;
        assert_eq!(browsed(&x, &buyer).await, json!([]));
        assert_eq!(seen(&x, &buyer, &fixed).await, json!(null));
        assert_eq!(seen(&x, &buyer, &sealed).await["state"], "OPEN", "a bidder still sees what it bid for");
        assert_eq!(errors(&buy(&x, &buyer, &fixed, "EXCLUSIVE", "k").await), one("NOT_FOUND", "listingId"));
        while jobs_run(&x.app).await.unwrap() > 0 {}
        assert_eq!(seen(&x, &seller, &fixed).await["state"], "WITHDRAWN");
        let ended = seen(&x, &buyer, &sealed).await;
        assert_eq!((&ended["state"], &ended["ownBid"]["state"]), (&json!("WITHDRAWN"), &json!("WITHDRAWN")));
        assert_eq!(balance(&x, buyer.org(), AccountKind::Available).await, 5_000);
        assert_clean(&x).await;
    }

    async fn a_suspended_seller_sells_nothing_at_the_closing_time(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let of_seller = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let id = listed(&x, &seller, of_seller, 1, Some(60), auction("10")).await;
        placed(&x, &buyer, &id, None, Some("20")).await;
        suspend(&x, &seller).await;
        x.clock.advance_secs(60);
        assert_eq!(listings_close_due(&x.app).await.unwrap(), 1);
        assert_eq!(seen(&x, &buyer, &id).await["state"], "WITHDRAWN");
        assert_eq!((balance(&x, buyer.org(), AccountKind::Available).await, x.count("trade").await), (5_000, 0));
        while jobs_run(&x.app).await.unwrap() > 0 {}
        assert_clean(&x).await;
    }

    async fn a_suspended_bidder_does_not_win(x: Exchange) {
        let (seller, v) = (x.organization("S").await, vertical(&x, "auto").await);
        let (high, low) = (x.organization("High").await, x.organization("Low").await);
        for buyer in [&high, &low] {
            fund(&x.app, buyer.org(), 5_000).await;
        }
        let mut ids = Vec::new();
        for open_secs in [60, 600] {
            let of_seller = lead(&x, seller.org(), LeadSpec::of(v)).await;
            let id = listed(&x, &seller, of_seller, 1, Some(open_secs), auction("10")).await;
            placed(&x, &high, &id, None, Some("20")).await;
            placed(&x, &low, &id, None, Some("15")).await;
            ids.push(id);
        }
        suspend(&x, &high).await;
        let query = "mutation($input: ListingBuyInput!) { listingBuy(input: $input) { userErrors { code } } }";
        let input = json!({ "input": { "listingId": ids[0], "kind": "EXCLUSIVE", "idempotencyKey": "k" } });
        assert_eq!(high.execute(&x, query, input).await["errors"][0]["extensions"]["code"], "SUSPENDED");
        x.clock.advance_secs(60);
        assert_eq!(listings_close_due(&x.app).await.unwrap(), 1);
        assert_eq!(seen(&x, &low, &ids[0]).await["ownBid"]["state"], "WON");
        assert_eq!(seen(&x, &high, &ids[0]).await["ownBid"]["lossReason"], "FILTER_MISMATCH");
        assert_eq!(balance(&x, high.org(), AccountKind::Reserved).await, 2_000, "the other auction is still open");
        while jobs_run(&x.app).await.unwrap() > 0 {}
        assert_eq!(seen(&x, &high, &ids[1]).await["ownBid"]["state"], "WITHDRAWN");
        assert_eq!(seen(&x, &low, &ids[1]).await["ownBid"]["state"], "OPEN");
        assert_eq!(balance(&x, high.org(), AccountKind::Available).await, 5_000);
        assert_clean(&x).await;
    }

    async fn an_operator_takes_a_listing_down_and_bids_return(x: Exchange) {
        let (operator, seller, buyer) = (x.operator().await, x.organization("S").await, x.organization("B").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let of_seller = lead(&x, seller.org(), LeadSpec::of(vertical(&x, "auto").await)).await;
        let id = listed(&x, &seller, of_seller, 1, Some(60), auction("10")).await;
        placed(&x, &buyer, &id, None, Some("20")).await;
        let query = "mutation($input: ListingTakeDownInput!) { listingTakeDown(input: $input) { listingId userErrors { code path } } }";
        let input = |reason: &str, key: &str| json!({ "input": { "listingId": id, "reason": reason, "idempotencyKey": key } });
        let before = x.row_counts().await;
        assert_eq!(errors(&operator.run(&x, query, input(" ", "k")).await["listingTakeDown"]), one("REQUIRED", "reason"));
        assert_eq!(errors(&operator.run(&x, query, input(&"r".repeat(501), "k")).await["listingTakeDown"]), one("TOO_LARGE", "reason"));
        assert_eq!(x.row_counts().await, before);
        for _ in 0..2 {
            let done = operator.run(&x, query, input("names a person", "k")).await["listingTakeDown"].clone();
            assert_eq!(done, json!({ "listingId": id, "userErrors": [] }));
        }
        assert_eq!(errors(&operator.run(&x, query, input("again", "k2")).await["listingTakeDown"]), one("WRONG_STATE", "listingId"));
        let see = "query($id: ID!) { listing(id: $id) { state takenDownFor } }";
        for party in [&seller, &buyer] {
            let seen = party.run(&x, see, json!({ "id": id })).await["listing"].clone();
            assert_eq!(seen, json!({ "state": "WITHDRAWN", "takenDownFor": "names a person" }));
        }
        assert_eq!(balance(&x, buyer.org(), AccountKind::Available).await, 5_000);
        assert_clean(&x).await;
    }

    async fn while_money_is_stopped_jobs_and_closings_wait_and_lose_nothing(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let mut ids = Vec::new();
        for (who, open_secs) in [(&seller, 7_200), (&x.organization("Other").await, 60)] {
            let of_seller = lead(&x, who.org(), LeadSpec::of(v)).await;
            let id = listed(&x, who, of_seller, 1, Some(open_secs), auction("10")).await;
            placed(&x, &buyer, &id, None, Some("20")).await;
            ids.push(id);
        }
        suspend(&x, &seller).await;
        x.app.store.money_stop_set("a test".into()).await.unwrap();
        for _ in 0..20 {
            x.clock.advance_secs(61);
            assert_eq!((jobs_run(&x.app).await.unwrap(), listings_close_due(&x.app).await.unwrap()), (0, 0));
        }
        assert_eq!(x.app.store.jobs_waiting().await.unwrap(), 1, "the job is not dead");
        x.app.store.money_stop_lift().await.unwrap();
        x.clock.advance_secs(61);
        assert_eq!((jobs_run(&x.app).await.unwrap(), listings_close_due(&x.app).await.unwrap()), (1, 1));
        assert_eq!(seen(&x, &seller, &ids[0]).await["state"], "WITHDRAWN");
        assert_eq!(seen(&x, &buyer, &ids[1]).await["ownBid"]["state"], "WON");
        assert_clean(&x).await;
    }
}
