//! The settings: the documented default file, an optional file, the environment. `config.default.toml` is the reference.

mod access;
mod delivery;
mod exchange;
mod forms;
mod outside;
mod problems;
mod runtime;
mod stripe;
mod webhooks;

use std::fmt;
use std::path::Path;

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;

pub use access::{Auth, Crypto, CryptoKey, EmailVerification};
pub use delivery::Delivery;
pub use exchange::{Campaigns, Exchange, Imports, Scoring, Verification};
pub use forms::{Certificates, Forms};
pub use outside::{Meta, Nats};
pub use problems::Problems;
pub use runtime::{Database, Dns, Files, Graphql, Log, LogFormat, Mail, Server, Settlement, Sms, Workers};
pub use stripe::Stripe;
pub use webhooks::Webhooks;

/// The default file, which documents every setting.
pub const DEFAULT: &str = include_str!("../config.default.toml");

const OPTIONAL_FILE: &str = "clearlead.toml";
const ENV_PREFIX: &str = "CLEARLEAD_";
const ENV_SEPARATOR: &str = "__";

/// Every setting, read and found sensible.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[log]`
    pub log: Log,
    /// `[database]`
    pub database: Database,
    /// `[graphql]`
    pub graphql: Graphql,
    /// `[auth]`
    pub auth: Auth,
    /// `[crypto]`
    pub crypto: Crypto,
    /// `[exchange]`
    pub exchange: Exchange,
    /// `[campaigns]`
    pub campaigns: Campaigns,
    /// `[delivery]`
    pub delivery: Delivery,
    /// `[settlement]`
    pub settlement: Settlement,
    /// `[verification]`
    pub verification: Verification,
    /// `[forms]`
    pub forms: Forms,
    /// `[certificates]`
    pub certificates: Certificates,
    /// `[imports]`
    pub imports: Imports,
    /// `[files]`
    pub files: Files,
    /// `[mail]`
    pub mail: Mail,
    /// `[sms]`
    pub sms: Sms,
    /// `[dns]`
    pub dns: Dns,
    /// `[meta]`
    pub meta: Meta,
    /// `[nats]`
    pub nats: Nats,
    /// `[scoring]`
    pub scoring: Scoring,
    /// `[webhooks]`
    pub webhooks: Webhooks,
    /// `[stripe]`
    pub stripe: Stripe,
    /// `[workers]`
    pub workers: Workers,
}

/// Why the settings cannot be used: one line for each key. Values are left out, since some are secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings cannot be used:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Config {
    /// The settings of this process: the default file, `file` (or `clearlead.toml` if it is there), the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut layers = Figment::from(Toml::string(DEFAULT));
        layers = match file {
            Some(path) if !path.is_file() => return Err(ConfigError(vec![format!("{}: no such file", path.display())])),
            Some(path) => layers.merge(Toml::file_exact(path)),
            None if Path::new(OPTIONAL_FILE).is_file() => layers.merge(Toml::file_exact(OPTIONAL_FILE)),
            None => layers,
        };
        let environment = Env::prefixed(ENV_PREFIX).filter(|key| key.as_str().contains(ENV_SEPARATOR)).split(ENV_SEPARATOR);
        // The address of NATS is called so everywhere.
        let plain = Env::raw().only(&["NATS_URL"]).map(|_| "nats.url".into()).split(".");
        Self::from_layers(&layers.merge(plain).merge(environment))
    }

    /// The default settings with those of `toml` on top, whatever the environment says: for tests and the demo.
    pub fn from_toml(toml: &str) -> Result<Self, ConfigError> {
        Self::from_layers(&Figment::from(Toml::string(DEFAULT)).merge(Toml::string(toml)))
    }

    fn from_layers(layers: &Figment) -> Result<Self, ConfigError> {
        let config: Self = layers.extract().map_err(|error| ConfigError(error.into_iter().map(|e| describe(&e)).collect()))?;
        let mut problems = Problems::default();
        config.check(&mut problems);
        problems.into_result().map(|()| config)
    }

    /// Whether people must prove that their e-mail address is their own before they trade.
    #[must_use]
    pub fn requires_verified_email(&self) -> bool {
        match self.auth.email_verification {
            EmailVerification::Auto => self.mail.is_delivered(),
            EmailVerification::Required => true,
            EmailVerification::Off => false,
        }
    }

    fn check(&self, problems: &mut Problems) {
        if self.auth.email_verification == EmailVerification::Required && !self.mail.is_delivered() {
            problems.add("auth.email_verification", "cannot be required while `mail.url` delivers nothing");
        }
        self.server.check(problems);
        self.database.check(problems);
        self.graphql.check(problems);
        self.auth.check(problems);
        self.crypto.check(problems);
        self.exchange.check(problems);
        self.campaigns.check(problems);
        self.delivery.check(problems);
        self.settlement.check(problems);
        self.verification.check(problems);
        self.forms.check(problems);
        self.certificates.check(problems);
        self.imports.check(problems);
        self.mail.check(problems);
        self.sms.check(problems);
        self.dns.check(problems);
        self.meta.check(problems);
        self.nats.check(problems);
        self.scoring.check(problems);
        self.webhooks.check(problems);
        self.stripe.check(problems);
        self.workers.check(problems);
    }
}

