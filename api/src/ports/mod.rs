//! The true externals: what the exchange cannot decide by itself. Each is a trait with its real adapters.

mod call_outs;
pub mod clock;
mod consent_certificates;
pub mod entropy;
mod files;
pub mod mail;
pub mod mail_domains;
pub mod outside;
pub mod sms;
mod spool;

pub use call_outs::{CallOutError, CallOuts, HttpCallOuts};
pub use clock::{Clock, FakeClock, SystemClock};
pub use consent_certificates::{CertificateQuestion, ConsentCertificates, HttpConsentCertificates};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use files::{Files, file_store};
pub use mail::{Mail, Mailer, RecordingMailer, SendError};
pub use mail_domains::{KnownMailDomains, MailDomains};
pub use sms::{RecordingSms, Sms, SmsSender};
