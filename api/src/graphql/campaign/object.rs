//! A campaign as its buyer sees it.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use chrono::{DateTime, Utc};
use domain::campaign::{Amounts, CallOut, CampaignChange, CampaignState, Cap, PauseReason, Period, PriceRule, Usage};
use domain::id::CampaignId;
use domain::money::{Currency, Money};
use store::campaigns::CampaignRevision;

use super::filter::{CampaignFilter, WeekSpan};
use crate::app::campaigns::{self, CampaignView};
use crate::graphql::connection::{NodeConnection, connection, list_cost, page, page_cost};
use crate::graphql::error::answer;
use crate::graphql::id::to_id;
use crate::graphql::scalar::{CurrencyCode, MoneyObject};
use crate::graphql::word::Word;
use crate::graphql::{app, caller};

const LATEST: &str = "campaign.history";

/// What is offered for a lead.
#[derive(Debug, Clone, SimpleObject)]
pub struct CampaignPrice {
    /// The most for a shared copy.
    pub shared: Option<MoneyObject>,
    /// The most for the exclusive sale.
    pub exclusive: Option<MoneyObject>,
}

/// A price for those leads that pass a filter.
#[derive(Debug, Clone, SimpleObject)]
pub struct CampaignPriceRule {
    /// For which leads.
    pub when: CampaignFilter,
    /// What is offered for them.
    pub price: CampaignPrice,
}

/// The most that is bought in a period, and what of it is used. What an open offer holds counts as used.
#[derive(Debug, Clone, SimpleObject)]
pub struct CampaignCap {
    /// For how long.
    pub period: Word<Period>,
    /// Leads at most.
    pub leads: Option<i32>,
    /// Money at most.
    pub spend: Option<MoneyObject>,
    /// Leads bought in the present period.
    pub used_leads: i32,
    /// What they cost.
    pub used_spend: MoneyObject,
}

/// The most that is bought in a period, as a version of the campaign said it.
#[derive(Debug, Clone, SimpleObject)]
pub struct CampaignCapTerms {
    /// For how long.
    pub period: Word<Period>,
    /// Leads at most.
    pub leads: Option<i32>,
    /// Money at most.
    pub spend: Option<MoneyObject>,
}

/// An endpoint that is asked for a live bid.
#[derive(Debug, Clone, SimpleObject)]
pub struct CampaignCallOut {
    /// Its address.
    pub url: String,
    /// How long it may take to answer, in milliseconds.
    pub deadline_millis: i32,
}

/// Something that was done to a campaign.
#[derive(Debug, Clone, SimpleObject)]
pub struct CampaignHistoryEntry {
    /// The version that it made.
    pub version: i64,
    /// What was done.
    pub change: Word<CampaignChange>,
    /// Why it was paused, if it was.
    pub pause_reason: Option<Word<PauseReason>>,
    /// Its name from then on.
    pub name: String,
    /// Which leads, from then on; all of the vertical when null.
    pub filter: Option<CampaignFilter>,
    /// Prices for certain leads, from then on.
    #[graphql(complexity = "list_cost(3, child_complexity)")]
    pub price_rules: Vec<CampaignPriceRule>,
    /// The price for all other leads, from then on.
    pub price: Option<CampaignPrice>,
    /// The most that was bought, from then on.
    #[graphql(complexity = "list_cost(3, child_complexity)")]
    pub caps: Vec<CampaignCapTerms>,
    /// The clock of caps and schedule, from then on.
    pub time_zone: String,
    /// When it bought, from then on; always when empty.
    #[graphql(complexity = "list_cost(5, child_complexity)")]
    pub schedule: Vec<WeekSpan>,
    /// The duplicate window from then on.
    pub duplicate_window_secs: Option<i64>,
    /// The leads of the trial from then on.
    pub trial_leads: Option<i32>,
    /// The share from then on, in basis points.
    pub share_bp: i32,
    /// The weight among equal bids from then on.
    pub tie_weight: i32,
    /// The failed deliveries in a row after which it paused, from then on.
    pub pause_after_failures: Option<i32>,
    /// The endpoint that was asked for live bids, from then on.
    pub call_out: Option<CampaignCallOut>,
    /// Who did it; null where the exchange did.
    pub user_id: Option<ID>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A standing order. Only its own organization sees it.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(name = "Campaign", complex)]
