//! Endpoints: made, changed, given another secret, tested, ended and begun again.

use domain::access::Permission;
use domain::account::name_of;
use domain::id::{OrganizationId, UserId, WebhookEndpointId};
use domain::refusal::{Code, Refusal};
use domain::time::plus_secs;
use domain::webhook::{Breaker, DisabledFor, EventType, Subscription, WebhookEndpoint};
use secrecy::SecretString;
use serde_json::json;
use store::Tx;
use store::page::{Page, Slice};
use store::webhooks::{Delivery, NewDelivery};
use uuid::Uuid;

use super::fan_out::CONSUMER;
use super::sign::secret_make;
use crate::app::email_verification::require_verified_email;
use crate::app::invitation::limit_check;
use crate::app::member::require_member;
use crate::app::{App, AppError, Caller};
use crate::ports::outside::may_call;

/// The longest address, in characters.
const URL_MAX: usize = 2_048;

/// An endpoint being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointCreate {
    /// What it is for.
    pub name: String,
    /// Where messages are posted.
    pub url: String,
    /// What it is told of.
    pub event_types: Vec<String>,
    /// Whether `lead.delivered` brings the contact details.
    pub include_contact: bool,
}

/// An endpoint being changed; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUpdate {
    /// Which.
    pub endpoint: WebhookEndpointId,
    /// What it is for.
    pub name: Option<String>,
    /// Where messages are posted.
    pub url: Option<String>,
    /// What it is told of.
    pub event_types: Option<Vec<String>>,
    /// Whether `lead.delivered` brings the contact details.
    pub include_contact: Option<bool>,
}

/// The endpoints of the caller's organization, disabled ones too, oldest first.
pub async fn webhook_endpoints(app: &App, caller: &Caller, page: &Page<Uuid>) -> Result<Slice<WebhookEndpoint>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.webhook_endpoints(organization, page).await?)
}

/// Those of `ids` that are endpoints of the caller's organization, in no order.
pub async fn webhook_endpoints_many(
    app: &App,
    caller: &Caller,
    ids: &[WebhookEndpointId],
) -> Result<Vec<WebhookEndpoint>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.webhook_endpoints_many(organization, ids).await?)
}

/// Makes an endpoint for the caller's organization. The secret is in this answer and nowhere else.
pub async fn webhook_endpoint_create(
    app: &App,
    caller: &Caller,
    input: EndpointCreate,
) -> Result<(WebhookEndpoint, SecretString), AppError> {
    let (maker, organization, _) = require_member(caller, Permission::KeysWrite)?;
    require_verified_email(app, caller).await?;
    require_contact(caller, Some(input.include_contact))?;
    let (name, url, subscription) = checked(app, Some(&input.name), Some(&input.url), Some(&input.event_types))?;
    let (Some(name), Some(url), Some(subscription)) = (name, url, subscription) else {
        return Err(AppError::internal("an endpoint that was checked lacks a part"));
    };
    let (id, now) = (app.store.id(), app.now());
    let (secret, shown) = secret_make(app, id)?;
    let endpoint = WebhookEndpoint {
        id,
        organization,
        name,
        url,
        subscription,
        include_contact: input.include_contact,
        created_at: now,
        updated_at: now,
        disabled: None,
        breaker: Breaker::default(),
        version: 0,
    };
    let max = app.config.webhooks.endpoints_max;
    let made = app.store.write("webhook_endpoint_create", move |tx| {
        let (endpoint, secret) = (endpoint.clone(), secret.clone());
        async move {
            tx.organization_lock(organization).await?;
            limit_check(tx.webhook_endpoints_count(organization).await?, max, "webhook endpoints")?;
            tx.feed_consumer_make(CONSUMER).await?;
            // It is told of what happens from here on, by the clock of events.
            let now = tx.now().await?;
            let endpoint = WebhookEndpoint { created_at: now, updated_at: now, ..endpoint };
            tx.webhook_endpoint_insert(&endpoint, maker, secret).await?;
            Ok::<_, AppError>(endpoint)
        }
    });
    Ok((made.await?, shown))
}

