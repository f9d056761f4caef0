//! The true externals: what the exchange cannot decide by itself. Each is a trait with its real adapters.

mod call_outs;
pub mod clock;
mod consent_certificates;
pub mod entropy;
mod event_stream;
mod files;
pub mod mail;
pub mod mail_domains;
mod meta;
pub mod outside;
mod outward;
mod payments;
pub mod sms;
mod spool;
mod webhooks;

pub use call_outs::{CallOutError, CallOuts, HttpCallOuts};
pub use clock::{Clock, FakeClock, SystemClock};
pub use consent_certificates::{CertificateQuestion, ConsentCertificates, HttpConsentCertificates};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use event_stream::{EventStream, NatsStream, StreamError, StreamMessage};
pub use files::{Files, file_store};
pub use mail::{Mail, Mailer, RecordingMailer, SendError};
pub use mail_domains::{KnownMailDomains, MailDomains};
pub use meta::{HttpMetaLeads, MetaLeads};
pub use outward::{HttpOutward, NoAnswer, Outward};
pub use payments::{Payments, payments};
pub use sms::{RecordingSms, Sms, SmsSender};
pub use webhooks::{HttpWebhooks, Posted, WebhookAnswer, Webhooks};
