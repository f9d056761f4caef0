//! Asking Meta for leads.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use gateways::meta::{Fault, lead_address, lead_of};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::outside::{client, whole};
use crate::config;

/// The longest answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 256 << 10;

/// Reads leads of lead ads.
pub trait MetaLeads: Send + Sync {
    /// The lead `id` (digits) as the Graph API has it; `proof` shows that the app's secret is known.
    fn lead<'a>(&'a self, id: &'a str, token: &'a SecretString, proof: &'a str) -> BoxFuture<'a, Result<Value, Fault>>;
}

/// Over HTTP.
pub struct HttpMetaLeads {
    client: reqwest::Client,
    settings: config::Meta,
}

impl HttpMetaLeads {
    /// Under the settings. Their address is the operator's own choice, so it may lie anywhere.
    pub fn new(settings: &config::Meta) -> Result<Self, reqwest::Error> {
        Ok(Self { client: client(true)?, settings: settings.clone() })
    }

    async fn asked(&self, id: &str, token: &SecretString, proof: &str) -> Result<Value, Fault> {
        let address = lead_address(&self.settings.graph_url, &self.settings.graph_version, id, proof);
        let request = self.client.get(address).bearer_auth(token.expose_secret());
        let response = request.send().await.map_err(|_| Fault::Unavailable)?;
        let status = response.status().as_u16();
        let body = whole(response, ANSWER_MAX_BYTES).await.map_err(|_| Fault::Unavailable)?.ok_or(Fault::Unavailable)?;
        lead_of(status, &body)
    }
}

impl MetaLeads for HttpMetaLeads {
    fn lead<'a>(&'a self, id: &'a str, token: &'a SecretString, proof: &'a str) -> BoxFuture<'a, Result<Value, Fault>> {
        async move {
            let deadline = Duration::from_millis(self.settings.timeout_millis);
            tokio::time::timeout(deadline, self.asked(id, token, proof)).await.unwrap_or(Err(Fault::Unavailable))
        }
        .boxed()
    }
}