pub struct CampaignObject {
    /// The campaign's id.
    pub id: ID,
    /// What its buyer calls it.
    pub name: String,
    /// The path of its vertical; it covers everything below it.
    pub vertical: String,
    /// The currency of all amounts.
    pub currency_code: CurrencyCode,
    /// Where it stands.
    pub state: Word<CampaignState>,
    /// Why it is paused, if it is.
    pub pause_reason: Option<Word<PauseReason>>,
    /// Which leads; all of the vertical when null.
    pub filter: Option<CampaignFilter>,
    /// Prices for certain leads, tried in order.
    #[graphql(complexity = "list_cost(3, child_complexity)")]
    pub price_rules: Vec<CampaignPriceRule>,
    /// The price for all other leads; nothing is offered for them when null.
    pub price: Option<CampaignPrice>,
    /// The most that is bought, and what is used of it. The throttle is the cap on a MINUTE.
    #[graphql(complexity = "list_cost(3, child_complexity)")]
    pub caps: Vec<CampaignCap>,
    /// The clock of caps and schedule.
    pub time_zone: String,
    /// When it buys; always when empty.
    #[graphql(complexity = "list_cost(5, child_complexity)")]
    pub schedule: Vec<WeekSpan>,
    /// It buys nobody whom its buyer has bought within so many seconds.
    pub duplicate_window_secs: Option<i64>,
    /// After so many leads it pauses until it is resumed.
    pub trial_leads: Option<i32>,
    /// Whether the trial is over and confirmed.
    pub trial_confirmed: bool,
    /// The share of the leads that match that it takes part in, in basis points.
    pub share_bp: i32,
    /// Among equal bids the heavier goes first.
    pub tie_weight: i32,
    /// After so many failed deliveries in a row it pauses.
    pub pause_after_failures: Option<i32>,
    /// Failed deliveries in a row.
    pub failures: i32,
    /// An endpoint that is asked for a live bid on each ping.
    pub call_out: Option<CampaignCallOut>,
    /// Where its leads are brought; to the organization's default destination, if it has one, when empty.
    pub destination_ids: Vec<ID>,
    /// Leads bought, and leads held by open offers.
    pub leads: i32,
    /// What they cost.
    pub spend: MoneyObject,
    /// When it last bought a lead or was promised one.
    pub served_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its terms or its state last changed.
    pub updated_at: DateTime<Utc>,
    /// Grows with each change of terms or state.
    pub version: i64,
    #[graphql(skip)]
    campaign: CampaignId,
}

#[ComplexObject]
impl CampaignObject {
    /// What was done to it, the latest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<CampaignHistoryEntry>> {
        let found = async {
            let page = page::<i64>(LATEST, first, after.as_deref())?;
            campaigns::campaign_history(app(ctx), caller(ctx), self.campaign, &page).await
        };
        let slice = answer(ctx, found.await)?;
        let currency: Currency = self.currency_code.0.parse().unwrap_or(Currency::EUR);
        let entry = |revision: CampaignRevision| entry(revision, currency);
        Ok(connection(LATEST, slice, after.is_some(), |revision| revision.version, entry))
    }
}

