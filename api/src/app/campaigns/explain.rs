//! Telling a buyer what its campaign makes of a lead.

use std::collections::BTreeSet;

use domain::access::Permission;
use domain::account::OrganizationStatus;
use domain::campaign::{Amounts, Explanation, Facts, Field, PersonBought, Sight, Situation, Span};
use domain::clearing::SaleKind;
use domain::id::{CampaignId, LeadId, ListingId, OrganizationId};
use domain::listing::{BuyerAccess, Listing};
use domain::refusal::Refusal;
use domain::time::{Timestamp, hour_of, plus_secs, secs_until};
use domain::trade::TradeState;
use domain::vertical::VerticalPath;
use store::campaigns::StoredCampaign;
use store::listings::ListingView;
use store::trades::Trade;

use super::facts::listing_facts;
use super::{CampaignView, own, viewed};
use crate::app::leads::person_of;
use crate::app::{App, AppError, Caller};

/// Length of the step in which the market tells when a person left the details, in seconds.
const HOUR_SECS: i64 = 3_600;

/// What a campaign is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A listing that the caller may see.
    Listing(ListingId),
    /// A lead that the caller has bought: what the campaign would make of it had it not been.
    Lead(LeadId),
}

/// What a campaign makes of a lead.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The campaign with its present usage.
    pub campaign: CampaignView,
    /// Whether the lead is of its vertical and is sold in its currency.
    pub in_scope: bool,
    /// The rest.
    pub explanation: Explanation,
}

/// What the caller's campaign makes of a lead at this instant, as far as the caller may know the lead: no condition tells more
/// than the market shows, or than the caller has bought.
pub async fn match_explain(app: &App, caller: &Caller, campaign: CampaignId, subject: Subject) -> Result<Explained, AppError> {
    let buyer = caller.principal.require(Permission::MarketRead)?;
    let campaign = own(app.store.campaign_any(campaign).await?, buyer)?;
    let (view, trade) = found(app, buyer, subject).await?;
    let campaign = viewed(app, vec![campaign]).await?.pop().ok_or_else(|| AppError::internal("a campaign without its view"))?;
    let now = app.now();
    let in_scope = in_scope(&campaign, &view);
    let situation = situation(app, buyer, &campaign.campaign, &view, subject, now).await?;
    let situation = Situation { in_scope, ..situation };
    let postal_code = match &trade {
        Some(trade) => postal_code(app, caller, trade).await?,
        None => None,
    };
    let facts = listing_facts(&view, postal_code.as_deref(), now);
    let sight = sight(&facts, &view, trade.is_some(), postal_code.is_some(), now);
    let explanation = campaign.campaign.standing.explain(&sight, view.stored.lead.0, situation, now);
    Ok(Explained { campaign, in_scope, explanation })
}

async fn found(app: &App, buyer: OrganizationId, subject: Subject) -> Result<(ListingView, Option<Trade>), AppError> {
    let unknown = match subject {
        Subject::Listing(_) => || Refusal::not_found("listingId", "listing"),
        Subject::Lead(_) => || Refusal::not_found("leadId", "lead that you have bought"),
    };
    let (listing, trade) = match subject {
        Subject::Listing(listing) => (listing, None),
        Subject::Lead(lead) => {
            let trade = app.store.trade_of_lead(lead, buyer).await?.ok_or_else(unknown)?;
            (trade.listing, Some(trade))
        }
    };
    let view = app.store.listing_visible(buyer, listing).await?.ok_or_else(unknown)?;
    let trade = match trade {
        None => app.store.trade_of_lead(view.stored.lead, buyer).await?,
        known => known,
    };
    Ok((view, trade))
}

fn in_scope(campaign: &CampaignView, view: &ListingView) -> bool {
    let path = |text: &str| text.parse::<VerticalPath>().ok();
    let below = path(&view.vertical_path).zip(path(&campaign.vertical_path)).is_some_and(|(lead, own)| lead.within(&own));
    below && view.stored.currency == campaign.campaign.currency
}

async fn situation(
    app: &App,
    buyer: OrganizationId,
    campaign: &StoredCampaign,
    view: &ListingView,
    subject: Subject,
    now: Timestamp,
) -> Result<Situation, AppError> {
    let wallet = app.store.wallet(buyer).await?;
    let balances = wallet.balances.get(&campaign.currency).copied().unwrap_or_default();
    let organization = app.store.organizations(&[buyer]).await?.pop();
    let suspended = organization.is_some_and(|organization| organization.status == OrganizationStatus::Suspended);
    let access = match (suspended, wallet.frozen_at) {
        (true, _) => BuyerAccess::Suspended,
        (false, Some(_)) => BuyerAccess::WalletFrozen,
        (false, None) => BuyerAccess::Full,
    };
    let lead = view.stored.lead;
    let persons = app.store.persons_known(buyer, &BTreeSet::from([lead])).await?;
    let window = campaign.standing.terms.duplicate_window_secs;
    let recent = |sold_at| window.is_some_and(|secs| now < plus_secs(sold_at, secs));
    let counts = |bought: &PersonBought| bought.stands || recent(bought.sold_at);
    let for_sale = matches!(subject, Subject::Listing(_));
    Ok(Situation {
        in_scope: true,
        asked: for_sale.then(|| asked(&view.stored.listing, now)),
        available_minor: balances.available_minor,
        has_person: for_sale && persons.get(&lead).is_some_and(|person| person.bought.iter().any(counts)),
        is_seller: view.stored.seller == buyer,
        access,
    })
}

/// What a listing asks for at least: its price as it stands, or its reserves.
fn asked(listing: &Listing, now: Timestamp) -> Amounts {
    if let Some(auction) = listing.terms.auction(listing.max_sales) {
        return Amounts { shared_minor: auction.shared_reserve_minor, exclusive_minor: auction.exclusive_reserve_minor };
    }
    let at = now.min(listing.closes_at);
    let price = |kind| listing.terms.price_at(kind, listing.opens_at, at).filter(|_| listing.offers(kind));
    Amounts { shared_minor: price(SaleKind::Shared), exclusive_minor: price(SaleKind::Exclusive) }
}

/// The postal code of a person whose details the caller has seen and may see again: whoever may not look at the details does not
/// find them out by asking.
async fn postal_code(app: &App, caller: &Caller, trade: &Trade) -> Result<Option<String>, AppError> {
    let seen = trade.delivered_at.is_some() && trade.hold.state() != TradeState::Refunded;
    if !seen || !caller.principal.may(Permission::ContactsReveal) {
        return Ok(None);
    }
    Ok(person_of(app, trade.lead).await?.and_then(|person| person.postal_code))
}

/// What the caller may know. The market hides who sells, what shows the consent, and the hour's minutes of a lead that is not
/// bought; postal codes lie sealed with the contact.
fn sight<'a>(facts: &'a Facts, view: &ListingView, bought: bool, postal: bool, now: Timestamp) -> Sight<'a> {
    let sight = Sight::whole(facts).without((!postal).then_some(Field::PostalCode));
    if bought {
        return sight;
    }
    let sight = sight.without([Field::Seller, Field::Consent]);
    if !view.dated {
        return sight;
    }
    let oldest = secs_until(hour_of(view.captured_at), now);
    let youngest = oldest.saturating_sub(HOUR_SECS).max(0);
    sight.within(Field::AgeSecs, Span { min: Some(youngest), max: Some(oldest) })
}
