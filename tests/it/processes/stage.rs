//! A market whose processes are about to start, and the work that waits for them.

use std::sync::Arc;
use std::time::Duration;

use api::app::App;
use api::app::event_stream::{events_publish_begin, events_waiting};
use api::app::message::{MESSAGE_SEND, Message, message_seal};
use api::app::webhooks::{EndpointCreate, webhook_endpoint_create, webhooks_begin};
use api::crypto::KeyRing;
use api::ports::{Clock, Mail, SeededEntropy, SystemClock};
use domain::id::{CampaignId, OrganizationId, TypedId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::WriteError;
use store::outbox::Event;
use store::trades::trade_deliver;

use super::{AUCTIONS, HOLDS, MAILS, PROCESSES, PURCHASES, number};
use crate::harness::{Actor, Database, Exchange, caller};
use crate::ledger::market::{fund, on_trade};
use crate::market::stand::{LeadSpec, lead, listed, money};
use crate::settlement::scene::{Scene, buy, place};
use crate::stream::nats::{Scratch, jetstream, nats_url};
use crate::webhooks::LOCAL;
use crate::webhooks::receiver::{Receiver, Reply};

fn key(n: u8) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode([n; 32])
}

/// Mails that wait, each to somebody else.
pub async fn mails_enqueue(app: &Arc<App>) {
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

/// News for the endpoint of an organization, each about another object.
pub async fn news_tell(app: &Arc<App>, organization: OrganizationId, count: usize) {
    let done: Result<(), WriteError> = app
        .store
        .write("news", move |tx| async move {
            let event = |_| Event {
                topic: "campaign.changed",
                subject_id: tx.id::<CampaignId>().uuid(),
                audience: vec![organization],
                payload: json!({ "change": "CREATED", "state": "ACTIVE" }),
            };
            Ok(tx.emit_all((0..count).map(event).collect()).await?)
        })
        .await;
    done.unwrap();
}

/// A key of `buyer` that buys.
async fn buying_key(x: &Exchange, buyer: &Actor) -> String {
    let query = "mutation { apiKeyCreate(input: { name: \"Buyer\", scopes: [BUY, MARKET_READ, TRADES_READ] }) { secret userErrors { code } } }";
    buyer.run(x, query, json!({})).await["apiKeyCreate"]["secret"].as_str().unwrap().to_owned()
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
pub struct Stage {
    pub x: Exchange,
    /// The stream on which events are published, where there is a NATS.
    pub scratch: Option<Scratch>,
    /// The buyers' keys.
    pub tokens: Vec<String>,
    /// What is for sale at a fixed price.
    pub listings: Vec<String>,
    /// Events that are not published: they were before the stream.
    pub events_before: i64,
    /// Where the sellers' and the buyers' endpoints lie.
    pub receiver: Receiver,
    /// The endpoints' secrets.
    pub secrets: Vec<String>,
    /// A buyer with an endpoint.
    pub told: OrganizationId,
}

pub async fn stage() -> Stage {
    let mut x = Exchange::start(Database::Postgres).await;
    // The processes' deadlines go by the real time.
    x.clock.set(SystemClock.now());
    let scratch = jetstream().await.map(Scratch::new);
    let ring = format!("[crypto]\nkeys = [{{ id = \"test\", key = \"{}\" }}]\nhash_key = \"{}\"\n", key(1), key(2));
    // The processes work in this folder, and read their settings there.
    std::fs::write(x.folder().join("clearlead.toml"), &ring).unwrap();
    let nats = scratch.as_ref().map(|scratch| scratch.settings(&nats_url())).unwrap_or_default();
    let app = x.process_with(&(ring + &nats + LOCAL)).await;
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
    let receiver = Receiver::start().await;
    // Slow enough that each process always has messages under way.
    receiver.does(|_| Reply::After(Duration::from_millis(150)));
    webhooks_begin(&x.app).await.unwrap();
    let mut secrets = Vec::new();
    for (n, who) in buyers.iter().chain([&scene.seller]).enumerate() {
        let input = EndpointCreate {
            name: "CRM".into(),
            url: receiver.url(&format!("/{n}")),
            event_types: vec!["*".into()],
            include_contact: false,
        };
        let (_, secret) = webhook_endpoint_create(&x.app, &caller(who.principal.clone()), input).await.unwrap();
        secrets.push(secret.expose_secret().to_owned());
    }
    deadlines(&x, &scene, &buyers).await;
    for _ in 0..PURCHASES {
        listings.push(scene.fixed(&x, "10").await);
    }
    events_publish_begin(&x.app).await.unwrap();
    // Other tests' transactions may keep the beginning behind what has happened already.
    let ahead = events_waiting(&x.app).await.unwrap().map_or(0, |waiting| i64::try_from(waiting.events).unwrap());
    let events_before = number(&x, "SELECT COUNT(*) FROM event").await - ahead;
    let told = buyers[0].org();
    Stage { x, scratch, tokens, listings, events_before, receiver, secrets, told }
}
