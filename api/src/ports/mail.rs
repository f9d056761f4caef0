//! Outbound mail.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use gateways::crm::Message as LeadMail;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::spool::Spool;
use crate::config;

/// A mail of plain text to one person. Debug shows the subject only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// The subject; no personal data.
    pub subject: String,
    /// The body.
    pub text: String,
}

/// Why a message did not leave. It holds neither the recipient nor the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may leave later.
    #[error("could not be sent now: {0}")]
    Later(String),
    /// It will never leave: the address is not one, or the server refuses it for good.
    #[error("cannot be sent: {0}")]
    Never(String),
}

/// Sends mail.
pub trait Mailer: Send + Sync {
    /// Hands `mail` to the next server. Ok does not mean that it arrived.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), SendError>>;

    /// Hands a message of a buyer's destination to the next server.
    fn send_lead<'a>(&'a self, message: &'a LeadMail) -> BoxFuture<'a, Result<(), SendError>>;
}

/// Sends through an SMTP server.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Writes each mail as a file that only its owner reads, for trying the exchange out.
pub struct FileMailer {
    spool: Spool,
    from: String,
}

/// Sends nothing and says so in the log, without recipient and body.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogMailer;

/// Keeps what was sent, for tests.
#[derive(Default)]
pub struct RecordingMailer {
    mails: Mutex<Vec<Mail>>,
    leads: Mutex<Vec<LeadMail>>,
}

/// The mailer of the settings; the error names the key and no secret.
pub fn mailer(settings: &config::Mail) -> Result<Box<dyn Mailer>, config::ConfigError> {
    let wrong = |key: &str, trouble: &str| config::ConfigError(vec![format!("{key}: {trouble}")]);
    let url = settings.url.expose_secret();
    if url == "log" {
        return Ok(Box::new(LogMailer));
    }
    if let Some(folder) = url.strip_prefix("file:") {
        return Ok(Box::new(FileMailer { spool: Spool::new(PathBuf::from(folder), "eml"), from: settings.from.clone() }));
    }
    let from = settings.from.parse().map_err(|_| wrong("mail.from", "must be an address"))?;
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| wrong("mail.url", "is not an SMTP URL"))?;
    let transport = builder.timeout(Some(Duration::from_secs(settings.timeout_secs))).build();
    Ok(Box::new(SmtpMailer { transport, from }))
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let to = mail.to.parse().map_err(|_| SendError::Never("the recipient is not an address".into()))?;
            let message = Message::builder()
                .from(self.from.clone())
                .to(Mailbox::new(None, to))
                .subject(&mail.subject)
                .header(ContentType::TEXT_PLAIN)
                .body(mail.text.clone())
                .map_err(|_| SendError::Never("the mail has no valid form".into()))?;
            self.transport.send(message).await.map(|_| ()).map_err(|error| refused(&error))
        })
    }

    fn send_lead<'a>(&'a self, message: &'a LeadMail) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let message = self.lead_message(message)?;
            self.transport.send(message).await.map(|_| ()).map_err(|error| refused(&error))
        })
    }
}

impl SmtpMailer {
    fn lead_message(&self, mail: &LeadMail) -> Result<Message, SendError> {
        let invalid = || SendError::Never("the mail has no valid form".into());
        let id = format!("<{}@{}>", mail.message_id, self.from.email.domain());
        let mut builder = Message::builder().from(self.from.clone()).subject(&mail.subject).message_id(Some(id));
        for to in &mail.to {
            let to = to.parse().map_err(|_| SendError::Never("a recipient is not an address".into()))?;
            builder = builder.to(Mailbox::new(None, to));
        }
        let message = match &mail.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone())),
            None => {
                let content_type = ContentType::parse(&format!("{}; charset=utf-8", mail.content_type)).map_err(|_| invalid())?;
                builder.singlepart(SinglePart::builder().header(content_type).body(mail.text.clone()))
            }
        };
        let mut message = message.map_err(|_| invalid())?;
        for (name, value) in &mail.headers {
            let name = HeaderName::new_from_ascii(name.clone()).map_err(|_| invalid())?;
            message.headers_mut().insert_raw(HeaderValue::new(name, value.clone()));
        }
        Ok(message)
    }
}

