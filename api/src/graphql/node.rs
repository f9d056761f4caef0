//! Anything by its id, as Relay asks for it.

use std::hash::Hash;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID, Interface, Object};
use domain::id::{
    ApiKeyId, BidId, CampaignId, ClientId, DeliveryId, DestinationId, DisputeId, FormId, ImportId, InvitationId, LeadHookId,
    LeadId, ListingId, MembershipId, OfferId, OrganizationId, ReceiptId, TradeId, TypedId, UploadId, VerticalId,
    WebhookDeliveryId, WebhookEndpointId, WithdrawalId,
};
use domain::refusal::{Code, Refusal};
use futures::future::try_join_all;

use super::api_key::ApiKeyObject;
use super::bid::Bid;
use super::campaign::CampaignObject;
use super::client::ClientObject;
use super::delivery::DeliveryObject;
use super::destination::DestinationObject;
use super::dispute::DisputeObject;
use super::error::{answer, top_level};
use super::form::FormObject;
use super::import::{ImportObject, UploadObject};
use super::lead::LeadObject;
use super::lead_hook::LeadHookObject;
use super::listing::Listing;
use super::loader::{LoadError, Reader, load};
use super::member::{InvitationObject, MemberObject};
use super::offer::{OfferObject, commission_bp};
use super::organization::OrganizationObject;
use super::receipt::ClearingReceipt;
use super::trade::TradeObject;
use super::vertical::VerticalObject;
use super::wallet::WithdrawalObject;
use super::webhook::{WebhookDeliveryObject, WebhookEndpointObject};
use super::{app, caller};
use crate::app::AppError;

/// Ids at most in one look.
const NODES: usize = 100;

/// Queries of anything by its id.
#[derive(Debug, Default)]
pub struct NodeQuery;

/// An object with an id that can be read again by it.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "&ID", desc = "The id."))]
pub enum Node {
    /// A machine's key.
    ApiKey(Box<ApiKeyObject>),
    /// A bid of one's own.
    Bid(Box<Bid>),
    /// A campaign of one's own.
    Campaign(Box<CampaignObject>),
    /// The receipt of a clearing.
    ClearingReceipt(Box<ClearingReceipt>),
    /// A client card.
    Client(Box<ClientObject>),
    /// A bought lead on its way to a destination.
    Delivery(Box<DeliveryObject>),
    /// Where bought leads are brought.
    Destination(Box<DestinationObject>),
    /// A dispute.
    Dispute(Box<DisputeObject>),
    /// A hosted form.
    Form(Box<FormObject>),
    /// The import of a file.
    Import(Box<ImportObject>),
    /// An open invitation.
    Invitation(Box<InvitationObject>),
    /// A lead.
    Lead(Box<LeadObject>),
    /// An address at which leads are handed in.
    LeadHook(Box<LeadHookObject>),
    /// A listing.
    Listing(Box<Listing>),
    /// A person's place in an organization.
    Member(Box<MemberObject>),
    /// An offer that one was made.
    Offer(Box<OfferObject>),
    /// A company on the exchange.
    Organization(Box<OrganizationObject>),
    /// A trade.
    Trade(Box<TradeObject>),
    /// A file that is awaited or there.
    Upload(Box<UploadObject>),
    /// A kind of demand, in its newest version.
    Vertical(Box<VerticalObject>),
    /// A message to an endpoint.
    WebhookDelivery(Box<WebhookDeliveryObject>),
    /// An address to which messages are posted.
    WebhookEndpoint(Box<WebhookEndpointObject>),
    /// Money on its way to a bank.
    Withdrawal(Box<WithdrawalObject>),
}

#[Object]
impl NodeQuery {
    /// The object with this id, of any type that implements `Node`. Null when there is none that the caller may see: what its own
    /// query shows.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> async_graphql::Result<Option<Node>> {
        answer(ctx, found(ctx, &id).await)
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
        answer(ctx, try_join_all(ids.iter().map(|id| found(ctx, id))).await)
    }
}

