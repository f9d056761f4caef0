//! The use cases, one function each, named like the mutation or query that calls it. They check who asks, load, let
//! `domain` decide, write through `Store::write`, and know nothing of GraphQL or HTTP.

mod error;

use std::net::IpAddr;
use std::sync::Arc;

use domain::access::Principal;
use domain::time::Timestamp;
use store::{Source, Store};
use uuid::Uuid;

use crate::config::Config;
use crate::crypto::KeyRing;
use crate::ports::{Clock, Entropy, Files};

pub use error::AppError;

/// What every use case needs. One per process, shared.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub store: Store,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The settings.
    pub config: Arc<Config>,
    /// The keys behind personal data.
    pub keys: Arc<KeyRing>,
    /// Uploads and evidence.
    pub files: Files,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

/// Who asks, and through which request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The verified identity.
    pub principal: Principal,
    /// Names the request in the log and in masked errors.
    pub request_id: Arc<str>,
    /// The client's address, for throttling; in no log.
    pub address: Option<IpAddr>,
}

impl App {
    /// The present instant by the process's clock. What a deadline decides asks the transaction instead.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Gives the store its instants and ids.
pub struct StoreSource {
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Source for StoreSource {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn uuid(&self) -> Uuid {
        self.entropy.uuid(self.clock.now())
    }
}
