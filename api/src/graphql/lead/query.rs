//! Reading leads.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::id::LeadId;
use domain::lead::Temperature;

use super::super::connection::{NodeConnection, connection, page, page_cost};
use super::super::error::{answer, top_level};
use super::super::id::{parse_id, to_id};
use super::super::vertical::ScoreWeights;
use super::super::word::Word;
use super::super::{app, caller};
use super::{LeadFilterInput, LeadObject, ScoreContribution, points, shown};
use crate::app::leads::{self, ScoreExplained};

const NEWEST: &str = "leads:newest";
const SAMPLE: &str = "leads:sample";

/// Queries about leads.
#[derive(Debug, Default)]
pub struct LeadQuery;

/// A lead's score as of now, with what it is made of.
#[derive(Debug, SimpleObject)]
pub struct ScoreExplanation {
    /// The lead.
    pub lead_id: ID,
    /// Points as of now, 0 to 100: the sum of the contributions.
    pub score: i32,
    /// What the points mean.
    pub temperature: Word<Temperature>,
    /// Every contribution.
    pub contributions: Vec<ScoreContribution>,
    /// The points that are stored, by which the lead is found and sorted: those of its last change, and while it stands in an
    /// open listing those of its present age.
    pub stored_score: i32,
    /// When that was.
    pub stored_at: DateTime<Utc>,
    /// The weights that apply: the vertical's, under the settings of the exchange.
    pub weights: ScoreWeights,
}

#[Object]
impl LeadQuery {
    /// A lead of the caller's organization; any lead, for an operator.
    async fn lead(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> async_graphql::Result<Option<LeadObject>> {
        let id: LeadId = parse_id(&id, "id").map_err(top_level)?;
        let Some(lead) = answer(ctx, leads::lead_get(app(ctx), caller(ctx), id).await)? else { return Ok(None) };
        Ok(Some(answer(ctx, shown(app(ctx), lead).await)?))
    }

    /// The leads of the caller's organization, the newest first; all leads, for an operator.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn leads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; all, if nothing is said.")] filter: Option<LeadFilterInput>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<LeadObject>> {
        let filter = filter.map(LeadFilterInput::parse).transpose().map_err(top_level)?.unwrap_or_default();
        let page = page::<LeadId>(NEWEST, first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, leads::lead_list(app(ctx), caller(ctx), &filter, &page).await)?;
        let paths = answer(ctx, app(ctx).store.vertical_paths().await.map_err(Into::into))?;
        let has_previous = page.after.is_some();
        Ok(connection(NEWEST, slice, has_previous, |lead| lead.id, |lead| LeadObject::new(lead, &paths)))
    }

    /// The verified leads that were drawn at random for an operator's look (`sampleCheckRecord`) and have had none, the oldest
    /// first. For operators.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn sample_queue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<LeadObject>> {
        let page = page::<LeadId>(SAMPLE, first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, leads::sample_queue(app(ctx), caller(ctx), &page).await)?;
        let paths = answer(ctx, app(ctx).store.vertical_paths().await.map_err(Into::into))?;
        let has_previous = page.after.is_some();
        Ok(connection(SAMPLE, slice, has_previous, |lead| lead.id, |lead| LeadObject::new(lead, &paths)))
    }

    /// What a lead's score is made of, as of now. For its seller, and operators.
    async fn score_explain(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The lead.")] lead_id: ID,
    ) -> async_graphql::Result<Option<ScoreExplanation>> {
        let id: LeadId = parse_id(&lead_id, "leadId").map_err(top_level)?;
        let explained = answer(ctx, leads::score_explain(app(ctx), caller(ctx), id).await)?;
        Ok(explained.as_ref().map(ScoreExplanation::from))
    }
}

impl From<&ScoreExplained> for ScoreExplanation {
    fn from(explained: &ScoreExplained) -> Self {
        Self {
            lead_id: to_id(explained.lead),
            score: points(explained.points),
            temperature: explained.temperature.into(),
            contributions: explained.contributions.iter().map(ScoreContribution::from).collect(),
            stored_score: points(explained.stored_points),
            stored_at: explained.stored_at,
            weights: (&explained.weights).into(),
        }
    }
}
