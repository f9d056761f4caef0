//! Mail and text messages behind a commit. A job's payload lies in the database in the clear, so the message in it is
//! sealed: recipient and text are nowhere else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::account::Member;
use domain::id::OrganizationId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{App, AppError};
use crate::crypto::{Binding, Sealed};
use crate::ports::{Mail, SendError, Sms};

/// The kind of the jobs that send messages.
pub const MESSAGE_SEND: &str = "message_send";
const PURPOSE: &str = "job.message";

/// A message to one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// By mail.
    Mail(Mail),
    /// By text message.
    Sms(Sms),
}

/// The payload of a [`MESSAGE_SEND`] job: made before a transaction, enqueued in it.
pub fn message_seal(app: &App, message: &Message) -> Result<Value, AppError> {
    let id = app.entropy.uuid(app.now());
    Ok(json!({ "id": id, "sealed": seal(app, id, message)? }))
}

/// The payloads of a mail to each owner of `organization`: made before a transaction, enqueued in it.
pub(super) async fn owners_mails(
    app: &App,
    organization: OrganizationId,
    subject: &str,
    text: &str,
) -> Result<Vec<Value>, AppError> {
    let owners = app.store.owners(organization).await?;
    let mail = |owner: &Member| {
        let to = owner.person.email.as_str().to_owned();
        message_seal(app, &Message::Mail(Mail { to, subject: subject.to_owned(), text: text.to_owned() }))
    };
    owners.iter().map(mail).collect()
}

/// Sends the message of a job's payload. A message that can never be sent is given up with a line in the log; an error
/// means that the job is to be tried again.
pub async fn message_send(app: &App, payload: &Value) -> Result<(), AppError> {
    let id = payload.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let sealed = payload.get("sealed").and_then(Value::as_str);
    let (Some(id), Some(sealed)) = (id, sealed) else { return Err(AppError::internal("not the payload of a message")) };
    let sent = match open(app, id, sealed)? {
        Message::Mail(mail) => app.mailer.send(&mail).await,
        Message::Sms(sms) => app.sms.send(&sms).await,
    };
    match sent {
        Ok(()) => Ok(()),
        Err(SendError::Never(reason)) => {
            tracing::warn!(reason, "a message was given up");
            Ok(())
        }
        Err(error @ SendError::Later(_)) => Err(AppError::internal(error)),
    }
}

/// Seals something personal for the payload of a job.
pub(super) fn seal<T: Serialize>(app: &App, id: Uuid, content: &T) -> Result<String, AppError> {
    let bytes = zeroize::Zeroizing::new(serde_json::to_vec(content).map_err(AppError::internal)?);
    let sealed = app.keys.seal(app.entropy.as_ref(), Binding { purpose: PURPOSE, object: id }, &bytes);
    Ok(STANDARD.encode(sealed.map_err(AppError::internal)?.to_bytes()))
}

/// What [`seal`] put into a payload. The error does not quote it.
pub(super) fn open<T: for<'de> Deserialize<'de>>(app: &App, id: Uuid, sealed: &str) -> Result<T, AppError> {
    let spoiled = || AppError::internal("the sealed payload of a job does not open");
    let sealed = STANDARD.decode(sealed).ok().and_then(|bytes| Sealed::from_bytes(&bytes)).ok_or_else(spoiled)?;
    let bytes = app.keys.open(Binding { purpose: PURPOSE, object: id }, &sealed).map_err(|_| spoiled())?;
    serde_json::from_slice(&bytes).map_err(|_| spoiled())
}
