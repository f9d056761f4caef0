//! The same commands give the same ledger, however they are divided into batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::app::listings::{ListingBuy, listing_buy};
use api::app::trade::trades_advance;
use api::app::{App, AppError};
use api::ports::{Entropy, SeededEntropy};
use domain::clearing::SaleKind;
use domain::ledger::Account;
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use sea_orm::EntityTrait;
use serde_json::json;
use store::entity::{bid, journal, trade, transfer};

use super::scene::{Hold, Scene, buy, in_order, place, waiting};
use crate::harness::{Actor, Database, Exchange, caller};
use crate::ledger::market::{DAY, accounts, assert_clean, fund};
use crate::market::stand::{LeadSpec, money};

const BUYERS: usize = 5;
const COMMANDS: usize = 120;
const LISTINGS: usize = 33;
const SIZES: [usize; 4] = [1, 2, 7, 512];

struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, n: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % n as u64) as usize
    }
}

/// What is left of a run, with names instead of ids.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    outcomes: Vec<String>,
    balances: BTreeMap<String, (i64, i64)>,
    trades: Vec<String>,
    bids: Vec<String>,
    journals: Vec<String>,
}

/// One exchange on which the same commands run, always in the same order, in batches of at most `size`.
async fn run(database: Database, size: usize) -> Left {
    let x = Exchange::start(database).await;
    let app = x.process_with(&format!("[settlement]\nbatch_max = {size}\n[exchange]\nnew_below_trades = 4")).await;
    let scene = Scene::set(&x).await;
    let mut buyers = Vec::new();
    for n in 0..BUYERS {
        let buyer = x.organization(&format!("Buyer {n}")).await;
        fund(&x.app, buyer.org(), 9_000).await;
        buyers.push(buyer);
    }
    // Some trades whose holds end while the others are sold: each raises the seller's standing, and with it the next hold.
    let plug = scene.fixed(&x, "1").await;
    for _ in 0..4 {
        buy(&x.app, &buyers[0], &scene.fixed(&x, "1").await, &x.app.store.id::<domain::id::JobId>().to_string()).await.unwrap();
    }
    x.clock.advance_secs(DAY);
    trades_advance(&x.app).await.unwrap();
    x.clock.advance_secs(14 * DAY);
    let mut listings = Vec::new();
    for n in 0..LISTINGS {
        // Every person is offered in two or three listings.
        let phone = Some(["+1", "+2", "+3", "+4", "+5", "+6", "+7", "+8", "+9", "+10", "+11", "+12", "+13"][n % 13]);
        let spec = LeadSpec { phone, ..LeadSpec::of(scene.vertical) };
        listings.push(match n % 3 {
            0 => scene.auction(&x).await,
            1 => scene.listing(&x, spec, 2, json!({ "fixed": { "sharedPrice": money("7") } })).await,
            _ => scene.listing(&x, spec, 1, json!({ "fixed": { "exclusivePrice": money("12") } })).await,
        });
    }
    let hold = Hold::take(&x.app).await;
    let plug = Hold::plug(&app, &buyers[0], &plug).await;
    let dice = Dice(SeededEntropy::new(11));
    let mut commands: Vec<_> = (0..COMMANDS).map(|n| command(&app, &dice, &buyers, &listings, n)).collect();
    // All gather while the queue is held up: one half, the releases that are due, the other half.
    let second = commands.split_off(COMMANDS / 2);
    let mut running = in_order(&app, commands).await;
    let before = app.settlement.settled().waiting;
    let releases = tokio::spawn({
        let app = app.clone();
        async move { trades_advance(&app).await.unwrap() }
    });
    waiting(&app, before + 4).await;
    running.extend(in_order(&app, second).await);
    hold.release().await;
    let outcomes = try_join_all(running).await.unwrap();
    assert_eq!(releases.await.unwrap(), 4);
    plug.await.unwrap().unwrap();
    assert_clean(&x).await;
    let names: BTreeMap<_, _> = buyers.iter().enumerate().map(|(n, buyer)| (buyer.org().0, format!("buyer {n}"))).collect();
    left(&x, outcomes, &names, &listings).await
}

fn command(app: &Arc<App>, dice: &Dice, buyers: &[Actor], listings: &[String], n: usize) -> BoxFuture<'static, String> {
    let (app, buyer) = (app.clone(), buyers[dice.below(BUYERS)].clone());
    let (kind, minor, place_of) = (dice.below(10), 100 + dice.below(40) as i64 * 100, dice.below(LISTINGS));
    // Each third listing is an auction; most bids are for those.
    let place_of = if kind < 3 { place_of - place_of % 3 } else { place_of };
    let listing = listings[place_of].clone();
    // A tenth comes with a key that another command may have used, with the same input or with another.
    let key = if dice.below(10) == 0 { format!("k{}", dice.below(3)) } else { format!("n{n}") };
    async move {
        match kind {
            0..=3 => format!("{:?}", place(&app, &buyer, &listing, minor, &key).await.map(drop).map_err(told)),
            4..=6 => format!("{:?}", buy(&app, &buyer, &listing, &key).await.map(drop).map_err(told)),
            _ => {
                let listing = listing.parse().unwrap();
                let input = ListingBuy { listing, kind: SaleKind::Shared, max_price: None, idempotency_key: key };
                format!("{:?}", listing_buy(&app, &caller(buyer.principal.clone()), input).await.map(drop).map_err(told))
            }
        }
    }
    .boxed()
}

