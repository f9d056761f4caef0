//! Contact details in `lead.delivered`: read when the message is sent, kept nowhere with it.

use domain::id::{OrganizationId, TradeId};
use domain::lead::Sealed;
use serde_json::{Value, json};
use store::contacts::contact_send;
use store::trades::trade_deliver;

use crate::app::contact::contact_open;
use crate::app::{App, AppError};

/// Who the person behind a trade is, for a message to its buyer; null when that is not the buyer's to see. The look is recorded.
pub(super) async fn contact_of(app: &App, trade: TradeId, buyer: OrganizationId) -> Result<Value, AppError> {
    let sealed = app
        .store
        .write("webhook_contact", move |tx| async move { Ok::<_, AppError>(contact_send(&tx, trade, buyer).await?) })
        .await?;
    match sealed {
        Some(sealed) => Ok(told(contact_open(&app.keys, &sealed)?)),
        None => Ok(Value::Null),
    }
}

/// The contact details of a trade have arrived: the first time starts its hold. A trade that ended meanwhile is left as it is.
pub(super) async fn contact_arrived(app: &App, trade: TradeId) -> Result<(), AppError> {
    let arrived = app
        .store
        .write("webhook_arrived", move |tx| async move { Ok::<_, AppError>(trade_deliver(&tx, trade).await.map(drop)?) })
        .await;
    match arrived {
        Err(AppError::Refused(_)) => Ok(()),
        done => done,
    }
}

/// In the words of `contactReveal`.
fn told(person: Sealed) -> Value {
    let Sealed { contact, age, postal_code, identifying, comments, call_me_at, trace: _ } = person;
    let messenger = contact.messenger.map(|m| json!({ "kind": m.kind, "account": m.account }));
    let answers: Vec<Value> =
        identifying.into_iter().map(|(key, value)| json!({ "key": key, "value": value.to_string() })).collect();
    json!({
        "name": contact.name,
        "phones": contact.phones.into_iter().map(|phone| phone.e164).collect::<Vec<_>>(),
        "emails": contact.emails.into_iter().map(|email| email.address).collect::<Vec<_>>(),
        "messenger": messenger,
        "company": contact.company,
        "position": contact.position,
        "age": age,
        "postalCode": postal_code,
        "answers": answers,
        "comments": comments,
        "callMeAt": call_me_at,
    })
}
