//! Making an offer: campaigns that match are cleared against each other, and the winners' prices are reserved.

use std::collections::{BTreeMap, BTreeSet};

use domain::campaign::{Amounts, CampaignState, Facts};
use domain::clearing::{Auction, LossReason, SealedBid};
use domain::id::{BidId, CampaignId, ListingId, OfferId, OrganizationId, VerticalId};
use domain::listing::{AuctionDraft, BuyerAccess, LeadFacts, ListingDraft, Terms, TermsDraft, listing_open};
use domain::money::{BP_WHOLE, Currency};
use domain::offer::{OfferState, Ping};
use domain::receipt::{ListingFacts, Receipt};
use domain::refusal::Refusal;
use domain::time::{Timestamp, plus_secs};
use domain::vertical::VerticalPath;
use store::WriteError;
use store::offers::{Bidder, StoredOffer, StoredPing};
use store::settlement::{Batch, Needs};
use uuid::Uuid;

use super::live::{Answers, live_bids};
use crate::app::campaigns::book::{Offered, Pick};
use crate::app::campaigns::follow::book;
use crate::app::listings::limits;
use crate::app::settlement::Command;
use crate::app::{App, AppError};
use crate::config::Exchange;

/// How often picks are made anew when those that were picked have no money or no room.
const ROUNDS: usize = 3;

/// What a seller asks for a lead in real time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferTerms {
    /// Reserves and pricing, as of an auction.
    pub auction: AuctionDraft,
    /// The most copies to sell.
    pub max_sales: i64,
}

/// Terms that were checked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) terms: Terms,
    pub(super) auction: Auction,
    pub(super) currency: Currency,
}

/// A lead for which an offer is sought.
#[derive(Debug, Clone)]
pub(super) struct Sought {
    pub(super) seller: OrganizationId,
    pub(super) vertical: VerticalId,
    pub(super) path: VerticalPath,
    pub(super) facts: Facts,
    pub(super) ping: StoredPing,
    pub(super) fingerprint: Vec<u8>,
    pub(super) asked: Asked,
    pub(super) owners: BTreeMap<OrganizationId, (Timestamp, bool)>,
}

impl OfferTerms {
    /// The terms under which a lead may be sold now; every refusal with its place.
    pub(super) fn check(&self, app: &App, now: Timestamp) -> Result<Asked, Vec<Refusal>> {
        let draft = ListingDraft {
            terms: TermsDraft::Auction(self.auction.clone()),
            max_sales: self.max_sales,
            open_secs: Some(app.config.exchange.auction_min_secs),
        };
        let lead = LeadFacts { verified: true, ..LeadFacts::default() };
        let opened = listing_open(&draft, &lead, &limits(&app.config.exchange), now);
        let opening = opened.map_err(|found| found.into_iter().map(at_terms).collect::<Vec<_>>())?;
        let auction = opening.terms.auction(opening.max_sales);
        let auction = auction.ok_or_else(|| Refusal::invalid("terms", "an auction"))?;
        Ok(Asked { terms: opening.terms, auction, currency: opening.currency })
    }
}

/// The terms of an offer are those of an auction, without the choice of a format.
fn at_terms(mut refusal: Refusal) -> Refusal {
    if let [terms, auction, ..] = refusal.path.as_slice()
        && terms == "terms"
        && auction == "auction"
    {
        refusal.path.remove(1);
    }
    refusal
}

/// The best offer for a lead; `None` when no campaign makes one. The same ping gets the same offer while it is open.
pub(super) async fn offer_make(app: &App, sought: Sought) -> Result<Option<StoredOffer>, AppError> {
    let book = book(app).await?;
    let mut out: BTreeMap<OrganizationId, (Timestamp, bool)> = sought.owners.clone();
    let mut answers = Answers::new();
    for _ in 0..ROUNDS {
        let now = app.now();
        let offered = Offered {
            vertical: &sought.path,
            currency: sought.asked.currency,
            facts: &sought.facts,
            subject: subject(&sought.fingerprint),
            seller: sought.seller,
            target: None,
        };
        let mut picks = book.picks(&offered, &sought.asked.auction, &out, now).picks;
        live_bids(app, &picks, &sought.ping.ping, &mut answers).await?;
        let late = named(&mut picks, &answers);
        let none_left = picks.is_empty();
        let making = Making {
            offer: app.store.id(),
            listing: app.store.id(),
            bids: picks.iter().map(|_| app.store.id()).collect(),
            picks,
            late,
            sought: sought.clone(),
            secs: app.config.campaigns.offer_secs,
        };
        let made = app.settlement.run(making).await?;
        for (campaign, usage, served_at) in made.used {
            book.used(campaign, usage, served_at);
        }
        // Those who had no money or no room after all make way for others.
        if made.offer.is_some() || made.out.is_empty() || none_left {
            return Ok(made.offer);
        }
        out.extend(made.out.into_iter().map(|buyer| (buyer, (now, true))));
    }
    Ok(None)
}

