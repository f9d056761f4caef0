//! The book: every active campaign in memory, in an index that tells which of them a lead meets. One per process, kept current by
//! this process's own changes at once, and by those of others through the feed.
//!
//! The book is only fast: whether a campaign may buy is decided again on its locked row when money moves.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::campaign::{Amounts, CampaignState, Facts, Standing as CampaignStanding, Usage};
use domain::clearing::{Auction, LossReason};
use domain::id::{CampaignId, OrganizationId, VerticalId};
use domain::matching::{Candidate, Entry, Index, Lead, Scratch, Slot, Standing, StandingOffer};
use domain::money::Currency;
use domain::time::Timestamp;
use domain::vertical::VerticalPath;
use store::campaigns::StoredCampaign;
use store::outbox::Position;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Candidates of each side beyond those that the rule needs: some may turn out to have no money, or the person already.
const SPARE: usize = 8;

/// The campaigns of one process.
#[derive(Default)]
pub struct Book {
    pub(super) filled: OnceCell<()>,
    inner: RwLock<Inner>,
}

#[derive(Default)]
pub(super) struct Inner {
    index: Index,
    slots: HashMap<CampaignId, Slot>,
    members: HashMap<Slot, Box<StoredCampaign>>,
    pub(super) paths: BTreeMap<VerticalId, VerticalPath>,
    bidders: HashMap<OrganizationId, u32>,
    pub(super) weights: HashMap<OrganizationId, i64>,
    pub(super) position: Position,
    /// Events behind the position that were heeded already: an older transaction holds the position back.
    pub(super) heeded: BTreeSet<Position>,
    endpoints: HashMap<CampaignId, Endpoint>,
}

/// How a campaign's endpoint has answered of late.
#[derive(Debug, Clone, Copy, Default)]
struct Endpoint {
    failures: u32,
    left_alone_until: Option<Timestamp>,
}

/// A lead as campaigns look at it.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    /// Its vertical.
    pub vertical: &'a VerticalPath,
    /// The currency in which it is sold.
    pub currency: Currency,
    /// What is known of it.
    pub facts: &'a Facts,
    /// The lead, or the ping.
    pub subject: Uuid,
    /// Who sells it.
    pub seller: OrganizationId,
    /// The one advertiser that may buy it, if there is one.
    pub target: Option<OrganizationId>,
}

/// A campaign that takes part in a clearing, in the order of ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// The campaign.
    pub campaign: CampaignId,
    /// Whose it is.
    pub buyer: OrganizationId,
    /// What it offers.
    pub amounts: Amounts,
    /// In which currency.
    pub currency: Currency,
    /// Tells buyers apart.
    pub bidder: u32,
    /// The buyer's weight in basis points, as the book knows it.
    pub weight_bp: i64,
}

/// Those who may win, and what kept others out that could have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picks {
    /// One for each buyer, first those who come first among equals.
    pub picks: Vec<Pick>,
    /// Campaigns that would have been considered, and what kept each out.
    pub refused: Vec<(CampaignId, LossReason)>,
}

/// Who comes first among equal values: the heavier, then who was served longest ago, then the older.
type Tie = (Reverse<u32>, Timestamp, CampaignId);

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Book")
    }
}

