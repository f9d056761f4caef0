//! Offers: what pings were offered, by whom, and what became of it.

use std::collections::BTreeMap;
use std::convert::identity;

use domain::clearing::{LossReason, SaleKind};
use domain::id::{BidId, CampaignId, LeadId, ListingId, OfferId, OrganizationId, TypedId, VerticalId};
use domain::money::Currency;
use domain::offer::{OfferState, Ping};
use domain::receipt::Receipt;
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, FromQueryResult, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::changes::{Changes, overtaken};
use crate::db::Store;
use crate::entity::{offer, offer_bid};
use crate::error::StoreError;
use crate::page::{Page, Slice};
use crate::rows::{Column as Given_, Get, Given};
use crate::words::is;
use crate::write::Tx;

/// Who stands behind a bid of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bidder {
    /// The bid.
    pub bid: BidId,
    /// The campaign that bids.
    pub campaign: CampaignId,
    /// Whose it is.
    pub buyer: OrganizationId,
}

/// What was pinged, with what only the exchange may know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPing {
    /// What was shown.
    pub ping: Ping,
    /// The keyed hashes of the digests of the person's phones and addresses, in hexadecimal digits.
    pub digests: Vec<String>,
    /// The keyed hash of the postal code, if one was pinged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal: Option<String>,
    /// The kind of consent evidence that was announced.
    pub consent: domain::campaign::ConsentKind,
}

/// An offer as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOffer {
    /// Its id.
    pub id: OfferId,
    /// To whom it was made.
    pub seller: OrganizationId,
    /// The vertical of the ping.
    pub vertical: VerticalId,
    /// A keyed hash of the ping: the same ping is offered the same while the offer is open.
    pub fingerprint: Vec<u8>,
    /// What was pinged.
    pub ping: StoredPing,
    /// Where it stands.
    pub state: OfferState,
    /// The currency of its amounts.
    pub currency: Currency,
    /// How the bids were cleared.
    pub receipt: Receipt,
    /// Who stands behind the receipt's bids.
    pub bidders: Vec<Bidder>,
    /// The lead that was posted.
    pub lead: Option<LeadId>,
    /// The listing under which it was sold.
    pub listing: Option<ListingId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first instant at which it cannot be taken any more.
    pub expires_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Grows with each change.
    pub version: i64,
    /// Whether it was made in test mode: nobody stands behind it.
    pub test: bool,
}

/// Money that an offer holds, or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferBid {
    /// The bid.
    pub id: BidId,
    /// The offer.
    pub offer: OfferId,
    /// The campaign that bids.
    pub campaign: CampaignId,
    /// Whose money it is.
    pub buyer: OrganizationId,
    /// What it holds, in minor units.
    pub price_minor: i64,
    /// Since when the campaign's caps count it.
    pub counted_at: Timestamp,
}

impl StoredOffer {
    /// Who stands behind `bid`.
    #[must_use]
    pub fn bidder(&self, bid: BidId) -> Option<Bidder> {
        self.bidders.iter().find(|bidder| bidder.bid == bid).copied()
    }

    /// Whether what is offered is the exclusive sale; `None` when nothing is.
    #[must_use]
    pub fn kind(&self) -> Option<SaleKind> {
        self.receipt.result.sales.first().map(|sale| sale.kind)
    }

    /// What the buyers would pay in all, in minor units.
    #[must_use]
    pub fn gross_minor(&self) -> i64 {
        self.receipt.result.sales.iter().fold(0, |sum, sale| sum.saturating_add(sale.price_minor))
    }
}

impl TryFrom<offer::Model> for StoredOffer {
    type Error = StoreError;

    fn try_from(row: offer::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            seller: row.seller_id.into(),
            vertical: row.vertical_id.into(),
            fingerprint: row.fingerprint,
            ping: serde_json::from_value(row.ping).map_err(StoreError::corrupt)?,
            state: row.state.parse().map_err(StoreError::corrupt)?,
            currency: row.currency.parse().map_err(StoreError::corrupt)?,
            receipt: serde_json::from_value(row.receipt).map_err(StoreError::corrupt)?,
            bidders: serde_json::from_value(row.bidders).map_err(StoreError::corrupt)?,
            lead: row.lead_id.map(LeadId::from),
            listing: row.listing_id.map(ListingId::from),
            created_at: row.created_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
            version: row.version,
            test: false,
        })
    }
}