/// Gives the picks the prices that their endpoints named; answers which of them named none in time.
fn named(picks: &mut [Pick], answers: &Answers) -> BTreeSet<CampaignId> {
    let mut late = BTreeSet::new();
    for pick in picks {
        match answers.get(&pick.campaign) {
            None => {}
            Some(None) => _ = late.insert(pick.campaign),
            Some(Some(amounts)) => pick.amounts = *amounts,
        }
    }
    late
}

/// What campaigns draw lots by: no seller can foresee it, and the same ping is drawn alike.
fn subject(fingerprint: &[u8]) -> Uuid {
    Uuid::from_bytes(fingerprint.first_chunk::<16>().copied().unwrap_or_default())
}

/// An offer on its way through the queue.
struct Making {
    offer: OfferId,
    listing: ListingId,
    picks: Vec<Pick>,
    /// Those of the picks whose endpoint did not name a price in time.
    late: BTreeSet<CampaignId>,
    bids: Vec<BidId>,
    sought: Sought,
    secs: i64,
}

/// What a campaign has used up, for the book.
pub(in crate::app) type Used = (CampaignId, domain::campaign::Usage, Option<Timestamp>);

struct Made {
    offer: Option<StoredOffer>,
    /// Buyers that could have won but for money or room.
    out: Vec<OrganizationId>,
    used: Vec<Used>,
}

impl Command for Making {
    const NAME: &'static str = "offer_make";
    type Outcome = Made;

    fn needs(&self, needs: &mut Needs) {
        needs.ping(self.sought.seller, &self.sought.fingerprint);
        for pick in &self.picks {
            needs.campaign(pick.campaign, pick.buyer, self.sought.asked.currency);
        }
    }

    fn decide(&self, batch: &mut Batch, _: &Exchange) -> Result<Made, WriteError> {
        let sought = &self.sought;
        if let Some(open) = batch.offer_of(sought.seller, &sought.fingerprint) {
            return Ok(Made { offer: Some(open.clone()), out: Vec::new(), used: Vec::new() });
        }
        let freed = batch.ping_again(sought.seller, &sought.fingerprint)?;
        let touched = || self.picks.iter().map(|pick| pick.campaign).chain(freed.iter().copied());
        let now = batch.now();
        let sealed: Vec<SealedBid> =
            self.picks.iter().zip(&self.bids).map(|(pick, bid)| self.sealed(batch, pick, *bid)).collect();
        let lacking = |bid: &SealedBid| matches!(bid.barred, Some(reason) if may_make_way(reason));
        let out = self.picks.iter().zip(&sealed).filter(|(_, bid)| lacking(bid)).map(|(pick, _)| pick.buyer).collect();
        let receipt = Receipt::issue(self.facts(now), sought.asked.auction.clone(), sealed);
        if receipt.result.sales.is_empty() {
            return Ok(Made { offer: None, out, used: used(batch, freed.iter().copied()) });
        }
        let bidder = |(pick, bid): (&Pick, &BidId)| Bidder { bid: *bid, campaign: pick.campaign, buyer: pick.buyer };
        let offer = StoredOffer {
            id: self.offer,
            seller: sought.seller,
            vertical: sought.vertical,
            fingerprint: sought.fingerprint.clone(),
            ping: sought.ping.clone(),
            state: OfferState::Open,
            currency: sought.asked.currency,
            receipt,
            bidders: self.picks.iter().zip(&self.bids).map(bidder).collect(),
            lead: None,
            listing: None,
            created_at: now,
            expires_at: plus_secs(now, self.secs),
            ended_at: None,
            version: 0,
            test: false,
        };
        batch.offer_make(offer.clone())?;
        Ok(Made { offer: Some(offer), out: Vec::new(), used: used(batch, touched()) })
    }
}

