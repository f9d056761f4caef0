use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Server;

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut request = format!("ws://{}{path}", server.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(Self(connect_async(request).await?.0))
    }

    async fn connect(server: &Server) -> Self {
        Self::open(server, "/graphql/ws", &[("sec-websocket-protocol", "graphql-transport-ws")]).await.unwrap()
    }

    async fn acknowledged(server: &Server) -> Self {
        let mut socket = Self::connect(server).await;
        socket.say(json!({ "type": "connection_init" })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket
    }

    /// The socket of whoever holds `token`.
    async fn of(server: &Server, token: &str) -> Self {
        let mut socket = Self::connect(server).await;
        socket.say(json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } })).await;
        assert_eq!(socket.hear().await["type"], "connection_ack");
        socket
    }

    async fn say(&mut self, message: Json) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    async fn frame(&mut self) -> Message {
        tokio::time::timeout(Duration::from_secs(10), self.0.next()).await.expect("a frame in time").unwrap().unwrap()
    }

    async fn hear(&mut self) -> Json {
        serde_json::from_str(self.frame().await.to_text().unwrap()).unwrap()
    }

    async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.frame().await {
                return frame.unwrap().code.into();
            }
        }
    }
}

#[tokio::test]
async fn subscriptions_and_queries_run_side_by_side() {
    let server = Server::start().await;
    let mut socket = Socket::acknowledged(&server).await;
    socket.subscribe("idle", "subscription{silence}").await;
    socket.subscribe("a", "subscription{count(to:2)}").await;
    for n in [1, 2] {
        assert_eq!(socket.hear().await, json!({ "id": "a", "type": "next", "payload": { "data": { "count": n } } }));
    }
    assert_eq!(socket.hear().await, json!({ "id": "a", "type": "complete" }));
    socket.subscribe("a", "mutation{note}").await;
    assert_eq!(socket.hear().await["payload"]["data"]["note"], 1);
    assert_eq!(socket.hear().await, json!({ "id": "a", "type": "complete" }));
    socket.say(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "n": 1 } }));
    socket.say(json!({ "id": "idle", "type": "complete" })).await;
    socket.subscribe("idle", "{noted}").await;
    assert_eq!(socket.hear().await["payload"]["data"]["noted"], 1);
}

#[tokio::test]
async fn a_bad_operation_is_an_error_of_its_id_and_the_socket_lives_on() {
    let server = Server::start().await;
    let mut socket = Socket::acknowledged(&server).await;
    let cases = [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription{nothing}", "GRAPHQL_VALIDATION_FAILED"),
        ("{echo(text:\"\\u0000\")}", "BAD_USER_INPUT"),
        ("{a:noted @x @x @x @x @x @x @x @x @x @x @x @x @x @x @x @x @x @x @x @x @x}", "LIMIT_EXCEEDED"),
    ];
    for (query, code) in cases {
        socket.subscribe("1", query).await;
        let answer = socket.hear().await;
        assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &json!("1")));
        assert_eq!(answer["payload"][0]["extensions"]["code"], code, "{answer}");
    }
    socket.subscribe("1", "subscription{breaks}").await;
    assert_eq!(socket.hear().await["payload"]["data"]["breaks"], 1);
    assert_eq!(socket.hear().await["payload"]["errors"][0]["extensions"]["code"], "INTERNAL");
    assert_eq!(socket.hear().await, json!({ "id": "1", "type": "complete" }));
}