impl Store {
    /// The seller's own offer.
    pub async fn offer(&self, seller: OrganizationId, id: OfferId) -> Result<Option<StoredOffer>, StoreError> {
        let own = offer::Entity::find_by_id(id.0).filter(offer::Column::SellerId.eq(seller.0));
        own.one(self.read()).await?.map(StoredOffer::try_from).transpose()
    }

    /// Those of `ids` that are the seller's own, in no order.
    pub async fn offers_many(&self, seller: OrganizationId, ids: &[OfferId]) -> Result<Vec<StoredOffer>, StoreError> {
        let wanted = offer::Column::Id.is_in(ids.iter().map(|id| id.0));
        let own = offer::Entity::find().filter(wanted).filter(offer::Column::SellerId.eq(seller.0));
        own.all(self.read()).await?.into_iter().map(StoredOffer::try_from).collect()
    }

    /// A page of the seller's own offers, the youngest first, in one of `states` or in any.
    pub async fn offers_page(
        &self,
        seller: OrganizationId,
        states: &[OfferState],
        page: &Page<OfferId>,
    ) -> Result<Slice<StoredOffer>, StoreError> {
        let mut own = offer::Entity::find().filter(offer::Column::SellerId.eq(seller.0));
        if !states.is_empty() {
            own = own.filter(offer::Column::State.is_in(states.iter().map(|state| state.as_str())));
        }
        if let Some(after) = page.after {
            own = own.filter(offer::Column::Id.lt(after.0));
        }
        let rows = own.order_by_desc(offer::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(StoredOffer::try_from)
    }

    /// Up to `limit` open offers whose time is over, the oldest first.
    pub async fn offers_due(&self, now: Timestamp, limit: u64) -> Result<Vec<OfferId>, StoreError> {
        let due = offer::Entity::find()
            .select_only()
            .column(offer::Column::Id)
            .filter(is(offer::Column::State, OfferState::Open.as_str()))
            .filter(offer::Column::ExpiresAt.lte(now))
            .order_by_asc(offer::Column::ExpiresAt)
            .limit(limit);
        let ids: Vec<Uuid> = due.into_tuple().all(self.read()).await?;
        Ok(ids.into_iter().map(OfferId::from).collect())
    }

    /// The seller's offer that was concluded, or is to be, with a lead.
    pub async fn offer_of_lead(&self, seller: OrganizationId, lead: LeadId) -> Result<Option<StoredOffer>, StoreError> {
        let own = offer::Entity::find().filter(offer::Column::LeadId.eq(lead.0)).filter(offer::Column::SellerId.eq(seller.0));
        own.one(self.read()).await?.map(StoredOffer::try_from).transpose()
    }

    /// Whether one of these keyed hashes is of a person who asked to be left alone, or of whom a lead was brought since `since`
    /// that is for sale or was sold.
    pub async fn person_taken(&self, hashes: &[[u8; 32]], since: Timestamp) -> Result<bool, StoreError> {
        let places = |from: usize| (from..).take(hashes.len()).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM suppression WHERE hash IN ({0})) OR EXISTS (SELECT 1 FROM lead_key \
             JOIN lead ON lead.id = lead_key.lead_id WHERE lead_key.hash IN ({0}) AND lead_key.created_at > ${1} \
             AND lead.state IN ('UNQUALIFIED', 'VERIFIED'))",
            places(1),
            hashes.len().saturating_add(1)
        );
        let values = hashes.iter().map(|hash| sea_orm::Value::from(hash.to_vec())).chain([since.into()]);
        let statement = sea_orm::Statement::from_sql_and_values(self.read().get_database_backend(), sql, values);
        Ok(self.read().query_one_raw(statement).await?.is_some())
    }

    /// When each of the organizations last bought a person that has one of these keyed hashes, whatever became of the trade; and
    /// whether the trade stands.
    pub async fn buyers_of_person(&self, hashes: &[[u8; 32]]) -> Result<BTreeMap<OrganizationId, (Timestamp, bool)>, StoreError> {
        let mut found: BTreeMap<OrganizationId, (Timestamp, bool)> = BTreeMap::new();
        if hashes.is_empty() {
            return Ok(found);
        }
        let places: Vec<String> = (1..).take(hashes.len()).map(|n: usize| format!("${n}")).collect();
        let sql = format!(
            "SELECT trade.buyer_id, trade.sold_at, trade.state FROM trade WHERE trade.lead_id IN \
             (SELECT lead_id FROM lead_key WHERE hash IN ({}))",
            places.join(", ")
        );
        let values = hashes.iter().map(|hash| sea_orm::Value::from(hash.to_vec()));
        let statement = sea_orm::Statement::from_sql_and_values(self.read().get_database_backend(), sql, values);
        for row in self.read().query_all_raw(statement).await? {
            let (buyer, sold_at): (Uuid, Timestamp) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let state: String = row.try_get_by_index(2)?;
            let stands = state != domain::trade::TradeState::Refunded.as_str();
            let entry = found.entry(buyer.into()).or_insert((sold_at, stands));
            *entry = (entry.0.max(sold_at), entry.1 || stands);
        }
        Ok(found)
    }
}