/// Gives an endpoint another name, address or subscription. Another address is not held to what the one before did.
pub async fn webhook_endpoint_update(app: &App, caller: &Caller, input: EndpointUpdate) -> Result<WebhookEndpoint, AppError> {
    require_contact(caller, input.include_contact)?;
    let (name, url, subscription) = checked(app, input.name.as_deref(), input.url.as_deref(), input.event_types.as_deref())?;
    let change = |endpoint: WebhookEndpoint| {
        require_live(&endpoint)?;
        let moved = url.as_ref().is_some_and(|url| *url != endpoint.url);
        Ok(WebhookEndpoint {
            name: name.clone().unwrap_or(endpoint.name),
            url: url.clone().unwrap_or(endpoint.url),
            subscription: subscription.clone().unwrap_or(endpoint.subscription),
            include_contact: input.include_contact.unwrap_or(endpoint.include_contact),
            breaker: if moved { Breaker::default() } else { endpoint.breaker },
            ..endpoint
        })
    };
    changed(app, caller, "webhook_endpoint_update", input.endpoint, &change).await
}

/// Gives an endpoint another secret. The old one signs too for a while, so that the receiver can change in peace; one before it
/// ends at once.
pub async fn webhook_endpoint_rotate(
    app: &App,
    caller: &Caller,
    id: WebhookEndpointId,
) -> Result<(WebhookEndpoint, SecretString), AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    let (secret, shown) = secret_make(app, id)?;
    let overlap_secs = app.config.webhooks.secret_overlap_secs;
    let rotated = app.store.write("webhook_endpoint_rotate", move |tx| {
        let secret = secret.clone();
        async move {
            let endpoint = locked(&tx, organization, id).await?;
            require_live(&endpoint)?;
            let now = tx.now().await?;
            tx.webhook_secrets_end(id, plus_secs(now, overlap_secs)).await?;
            tx.webhook_secret_insert(secret).await?;
            Ok::<_, AppError>(tx.webhook_endpoint_save(WebhookEndpoint { updated_at: now, ..endpoint }).await?)
        }
    });
    Ok((rotated.await?, shown))
}

/// Lets an endpoint get nothing more; what waits for it is given up. Disabling it again changes nothing.
pub async fn webhook_endpoint_disable(app: &App, caller: &Caller, id: WebhookEndpointId) -> Result<WebhookEndpoint, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    app.store
        .write("webhook_endpoint_disable", move |tx| async move {
            let endpoint = locked(&tx, organization, id).await?;
            if endpoint.disabled.is_some() {
                return Ok(endpoint);
            }
            let now = tx.now().await?;
            tx.webhook_deliveries_end(id).await?;
            let endpoint = WebhookEndpoint { disabled: Some((now, DisabledFor::Owner)), updated_at: now, ..endpoint };
            Ok::<_, AppError>(tx.webhook_endpoint_save(endpoint).await?)
        })
        .await
}

/// Lets a disabled or paused endpoint get messages at once. What was given up meanwhile is sent by `webhook_replay`.
pub async fn webhook_endpoint_enable(app: &App, caller: &Caller, id: WebhookEndpointId) -> Result<WebhookEndpoint, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    let max = app.config.webhooks.endpoints_max;
    let enabled = app.store.write("webhook_endpoint_enable", move |tx| async move {
        tx.organization_lock(organization).await?;
        let endpoint = locked(&tx, organization, id).await?;
        if endpoint.disabled.is_some() {
            limit_check(tx.webhook_endpoints_count(organization).await?, max, "webhook endpoints")?;
        }
        let endpoint = WebhookEndpoint { disabled: None, breaker: Breaker::default(), updated_at: tx.now().await?, ..endpoint };
        Ok::<_, AppError>(tx.webhook_endpoint_save(endpoint).await?)
    });
    let enabled = enabled.await?;
    app.webhooks_due.notify_one();
    Ok(enabled)
}

/// Sends a test to an endpoint, whatever it subscribes to.
pub async fn webhook_endpoint_test(app: &App, caller: &Caller, id: WebhookEndpointId) -> Result<Delivery, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    let tested = app.store.write("webhook_endpoint_test", move |tx| async move {
        let endpoint = locked(&tx, organization, id).await?;
        require_live(&endpoint)?;
        let delivery = tx.id();
        let test = NewDelivery {
            id: delivery,
            endpoint: id,
            organization,
            event_type: EventType::WebhookTest,
            // Each test is an object of its own: it waits for nothing.
            object: delivery.to_string(),
            sequence: 1,
            data: json!({ "webhookEndpointId": id }),
            occurred_at: tx.now().await?,
            leased_until: None,
        };
        tx.webhook_deliveries_insert(&[test]).await?;
        Ok::<_, AppError>(tx.webhook_delivery(organization, delivery).await?)
    });
    let tested = tested.await?;
    app.webhooks_due.notify_one();
    Ok(tested)
}

