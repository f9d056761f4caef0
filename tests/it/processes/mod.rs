//! Three processes share the work of one Postgres without a leader, and go on when one is killed in the middle of it.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use api::app::App;
use api::app::event_stream::{events_publish_begin, events_waiting};
use api::app::message::{MESSAGE_SEND, Message, message_seal};
use api::crypto::KeyRing;
use api::ports::{Clock, Mail, SeededEntropy, SystemClock};
use reqwest::Client;
use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use serde_json::{Value, json};
use store::entity::{listing, trade};
use store::trades::trade_deliver;
use store::{Options, Store, WriteError};

use crate::harness::{Actor, Database, Exchange};
use crate::imports::process::command;
use crate::ledger::market::{assert_clean, fund, on_trade};
use crate::market::stand::{LeadSpec, lead, listed, money};
use crate::settlement::scene::{Scene, buy, place};
use crate::stream::nats::{Scratch, jetstream, nats_url};

const PROCESSES: usize = 3;
const MAILS: usize = 150;
const HOLDS: usize = 20;
const AUCTIONS: usize = 10;
const PURCHASES: usize = 24;
const LEASE_SECS: u64 = 5;
/// Everything that the killed process had begun is taken up within this time, whatever it was.
const RESUMED: Duration = Duration::from_secs(15);
/// For what has no bound of its own, on a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(120);

/// `clearlead serve` in a process of its own, which ends with the test.
struct Server {
    child: Child,
    url: String,
    mails: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(x: &Exchange, n: usize, scratch: Option<&Scratch>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mails = x.folder().join(format!("mails-{n}"));
        let log = File::create(x.folder().join(format!("process-{n}.log"))).unwrap();
        let mut command = command(x, &["serve"]);
        command
            .env("CLEARLEAD_DATABASE__URL", &x.url)
            .env("CLEARLEAD_DATABASE__MAX_CONNECTIONS", "8")
            .env("CLEARLEAD_SERVER__BIND", free.to_string())
            .env("CLEARLEAD_SERVER__DATA_DIR", x.folder().join("shared"))
            .env("CLEARLEAD_AUTH__EMAIL_VERIFICATION", "off")
            .env("CLEARLEAD_DNS__ENABLED", "false")
            .env("CLEARLEAD_MAIL__URL", format!("file:{}", mails.display()))
            .env("CLEARLEAD_WORKERS__LEASE_SECS", LEASE_SECS.to_string())
            .env("CLEARLEAD_WORKERS__POLL_MILLIS", "50")
            .env("CLEARLEAD_WORKERS__BATCH", "5")
            .env("CLEARLEAD_LOG__FILTER", "info,sqlx=warn,sea_orm=warn")
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(scratch) = scratch {
            command
                .env("NATS_URL", nats_url())
                .env("CLEARLEAD_NATS__STREAM", &scratch.name)
                .env("CLEARLEAD_NATS__SUBJECT_PREFIX", &scratch.prefix)
                .env("CLEARLEAD_NATS__BATCH", "7")
                .env("CLEARLEAD_NATS__TIMEOUT_SECS", "3");
        }
        Self { child: command.spawn().unwrap(), url: format!("http://{free}"), mails }
    }

