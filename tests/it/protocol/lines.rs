//! The line that each request leaves in the log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Server;
use crate::accounts::{as_bearer, register};
use crate::harness::{Database, Exchange};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Listens on this thread, on which everything of a test runs.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::set_default(lines)
    }

    /// The lines about requests so far.
    fn requests(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains("clearlead::request")).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_stream_leaves_one_line() {
    let (log, server) = (Log::default(), Server::start().await);
    let _listening = log.listen();
    let asked = server.post().header("accept", "text/event-stream").json(&json!({ "query": "subscription Few{count(to:2)}" }));
    asked.send().await.unwrap().text().await.unwrap();
    for _ in 0..100 {
        if !log.requests().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let lines = log.requests();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("transport=\"stream\"") && lines[0].contains("operation=\"Few\""), "{lines:#?}");
}

#[tokio::test]
async fn a_download_names_who_asked() {
    let (log, x) = (Log::default(), Exchange::start(Database::Sqlite).await);
    let tokens = register(&x, "ada@example.com").await;
    let me = as_bearer(&x, &tokens.access, "{ viewer { user { id } } }", json!({})).await["data"]["viewer"]["user"]["id"].clone();
    let _listening = log.listen();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/wallet/statement.csv", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(api::http::exchange_serve(x.app.clone(), Vec::new(), listener, stop.clone().cancelled_owned()));
    let client = reqwest::Client::new();
    assert_eq!(client.get(&url).bearer_auth(&tokens.access).send().await.unwrap().status().as_u16(), 200);
    assert_eq!(client.get(&url).send().await.unwrap().status().as_u16(), 401);
    let lines = log.requests();
    assert!(lines[0].contains("principal=\"member\"") && lines[0].contains(me.as_str().unwrap()), "{lines:#?}");
    assert!(lines[1].contains("principal=\"anonymous\""), "{lines:#?}");
    stop.cancel();
}
