//! The listings of the past as a preview of a draft looks back on them. Every function reads chunks of listings with a number of
//! statements that does not grow with them.

use std::collections::{BTreeMap, BTreeSet};

use domain::campaign::{PastSale, PersonBought};
use domain::clearing::{SaleKind, SealedBid};
use domain::id::{LeadId, ListingId, OrganizationId};
use domain::lead::Channel;
use domain::money::Currency;
use domain::receipt::Receipt;
use domain::time::Timestamp;
use domain::trade::TradeState;
use sea_orm::entity::prelude::*;
use sea_orm::{JoinType, QueryOrder, QuerySelect, QueryTrait, RelationDef};

use crate::db::{STATEMENT_ROWS, Store};
use crate::entity::{bid, lead, lead_key, listing, offer, offer_bid, receipt, trade, vertical};
use crate::error::StoreError;
use crate::listings::{self, ListingView};
use crate::receipts::own_offered;
use crate::words::subtree;

/// Which listings a preview looks at.
#[derive(Debug, Clone, Copy)]
pub struct Lookback<'a> {
    /// Whose draft it is: its own listings, and TARGETED leads of others, are left out.
    pub buyer: OrganizationId,
    /// The path of the draft's vertical, which covers everything below it.
    pub vertical_path: &'a str,
    /// The draft's currency.
    pub currency: Currency,
    /// The earliest opening.
    pub since: Timestamp,
}

/// What became of a listing.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The copies that were sold.
    pub sales: Vec<PastSale>,
    /// What others than the buyer had bid, where the auction was cleared.
    pub bids: Option<Vec<SealedBid>>,
}

/// A person as a buyer knows it.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The lead and the ways to reach the person, as keyed hashes: whoever shares one is the same.
    pub keys: BTreeSet<Vec<u8>>,
    /// When the buyer bought the person.
    pub bought: Vec<PersonBought>,
}

impl Store {
    /// The newest `limit` listings of the past that `lookback` covers, the newest first.
    pub async fn lookback(&self, lookback: Lookback<'_>, limit: u64) -> Result<Vec<ListingId>, StoreError> {
        let within = subtree(lookback.vertical_path);
        let verticals = vertical::Entity::find().select_only().column(vertical::Column::Id).filter(within);
        let ids: Vec<Uuid> = listing::Entity::find()
            .select_only()
            .column(listing::Column::Id)
            .join(JoinType::InnerJoin, lead_of_listing())
            .filter(listing::Column::VerticalId.in_subquery(verticals.into_query()))
            .filter(listing::Column::OpensAt.gte(lookback.since))
            .filter(listing::Column::Currency.eq(lookback.currency.code()))
            .filter(listing::Column::SellerId.ne(lookback.buyer.0))
            .filter(listings::visible(lookback.buyer))
            .order_by_desc(listing::Column::OpensAt)
            .order_by_desc(listing::Column::Id)
            .limit(limit)
            .into_tuple()
            .all(self.read())
            .await?;
        Ok(ids.into_iter().map(ListingId::from).collect())
    }

    /// The views of `listings`, in their order.
    pub async fn lookback_views(&self, listings: &[ListingId]) -> Result<Vec<ListingView>, StoreError> {
        let mut views = Vec::with_capacity(listings.len());
        for ids in listings.chunks(STATEMENT_ROWS) {
            let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
            views.extend(listings::views_of(self, &ids).await?);
        }
        Ok(views)
    }

    /// What became of `listings`, as far as `buyer` is not part of it.
    pub async fn lookback_outcomes(
        &self,
        buyer: OrganizationId,
        listings: &[ListingId],
    ) -> Result<BTreeMap<ListingId, Outcome>, StoreError> {
        let mut outcomes: BTreeMap<ListingId, Outcome> = BTreeMap::new();
        for ids in listings.chunks(STATEMENT_ROWS) {
            let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
            let trades = trade::Entity::find().filter(trade::Column::ListingId.is_in(ids.iter().copied()));
            for row in trades.order_by_asc(trade::Column::Id).all(self.read()).await? {
                let kind = if row.exclusive { SaleKind::Exclusive } else { SaleKind::Shared };
                let own = row.buyer_id == buyer.0;
                let sale = PastSale { kind, price_minor: row.price_minor, sold_at: row.sold_at, own };
                outcomes.entry(row.listing_id.into()).or_default().sales.push(sale);
            }
            let own = bid::Entity::find()
                .select_only()
                .column(bid::Column::Id)
                .filter(bid::Column::BuyerId.eq(buyer.0))
                .filter(bid::Column::ListingId.is_in(ids.iter().copied()));
            let own: Vec<Uuid> = own.into_tuple().all(self.read()).await?;
            let offered = own_offered(buyer).filter(offer::Column::ListingId.is_in(ids.iter().copied()));
            let offered: Vec<Uuid> = offered.column(offer_bid::Column::Id).into_tuple().all(self.read()).await?;
            let own: BTreeSet<Uuid> = own.into_iter().chain(offered).collect();
            let receipts = receipt::Entity::find().filter(receipt::Column::ListingId.is_in(ids));
            for row in receipts.all(self.read()).await? {
                let receipt: Receipt = serde_json::from_value(row.body).map_err(StoreError::corrupt)?;
                let others = receipt.bids.into_iter().filter(|sealed| !own.contains(&sealed.bid.0));
                outcomes.entry(row.listing_id.into()).or_default().bids = Some(others.collect());
            }
        }
        Ok(outcomes)
    }

