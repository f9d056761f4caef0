//! What a campaign makes of a lead, as its buyer is told.

use async_graphql::{ID, SimpleObject};
use domain::campaign::Traced;
use domain::clearing::LossReason;
use domain::refusal::Refusal;

use super::object::{CampaignCap, CampaignPrice, cap, price};
use crate::app::campaigns::{Explained, Subject};
use crate::graphql::connection::list_cost;
use crate::graphql::id::parse_id;
use crate::graphql::word::Word;

/// What a campaign makes of a lead at this instant. What the market does not show of a lead that you have not bought is null here
/// too, and so is whatever hangs on it.
#[derive(Debug, Clone, SimpleObject)]
pub struct MatchExplanation {
    /// Whether the lead is of the campaign's vertical and is sold in its currency.
    pub in_scope: bool,
    /// Every condition of the filter, in its order.
    #[graphql(complexity = "list_cost(10, child_complexity)")]
    pub conditions: Vec<MatchCondition>,
    /// Whether the lead passes the filter.
    pub matches: Option<bool>,
    /// The price that the campaign has for it, if it has one.
    pub price: Option<CampaignPrice>,
    /// The first reason why the campaign would not buy it; null when nothing that you may know stands in the way.
    pub reason: Option<Word<LossReason>>,
    /// The campaign's caps, and what is used of them.
    #[graphql(complexity = "list_cost(3, child_complexity)")]
    pub caps: Vec<CampaignCap>,
}

/// One condition of a filter.
#[derive(Debug, Clone, SimpleObject)]
pub struct MatchCondition {
    /// Its place in the filter: field names and list indexes, outermost first.
    pub path: Vec<String>,
    /// Whether it holds; null where you may not know.
    pub holds: Option<bool>,
}

impl From<Explained> for MatchExplanation {
    fn from(Explained { campaign, in_scope, explanation }: Explained) -> Self {
        let currency = campaign.campaign.currency;
        let caps = &campaign.campaign.standing.terms.caps;
        let condition = |Traced { path, holds }: Traced| MatchCondition { path, holds };
        Self {
            in_scope,
            conditions: explanation.conditions.into_iter().map(condition).collect(),
            matches: explanation.matches,
            price: explanation.price.map(|amounts| price(amounts, currency)),
            reason: explanation.reason.map(Word::from),
            caps: caps.iter().map(|each| cap(each, &campaign.usage, currency)).collect(),
        }
    }
}

/// What a campaign is asked about: exactly one of the two.
pub(super) fn subject(listing: Option<ID>, lead: Option<ID>) -> Result<Subject, Refusal> {
    match (listing, lead) {
        (Some(listing), None) => parse_id(&listing, "listingId").map(Subject::Listing),
        (None, Some(lead)) => parse_id(&lead, "leadId").map(Subject::Lead),
        (None, None) => Err(Refusal::required("listingId")),
        (Some(_), Some(_)) => Err(Refusal::invalid("leadId", "name the listing or the lead, not both")),
    }
}