impl Book {
    /// The campaigns that may win an auction of a lead, or set a price in it. `owners` says when each buyer last bought the
    /// person, and whether that trade stands.
    pub fn picks(
        &self,
        lead: &Offered<'_>,
        auction: &Auction,
        owners: &BTreeMap<OrganizationId, (Timestamp, bool)>,
        now: Timestamp,
    ) -> Picks {
        let inner = self.read();
        let mut scratch = Scratch::default();
        let standing = |slot: Slot| inner.standing(slot, lead, owners, now);
        let asked = Lead { vertical: lead.vertical, currency: lead.currency, facts: lead.facts };
        let selection = inner.index.select(asked, auction, SPARE, &mut scratch, standing);
        let refused = selection.refused.iter();
        let refused = refused.filter_map(|(slot, reason)| Some((inner.member(*slot)?.id, *reason)));
        let refused = refused.collect();
        let mut best: BTreeMap<u32, (i64, Candidate<Tie>)> = BTreeMap::new();
        for candidate in selection.shared.into_iter().chain(selection.exclusive) {
            let offer = candidate.standing.offer;
            let worth = offer.shared_minor.max(offer.exclusive_minor).unwrap_or(0);
            let entry = best.entry(candidate.standing.bidder).or_insert((worth, candidate));
            if (worth, Reverse(candidate.standing.tie)) > (entry.0, Reverse(entry.1.standing.tie)) {
                *entry = (worth, candidate);
            }
        }
        let mut ordered: Vec<Candidate<Tie>> = best.into_values().map(|(_, candidate)| candidate).collect();
        ordered.sort_by_key(|candidate| candidate.standing.tie);
        let pick = |candidate: Candidate<Tie>| {
            let campaign = inner.member(candidate.slot)?;
            let StandingOffer { shared_minor, exclusive_minor, weight_bp } = candidate.standing.offer;
            Some(Pick {
                campaign: campaign.id,
                buyer: campaign.organization,
                amounts: Amounts { shared_minor, exclusive_minor },
                currency: campaign.currency,
                bidder: candidate.standing.bidder,
                weight_bp,
            })
        };
        Picks { picks: ordered.into_iter().filter_map(pick).collect(), refused }
    }

    /// The campaign's terms as the book knows them.
    pub fn campaign(&self, id: CampaignId) -> Option<StoredCampaign> {
        let inner = self.read();
        let slot = inner.slots.get(&id)?;
        inner.member(*slot).cloned()
    }

