//! Campaigns join an auction when it is cleared: each bids like a buyer would at that moment, with its money reserved.

use std::collections::{BTreeMap, BTreeSet};

use domain::bid::{BidState, Placement};
use domain::campaign::{Amounts, CampaignState};
use domain::id::{BidId, CampaignId, OrganizationId};
use domain::ledger::{Account, AccountKind, event};
use domain::listing::{BuyerAccess, BuyerFacts};
use domain::money::Money;
use store::bids::{Returning, StoredBid, bids_insert};
use store::campaigns::{CampaignPurchase, StoredCampaign, campaign_tried_out};
use store::ledger::{Ledger, Note};
use store::listings::{BuyersFacts, StoredListing};
use store::trades::Sale;
use store::{StoreError, Tx, WriteError};

use crate::app::campaigns::book::Pick;

/// The campaigns that join one auction, their rows locked.
pub(super) struct Joining {
    picks: Vec<(Pick, StoredCampaign)>,
    bids: BTreeMap<BidId, CampaignId>,
}

impl Joining {
    /// Locks the campaigns of `picks`. A buyer that has placed a bid itself is content with that one.
    pub(super) async fn lock(tx: &Tx, picks: &[Pick], bids: &[StoredBid]) -> Result<Self, StoreError> {
        let bidders: BTreeSet<OrganizationId> = bids.iter().map(|bid| bid.buyer).collect();
        let picks: Vec<Pick> = picks.iter().filter(|pick| !bidders.contains(&pick.buyer)).copied().collect();
        let ids: Vec<CampaignId> = picks.iter().map(|pick| pick.campaign).collect();
        let locked = if ids.is_empty() { Vec::new() } else { tx.campaigns_locked(&ids).await? };
        let mut locked: BTreeMap<CampaignId, StoredCampaign> =
            locked.into_iter().map(|campaign| (campaign.id, campaign)).collect();
        // The order of picks is that of ties: bids get their ids in it.
        let picks = picks.into_iter().filter_map(|pick| Some((pick, locked.remove(&pick.campaign)?))).collect();
        Ok(Self { picks, bids: BTreeMap::new() })
    }

    /// Whose campaigns they are.
    pub(super) fn buyers(&self) -> impl Iterator<Item = OrganizationId> + '_ {
        self.picks.iter().map(|(pick, _)| pick.buyer)
    }

    /// Places the bids of those that may buy the lead, have room for it, and can pay. The accounts of all bids are locked at
    /// once, so that those who clear wait for each other in one order.
    pub(super) async fn bid(
        &mut self,
        tx: &Tx,
        due: &StoredListing,
        facts: &BuyersFacts,
        open: &[StoredBid],
    ) -> Result<Vec<StoredBid>, WriteError> {
        if self.picks.is_empty() {
            return Ok(Vec::new());
        }
        let now = tx.now().await?;
        let account = |buyer, kind| Account::of(buyer, kind, due.currency);
        let kinds = [AccountKind::Available, AccountKind::Reserved, AccountKind::Receivable];
        let own = self.picks.iter().flat_map(|(pick, _)| kinds.map(|kind| account(pick.buyer, kind)));
        let returning = Returning { bids: open, currency: due.currency };
        let all = own.chain(returning.accounts()).chain([account(due.seller, AccountKind::Escrow)]);
        let mut ledger = Ledger::lock(tx, all).await?;
        let mut placed = Vec::new();
        for (pick, campaign) in &self.picks {
            if campaign.standing.state != CampaignState::Active || !facts.of(pick.buyer).is_some_and(may_buy) {
                continue;
            }
            let Ok(amounts) = campaign.standing.within_caps(pick.amounts, now) else { continue };
            let spendable_minor = ledger.balance_minor(account(pick.buyer, AccountKind::Available));
            let affordable = |minor: Option<i64>| minor.filter(|minor| *minor <= spendable_minor);
            let amounts =
                Amounts { shared_minor: affordable(amounts.shared_minor), exclusive_minor: affordable(amounts.exclusive_minor) };
            let reserved_minor = amounts.larger_minor();
            if reserved_minor < 1 {
                continue;
            }
            let Amounts { shared_minor, exclusive_minor } = amounts;
            let placement = Placement { shared_minor, exclusive_minor, reserved_minor };
            let bid = StoredBid {
                id: tx.id(),
                listing: due.id,
                buyer: pick.buyer,
                placement,
                state: BidState::Open,
                loss_reason: None,
                placed_at: now,
                ended_at: None,
                version: 0,
            };
            let reserved = Money::new(reserved_minor, due.currency);
            let journal = event::bid_reserve(bid.id, pick.buyer, reserved).map_err(StoreError::corrupt)?;
            ledger.record(&journal, Note::default())?;
            self.bids.insert(bid.id, pick.campaign);
            placed.push((bid, None));
        }
        bids_insert(tx, &placed).await?;
        ledger.flush().await?;
        Ok(placed.into_iter().map(|(bid, _)| bid).collect())
    }

    /// Counts what the campaigns bought; answers which did.
    pub(super) async fn count(self, tx: &Tx, sales: &[(BidId, Sale)]) -> Result<Vec<CampaignId>, WriteError> {
        let now = tx.now().await?;
        let Self { picks, bids } = self;
        let mut bought = Vec::new();
        for (bid, sale) in sales {
            let Some(id) = bids.get(bid) else { continue };
            let Some((_, campaign)) = picks.iter().find(|(pick, _)| pick.campaign == *id) else { continue };
            let zone = campaign.standing.terms.zone;
            let mut counted = StoredCampaign { served_at: Some(now), ..campaign.clone() };
            counted.standing.usage = counted.standing.usage.rolled(now, zone).plus(sale.price.minor);
            tx.campaigns_count(&[&counted]).await?;
            let purchase = CampaignPurchase { trade: sale.trade, campaign: *id, price_minor: sale.price.minor, counted_at: now };
            tx.campaign_purchases_insert(&[purchase]).await?;
            campaign_tried_out(tx, &counted).await?;
            bought.push(*id);
        }
        Ok(bought)
    }
}

fn may_buy(facts: BuyerFacts) -> bool {
    facts.access == BuyerAccess::Full && !facts.is_seller && !facts.has_person
}
