//! Endpoints, messages and attempts to be read.

use async_graphql::{Context, ID, Object};
use domain::id::WebhookDeliveryId;
use domain::refusal::Refusal;
use domain::webhook::{EventType, WebhookDeliveryState};
use store::webhooks::DeliveryFilter;
use uuid::Uuid;

use super::super::connection::{NodeConnection, connection, list_cost, page, page_cost};
use super::super::error::{answer, top_level};
use super::super::id::parse_id;
use super::super::word::Word;
use super::super::{app, caller};
use super::delivery::{WebhookAttemptObject, WebhookDeliveryObject};
use super::endpoint::{WebhookEndpointObject, WebhookEventKind};
use crate::app::webhooks;

/// Queries about webhooks.
#[derive(Debug, Default)]
pub struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// Everything of which an endpoint can be told.
    #[graphql(complexity = "list_cost(30, child_complexity)")]
    async fn webhook_event_types(&self) -> Vec<WebhookEventKind> {
        EventType::ALL.iter().map(|event_type| WebhookEventKind::from(*event_type)).collect()
    }

    /// The endpoints of the caller's organization, disabled ones too, oldest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn webhook_endpoints(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<WebhookEndpointObject>> {
        let page = page::<Uuid>("webhookEndpoints:oldest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, webhooks::webhook_endpoints(app(ctx), caller(ctx), &page).await)?;
        let has_previous = page.after.is_some();
        Ok(connection("webhookEndpoints:oldest", slice, has_previous, |row| row.id.0, WebhookEndpointObject::from))
    }

    /// The messages to the caller's organization, newest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those to this endpoint.")] webhook_endpoint_id: Option<ID>,
        #[graphql(desc = "Only those that stand so.")] state: Option<Word<WebhookDeliveryState>>,
        #[graphql(desc = "Only those of this type, such as `trade.released`.")] event_type: Option<String>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<WebhookDeliveryObject>> {
        let endpoint = webhook_endpoint_id.map(|id| parse_id(&id, "webhookEndpointId")).transpose().map_err(top_level)?;
        let unknown = |_| top_level(Refusal::invalid("eventType", "an event type such as `trade.released`"));
        let event_type: Option<EventType> = event_type.map(|text| text.parse().map_err(unknown)).transpose()?;
        let filter = DeliveryFilter { endpoint, state: state.map(|state| state.0), event_type };
        let page = page::<Uuid>("webhookDeliveries:newest", first, after.as_deref()).map_err(top_level)?;
        let page = store::page::Page { first: page.first, after: page.after.map(WebhookDeliveryId) };
        let slice = answer(ctx, webhooks::webhook_deliveries(app(ctx), caller(ctx), filter, &page).await)?;
        let has_previous = page.after.is_some();
        Ok(connection("webhookDeliveries:newest", slice, has_previous, |row| row.id.0, WebhookDeliveryObject::from))
    }

    /// The attempts to deliver a message, the latest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn webhook_attempts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The message.")] webhook_delivery_id: ID,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<WebhookAttemptObject>> {
        let delivery = parse_id(&webhook_delivery_id, "webhookDeliveryId").map_err(top_level)?;
        let page = page::<i64>("webhookAttempts:latest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, webhooks::webhook_attempts(app(ctx), caller(ctx), delivery, &page).await)?;
        let has_previous = page.after.is_some();
        Ok(connection("webhookAttempts:latest", slice, has_previous, |row| row.attempt, WebhookAttemptObject::from))
    }
}
