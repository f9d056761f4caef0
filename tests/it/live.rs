//! Subscriptions: the state now and after each change, for those who may see it, across processes.

use std::sync::Arc;
use std::time::Duration;

use api::app::App;
use domain::access::{Principal, Role};
use futures::StreamExt;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use store::entity::membership;
use tokio::sync::mpsc;

use crate::disputes::case::{case, in_charge, rule};
use crate::harness::{Actor, Exchange, caller, on_each_backend};
use crate::imports::{self, import, put};
use crate::ledger::market::{fund, sell, stall};
use crate::market::stand::{LeadSpec, buy, lead, listed, money, placed, vertical};

const WALLET: &str = "subscription { walletChanged { sequence wallet { balances { available { amount } } } } }";
const HELD: &str = "subscription { walletChanged { sequence wallet { balances { heldAsBuyer { amount } } } } }";
const TRADE: &str = "subscription ($id: ID) { tradeUpdated(id: $id) { sequence trade { id state } } }";
const AUCTION: &str = "subscription ($id: ID!) { auctionUpdated(id: $id) { sequence
    listing { state soldCount ownBid { state exclusive { amount } lossReason } } } }";
const ADDED: &str =
    "subscription ($filter: ListingFilterInput) { listingAdded(filter: $filter) { sequence listing { id mine score } } }";
const DISPUTE: &str = "subscription ($id: ID) { disputeUpdated(id: $id) { sequence dispute { id status } } }";
const PROGRESS: &str =
    "subscription ($id: ID!) { importProgress(id: $id) { sequence import { state rowsRead rowsAccepted rowsRefused } } }";

/// What one process tells one subscriber.
struct Followed {
    answers: mpsc::UnboundedReceiver<async_graphql::Response>,
    sequence: String,
}

impl Followed {
    fn new(app: Arc<App>, principal: &Principal, query: &str, variables: Value) -> Self {
        let schema = api::graphql::schema(app.clone());
        let variables = async_graphql::Variables::from_json(variables);
        let request = async_graphql::Request::new(query).variables(variables);
        let request = api::graphql::equip(request, app, caller(principal.clone()));
        let (sender, answers) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut stream = schema.execute_stream(request).boxed();
            while let Some(answer) = stream.next().await {
                sender.send(answer).ok();
            }
        });
        Self { answers, sequence: String::new() }
    }

    async fn answer(&mut self) -> Option<Value> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.answers.recv()).await.expect("an answer in time")?;
        Some(serde_json::to_value(next).unwrap())
    }

    /// The next state, which must come later in the order of changes than the one before.
    async fn state(&mut self, field: &str) -> Value {
        let answer = self.answer().await.unwrap();
        let update = &answer["data"][field];
        let sequence = update["sequence"].as_str().unwrap_or_else(|| panic!("{answer:#}")).to_owned();
        assert!(sequence > self.sequence, "{sequence} after {}", self.sequence);
        self.sequence = sequence;
        update.clone()
    }

    /// States up to the one that `last` says is the last.
    async fn until(&mut self, field: &str, last: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut states = Vec::new();
        loop {
            states.push(self.state(field).await);
            if states.last().is_some_and(&last) {
                return states;
            }
        }
    }

    async fn code(&mut self) -> String {
        let answer = self.answer().await.unwrap();
        answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{answer:#}")).to_owned()
    }

    /// Whether nothing more comes, and says so.
    async fn is_over(&mut self) -> bool {
        self.answer().await.is_none()
    }

    fn is_silent(&mut self) -> bool {
        self.answers.try_recv().is_err()
    }
}

/// Followers on two processes.
async fn followers(x: &Exchange, who: &Actor, query: &str, variables: Value) -> [Followed; 2] {
    let there = x.second_process().await;
    [x.app.clone(), there].map(|app| Followed::new(app, &who.principal, query, variables.clone()))
}

/// A subscription without a first state says nothing when it begins.
async fn listening() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

fn amount(update: &Value) -> Value {
    update["wallet"]["balances"].as_array().unwrap().iter().map(|b| b["available"]["amount"].clone()).collect()
}

