//! Objects by their ids, each scoped to the caller as the query of its own is.

use async_graphql::dataloader::Loader;
use domain::account::{ApiKey, Invitation, Member, Organization};
use domain::form::Form;
use domain::id::{
    ApiKeyId, BidId, CampaignId, ClientId, DeliveryId, DestinationId, DisputeId, FormId, ImportId, InvitationId, LeadHookId,
    LeadId, ListingId, MembershipId, OfferId, OrganizationId, ReceiptId, TradeId, UploadId, VerticalId, WebhookDeliveryId,
    WebhookEndpointId, WithdrawalId,
};
use domain::lead_hook::LeadHook;
use domain::webhook::WebhookEndpoint;
use store::deliveries::Delivery;
use store::destinations::Destination;
use store::disputes::Dispute;
use store::imports::Import;
use store::offers::StoredOffer;
use store::trades::Trade;
use store::verticals::StoredVertical;
use store::webhooks::Delivery as WebhookDelivery;
use store::withdrawals::Withdrawal;

use super::super::lead::LeadObject;
use super::super::listing::Listing;
use super::{LoadError, Loaded, Reader, keyed};
use crate::app::bids::OwnBid;
use crate::app::campaigns::CampaignView;
use crate::app::client::ClientView;
use crate::app::receipts::CheckedReceipt;
use crate::app::uploads::UploadView;
use crate::app::{
    AppError, api_key, bids, campaigns, client, deliveries, destinations, dispute, forms, imports, invitation, lead_hooks, leads,
    listings, member, offers, organization, receipts, trade, uploads, verticals, wallet, webhooks,
};

/// Declares the loader of one kind of object: its id, what is found, the use case, and where the id stands in what is found.
macro_rules! by_id {
    ($id:ty => $value:ty, $find:path, |$found:ident| $key:expr) => {
        #[async_graphql::async_trait::async_trait]
        impl Loader<$id> for Reader {
            type Value = $value;
            type Error = LoadError;

            async fn load(&self, ids: &[$id]) -> Loaded<$id, $value> {
                keyed($find(&self.app, &self.caller, ids).await, |$found: &$value| $key, |found| found)
            }
        }
    };
}

by_id!(ApiKeyId => ApiKey, api_key::api_keys_many, |key| key.id);
by_id!(BidId => OwnBid, bids::bids_many, |own| own.bid.id);
by_id!(ClientId => ClientView, client::clients_many, |view| view.client.id);
by_id!(DeliveryId => Delivery, deliveries::deliveries_many, |delivery| delivery.id);
by_id!(DestinationId => Destination, destinations::destinations_many, |destination| destination.id);
by_id!(DisputeId => Dispute, dispute::disputes_many, |dispute| dispute.id);
by_id!(FormId => Form, forms::forms_many, |form| form.id);
by_id!(ImportId => Import, imports::imports_many, |import| import.id);
by_id!(LeadHookId => LeadHook, lead_hooks::lead_hooks_many, |hook| hook.id);
by_id!(InvitationId => Invitation, invitation::invitations_many, |invitation| invitation.id);
by_id!(MembershipId => Member, member::members_many, |member| member.id);
by_id!(OfferId => StoredOffer, offers::offers_many, |offer| offer.id);
by_id!(OrganizationId => Organization, organization::organizations_many, |organization| organization.id);
by_id!(ReceiptId => CheckedReceipt, receipts::clearing_receipts_many, |receipt| receipt.stored.id);
by_id!(TradeId => Trade, trade::trades_many, |trade| trade.id);
by_id!(UploadId => UploadView, uploads::uploads_many, |view| view.upload.id);
by_id!(WebhookDeliveryId => WebhookDelivery, webhooks::webhook_deliveries_many, |delivery| delivery.id);
by_id!(WebhookEndpointId => WebhookEndpoint, webhooks::webhook_endpoints_many, |endpoint| endpoint.id);
by_id!(WithdrawalId => Withdrawal, wallet::withdrawals_many, |withdrawal| withdrawal.id);

#[async_graphql::async_trait::async_trait]
impl Loader<VerticalId> for Reader {
    type Value = StoredVertical;
    type Error = LoadError;

    async fn load(&self, ids: &[VerticalId]) -> Loaded<VerticalId, StoredVertical> {
        keyed(verticals::verticals_many(&self.app, ids).await, |vertical| vertical.id, |vertical| vertical)
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<CampaignId> for Reader {
    type Value = CampaignView;
    type Error = LoadError;

    async fn load(&self, ids: &[CampaignId]) -> Loaded<CampaignId, CampaignView> {
        let found = async {
            let found = campaigns::campaigns_many(&self.app, &self.caller, ids).await?;
            campaigns::viewed(&self.app, found).await
        };
        keyed(found.await, |view| view.campaign.id, |view| view)
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<LeadId> for Reader {
    type Value = LeadObject;
    type Error = LoadError;

    async fn load(&self, ids: &[LeadId]) -> Loaded<LeadId, LeadObject> {
        let found = async {
            let leads = leads::leads_many(&self.app, &self.caller, ids).await?;
            let paths = self.app.store.vertical_paths().await?;
            Ok(leads.into_iter().map(|lead| (lead.id, LeadObject::new(lead, &paths))).collect())
        };
        keyed(found.await, |(id, _): &(LeadId, LeadObject)| *id, |(_, lead)| lead)
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<ListingId> for Reader {
    type Value = Listing;
    type Error = LoadError;

    async fn load(&self, ids: &[ListingId]) -> Loaded<ListingId, Listing> {
        let found = async {
            let views = listings::listings_many(&self.app, &self.caller, ids).await?;
            let ids: Vec<ListingId> = views.iter().map(|view| view.stored.id).collect();
            let listings = Listing::load(&self.app, &self.caller, views).await?;
            Ok::<Vec<(ListingId, Listing)>, AppError>(ids.into_iter().zip(listings).collect())
        };
        keyed(found.await, |(id, _)| *id, |(_, listing)| listing)
    }
}
