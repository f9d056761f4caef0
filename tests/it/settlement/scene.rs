//! A market with a queue that a test can hold up, so that commands gather in one batch.

use std::sync::Arc;
use std::time::Duration;

use api::app::bids::{BidPlace, OwnBid, bid_place};
use api::app::listings::{ListingBought, ListingBuy, listing_buy};
use api::app::{App, AppError, Caller};
use domain::clearing::SaleKind;
use domain::refusal::Refusal;
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use store::{Backend, WriteError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::harness::{Actor, Exchange, caller};
use crate::market::stand::{LeadSpec, lead, listed, money, vertical};

/// A seller with fixed-price listings, each of another person, at 10 EUR for the exclusive copy.
pub struct Scene {
    pub seller: Actor,
    pub vertical: domain::id::VerticalId,
}

impl Scene {
    pub async fn set(x: &Exchange) -> Self {
        Self { seller: x.organization("S").await, vertical: vertical(x, "auto").await }
    }

    /// A listing at a fixed price in euros.
    pub async fn fixed(&self, x: &Exchange, euros: &str) -> String {
        self.listing(x, LeadSpec::of(self.vertical), 1, json!({ "fixed": { "exclusivePrice": money(euros) } })).await
    }

    /// An auction with a buy-now price of 50 EUR.
    pub async fn auction(&self, x: &Exchange) -> String {
        let terms = json!({ "auction": { "exclusiveReserve": money("1"), "buyNow": money("50") } });
        self.listing(x, LeadSpec::of(self.vertical), 1, terms).await
    }

    pub async fn listing(&self, x: &Exchange, spec: LeadSpec, max_sales: i64, terms: Value) -> String {
        let lead = lead(x, self.seller.org(), spec).await;
        listed(x, &self.seller, lead, max_sales, None, terms).await
    }
}

fn who(actor: &Actor) -> Caller {
    caller(actor.principal.clone())
}

/// The same to be run by itself.
pub fn buying(x: &Exchange, buyer: &Actor, listing: &str, key: &str) -> BoxFuture<'static, Result<ListingBought, AppError>> {
    let (app, buyer, listing, key) = (x.app.clone(), buyer.clone(), listing.to_owned(), key.to_owned());
    async move { buy(&app, &buyer, &listing, &key).await }.boxed()
}

/// [`place`] to be run by itself.
pub fn placing(
    x: &Exchange,
    buyer: &Actor,
    listing: &str,
    minor: i64,
    key: &str,
) -> BoxFuture<'static, Result<OwnBid, AppError>> {
    let (app, buyer, listing, key) = (x.app.clone(), buyer.clone(), listing.to_owned(), key.to_owned());
    async move { place(&app, &buyer, &listing, minor, &key).await }.boxed()
}

/// Buys the exclusive copy.
pub async fn buy(app: &App, buyer: &Actor, listing: &str, key: &str) -> Result<ListingBought, AppError> {
    let listing = listing.parse().unwrap();
    let input = ListingBuy { listing, kind: SaleKind::Exclusive, max_price: None, idempotency_key: key.to_owned() };
    listing_buy(app, &who(buyer), input).await
}

/// Bids for the exclusive copy, in cents.
pub async fn place(app: &App, buyer: &Actor, listing: &str, minor: i64, key: &str) -> Result<OwnBid, AppError> {
    let exclusive = Some(crate::ledger::market::eur(minor));
    let input = BidPlace { listing: listing.parse().unwrap(), shared: None, exclusive, idempotency_key: key.to_owned() };
    bid_place(app, &who(buyer), input).await
}

/// The code and the place of a refusal.
pub fn refused<T: std::fmt::Debug>(result: Result<T, AppError>) -> (String, String) {
    match result.unwrap_err() {
        AppError::Refused(refusals) => {
            let Refusal { code, path, .. } = &refusals[0];
            (code.as_str().to_owned(), path.join("."))
        }
        fault => panic!("{fault}"),
    }
}

/// What keeps the queue of every process from getting on: the writer on SQLite, every listing on Postgres.
pub struct Hold {
    release: oneshot::Sender<()>,
    held: JoinHandle<Result<(), WriteError>>,
}

impl Hold {
    pub async fn take(app: &Arc<App>) -> Self {
        let (release, released) = oneshot::channel();
        let (taken, is_taken) = oneshot::channel();
        let mut ends = Some((released, taken));
        let app = app.clone();
        let held = tokio::spawn(async move {
            app.store
                .write("hold", move |tx| {
                    let (released, taken) = ends.take().expect("a hold that is taken once");
                    async move {
                        if tx.backend() == Backend::Postgres {
                            let all = "SELECT id FROM listing ORDER BY id FOR UPDATE";
                            tx.db().execute_raw(Statement::from_string(tx.db().get_database_backend(), all)).await?;
                        }
                        taken.send(()).unwrap();
                        released.await.unwrap_or_default();
                        Ok(())
                    }
                })
                .await
        });
        is_taken.await.unwrap();
        Self { release, held }
    }

    /// A purchase that begins the batch in front of what is to gather.
    pub async fn plug(app: &Arc<App>, buyer: &Actor, listing: &str) -> JoinHandle<Result<ListingBought, AppError>> {
        let begun = app.settlement.settled().batches;
        let plug = tokio::spawn({
            let (app, buyer, listing) = (app.clone(), buyer.clone(), listing.to_owned());
            async move { buy(&app, &buyer, &listing, "plug").await }
        });
        until("the plug is under way", || app.settlement.settled().batches > begun).await;
        plug
    }

    pub async fn release(self) {
        self.release.send(()).unwrap();
        self.held.await.unwrap().unwrap();
    }
}

/// Waits until `count` commands wait in the process's queue.
pub async fn waiting(app: &App, count: usize) {
    until("the commands wait", || app.settlement.settled().waiting == count).await;
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let holds = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), holds).await.unwrap_or_else(|_| panic!("not so: {what}"));
}

/// Runs `commands` so that they settle in one batch, in their order: each begins once the one before waits in the queue, or was
/// refused in front of it.
pub async fn in_order<T: Send + 'static>(
    app: &App,
    commands: impl IntoIterator<Item = BoxFuture<'static, T>>,
) -> Vec<JoinHandle<T>> {
    let mut running = Vec::new();
    for command in commands {
        let before = app.settlement.settled().waiting;
        let running_now = tokio::spawn(command);
        until("the command waits", || running_now.is_finished() || app.settlement.settled().waiting > before).await;
        running.push(running_now);
    }
    running
}

/// Runs `commands` so that they settle in one batch, in their order.
pub async fn together<T: Send + 'static>(
    x: &Exchange,
    plug: (&Actor, &str),
    commands: impl IntoIterator<Item = BoxFuture<'static, T>>,
) -> Vec<T> {
    let hold = Hold::take(&x.app).await;
    let (buyer, listing) = plug;
    let plug = Hold::plug(&x.app, buyer, listing).await;
    let running = in_order(&x.app, commands).await;
    hold.release().await;
    plug.await.unwrap().unwrap();
    futures::future::try_join_all(running).await.unwrap()
}
