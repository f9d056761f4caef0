//! Campaigns and listings: bought at a fixed or falling price, joined in an auction.

use api::app::campaigns::follow;
use api::app::jobs::jobs_run;
use api::app::listings::listings_close_due;
use serde_json::{Value, json};

use super::stand::{buyer, campaign, campaign_create, euros, ledger_holds, wallet};
use crate::harness::{Actor, Database, Exchange, on_each_backend};

const LIST: &str =
    "mutation ($input: ListingCreateInput!) { listingCreate(input: $input) { listing { id } userErrors { code path } } }";
const STATE: &str = "query ($id: ID!) { listing(id: $id) { state soldCount } }";
const BOUGHT: &str = "{ trades(side: BUYER) { edges { node { price { amount } } } } }";

async fn listed(x: &Exchange, seller: &Actor, n: u32, max_sales: i64, terms: Value) -> Value {
    let lead = x.verified_lead(seller, n).await;
    let input = json!({ "leadId": lead, "maxSales": max_sales, "openSecs": 600, "terms": terms });
    let payload = seller.run(x, LIST, json!({ "input": input })).await["listingCreate"].clone();
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    payload["listing"]["id"].clone()
}

async fn state(x: &Exchange, seller: &Actor, listing: &Value) -> String {
    seller.run(x, STATE, json!({ "id": listing })).await["listing"]["state"].as_str().unwrap().to_owned()
}

async fn prices(x: &Exchange, buyer: &Actor) -> Vec<String> {
    let trades = buyer.run(x, BOUGHT, json!({})).await["trades"]["edges"].clone();
    let price = |edge: &Value| edge["node"]["price"]["amount"].as_str().unwrap().to_owned();
    trades.as_array().unwrap().iter().map(price).collect()
}