fn told(error: AppError) -> String {
    match error {
        AppError::Refused(_) => error.to_string(),
        fault => panic!("{fault}"),
    }
}

async fn left(x: &Exchange, outcomes: Vec<String>, names: &BTreeMap<uuid::Uuid, String>, listings: &[String]) -> Left {
    let db = x.app.store.read();
    let name = |id: &uuid::Uuid| names.get(id).cloned().unwrap_or_else(|| "seller".to_owned());
    let place = |id: uuid::Uuid| listings.iter().position(|listing| *listing == domain::id::ListingId(id).to_string());
    let account = |account: &Account| {
        let owner = account.organization.map_or_else(|| "exchange".to_owned(), |owner| name(&owner.0));
        // The stripe that takes a commission follows from the id of the trade.
        format!("{owner} {}", account.kind.as_str())
    };
    let mut balances = BTreeMap::<String, (i64, i64)>::new();
    for (of, (minor, version)) in accounts(x).await {
        let sum = balances.entry(account(&of)).or_default();
        *sum = (sum.0 + minor, sum.1 + version);
    }
    balances.retain(|_, sum| *sum != (0, 0));
    let trades = trade::Entity::find().all(db).await.unwrap();
    let show = |row: &trade::Model| {
        let (listing, buyer) = (place(row.listing_id), name(&row.buyer_id));
        format!("{listing:?} {buyer} {} {} {} {} {}", row.exclusive, row.price_minor, row.state, row.hold_secs, row.version)
    };
    let by_trade: BTreeMap<_, _> = trades.iter().map(|row| (row.id, show(row))).collect();
    let bids = bid::Entity::find().all(db).await.unwrap();
    let show = |row: &bid::Model| {
        let (listing, buyer) = (place(row.listing_id), name(&row.buyer_id));
        format!("{listing:?} {buyer} {} {} {:?} {}", row.reserved_minor, row.state, row.loss_reason, row.version)
    };
    let by_bid: BTreeMap<_, _> = bids.iter().map(|row| (row.id, show(row))).collect();
    let transfers = transfer::Entity::find().all(db).await.unwrap();
    let journals = journal::Entity::find().all(db).await.unwrap().into_iter().map(|row| {
        let mut moved: Vec<_> = transfers.iter().filter(|moved| moved.journal_id == row.id).collect();
        moved.sort_by_key(|moved| moved.position);
        // The stripes' balances follow from the ids of trades; the amounts do not.
        let moved: Vec<i64> = moved.into_iter().map(|moved| moved.amount_minor).collect();
        let subject = by_trade.get(&row.subject_id).or_else(|| by_bid.get(&row.subject_id));
        format!("{} {subject:?} {moved:?}", row.kind)
    });
    let sorted = |mut rows: Vec<String>| {
        rows.sort_unstable();
        rows
    };
    let journals = sorted(journals.collect());
    Left {
        outcomes,
        balances,
        trades: sorted(by_trade.into_values().collect()),
        bids: sorted(by_bid.into_values().collect()),
        journals,
    }
}

async fn same_in_all_sizes(database: Database) {
    let one_by_one = run(database, SIZES[0]).await;
    let ok = one_by_one.outcomes.iter().filter(|outcome| outcome.starts_with("Ok")).count();
    assert!((25..100).contains(&ok), "{ok} of {COMMANDS} went through: {:#?}", one_by_one.outcomes);
    for code in ["SOLD_OUT", "DUPLICATE_FOR_BUYER", "INSUFFICIENT_FUNDS", "IDEMPOTENCY_MISMATCH", "WRONG_STATE"] {
        assert!(one_by_one.outcomes.iter().any(|outcome| outcome.contains(code)), "no {code}: {:#?}", one_by_one.outcomes);
    }
    let states = |state: &str| one_by_one.trades.iter().filter(|row| row.contains(state)).count();
    assert!(states("RELEASED") >= 4 && states("HELD") > 5, "{:#?}", one_by_one.trades);
    for size in &SIZES[1..] {
        assert_eq!(run(database, *size).await, one_by_one, "in batches of {size}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_commands_in_any_batching_on_sqlite() {
    same_in_all_sizes(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_commands_in_any_batching_on_postgres() {
    if Database::Postgres.is_there().await {
        same_in_all_sizes(Database::Postgres).await;
    }
}
