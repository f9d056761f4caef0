//! Client cards, sealed under the data key of their trade, and their history. A card is seen by its organization only.

use std::collections::BTreeMap;

use domain::client::ClientEntryKind;
use domain::id::{ClientEntryId, ClientId, LeadId, OrganizationId, TradeId, TypedId, UserId};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ExprTrait, QueryOrder, QuerySelect, QueryTrait};

use crate::db::Store;
use crate::entity::{client, client_entry};
use crate::error::{StoreError, WriteError};
use crate::page::{Page, Slice, first_of_each};
use crate::write::Tx;

/// A client card, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The trade that brought the lead.
    pub trade: TradeId,
    /// The lead.
    pub lead: LeadId,
    /// The card, sealed.
    pub card: Vec<u8>,
    /// The agent responsible.
    pub agent: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How often it was changed.
    pub version: i64,
}

/// An entry of a client's history, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEntry {
    /// Its id.
    pub id: ClientEntryId,
    /// What it is.
    pub kind: ClientEntryKind,
    /// Its text, sealed.
    pub text: Vec<u8>,
    /// Who wrote it, if a person did.
    pub recorded_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
}

impl From<client::Model> for Client {
    fn from(row: client::Model) -> Self {
        Self {
            id: row.id.into(),
            organization: row.organization_id.into(),
            trade: row.trade_id.into(),
            lead: row.lead_id.into(),
            card: row.ciphertext,
            agent: row.agent_id.map(UserId),
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

impl TryFrom<client_entry::Model> for ClientEntry {
    type Error = StoreError;

    fn try_from(row: client_entry::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            kind: row.kind.parse().map_err(StoreError::corrupt)?,
            text: row.ciphertext,
            recorded_by: row.recorded_by.map(UserId),
            created_at: row.created_at,
        })
    }
}

/// Makes the card of a trade. A trade has one.
pub async fn client_insert(
    tx: &Tx,
    id: ClientId,
    organization: OrganizationId,
    trade: (TradeId, LeadId),
    card: Vec<u8>,
    agent: Option<UserId>,
) -> Result<Client, WriteError> {
    let now = tx.now().await?;
    let (trade, lead) = trade;
    let row = client::ActiveModel {
        id: Set(id.uuid()),
        organization_id: Set(organization.uuid()),
        trade_id: Set(trade.uuid()),
        lead_id: Set(lead.uuid()),
        ciphertext: Set(card.clone()),
        agent_id: Set(agent.map(UserId::uuid)),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(0),
    };
    let taken = || Refusal::new(Code::Taken, "this trade has a client card").at("tradeId");
    client::Entity::insert(row)
        .exec_without_returning(tx.db())
        .await
        .map_err(|error| WriteError::from(error).unique_as(taken()))?;
    Ok(Client { id, organization, trade, lead, card, agent, created_at: now, updated_at: now, version: 0 })
}

/// Replaces the card that was read as `was`; refused when somebody was faster.
pub async fn client_replace(tx: &Tx, was: &Client, card: Vec<u8>, agent: Option<UserId>) -> Result<Client, WriteError> {
    let now = tx.now().await?;
    let done = client::Entity::update_many()
        .col_expr(client::Column::Ciphertext, Expr::value(card.clone()))
        .col_expr(client::Column::AgentId, Expr::value(agent.map(UserId::uuid)))
        .col_expr(client::Column::UpdatedAt, Expr::value(now))
        .col_expr(client::Column::Version, Expr::col(client::Column::Version).add(1))
        .filter(client::Column::Id.eq(was.id.0))
        .filter(client::Column::OrganizationId.eq(was.organization.0))
        .filter(client::Column::Version.eq(was.version))
        .exec(tx.db())
        .await?;
    if done.rows_affected != 1 {
        return Err(Refusal::new(Code::Conflict, "somebody changed this client meanwhile: read it again").at("clientId").into());
    }
    Ok(Client { card, agent, updated_at: now, version: was.version.saturating_add(1), ..was.clone() })
}

/// Adds an entry to a client's history.
pub async fn client_entry_add(
    tx: &Tx,
    client: ClientId,
    id: ClientEntryId,
    kind: ClientEntryKind,
    text: Vec<u8>,
    user: Option<UserId>,
) -> Result<ClientEntry, WriteError> {
    let created_at = tx.now().await?;
    let row = client_entry::ActiveModel {
        id: Set(id.uuid()),
        client_id: Set(client.uuid()),
        kind: Set(kind.as_str().to_owned()),
        ciphertext: Set(text.clone()),
        recorded_by: Set(user.map(UserId::uuid)),
        created_at: Set(created_at),
    };
    client_entry::Entity::insert(row).exec_without_returning(tx.db()).await?;
    Ok(ClientEntry { id, kind, text, recorded_by: user, created_at })
}

impl Tx {
    /// The client, when it is the organization's.
    pub async fn client_of(&self, id: ClientId, organization: OrganizationId) -> Result<Option<Client>, StoreError> {
        let row = client::Entity::find_by_id(id.0).filter(client::Column::OrganizationId.eq(organization.0));
        Ok(row.one(self.db()).await?.map(Client::from))
    }
}

impl Store {
    /// The client, when it is the organization's.
    pub async fn client_of(&self, id: ClientId, organization: OrganizationId) -> Result<Option<Client>, StoreError> {
        let row = client::Entity::find_by_id(id.0).filter(client::Column::OrganizationId.eq(organization.0));
        Ok(row.one(self.read()).await?.map(Client::from))
    }

