//! Who looked at contact details, and when.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::id::{LeadId, RevealId};
use store::contacts::Reveal;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{answer, top_level};
use super::id::{parse_id, to_id};
use super::{app, caller};
use crate::app::contact;

const NEWEST: &str = "reveals:newest";

/// Queries about looks at contact details.
#[derive(Debug, Default)]
pub struct RevealQuery;

/// A look at the contact details of a lead. Every look leaves one, and none is ever changed.
#[derive(Debug, SimpleObject)]
#[graphql(name = "ContactReveal")]
pub struct RevealObject {
    /// The id.
    pub id: ID,
    /// The lead.
    pub lead_id: ID,
    /// The trade under which its buyer looked; null when the seller did.
    pub trade_id: Option<ID>,
    /// The organization that looked.
    pub organization_id: Option<ID>,
    /// The person who looked; null for an API key, and for another organization.
    pub user_id: Option<ID>,
    /// The API key that looked; null for a person, and for another organization.
    pub api_key_id: Option<ID>,
    /// When.
    pub at: DateTime<Utc>,
}

impl From<Reveal> for RevealObject {
    fn from(look: Reveal) -> Self {
        Self {
            id: to_id(look.id),
            lead_id: to_id(look.lead),
            trade_id: look.trade.map(to_id),
            organization_id: look.organization.map(to_id),
            user_id: look.user.map(to_id),
            api_key_id: look.key.map(to_id),
            at: look.at,
        }
    }
}

#[Object]
impl RevealQuery {
    /// The looks at contact details, newest first: every look at a lead of the caller's organization, and the organization's
    /// own looks at leads that it bought. Needs `members:write`, since it shows what members do. An operator sees every look
    /// at the lead that it names.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn contact_reveals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only looks at this lead; all of the organization's own looks when absent.")] lead_id: Option<ID>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<RevealObject>> {
        let page = page::<RevealId>(NEWEST, first, after.as_deref()).map_err(top_level)?;
        let lead: Option<LeadId> = lead_id.map(|id| parse_id(&id, "leadId")).transpose().map_err(top_level)?;
        let slice = answer(ctx, contact::contact_reveals(app(ctx), caller(ctx), lead, &page).await)?;
        Ok(connection(NEWEST, slice, page.after.is_some(), |look| look.id, RevealObject::from))
    }
}