on_each_backend! {
    async fn a_fixed_price_is_paid_by_the_dearest_and_then_by_whoever_waited_longest(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (low, _) = buyer(&x, "Low", 100_000, campaign(None, Some("4.99"), json!({}))).await;
        let (one, _) = buyer(&x, "One", 100_000, campaign(None, Some("9"), json!({}))).await;
        let (two, _) = buyer(&x, "Two", 100_000, campaign(None, Some("9"), json!({}))).await;
        for n in 1..=4 {
            let listing = listed(&x, &seller, n, 1, json!({ "fixed": { "exclusivePrice": euros("5") } })).await;
            jobs_run(&x.app).await.unwrap();
            assert_eq!(state(&x, &seller, &listing).await, "SOLD");
            x.clock.advance_secs(1);
        }
        // Equal prices take turns, and pay the cost per lead.
        assert_eq!(prices(&x, &one).await, ["5.00", "5.00"]);
        assert_eq!(prices(&x, &two).await, ["5.00", "5.00"]);
        assert_eq!(prices(&x, &low).await, Vec::<String>::new());
        let (dear, _) = buyer(&x, "Dear", 100_000, campaign(None, Some("9.01"), json!({}))).await;
        listed(&x, &seller, 5, 1, json!({ "fixed": { "exclusivePrice": euros("5") } })).await;
        jobs_run(&x.app).await.unwrap();
        assert_eq!(prices(&x, &dear).await, ["5.00"]);
        ledger_holds(&x).await;
    }

    async fn a_campaign_finds_what_is_listed_already(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let listing = listed(&x, &seller, 1, 2, json!({ "fixed": { "sharedPrice": euros("3") } })).await;
        jobs_run(&x.app).await.unwrap();
        assert_eq!(state(&x, &seller, &listing).await, "OPEN");
        let (first, _) = buyer(&x, "First", 1_000, campaign(Some("3"), None, json!({}))).await;
        jobs_run(&x.app).await.unwrap();
        assert_eq!(prices(&x, &first).await, ["3.00"]);
        // A second campaign of the same buyer does not buy the person again; another buyer takes the last copy.
        campaign_create(&x, &first, "second", campaign(Some("3"), None, json!({}))).await;
        jobs_run(&x.app).await.unwrap();
        assert_eq!(state(&x, &seller, &listing).await, "OPEN");
        let (other, _) = buyer(&x, "Other", 1_000, campaign(Some("8"), None, json!({}))).await;
        jobs_run(&x.app).await.unwrap();
        assert_eq!(prices(&x, &other).await, ["3.00"]);
        assert_eq!(state(&x, &seller, &listing).await, "SOLD");
        ledger_holds(&x).await;
    }

    async fn a_falling_price_is_taken_when_it_reaches_a_campaign(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (first, _) = buyer(&x, "First", 10_000, campaign(None, Some("7.50"), json!({}))).await;
        let falling = json!({ "dutch": { "start": euros("10"), "floor": euros("5"), "step": euros("1"), "intervalSecs": 10 } });
        let listing = listed(&x, &seller, 1, 1, falling).await;
        jobs_run(&x.app).await.unwrap();
        x.clock.advance_secs(29);
        jobs_run(&x.app).await.unwrap();
        assert_eq!(state(&x, &seller, &listing).await, "OPEN");
        x.clock.advance_secs(1);
        jobs_run(&x.app).await.unwrap();
        assert_eq!(prices(&x, &first).await, ["7.00"]);
        assert_eq!(state(&x, &seller, &listing).await, "SOLD");
        ledger_holds(&x).await;
    }

    async fn campaigns_join_an_auction_beside_sealed_bids(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (campaigner, id) = buyer(&x, "Campaigner", 10_000, campaign(None, Some("20"), json!({}))).await;
        let (poor, _) = buyer(&x, "Poor", 1_000, campaign(None, Some("30"), json!({}))).await;
        let (bidder, _) = buyer(&x, "Bidder", 10_000, campaign(None, Some("50"), json!({ "vertical": "insurance" }))).await;
        let listing = listed(&x, &seller, 1, 1, json!({ "auction": { "exclusiveReserve": euros("5") } })).await;
        let bid = "mutation ($input: BidPlaceInput!) { bidPlace(input: $input) { bid { id } userErrors { code } } }";
        let input = json!({ "listingId": listing, "exclusive": euros("12"), "idempotencyKey": "bid" });
        bidder.run(&x, bid, json!({ "input": input })).await;
        assert_eq!(wallet(&x, &campaigner).await, ("100.00".into(), "0.00".into()));
        x.clock.advance_secs(600);
        assert_eq!(listings_close_due(&x.app).await.unwrap(), 1);
        assert_eq!(prices(&x, &campaigner).await, ["12.00"]);
        assert_eq!(wallet(&x, &campaigner).await, ("88.00".into(), "0.00".into()));
        assert_eq!((wallet(&x, &bidder).await, wallet(&x, &poor).await), (("100.00".into(), "0.00".into()), ("10.00".into(), "0.00".into())));
        let used = "query ($id: ID!) { campaign(id: $id) { leads spend { amount } } }";
        let used = campaigner.run(&x, used, json!({ "id": id })).await["campaign"].clone();
        assert_eq!(used, json!({ "leads": 1, "spend": { "amount": "12.00" } }));
        let receipt = "query ($id: ID!) { clearingReceipt(listingId: $id) { replays } }";
        let receipt = campaigner.run(&x, receipt, json!({ "id": listing })).await;
        assert_eq!(receipt["clearingReceipt"]["replays"], true);
        ledger_holds(&x).await;
    }

    async fn two_processes_never_overspend_a_cap_together(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let caps = json!({ "caps": [{ "period": "DAY", "leads": 1 }] });
        let (first, id) = buyer(&x, "First", 10_000, campaign(None, Some("20"), caps)).await;
        let other = x.second_process().await;
        // Each process has the campaign in its book, unused.
        for app in [&x.app, &other] {
            follow::campaigns_follow(app).await.unwrap();
        }
        for n in 1..=2 {
            listed(&x, &seller, n, 1, json!({ "fixed": { "exclusivePrice": euros("5") } })).await;
        }
        let (here, there) = tokio::join!(jobs_run(&x.app), jobs_run(&other));
        here.unwrap();
        there.unwrap();
        jobs_run(&other).await.unwrap();
        assert_eq!(prices(&x, &first).await, ["5.00"]);
        // A pause is known to the other process as soon as it looks.
        let pause = "mutation ($input: CampaignPauseInput!) { campaignPause(input: $input) { campaign { state } } }";
        first.run(&x, pause, json!({ "input": { "campaignId": id } })).await;
        assert_eq!(follow::book(&other).await.unwrap().len(), 1);
        follow::campaigns_follow(&other).await.unwrap();
        assert_eq!(follow::book(&other).await.unwrap().len(), 0);
        ledger_holds(&x).await;
    }
}

/// A pause is heeded at once, though the order of events is held open by a transaction that somebody else runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_transaction_does_not_keep_a_paused_campaign_in() {
    if !Database::Postgres.is_there().await {
        return;
    }
    let x = Exchange::start(Database::Postgres).await;
    x.verticals().await;
    let (first, id) = buyer(&x, "First", 10_000, campaign(None, Some("20"), json!({}))).await;
    let other = x.second_process().await;
    assert_eq!(follow::book(&other).await.unwrap().len(), 1);
    let long = x.long_transaction().await;
    for (pause, left) in [("campaignPause", 0), ("campaignResume", 1), ("campaignPause", 0)] {
        let text = pause.replacen('c', "C", 1);
        let change = format!("mutation ($input: {text}Input!) {{ {pause}(input: $input) {{ campaign {{ state }} }} }}");
        first.run(&x, &change, json!({ "input": { "campaignId": id } })).await;
        follow::campaigns_follow(&other).await.unwrap();
        assert_eq!(follow::book(&other).await.unwrap().len(), left, "{pause}");
    }
    long.rollback().await.unwrap();
}
