//! The settings of what integrators bring: Meta's Graph API, and a stream of events at NATS.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Problems;
use super::runtime::is_web_url;

/// `[meta]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Where the Graph API is.
    pub graph_url: String,
    /// The version that is asked.
    pub graph_version: String,
    /// How long one lead may take, in milliseconds.
    pub timeout_millis: u64,
}

/// `[nats]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// Where NATS is; empty: events are published nowhere.
    pub url: SecretString,
    /// The stream that keeps them.
    pub stream: String,
    /// What subjects begin with.
    pub subject_prefix: String,
    /// How long the stream keeps an event, in seconds.
    pub max_age_secs: u64,
    /// On how many servers a stream that is made lies.
    pub replicas: usize,
    /// How many events are published before their acknowledgements are waited for.
    pub batch: u64,
    /// How long a batch may take, in seconds.
    pub timeout_secs: u64,
}

impl Meta {
    pub(super) fn check(&self, problems: &mut Problems) {
        if !is_web_url(&self.graph_url) {
            problems.add("meta.graph_url", "must be an http or https URL");
        }
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let version = self.graph_version.strip_prefix('v').and_then(|version| version.split_once('.'));
        if !version.is_some_and(|(major, minor)| digits(major) && digits(minor)) {
            problems.add("meta.graph_version", "must be a version such as v24.0");
        }
        problems.within("meta.timeout_millis", self.timeout_millis, 100, 60_000);
    }
}

impl Nats {
    /// Whether events are published.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.url.expose_secret().is_empty()
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let known = |url: &str| ["nats://", "tls://"].iter().any(|scheme| url.starts_with(scheme));
        if self.is_set() && !self.url.expose_secret().split(',').map(str::trim).all(known) {
            problems.add("nats.url", "must begin with nats:// or tls://, several with commas between");
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let name = |text: &str| !text.is_empty() && text.bytes().all(plain);
        if !name(&self.stream) || self.stream.len() > 64 {
            problems.add("nats.stream", "must be letters, digits, - and _, at most 64");
        }
        if !self.subject_prefix.split('.').all(name) || self.subject_prefix.len() > 100 {
            problems.add("nats.subject_prefix", "must be words of letters, digits, - and _, with dots between, at most 100");
        }
        problems.within("nats.max_age_secs", self.max_age_secs, 300, 3_650 * 86_400);
        problems.within("nats.replicas", self.replicas, 1, 5);
        problems.within("nats.batch", self.batch, 1, 1_000);
        problems.within("nats.timeout_secs", self.timeout_secs, 1, 60);
    }
}
