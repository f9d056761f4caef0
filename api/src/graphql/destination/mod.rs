//! Where bought leads are brought.

mod core;
mod http;
pub mod input;
mod oauth;
mod system;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::Permission;
use domain::delivery::{DestinationKind, FilePlan};
use domain::id::DestinationId;
use domain::refusal::Refusal;
use gateways::crm::Shown;
use store::destinations::Destination;
use uuid::Uuid;

use input::{DestinationCreateInput, DestinationDisableInput, DestinationEnableInput, DestinationInput, DestinationUpdateInput};
use oauth::DestinationOauth;

use super::connection::{NodeConnection, connection, list_cost, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::loader::{TokenOf, load};
use super::word::Word;
use super::{app, caller, permitted};
use crate::app::destinations;

const OLDEST: &str = "destinations:oldest";

mod codes {
    use crate::mutation_errors;

    mutation_errors!(DestinationCreate: [Invalid, Required, TooLarge, LimitReached]);
    mutation_errors!(DestinationUpdate: [Invalid, Required, TooLarge, NotFound]);
    mutation_errors!(DestinationDisable: [Invalid, NotFound]);
    mutation_errors!(DestinationEnable: [Invalid, NotFound, LimitReached]);
}

/// Queries of destinations.
#[derive(Debug, Default)]
pub struct DestinationQuery;

/// Mutations of destinations.
#[derive(Debug, Default)]
pub struct DestinationMutation;

/// When the files of a destination are written.
#[derive(Debug, SimpleObject)]
pub struct DestinationSchedule {
    /// At which full hours, 0 to 23.
    pub hours: Vec<u32>,
    /// On which clock.
    pub time_zone: String,
    /// Addresses that get a mail with a link to each file.
    pub notify: Vec<String>,
}

impl From<FilePlan> for DestinationSchedule {
    fn from(plan: FilePlan) -> Self {
        Self { hours: plan.schedule.hours().to_vec(), time_zone: plan.schedule.zone().to_owned(), notify: plan.notify }
    }
}

/// Where bought leads are brought, without its secrets.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Destination", complex)]
pub struct DestinationObject {
    #[graphql(skip)]
    destination: DestinationId,
    /// The id.
    pub id: ID,
    /// What its buyer calls it.
    pub name: String,
    /// The system.
    pub kind: Word<DestinationKind>,
    /// How it is reached and what it is given, as JSON. It holds no secret.
    pub settings: String,
    /// When its files are written; null unless it is of CSV files.
    pub schedule: Option<DestinationSchedule>,
    /// The names of its secrets. What they are is never shown again.
    pub secret_names: Vec<String>,
    /// Whether leads go there that no campaign sends elsewhere.
    pub is_default: bool,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// The last change.
    pub updated_at: DateTime<Utc>,
    /// Since when nothing is brought there any more.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why not.
    pub disabled_reason: Option<String>,
}

impl From<Destination> for DestinationObject {
    fn from(destination: Destination) -> Self {
        Self {
            destination: destination.id,
            id: to_id(destination.id),
            name: destination.name,
            kind: destination.kind.into(),
            settings: destination.settings.to_string(),
            schedule: destination.plan.map(DestinationSchedule::from),
            secret_names: destination.secret_names,
            is_default: destination.is_default,
            created_at: destination.created_at,
            updated_at: destination.updated_at,
            disabled_at: destination.disabled_at,
            disabled_reason: destination.disabled_reason,
        }
    }
}

#[ComplexObject]
impl DestinationObject {
    /// How it stands with its access token; null unless it is reached by OAuth.
    async fn oauth(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DestinationOauth>> {
        Ok(answer(ctx, load(ctx, TokenOf(self.destination)).await)?.map(DestinationOauth::from))
    }
}

/// A header of a request.
#[derive(Debug, SimpleObject)]
pub struct DeliveryHeader {
    /// Its name, or that of a column.
    pub name: String,
    /// Its value; a secret is `***`.
    pub value: String,
}

/// A request, a mail or a row, without secrets.
#[derive(SimpleObject)]
pub struct DeliveryRequest {
    /// `POST` and so on, `MAIL`, or `ROW`.
    pub method: String,
    /// The address, or the recipients.
    pub target: String,
    /// Headers in their order; of a row its columns.
    #[graphql(complexity = "list_cost(3, child_complexity)")]
    pub headers: Vec<DeliveryHeader>,
    /// The body as text.
    pub body: String,
}

impl From<Shown> for DeliveryRequest {
    fn from(Shown { method, target, headers, body }: Shown) -> Self {
        let headers = headers.into_iter().map(|(name, value)| DeliveryHeader { name, value }).collect();
        Self { method, target, headers, body }
    }
}

/// Something wrong with a destination's settings.
#[derive(Debug, SimpleObject)]
pub struct DestinationProblem {
    /// What is wrong and what would be right.
    pub message: String,
    /// Where in the input: field names and list indexes, outermost first.
    pub path: Vec<String>,
}

/// What a sample of a lead would become.
#[derive(SimpleObject)]
pub struct DestinationPreview {
    /// What would be sent, step by step; nothing when it could not be made.
    #[graphql(complexity = "list_cost(2, child_complexity)")]
    pub steps: Vec<DeliveryRequest>,
    /// Everything wrong with the settings. With problems it cannot be made.
    #[graphql(complexity = "list_cost(3, child_complexity)")]
    pub problems: Vec<DestinationProblem>,
}

/// Declares the answer of a mutation of one destination.
macro_rules! payload {
    ($(#[doc = $doc:literal])* $name:ident, $codes:ident) => {
        $(#[doc = $doc])*
        #[derive(Debug, SimpleObject)]
        pub struct $name {
            /// The destination as it is now.
            pub destination: Option<DestinationObject>,
            /// What is wrong with the input.
            pub user_errors: Vec<UserError<codes::$codes>>,
        }
    };
}

payload!(
    /// The answer of `destinationCreate`.
    DestinationCreatePayload, DestinationCreate
);
payload!(
    /// The answer of `destinationUpdate`.
    DestinationUpdatePayload, DestinationUpdate
);
payload!(
    /// The answer of `destinationDisable`.
    DestinationDisablePayload, DestinationDisable
);
payload!(
    /// The answer of `destinationEnable`.
    DestinationEnablePayload, DestinationEnable
);

#[Object]
impl DestinationQuery {
    /// The destinations of the caller's organization, disabled ones too, oldest first. Needs `members:read`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn destinations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<DestinationObject>> {
        let page = page::<Uuid>(OLDEST, first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, destinations::destinations(app(ctx), caller(ctx), &page).await)?;
        Ok(connection(OLDEST, slice, page.after.is_some(), |row| row.id.0, DestinationObject::from))
    }

    /// What a sample of a lead would become at a destination, with every secret masked, and everything that is wrong with its settings. Nothing
    /// is kept or sent. Needs `keys:write`.
    async fn destination_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What `destinationCreate` takes as `destination`.")] input: DestinationInput,
    ) -> async_graphql::Result<DestinationPreview> {
        let found = async {
            let settings = permitted(ctx, Permission::KeysWrite, input.parse())?;
            destinations::destination_preview(app(ctx), caller(ctx), settings).await
        };
        let destinations::DestinationPreview { steps, problems } = answer(ctx, found.await)?;
        let problem = |Refusal { message, path, .. }: Refusal| DestinationProblem { message, path };
        Ok(DestinationPreview {
            steps: steps.into_iter().map(DeliveryRequest::from).collect(),
            problems: problems.into_iter().map(problem).collect(),
        })
    }
}

#[Object]
impl DestinationMutation {
    /// Makes a destination, to which campaigns can send their leads. Its secrets are sealed and never shown again. Needs `keys:write`.
    async fn destination_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DestinationCreateInput,
    ) -> async_graphql::Result<DestinationCreatePayload> {
        let result = match permitted(ctx, Permission::KeysWrite, input.parse()) {
            Ok(input) => destinations::destination_create(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (destination, user_errors) = settle(ctx, result)?;
        Ok(DestinationCreatePayload { destination: destination.map(DestinationObject::from), user_errors })
    }

    /// Changes a destination; what waits for it is tried at once. Needs `keys:write`.
    async fn destination_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DestinationUpdateInput,
    ) -> async_graphql::Result<DestinationUpdatePayload> {
        let result = match permitted(ctx, Permission::KeysWrite, input.parse()) {
            Ok(input) => destinations::destination_update(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (destination, user_errors) = settle(ctx, result)?;
        Ok(DestinationUpdatePayload { destination: destination.map(DestinationObject::from), user_errors })
    }

    /// Lets nothing more be brought to a destination, and gives up what waits for it. Needs `keys:write`.
    async fn destination_disable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DestinationDisableInput,
    ) -> async_graphql::Result<DestinationDisablePayload> {
        let result = match permitted(ctx, Permission::KeysWrite, parse_id(&input.destination_id, "destinationId")) {
            Ok(id) => destinations::destination_disable(app(ctx), caller(ctx), id).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (destination, user_errors) = settle(ctx, result)?;
        Ok(DestinationDisablePayload { destination: destination.map(DestinationObject::from), user_errors })
    }

    /// Lets leads be brought to a destination again. What was given up meanwhile is resent with `deliveryRetry`. Needs `keys:write`.
    async fn destination_enable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DestinationEnableInput,
    ) -> async_graphql::Result<DestinationEnablePayload> {
        let result = match permitted(ctx, Permission::KeysWrite, parse_id(&input.destination_id, "destinationId")) {
            Ok(id) => destinations::destination_enable(app(ctx), caller(ctx), id).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (destination, user_errors) = settle(ctx, result)?;
        Ok(DestinationEnablePayload { destination: destination.map(DestinationObject::from), user_errors })
    }
}
