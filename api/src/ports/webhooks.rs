//! Posting a message to an organization's endpoint.

use std::error::Error;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::outside::{NotPublic, beginning, client, may_call};
use crate::config;

/// How much of an answer is kept, in bytes.
const BEGINNING_BYTES: usize = 1 << 10;
/// How much of an answer is read.
const ANSWER_MAX_BYTES: usize = 64 << 10;

/// A signed message, ready to be posted.
#[derive(Clone)]
pub struct Posted {
    /// Where to.
    pub url: String,
    /// The message's id.
    pub id: String,
    /// When it is sent, in seconds since 1970.
    pub timestamp: i64,
    /// Every signature, with blanks between.
    pub signature: String,
    /// The body, which may hold personal data.
    pub body: Bytes,
}

impl std::fmt::Debug for Posted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Posted({})", self.id)
    }
}

/// What an endpoint said.
#[derive(Clone, PartialEq, Eq)]
pub enum WebhookAnswer {
    /// It answered.
    Answered {
        /// The status.
        status: u16,
        /// The first bytes of the body.
        beginning: Vec<u8>,
    },
    /// It could not be reached, or broke off.
    NotReached,
    /// Its address is none of the public net.
    NotAllowed,
}

/// Posts messages.
pub trait Webhooks: Send + Sync {
    /// Posts a message. It follows no redirects, and has no deadline of its own.
    fn post(&self, message: Posted) -> BoxFuture<'_, WebhookAnswer>;
}

/// Over HTTP, to the public net alone unless the settings allow others.
pub struct HttpWebhooks {
    client: reqwest::Client,
    insecure: bool,
}

impl HttpWebhooks {
    /// Under the settings.
    pub fn new(settings: &config::Webhooks) -> Result<Self, reqwest::Error> {
        Ok(Self { client: client(settings.insecure)?, insecure: settings.insecure })
    }

    async fn answer(&self, message: Posted) -> Result<WebhookAnswer, reqwest::Error> {
        let Ok(url) = message.url.parse::<url::Url>() else { return Ok(WebhookAnswer::NotAllowed) };
        if !self.insecure && !may_call(&url) {
            return Ok(WebhookAnswer::NotAllowed);
        }
        let response = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.timestamp)
            .header("webhook-signature", message.signature)
            .body(message.body)
            .send()
            .await?;
        let status = response.status().as_u16();
        // The status has decided: a body that breaks off changes nothing.
        let (beginning, _) = beginning(response, BEGINNING_BYTES, ANSWER_MAX_BYTES).await;
        Ok(WebhookAnswer::Answered { status, beginning })
    }
}

impl Webhooks for HttpWebhooks {
    fn post(&self, message: Posted) -> BoxFuture<'_, WebhookAnswer> {
        async move {
            match self.answer(message).await {
                Ok(answer) => answer,
                Err(error) if is_not_public(&error) => WebhookAnswer::NotAllowed,
                Err(_) => WebhookAnswer::NotReached,
            }
        }
        .boxed()
    }
}

fn is_not_public(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<NotPublic>() {
            return true;
        }
        source = cause.source();
    }
    false
}
