//! What a client says of campaigns.

use async_graphql::{ID, InputObject};
use domain::campaign::{AmountsDraft, CallOut, CapDraft, Period, TermsDraft};
use domain::id::{DestinationId, IdError};
use domain::money::{BP_WHOLE, Currency, Money};
use domain::refusal::{Code, Refusal};

use super::filter::{CampaignFilterInput, WeekSpanInput, week_spans};
use crate::app::campaigns::{CampaignCreate, CampaignDraft, CampaignUpdate};
use crate::app::destinations::campaign_destinations;
use crate::graphql::id::parse_id;
use crate::graphql::scalar::{CurrencyCode, MoneyInput};
use crate::graphql::word::Word;

/// What is offered for a lead: for a shared copy, for the exclusive sale, or for either.
#[derive(Debug, Clone, InputObject)]
pub struct CampaignPriceInput {
    /// The most for a shared copy.
    pub shared: Option<MoneyInput>,
    /// The most for the exclusive sale.
    pub exclusive: Option<MoneyInput>,
}

/// A price for those leads that pass a filter.
#[derive(Debug, Clone, InputObject)]
pub struct CampaignPriceRuleInput {
    /// For which leads.
    pub when: CampaignFilterInput,
    /// What is offered for them.
    pub price: CampaignPriceInput,
}

/// The most that is bought in a period of the buyer's clock.
#[derive(Debug, Clone, InputObject)]
pub struct CampaignCapInput {
    /// For how long.
    pub period: Word<Period>,
    /// Leads.
    pub leads: Option<i32>,
    /// Money.
    pub spend: Option<MoneyInput>,
}

/// Where a campaign asks for a live bid on each ping that it matches. Its own price is then the most that it pays.
#[derive(Debug, Clone, InputObject)]
pub struct CampaignCallOutInput {
    /// An https address.
    pub url: String,
    /// How long it may take to answer, in milliseconds.
    #[graphql(default = 300)]
    pub deadline_millis: i32,
}

/// A standing order.
#[derive(Debug, Clone, InputObject)]
pub struct CampaignInput {
    /// What you call it, at most 120 characters.
    pub name: String,
    /// The path of a vertical; a node covers everything below it.
    pub vertical: String,
    /// The currency of all amounts; a campaign meets only leads that are sold in it.
    pub currency_code: CurrencyCode,
    /// Which leads; all of the vertical when absent.
    pub filter: Option<CampaignFilterInput>,
    /// Prices for certain leads: the first whose filter a lead passes is offered. At most 32.
    #[graphql(default)]
    pub price_rules: Vec<CampaignPriceRuleInput>,
    /// The price for all other leads; without it nothing is offered for them.
    pub price: Option<CampaignPriceInput>,
    /// The most that is bought; one cap for each period.
    #[graphql(default)]
    pub caps: Vec<CampaignCapInput>,
    /// The most leads in a minute.
    pub throttle_per_minute: Option<i32>,
    /// The clock of caps and schedule, such as `Europe/Berlin`; your organization's when absent.
    pub time_zone: Option<String>,
    /// When it buys; always when absent.
    #[graphql(default)]
    pub schedule: Vec<WeekSpanInput>,
    /// It buys nobody whom you have bought within so many seconds, refunded or not.
    pub duplicate_window_secs: Option<i64>,
    /// After so many leads it pauses until you resume it.
    pub trial_leads: Option<i32>,
    /// The share of the leads that match that it takes part in, in basis points.
    #[graphql(default = 10_000)]
    pub share_bp: i32,
    /// Among equal bids the heavier goes first: 1 to 1,000.
    #[graphql(default = 1)]
    pub tie_weight: i32,
    /// After so many failed deliveries in a row it pauses. An endpoint of `callOut` that fails counts as one.
    pub pause_after_failures: Option<i32>,
    /// An endpoint that is asked for a live bid on each ping.
    pub call_out: Option<CampaignCallOutInput>,
    /// Where its leads are brought, at most 5 destinations of yours; to the default one, if there is one, when empty. Stays as it was
    /// when absent.
    pub destination_ids: Option<Vec<ID>>,
}

