//! The endpoints of the measurement: one server that answers on some paths and never on others. It speaks as little HTTP as it can, so that
//! what is measured is whoever sends.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use domain::time::Timestamp;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const HEADERS: usize = 32;
const REQUEST_BYTES: usize = 1 << 14;

/// How long each message took to come, in milliseconds.
type Taken = Arc<Mutex<Vec<f64>>>;

pub(super) struct Receiver {
    address: String,
    taken: Taken,
}

#[derive(Deserialize)]
struct Message {
    timestamp: DateTime<Utc>,
}

/// A request that came whole.
struct Request {
    hangs: bool,
    /// Where its body begins and ends.
    body: std::ops::Range<usize>,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let taken = Taken::default();
        let to = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let to = Arc::clone(&to);
                // Whoever breaks a connection off gets no answer; what that did is seen in what did not come.
                tokio::spawn(async move { serve(stream, to).await.unwrap_or_default() });
            }
        });
        Ok(Self { address: format!("http://{address}"), taken })
    }

    /// Where messages are answered.
    pub(super) fn well(&self) -> String {
        format!("{}/well", self.address)
    }

    /// Where they never are.
    pub(super) fn hanging(&self) -> String {
        format!("{}/hanging", self.address)
    }

    /// How many messages came.
    pub(super) fn count(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How long each took to come, in milliseconds; it is forgotten.
    pub(super) fn taken(&self) -> Vec<f64> {
        std::mem::take(&mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn serve(mut stream: TcpStream, taken: Taken) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(REQUEST_BYTES);
    while stream.read_buf(&mut read).await? > 0 {
        while let Some(Request { hangs, body }) = request(&read)? {
            if hangs {
                std::future::pending::<()>().await;
            }
            let message: Message = serde_json::from_slice(read.get(body.clone()).unwrap_or_default())?;
            let millis = now().signed_duration_since(message.timestamp).as_seconds_f64() * 1_000.0;
            taken.lock().unwrap_or_else(PoisonError::into_inner).push(millis);
            read.drain(..body.end);
            stream.write_all(ANSWER).await?;
        }
    }
    Ok(())
}

/// The first request of what was read, if all of it is there.
fn request(read: &[u8]) -> std::io::Result<Option<Request>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(begin) = head.parse(read).map_err(std::io::Error::other)? else { return Ok(None) };
    let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    let end = begin.saturating_add(length.ok_or_else(|| std::io::Error::other("a request without its length"))?);
    let hangs = head.path.is_some_and(|path| path.starts_with("/hanging"));
    Ok((read.len() >= end).then_some(Request { hangs, body: begin..end }))
}

fn now() -> Timestamp {
    api::ports::Clock::now(&api::ports::SystemClock)
}
