//! Three processes share the work of one Postgres without a leader, and go on when one is killed in the middle of it.

mod server;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::app::App;
use api::crypto::KeyRing;
use api::ports::{Clock, SeededEntropy, SystemClock};
use reqwest::Client;
use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use serde_json::{Value, json};
use store::consumers::Behind;
use store::entity::{listing, trade};
use store::{Options, Store};
use tokio::task::JoinHandle;

use self::server::{IN_FLIGHT, Server};
use self::stage::{Stage, mails_enqueue, news_tell, stage};
use crate::harness::{Database, Exchange};
use crate::ledger::market::assert_clean;
use crate::webhooks::receiver::Received;

const PROCESSES: usize = 3;
const MAILS: usize = 150;
const HOLDS: usize = 20;
const AUCTIONS: usize = 10;
const PURCHASES: usize = 40;
/// Messages to endpoints, besides those about what is bought and sold.
const MESSAGES: usize = 400;
/// Within this time after the kill all is done that there was to do: what the killed process had begun, and what waited behind it;
/// and no purchase takes longer to be answered. With the lease as it is by default.
const RESUMED: Duration = Duration::from_secs(15);
/// For what has no bound of its own, on a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a buyer was answered about each listing, and after how long.
type Answers = Vec<(String, Result<String, String>, Duration)>;

/// Waits until something is so.
async fn until(patience: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(patience, waiting).await.is_ok(), "not in time: {what}");
}

