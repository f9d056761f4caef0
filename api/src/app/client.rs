//! Client cards: a bought lead that became a client. The card is the buyer's own, sealed under the trade's data key: a refund,
//! or the person's withdrawal of consent, destroys what it and its history say of the person.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::client::{ClientCard, ClientEntryKind};
use domain::id::{ClientEntryId, ClientId, OrganizationId, TradeId, TypedId, UserId};
use domain::lead::Sealed as PersonSealed;
use domain::outcome::{OutcomeKind, note};
use domain::refusal::Refusal;
use domain::time::Timestamp;
use store::Tx;
use store::clients::{Client, client_entry_add, client_insert, client_replace};
use store::contacts::{RevealOf, contact_reveal};
use store::data_keys::KeyPurpose;
use store::outcomes::agent_check;
use store::page::{Page, Slice};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::contact::contact_open;
use super::data_keys::data_keys;
use super::outcome::{bought, work_key};
use super::{App, AppError, Caller};
use crate::crypto::{Binding, DataKey};

/// Who answers for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentChange {
    /// Whoever did before.
    Keep,
    /// This member, or nobody.
    Set(Option<UserId>),
}

/// A client with its card opened.
#[derive(Debug, Clone)]
pub struct ClientView {
    /// The row.
    pub client: Client,
    /// The card; `None` once it was destroyed.
    pub card: Option<ClientCard>,
    /// When what was kept of the person was destroyed, if it was.
    pub erased_at: Option<Timestamp>,
}

