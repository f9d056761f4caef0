//! Bought leads on their way to where their buyer works.

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::Permission;
use domain::delivery::{AttemptOutcome, DeliveryState};
use domain::id::{DeliveryAttemptId, DeliveryId};
use domain::refusal::Refusal;
use serde::Deserialize;
use store::deliveries::{Delivery, DeliveryFilter};

use super::connection::{NodeConnection, connection, list_cost, page, page_cost};
use super::destination::{DeliveryHeader, DeliveryRequest};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::loader::{AttemptsOf, load};
use super::word::Word;
use super::{app, caller, permitted};
use crate::app::App;
use crate::app::deliveries::files::file_url;
use crate::app::deliveries::{self, AttemptView, Tested};
use crate::mutation_errors;

const NEWEST: &str = "deliveries:newest";
const LATEST: &str = "delivery.attempts:latest";

/// Queries of deliveries.
#[derive(Debug, Default)]
pub struct DeliveryQuery;

/// Mutations of deliveries.
#[derive(Debug, Default)]
pub struct DeliveryMutation;

mutation_errors!(DeliveryRetry: [Invalid, NotFound, WrongState]);
mutation_errors!(DeliveryTest: [Invalid, NotFound, WrongState, RateLimited]);

/// One bought lead on its way to one destination.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Delivery", complex)]
pub struct DeliveryObject {
    /// The id. Other systems get it as the idempotency key.
    pub id: ID,
    /// The trade that bought the lead.
    pub trade_id: ID,
    /// Where to.
    pub destination_id: ID,
    /// The campaign that bought it, if one did.
    pub campaign_id: Option<ID>,
    /// Where it stands.
    pub state: Word<DeliveryState>,
    /// Why it failed, was stopped, or is tried again.
    pub reason: Option<String>,
    /// The other side's id of the lead, where it tells one.
    pub external_id: Option<String>,
    /// Where the file is opened that the lead lies in, if it travelled in one. Whoever opens it sees contact details.
    pub file_url: Option<String>,
    /// How often it has failed since it was last begun.
    pub failures: i64,
    /// When it is tried next; null when it has ended.
    pub due_at: Option<DateTime<Utc>>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    raw: DeliveryId,
}

/// One attempt of a delivery, or one step of it.
#[derive(SimpleObject)]
pub struct DeliveryAttempt {
    /// What it came to.
    pub outcome: Word<AttemptOutcome>,
    /// The status of the answer, if there was one.
    pub status: Option<i64>,
    /// Why it came to that.
    pub reason: Option<String>,
    /// How long it took, in milliseconds.
    pub millis: i64,
    /// What was sent: secrets are `***`, and what tells the person is a mark such as `[phone]`.
    pub request: DeliveryRequest,
    /// The beginning of the answer. Null for those who may not see contact details, which it may repeat, and once the trade is refunded.
    pub answer: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// One step of a test.
#[derive(SimpleObject)]
pub struct DeliveryTestStep {
    /// What was sent, with secrets masked.
    pub request: DeliveryRequest,
    /// The status of the answer, if there was one.
    pub status: Option<i64>,
    /// The beginning of the answer.
    pub answer: Option<String>,
    /// How long it took, in milliseconds.
    pub millis: i64,
}

/// What a marked sample came to.
#[derive(SimpleObject)]
pub struct DeliveryTestResult {
    /// Its steps.
    #[graphql(complexity = "list_cost(2, child_complexity)")]
    pub steps: Vec<DeliveryTestStep>,
    /// What the last of them came to.
    pub outcome: Word<AttemptOutcome>,
    /// Why.
    pub reason: Option<String>,
    /// The other side's id of the sample, where it tells one.
    pub external_id: Option<String>,
}

/// Which deliveries.
#[derive(Debug, Default, InputObject)]
pub struct DeliveryFilterInput {
    /// Only those in this state.
    pub state: Option<Word<DeliveryState>>,
    /// Only those to this destination.
    pub destination_id: Option<ID>,
    /// Only those of this campaign.
    pub campaign_id: Option<ID>,
    /// Only those of this trade.
    pub trade_id: Option<ID>,
}

/// A delivery to try again.
#[derive(Debug, InputObject)]
pub struct DeliveryRetryInput {
    /// Which: one that failed, or one that waits.
    pub delivery_id: ID,
}

/// A destination to try out.
#[derive(Debug, InputObject)]
pub struct DeliveryTestInput {
    /// Which.
    pub destination_id: ID,
}

/// The answer of `deliveryRetry`.
#[derive(Debug, SimpleObject)]
pub struct DeliveryRetryPayload {
    /// The delivery as it is now.
    pub delivery: Option<DeliveryObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<DeliveryRetry>>,
}

/// The answer of `deliveryTest`.
#[derive(SimpleObject)]
pub struct DeliveryTestPayload {
    /// What the sample came to.
    pub result: Option<DeliveryTestResult>,
    /// What was wrong.
    pub user_errors: Vec<UserError<DeliveryTest>>,
}

impl DeliveryObject {
    /// As its buyer sees it.
    pub(super) fn new(app: &App, delivery: Delivery) -> Self {
        Self {
            id: to_id(delivery.id),
            trade_id: to_id(delivery.trade),
            destination_id: to_id(delivery.destination),
            campaign_id: delivery.campaign.map(to_id),
            state: delivery.state.into(),
            reason: delivery.reason,
            external_id: delivery.external_id,
            file_url: delivery.file.map(|file| file_url(app, file)),
            failures: delivery.failed,
            due_at: (delivery.state == DeliveryState::Waiting).then_some(delivery.due_at),
            created_at: delivery.created_at,
            ended_at: delivery.ended_at,
            raw: delivery.id,
        }
    }
}

#[ComplexObject]
impl DeliveryObject {
    /// Its attempts, the latest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn attempts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<DeliveryAttempt>> {
        let page = page::<DeliveryAttemptId>(LATEST, first, after.as_deref()).map_err(top_level)?;
        let has_previous = page.after.is_some();
        let slice = answer(ctx, load(ctx, AttemptsOf(self.raw, page)).await)?.unwrap_or_default();
        Ok(connection(LATEST, slice, has_previous, |view| view.attempt.id, DeliveryAttempt::from))
    }
}