impl From<CampaignView> for CampaignObject {
    fn from(CampaignView { campaign, vertical_path, usage, destinations }: CampaignView) -> Self {
        let currency = campaign.currency;
        let terms = &campaign.standing.terms;
        let total = usage.count(Period::Total);
        Self {
            id: to_id(campaign.id),
            name: campaign.name.clone(),
            vertical: vertical_path,
            currency_code: CurrencyCode(currency.to_string()),
            state: campaign.standing.state.into(),
            pause_reason: campaign.pause_reason.map(Word::from),
            filter: terms.asked.as_ref().map(CampaignFilter::from),
            price_rules: terms.price.rules.iter().map(|each| rule(each, currency)).collect(),
            price: terms.price.otherwise.map(|amounts| price(amounts, currency)),
            caps: terms.caps.iter().map(|each| cap(each, &usage, currency)).collect(),
            time_zone: terms.zone.name().to_owned(),
            schedule: terms.schedule.spans().iter().map(WeekSpan::from).collect(),
            duplicate_window_secs: terms.duplicate_window_secs,
            trial_leads: terms.trial_leads.map(int),
            trial_confirmed: campaign.standing.trial_confirmed,
            share_bp: i32::try_from(terms.share_bp).unwrap_or(i32::MAX),
            tie_weight: int(terms.tie_weight),
            pause_after_failures: terms.pause_after_failures.map(int),
            failures: i32::try_from(campaign.failures).unwrap_or(i32::MAX),
            call_out: terms.call_out.as_ref().map(CampaignCallOut::from),
            destination_ids: destinations.into_iter().map(to_id).collect(),
            leads: int(total.leads),
            spend: Money::new(total.spend_minor, currency).into(),
            served_at: campaign.served_at,
            created_at: campaign.created_at,
            updated_at: campaign.updated_at,
            version: campaign.version,
            campaign: campaign.id,
        }
    }
}

impl From<&CallOut> for CampaignCallOut {
    fn from(call_out: &CallOut) -> Self {
        Self { url: call_out.url.clone(), deadline_millis: int(call_out.deadline_millis) }
    }
}

fn entry(revision: CampaignRevision, currency: Currency) -> CampaignHistoryEntry {
    CampaignHistoryEntry {
        version: revision.version,
        change: revision.change.into(),
        pause_reason: revision.pause_reason.map(Word::from),
        name: revision.name,
        filter: revision.terms.asked.as_ref().map(CampaignFilter::from),
        price_rules: revision.terms.price.rules.iter().map(|each| rule(each, currency)).collect(),
        price: revision.terms.price.otherwise.map(|amounts| price(amounts, currency)),
        caps: revision.terms.caps.iter().map(|each| cap_terms(each, currency)).collect(),
        time_zone: revision.terms.zone.name().to_owned(),
        schedule: revision.terms.schedule.spans().iter().map(WeekSpan::from).collect(),
        duplicate_window_secs: revision.terms.duplicate_window_secs,
        trial_leads: revision.terms.trial_leads.map(int),
        share_bp: i32::try_from(revision.terms.share_bp).unwrap_or(i32::MAX),
        tie_weight: int(revision.terms.tie_weight),
        pause_after_failures: revision.terms.pause_after_failures.map(int),
        call_out: revision.terms.call_out.as_ref().map(CampaignCallOut::from),
        user_id: revision.changed_by.map(to_id),
        at: revision.created_at,
    }
}

fn rule(rule: &PriceRule, currency: Currency) -> CampaignPriceRule {
    CampaignPriceRule { when: CampaignFilter::from(&rule.asked), price: price(rule.amounts, currency) }
}

fn cap_terms(cap: &Cap, currency: Currency) -> CampaignCapTerms {
    let spend = cap.spend_minor.map(|minor| Money::new(minor, currency).into());
    CampaignCapTerms { period: cap.period.into(), leads: cap.leads.map(int), spend }
}

pub(super) fn cap(cap: &Cap, usage: &Usage, currency: Currency) -> CampaignCap {
    let used = usage.count(cap.period);
    CampaignCap {
        period: cap.period.into(),
        leads: cap.leads.map(int),
        spend: cap.spend_minor.map(|minor| Money::new(minor, currency).into()),
        used_leads: int(used.leads),
        used_spend: Money::new(used.spend_minor, currency).into(),
    }
}

pub(super) fn price(amounts: Amounts, currency: Currency) -> CampaignPrice {
    let money = |minor: i64| MoneyObject::from(Money::new(minor, currency));
    CampaignPrice { shared: amounts.shared_minor.map(money), exclusive: amounts.exclusive_minor.map(money) }
}

fn int(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