impl Making {
    /// A campaign's bid as its row, and its buyer's, allow it now.
    fn sealed(&self, batch: &Batch, pick: &Pick, bid: BidId) -> SealedBid {
        let allowed = match self.late.contains(&pick.campaign) {
            true => Err(LossReason::Timeout),
            false => allowed(batch, pick, self.sought.asked.currency, pick.amounts),
        };
        let Amounts { shared_minor, exclusive_minor } = allowed.unwrap_or(pick.amounts);
        SealedBid {
            bid,
            bidder: pick.bidder,
            placed_at: batch.now(),
            shared_minor,
            exclusive_minor,
            weight_bp: i64::from(batch.buyer_tally(pick.buyer).bidder_weight_bp()).clamp(1, BP_WHOLE),
            barred: allowed.err(),
        }
    }

    fn facts(&self, now: Timestamp) -> ListingFacts {
        let closes_at = plus_secs(now, self.secs);
        facts(&self.sought.ping.ping, (self.listing, self.sought.asked.currency), (now, closes_at))
    }
}

/// What the receipt of an offer says of its lead.
pub(super) fn facts(
    ping: &Ping,
    (listing, currency): (ListingId, Currency),
    (opened_at, closes_at): (Timestamp, Timestamp),
) -> ListingFacts {
    let mut attributes: BTreeMap<String, serde_json::Value> =
        ping.attributes.iter().map(|(key, value)| (key.clone(), serde_json::json!(value))).collect();
    let public = [
        ("vertical", serde_json::json!(ping.vertical)),
        ("country", serde_json::json!(ping.country)),
        ("region", serde_json::json!(ping.region)),
    ];
    attributes.extend(public.map(|(key, value)| (key.to_owned(), value)));
    ListingFacts { listing, currency, opened_at, closes_at, attributes }
}

/// Those of `amounts` for which a campaign's locked row and its buyer's wallet have room, or what keeps it from buying.
pub(in crate::app) fn allowed(batch: &Batch, pick: &Pick, currency: Currency, amounts: Amounts) -> Result<Amounts, LossReason> {
    if amounts.larger_minor() == 0 {
        // Its endpoint bids nothing for this lead: the rule calls that below the reserve.
        return Ok(amounts);
    }
    let campaign = batch.campaign(pick.campaign).ok_or(LossReason::FilterMismatch)?;
    if campaign.standing.state != CampaignState::Active {
        return Err(LossReason::OutOfSchedule);
    }
    match batch.access(pick.buyer) {
        BuyerAccess::Full => {}
        BuyerAccess::Suspended => return Err(LossReason::FilterMismatch),
        BuyerAccess::WalletFrozen => return Err(LossReason::InsufficientFunds),
    }
    let Amounts { shared_minor, exclusive_minor } = campaign.standing.within_caps(amounts, batch.now())?;
    let spendable_minor = batch.spendable_minor(pick.buyer, currency);
    let [shared_minor, exclusive_minor] =
        [shared_minor, exclusive_minor].map(|minor| minor.filter(|minor| *minor <= spendable_minor));
    if shared_minor.or(exclusive_minor).is_none() {
        return Err(LossReason::InsufficientFunds);
    }
    Ok(Amounts { shared_minor, exclusive_minor })
}

/// Whether another campaign should be looked for in the place of one that is out for this reason.
const fn may_make_way(reason: LossReason) -> bool {
    matches!(
        reason,
        LossReason::CapReached
            | LossReason::BudgetExhausted
            | LossReason::InsufficientFunds
            | LossReason::OutOfSchedule
            | LossReason::FilterMismatch
            | LossReason::Timeout
    )
}

/// What campaigns have used up after a command.
pub(in crate::app) fn used(batch: &Batch, campaigns: impl Iterator<Item = CampaignId>) -> Vec<Used> {
    campaigns
        .filter_map(|id| batch.campaign(id))
        .map(|campaign| (campaign.id, campaign.standing.usage, campaign.served_at))
        .collect()
}