/// An entry of a client's history, opened.
#[derive(Clone)]
pub struct ClientEntryView {
    /// Its id.
    pub id: ClientEntryId,
    /// What it is.
    pub kind: ClientEntryKind,
    /// The text; `None` once it was destroyed.
    pub text: Option<String>,
    /// Who wrote it, if a person did.
    pub recorded_by: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

/// Makes the client card of a bought lead that converted. Without `card` it starts from the lead's contact, which is a look at
/// it: recorded like every other, and only for those who may look.
pub async fn client_create(
    app: &App,
    caller: &Caller,
    trade: TradeId,
    card: Option<ClientCard>,
    agent: Option<UserId>,
) -> Result<ClientView, AppError> {
    let organization = caller.principal.require(Permission::OutcomesWrite)?;
    if card.is_none() {
        caller.principal.require(Permission::ContactsReveal)?;
    }
    let card = card.map(ClientCard::checked).transpose()?;
    let principal = &caller.principal;
    let entropy = app.entropy.as_ref();
    let (id, entry): (ClientId, ClientEntryId) = (app.store.id(), app.store.id());
    app.store
        .write("client_create", |tx| {
            let card = card.clone();
            async move {
                let trade = bought(&tx, trade, organization, "tradeId").await?;
                if !tx.outcome_is(trade.id, OutcomeKind::Converted).await? {
                    let message = "a client is a lead that converted: record CONVERTED with `outcomeRecord` first";
                    return Err(Refusal::wrong_state(message).at("tradeId").into());
                }
                agent_check(&tx, organization, agent).await?;
                let card = match card {
                    Some(card) => card,
                    None => {
                        let revealed = contact_reveal(&tx, RevealOf::Trade(trade.id), organization, principal).await?;
                        of_lead(contact_open(&app.keys, &revealed.sealed)?).checked()?
                    }
                };
                let key = work_key(&tx, app, trade.id, "tradeId").await?;
                let sealed = key.seal(entropy, card_binding(id), &json(&card)?).map_err(AppError::internal)?;
                let from = format!("from {}", trade.lead);
                let text = key.seal(entropy, entry_binding(entry), from.as_bytes()).map_err(AppError::internal)?;
                let user = principal.user();
                let client = client_insert(&tx, id, organization, (trade.id, trade.lead), sealed, agent.or(user)).await?;
                client_entry_add(&tx, id, entry, ClientEntryKind::Created, text, user).await?;
                Ok::<_, AppError>(ClientView { client, card: Some(card), erased_at: None })
            }
        })
        .await
}

/// Replaces a client's card, and keeps the one before in the history. `version` is that of the card that was read.
pub async fn client_update(
    app: &App,
    caller: &Caller,
    id: ClientId,
    card: ClientCard,
    agent: AgentChange,
    version: i64,
) -> Result<ClientView, AppError> {
    let organization = readable(caller)?;
    let user = caller.principal.user();
    let card = card.checked()?;
    let entry: ClientEntryId = app.store.id();
    let entropy = app.entropy.as_ref();
    app.store
        .write("client_update", |tx| {
            let card = card.clone();
            async move {
                let (was, key) = own_locked(&tx, app, id, organization).await?;
                let agent = match agent {
                    AgentChange::Keep => was.agent,
                    AgentChange::Set(agent) => {
                        agent_check(&tx, organization, agent).await?;
                        agent
                    }
                };
                let before = key.open(card_binding(id), &was.card).map_err(AppError::internal)?;
                let text = key.seal(entropy, entry_binding(entry), &before).map_err(AppError::internal)?;
                let sealed = key.seal(entropy, card_binding(id), &json(&card)?).map_err(AppError::internal)?;
                let client = client_replace(&tx, &Client { version, ..was }, sealed, agent).await?;
                client_entry_add(&tx, id, entry, ClientEntryKind::Updated, text, user).await?;
                Ok::<_, AppError>(ClientView { client, card: Some(card), erased_at: None })
            }
        })
        .await
}

/// Writes something down in a client's history.
pub async fn client_note_add(app: &App, caller: &Caller, id: ClientId, text: &str) -> Result<ClientView, AppError> {
    let organization = readable(caller)?;
    let user = caller.principal.user();
    let text = &note("text", text)?;
    let entry: ClientEntryId = app.store.id();
    let client = app
        .store
        .write("client_note_add", |tx| async move {
            let (client, key) = own_locked(&tx, app, id, organization).await?;
            let sealed = key.seal(app.entropy.as_ref(), entry_binding(entry), text.as_bytes()).map_err(AppError::internal)?;
            client_entry_add(&tx, id, entry, ClientEntryKind::Note, sealed, user).await?;
            Ok::<_, AppError>(client)
        })
        .await?;
    opened(app, vec![client]).await?.pop().ok_or_else(|| AppError::internal("a client vanished"))
}

/// The client, when it is the caller's organization's.
pub async fn client(app: &App, caller: &Caller, id: ClientId) -> Result<Option<ClientView>, AppError> {
    let organization = readable(caller)?;
    let found = app.store.client_of(id, organization).await?;
    Ok(opened(app, found.into_iter().collect()).await?.pop())
}

/// A page of the clients of the caller's organization, newest first.
pub async fn clients(
    app: &App,
    caller: &Caller,
    agent: Option<UserId>,
    page: &Page<ClientId>,
) -> Result<Slice<ClientView>, AppError> {
    let organization = readable(caller)?;
    let Slice { rows, has_next } = app.store.clients_of(organization, agent, page).await?;
    Ok(Slice { rows: opened(app, rows).await?, has_next })
}

/// Those of `ids` that are clients of the caller's organization, in no order.
pub async fn clients_many(app: &App, caller: &Caller, ids: &[ClientId]) -> Result<Vec<ClientView>, AppError> {
    let organization = readable(caller)?;
    opened(app, app.store.clients_many(organization, ids).await?).await
}

/// The same page of the history of each of those `ids` that are clients of the caller's organization, newest first.
pub async fn client_entries_many(
    app: &App,
    caller: &Caller,
    ids: &[ClientId],
    page: &Page<ClientEntryId>,
) -> Result<BTreeMap<ClientId, Slice<ClientEntryView>>, AppError> {
    let organization = readable(caller)?;
    let clients = app.store.clients_many(organization, ids).await?;
    let trades: BTreeMap<ClientId, Uuid> = clients.iter().map(|client| (client.id, client.trade.uuid())).collect();
    let keys = data_keys(app, KeyPurpose::Work, &trades.values().copied().collect::<Vec<_>>()).await?;
    let mut histories = BTreeMap::new();
    for (id, slice) in app.store.client_entries_many(organization, ids, page).await? {
        let trade = trades.get(&id).copied().ok_or_else(|| AppError::internal("a history without its client"))?;
        let history = slice.try_map(|entry| {
            let text = keys.open_text(trade, entry_binding(entry.id), &entry.text)?;
            Ok::<_, AppError>(ClientEntryView {
                id: entry.id,
                kind: entry.kind,
                text,
                recorded_by: entry.recorded_by,
                at: entry.created_at,
            })
        })?;
        histories.insert(id, history);
    }
    Ok(histories)
}

/// Cards name people: reading them takes what working on them takes.
fn readable(caller: &Caller) -> Result<OrganizationId, Refusal> {
    caller.principal.require(Permission::TradesRead)?;
    caller.principal.require(Permission::OutcomesWrite)
}

/// The client with its key, when it is the organization's and its trade, locked from here on, still is.
async fn own_locked(tx: &Tx, app: &App, id: ClientId, organization: OrganizationId) -> Result<(Client, DataKey), AppError> {
    let none = || Refusal::not_found("clientId", "client");
    let found = tx.client_of(id, organization).await?.ok_or_else(none)?;
    bought(tx, found.trade, organization, "clientId").await?;
    // It may have changed while the lock was waited for.
    let client = tx.client_of(id, organization).await?.ok_or_else(none)?;
    let key = work_key(tx, app, client.trade, "clientId").await?;
    Ok((client, key))
}

const fn card_binding(client: ClientId) -> Binding {
    Binding { purpose: "client.card", object: client.0 }
}

const fn entry_binding(entry: ClientEntryId) -> Binding {
    Binding { purpose: "client.entry", object: entry.0 }
}

fn json(card: &ClientCard) -> Result<Zeroizing<Vec<u8>>, AppError> {
    serde_json::to_vec(card).map(Zeroizing::new).map_err(|_| AppError::internal("a card that has no text"))
}

fn of_lead(person: PersonSealed) -> ClientCard {
    ClientCard {
        name: person.contact.name,
        phone: person.contact.phones.into_iter().next().map(|phone| phone.e164),
        email: person.contact.emails.into_iter().next().map(|email| email.address),
        company: person.contact.company,
        ..ClientCard::default()
    }
}

async fn opened(app: &App, clients: Vec<Client>) -> Result<Vec<ClientView>, AppError> {
    let trades: Vec<Uuid> = clients.iter().map(|client| client.trade.uuid()).collect();
    let keys = data_keys(app, KeyPurpose::Work, &trades).await?;
    let view = |client: Client| {
        let trade = client.trade.uuid();
        let bytes = keys.open(trade, card_binding(client.id), &client.card)?;
        // The parser's message could quote what it read.
        let card = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        let card = card.map_err(|_| AppError::internal("a client card is not of its form"))?;
        Ok(ClientView { card, erased_at: keys.destroyed_at(trade), client })
    };
    clients.into_iter().map(view).collect()
}
