//! Client cards: a bought lead that became a client. The card is the buyer's own, sealed, and outlives the lead.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::client::{ClientCard, ClientEntryKind};
use domain::id::{ClientEntryId, ClientId, TradeId, TypedId, UserId};
use domain::outcome::{OutcomeKind, note};
use domain::refusal::Refusal;
use domain::time::Timestamp;
use store::WriteError;
use store::clients::{Client, ClientEntry, SealedColumns, client_entry_add, client_insert, client_replace};
use store::outcomes::agent_check;
use store::page::{Page, Slice};
use uuid::Uuid;

use super::outcome::bought;
use super::{App, AppError, Caller};
use crate::crypto::{Binding, Sealed};

pub(super) const CARD: &str = "client.card";
const ENTRY: &str = "client.entry";

/// A client with its card opened.
#[derive(Debug, Clone)]
pub struct ClientView {
    /// The row.
    pub client: Client,
    /// The card.
    pub card: ClientCard,
}

/// An entry of a client's history, opened.
#[derive(Clone)]
pub struct ClientEntryView {
    /// Its id.
    pub id: ClientEntryId,
    /// What it is.
    pub kind: ClientEntryKind,
    /// The text.
    pub text: String,
    /// Who wrote it, if a person did.
    pub recorded_by: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

/// Makes the client card of a bought lead that converted. The card starts from the lead's contact where `card` says nothing.
pub async fn client_create(
    app: &App,
    caller: &Caller,
    trade: TradeId,
    card: Option<ClientCard>,
    agent: Option<UserId>,
) -> Result<ClientView, AppError> {
    let organization = caller.principal.require(Permission::OutcomesWrite)?;
    let user = caller.principal.user();
    let seen = app.store.trade_of(trade, organization).await?.filter(|trade| trade.buyer == organization);
    let seen = seen.ok_or_else(|| Refusal::not_found("tradeId", "trade"))?;
    let card = match card {
        Some(card) => card,
        None => from_lead(app, seen.lead).await?,
    };
    let card = card.checked()?;
    let (id, entry): (ClientId, ClientEntryId) = (app.store.id(), app.store.id());
    let sealed = seal(app, CARD, id.uuid(), &serde_json::to_vec(&card).map_err(AppError::internal)?)?;
    let text = seal(app, ENTRY, entry.uuid(), format!("from {}", seen.lead).as_bytes())?;
    let made: Result<Client, WriteError> = app
        .store
        .write("client_create", |tx| {
            let (sealed, text) = (sealed.clone(), text.clone());
            async move {
                let trade = bought(&tx, trade, organization).await?;
                if !tx.outcome_is(trade.id, OutcomeKind::Converted).await? {
                    let message = "a client is a lead that converted: record CONVERTED with `outcomeRecord` first";
                    return Err(Refusal::wrong_state(message).at("tradeId").into());
                }
                agent_check(&tx, organization, agent).await?;
                let client = client_insert(&tx, id, organization, (trade.id, trade.lead), sealed, agent.or(user)).await?;
                client_entry_add(&tx, id, entry, ClientEntryKind::Created, text, user).await?;
                Ok(client)
            }
        })
        .await;
    Ok(ClientView { client: made?, card })
}

/// Replaces a client's card, and keeps the one before in the history. `version` is that of the card that was read.
pub async fn client_update(
    app: &App,
    caller: &Caller,
    id: ClientId,
    card: ClientCard,
    agent: Option<UserId>,
    version: i64,
) -> Result<ClientView, AppError> {
    let organization = caller.principal.require(Permission::OutcomesWrite)?;
    let user = caller.principal.user();
    let was = own(app, id, caller).await?;
    let before = opened(app, was.clone())?;
    let card = card.checked()?;
    let sealed = seal(app, CARD, id.uuid(), &serde_json::to_vec(&card).map_err(AppError::internal)?)?;
    let entry: ClientEntryId = app.store.id();
    let text = seal(app, ENTRY, entry.uuid(), &serde_json::to_vec(&before.card).map_err(AppError::internal)?)?;
    let was = Client { version, ..was };
    let replaced: Result<Client, WriteError> = app
        .store
        .write("client_update", |tx| {
            let (was, sealed, text) = (was.clone(), sealed.clone(), text.clone());
            async move {
                agent_check(&tx, organization, agent).await?;
                let client = client_replace(&tx, &was, sealed, agent).await?;
                client_entry_add(&tx, id, entry, ClientEntryKind::Updated, text, user).await?;
                Ok(client)
            }
        })
        .await;
    Ok(ClientView { client: replaced?, card })
}

/// Writes something down in a client's history.
pub async fn client_note_add(app: &App, caller: &Caller, id: ClientId, text: &str) -> Result<ClientView, AppError> {
    caller.principal.require(Permission::OutcomesWrite)?;
    let user = caller.principal.user();
    let client = own(app, id, caller).await?;
    let text = note("text", text)?;
    let entry: ClientEntryId = app.store.id();
    let sealed = seal(app, ENTRY, entry.uuid(), text.as_bytes())?;
    let added: Result<ClientEntry, WriteError> = app
        .store
        .write("client_note_add", |tx| {
            let sealed = sealed.clone();
            async move { client_entry_add(&tx, id, entry, ClientEntryKind::Note, sealed, user).await }
        })
        .await;
    added?;
    opened(app, client)
}

/// The client, when it is the caller's organization's.
pub async fn client(app: &App, caller: &Caller, id: ClientId) -> Result<Option<ClientView>, AppError> {
    let organization = readable(caller)?;
    app.store.client_of(id, organization).await?.map(|client| opened(app, client)).transpose()
}

/// A page of the clients of the caller's organization, newest first.
pub async fn clients(
    app: &App,
    caller: &Caller,
    agent: Option<UserId>,
    page: &Page<ClientId>,
) -> Result<Slice<ClientView>, AppError> {
    let organization = readable(caller)?;
    app.store.clients_of(organization, agent, page).await?.try_map(|client| opened(app, client))
}

/// Those of `ids` that are clients of the caller's organization, in no order.
pub async fn clients_many(app: &App, caller: &Caller, ids: &[ClientId]) -> Result<Vec<ClientView>, AppError> {
    let organization = readable(caller)?;
    app.store.clients_many(organization, ids).await?.into_iter().map(|client| opened(app, client)).collect()
}

/// The same page of the history of each of those `ids` that are clients of the caller's organization, newest first.
pub async fn client_entries_many(
    app: &App,
    caller: &Caller,
    ids: &[ClientId],
    page: &Page<ClientEntryId>,
) -> Result<BTreeMap<ClientId, Slice<ClientEntryView>>, AppError> {
    let organization = readable(caller)?;
    let pages = app.store.client_entries_many(organization, ids, page).await?;
    pages.into_iter().map(|(id, slice)| Ok((id, slice.try_map(|entry| entry_opened(app, entry))?))).collect()
}

/// Cards name people: reading them takes what working on them takes.
fn readable(caller: &Caller) -> Result<domain::id::OrganizationId, Refusal> {
    caller.principal.require(Permission::TradesRead)?;
    caller.principal.require(Permission::OutcomesWrite)
}

async fn own(app: &App, id: ClientId, caller: &Caller) -> Result<Client, AppError> {
    let organization = readable(caller)?;
    let found = app.store.client_of(id, organization).await?;
    Ok(found.ok_or_else(|| Refusal::not_found("clientId", "client"))?)
}

async fn from_lead(app: &App, lead: domain::id::LeadId) -> Result<ClientCard, AppError> {
    let person = super::leads::person_of(app, lead).await?;
    let person = person.ok_or_else(|| Refusal::wrong_state("the lead was erased: say what the card holds").at("card"))?;
    Ok(ClientCard {
        name: person.contact.name,
        phone: person.contact.phones.into_iter().next().map(|phone| phone.e164),
        email: person.contact.emails.into_iter().next().map(|email| email.address),
        company: person.contact.company,
        ..ClientCard::default()
    })
}

fn opened(app: &App, client: Client) -> Result<ClientView, AppError> {
    let bytes = unseal(app, CARD, client.id.uuid(), &client.card)?;
    // The parser's message could quote what it read.
    let card = serde_json::from_slice(&bytes).map_err(|_| AppError::internal("a client card is not of its form"))?;
    Ok(ClientView { client, card })
}

fn entry_opened(app: &App, entry: ClientEntry) -> Result<ClientEntryView, AppError> {
    let text = unseal(app, ENTRY, entry.id.uuid(), &entry.text)?;
    let text = String::from_utf8(text).map_err(|_| AppError::internal("an entry of a client is no text"))?;
    Ok(ClientEntryView { id: entry.id, kind: entry.kind, text, recorded_by: entry.recorded_by, at: entry.created_at })
}

fn seal(app: &App, purpose: &'static str, object: Uuid, content: &[u8]) -> Result<SealedColumns, AppError> {
    let sealed = app.keys.seal(app.entropy.as_ref(), Binding { purpose, object }, content).map_err(AppError::internal)?;
    Ok(SealedColumns { key_id: sealed.key_id, wrapped_key: sealed.wrapped_key, ciphertext: sealed.ciphertext })
}

fn unseal(app: &App, purpose: &'static str, object: Uuid, columns: &SealedColumns) -> Result<Vec<u8>, AppError> {
    let SealedColumns { key_id, wrapped_key, ciphertext } = columns.clone();
    let sealed = Sealed { key_id, wrapped_key, ciphertext };
    Ok(app.keys.open(Binding { purpose, object }, &sealed).map_err(AppError::internal)?.to_vec())
}
