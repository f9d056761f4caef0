//! An exchange with Stripe's double behind it.

use std::sync::Arc;

use api::app::App;
use api::app::jobs::jobs_run;
use api::app::payments::reconcile::{Reconciliation, stripe_reconcile};
use api::app::payments::work::payments_advance;
use api::app::payments::{auto_top_ups, payments_open};
use api::http::payments::routes;
use domain::time::{Window, plus_secs};
use serde_json::{Value, json};
use stripe_double::{Clock, Fault, FaultAction, Happening, Options, PaymentBehavior, Phase, StripeDouble, WebhookEndpoint};

use crate::harness::{Actor, Exchange, start_of_time};
use crate::ledger::market::assert_clean;
use crate::wallet::eur;

pub const SECRET: &str = "whsec_test";
const TOP_UP: &str = "mutation ($input: WalletTopUpInput!) { walletTopUp(input: $input) {
    topUp { id state url reason paid { amount } receiptUrl stripeReceiptUrl automatic } userErrors { code path message } } }";
const ONE: &str =
    "query ($id: ID!) { topUp(id: $id) { id state url reason paid { amount } receiptUrl stripeReceiptUrl automatic } }";
const AVAILABLE: &str = "{ wallet { balances { available { amount } owed { amount } payout { amount } } frozenAt } }";

/// The exchange, the double, and how to speak to both.
pub struct Till {
    pub x: Exchange,
    pub double: StripeDouble,
    pub webhook: String,
}

/// What each process of such an exchange is told.
pub fn settings(double: &StripeDouble) -> String {
    format!(
        "[stripe]\nsecret_key = {:?}\nwebhook_secrets = [{SECRET:?}]\napi_url = {:?}\ntimeout_secs = 2\n",
        double.secret_key, double.url
    )
}

impl Till {
    pub async fn open(x: Exchange) -> Self {
        Self::open_with(x, "").await
    }

