//! Client cards.

use async_graphql::{ComplexObject, Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::client::{ClientCard, ClientEntryKind, MAX_FIELDS};
use domain::id::{ClientEntryId, ClientId, TradeId, UserId};
use domain::refusal::{Code, Refusal};

use super::app;
use super::connection::{NodeConnection, connection, list_cost, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::loader::{HistoryOf, load};
use super::outcome::{agent, worker};
use super::word::Word;
use crate::app::AppError;
use crate::app::client::{self, AgentChange, ClientEntryView, ClientView};
use crate::mutation_errors;

const NEWEST: &str = "clients:newest";
const HISTORY: &str = "client.entries:newest";

mutation_errors!(ClientCreate: [Invalid, Required, TooLarge, NotFound, WrongState, Taken]);
mutation_errors!(ClientUpdate: [Invalid, Required, TooLarge, NotFound, WrongState, Conflict]);
mutation_errors!(ClientNoteAdd: [Invalid, Required, TooLarge, NotFound, WrongState]);

/// Queries about clients.
#[derive(Debug, Default)]
pub struct ClientQuery;

/// Mutations of clients.
#[derive(Debug, Default)]
pub struct ClientMutation;

/// A client of the caller's organization, made from a lead that converted. What the card and its history say of the person is
/// destroyed when the trade is refunded, and when the person is erased or withdraws consent.
#[derive(SimpleObject)]
#[graphql(complex, name = "Client")]
pub struct ClientObject {
    /// The id.
    pub id: ID,
    /// The trade that brought the lead.
    pub trade_id: ID,
    /// The lead.
    pub lead_id: ID,
    /// The name; null, like everything else about the person, once it was destroyed.
    pub name: Option<String>,
    /// The phone.
    pub phone: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The postal address.
    pub address: Option<String>,
    /// The company, of a business client.
    pub company: Option<String>,
    /// The organization's own number for this client.
    pub reference: Option<String>,
    /// The organization's own fields.
    #[graphql(complexity = "list_cost(5, child_complexity)")]
    pub fields: Vec<ClientField>,
    /// When what the card and its history say of the person was destroyed; null while it is there.
    pub erased_at: Option<DateTime<Utc>>,
    /// The agent responsible.
    pub agent_id: Option<ID>,
    /// When the card was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// How often it was changed; `clientUpdate` takes it back.
    pub version: i32,
    #[graphql(skip)]
    raw: ClientId,
}

/// A field of the organization's own.
#[derive(SimpleObject)]
pub struct ClientField {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// An entry of a client's history.
#[derive(SimpleObject)]
pub struct ClientEntry {
    /// The id.
    pub id: ID,
    /// What it is.
    pub kind: Word<ClientEntryKind>,
    /// The note; the lead that the card was made of; or the card before the change, as JSON. Null once it was destroyed.
    pub text: Option<String>,
    /// Who wrote it, if a person did.
    pub recorded_by: Option<ID>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A field of the organization's own.
#[derive(InputObject)]
pub struct ClientFieldInput {
    /// Its name; at most 200 characters.
    pub key: String,
    /// Its value; at most 200 characters.
    pub value: String,
}

/// A card. Each value has at most 200 characters.
#[derive(InputObject)]
pub struct ClientCardInput {
    /// The name.
    pub name: String,
    /// The phone.
    pub phone: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The postal address.
    pub address: Option<String>,
    /// The company, of a business client.
    pub company: Option<String>,
    /// The organization's own number for this client.
    pub reference: Option<String>,
    /// Fields of the organization's own; at most 40.
    #[graphql(default)]
    pub fields: Vec<ClientFieldInput>,
}

/// A client to be made.
#[derive(InputObject)]
pub struct ClientCreateInput {
    /// The trade whose lead converted.
    pub trade_id: ID,
    /// What the card holds; the lead's contact when absent, which needs `contacts:reveal` and is recorded as a look at it.
    pub card: Option<ClientCardInput>,
    /// The agent responsible; the caller when absent.
    pub agent_id: Option<ID>,
}

/// A card to be replaced.
#[derive(InputObject)]
pub struct ClientUpdateInput {
    /// The client.
    pub client_id: ID,
    /// The whole card from now on.
    pub card: ClientCardInput,
    /// The agent responsible from now on: as before when absent, nobody when null.
    pub agent_id: MaybeUndefined<ID>,
    /// The version of the card that was read.
    pub version: i32,
}

/// Something to be written down.
#[derive(InputObject)]
pub struct ClientNoteAddInput {
    /// The client.
    pub client_id: ID,
    /// The note; at most 500 characters.
    pub text: String,
}

/// The answer of `clientCreate`.
#[derive(SimpleObject)]
pub struct ClientCreatePayload {
    /// The client.
    pub client: Option<ClientObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ClientCreate>>,
}

/// The answer of `clientUpdate`.
#[derive(SimpleObject)]
pub struct ClientUpdatePayload {
    /// The client.
    pub client: Option<ClientObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ClientUpdate>>,
}

/// The answer of `clientNoteAdd`.
#[derive(SimpleObject)]
pub struct ClientNoteAddPayload {
    /// The client.
    pub client: Option<ClientObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ClientNoteAdd>>,
}

#[ComplexObject]
impl ClientObject {
    /// The history, newest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<ClientEntry>> {
        let page = page::<ClientEntryId>(HISTORY, first, after.as_deref()).map_err(top_level)?;
        let has_previous = page.after.is_some();
        let slice = answer(ctx, load(ctx, HistoryOf(self.raw, page)).await)?.unwrap_or_default();
        Ok(connection(HISTORY, slice, has_previous, |entry| entry.id, ClientEntry::from))
    }
}

impl From<ClientView> for ClientObject {
    fn from(view: ClientView) -> Self {
        let ClientView { client, card, erased_at } = view;
        let raw = client.id;
        let name = card.as_ref().map(|card| card.name.clone());
        let card = card.unwrap_or_default();
        Self {
            id: to_id(client.id),
            trade_id: to_id(client.trade),
            lead_id: to_id(client.lead),
            name,
            phone: card.phone,
            email: card.email,
            address: card.address,
            company: card.company,
            reference: card.reference,
            erased_at,
            fields: card.fields.into_iter().map(|(key, value)| ClientField { key, value }).collect(),
            agent_id: client.agent.map(to_id),
            created_at: client.created_at,
            updated_at: client.updated_at,
            version: i32::try_from(client.version).unwrap_or(i32::MAX),
            raw,
        }
    }
}

impl From<ClientEntryView> for ClientEntry {
    fn from(entry: ClientEntryView) -> Self {
        Self {
            id: to_id(entry.id),
            kind: entry.kind.into(),
            text: entry.text,
            recorded_by: entry.recorded_by.map(to_id),
            at: entry.at,
        }
    }
}

impl ClientCardInput {
    fn parse(self) -> Result<ClientCard, Refusal> {
        if self.fields.len() > MAX_FIELDS {
            return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_FIELDS} fields")).at("fields").at("card"));
        }
        Ok(ClientCard {
            name: self.name,
            phone: self.phone,
            email: self.email,
            address: self.address,
            company: self.company,
            reference: self.reference,
            fields: self.fields.into_iter().map(|field| (field.key, field.value)).collect(),
        })
    }
}

impl ClientCreateInput {
    fn parse(self) -> Result<(TradeId, Option<ClientCard>, Option<UserId>), Refusal> {
        let card = self.card.map(ClientCardInput::parse).transpose()?;
        Ok((parse_id(&self.trade_id, "tradeId")?, card, agent(self.agent_id.as_ref())?))
    }
}

impl ClientUpdateInput {
    fn parse(self) -> Result<(ClientId, ClientCard, AgentChange), Refusal> {
        let change = match &self.agent_id {
            MaybeUndefined::Undefined => AgentChange::Keep,
            MaybeUndefined::Null => AgentChange::Set(None),
            MaybeUndefined::Value(id) => AgentChange::Set(agent(Some(id))?),
        };
        Ok((parse_id(&self.client_id, "clientId")?, self.card.parse()?, change))
    }
}

/// What is wrong inside the card, seen from the whole input.
fn of_card<T>(result: Result<T, AppError>) -> Result<T, AppError> {
    const FIELDS: [&str; 7] = ["name", "phone", "email", "address", "company", "reference", "fields"];
    let inside = |refusal: Refusal| {
        let is_inside = refusal.path.first().is_some_and(|first| FIELDS.contains(&first.as_str()));
        if is_inside { refusal.at("card") } else { refusal }
    };
    result.map_err(|error| match error {
        AppError::Refused(refusals) => AppError::Refused(refusals.into_iter().map(inside).collect()),
        other => other,
    })
}

#[Object]
impl ClientQuery {
    /// A client of the caller's organization. Needs `trades:read` and `outcomes:write`, since cards name people.
    async fn client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> async_graphql::Result<Option<ClientObject>> {
        let caller = worker(ctx)?;
        let id: ClientId = parse_id(&id, "id").map_err(top_level)?;
        Ok(answer(ctx, client::client(app(ctx), caller, id).await)?.map(ClientObject::from))
    }

    /// The clients of the caller's organization, newest first. Needs `trades:read` and `outcomes:write`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn clients(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this agent.")] agent_id: Option<ID>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<ClientObject>> {
        let caller = worker(ctx)?;
        let page = page::<ClientId>(NEWEST, first, after.as_deref()).map_err(top_level)?;
        let agent = agent(agent_id.as_ref()).map_err(top_level)?;
        let slice = answer(ctx, client::clients(app(ctx), caller, agent, &page).await)?;
        Ok(connection(NEWEST, slice, page.after.is_some(), |view| view.client.id, ClientObject::from))
    }
}

#[Object]
impl ClientMutation {
    /// Makes the client card of a bought lead whose outcome is CONVERTED. Needs `outcomes:write`; without a card of the
    /// caller's own it also needs `contacts:reveal`, and is recorded like `contactReveal`.
    async fn client_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ClientCreateInput,
    ) -> async_graphql::Result<ClientCreatePayload> {
        let caller = worker(ctx)?;
        let result = match input.parse() {
            Ok((trade, card, agent)) => of_card(client::client_create(app(ctx), caller, trade, card, agent).await),
            Err(refusal) => Err(refusal.into()),
        };
        let (made, user_errors) = settle(ctx, result)?;
        Ok(ClientCreatePayload { client: made.map(ClientObject::from), user_errors })
    }

    /// Replaces a client's card; the history keeps the one before. Needs `outcomes:write`.
    async fn client_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ClientUpdateInput,
    ) -> async_graphql::Result<ClientUpdatePayload> {
        let caller = worker(ctx)?;
        let version = i64::from(input.version);
        let result = match input.parse() {
            Ok((id, card, agent)) => of_card(client::client_update(app(ctx), caller, id, card, agent, version).await),
            Err(refusal) => Err(refusal.into()),
        };
        let (changed, user_errors) = settle(ctx, result)?;
        Ok(ClientUpdatePayload { client: changed.map(ClientObject::from), user_errors })
    }

    /// Writes something down in a client's history. Needs `outcomes:write`.
    async fn client_note_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ClientNoteAddInput,
    ) -> async_graphql::Result<ClientNoteAddPayload> {
        let caller = worker(ctx)?;
        let result = match parse_id(&input.client_id, "clientId") {
            Ok(id) => client::client_note_add(app(ctx), caller, id, &input.text).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (noted, user_errors) = settle(ctx, result)?;
        Ok(ClientNoteAddPayload { client: noted.map(ClientObject::from), user_errors })
    }
}
