//! Telling the owners of an endpoint that it is paused or gone.

use domain::id::WebhookEndpointId;
use serde_json::{Value, json};
use store::webhooks::Told;

use crate::app::message::{MESSAGE_SEND, owners_mails};
use crate::app::{App, AppError};

/// The kind of the jobs that tell owners.
pub const WEBHOOK_NOTICE: &str = "webhook_notice";

/// The payload of a [`WEBHOOK_NOTICE`] job.
pub(super) fn notice(told: Told) -> Value {
    match told {
        Told::Paused(id) => json!({ "endpoint": id, "gone": false }),
        Told::Gone(id) => json!({ "endpoint": id, "gone": true }),
    }
}

/// Mails the owners of the organization whose endpoint a [`WEBHOOK_NOTICE`] job names.
pub async fn webhook_notice_send(app: &App, payload: &Value) -> Result<(), AppError> {
    let id: Option<WebhookEndpointId> = payload.get("endpoint").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let gone = payload.get("gone").and_then(Value::as_bool);
    let (Some(id), Some(gone)) = (id, gone) else { return Err(AppError::internal("not the payload of a notice")) };
    let Some(endpoint) = app.store.webhook_endpoint_any(id).await? else { return Ok(()) };
    let (subject, what) = if gone {
        ("A webhook endpoint is disabled", "answered that it is gone (410), and gets nothing more")
    } else {
        ("A webhook endpoint is paused", "failed again and again. It is paused, and probed now and then until it answers")
    };
    let text = format!(
        "Your webhook endpoint \"{}\" ({id}) {what}.\n\n`webhookDeliveries` shows what was sent to it and what came back, \
         `webhookEndpointEnable` lets it get messages again at once, and `webhookReplay` sends again what it missed.\n",
        endpoint.name
    );
    let mails = owners_mails(app, endpoint.organization, subject, &text).await?;
    let now = app.now();
    app.store
        .write("webhook_notice_send", move |tx| {
            let mails = mails.clone();
            async move {
                for mail in mails {
                    tx.enqueue(MESSAGE_SEND, mail, now).await?;
                }
                Ok::<_, AppError>(())
            }
        })
        .await
}
