//! Asking a campaign's endpoint for a live bid.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::outside::{client, may_call, whole};
use crate::config::Campaigns;

/// The longest answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 4 << 10;

/// Why an endpoint named no bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallOutError {
    /// It did not answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// It could not be reached, or may not be called.
    #[error("not reached")]
    NotReached,
    /// Its answer is no bid.
    #[error("not a bid")]
    NotABid,
}

/// Asks endpoints for bids.
pub trait CallOuts: Send + Sync {
    /// Posts `question` as JSON to `url`; answers the JSON that came back with a 2xx status within `deadline`.
    fn ask<'a>(&'a self, url: &'a str, question: &'a Value, deadline: Duration) -> BoxFuture<'a, Result<Value, CallOutError>>;
}

/// Over HTTP, to the public net alone unless the settings allow others.
pub struct HttpCallOuts {
    client: reqwest::Client,
    insecure: bool,
}

impl HttpCallOuts {
    /// Under the settings.
    pub fn new(settings: &Campaigns) -> Result<Self, reqwest::Error> {
        Ok(Self { client: client(settings.call_out_insecure)?, insecure: settings.call_out_insecure })
    }

    async fn answer(&self, url: &str, question: &Value) -> Result<Value, CallOutError> {
        let url: url::Url = url.parse().map_err(|_| CallOutError::NotReached)?;
        if !self.insecure && !may_call(&url) {
            return Err(CallOutError::NotReached);
        }
        let response = self.client.post(url).json(question).send().await.map_err(|_| CallOutError::NotReached)?;
        if !response.status().is_success() {
            return Err(CallOutError::NotABid);
        }
        let text = whole(response, ANSWER_MAX_BYTES).await.map_err(|_| CallOutError::NotReached)?.ok_or(CallOutError::NotABid)?;
        serde_json::from_slice(&text).map_err(|_| CallOutError::NotABid)
    }
}

impl CallOuts for HttpCallOuts {
    fn ask<'a>(&'a self, url: &'a str, question: &'a Value, deadline: Duration) -> BoxFuture<'a, Result<Value, CallOutError>> {
        async move {
            let answered = tokio::time::timeout(deadline, self.answer(url, question)).await;
            answered.unwrap_or(Err(CallOutError::TimedOut))
        }
        .boxed()
    }
}
