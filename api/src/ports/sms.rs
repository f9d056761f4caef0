//! Outbound text messages.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use futures::future::BoxFuture;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::mail::SendError;
use super::spool::Spool;
use crate::config;

/// A text message to one person. Debug shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sms {
    /// The number, E.164.
    pub to: String,
    /// The text.
    pub text: String,
}

/// Sends text messages.
pub trait SmsSender: Send + Sync {
    /// Hands `sms` to the operator. Ok does not mean that it arrived.
    fn send<'a>(&'a self, sms: &'a Sms) -> BoxFuture<'a, Result<(), SendError>>;
}

/// Writes each message as a file that only its owner reads, for trying the exchange out.
pub struct FileSms(Spool);

/// Sends nothing and says so in the log, without recipient and text.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogSms;

/// Keeps what was sent, for tests.
#[derive(Default)]
pub struct RecordingSms(Mutex<Vec<Sms>>);

/// The sender of the settings.
#[must_use]
pub fn sms_sender(settings: &config::Sms) -> Box<dyn SmsSender> {
    match settings.url.expose_secret().strip_prefix("file:") {
        Some(folder) => Box::new(FileSms(Spool::new(PathBuf::from(folder), "txt"))),
        None => Box::new(LogSms),
    }
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sms(..)")
    }
}

impl SmsSender for FileSms {
    fn send<'a>(&'a self, sms: &'a Sms) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let text = format!("To: {}\n\n{}\n", sms.to, sms.text);
            self.0.put(&text).await.map_err(|error| SendError::Later(format!("the message folder: {}", error.kind())))
        })
    }
}

impl SmsSender for LogSms {
    fn send<'a>(&'a self, sms: &'a Sms) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            tracing::info!(bytes = sms.text.len(), "a text message was not sent: no operator is configured");
            Ok(())
        })
    }
}

impl RecordingSms {
    /// Everything that was sent and not yet taken, oldest first.
    pub fn take(&self) -> Vec<Sms> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SmsSender for RecordingSms {
    fn send<'a>(&'a self, sms: &'a Sms) -> BoxFuture<'a, Result<(), SendError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sms.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}