/// A ping, to find the open offer that was made for it.
pub(crate) type PingKey = (OrganizationId, Vec<u8>);

const PING_KEY: &[Given_<PingKey>] =
    &[("seller_id", Get::Id(|(seller, _)| seller.0)), ("fingerprint", Get::Bytes(|(_, fingerprint)| fingerprint))];

/// The offers of `ids` and those that are open for `pings`, locked in the order of their ids.
pub(crate) async fn offers_locked(
    tx: &Tx,
    ids: &[OfferId],
    pings: &[PingKey],
) -> Result<BTreeMap<OfferId, StoredOffer>, StoreError> {
    let mut found = BTreeMap::new();
    let mut wanted: Vec<OfferId> = ids.to_vec();
    if !pings.is_empty() {
        let given = Given::new(tx.backend(), PING_KEY, pings);
        let sql = format!(
            "SELECT offer.id FROM {given} JOIN offer ON offer.seller_id = given.seller_id \
             AND offer.fingerprint = given.fingerprint AND offer.state = 'OPEN'"
        );
        for row in given.query(tx, sql).await? {
            wanted.push(OfferId(row.try_get_by_index(0)?));
        }
    }
    if wanted.is_empty() {
        return Ok(found);
    }
    let given = Given::new(tx.backend(), &[("id", Get::Id(|id: &OfferId| id.0))], &wanted);
    let sql = format!("SELECT offer.* FROM {given} JOIN offer ON offer.id = given.id ORDER BY offer.id{}", given.lock("offer"));
    for row in given.query(tx, sql).await? {
        let offer = StoredOffer::try_from(offer::Model::from_query_result(&row, "")?)?;
        found.insert(offer.id, offer);
    }
    Ok(found)
}

/// What offers, whose rows are locked, hold.
pub(crate) async fn offer_bids_held(tx: &Tx, offers: &[OfferId]) -> Result<Vec<OfferBid>, StoreError> {
    if offers.is_empty() {
        return Ok(Vec::new());
    }
    let given = Given::new(tx.backend(), &[("id", Get::Id(|id: &OfferId| id.0))], offers);
    let sql =
        format!("SELECT offer_bid.* FROM {given} JOIN offer_bid ON offer_bid.offer_id = given.id AND offer_bid.state = 'HELD'");
    let mut held = Vec::new();
    for row in given.query(tx, sql).await? {
        let row = offer_bid::Model::from_query_result(&row, "")?;
        held.push(OfferBid {
            id: row.id.into(),
            offer: row.offer_id.into(),
            campaign: row.campaign_id.into(),
            buyer: row.buyer_id.into(),
            price_minor: row.price_minor,
            counted_at: row.counted_at,
        });
    }
    Ok(held)
}

/// How a bid of an offer ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfferBidEnd {
    pub(crate) bid: OfferBid,
    /// Why it lost; `None` when it won.
    pub(crate) loss: Option<LossReason>,
    pub(crate) at: Timestamp,
}

const NEW_BID: &[Given_<(OfferBid, Option<Timestamp>)>] = &[
    ("id", Get::Id(|(bid, _)| bid.id.0)),
    ("offer_id", Get::Id(|(bid, _)| bid.offer.0)),
    ("campaign_id", Get::Id(|(bid, _)| bid.campaign.0)),
    ("buyer_id", Get::Id(|(bid, _)| bid.buyer.0)),
    ("state", Get::Text(|(_, ended_at)| if ended_at.is_some() { "WON" } else { "HELD" })),
    ("price_minor", Get::Integer(|(bid, _)| bid.price_minor)),
    ("counted_at", Get::Instant(|(bid, _)| bid.counted_at)),
    ("ended_at", Get::MaybeInstant(|(_, ended_at)| *ended_at)),
];