    /// Campaigns in the book.
    pub fn len(&self) -> usize {
        self.read().slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what a campaign is now; nothing older than what the book has.
    pub fn put(&self, campaign: &StoredCampaign) {
        self.write().put(campaign);
    }

    /// Takes what a campaign has used up.
    pub fn used(&self, id: CampaignId, usage: Usage, served_at: Option<Timestamp>) {
        let mut inner = self.write();
        let Some(slot) = inner.slots.get(&id).copied() else { return };
        if let Some(member) = inner.members.get_mut(&slot) {
            member.standing.usage = usage;
            member.served_at = member.served_at.max(served_at);
        }
    }

    /// Whether a campaign's endpoint is asked at `now`.
    pub fn may_ask(&self, id: CampaignId, now: Timestamp) -> bool {
        let endpoint = self.read().endpoints.get(&id).copied().unwrap_or_default();
        endpoint.left_alone_until.is_none_or(|until| until <= now)
    }

    /// Takes how an endpoint answered at `now`: after `failures_max` failures in a row it is left alone for `pause_secs`, and then
    /// asked once.
    pub fn answered(&self, id: CampaignId, failed: bool, now: Timestamp, failures_max: u32, pause_secs: i64) {
        let mut inner = self.write();
        if !failed {
            inner.endpoints.remove(&id);
            return;
        }
        let endpoint = inner.endpoints.entry(id).or_default();
        endpoint.failures = endpoint.failures.saturating_add(1);
        if endpoint.failures >= failures_max {
            endpoint.left_alone_until = Some(domain::time::plus_secs(now, pause_secs));
        }
    }

    /// Those of `organizations` whose weight the book knows.
    pub(super) fn weighed(&self, organizations: &[OrganizationId]) -> Vec<OrganizationId> {
        let inner = self.read();
        organizations.iter().copied().filter(|organization| inner.weights.contains_key(organization)).collect()
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn member(&self, slot: Slot) -> Option<&StoredCampaign> {
        self.members.get(&slot).map(AsRef::as_ref)
    }

    fn standing(
        &self,
        slot: Slot,
        lead: &Offered<'_>,
        owners: &BTreeMap<OrganizationId, (Timestamp, bool)>,
        now: Timestamp,
    ) -> Result<Standing<Tie>, LossReason> {
        let campaign = self.member(slot).ok_or(LossReason::FilterMismatch)?;
        let buyer = campaign.organization;
        if buyer == lead.seller {
            return Err(LossReason::OwnLead);
        }
        if lead.target.is_some_and(|target| target != buyer) {
            return Err(LossReason::FilterMismatch);
        }
        if owners.get(&buyer).is_some_and(|owner| has_person(&campaign.standing, *owner, now)) {
            return Err(LossReason::DuplicateForBuyer);
        }
        let amounts = campaign.standing.offer(lead.facts, lead.subject, now)?;
        let weight_bp = self.weights.get(&buyer).copied().unwrap_or(domain::money::BP_WHOLE);
        let served_at = campaign.served_at.unwrap_or(chrono::DateTime::UNIX_EPOCH);
        Ok(Standing {
            bidder: self.bidders.get(&buyer).copied().unwrap_or(0),
            offer: StandingOffer { shared_minor: amounts.shared_minor, exclusive_minor: amounts.exclusive_minor, weight_bp },
            tie: (Reverse(campaign.standing.terms.tie_weight), served_at, campaign.id),
        })
    }

    fn put(&mut self, campaign: &StoredCampaign) {
        let known = self.slots.get(&campaign.id).copied();
        if let Some(member) = known.and_then(|slot| self.member(slot))
            && member.version > campaign.version
        {
            return;
        }
        let Some(entry) = self.entry(campaign) else {
            if let Some(slot) = known {
                self.index.remove(slot);
                self.slots.remove(&campaign.id);
                self.members.remove(&slot);
            }
            return;
        };
        let moved = known.and_then(|slot| {
            self.members.remove(&slot);
            self.index.replace(slot, &entry)
        });
        let slot = moved.unwrap_or_else(|| self.index.insert(&entry));
        self.is_at(slot, campaign.clone());
    }

    /// Takes campaigns that the book does not have, all at once: the index is laid out better then.
    pub(super) fn put_all(&mut self, campaigns: Vec<StoredCampaign>) {
        let (mut entries, mut taken) = (Vec::with_capacity(campaigns.len()), Vec::with_capacity(campaigns.len()));
        for campaign in campaigns {
            if let Some(entry) = self.entry(&campaign) {
                entries.push(entry);
                taken.push(campaign);
            }
        }
        let slots = self.index.insert_all(&entries);
        slots.into_iter().zip(taken).for_each(|(slot, campaign)| self.is_at(slot, campaign));
    }

    fn is_at(&mut self, slot: Slot, campaign: StoredCampaign) {
        let next = u32::try_from(self.bidders.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.bidders.entry(campaign.organization).or_insert(next);
        self.slots.insert(campaign.id, slot);
        self.members.insert(slot, Box::new(campaign));
    }

    /// What the index takes of a campaign; `None` when it does not buy.
    fn entry(&self, campaign: &StoredCampaign) -> Option<Entry> {
        let vertical = self.paths.get(&campaign.vertical).filter(|_| campaign.standing.state == CampaignState::Active)?;
        let most = campaign.standing.terms.price.most();
        // The most that it can bid: a weight changes with the buyer's disputes, and the index must not be behind it.
        let weight_bp = domain::money::BP_WHOLE;
        Some(Entry {
            vertical: vertical.clone(),
            currency: campaign.currency,
            filter: campaign.standing.terms.filter.clone(),
            offer: StandingOffer { shared_minor: most.shared_minor, exclusive_minor: most.exclusive_minor, weight_bp },
        })
    }
}

/// Whether a buyer has a person already, by the exchange's rule and by the campaign's own window.
#[must_use]
pub fn has_person(standing: &CampaignStanding, (sold_at, stands): (Timestamp, bool), now: Timestamp) -> bool {
    let window = standing.terms.duplicate_window_secs;
    stands || window.is_some_and(|secs| domain::time::plus_secs(sold_at, secs) > now)
}