    /// Those of `ids` that are the organization's, in no order.
    pub async fn clients_many(&self, organization: OrganizationId, ids: &[ClientId]) -> Result<Vec<Client>, StoreError> {
        let wanted = client::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = client::Entity::find().filter(wanted).filter(client::Column::OrganizationId.eq(organization.0));
        Ok(rows.all(self.read()).await?.into_iter().map(Client::from).collect())
    }

    /// A page of the organization's clients, newest first; of one agent only when that is asked.
    pub async fn clients_of(
        &self,
        organization: OrganizationId,
        agent: Option<UserId>,
        page: &Page<ClientId>,
    ) -> Result<Slice<Client>, StoreError> {
        let mut rows = client::Entity::find().filter(client::Column::OrganizationId.eq(organization.0));
        if let Some(agent) = agent {
            rows = rows.filter(client::Column::AgentId.eq(agent.0));
        }
        if let Some(after) = page.after {
            rows = rows.filter(client::Column::Id.lt(after.0));
        }
        let rows = rows.order_by_desc(client::Column::Id).limit(page.limit()).all(self.read()).await?;
        let slice = Slice::cut(rows, page);
        Ok(Slice { rows: slice.rows.into_iter().map(Client::from).collect(), has_next: slice.has_next })
    }

    /// The same page of the history of each of those `ids` that are the organization's clients, newest first.
    pub async fn client_entries_many(
        &self,
        organization: OrganizationId,
        ids: &[ClientId],
        page: &Page<ClientEntryId>,
    ) -> Result<BTreeMap<ClientId, Slice<ClientEntry>>, StoreError> {
        let own = client::Entity::find()
            .select_only()
            .column(client::Column::Id)
            .filter(client::Column::Id.is_in(ids.iter().map(|id| id.0)))
            .filter(client::Column::OrganizationId.eq(organization.0));
        let of = Condition::all()
            .add(client_entry::Column::ClientId.in_subquery(own.into_query()))
            .add_option(page.after.map(|after| client_entry::Column::Id.lt(after.0)));
        let newest = first_of_each::<client_entry::Entity>(client_entry::Column::ClientId, "id DESC", of, page.limit());
        let statement = self.read().get_database_backend().build(&newest);
        let rows = client_entry::Entity::find().from_raw_sql(statement).all(self.read()).await?;
        let mut pages: BTreeMap<ClientId, Vec<ClientEntry>> = BTreeMap::new();
        for row in rows {
            pages.entry(row.client_id.into()).or_default().push(row.try_into()?);
        }
        Ok(pages.into_iter().map(|(client, rows)| (client, Slice::cut(rows, page))).collect())
    }
}
