//! The exchange's own index.

use domain::campaign::Facts;
use domain::clearing::{Auction, Clearing, LossReason, Pricing, SealedBid, clear};
use domain::matching::{Entry, Index, Lead, Scratch, Selection, Slot, Standing, StandingOffer};
use domain::money::Currency;
use domain::time::Timestamp;
use domain::vertical::VerticalPath;
use uuid::Uuid;

use super::Engine;
use crate::Error;

/// Campaigns of one buyer.
const OF_ONE_BUYER: u32 = 8;
/// Of so many campaigns one has reached its cap.
const CAPPED: u32 = 16;
/// Candidates of each side beyond those that the rule needs, as many as the exchange asks for.
const SPARE: usize = 8;

/// The index, with what the auction asks about each slot.
pub(crate) struct Ours {
    pub(crate) index: Index,
    pub(crate) slots: Vec<Option<Slot>>,
    campaigns: Vec<u32>,
    offers: Vec<StandingOffer>,
    vertical: VerticalPath,
    scratch: Scratch,
    auction: Auction,
}

impl Ours {
    /// An index of `entries` and their slots.
    pub(crate) fn build(entries: &[Entry]) -> (Index, Vec<Slot>) {
        let mut index = Index::default();
        let slots = index.insert_all(entries);
        (index, slots)
    }

    pub(crate) fn new(index: Index, slots: Vec<Slot>, entries: &[Entry], vertical: &VerticalPath) -> Self {
        let auction = Auction {
            pricing: Pricing::SecondPrice,
            max_sales: 3,
            shared_reserve_minor: Some(300),
            exclusive_reserve_minor: Some(600),
        };
        let mut ours = Self {
            index,
            slots: vec![None; entries.len()],
            campaigns: Vec::new(),
            offers: Vec::new(),
            vertical: vertical.clone(),
            scratch: Scratch::default(),
            auction,
        };
        slots.into_iter().zip(entries).enumerate().for_each(|(at, (slot, entry))| ours.is_at(at, slot, entry.offer));
        ours
    }

    /// Notes in which slot a campaign is.
    pub(crate) fn is_at(&mut self, campaign: usize, slot: Slot, offer: StandingOffer) {
        if self.campaigns.len() <= slot.at() {
            let count = slot.at().saturating_add(1);
            self.campaigns.resize(count, u32::MAX);
            self.offers.resize(count, StandingOffer { shared_minor: None, exclusive_minor: None, weight_bp: 1 });
        }
        let places = (self.slots.get_mut(campaign), self.campaigns.get_mut(slot.at()), self.offers.get_mut(slot.at()));
        if let (Some(known), Some(number), Some(terms)) = places {
            (*known, *number, *terms) = (Some(slot), u32::try_from(campaign).unwrap_or(u32::MAX), offer);
        }
    }

    /// Who wins the lead, and at what prices.
    pub(crate) fn auction(&mut self, facts: &Facts) -> Clearing {
        let (campaigns, offers) = (&self.campaigns, &self.offers);
        let standing = |slot: Slot| {
            let campaign = campaigns.get(slot.at()).copied().unwrap_or(u32::MAX);
            if campaign.is_multiple_of(CAPPED) {
                return Err(LossReason::CapReached);
            }
            let offer = offers.get(slot.at()).copied().ok_or(LossReason::FilterMismatch)?;
            Ok(Standing { bidder: campaign / OF_ONE_BUYER, offer, tie: campaign })
        };
        let lead = Lead { vertical: &self.vertical, currency: Currency::EUR, facts };
        let selection = self.index.select(lead, &self.auction, SPARE, &mut self.scratch, standing);
        clear(&self.auction, &bids(&selection))
    }
}

impl Engine for Ours {
    type Lead = Facts;

    fn lead(&self, facts: &Facts) -> Result<Facts, Error> {
        Ok(facts.clone())
    }

    fn matches(&mut self, facts: &Facts, out: &mut Vec<u32>) -> Result<(), Error> {
        let lead = Lead { vertical: &self.vertical, currency: Currency::EUR, facts };
        let campaigns = &self.campaigns;
        self.index.matches(lead, &mut self.scratch, |slot| out.extend(campaigns.get(slot.at())));
        Ok(())
    }
}

/// One bid for every buyer, with the best amount of each side.
fn bids(selection: &Selection<u32>) -> Vec<SealedBid> {
    let mut bids: Vec<SealedBid> = Vec::with_capacity(selection.shared.len().saturating_add(selection.exclusive.len()));
    for (candidates, shared) in [(&selection.shared, true), (&selection.exclusive, false)] {
        for Standing { bidder, offer, .. } in candidates.iter().map(|candidate| candidate.standing) {
            let at = bids.iter().position(|bid| bid.bidder == bidder).unwrap_or_else(|| {
                bids.push(SealedBid {
                    bid: Uuid::from_u128(u128::from(bidder)).into(),
                    bidder,
                    placed_at: Timestamp::default(),
                    shared_minor: None,
                    exclusive_minor: None,
                    weight_bp: offer.weight_bp,
                    barred: None,
                });
                bids.len().saturating_sub(1)
            });
            if let Some(bid) = bids.get_mut(at) {
                if shared { bid.shared_minor = offer.shared_minor } else { bid.exclusive_minor = offer.exclusive_minor }
            }
        }
    }
    bids
}