#[tokio::test]
async fn misuse_closes_the_socket_with_the_protocols_codes() {
    let server = Server::with("[graphql]\nsocket_init_timeout_secs = 1").await;

    let mut silent = Socket::connect(&server).await;
    assert_eq!(silent.close_code().await, 4408);

    let mut early = Socket::connect(&server).await;
    early.subscribe("1", "{noted}").await;
    assert_eq!(early.close_code().await, 4401);

    let mut stranger = Socket::connect(&server).await;
    stranger.say(json!({ "type": "connection_init", "payload": { "authorization": "Bearer wrong" } })).await;
    assert_eq!(stranger.close_code().await, 4403);

    let mut twice = Socket::acknowledged(&server).await;
    twice.say(json!({ "type": "connection_init" })).await;
    assert_eq!(twice.close_code().await, 4429);

    let mut same_id = Socket::acknowledged(&server).await;
    same_id.subscribe("1", "subscription{silence}").await;
    same_id.subscribe("1", "subscription{silence}").await;
    assert_eq!(same_id.close_code().await, 4409);

    let mut wide = Socket::acknowledged(&server).await;
    let id = "\u{1f600}".repeat(32);
    for _ in 0..2 {
        wide.subscribe(&id, "subscription{silence}").await;
    }
    assert_eq!(wide.close_code().await, 4409);

    for nonsense in [
        "{",
        "[]",
        r#"{"type":"start"}"#,
        r#"{"type":"subscribe","payload":{"query":"{noted}"}}"#,
        r#"{"type":"subscribe","id":"","payload":{}}"#,
    ] {
        let mut socket = Socket::acknowledged(&server).await;
        socket.0.send(Message::text(nonsense)).await.unwrap();
        assert_eq!(socket.close_code().await, 4400, "{nonsense}");
    }
    let mut binary = Socket::acknowledged(&server).await;
    binary.0.send(Message::binary(vec![1, 2])).await.unwrap();
    assert_eq!(binary.close_code().await, 4400);

    let mut other_protocol = Socket::open(&server, "/graphql", &[("sec-websocket-protocol", "graphql-ws")]).await;
    if let Ok(socket) = &mut other_protocol {
        assert_eq!(socket.close_code().await, 4406);
    }
    let mut no_protocol = Socket::open(&server, "/graphql", &[]).await.unwrap();
    assert_eq!(no_protocol.close_code().await, 4406);
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_socket() {
    let server = Server::start().await;
    let headers = [("sec-websocket-protocol", "graphql-transport-ws"), ("origin", "https://evil.example")];
    for path in ["/graphql", "/graphql/ws"] {
        let Err(Error::Http(answer)) = Socket::open(&server, path, &headers).await else { panic!("a socket for a foreign page") };
        assert_eq!(answer.status().as_u16(), 403);
    }
}

#[tokio::test]
async fn one_socket_runs_and_one_principal_opens_only_so_many() {
    let server = Server::with("[graphql]\nsocket_streams_max = 2\nsockets_per_principal_max = 2").await;
    let mut socket = Socket::acknowledged(&server).await;
    for id in ["1", "2", "3"] {
        socket.subscribe(id, "subscription{silence}").await;
    }
    let refused = socket.hear().await;
    assert_eq!((&refused["id"], &refused["payload"][0]["extensions"]["code"]), (&json!("3"), &json!("TOO_MANY_STREAMS")));
    let _second = Socket::acknowledged(&server).await;
    let mut third = Socket::connect(&server).await;
    third.say(json!({ "type": "connection_init" })).await;
    assert_eq!(third.close_code().await, 4429);
    let mut member = Socket::connect(&server).await;
    member.say(json!({ "type": "connection_init", "payload": { "Authorization": "Bearer good-token" } })).await;
    assert_eq!(member.hear().await["type"], "connection_ack");
}

#[tokio::test]
async fn a_socket_lasts_as_long_as_its_log_in_and_shows_signs_of_life() {
    let server = Server::with("[graphql]\nsocket_keepalive_secs = 1").await;
    let mut socket = Socket::connect(&server).await;
    socket.say(json!({ "type": "connection_init", "payload": { "authorization": "Bearer short-token" } })).await;
    assert_eq!(socket.close_code().await, 4403);
    let mut idle = Socket::acknowledged(&server).await;
    assert_eq!(idle.hear().await, json!({ "type": "ping" }));
    idle.say(json!({ "type": "pong" })).await;
    assert_eq!(idle.hear().await, json!({ "type": "ping" }));
    assert_eq!(idle.close_code().await, 1001);
}

#[tokio::test]
async fn access_that_is_taken_away_closes_the_socket() {
    let server = Server::with("[graphql]\nsocket_keepalive_secs = 1").await;
    let mut socket = Socket::connect(&server).await;
    socket.say(json!({ "type": "connection_init", "payload": { "authorization": "Bearer lent-token" } })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    assert_eq!(socket.hear().await, json!({ "type": "ping" }));
    server.host.lent.store(false, Ordering::SeqCst);
    socket.say(json!({ "type": "pong" })).await;
    assert_eq!(socket.close_code().await, 4403);
}

#[tokio::test]
async fn nothing_runs_for_who_has_lost_access() {
    let server = Server::with("[graphql]\nsocket_keepalive_secs = 600").await;
    let mut socket = Socket::of(&server, "lent-token").await;
    server.host.lent.store(false, Ordering::SeqCst);
    socket.subscribe("1", "mutation{note}").await;
    assert_eq!(socket.close_code().await, 4403);
    assert_eq!(server.noted().await, 0);
}

#[tokio::test]
async fn nothing_runs_for_who_has_become_somebody_else() {
    let server = Server::with("[graphql]\nsocket_keepalive_secs = 600").await;
    let mut socket = Socket::of(&server, "lent-token").await;
    server.host.demoted.store(true, Ordering::SeqCst);
    socket.subscribe("1", "mutation{note}").await;
    assert_eq!(socket.close_code().await, 4403);
    assert_eq!(server.noted().await, 0);
}

#[tokio::test]
async fn a_stream_that_never_rests_ends_with_the_access() {
    let server = Server::with("[graphql]\nsocket_keepalive_secs = 600").await;
    for access in [&server.host.lent, &server.host.demoted] {
        let mut socket = Socket::of(&server, "lent-token").await;
        socket.subscribe("1", "subscription{ticks}").await;
        assert_eq!(socket.hear().await["payload"]["data"]["ticks"], 0);
        let was = access.fetch_xor(true, Ordering::SeqCst);
        assert_eq!(socket.close_code().await, 4403);
        access.store(was, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_client_that_leaves_gets_a_proper_farewell() {
    let server = Server::start().await;
    let mut socket = Socket::acknowledged(&server).await;
    socket.subscribe("1", "subscription{silence}").await;
    socket.0.close(None).await.unwrap();
    assert!(matches!(socket.frame().await, Message::Close(_)));
    assert!(matches!(socket.0.next().await, None | Some(Err(Error::ConnectionClosed))));
}

#[tokio::test]
async fn a_message_longer_than_the_limit_ends_the_socket() {
    let server = Server::start().await;
    let mut socket = Socket::acknowledged(&server).await;
    socket.subscribe("1", &format!("{{noted}}{}", " ".repeat(300_000))).await;
    let next = tokio::time::timeout(Duration::from_secs(10), socket.0.next()).await.unwrap();
    assert!(!matches!(next, Some(Ok(Message::Text(_)))), "{next:?}");
}