    async fn ready(&self) {
        let address = format!("{}/health/ready", self.url);
        until(PATIENCE, "a process is ready", async || {
            Client::new().get(&address).send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }

    /// To whom mails went.
    fn told(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(&self.mails) else { return Vec::new() };
        let texts = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
        texts.filter_map(|text| text.lines().find(|line| line.starts_with("To:")).map(str::to_owned)).collect()
    }
}

fn key(n: u8) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode([n; 32])
}

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

async fn mails_enqueue(app: &Arc<App>) {
    let mail = |n: usize| Message::Mail(Mail { to: format!("p{n}@example.com"), subject: "News".into(), text: "News".into() });
    let payloads: Vec<Value> = (0..MAILS).map(|n| message_seal(app, &mail(n)).unwrap()).collect();
    let (payloads, now) = (&payloads, app.now());
    // One behind the other, so that what was left is taken up before what has not begun.
    let turn = |n: usize| now + chrono::TimeDelta::milliseconds(n.try_into().unwrap());
    let done: Result<(), WriteError> = app
        .store
        .write("mails", |tx| async move {
            for (n, payload) in payloads.iter().enumerate() {
                tx.enqueue(MESSAGE_SEND, payload.clone(), turn(n)).await?;
            }
            Ok(())
        })
        .await;
    done.unwrap();
}

/// The jobs that some process has begun, as SQL; those of the killed one stay so until their leases end.
async fn begun(x: &Exchange) -> String {
    let db = x.app.store.read();
    let sql = "SELECT COALESCE(STRING_AGG(QUOTE_LITERAL(id::text), ','), 'NULL') FROM job WHERE leased_until IS NOT NULL";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// A key of `buyer` that buys.
async fn buying_key(x: &Exchange, buyer: &Actor) -> String {
    let query = "mutation { apiKeyCreate(input: { name: \"Buyer\", scopes: [BUY, MARKET_READ, TRADES_READ] }) { secret userErrors { code } } }";
    buyer.run(x, query, json!({})).await["apiKeyCreate"]["secret"].as_str().unwrap().to_owned()
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

/// Trades on hold and auctions with bids, all of them with time left.
async fn deadlines(x: &Exchange, scene: &Scene, buyers: &[Actor]) {
    for n in 0..HOLDS {
        let listing = scene.fixed(x, "10").await;
        let sold = buy(&x.app, &buyers[n % buyers.len()], &listing, &format!("hold-{n}")).await.unwrap();
        on_trade!(x.app, trade_deliver, sold.trade).unwrap();
    }
    for n in 0..AUCTIONS {
        let lead = lead(x, scene.seller.org(), LeadSpec::of(scene.vertical)).await;
        let terms = json!({ "auction": { "exclusiveReserve": money("1") } });
        let auction = listed(x, &scene.seller, lead, 1, Some(86_400), terms).await;
        for (buyer, minor) in buyers.iter().zip([300, 400, 500]) {
            place(&x.app, buyer, &auction, minor, &format!("bid-{n}")).await.unwrap();
        }
    }
}

/// A market whose processes are about to start.
struct Stage {
    x: Exchange,
    /// The stream on which events are published, where there is a NATS.
    scratch: Option<Scratch>,
    /// The buyers' keys.
    tokens: Vec<String>,
    /// What is for sale at a fixed price.
    listings: Vec<String>,
    /// Events that are not published: they were before the stream.
    events_before: i64,
}

async fn stage() -> Stage {
    let mut x = Exchange::start(Database::Postgres).await;
    // The processes' deadlines go by the real time.
    x.clock.set(SystemClock.now());
    let scratch = jetstream().await.map(Scratch::new);
    let ring = format!("[crypto]\nkeys = [{{ id = \"test\", key = \"{}\" }}]\nhash_key = \"{}\"\n", key(1), key(2));
    // The processes work in this folder, and read their settings there.
    std::fs::write(x.folder().join("clearlead.toml"), &ring).unwrap();
    let nats = scratch.as_ref().map(|scratch| scratch.settings(&nats_url())).unwrap_or_default();
    let app = x.process_with(&(ring + &nats)).await;
    let keys = KeyRing::load(&app.config.crypto, &app.config.server, &SeededEntropy::new(1)).unwrap();
    x.app = Arc::new(App { keys: Arc::new(keys), ..App::clone(&app) });
    let scene = Scene::set(&x).await;
    let (mut buyers, mut tokens, mut listings) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..PROCESSES {
        let buyer = x.organization(&format!("Buyer {n}")).await;
        fund(&x.app, buyer.org(), 100_000).await;
        tokens.push(buying_key(&x, &buyer).await);
        buyers.push(buyer);
    }
    deadlines(&x, &scene, &buyers).await;
    for _ in 0..PURCHASES {
        listings.push(scene.fixed(&x, "10").await);
    }
    events_publish_begin(&x.app).await.unwrap();
    // Other tests' transactions may keep the beginning behind what has happened already.
    let ahead = events_waiting(&x.app).await.unwrap().map_or(0, |waiting| i64::try_from(waiting.events).unwrap());
    let events_before = number(&x, "SELECT COUNT(*) FROM event").await - ahead;
    Stage { x, scratch, tokens, listings, events_before }
}

/// Whether the jobs `begun` are done, and everything whose time has come.
async fn is_resumed(x: &Exchange, begun: &str) -> bool {
    number(x, &format!("SELECT COUNT(*) FROM job WHERE id IN ({begun})")).await == 0
        && number(x, "SELECT COUNT(*) FROM trade WHERE state = 'HELD' AND due_at <= NOW()").await == 0
        && number(x, "SELECT COUNT(*) FROM listing WHERE format = 'AUCTION' AND state = 'OPEN'").await == 0
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_lose_nothing_when_one_is_killed() {
    if !Database::Postgres.is_there().await {
        eprintln!("skipped: no Postgres answers");
        return;
    }
    let Stage { x, scratch, tokens, listings, events_before } = stage().await;
    let mut servers: Vec<Server> = (0..PROCESSES).map(|n| Server::start(&x, n, scratch.as_ref())).collect();
    for server in &servers {
        server.ready().await;
    }
    let urls: Vec<String> = servers.iter().map(|server| server.url.clone()).collect();
    mails_enqueue(&x.app).await;
    let due = "UPDATE trade SET due_at = due_at - INTERVAL '60 days'; \
               UPDATE listing SET closes_at = closes_at - INTERVAL '2 days' WHERE format = 'AUCTION'";
    x.tamper(due).await.unwrap();
    // Every buyer wants everything, each beginning at a process of its own.
    let race = |(n, token): (usize, String)| {
        let (urls, listings) = (urls.clone(), listings.clone());
        tokio::spawn(async move {
            let mut answers = Vec::new();
            for listing in &listings {
                answers.push((listing.clone(), bought(&urls, n, &token, listing).await));
            }
            answers
        })
    };
    let races: Vec<_> = tokens.into_iter().enumerate().map(race).collect();
    // Each has its share of the work, and none has done it all.
    until(PATIENCE, "every process has work", async || servers.iter().all(|server| server.told().len() >= 3)).await;
    servers[0].child.kill().unwrap();
    let sent_before = servers.iter().map(|server| server.told().len()).sum::<usize>();
    assert!(sent_before < MAILS, "killed after the work");
    let begun = begun(&x).await;
    until(RESUMED, "jobs, holds and auctions of the killed process are taken up", async || is_resumed(&x, &begun).await).await;
    until(PATIENCE, "every job is done", async || number(&x, "SELECT COUNT(*) FROM job").await == 0).await;
    let mut sold: BTreeSet<String> = BTreeSet::new();
    for race in races {
        for (listing, answer) in tokio::time::timeout(PATIENCE, race).await.unwrap().unwrap() {
            match answer {
                Ok(_) => assert!(sold.insert(listing), "sold twice"),
                Err(code) => assert!(["SOLD_OUT", "WRONG_STATE", "DUPLICATE_FOR_BUYER"].contains(&code.as_str()), "{code}"),
            }
        }
    }
    assert_eq!(sold.len(), PURCHASES);
    if let Some(scratch) = &scratch {
        let published = async || {
            let told = number(&x, "SELECT COUNT(*) FROM event").await - events_before;
            i64::try_from(scratch.messages().await).unwrap() == told
        };
        // Other tests' transactions hold the feed of this server back.
        until(PATIENCE, "every event is on the stream, and once", published).await;
        scratch.remove().await;
    }
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