const BID_END: &[Given_<OfferBidEnd>] = &[
    ("id", Get::Id(|end| end.bid.id.0)),
    ("state", Get::Text(|end| if end.loss.is_some() { "LOST" } else { "WON" })),
    ("loss_reason", Get::MaybeText(|end| end.loss.map(LossReason::as_str))),
    ("ended_at", Get::Instant(|end| end.at)),
];

/// Keeps bids of offers: held, or, with the instant, won at once.
pub(crate) fn offer_bids_insert(changes: &mut Changes, bids: &[(OfferBid, Option<Timestamp>)]) {
    changes.insert("offer_bid", NEW_BID, bids, identity);
}

/// Ends held bids of offers whose rows are locked.
pub(crate) fn offer_bids_end(changes: &mut Changes, ends: &[OfferBidEnd]) {
    let set = "state = given.state, loss_reason = given.loss_reason, ended_at = given.ended_at";
    let changed = || StoreError::Misuse("a bid of an offer changed under its lock").into();
    changes.update("offer_bid", BID_END, ends, (set, "offer_bid.id = given.id AND offer_bid.state = 'HELD'"), changed);
}

/// An offer with its open-shaped parts as they are stored.
pub(crate) struct OfferRow {
    pub(crate) offer: StoredOffer,
    pub(crate) ping: serde_json::Value,
    pub(crate) receipt: serde_json::Value,
    pub(crate) bidders: serde_json::Value,
}

impl OfferRow {
    pub(crate) fn new(offer: &StoredOffer) -> Result<Self, StoreError> {
        Ok(Self {
            ping: serde_json::to_value(&offer.ping).map_err(StoreError::corrupt)?,
            receipt: serde_json::to_value(&offer.receipt).map_err(StoreError::corrupt)?,
            bidders: serde_json::to_value(&offer.bidders).map_err(StoreError::corrupt)?,
            offer: offer.clone(),
        })
    }
}

const OFFER: &[Given_<OfferRow>] = &[
    ("id", Get::Id(|row| row.offer.id.0)),
    ("seller_id", Get::Id(|row| row.offer.seller.0)),
    ("vertical_id", Get::Id(|row| row.offer.vertical.0)),
    ("fingerprint", Get::Bytes(|row| &row.offer.fingerprint)),
    ("ping", Get::Json(|row| &row.ping)),
    ("state", Get::Text(|row| row.offer.state.as_str())),
    ("currency", Get::Text(|row| row.offer.currency.code())),
    ("receipt", Get::Json(|row| &row.receipt)),
    ("bidders", Get::Json(|row| &row.bidders)),
    ("lead_id", Get::MaybeId(|row| row.offer.lead.map(TypedId::uuid))),
    ("listing_id", Get::MaybeId(|row| row.offer.listing.map(TypedId::uuid))),
    ("created_at", Get::Instant(|row| row.offer.created_at)),
    ("expires_at", Get::Instant(|row| row.offer.expires_at)),
    ("ended_at", Get::MaybeInstant(|row| row.offer.ended_at)),
    ("version", Get::Integer(|row| row.offer.version)),
];

const OFFER_END: &[Given_<StoredOffer>] = &[
    ("id", Get::Id(|offer| offer.id.0)),
    ("state", Get::Text(|offer| offer.state.as_str())),
    ("lead_id", Get::MaybeId(|offer| offer.lead.map(TypedId::uuid))),
    ("listing_id", Get::MaybeId(|offer| offer.listing.map(TypedId::uuid))),
    ("ended_at", Get::MaybeInstant(|offer| offer.ended_at)),
    ("version", Get::Integer(|offer| offer.version)),
];

/// Keeps new offers. Another process may have made one for the same ping meanwhile: then the transaction is tried again, and
/// finds it.
pub(crate) fn offers_insert(changes: &mut Changes, offers: &[StoredOffer]) -> Result<(), StoreError> {
    let rows: Vec<OfferRow> = offers.iter().map(OfferRow::new).collect::<Result<_, _>>()?;
    changes.insert("offer", OFFER, &rows, overtaken);
    Ok(())
}

/// Writes how offers, whose rows are locked, ended.
pub(crate) fn offers_end(changes: &mut Changes, offers: &[StoredOffer]) {
    let set = "state = given.state, lead_id = given.lead_id, listing_id = given.listing_id, ended_at = given.ended_at, \
               version = given.version";
    let condition = "offer.id = given.id AND offer.state = 'OPEN' AND offer.version = given.version - 1";
    let changed = || StoreError::Misuse("an offer changed under its lock").into();
    changes.update("offer", OFFER_END, offers, (set, condition), changed);
}
