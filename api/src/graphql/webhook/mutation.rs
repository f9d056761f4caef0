//! Endpoints made, changed, tested and ended, and messages sent again.

use async_graphql::{Context, Object, SimpleObject};
use domain::refusal::Refusal;
use secrecy::ExposeSecret;

use super::super::error::{UserError, settle};
use super::super::id::parse_id;
use super::super::{app, caller};
use super::delivery::WebhookDeliveryObject;
use super::endpoint::WebhookEndpointObject;
use super::input::{
    WebhookEndpointCreateInput, WebhookEndpointDisableInput, WebhookEndpointEnableInput, WebhookEndpointRotateSecretInput,
    WebhookEndpointTestInput, WebhookEndpointUpdateInput, WebhookReplayInput, WebhookReplayRangeInput,
};
use crate::app::AppError;
use crate::app::webhooks::{self, EndpointCreate, EndpointUpdate, Replay, ReplayRange};
use crate::mutation_errors;

/// Mutations of webhooks.
#[derive(Debug, Default)]
pub struct WebhookMutation;

mutation_errors!(WebhookEndpointCreate: [Invalid, Required, TooLarge, LimitReached]);
mutation_errors!(WebhookEndpointUpdate: [Invalid, Required, TooLarge, NotFound, WrongState]);
mutation_errors!(WebhookEndpointRotateSecret: [Invalid, NotFound, WrongState]);
mutation_errors!(WebhookEndpointDisable: [Invalid, NotFound]);
mutation_errors!(WebhookEndpointEnable: [Invalid, NotFound, LimitReached]);
mutation_errors!(WebhookEndpointTest: [Invalid, NotFound, WrongState]);
mutation_errors!(WebhookReplay: [Invalid, Required, NotFound, WrongState]);

/// The answer of `webhookEndpointCreate`.
#[derive(SimpleObject)]
pub struct WebhookEndpointCreatePayload {
    /// The endpoint.
    pub webhook_endpoint: Option<WebhookEndpointObject>,
    /// The secret that signs, as every library of Standard Webhooks takes it. It is shown this once.
    pub secret: Option<String>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WebhookEndpointCreate>>,
}

/// The answer of `webhookEndpointUpdate`.
#[derive(Debug, SimpleObject)]
pub struct WebhookEndpointUpdatePayload {
    /// The endpoint as it is now.
    pub webhook_endpoint: Option<WebhookEndpointObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WebhookEndpointUpdate>>,
}

/// The answer of `webhookEndpointRotateSecret`.
#[derive(SimpleObject)]
pub struct WebhookEndpointRotateSecretPayload {
    /// The endpoint as it is now.
    pub webhook_endpoint: Option<WebhookEndpointObject>,
    /// The new secret. It is shown this once.
    pub secret: Option<String>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WebhookEndpointRotateSecret>>,
}

/// The answer of `webhookEndpointDisable`.
#[derive(Debug, SimpleObject)]
pub struct WebhookEndpointDisablePayload {
    /// The endpoint as it is now.
    pub webhook_endpoint: Option<WebhookEndpointObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WebhookEndpointDisable>>,
}

/// The answer of `webhookEndpointEnable`.
#[derive(Debug, SimpleObject)]
pub struct WebhookEndpointEnablePayload {
    /// The endpoint as it is now.
    pub webhook_endpoint: Option<WebhookEndpointObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WebhookEndpointEnable>>,
}

/// The answer of `webhookEndpointTest`.
#[derive(Debug, SimpleObject)]
pub struct WebhookEndpointTestPayload {
    /// The message. `webhookAttempts` tells what came of it.
    pub webhook_delivery: Option<WebhookDeliveryObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WebhookEndpointTest>>,
}

/// The answer of `webhookReplay`.
#[derive(Debug, SimpleObject)]
pub struct WebhookReplayPayload {
    /// How many messages are sent again.
    pub replayed: Option<u64>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WebhookReplay>>,
}

