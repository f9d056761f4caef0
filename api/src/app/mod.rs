//! The use cases, one function each, named like the mutation or query that calls it. They check who asks, load, let
//! `domain` decide, write through `Store::write`, and know nothing of GraphQL or HTTP.

pub mod api_key;
pub mod bids;
pub mod campaigns;
pub mod certificates;
pub mod chargebacks;
pub mod client;
pub mod confirmations;
pub mod consent;
pub mod contact;
pub mod data_keys;
pub mod deliveries;
pub mod destinations;
pub mod dispute;
pub mod email_verification;
pub mod envelopes;
mod error;
pub mod event_stream;
pub mod forgetting;
pub mod form_sends;
pub mod forms;
pub mod gauges;
pub mod idempotency;
pub mod identity;
pub mod imports;
pub mod invitation;
pub mod jobs;
pub mod lead_hooks;
pub mod leads;
pub mod ledger;
pub mod listings;
pub mod member;
pub mod message;
pub mod offers;
pub mod organization;
pub mod outcome;
pub mod password;
pub mod payments;
pub mod payouts;
mod places;
pub mod posting;
pub mod present;
pub mod receipts;
pub mod seller_bands;
pub mod session;
pub mod settlement;
pub mod staff;
pub mod suppressions;
mod throttle;
pub mod trade;
mod under_lease;
mod under_way;
pub mod uploads;
pub mod user;
pub mod verticals;
pub mod wallet;
pub mod webhooks;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use domain::access::Principal;
use domain::time::Timestamp;
use store::{Source, Store};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::config::{Config, ConfigError};
use crate::crypto::KeyRing;
use crate::ports::mail::mailer;
use crate::ports::mail_domains::mail_domains;
use crate::ports::sms::sms_sender;
use crate::ports::{
    CallOuts, Clock, ConsentCertificates, Entropy, Files, HttpCallOuts, HttpConsentCertificates, HttpMetaLeads, HttpOutward,
    HttpWebhooks, MailDomains, Mailer, MetaLeads, Outward, Payments, SmsSender, Webhooks, file_store, payments,
};

pub use error::AppError;
pub use identity::Identity;
pub use seller_bands::SellerBands;

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
    /// The active campaigns, in memory.
    pub book: Arc<campaigns::book::Book>,
    /// Password hashing, the keys of access tokens, remembered accesses.
    pub identity: Arc<Identity>,
    /// Asks campaigns' endpoints for live bids.
    pub call_outs: Arc<dyn CallOuts>,
    /// Reads leads of Meta's lead ads.
    pub meta: Arc<dyn MetaLeads>,
    /// Where events are published, if anywhere.
    pub publisher: Option<Arc<event_stream::Publisher>>,
    /// The mappings of hooks.
    pub hook_mappings: Arc<lead_hooks::HookMappings>,
    /// Asks the keepers of certificates of consent.
    pub consent_certificates: Arc<dyn ConsentCertificates>,
    /// What the market sees of sellers.
    pub seller_bands: Arc<SellerBands>,
    /// Looks up mail domains.
    pub mail_domains: Arc<dyn MailDomains>,
    /// Sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// Sends requests to the systems of buyers.
    pub outward: Arc<dyn Outward>,
    /// Sends text messages.
    pub sms: Arc<dyn SmsSender>,
    /// The payment provider, if one is set up.
    pub payments: Option<Payments>,
    /// Through which purchases, placements and releases go.
    pub settlement: Arc<settlement::Queue>,
    /// Posts messages to organizations' endpoints.
    pub webhooks: Arc<dyn Webhooks>,
    /// Wakes what sends them.
    pub webhooks_due: Arc<Notify>,
    /// Where those of events are handed to what sends them in this process.
    pub webhook_desks: Arc<webhooks::Desks>,
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
    /// With the ports that the settings name.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        config: Arc<Config>,
        keys: Arc<KeyRing>,
    ) -> Result<Self, ConfigError> {
        let identity = Identity::new(&config).map_err(|error| ConfigError(vec![format!("auth: {error}")]))?;
        let mail_domains = Arc::from(mail_domains(&config.dns));
        let mailer = Arc::from(mailer(&config.mail)?);
        let sms = Arc::from(sms_sender(&config.sms));
        let payments = payments(&config.stripe)?;
        let files = file_store(&config.files.resolved_url(&config.server))?;
        let identity = Arc::new(identity);
        let settlement = Arc::new(settlement::Queue::new(store.clone(), Arc::clone(&config)));
        let (book, seller_bands) = (Arc::default(), Arc::default());
        let unusable = |error| ConfigError(vec![format!("campaigns: {error}")]);
        let call_outs = Arc::new(HttpCallOuts::new(&config.campaigns).map_err(unusable)?);
        let unusable = |error| ConfigError(vec![format!("webhooks: {error}")]);
        let webhooks = Arc::new(HttpWebhooks::new(&config.webhooks).map_err(unusable)?);
        let unreachable = |error| ConfigError(vec![format!("delivery: {error}")]);
        let outward = Arc::new(HttpOutward::new(&config.delivery).map_err(unreachable)?);
        let publisher = event_stream::Publisher::new(&config).map(Arc::new);
        let unusable = |error| ConfigError(vec![format!("meta: {error}")]);
        let meta = Arc::new(HttpMetaLeads::new(&config.meta).map_err(unusable)?);
        let unusable = |error| ConfigError(vec![format!("certificates: {error}")]);
        let consent_certificates = Arc::new(HttpConsentCertificates::new(&config.certificates).map_err(unusable)?);
        Ok(Self {
            store,
            clock,
            entropy,
            config,
            keys,
            files,
            book,
            identity,
            publisher,
            hook_mappings: Arc::default(),
            seller_bands,
            call_outs,
            meta,
            consent_certificates,
            mail_domains,
            mailer,
            outward,
            sms,
            payments,
            settlement,
            webhooks,
            webhooks_due: Arc::default(),
            webhook_desks: Arc::default(),
        })
    }

    /// The present instant by the process's clock. What a deadline decides asks the transaction instead.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Gives the store its instants and ids. Ids made by one process grow, also within a millisecond, so that what one
/// transaction writes keeps its order.
pub struct StoreSource {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    last: Mutex<Uuid>,
}

impl StoreSource {
    /// Over the process's clock and randomness.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy, last: Mutex::new(Uuid::nil()) }
    }
}

impl Source for StoreSource {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn uuid(&self) -> Uuid {
        let fresh = self.entropy.uuid(self.clock.now());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let same_millisecond = fresh.as_u128() >> 80 == last.as_u128() >> 80;
        *last = if same_millisecond && fresh <= *last { Uuid::from_u128(last.as_u128().wrapping_add(1)) } else { fresh };
        *last
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}