/// A request as it is kept.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Kept {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl From<AttemptView> for DeliveryAttempt {
    fn from(AttemptView { attempt, answer }: AttemptView) -> Self {
        let Kept { method, target, headers, body } = serde_json::from_value(attempt.request).unwrap_or_default();
        let headers = headers.into_iter().map(|(name, value)| DeliveryHeader { name, value }).collect();
        Self {
            outcome: attempt.outcome.into(),
            status: attempt.status,
            reason: attempt.reason,
            millis: attempt.millis,
            request: DeliveryRequest { method, target, headers, body },
            answer,
            at: attempt.at,
        }
    }
}

impl From<Tested> for DeliveryTestResult {
    fn from(Tested { steps, outcome, reason, external_id }: Tested) -> Self {
        let step = |step: deliveries::TestStep| DeliveryTestStep {
            request: step.request.into(),
            status: step.status.map(i64::from),
            answer: step.answer,
            millis: i64::try_from(step.millis).unwrap_or(i64::MAX),
        };
        Self { steps: steps.into_iter().map(step).collect(), outcome: outcome.into(), reason, external_id }
    }
}

impl DeliveryFilterInput {
    fn parse(self) -> Result<DeliveryFilter, Refusal> {
        let at = |field: &'static str| move |refusal: Refusal| refusal.at(field);
        Ok(DeliveryFilter {
            state: self.state.map(|word| word.0),
            destination: self.destination_id.map(|id| parse_id(&id, "destinationId")).transpose().map_err(at("filter"))?,
            campaign: self.campaign_id.map(|id| parse_id(&id, "campaignId")).transpose().map_err(at("filter"))?,
            trade: self.trade_id.map(|id| parse_id(&id, "tradeId")).transpose().map_err(at("filter"))?,
        })
    }
}

#[Object]
impl DeliveryQuery {
    /// The deliveries of the caller's organization, the youngest first. Needs `trades:read`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<DeliveryFilterInput>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<DeliveryObject>> {
        let found = async {
            let filter = permitted(ctx, Permission::TradesRead, filter.unwrap_or_default().parse())?;
            let page = page::<DeliveryId>(NEWEST, first, after.as_deref())?;
            deliveries::deliveries(app(ctx), caller(ctx), &filter, &page).await
        };
        let slice = answer(ctx, found.await)?;
        let shown = |delivery| DeliveryObject::new(app(ctx), delivery);
        Ok(connection(NEWEST, slice, after.is_some(), |delivery: &Delivery| delivery.id, shown))
    }
}

#[Object]
impl DeliveryMutation {
    /// Tries a delivery that failed once more, or one that waits at once. What it has done so far it does not repeat. Needs `outcomes:write`.
    async fn delivery_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DeliveryRetryInput,
    ) -> async_graphql::Result<DeliveryRetryPayload> {
        let result = match permitted(ctx, Permission::OutcomesWrite, parse_id(&input.delivery_id, "deliveryId")) {
            Ok(id) => deliveries::delivery_retry(app(ctx), caller(ctx), id).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (delivery, user_errors) = settle(ctx, result)?;
        Ok(DeliveryRetryPayload { delivery: delivery.map(|delivery| DeliveryObject::new(app(ctx), delivery)), user_errors })
    }

    /// Sends a marked sample of a lead to a destination at once, and answers what was sent and what came back. Needs `keys:write`.
    async fn delivery_test(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DeliveryTestInput,
    ) -> async_graphql::Result<DeliveryTestPayload> {
        let result = match permitted(ctx, Permission::KeysWrite, parse_id(&input.destination_id, "destinationId")) {
            Ok(id) => deliveries::delivery_test(app(ctx), caller(ctx), id).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (tested, user_errors) = settle(ctx, result)?;
        Ok(DeliveryTestPayload { result: tested.map(DeliveryTestResult::from), user_errors })
    }
}
