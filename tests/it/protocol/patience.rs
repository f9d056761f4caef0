//! Clients that stop half-way.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Server;

const IMPATIENT: &str = "[server]\nclient_timeout_secs = 1";

/// Says `start` and no more; answers what the server said until it closed the connection.
async fn half(server: &Server, start: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(start.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "the connection is held open after {start:?}");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn who_sends_half_a_head_or_nothing_is_left() {
    let server = Server::with(IMPATIENT).await;
    for start in ["", "POST /graphql HT", "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: app"] {
        let said = half(&server, start).await;
        assert!(!said.contains("200 OK"), "{said}");
    }
}

#[tokio::test]
async fn who_sends_half_a_body_is_told_and_left() {
    let server = Server::with(IMPATIENT).await;
    let start = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"query\":";
    let said = half(&server, start).await;
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("REQUEST_TIMEOUT"), "{said}");
}

#[tokio::test]
async fn who_trickles_a_body_is_told_and_left() {
    let server = Server::with(IMPATIENT).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reads, mut writes) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while writes.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut said = [0; 12];
    tokio::time::timeout(Duration::from_secs(10), reads.read_exact(&mut said)).await.unwrap().unwrap();
    assert_eq!(&said, b"HTTP/1.1 408");
    trickle.abort();
}

#[tokio::test]
async fn who_does_not_read_its_stream_gives_its_share_back() {
    let server = Server::with("[server]\nclient_timeout_secs = 1\n[graphql]\nsockets_per_principal_max = 1").await;
    let body = json!({ "query": "subscription{flood}" }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut deaf = TcpStream::connect(server.address).await.unwrap();
    deaf.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let ask = || server.post().header("accept", "text/event-stream").json(&json!({ "query": "{noted}" })).send();
    assert_eq!(ask().await.unwrap().status().as_u16(), 429);
    for _ in 0..100 {
        if ask().await.unwrap().status().as_u16() == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a client that does not read holds its stream for ever");
}

#[tokio::test]
async fn who_comes_back_in_time_is_served_on_the_same_connection() {
    let server = Server::with("[server]\nclient_timeout_secs = 3").await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(900)).await;
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut said = vec![0; 4096];
        let read = stream.read(&mut said).await.unwrap();
        assert!(said[..read].starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&said[..read]));
    }
}
