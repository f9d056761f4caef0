//! The endpoint's protocol, before a schema of a few fields that misbehave on purpose.

mod lines;
mod over_http;
mod over_socket;
mod over_stream;
mod patience;
mod process;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use api::config::Config;
use api::graphql::connection::page_cost;
use api::http::host::{Admitted, Credentials, Host, Readiness};
use api::http::problem::{Problem, ProblemCode};
use api::http::{Contract, DemoLogin, serve};
use async_graphql::{Object, Request, Schema, Subscription};
use domain::access::{Principal, Role};
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};
use secrecy::ExposeSecret;
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

struct Query;

struct Item;

#[Object]
impl Item {
    async fn name(&self) -> &str {
        "item"
    }
}

#[Object]
impl Query {
    async fn echo(&self, text: String) -> String {
        text
    }

    async fn id(&self, id: async_graphql::ID) -> async_graphql::ID {
        id
    }

    async fn panics(&self) -> i32 {
        "secret-of-the-panic".parse::<i32>().unwrap()
    }

    async fn fails(&self) -> async_graphql::Result<i32> {
        Ok("secret_table".parse::<i32>().map_err(|_| "relation secret_table does not exist")?)
    }

    async fn slow(&self, millis: u64) -> bool {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        true
    }

    async fn noted(&self, ctx: &async_graphql::Context<'_>) -> u32 {
        ctx.data_unchecked::<Arc<AtomicU32>>().load(Ordering::SeqCst)
    }

    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn items(&self, first: Option<i32>) -> Vec<Item> {
        let _ = first;
        vec![Item]
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn note(&self, ctx: &async_graphql::Context<'_>) -> u32 {
        ctx.data_unchecked::<Arc<AtomicU32>>().fetch_add(1, Ordering::SeqCst) + 1
    }
}

struct Subscriptions;

#[Subscription]
impl Subscriptions {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        futures::stream::iter(1..=to)
    }

    async fn silence(&self) -> impl Stream<Item = i32> {
        futures::stream::pending()
    }

    async fn ticks(&self) -> impl Stream<Item = u32> {
        futures::stream::unfold(0_u32, |tick| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((tick, tick + 1))
        })
    }

    async fn flood(&self) -> impl Stream<Item = String> {
        futures::stream::repeat_with(|| "x".repeat(100_000))
    }

    async fn breaks(&self) -> impl Stream<Item = i32> {
        futures::stream::once(async { 1 }).chain(futures::stream::once(async { panic!("on purpose") }))
    }
}

type Probe = Schema<Query, Mutation, Subscriptions>;

struct FakeExchange {
    ready: bool,
    requests: AtomicU64,
    /// The token that is good until somebody takes it away.
    lent: AtomicBool,
    /// Whether the owner of that token became somebody who only looks.
    demoted: AtomicBool,
}

impl Host for FakeExchange {
    fn admit(&self, credentials: Credentials) -> BoxFuture<'_, Result<Admitted, Problem>> {
        async move {
            let member = |user: u128, lasts| {
                let (user, organization) = (Uuid::from_u128(user).into(), Uuid::from_u128(2).into());
                let role = if self.demoted.load(Ordering::SeqCst) { Role::Viewer } else { Role::Owner };
                (Principal::Member { user, organization, role }, lasts)
            };
            let (principal, lasts) = match credentials.bearer.as_ref().map(ExposeSecret::expose_secret) {
                None => (Principal::Anonymous, None),
                Some("good-token") => member(1, None),
                Some("lent-token") if self.lent.load(Ordering::SeqCst) => member(4, None),
                Some("short-token") => member(3, Some(Duration::from_millis(300))),
                Some("stopped-token") => return Err(Problem::new(ProblemCode::Suspended, "the organization is suspended")),
                Some(_) => return Err(Problem::new(ProblemCode::Unauthenticated, "the token is unknown or has expired")),
            };
            Ok(Admitted { principal, address: credentials.address, lasts })
        }
        .boxed()
    }

    fn equip(&self, request: Request, _: &Admitted, _: Uuid) -> Request {
        request
    }

    fn ready(&self) -> BoxFuture<'_, Vec<Readiness>> {
        async { vec![Readiness { name: "database", holds: self.ready }] }.boxed()
    }

    fn request_id(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.requests.fetch_add(1, Ordering::SeqCst)) + 1)
    }
}

/// A running server with the schema of this module.
struct Server {
    address: SocketAddr,
    client: reqwest::Client,
    host: Arc<FakeExchange>,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start() -> Self {
        Self::with("").await
    }

    /// With these settings over the default ones.
    async fn with(settings: &str) -> Self {
        Self::listen(settings, true).await
    }

    async fn listen(settings: &str, ready: bool) -> Self {
        let config = Config::from_toml(settings).unwrap();
        let schema: Probe = Schema::build(Query, Mutation, Subscriptions)
            .data(Arc::new(AtomicU32::new(0)))
            .limit_complexity(config.graphql.complexity_max)
            .finish();
        let sdl = schema.sdl();
        let host = Arc::new(FakeExchange {
            ready,
            requests: AtomicU64::new(0),
            lent: AtomicBool::new(true),
            demoted: AtomicBool::new(false),
        });
        let login = DemoLogin { title: "buyer".into(), email: "buyer@demo.example".into(), password: "demo".into() };
        let contract = Contract::new(schema, &sdl, host.clone(), config.server, config.graphql).with_demo_logins(vec![login]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let ended = tokio::spawn(serve(listener, Arc::new(contract), axum::Router::new(), stop.clone().cancelled_owned()));
        Self { address, client: reqwest::Client::new(), host, stop, ended }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn post(&self) -> reqwest::RequestBuilder {
        self.client.post(self.url("/graphql"))
    }

    /// Posts `body` as JSON to a client that understands statuses; gives status and answer.
    async fn ask(&self, body: Json) -> (u16, Json) {
        let answer = self.post().header("accept", "application/graphql-response+json").json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// How many mutations ran.
    async fn noted(&self) -> u64 {
        self.ask(serde_json::json!({ "query": "{ noted }" })).await.1["data"]["noted"].as_u64().unwrap()
    }
}

/// The code of the only error.
fn code(answer: &Json) -> &str {
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer}");
    answer["errors"][0]["extensions"]["code"].as_str().unwrap()
}
