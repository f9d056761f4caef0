//! The settings of the process and of what it talks to.

use std::net::SocketAddr;
use std::path::PathBuf;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Problems;

const DAY_SECS: u64 = 86_400;

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where to listen.
    pub bind: SocketAddr,
    /// How clients reach the exchange, without a slash at the end; the issuer of access tokens.
    pub public_url: String,
    /// Origins that may call the API from a browser besides the public URL's.
    pub allowed_origins: Vec<String>,
    /// Whether `X-Forwarded-For` names the client.
    pub trust_forwarded_for: bool,
    /// How many proxies of our own stand before the exchange, each of which adds an address to `X-Forwarded-For`.
    pub trusted_proxies: usize,
    /// How long a client may take to send a request, and pause while it takes the answer, in seconds.
    pub client_timeout_secs: u64,
    /// The longest that a request may take, in seconds.
    pub request_timeout_secs: u64,
    /// How long requests under way may take to end at shutdown, in seconds.
    pub drain_secs: u64,
    /// Where the exchange keeps its own files.
    pub data_dir: PathBuf,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Directives as in `RUST_LOG`.
    pub filter: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// As written; see [`Database::resolved_url`].
    pub url: SecretString,
    /// The largest number of connections; on Postgres a quarter of them stays with those who read.
    pub max_connections: u32,
    /// How long a request waits for a connection, in seconds.
    pub acquire_timeout_secs: u64,
    /// How long SQLite waits for the one writer, in milliseconds.
    pub busy_timeout_millis: u64,
    /// How often a transaction is tried before its caller gets a fault.
    pub write_attempts_max: u32,
}

/// `[graphql]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graphql {
    /// The largest query text, in bytes.
    pub query_max_bytes: usize,
    /// The largest request body, in bytes.
    pub body_max_bytes: usize,
    /// The deepest nesting.
    pub depth_max: usize,
    /// The highest cost of one operation.
    pub complexity_max: usize,
    /// The most aliases in one operation.
    pub aliases_max: usize,
    /// The most root fields in one operation.
    pub root_fields_max: usize,
    /// The most directives in one operation.
    pub directives_max: usize,
    /// The most errors in one answer.
    pub errors_max: usize,
    /// How many persisted queries are kept.
    pub persisted_queries_max: usize,
    /// Whether the schema may be introspected.
    pub introspection: bool,
    /// Whether GET shows the explorer.
    pub explorer: bool,
    /// The most subscription connections in this process.
    pub sockets_max: usize,
    /// The most streams in one connection.
    pub socket_streams_max: usize,
    /// The most connections of one principal.
    pub sockets_per_principal_max: usize,
    /// How long a socket may stay silent before `connection_init`, in seconds.
    pub socket_init_timeout_secs: u64,
    /// The interval of pings and of looking at the owner's access again, in seconds.
    pub socket_keepalive_secs: u64,
}

/// `[files]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// A folder or a URL of object_store; empty: `files` in the data folder.
    pub url: String,
}

/// `[mail]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// `smtp:`, `smtps:`, `file:` or `log`.
    pub url: SecretString,
    /// The sender, as in a mail's `From`.
    pub from: String,
    /// How long one mail may take, in seconds.
    pub timeout_secs: u64,
}

/// `[sms]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    /// `file:` or `log`.
    pub url: SecretString,
}

/// `[dns]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Whether mail domains are looked up.
    pub enabled: bool,
    /// How long one look-up may take, in milliseconds.
    pub timeout_millis: u64,
    /// Name servers; empty: the system's.
    pub servers: Vec<SocketAddr>,
}

/// `[workers]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workers {
    /// Whether this process runs them.
    pub enabled: bool,
    /// How often each looks for work, in milliseconds.
    pub poll_millis: u64,
    /// How many items one takes at a time.
    pub batch: u64,
    /// After how long the work of one that died is taken up, in seconds: work under way renews its lease.
    pub lease_secs: i64,
    /// How often a job is tried.
    pub attempts_max: i32,
    /// How often the whole ledger is verified, in seconds.
    pub ledger_verify_secs: i64,
}

/// `[settlement]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// How many commands one transaction settles.
    pub batch_max: usize,
    /// How many transactions settle at the same time.
    pub lanes: usize,
    /// How many commands wait.
    pub queue_max: usize,
}