async fn number(x: &Exchange, sql: &str) -> i64 {
    let db = x.app.store.read();
    let statement = Statement::from_string(db.get_database_backend(), sql.to_owned());
    db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// Buys at some process, and asks the next one under the same key when that one is gone or busy; the id of the trade, or the code.
async fn bought(urls: &[String], first: usize, token: &str, listing: &str) -> Result<String, String> {
    let query = "mutation ($input: ListingBuyInput!) { listingBuy(input: $input) { trade { id } userErrors { code } } }";
    let input = json!({ "listingId": listing, "kind": "EXCLUSIVE", "idempotencyKey": format!("buy-{listing}") });
    let body = json!({ "query": query, "variables": { "input": input } });
    let client = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    for url in urls.iter().cycle().skip(first).take(1_000) {
        let answer = client.post(format!("{url}/graphql")).bearer_auth(token).json(&body).send().await;
        let answer: Value = match answer {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        };
        let payload = &answer["data"]["listingBuy"];
        match (payload["trade"]["id"].as_str(), payload["userErrors"][0]["code"].as_str()) {
            (Some(trade), _) => return Ok(trade.to_owned()),
            (None, Some(code)) if code != "RETRY_LATER" => return Err(code.to_owned()),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("nobody answered");
}

/// Every buyer wants everything, each beginning at a process of its own.
fn race(urls: &[String], tokens: Vec<String>, listings: &[String]) -> Vec<JoinHandle<Answers>> {
    let one = |(n, token): (usize, String)| {
        let (urls, listings) = (urls.to_vec(), listings.to_vec());
        tokio::spawn(async move {
            let mut answers = Vec::new();
            for listing in &listings {
                let asked = Instant::now();
                answers.push((listing.clone(), bought(&urls, n, &token, listing).await, asked.elapsed()));
            }
            answers
        })
    };
    tokens.into_iter().enumerate().map(one).collect()
}

/// What is not done yet of all that happened up to the event numbered `until`, in words. What transactions of other databases on this
/// server hold back of the feed is not counted: nobody can read it yet.
async fn left(x: &Exchange, until: i64) -> Vec<String> {
    let mut left = Vec::new();
    let messages = format!("SELECT COUNT(*) FROM webhook_delivery WHERE state = 'PENDING' AND sequence <= {until}");
    let unread = |consumer: &str| {
        format!(
            "SELECT COUNT(*) FROM event JOIN feed_consumer reader ON reader.name = '{consumer}' \
             WHERE (event.transaction_id, event.seq) > (CAST(CAST(reader.transaction_id AS text) AS xid8), reader.seq) \
             AND event.seq <= {until} AND event.transaction_id < pg_snapshot_xmin(pg_current_snapshot())"
        )
    };
    for (what, sql) in [
        ("jobs", "SELECT COUNT(*) FROM job"),
        ("holds", "SELECT COUNT(*) FROM trade WHERE state = 'HELD' AND due_at <= NOW()"),
        ("auctions", "SELECT COUNT(*) FROM listing WHERE format = 'AUCTION' AND state = 'OPEN'"),
        ("messages to endpoints", &messages),
        ("events to make messages of", &unread("webhooks")),
        ("events to publish", &unread("nats")),
    ] {
        let count = number(x, sql).await;
        if count > 0 {
            left.push(format!("{count} {what}"));
        }
    }
    left
}

/// All that there was to do at the kill is done in time.
async fn assert_resumed(x: &Exchange, killed: Instant) {
    let happened = number(x, "SELECT MAX(seq) FROM event").await;
    let mut waits = left(x, happened).await;
    while !waits.is_empty() {
        assert!(killed.elapsed() < RESUMED, "not in time: {waits:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        waits = left(x, happened).await;
    }
    eprintln!("everything was done {:.1} s after the kill", killed.elapsed().as_secs_f64());
}

/// Each listing has one buyer, and everybody was answered in time.
async fn assert_sold_once(races: Vec<JoinHandle<Answers>>) {
    let mut sold: BTreeSet<String> = BTreeSet::new();
    for race in races {
        for (listing, answer, took) in tokio::time::timeout(PATIENCE, race).await.unwrap().unwrap() {
            assert!(took < RESUMED, "a purchase was answered after {took:?}");
            match answer {
                Ok(_) => assert!(sold.insert(listing), "sold twice"),
                Err(code) => assert!(["SOLD_OUT", "WRONG_STATE", "DUPLICATE_FOR_BUYER"].contains(&code.as_str()), "{code}"),
            }
        }
    }
    assert_eq!(sold.len(), PURCHASES);
}

/// Nothing is lost, and what was under way at the kill came twice at most.
async fn assert_all_there(x: &Exchange, servers: &[Server]) {
    let told: Vec<String> = servers.iter().flat_map(Server::told).collect();
    let distinct: BTreeSet<&String> = told.iter().collect();
    assert_eq!(distinct.len(), MAILS);
    assert!(told.len() <= MAILS + 1, "{} mails", told.len());
    let trades = trade::Entity::find().all(x.app.store.read()).await.unwrap();
    assert_eq!(trades.len(), HOLDS + AUCTIONS + PURCHASES);
    assert_eq!(trades.iter().filter(|trade| trade.state == "RELEASED").count(), HOLDS);
    let listings = listing::Entity::find().all(x.app.store.read()).await.unwrap();
    assert!(listings.iter().all(|listing| listing.sold_count == 1));
    assert_clean(x).await;
}

/// Every message came, signed and in the order of its object; again only what was under way at the kill.
async fn assert_all_told(x: &Exchange, got: &[Received], secrets: &[String]) {
    let mut first = BTreeMap::new();
    let mut last: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for message in got {
        let (of, object) = (message.path.as_str(), message.body["object"].as_str().unwrap());
        let secret = &secrets[of.trim_start_matches('/').parse::<usize>().unwrap()];
        assert_eq!(message.signed_by(secret), 1);
        if first.insert(message.header("webhook-id"), &message.body).is_none() {
            let sequence = message.body["sequence"].as_i64().unwrap();
            assert!(last.insert((of, object), sequence).is_none_or(|before| before < sequence), "{message:?} came too late");
        }
    }
    let delivered = number(x, "SELECT COUNT(*) FROM webhook_delivery WHERE state = 'DELIVERED'").await;
    assert_eq!(
        (i64::try_from(first.len()).unwrap(), delivered),
        (delivered, number(x, "SELECT COUNT(*) FROM webhook_delivery").await)
    );
    let of_type = |kind: &str| first.values().filter(|body| body["type"] == kind).count();
    let news = number(x, "SELECT COUNT(*) FROM event WHERE topic = 'campaign.changed'").await;
    assert_eq!(i64::try_from(of_type("campaign.created")).unwrap(), news);
    // The buyer and the seller of each hold that ended, the seller and three bidders of each auction, the buyer of each sale.
    assert_eq!((of_type("trade.released"), of_type("auction.cleared")), (2 * HOLDS, 4 * AUCTIONS));
    assert_eq!(of_type("lead.delivered"), HOLDS + AUCTIONS + PURCHASES);
    let again = got.len() - first.len();
    assert!(again <= 3 * IN_FLIGHT, "{again} messages came twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_lose_nothing_when_one_is_killed() {
    if !Database::Postgres.is_there().await {
        eprintln!("skipped: no Postgres answers");
        return;
    }
    let Stage { x, scratch, tokens, listings, events_before, receiver, secrets, told } = stage().await;
    // The first process begins to publish, and goes on with it as long as there is something: its death leaves the stream to others.
    let mut servers = vec![Server::start(&x, 0, scratch.as_ref())];
    servers[0].ready().await;
    let trickle = tokio::spawn({
        let app = Arc::clone(&x.app);
        async move {
            loop {
                news_tell(&app, told, 1).await;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    });
    if scratch.is_some() {
        let leased = "SELECT COUNT(*) FROM feed_consumer WHERE name = 'nats' AND leased_until > NOW()";
        until(PATIENCE, "the stream is held", async || number(&x, leased).await == 1).await;
    }
    servers.extend((1..PROCESSES).map(|n| Server::start(&x, n, scratch.as_ref())));
    for server in &servers {
        server.ready().await;
    }
    let urls: Vec<String> = servers.iter().map(|server| server.url.clone()).collect();
    mails_enqueue(&x.app).await;
    news_tell(&x.app, told, MESSAGES).await;
    let due = "UPDATE trade SET due_at = due_at - INTERVAL '60 days'; \
               UPDATE listing SET closes_at = closes_at - INTERVAL '2 days' WHERE format = 'AUCTION'";
    x.tamper(due).await.unwrap();
    let races = race(&urls, tokens, &listings);
    // Each has its share of the work, and none has done it all.
    until(PATIENCE, "every process has work", async || servers.iter().all(|server| server.told().len() >= 3)).await;
    let under_way = "SELECT COUNT(*) FROM webhook_delivery WHERE state = 'PENDING' AND leased_until > NOW()";
    let of_two = i64::try_from((PROCESSES - 1) * IN_FLIGHT).unwrap();
    until(PATIENCE, "every process has messages under way", async || number(&x, under_way).await > of_two).await;
    servers[0].kill();
    let killed = Instant::now();
    trickle.abort();
    let sent_before = servers.iter().map(|server| server.told().len()).sum::<usize>();
    assert!(sent_before < MAILS, "killed after the work");
    assert!(races.iter().any(|race| !race.is_finished()), "killed behind the purchases");
    assert_resumed(&x, killed).await;
    assert_sold_once(races).await;
    // Transactions of other tests may have held the end of the feed back: what they did is done now, or soon.
    until(PATIENCE, "nothing is held back", async || {
        let held = async |consumer| x.app.store.feed_consumer_look(consumer).await.unwrap() != Behind::Nothing;
        !held("webhooks").await && !held("nats").await && left(&x, i64::MAX).await.is_empty()
    })
    .await;
    if let Some(scratch) = &scratch {
        let published = async || {
            let told = number(&x, "SELECT COUNT(*) FROM event").await - events_before;
            i64::try_from(scratch.messages().await).unwrap() == told
        };
        until(PATIENCE, "every event is on the stream, and once", published).await;
        scratch.remove().await;
    }
    assert_all_told(&x, &receiver.taken(), &secrets).await;
    assert_all_there(&x, &servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_migrate_once() {
    if !Database::Postgres.is_there().await {
        eprintln!("skipped: no Postgres answers");
        return;
    }
    let x = Exchange::start(Database::Postgres).await;
    let url = Database::Postgres.empty(&x.folder()).await;
    let starting = (1..=PROCESSES as u64).map(|seed| {
        let url = url.clone();
        tokio::spawn(async move {
            let source = api::app::StoreSource::new(Arc::new(SystemClock), Arc::new(SeededEntropy::new(seed)));
            let store = Store::open(Options { max_connections: 2, ..Options::new(url) }, Arc::new(source)).await.unwrap();
            store.migrate().await.unwrap();
            assert!(store.is_migrated().await.unwrap());
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let config = api::config::Config::from_toml("").unwrap();
            let keys = Arc::new(KeyRing::generate(&SeededEntropy::new(1), "test"));
            let app = App::new(store, clock, Arc::new(SeededEntropy::new(seed)), Arc::new(config), keys).unwrap();
            let made = api::app::verticals::verticals_seed(&app).await.unwrap();
            app.store.close().await.unwrap();
            made
        })
    });
    let made: Vec<usize> =
        futures::future::join_all(starting.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.iter().filter(|made| **made > 0).count(), 1, "{made:?}");
}
