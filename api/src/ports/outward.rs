//! Requests to the systems of buyers.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use gateways::crm::{Answer, Method, Request};

use super::outside::{beginning, client, may_call};
use crate::config::Delivery;

/// The longest part of an answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The address may not be called.
    #[error("the address is not one of the public net")]
    NotAllowed,
    /// No connection: nothing was sent.
    #[error("no connection to the address")]
    NotReached,
    /// The request may have arrived, but its answer did not come in time.
    #[error("no answer in time")]
    TimedOut,
    /// The request may have arrived, but its answer broke off.
    #[error("the answer broke off")]
    BrokenOff,
}

/// Sends requests.
pub trait Outward: Send + Sync {
    /// Sends `request`, and waits for its answer for the configured time.
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Answer, NoAnswer>>;
}

/// Over HTTP, to the public net alone unless the settings allow others. No redirect is followed.
pub struct HttpOutward {
    client: reqwest::Client,
    insecure: bool,
    timeout: Duration,
}

impl HttpOutward {
    /// Under the settings.
    pub fn new(settings: &Delivery) -> Result<Self, reqwest::Error> {
        let timeout = Duration::from_secs(settings.timeout_secs);
        Ok(Self { client: client(settings.insecure)?, insecure: settings.insecure, timeout })
    }

    async fn answer(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let url: url::Url = request.url.expose().parse().map_err(|_| NoAnswer::NotAllowed)?;
        if !self.insecure && !may_call(&url) {
            return Err(NoAnswer::NotAllowed);
        }
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut builder = self.client.request(method, url).body(request.body.bytes.clone());
        for (name, value) in &request.headers {
            builder = builder.header(name, value.expose());
        }
        let sent = builder.send().await;
        let response = sent.map_err(|error| if error.is_connect() { NoAnswer::NotReached } else { NoAnswer::BrokenOff })?;
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().ok().map(str::to_owned);
        let headers =
            response.headers().iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect();
        let (body, broke_off) = beginning(response, ANSWER_MAX_BYTES, ANSWER_MAX_BYTES).await;
        if broke_off { Err(NoAnswer::BrokenOff) } else { Ok(Answer { status, headers, body }) }
    }
}

impl Outward for HttpOutward {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Answer, NoAnswer>> {
        async move { tokio::time::timeout(self.timeout, self.answer(request)).await.unwrap_or(Err(NoAnswer::TimedOut)) }.boxed()
    }
}