on_each_backend! {
    async fn a_wallet_is_followed_from_another_process(x: Exchange) {
        let (owner, other) = (x.organization("A").await, x.organization("B").await);
        fund(&x.app, owner.org(), 100).await;
        let mut here = Followed::new(x.app.clone(), &owner.principal, WALLET, json!({}));
        let mut there = Followed::new(x.second_process().await, &owner.principal, WALLET, json!({}));
        for followed in [&mut here, &mut there] {
            assert_eq!(amount(&followed.state("walletChanged").await), json!(["1.00"]));
        }
        fund(&x.app, other.org(), 5_000).await;
        fund(&x.app, owner.org(), 250).await;
        for followed in [&mut here, &mut there] {
            assert_eq!(amount(&followed.state("walletChanged").await), json!(["3.50"]));
        }
        fund(&x.app, owner.org(), 50).await;
        for followed in [&mut here, &mut there] {
            assert_eq!(amount(&followed.state("walletChanged").await), json!(["4.00"]));
            assert!(followed.is_silent());
        }
    }

    async fn a_trade_is_followed_by_its_parties_and_by_nobody_else(x: Exchange) {
        let (seller, buyer, stranger) = (x.organization("S").await, x.organization("B").await, x.organization("Other").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let mut all_of_seller = Followed::new(x.app.clone(), &seller.principal, TRADE, json!({}));
        let mut all_of_stranger = Followed::new(x.app.clone(), &stranger.principal, TRADE, json!({}));
        listening().await;
        assert!(all_of_seller.is_silent() && all_of_stranger.is_silent());
        let trade = sell(&x.app, stall(&x, seller.org(), 1).await, buyer.org(), 1_000).await.unwrap();
        let id = json!({ "id": trade.id.to_string() });
        assert_eq!(all_of_seller.state("tradeUpdated").await["trade"], json!({ "id": id["id"], "state": "HELD" }));
        let mut one = Followed::new(x.app.clone(), &buyer.principal, TRADE, id.clone());
        assert_eq!(one.state("tradeUpdated").await["trade"]["state"], "HELD");
        x.clock.advance_secs(40 * 86_400);
        // The first round starts the clock of a trade that was never delivered, a later one ends its hold.
        for _ in 0..2 {
            api::app::trade::trades_advance(&x.app).await.unwrap();
            x.clock.advance_secs(40 * 86_400);
        }
        let mut last = Value::Null;
        while last != "RELEASED" {
            last = one.state("tradeUpdated").await["trade"]["state"].clone();
        }
        let mut strangers = Followed::new(x.app.clone(), &stranger.principal, TRADE, id);
        assert_eq!(strangers.code().await, "NOT_FOUND");
        assert!(strangers.answer().await.is_none());
        assert!(all_of_stranger.is_silent());
    }

    async fn an_auction_is_followed_with_bids_that_stay_sealed(x: Exchange) {
        let (seller, a, b) = (x.organization("S").await, x.organization("A").await, x.organization("B").await);
        let v = vertical(&x, "auto").await;
        for bidder in [&a, &b] {
            fund(&x.app, bidder.org(), 10_000).await;
        }
        let offered = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let terms = json!({ "auction": { "exclusiveReserve": money("5") } });
        let id = listed(&x, &seller, offered, 1, Some(60), terms).await;
        let of = json!({ "id": id });
        let mut of_a = followers(&x, &a, AUCTION, of.clone()).await;
        let mut of_b = followers(&x, &b, AUCTION, of.clone()).await;
        let mut of_watcher = followers(&x, &x.organization("Watcher").await, AUCTION, of.clone()).await;
        for followed in of_a.iter_mut().chain(&mut of_b).chain(&mut of_watcher) {
            assert_eq!(followed.state("auctionUpdated").await["listing"], json!({ "state": "OPEN", "soldCount": 0, "ownBid": null }));
        }
        placed(&x, &a, &id, None, Some("20")).await;
        for followed in &mut of_a {
            let own = followed.state("auctionUpdated").await["listing"]["ownBid"].clone();
            assert_eq!(own, json!({ "state": "OPEN", "exclusive": { "amount": "20.00" }, "lossReason": null }));
        }
        placed(&x, &b, &id, None, Some("30")).await;
        for followed in &mut of_b {
            assert_eq!(followed.state("auctionUpdated").await["listing"]["ownBid"]["exclusive"]["amount"], "30.00");
        }
        assert!(of_a.iter_mut().all(Followed::is_silent), "nobody hears of another's bid");
        x.clock.advance_secs(60);
        assert_eq!(api::app::listings::listings_close_due(&x.app).await.unwrap(), 1);
        for (followers, state, reason) in [(&mut of_a, "LOST", json!("OUTBID")), (&mut of_b, "WON", json!(null))] {
            for followed in followers {
                let states = followed.until("auctionUpdated", |update| update["listing"]["ownBid"]["state"] == state).await;
                let last = &states.last().unwrap()["listing"];
                assert_eq!((&last["state"], &last["soldCount"], &last["ownBid"]["lossReason"]), (&json!("SOLD"), &json!(1), &reason));
                assert!(followed.is_over().await);
            }
        }
        for followed in &mut of_watcher {
            let last = followed.state("auctionUpdated").await["listing"].clone();
            assert_eq!(last, json!({ "state": "SOLD", "soldCount": 1, "ownBid": null }));
            assert!(followed.is_over().await);
        }
        let mut late = Followed::new(x.app.clone(), &a.principal, AUCTION, of);
        assert_eq!(late.state("auctionUpdated").await["listing"]["state"], "SOLD");
        assert!(late.is_over().await, "there is nothing to follow");
    }

    async fn new_listings_are_told_to_those_whose_filter_finds_them(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        let (auto, travel) = (vertical(&x, "auto").await, vertical(&x, "travel").await);
        let mut good = followers(&x, &buyer, ADDED, json!({ "filter": { "vertical": "auto", "minScore": 60 } })).await;
        let mut all = Followed::new(x.app.clone(), &buyer.principal, ADDED, json!({}));
        let mut own = Followed::new(x.app.clone(), &seller.principal, ADDED, json!({}));
        listening().await;
        let mut ids = Vec::new();
        let people = [(auto, 59, None), (travel, 90, None), (auto, 70, None), (auto, 60, Some(x.organization("Target").await.org()))];
        for (vertical, score, target) in people {
            let offered = lead(&x, seller.org(), LeadSpec { score, target, ..LeadSpec::of(vertical) }).await;
            ids.push(listed(&x, &seller, offered, 1, None, json!({ "fixed": { "exclusivePrice": money("9") } })).await);
        }
        for followed in &mut good {
            assert_eq!(followed.state("listingAdded").await["listing"], json!({ "id": ids[2], "mine": false, "score": 70 }));
        }
        for id in &ids[..3] {
            assert_eq!(all.state("listingAdded").await["listing"]["id"], *id);
        }
        for id in &ids {
            assert_eq!(own.state("listingAdded").await["listing"]["id"], *id);
        }
        buy(&x, &buyer, &ids[0], "EXCLUSIVE", "k").await;
        listening().await;
        assert!(all.is_silent() && good.iter_mut().all(Followed::is_silent), "what is another's own, or sold, is not new");
    }

    async fn a_dispute_is_followed_through_its_states(x: Exchange) {
        let arbiters = [x.arbiter().await];
        let case = case(&x, 1_000).await;
        let stranger = x.organization("Stranger").await;
        let mut all_of_seller = followers(&x, &case.seller, DISPUTE, json!({})).await;
        let mut all_of_stranger = Followed::new(x.app.clone(), &stranger.principal, DISPUTE, json!({}));
        listening().await;
        let id = case.open(&x).await;
        for followed in &mut all_of_seller {
            assert_eq!(followed.state("disputeUpdated").await["dispute"], json!({ "id": id, "status": "OPEN" }));
        }
        let mut of_buyer = followers(&x, &case.buyer, DISPUTE, json!({ "id": id })).await;
        for followed in &mut of_buyer {
            assert_eq!(followed.state("disputeUpdated").await["dispute"]["status"], "OPEN");
        }
        case.respond(&x, &id, "CONTEST", Some("no")).await;
        let chosen = in_charge(&x, &arbiters, &id).await;
        assert_eq!(rule(&x, chosen, &id, 100).await["userErrors"], json!([]));
        for followed in of_buyer.iter_mut().chain(&mut all_of_seller) {
            let states = followed.until("disputeUpdated", |update| update["dispute"]["status"] == "UPHELD").await;
            assert!(states.iter().all(|update| update["dispute"]["id"] == id));
        }
        assert!(all_of_stranger.is_silent());
        let mut strangers = Followed::new(x.app.clone(), &stranger.principal, DISPUTE, json!({ "id": id }));
        assert_eq!(strangers.code().await, "NOT_FOUND");
    }

    async fn an_import_is_followed_row_by_row_to_its_end(x: Exchange) {
        let seller = imports::seller(&x).await;
        let other = x.organization("Other").await;
        let upload = put(&x, &seller, (imports::people(2_500) + "x,,,,,\n").as_bytes()).await;
        let id = import(&x, &seller, &upload, imports::MAPPING).await["import"]["id"].clone();
        let mut followed = followers(&x, &seller, PROGRESS, json!({ "id": id })).await;
        for followed in &mut followed {
            assert_eq!(followed.state("importProgress").await["import"]["state"], "QUEUED");
        }
        imports::work(&x).await;
        for followed in &mut followed {
            let states = followed.until("importProgress", |update| update["import"]["state"] == "DONE").await;
            let read: Vec<_> = states.iter().map(|update| update["import"]["rowsRead"].as_i64().unwrap()).collect();
            assert!(read.is_sorted());
            let last = &states.last().unwrap()["import"];
            assert_eq!((&last["rowsRead"], &last["rowsAccepted"], &last["rowsRefused"]), (&json!(2_501), &json!(2_500), &json!(1)));
            assert!(followed.is_over().await);
        }
        let mut others = Followed::new(x.app.clone(), &other.principal, PROGRESS, json!({ "id": id }));
        assert_eq!(others.code().await, "NOT_FOUND");
    }

    async fn a_buyer_sees_its_money_leave_the_hold(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let trade = sell(&x.app, stall(&x, seller.org(), 1).await, buyer.org(), 1_000).await.unwrap();
        let mut followed = Followed::new(x.app.clone(), &buyer.principal, HELD, json!({}));
        let held = |update: &Value| update["wallet"]["balances"][0]["heldAsBuyer"]["amount"].clone();
        assert_eq!(held(&followed.state("walletChanged").await), "10.00");
        for _ in 0..2 {
            x.clock.advance_secs(40 * 86_400);
            api::app::trade::trades_advance(&x.app).await.unwrap();
        }
        assert_eq!(held(&followed.until("walletChanged", |update| held(update) == "0.00").await.pop().unwrap()), "0.00");
        let released = x.app.store.trade_any(trade.id).await.unwrap().unwrap();
        assert_eq!(released.hold.state().as_str(), "RELEASED");
    }

    async fn a_sequence_does_not_go_back_at_another_process(x: Exchange) {
        let owner = x.organization("A").await;
        let there = x.second_process().await;
        let mut idle = Followed::new(there.clone(), &owner.principal, WALLET, json!({}));
        idle.state("walletChanged").await;
        let mut here = Followed::new(x.app.clone(), &owner.principal, WALLET, json!({}));
        here.state("walletChanged").await;
        for _ in 0..3 {
            fund(&x.app, owner.org(), 100).await;
            here.state("walletChanged").await;
            let mut again = Followed::new(there.clone(), &owner.principal, WALLET, json!({}));
            again.state("walletChanged").await;
            assert!(again.sequence >= here.sequence, "{} after {}", again.sequence, here.sequence);
        }
    }

    async fn access_is_looked_at_again_for_every_event(x: Exchange) {
        let organization = x.organization("A").await.org();
        let finance = [x.member(organization, Role::Finance).await, x.member(organization, Role::Finance).await];
        let mut followed = finance.map(|member| (Followed::new(x.app.clone(), &member.principal, WALLET, json!({})), member.user));
        for (follower, _) in &mut followed {
            follower.state("walletChanged").await;
        }
        x.clock.advance_secs(60);
        fund(&x.app, organization, 100).await;
        for (follower, _) in &mut followed {
            assert_eq!(amount(&follower.state("walletChanged").await), json!(["1.00"]));
        }
        let [(demoted, user), (stays, _)] = &mut followed;
        let (user, role) = (*user, Role::Agent.as_str());
        let done: Result<(), store::WriteError> = x
            .app
            .store
            .write("demote", move |tx| async move {
                membership::Entity::update_many()
                    .col_expr(membership::Column::Role, Expr::value(role))
                    .filter(membership::Column::UserId.eq(user.0))
                    .exec(tx.db())
                    .await?;
                Ok(())
            })
            .await;
        done.unwrap();
        x.clock.advance_secs(60);
        fund(&x.app, organization, 100).await;
        assert_eq!(demoted.code().await, "FORBIDDEN");
        assert!(demoted.is_over().await);
        assert_eq!(amount(&stays.state("walletChanged").await), json!(["2.00"]));
    }

    async fn who_may_not_read_may_not_follow(x: Exchange) {
        let agent = x.member(x.organization("A").await.org(), Role::Agent).await;
        assert_eq!(Followed::new(x.app.clone(), &agent.principal, WALLET, json!({})).code().await, "FORBIDDEN");
        for query in [WALLET, TRADE] {
            let code = Followed::new(x.app.clone(), &Principal::Anonymous, query, json!({})).code().await;
            assert!(matches!(code.as_str(), "FORBIDDEN" | "UNAUTHENTICATED"), "{code}");
        }
        let bad = Followed::new(x.app.clone(), &agent.principal, TRADE, json!({ "id": "trade_nonsense" })).code().await;
        assert_eq!(bad, "INVALID");
    }
}