/// Names the key, where it was set and what was expected, but never the value.
fn describe(error: &figment::Error) -> String {
    let key = error.path.join(".");
    let trouble = match &error.kind {
        Kind::Message(message) => message.clone(),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => format!("expected {expected}"),
        Kind::InvalidLength(_, expected) => format!("expected {expected} items"),
        Kind::UnknownVariant(_, known) => format!("expected one of {}", known.join(", ")),
        Kind::UnknownField(field, known) => format!("there is no setting `{field}` here; there are {}", known.join(", ")),
        Kind::MissingField(field) => format!("`{field}` is missing"),
        Kind::DuplicateField(field) => format!("`{field}` is there twice"),
        Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => "the number is out of range".to_owned(),
        Kind::Unsupported(_) | Kind::UnsupportedKey(..) => "a value of this type has no place here".to_owned(),
    };
    let place = match error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref()) {
        Some(source) => format!(" (in {source})"),
        None if error.metadata.as_ref().is_some_and(|metadata| metadata.name.contains("environment")) => {
            format!(" (in {ENV_PREFIX}{})", key.to_uppercase().replace('.', ENV_SEPARATOR))
        }
        None => String::new(),
    };
    if key.is_empty() { format!("{trouble}{place}") } else { format!("{key}: {trouble}{place}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_holds_the_defaults_of_the_specification() {
        let config = Config::from_toml("").unwrap();
        let e = &config.exchange;
        assert_eq!((e.hold_secs, e.hold_trusted_secs, e.hold_new_secs), (7 * 86_400, 72 * 3_600, 14 * 86_400));
        assert_eq!((e.seller_answer_secs, e.arbiter_secs, e.appeal_secs), (48 * 3_600, 72 * 3_600, 48 * 3_600));
        assert_eq!((e.commission_bp, e.duplicate_window_secs, e.sales_max), (1000, 30 * 86_400, 5));
        assert_eq!((e.auction_min_secs, e.auction_max_secs), (30, 7 * 86_400));
        assert_eq!((e.return_cap_bp, e.return_cap_min_trades, e.return_cap_window_secs), (1500, 20, 30 * 86_400));
        let g = &config.graphql;
        assert_eq!((g.depth_max, g.complexity_max), (16, 5000));
        assert_eq!((g.query_max_bytes, g.body_max_bytes, config.imports.file_max_bytes), (64 << 10, 256 << 10, 50 << 20));
        let a = &config.auth;
        assert_eq!((a.access_token_secs, a.refresh_token_secs), (15 * 60, 30 * 86_400));
        assert_eq!((a.argon2_memory_kib, a.argon2_iterations, a.argon2_parallelism), (19 * 1024, 2, 1));
        assert_eq!(config.server.drain_secs, 30);
    }

    #[test]
    fn every_setting_stands_under_a_comment() {
        let mut commented = false;
        for line in DEFAULT.lines() {
            if line.starts_with('#') {
                commented = true;
            } else if line.is_empty() || line.starts_with('[') {
                commented = false;
            } else {
                assert!(commented, "{line}");
            }
        }
    }

    #[test]
    fn mistakes_are_named_by_key_and_without_the_value() {
        let error = |toml: &str| Config::from_toml(toml).unwrap_err().to_string();
        assert!(error("[exchange]\nhold_sec = 5").contains("there is no setting `hold_sec` here"));
        assert!(error("[exchnge]\na = 5").contains("there is no setting `exchnge` here"));
        assert!(error("[exchange]\ncommission_bp = 10001").contains("exchange.commission_bp: must be within 0 and 10000"));
        let leaked = error("[database]\nurl = [\"hunter2\"]");
        assert!(leaked.contains("database.url: expected"), "{leaked}");
        assert!(!leaked.contains("hunter2"), "{leaked}");
        let two = Config::from_toml("[exchange]\nsales_max = 9\n[auth]\naccess_token_secs = 0").unwrap_err();
        assert_eq!(two.0.len(), 2, "{two}");
    }

    #[test]
    fn secrets_are_not_in_debug_output() {
        let key = "A".repeat(43) + "=";
        let toml = format!(
            "[database]\nurl = \"postgres://u:hunter2@h/d\"\n[mail]\nurl = \"smtp://u:hunter2@h\"\n[crypto]\n\
             hash_key = \"{key}\"\nkeys = [{{ id = \"a\", key = \"{key}\" }}]"
        );
        let shown = format!("{:?}", Config::from_toml(&toml).unwrap());
        assert!(!shown.contains("hunter2") && !shown.contains("AAAA"), "{shown}");
    }
}