impl Server {
    /// The origin of the public URL: scheme, host and port.
    #[must_use]
    pub fn public_origin(&self) -> String {
        Url::parse(&self.public_url).map_or_else(|_| self.public_url.clone(), |url| url.origin().ascii_serialization())
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        if !is_web_url(&self.public_url) || self.public_url.ends_with('/') {
            problems.add("server.public_url", "must be an http or https URL without a slash at the end");
        }
        for (index, origin) in self.allowed_origins.iter().enumerate() {
            if !Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin) {
                let key = format!("server.allowed_origins[{index}]");
                problems.add(&key, "must be an origin such as https://app.example.com, without a path");
            }
        }
        problems.within("server.trusted_proxies", self.trusted_proxies, 1, 16);
        problems.within("server.client_timeout_secs", self.client_timeout_secs, 1, 600);
        problems.within("server.request_timeout_secs", self.request_timeout_secs, 1, 600);
        problems.within("server.drain_secs", self.drain_secs, 0, 600);
    }
}

impl Database {
    /// The URL, with the file in the data folder when none is set.
    #[must_use]
    pub fn resolved_url(&self, server: &Server) -> SecretString {
        match self.url.expose_secret() {
            "" => format!("sqlite:{}", server.data_dir.join("clearlead.db").display()).into(),
            url => url.into(),
        }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let url = self.url.expose_secret();
        if !(url.is_empty() || ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))) {
            problems.add("database.url", "must begin with sqlite: or postgres://");
        }
        problems.within("database.max_connections", self.max_connections, 2, 1000);
        problems.within("database.acquire_timeout_secs", self.acquire_timeout_secs, 1, 600);
        problems.within("database.busy_timeout_millis", self.busy_timeout_millis, 100, 600_000);
        problems.within("database.write_attempts_max", self.write_attempts_max, 1, 100);
    }
}

impl Graphql {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("graphql.query_max_bytes", self.query_max_bytes, 1024, 10 << 20);
        problems.within("graphql.body_max_bytes", self.body_max_bytes, self.query_max_bytes, 100 << 20);
        problems.within("graphql.depth_max", self.depth_max, 16, 64);
        problems.within("graphql.complexity_max", self.complexity_max, 100, 1_000_000);
        problems.within("graphql.aliases_max", self.aliases_max, 1, 1000);
        problems.within("graphql.root_fields_max", self.root_fields_max, 1, 1000);
        problems.within("graphql.directives_max", self.directives_max, 1, 1000);
        problems.within("graphql.errors_max", self.errors_max, 1, 1000);
        problems.within("graphql.persisted_queries_max", self.persisted_queries_max, 1, 1_000_000);
        problems.within("graphql.sockets_max", self.sockets_max, 1, 10_000_000);
        problems.within("graphql.socket_streams_max", self.socket_streams_max, 1, 10_000);
        problems.within("graphql.sockets_per_principal_max", self.sockets_per_principal_max, 1, 100_000);
        problems.within("graphql.socket_init_timeout_secs", self.socket_init_timeout_secs, 1, 600);
        problems.within("graphql.socket_keepalive_secs", self.socket_keepalive_secs, 1, 600);
    }
}

impl Files {
    /// The folder or URL, with the one in the data folder when none is set.
    #[must_use]
    pub fn resolved_url(&self, server: &Server) -> String {
        if self.url.is_empty() { server.data_dir.join("files").display().to_string() } else { self.url.clone() }
    }
}

impl Mail {
    /// Whether a mail reaches anybody.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.url.expose_secret() != "log"
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let url = self.url.expose_secret();
        if !(url == "log" || ["smtp://", "smtps://", "file:"].iter().any(|scheme| url.starts_with(scheme))) {
            problems.add("mail.url", "must be `log` or begin with smtp://, smtps:// or file:");
        }
        if self.from.parse::<lettre::message::Mailbox>().is_err() {
            problems.add("mail.from", "must be an address such as `Clearlead <no-reply@example.com>`");
        }
        problems.within("mail.timeout_secs", self.timeout_secs, 1, 600);
    }
}

impl Sms {
    pub(super) fn check(&self, problems: &mut Problems) {
        let url = self.url.expose_secret();
        if !(url == "log" || url.starts_with("file:")) {
            problems.add("sms.url", "must be `log` or begin with file:");
        }
    }
}

impl Dns {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("dns.timeout_millis", self.timeout_millis, 10, 60_000);
    }
}

impl Workers {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("workers.poll_millis", self.poll_millis, 10, 60_000);
        problems.within("workers.batch", self.batch, 1, 1_000);
        problems.within("workers.lease_secs", self.lease_secs, 5, 3600);
        problems.within("workers.attempts_max", self.attempts_max, 1, 100);
        problems.within("workers.ledger_verify_secs", self.ledger_verify_secs, 1, 30 * DAY_SECS.cast_signed());
    }
}

impl Settlement {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("settlement.batch_max", self.batch_max, 1, 512);
        problems.within("settlement.lanes", self.lanes, 1, 100);
        problems.within("settlement.queue_max", self.queue_max, 1, 1_000_000);
    }
}

pub(super) fn is_web_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}
