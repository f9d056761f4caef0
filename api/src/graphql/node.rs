//! Anything by its id, as Relay asks for it.

use async_graphql::{Context, ID, Interface, Object};
use domain::id::{ClientId, DisputeId, ImportId, LeadId, ListingId, TradeId, TypedId};
use domain::refusal::{Code, Refusal};

use super::client::ClientObject;
use super::dispute::DisputeObject;
use super::error::{answer, top_level};
use super::import::ImportObject;
use super::lead::{LeadObject, shown};
use super::listing::Listing;
use super::trade::TradeObject;
use super::{app, caller};
use crate::app::{AppError, client, dispute, imports, leads, listings, trade};

/// Ids at most in one look.
const NODES: usize = 100;

/// Queries of anything by its id.
#[derive(Debug, Default)]
pub struct NodeQuery;

/// An object with an id that can be read again by it.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "&ID", desc = "The id."))]
pub enum Node {
    /// A client card.
    Client(Box<ClientObject>),
    /// A dispute.
    Dispute(Box<DisputeObject>),
    /// The import of a file.
    Import(Box<ImportObject>),
    /// A lead.
    Lead(Box<LeadObject>),
    /// A listing.
    Listing(Box<Listing>),
    /// A trade.
    Trade(Box<TradeObject>),
}

#[Object]
impl NodeQuery {
    /// The object with this id: a client, dispute, import, lead, listing or trade. Null when there is none that the caller may see.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> async_graphql::Result<Option<Node>> {
        answer(ctx, visible(ctx, &id).await)
    }

    /// The objects with these ids, in their order, null for each that the caller may not see.
    #[graphql(complexity = "ids.len().saturating_mul(child_complexity).saturating_add(1)")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ids, at most 100.")] ids: Vec<ID>,
    ) -> async_graphql::Result<Vec<Option<Node>>> {
        if ids.len() > NODES {
            return Err(top_level(Refusal::new(Code::TooLarge, format!("at most {NODES} ids")).at("ids")));
        }
        let mut nodes = Vec::with_capacity(ids.len());
        for id in &ids {
            nodes.push(answer(ctx, visible(ctx, id).await)?);
        }
        Ok(nodes)
    }
}

/// What the caller may not see looks like what does not exist.
async fn visible(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>, AppError> {
    match found(ctx, id).await {
        Err(AppError::Refused(_)) => Ok(None),
        found => found,
    }
}

async fn found(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>, AppError> {
    let (app, caller) = (app(ctx), caller(ctx));
    if let Some(id) = of::<ListingId>(id) {
        let Some(view) = listings::listing(app, caller, id).await? else { return Ok(None) };
        return Ok(Some(Node::Listing(Box::new(Listing::load_one(app, caller, view).await?))));
    }
    if let Some(id) = of::<LeadId>(id) {
        let Some(lead) = leads::lead_get(app, caller, id).await? else { return Ok(None) };
        return Ok(Some(Node::Lead(Box::new(shown(app, lead).await?))));
    }
    if let Some(id) = of::<TradeId>(id) {
        return Ok(trade::trade(app, caller, id).await?.map(|trade| Node::Trade(Box::new(trade.into()))));
    }
    if let Some(id) = of::<DisputeId>(id) {
        return Ok(dispute::dispute(app, caller, id).await?.map(|dispute| Node::Dispute(Box::new(dispute.into()))));
    }
    if let Some(id) = of::<ImportId>(id) {
        return Ok(imports::import_get(app, caller, id).await?.map(|import| Node::Import(Box::new(import.into()))));
    }
    if let Some(id) = of::<ClientId>(id) {
        return Ok(client::client(app, caller, id).await?.map(|client| Node::Client(Box::new(client.into()))));
    }
    Ok(None)
}

fn of<I: TypedId>(id: &ID) -> Option<I> {
    id.parse().ok()
}
