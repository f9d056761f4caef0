//! Subscriptions: the state now and after each change, for those who may see it, across processes.

use std::sync::Arc;
use std::time::Duration;

use api::app::App;
use domain::access::{Principal, Role};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::harness::{caller, on_each_backend};
use crate::ledger::market::{fund, sell, stall};

const WALLET: &str = "subscription { walletChanged { sequence wallet { balances { available { amount } } } } }";
const TRADE: &str = "subscription ($id: ID) { tradeUpdated(id: $id) { sequence trade { id state } } }";

/// What one process tells one subscriber.
struct Followed {
    answers: mpsc::UnboundedReceiver<async_graphql::Response>,
    sequence: String,
}

impl Followed {
    fn new(app: Arc<App>, principal: &Principal, query: &str, variables: Value) -> Self {
        let schema = api::graphql::schema(app);
        let variables = async_graphql::Variables::from_json(variables);
        let request = async_graphql::Request::new(query).variables(variables).data(caller(principal.clone()));
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

    async fn code(&mut self) -> String {
        let answer = self.answer().await.unwrap();
        answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{answer:#}")).to_owned()
    }

    fn is_silent(&mut self) -> bool {
        self.answers.try_recv().is_err()
    }
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
        assert!(all_of_seller.is_silent() && all_of_stranger.is_silent());
        tokio::time::sleep(Duration::from_millis(200)).await;
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