    /// Who the persons behind `leads` are to `buyer`.
    pub async fn persons_known(
        &self,
        buyer: OrganizationId,
        leads: &BTreeSet<LeadId>,
    ) -> Result<BTreeMap<LeadId, Person>, StoreError> {
        let mut persons: BTreeMap<LeadId, Person> = BTreeMap::new();
        let leads: Vec<LeadId> = leads.iter().copied().collect();
        for leads in leads.chunks(STATEMENT_ROWS) {
            let ids: Vec<Uuid> = leads.iter().map(|lead| lead.0).collect();
            let mut of_key: BTreeMap<(String, Vec<u8>), Vec<LeadId>> = BTreeMap::new();
            for (lead, kind, hash) in self.ways_of(&ids).await? {
                of_key.entry((kind, hash)).or_default().push(lead);
            }
            for lead in leads {
                persons.entry(*lead).or_default().keys.insert(lead.0.as_bytes().to_vec());
            }
            for ((kind, hash), leads) in &of_key {
                for lead in leads {
                    let key = [kind.as_bytes(), b"\0", hash].concat();
                    persons.entry(*lead).or_default().keys.insert(key);
                }
            }
            for (lead, bought) in self.bought_themselves(buyer, ids).await? {
                persons.entry(lead).or_default().bought.push(bought);
            }
            for (key, bought) in self.bought_by_way(buyer, &of_key).await? {
                for lead in of_key.get(&key).into_iter().flatten() {
                    persons.entry(*lead).or_default().bought.push(bought);
                }
            }
        }
        Ok(persons)
    }

    async fn ways_of(&self, leads: &[Uuid]) -> Result<Vec<(LeadId, String, Vec<u8>)>, StoreError> {
        let rows: Vec<(Uuid, String, Vec<u8>)> = lead_key::Entity::find()
            .select_only()
            .columns([lead_key::Column::LeadId, lead_key::Column::Kind, lead_key::Column::Hash])
            .filter(lead_key::Column::LeadId.is_in(leads.iter().copied()))
            .filter(lead_key::Column::Kind.is_in(Channel::ALL.iter().map(|channel| channel.as_str())))
            .into_tuple()
            .all(self.read())
            .await?;
        Ok(rows.into_iter().map(|(lead, kind, hash)| (lead.into(), kind, hash)).collect())
    }

    /// A lead that was bought stays its buyer's, whatever became of the price.
    async fn bought_themselves(
        &self,
        buyer: OrganizationId,
        leads: Vec<Uuid>,
    ) -> Result<Vec<(LeadId, PersonBought)>, StoreError> {
        let rows: Vec<(Uuid, Timestamp)> = trade::Entity::find()
            .select_only()
            .columns([trade::Column::LeadId, trade::Column::SoldAt])
            .filter(trade::Column::LeadId.is_in(leads))
            .filter(trade::Column::BuyerId.eq(buyer.0))
            .into_tuple()
            .all(self.read())
            .await?;
        Ok(rows.into_iter().map(|(lead, sold_at)| (lead.into(), PersonBought { sold_at, stands: true })).collect())
    }

    /// Another lead of the same person is the buyer's unless its price came back.
    async fn bought_by_way(
        &self,
        buyer: OrganizationId,
        ways: &BTreeMap<(String, Vec<u8>), Vec<LeadId>>,
    ) -> Result<Vec<((String, Vec<u8>), PersonBought)>, StoreError> {
        let mut found = Vec::new();
        let hashes: Vec<&Vec<u8>> = ways.keys().map(|(_, hash)| hash).collect();
        for hashes in hashes.chunks(STATEMENT_ROWS) {
            let rows: Vec<(String, Vec<u8>, Timestamp, String)> = lead_key::Entity::find()
                .select_only()
                .columns([lead_key::Column::Kind, lead_key::Column::Hash])
                .columns([trade::Column::SoldAt, trade::Column::State])
                .join(JoinType::InnerJoin, trade_of_key())
                .filter(lead_key::Column::Hash.is_in(hashes.iter().map(|hash| (*hash).clone())))
                .filter(trade::Column::BuyerId.eq(buyer.0))
                .into_tuple()
                .all(self.read())
                .await?;
            let bought = |(kind, hash, sold_at, state): (String, Vec<u8>, Timestamp, String)| {
                let stands = state != TradeState::Refunded.as_str();
                ((kind, hash), PersonBought { sold_at, stands })
            };
            found.extend(rows.into_iter().map(bought));
        }
        Ok(found)
    }
}

fn lead_of_listing() -> RelationDef {
    listing::Entity::belongs_to(lead::Entity).from(listing::Column::LeadId).to(lead::Column::Id).into()
}

fn trade_of_key() -> RelationDef {
    lead_key::Entity::belongs_to(trade::Entity).from(lead_key::Column::LeadId).to(trade::Column::LeadId).into()
}