    /// With more settings of `[stripe]`.
    pub async fn open_with(mut x: Exchange, more: &str) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let clock = Clock::Fixed(start_of_time().timestamp());
        let double = StripeDouble::start_with(Options { clock, ..Options::default() }).await.unwrap();
        x.app = x.process_with(&(settings(&double) + more)).await;
        x.schema = api::graphql::schema(Arc::clone(&x.app));
        payments_open(&x.app).await.unwrap();
        let webhook = x.listen(routes, &[]).await + "/v1/stripe/webhook";
        let till = Self { x, double, webhook };
        till.listen();
        till
    }

    /// Lets the double tell the exchange.
    pub fn listen(&self) {
        let endpoint = WebhookEndpoint { url: self.webhook.clone(), secret: SECRET.to_owned(), enabled_events: Vec::new() };
        self.double.set_webhook_endpoints(vec![endpoint]);
    }

    /// Lets the double keep everything to itself.
    pub fn deafen(&self) {
        self.double.set_webhook_endpoints(Vec::new());
    }

    /// Another process on the same database: what follows a crash.
    pub async fn restarted(&self) -> Arc<App> {
        self.x.process_with(&settings(&self.double)).await
    }

    /// Everything that the double told is handled.
    pub async fn hear(&self) {
        self.double.settle_webhooks().await;
        while jobs_run(&self.x.app).await.unwrap() > 0 {}
        assert_eq!(self.x.app.store.jobs_waiting().await.unwrap(), 0);
    }

    /// Both clocks go on.
    pub fn wait(&self, secs: u32) {
        self.x.clock.advance_secs(secs.into());
        self.double.advance_clock(secs);
    }

    /// A worker looks at everything that is due after `secs`.
    pub async fn work_after(&self, secs: u32) {
        self.wait(secs);
        payments_advance(&self.x.app).await.unwrap();
    }

    /// The next `times` answers to a path are lost.
    pub fn fault(&self, path: &str, phase: Phase, times: u32) {
        self.script(path, phase, times, FaultAction::Drop);
    }

    /// The next request to a path is answered so, and does nothing.
    pub fn answers(&self, path: &str, status: u16) {
        self.script(path, Phase::Before, 1, FaultAction::Status { status });
    }

    fn script(&self, path: &str, phase: Phase, times: u32, action: FaultAction) {
        let path = path.to_owned();
        self.double.script_fault(Fault { method: Some("POST".to_owned()), path, times, phase, action, keep: false });
    }

    pub async fn top_up(&self, who: &Actor, input: Value) -> Value {
        who.run(&self.x, TOP_UP, json!({ "input": input })).await["walletTopUp"].clone()
    }

    /// Asks for money in at a page.
    pub async fn begin(&self, who: &Actor, amount: &str, key: &str) -> Value {
        let answer = self.top_up(who, json!({ "amount": eur(amount), "saveCard": true, "idempotencyKey": key })).await;
        assert_eq!(answer["userErrors"], json!([]));
        answer["topUp"].clone()
    }

    pub async fn read(&self, who: &Actor, top_up: &Value) -> Value {
        who.run(&self.x, ONE, json!({ "id": top_up["id"] })).await["topUp"].clone()
    }

    /// Pays money in at a page, and hears of it.
    pub async fn paid(&self, who: &Actor, amount: &str, key: &str) -> Value {
        let begun = self.begin(who, amount, key).await;
        self.double.complete_checkout(&session(&begun)).unwrap();
        self.hear().await;
        let paid = self.read(who, &begun).await;
        assert_eq!(paid["state"], "PAID");
        paid
    }

    /// Saves a card by paying with it, and lets it behave so from then on.
    pub async fn card(&self, who: &Actor, behavior: PaymentBehavior) -> String {
        self.paid(who, "10", &format!("card-{}", self.double.journal().len())).await;
        let cards = who.run(&self.x, "{ savedCards { id brand lastFour } }", json!({})).await["savedCards"].clone();
        assert_eq!(cards.as_array().unwrap().len(), 1);
        let card = cards[0]["id"].as_str().unwrap().to_owned();
        self.double.set_payment_method(&card, behavior).unwrap();
        card
    }

    /// What the wallet has, owes and sends out, and whether it is frozen.
    pub async fn wallet(&self, who: &Actor) -> (String, String, String, bool) {
        let wallet = who.run(&self.x, AVAILABLE, json!({})).await["wallet"].clone();
        let of = |name: &str| wallet["balances"][0][name]["amount"].as_str().unwrap_or("0.00").to_owned();
        (of("available"), of("owed"), of("payout"), !wallet["frozenAt"].is_null())
    }

    pub async fn available(&self, who: &Actor) -> String {
        self.wallet(who).await.0
    }

    /// The id of what the double last told of a kind about an object.
    pub fn told(&self, kind: &str, about: &str) -> String {
        let of = |what| match what {
            Happening::Event { id, event_type, object } if event_type == kind && object == about => Some(id),
            _ => None,
        };
        self.double.journal().into_iter().rev().find_map(|entry| of(entry.what)).unwrap()
    }

    /// How many requests to write at a path there were.
    pub fn asked(&self, path: &str) -> usize {
        let is_one =
            |what: &Happening| matches!(what, Happening::Request(request) if request.method == "POST" && request.path == path);
        self.double.journal().iter().filter(|entry| is_one(&entry.what)).count()
    }

    /// The ids of what the double made for requests to a path.
    pub fn made(&self, path: &str) -> Vec<String> {
        let executed = |what| match what {
            Happening::Request(request) if request.method == "POST" && request.path == path && request.executed => request.object,
            _ => None,
        };
        self.double.journal().into_iter().filter_map(|entry| executed(entry.what)).collect()
    }

    /// The ids of what the double has in a list, oldest first.
    pub async fn there(&self, path: &str) -> Vec<String> {
        let request =
            reqwest::Client::new().get(format!("{}{path}?limit=100", self.double.url)).bearer_auth(&self.double.secret_key);
        let list: Value = request.send().await.unwrap().json().await.unwrap();
        list["data"].as_array().unwrap().iter().rev().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn reconciled(&self) -> Reconciliation {
        let until = plus_secs(api::ports::Clock::now(self.x.clock.as_ref()), 60);
        stripe_reconcile(&self.x.app, &Window { from: plus_secs(start_of_time(), -60), until }).await.unwrap()
    }

    /// Every invariant of both sides holds, and their books agree.
    pub async fn close(self) {
        assert_clean(&self.x).await;
        self.double.check().unwrap();
        assert_eq!(self.reconciled().await.differences, []);
    }

    pub async fn fill(&self) -> u64 {
        auto_top_ups::auto_top_ups_fill(&self.x.app).await.unwrap()
    }
}

/// The page's id out of its address.
pub fn session(top_up: &Value) -> String {
    top_up["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}