/// The server's words are left out: they quote the recipient.
fn refused(error: &lettre::transport::smtp::Error) -> SendError {
    let status = error.status().map_or_else(String::new, |code| format!(" with the code {code}"));
    if error.is_permanent() {
        SendError::Never(format!("the mail server refused it{status}"))
    } else if error.is_timeout() {
        SendError::Later("the mail server did not answer in time".into())
    } else if error.is_tls() {
        SendError::Later("no secure connection to the mail server".into())
    } else {
        SendError::Later(format!("the mail server is not available{status}"))
    }
}

impl Mailer for FileMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let text = format!("From: {}\nTo: {}\nSubject: {}\n\n{}\n", self.from, mail.to, mail.subject, mail.text);
            self.spool.put(&text).await.map_err(|error| SendError::Later(format!("the mail folder: {}", error.kind())))
        })
    }

    fn send_lead<'a>(&'a self, message: &'a LeadMail) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let LeadMail { to, subject, text, .. } = message;
            let text = format!("From: {}\nTo: {}\nSubject: {subject}\n\n{text}\n", self.from, to.join(", "));
            self.spool.put(&text).await.map_err(|error| SendError::Later(format!("the mail folder: {}", error.kind())))
        })
    }
}

impl Mailer for LogMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            tracing::info!(bytes = mail.text.len(), "a mail was not sent: no mail server is configured");
            Ok(())
        })
    }

    fn send_lead<'a>(&'a self, _: &'a LeadMail) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(std::future::ready(Err(SendError::Later("no mail server is configured".into()))))
    }
}

impl RecordingMailer {
    /// Everything that was sent and not yet taken, oldest first.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.mails.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same of messages of destinations.
    pub fn take_leads(&self) -> Vec<LeadMail> {
        std::mem::take(&mut *self.leads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Mailer for RecordingMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), SendError>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        Box::pin(std::future::ready(Ok(())))
    }

    fn send_lead<'a>(&'a self, message: &'a LeadMail) -> BoxFuture<'a, Result<(), SendError>> {
        self.leads.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn mail() -> Mail {
        Mail { to: "ada@example.com".into(), subject: "Your invitation".into(), text: "the secret link".into() }
    }

    #[test]
    fn debug_shows_neither_recipient_nor_body() {
        assert_eq!(format!("{:?}", mail()), "Mail { subject: \"Your invitation\", .. }");
    }

    #[tokio::test]
    async fn a_folder_gets_one_private_file_per_mail() {
        let folder = tempfile::tempdir().unwrap();
        let toml = format!("[mail]\nurl = \"file:{}\"\nfrom = \"Clearlead <a@b.example>\"", folder.path().join("mail").display());
        let mailer = mailer(&Config::from_toml(&toml).unwrap().mail).unwrap();
        mailer.send(&mail()).await.unwrap();
        mailer.send(&mail()).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path().join("mail")).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 2);
        let text = std::fs::read_to_string(&files[0]).unwrap();
        assert_eq!(text, "From: Clearlead <a@b.example>\nTo: ada@example.com\nSubject: Your invitation\n\nthe secret link\n");
    }

    #[tokio::test]
    async fn an_unreachable_server_is_for_later_and_a_bad_address_for_never() {
        let toml = "[mail]\nurl = \"smtp://user:hunter2@127.0.0.1:1\"\ntimeout_secs = 2";
        let mailer = mailer(&Config::from_toml(toml).unwrap().mail).unwrap();
        let later = mailer.send(&mail()).await.unwrap_err();
        assert_eq!(later, SendError::Later("the mail server is not available".into()));
        let nowhere = Mail { to: "nobody at all".into(), ..mail() };
        let never = mailer.send(&nowhere).await.unwrap_err();
        assert_eq!(never, SendError::Never("the recipient is not an address".into()));
    }
}