async fn changed(
    app: &App,
    caller: &Caller,
    name: &'static str,
    id: WebhookEndpointId,
    change: &(impl Fn(WebhookEndpoint) -> Result<WebhookEndpoint, Refusal> + Sync),
) -> Result<WebhookEndpoint, AppError> {
    let (_, organization, _): (UserId, _, _) = require_member(caller, Permission::KeysWrite)?;
    let changed = app.store.write(name, |tx| async move {
        let endpoint = locked(&tx, organization, id).await?;
        let endpoint = WebhookEndpoint { updated_at: tx.now().await?, ..change(endpoint)? };
        Ok::<_, AppError>(tx.webhook_endpoint_save(endpoint).await?)
    });
    let changed = changed.await?;
    app.webhooks_due.notify_one();
    Ok(changed)
}

async fn locked(tx: &Tx, organization: OrganizationId, id: WebhookEndpointId) -> Result<WebhookEndpoint, AppError> {
    let none = || Refusal::not_found("webhookEndpointId", "webhook endpoint");
    Ok(tx.webhook_endpoint_lock(organization, id).await?.ok_or_else(none)?)
}

pub(super) fn require_live(endpoint: &WebhookEndpoint) -> Result<(), Refusal> {
    match endpoint.disabled {
        Some(_) => {
            let message = "the endpoint is disabled: `webhookEndpointEnable` lets it get messages again";
            Err(Refusal::new(Code::WrongState, message).at("webhookEndpointId"))
        }
        None => Ok(()),
    }
}

/// Whoever has contact details sent may look at them.
fn require_contact(caller: &Caller, include_contact: Option<bool>) -> Result<(), Refusal> {
    if include_contact == Some(true) { caller.principal.require(Permission::ContactsReveal).map(drop) } else { Ok(()) }
}

type Checked = (Option<String>, Option<String>, Option<Subscription>);

/// A name, an address and a subscription that can be kept, or everything that is wrong with them.
fn checked(app: &App, name: Option<&str>, url: Option<&str>, event_types: Option<&[String]>) -> Result<Checked, Vec<Refusal>> {
    let mut refused = Vec::new();
    let name = name.and_then(|name| name_of(name).map_err(|refusal| refused.push(refusal.at("name"))).ok());
    let insecure = app.config.webhooks.insecure;
    let url = url.and_then(|url| url_of(url, insecure).map_err(|refusal| refused.push(refusal.at("url"))).ok());
    let subscription =
        event_types.and_then(|types| Subscription::new(types).map_err(|refusal| refused.push(refusal.at("eventTypes"))).ok());
    if refused.is_empty() { Ok((name, url, subscription)) } else { Err(refused) }
}

/// An address that may be called: `https`, of the public net, without credentials in it. A name is looked at again whenever it
/// is resolved.
fn url_of(text: &str, insecure: bool) -> Result<String, Refusal> {
    let invalid = |message: &str| Err(Refusal::new(Code::Invalid, message));
    if text.chars().count() > URL_MAX {
        return Err(Refusal::new(Code::TooLarge, format!("at most {URL_MAX} characters")));
    }
    let Ok(url) = text.parse::<url::Url>() else { return invalid("an address such as `https://example.com/hooks`") };
    if url.scheme() != "https" && !(insecure && url.scheme() == "http") {
        return invalid("an `https` address");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return invalid("an address without a name and a password in it");
    }
    if !insecure && !may_call(&url) {
        return invalid("an address of the public net");
    }
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_over_tls_are_taken() {
        assert_eq!(url_of("https://Example.com/hooks?a=1", false).unwrap(), "https://example.com/hooks?a=1");
        for bad in [
            "http://example.com/",
            "ftp://example.com/",
            "https://u:p@example.com/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest",
            "https://2130706433/",
            "no address",
        ] {
            assert_eq!(url_of(bad, false).unwrap_err().code, Code::Invalid, "{bad}");
        }
        assert!(url_of("http://127.0.0.1:9/", true).is_ok());
        assert_eq!(url_of(&format!("https://example.com/{}", "x".repeat(URL_MAX)), true).unwrap_err().code, Code::TooLarge);
    }
}