/// A campaign to be made.
#[derive(Debug, Clone, InputObject)]
pub struct CampaignCreateInput {
    /// What it says.
    pub campaign: CampaignInput,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// New terms of a campaign, all at once. Currency and vertical stay.
#[derive(Debug, Clone, InputObject)]
pub struct CampaignUpdateInput {
    /// A campaign of yours that is not archived.
    pub campaign_id: ID,
    /// The version that you saw: refused when there is a later one.
    pub version: Option<i64>,
    /// What it says from now on.
    pub campaign: CampaignInput,
}

/// A campaign whose state is to change.
#[derive(Debug, Clone, InputObject)]
pub struct CampaignPauseInput {
    /// An active campaign of yours.
    pub campaign_id: ID,
}

/// A campaign that is to buy again.
#[derive(Debug, Clone, InputObject)]
pub struct CampaignResumeInput {
    /// A paused campaign of yours.
    pub campaign_id: ID,
}

/// A campaign that is to end.
#[derive(Debug, Clone, InputObject)]
pub struct CampaignArchiveInput {
    /// A campaign of yours.
    pub campaign_id: ID,
}

impl CampaignCreateInput {
    /// The use case's input, or every refusal with its place.
    pub(super) fn parse(self) -> Result<CampaignCreate, Vec<Refusal>> {
        Ok(CampaignCreate { draft: self.campaign.draft().map_err(below)?, idempotency_key: self.idempotency_key })
    }
}

impl CampaignUpdateInput {
    /// The use case's input, or every refusal with its place.
    pub(super) fn parse(self) -> Result<CampaignUpdate, Vec<Refusal>> {
        let campaign = parse_id(&self.campaign_id, "campaignId")?;
        Ok(CampaignUpdate { campaign, version: self.version, draft: self.campaign.draft().map_err(below)? })
    }
}

impl CampaignInput {
    /// What is asked for, or every refusal with its place.
    pub(super) fn draft(self) -> Result<CampaignDraft, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let currency: Option<Currency> = self.currency_code.0.parse().ok();
        if currency.is_none() {
            refusals.push(Refusal::invalid("currencyCode", "an ISO 4217 code such as EUR"));
        }
        let mut keep = |found: Vec<Refusal>| refusals.extend(found);
        let filter = self.filter.map(CampaignFilterInput::parse).transpose();
        let filter = filter.map_err(|found| keep(within("filter", found))).unwrap_or_default();
        let mut rules = Vec::with_capacity(self.price_rules.len());
        for (index, rule) in self.price_rules.into_iter().enumerate() {
            match rule.parse() {
                Ok(rule) => rules.push(rule),
                Err(found) => keep(found.into_iter().map(|refusal| refusal.at(index).at("priceRules")).collect()),
            }
        }
        let price = self.price.as_ref().map(CampaignPriceInput::parse).transpose();
        let price = price.map_err(|found| keep(within("price", found))).ok().flatten().unwrap_or_default();
        let mut caps = Vec::with_capacity(self.caps.len());
        for (index, cap) in self.caps.iter().enumerate() {
            match cap.parse() {
                Ok(cap) => caps.push(cap),
                Err(refusal) => keep(vec![refusal.at(index).at("caps")]),
            }
        }
        let schedule = week_spans(&self.schedule).map_err(|refusal| keep(vec![refusal.at("schedule")])).unwrap_or_default();
        let destinations = self.destination_ids.as_deref().map(destinations).transpose();
        let destinations = destinations.map_err(|refusal| keep(vec![refusal])).unwrap_or_default();
        let mut counts = |field: &str, value: Option<i32>| {
            value.and_then(|value| count(value, field).map_err(|refusal| keep(vec![refusal])).ok())
        };
        let terms = TermsDraft {
            filter,
            rules,
            price,
            caps,
            throttle_per_minute: counts("throttlePerMinute", self.throttle_per_minute),
            zone: self.time_zone.unwrap_or_default(),
            schedule,
            duplicate_window_secs: self.duplicate_window_secs,
            trial_leads: counts("trialLeads", self.trial_leads),
            share_bp: i64::from(self.share_bp).min(BP_WHOLE.saturating_add(1)),
            tie_weight: counts("tieWeight", Some(self.tie_weight)).unwrap_or(1),
            pause_after_failures: counts("pauseAfterFailures", self.pause_after_failures),
            call_out: self.call_out.map(|call_out| CallOut {
                url: call_out.url,
                deadline_millis: u32::try_from(call_out.deadline_millis).unwrap_or(0),
            }),
        };
        match currency {
            Some(currency) if refusals.is_empty() => {
                Ok(CampaignDraft { name: self.name, vertical: self.vertical, currency, terms, destinations })
            }
            _ => Err(refusals),
        }
    }
}

impl CampaignPriceRuleInput {
    fn parse(self) -> Result<(domain::campaign::Ask, AmountsDraft), Vec<Refusal>> {
        let when = self.when.parse().map_err(|found| within("when", found));
        let price = self.price.parse().map_err(|found| within("price", found));
        match (when, price) {
            (Ok(when), Ok(price)) => Ok((when, price)),
            (when, price) => Err(when.err().into_iter().chain(price.err()).flatten().collect()),
        }
    }
}

impl CampaignPriceInput {
    fn parse(&self) -> Result<AmountsDraft, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut side = |money: &Option<MoneyInput>, field: &str| -> Option<Money> {
            let parsed = money.as_ref().map(|money| money.positive(field)).transpose();
            parsed.map_err(|refusal| refusals.push(refusal)).ok().flatten()
        };
        let draft = AmountsDraft { shared: side(&self.shared, "shared"), exclusive: side(&self.exclusive, "exclusive") };
        if refusals.is_empty() { Ok(draft) } else { Err(refusals) }
    }
}

impl CampaignCapInput {
    fn parse(&self) -> Result<CapDraft, Refusal> {
        let leads = self.leads.map(|leads| count(leads, "leads")).transpose()?;
        let spend = self.spend.as_ref().map(|spend| spend.positive("spend")).transpose()?;
        Ok(CapDraft { period: self.period.0, leads, spend })
    }
}

fn count(value: i32, field: &str) -> Result<u32, Refusal> {
    u32::try_from(value).map_err(|_| Refusal::invalid(field, "not below zero"))
}

fn destinations(ids: &[ID]) -> Result<Vec<DestinationId>, Refusal> {
    let parsed = ids.iter().enumerate().map(|(place, id)| {
        id.parse().map_err(|error: IdError| Refusal::new(Code::Invalid, error.to_string()).at(place).at("destinationIds"))
    });
    campaign_destinations(parsed.collect::<Result<_, _>>()?)
}

fn within(field: &str, found: Vec<Refusal>) -> Vec<Refusal> {
    found.into_iter().map(|refusal| refusal.at(field)).collect()
}

/// Refusals of a draft that is the whole input.
pub(super) fn drafted(found: Vec<Refusal>) -> Vec<Refusal> {
    within("input", found)
}

fn below(found: Vec<Refusal>) -> Vec<Refusal> {
    within("campaign", found)
}