#[Object]
impl WebhookMutation {
    /// Makes an address to which messages are posted. Its secret is shown in this answer and never again.
    async fn webhook_endpoint_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WebhookEndpointCreateInput,
    ) -> async_graphql::Result<WebhookEndpointCreatePayload> {
        let WebhookEndpointCreateInput { name, url, event_types, include_contact } = input;
        let new = EndpointCreate { name, url, event_types, include_contact };
        let (made, user_errors) = settle(ctx, webhooks::webhook_endpoint_create(app(ctx), caller(ctx), new).await)?;
        let (webhook_endpoint, secret) =
            made.map(|(endpoint, secret)| (endpoint.into(), secret.expose_secret().to_owned())).unzip();
        Ok(WebhookEndpointCreatePayload { webhook_endpoint, secret, user_errors })
    }

    /// Gives an endpoint another name, address or subscription.
    async fn webhook_endpoint_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WebhookEndpointUpdateInput,
    ) -> async_graphql::Result<WebhookEndpointUpdatePayload> {
        let result = match parse_id(&input.webhook_endpoint_id, "webhookEndpointId") {
            Ok(endpoint) => {
                let WebhookEndpointUpdateInput { webhook_endpoint_id: _, name, url, event_types, include_contact } = input;
                let change = EndpointUpdate { endpoint, name, url, event_types, include_contact };
                webhooks::webhook_endpoint_update(app(ctx), caller(ctx), change).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (endpoint, user_errors) = settle(ctx, result)?;
        Ok(WebhookEndpointUpdatePayload { webhook_endpoint: endpoint.map(Into::into), user_errors })
    }

    /// Gives an endpoint another secret. The old one signs too for a while, a day by default: both signatures stand in the
    /// header, so that a receiver which knows either takes the message.
    async fn webhook_endpoint_rotate_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WebhookEndpointRotateSecretInput,
    ) -> async_graphql::Result<WebhookEndpointRotateSecretPayload> {
        let result = match parse_id(&input.webhook_endpoint_id, "webhookEndpointId") {
            Ok(id) => webhooks::webhook_endpoint_rotate(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (rotated, user_errors) = settle(ctx, result)?;
        let (webhook_endpoint, secret) =
            rotated.map(|(endpoint, secret)| (endpoint.into(), secret.expose_secret().to_owned())).unzip();
        Ok(WebhookEndpointRotateSecretPayload { webhook_endpoint, secret, user_errors })
    }

    /// Lets an endpoint get nothing more; what waits for it is given up.
    async fn webhook_endpoint_disable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WebhookEndpointDisableInput,
    ) -> async_graphql::Result<WebhookEndpointDisablePayload> {
        let result = match parse_id(&input.webhook_endpoint_id, "webhookEndpointId") {
            Ok(id) => webhooks::webhook_endpoint_disable(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (endpoint, user_errors) = settle(ctx, result)?;
        Ok(WebhookEndpointDisablePayload { webhook_endpoint: endpoint.map(Into::into), user_errors })
    }

    /// Lets a disabled or paused endpoint get messages at once. What was given up meanwhile is sent by `webhookReplay`.
    async fn webhook_endpoint_enable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WebhookEndpointEnableInput,
    ) -> async_graphql::Result<WebhookEndpointEnablePayload> {
        let result = match parse_id(&input.webhook_endpoint_id, "webhookEndpointId") {
            Ok(id) => webhooks::webhook_endpoint_enable(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (endpoint, user_errors) = settle(ctx, result)?;
        Ok(WebhookEndpointEnablePayload { webhook_endpoint: endpoint.map(Into::into), user_errors })
    }

    /// Sends a `webhook.test` to an endpoint, whatever it is told of otherwise.
    async fn webhook_endpoint_test(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WebhookEndpointTestInput,
    ) -> async_graphql::Result<WebhookEndpointTestPayload> {
        let result = match parse_id(&input.webhook_endpoint_id, "webhookEndpointId") {
            Ok(id) => webhooks::webhook_endpoint_test(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (delivery, user_errors) = settle(ctx, result)?;
        Ok(WebhookEndpointTestPayload { webhook_delivery: delivery.map(Into::into), user_errors })
    }

    /// Sends messages again under the ids that they have, so that a receiver which got one knows it again.
    async fn webhook_replay(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WebhookReplayInput,
    ) -> async_graphql::Result<WebhookReplayPayload> {
        let result = match replay_of(input) {
            Ok(of) => webhooks::webhook_replay(app(ctx), caller(ctx), of).await,
            Err(refusal) => Err(AppError::from(refusal)),
        };
        let (replayed, user_errors) = settle(ctx, result)?;
        Ok(WebhookReplayPayload { replayed, user_errors })
    }
}

fn replay_of(input: WebhookReplayInput) -> Result<Replay, Refusal> {
    let delivery = input.webhook_delivery_id.map(|id| parse_id(&id, "webhookDeliveryId")).transpose()?;
    let range = |range: WebhookReplayRangeInput| {
        let endpoint = parse_id(&range.webhook_endpoint_id, "webhookEndpointId").map_err(|refusal| refusal.at("range"))?;
        Ok::<_, Refusal>(ReplayRange { endpoint, from: range.from, until: range.until, state: range.state.map(|state| state.0) })
    };
    Ok(Replay { delivery, range: input.range.map(range).transpose()? })
}