async fn found(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>, AppError> {
    match id.split_once('_').map_or("", |(prefix, _)| prefix) {
        ApiKeyId::PREFIX => one::<ApiKeyId>(ctx, id, |key| Node::ApiKey(Box::new(key.into()))).await,
        BidId::PREFIX => one::<BidId>(ctx, id, |bid| Node::Bid(Box::new(bid.into()))).await,
        CampaignId::PREFIX => one::<CampaignId>(ctx, id, |campaign| Node::Campaign(Box::new(campaign.into()))).await,
        ClientId::PREFIX => one::<ClientId>(ctx, id, |client| Node::Client(Box::new(client.into()))).await,
        DeliveryId::PREFIX => {
            one::<DeliveryId>(ctx, id, |found| Node::Delivery(Box::new(DeliveryObject::new(app(ctx), found)))).await
        }
        DestinationId::PREFIX => one::<DestinationId>(ctx, id, |found| Node::Destination(Box::new(found.into()))).await,
        DisputeId::PREFIX => one::<DisputeId>(ctx, id, |dispute| Node::Dispute(Box::new(dispute.into()))).await,
        FormId::PREFIX => one::<FormId>(ctx, id, |form| Node::Form(Box::new(FormObject::new(app(ctx), form)))).await,
        ImportId::PREFIX => one::<ImportId>(ctx, id, |import| Node::Import(Box::new(import.into()))).await,
        InvitationId::PREFIX => one::<InvitationId>(ctx, id, |invitation| Node::Invitation(Box::new(invitation.into()))).await,
        LeadHookId::PREFIX => {
            one::<LeadHookId>(ctx, id, |hook| Node::LeadHook(Box::new(LeadHookObject::new(app(ctx), hook)))).await
        }
        LeadId::PREFIX => one::<LeadId>(ctx, id, |lead| Node::Lead(Box::new(lead))).await,
        ListingId::PREFIX => one::<ListingId>(ctx, id, |listing| Node::Listing(Box::new(listing))).await,
        MembershipId::PREFIX => one::<MembershipId>(ctx, id, |member| Node::Member(Box::new(member.into()))).await,
        OfferId::PREFIX => {
            one::<OfferId>(ctx, id, |offer| Node::Offer(Box::new(OfferObject::new(offer, commission_bp(ctx))))).await
        }
        OrganizationId::PREFIX => one::<OrganizationId>(ctx, id, |found| Node::Organization(Box::new(found.into()))).await,
        ReceiptId::PREFIX => one::<ReceiptId>(ctx, id, |receipt| Node::ClearingReceipt(Box::new(receipt.into()))).await,
        TradeId::PREFIX => {
            one::<TradeId>(ctx, id, |trade| Node::Trade(Box::new(TradeObject::seen(trade, &caller(ctx).principal)))).await
        }
        UploadId::PREFIX => one::<UploadId>(ctx, id, |upload| Node::Upload(Box::new(upload.into()))).await,
        VerticalId::PREFIX => one::<VerticalId>(ctx, id, |vertical| Node::Vertical(Box::new(vertical.into()))).await,
        WebhookDeliveryId::PREFIX => {
            one::<WebhookDeliveryId>(ctx, id, |delivery| Node::WebhookDelivery(Box::new(delivery.into()))).await
        }
        WebhookEndpointId::PREFIX => {
            one::<WebhookEndpointId>(ctx, id, |endpoint| Node::WebhookEndpoint(Box::new(endpoint.into()))).await
        }
        WithdrawalId::PREFIX => one::<WithdrawalId>(ctx, id, |withdrawal| Node::Withdrawal(Box::new(withdrawal.into()))).await,
        _ => Ok(None),
    }
}

async fn one<I>(
    ctx: &Context<'_>,
    id: &ID,
    node: impl FnOnce(<Reader as Loader<I>>::Value) -> Node,
) -> Result<Option<Node>, AppError>
where
    I: TypedId + Hash + Send + Sync + 'static,
    Reader: Loader<I, Error = LoadError>,
{
    match id.parse::<I>() {
        Ok(id) => Ok(load(ctx, id).await?.map(node)),
        Err(_) => Ok(None),
    }
}
