//! Selling in real time: a seller shows what a lead is (the ping), gets an offer, and then tells who it is (the post).

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::clearing::{Clearing, LossReason, SealedBid, clear};
use crate::id::BidId;
use crate::lead::{Audience, ContactKind, Interest, Lead, SourceKind};
use crate::money::share_bp;
use crate::receipt::Receipt;
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;
use crate::vertical::{AttributeValue, VerticalPath};

text_enum! {
    /// Where an offer stands.
    OfferState {
        /// It can be taken.
        Open = "OPEN",
        /// The lead was posted and sold.
        Concluded = "CONCLUDED",
        /// The lead was posted and nobody could buy it.
        Refused = "REFUSED",
        /// Nothing was posted in time; what it held has returned.
        Expired = "EXPIRED",
    }
}

/// What is shown of a lead before its person is told. Nothing in it tells who the person is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// The vertical.
    pub vertical: VerticalPath,
    /// For itself or for a company.
    pub audience: Audience,
    /// How much contact data there is.
    pub contact_kind: ContactKind,
    /// What the person asked for.
    pub interest: Interest,
    /// Core and vertical attributes by key.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Region.
    pub region: Option<String>,
    /// City.
    pub city: Option<String>,
    /// The kind of source.
    pub source: SourceKind,
    /// When the person left the details; when it was pinged, where the seller does not say it.
    pub captured_at: Timestamp,
}

impl Ping {
    /// What of `lead` could have been pinged.
    #[must_use]
    pub fn of(lead: &Lead) -> Self {
        Self {
            vertical: lead.vertical.clone(),
            audience: lead.audience,
            contact_kind: lead.contact_kind,
            interest: lead.interest,
            attributes: lead.attributes.clone(),
            country: lead.country.clone(),
            region: lead.region.clone(),
            city: lead.city.clone(),
            source: lead.source.kind,
            captured_at: lead.captured_at,
        }
    }

    /// Whether the posted lead is the one that was pinged; every field that differs is named, in the words of the post. The
    /// capture may not be dated anew, but only where the post dates it.
    pub fn agrees(&self, lead: &Lead) -> Result<(), Vec<Refusal>> {
        let posted = Self::of(lead);
        let mut refusals = Vec::new();
        let mut same = |same: bool, path: &[&str]| {
            if !same {
                let refusal = Refusal::new(Code::Conflict, "this is not what was pinged");
                refusals.push(path.iter().rev().fold(refusal, |refusal, segment| refusal.at(segment)));
            }
        };
        same(self.vertical == posted.vertical, &["vertical"]);
        same(self.audience == posted.audience, &["audience"]);
        same(self.contact_kind == posted.contact_kind, &["contactKind"]);
        same(self.interest == posted.interest, &["interest"]);
        same(self.country == posted.country, &["geography", "country"]);
        same(self.region == posted.region, &["geography", "region"]);
        same(self.city == posted.city, &["geography", "city"]);
        same(self.source == posted.source, &["source", "kind"]);
        same(!lead.dated || self.captured_at == posted.captured_at, &["capturedAt"]);
        let keys: BTreeSet<&String> = self.attributes.keys().chain(posted.attributes.keys()).collect();
        for key in keys {
            same(self.attributes.get(key) == posted.attributes.get(key), &["attributes", key]);
        }
        if refusals.is_empty() { Ok(()) } else { Err(refusals) }
    }
}

/// What the seller of a sale at `price_minor` gets after the commission, in minor units.
#[must_use]
pub fn net_minor(price_minor: i64, commission_bp: i64) -> i64 {
    price_minor.saturating_sub(share_bp(price_minor, commission_bp))
}

/// Clears an offer once more when its lead is posted: the bids stand as they were made, but those in `barred`, about which more
/// is known now, are out.
#[must_use]
pub fn conclude(receipt: &Receipt, barred: &BTreeMap<BidId, LossReason>) -> Clearing {
    let again = |bid: &SealedBid| SealedBid { barred: bid.barred.or_else(|| barred.get(&bid.bid).copied()), ..bid.clone() };
    let bids: Vec<SealedBid> = receipt.bids.iter().map(again).collect();
    clear(&receipt.auction, &bids)
}

/// Refuses to take an offer that is over at `now`.
pub fn offer_take(state: OfferState, expires_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    match state {
        OfferState::Open if now < expires_at => Ok(()),
        OfferState::Open | OfferState::Expired => Err(Refusal::new(Code::OutsideWindow, "the offer has expired: ping again")),
        OfferState::Concluded => Err(Refusal::new(Code::SoldOut, "the offer was taken already")),
        OfferState::Refused => Err(Refusal::wrong_state("the lead of this offer was posted, and nobody could buy it")),
    }
}
