//! Campaigns: standing orders of one's own.

mod explain;
pub mod filter;
pub mod input;
pub mod object;
mod preview;

use async_graphql::{Context, ID, Object, SimpleObject};
use domain::access::Permission;
use domain::campaign::CampaignState;
use domain::id::CampaignId;
use store::campaigns::StoredCampaign;

pub use explain::MatchExplanation;
pub use filter::{CampaignFilter, CampaignFilterInput};
pub use input::CampaignInput;
pub use object::CampaignObject;
pub use preview::CampaignPreview;

use input::{CampaignArchiveInput, CampaignCreateInput, CampaignPauseInput, CampaignResumeInput, CampaignUpdateInput};

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle};
use super::id::parse_id;
use super::word::{Word, values};
use super::{app, caller, permitted};
use crate::app::AppError;
use crate::app::campaigns::{self, CampaignView};

const NEWEST: &str = "campaign.newest";
/// A preview reads thousands of rows: few fit into one operation.
const PREVIEW_COST: usize = 1_000;

mod codes {
    use crate::mutation_errors;

    mutation_errors!(CampaignCreate: [
        Invalid, Required, TooLarge, NotFound, Taken, CurrencyMismatch, LimitReached, IdempotencyMismatch
    ]);
    mutation_errors!(CampaignUpdate: [Invalid, Required, TooLarge, NotFound, Taken, CurrencyMismatch, WrongState, Conflict]);
    mutation_errors!(CampaignPause: [Invalid, NotFound, WrongState, Conflict]);
    mutation_errors!(CampaignResume: [Invalid, NotFound, WrongState, Conflict]);
    mutation_errors!(CampaignArchive: [Invalid, NotFound, WrongState, Conflict]);
}

/// Declares the answer of a mutation of one campaign.
macro_rules! payload {
    ($(#[doc = $doc:literal])* $name:ident, $codes:ident) => {
        $(#[doc = $doc])*
        #[derive(Debug, SimpleObject)]
        pub struct $name {
            /// The campaign as it is now.
            pub campaign: Option<CampaignObject>,
            /// What is wrong with the input.
            pub user_errors: Vec<UserError<codes::$codes>>,
        }
    };
}

payload!(
    /// The answer of `campaignCreate`.
    CampaignCreatePayload, CampaignCreate
);
payload!(
    /// The answer of `campaignUpdate`.
    CampaignUpdatePayload, CampaignUpdate
);
payload!(
    /// The answer of `campaignPause`.
    CampaignPausePayload, CampaignPause
);
payload!(
    /// The answer of `campaignResume`.
    CampaignResumePayload, CampaignResume
);
payload!(
    /// The answer of `campaignArchive`.
    CampaignArchivePayload, CampaignArchive
);

/// Queries of campaigns.
#[derive(Debug, Default)]
pub struct CampaignQuery;

/// Mutations of campaigns.
#[derive(Debug, Default)]
pub struct CampaignMutation;

#[Object]
impl CampaignQuery {
    /// A campaign of the caller's; null when there is none with this id. Needs `market:read`.
    async fn campaign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> async_graphql::Result<Option<CampaignObject>> {
        let found = async {
            caller(ctx).principal.require(Permission::MarketRead)?;
            let id: CampaignId = parse_id(&id, "id")?;
            let found = campaigns::campaigns_many(app(ctx), caller(ctx), &[id]).await?;
            Ok(campaigns::viewed(app(ctx), found).await?.pop())
        };
        Ok(answer(ctx, found.await)?.map(CampaignObject::from))
    }

    /// The caller's own campaigns, the youngest first. Needs `market:read`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn campaigns(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in one of these states.")] states: Option<Vec<Word<CampaignState>>>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<CampaignObject>> {
        let states = values(states.unwrap_or_default());
        let found = async {
            caller(ctx).principal.require(Permission::MarketRead)?;
            let page = page::<CampaignId>(NEWEST, first, after.as_deref())?;
            let slice = campaigns::campaigns(app(ctx), caller(ctx), &states, &page).await?;
            let has_next = slice.has_next;
            Ok(store::page::Slice { rows: campaigns::viewed(app(ctx), slice.rows).await?, has_next })
        };
        let slice = answer(ctx, found.await)?;
        Ok(connection(NEWEST, slice, after.is_some(), |view: &CampaignView| view.campaign.id, CampaignObject::from))
    }

    /// What would have become of a draft, had it stood for the last 30 days (`campaigns.preview_secs`). Nothing is kept of it. A
    /// refusal's `argument` is the place in `input`. Needs `market:buy`.
    #[graphql(complexity = "PREVIEW_COST + child_complexity")]
    async fn campaign_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The draft: what `campaignCreate` takes.")] input: CampaignInput,
    ) -> async_graphql::Result<CampaignPreview> {
        let found = async {
            let draft = permitted(ctx, Permission::Buy, input.draft().map_err(input::drafted))?;
            campaigns::campaign_preview(app(ctx), caller(ctx), draft).await
        };
        Ok(answer(ctx, found.await)?.into())
    }

    /// What a campaign of the caller's makes, at this instant, of a listing that the caller may see, or of a lead that the caller
    /// has bought, as if it were not bought yet: which conditions hold, and what stands in the way. Needs `market:read`.
    async fn match_explain(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The campaign.")] campaign_id: ID,
        #[graphql(desc = "A listing; or else `leadId`.")] listing_id: Option<ID>,
        #[graphql(desc = "A lead that you have bought; or else `listingId`.")] lead_id: Option<ID>,
    ) -> async_graphql::Result<MatchExplanation> {
        let found = async {
            caller(ctx).principal.require(Permission::MarketRead)?;
            let campaign = parse_id(&campaign_id, "campaignId")?;
            let subject = explain::subject(listing_id, lead_id)?;
            campaigns::match_explain(app(ctx), caller(ctx), campaign, subject).await
        };
        Ok(answer(ctx, found.await)?.into())
    }
}

#[Object]
impl CampaignMutation {
    /// Makes a campaign, which buys from now on. Needs `market:buy`.
    async fn campaign_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: CampaignCreateInput,
    ) -> async_graphql::Result<CampaignCreatePayload> {
        let result = match permitted(ctx, Permission::Buy, input.parse()) {
            Ok(input) => shown(ctx, campaigns::campaign_create(app(ctx), caller(ctx), input).await).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (campaign, user_errors) = settle(ctx, result)?;
        Ok(CampaignCreatePayload { campaign, user_errors })
    }

    /// Gives a campaign new terms, all at once. Needs `market:buy`.
    async fn campaign_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: CampaignUpdateInput,
    ) -> async_graphql::Result<CampaignUpdatePayload> {
        let result = match permitted(ctx, Permission::Buy, input.parse()) {
            Ok(input) => shown(ctx, campaigns::campaign_update(app(ctx), caller(ctx), input).await).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (campaign, user_errors) = settle(ctx, result)?;
        Ok(CampaignUpdatePayload { campaign, user_errors })
    }

    /// Stops a campaign from buying, everywhere within a second. Offers that it has made stand. Needs `market:buy`.
    async fn campaign_pause(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: CampaignPauseInput,
    ) -> async_graphql::Result<CampaignPausePayload> {
        let id = parse_id(&input.campaign_id, "campaignId");
        let result = match permitted(ctx, Permission::Buy, id) {
            Ok(id) => shown(ctx, campaigns::campaign_pause_by(app(ctx), caller(ctx), id).await).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (campaign, user_errors) = settle(ctx, result)?;
        Ok(CampaignPausePayload { campaign, user_errors })
    }

    /// Lets a paused campaign buy again; after a trial this confirms it. Needs `market:buy`.
    async fn campaign_resume(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: CampaignResumeInput,
    ) -> async_graphql::Result<CampaignResumePayload> {
        let id = parse_id(&input.campaign_id, "campaignId");
        let result = match permitted(ctx, Permission::Buy, id) {
            Ok(id) => shown(ctx, campaigns::campaign_resume_by(app(ctx), caller(ctx), id).await).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (campaign, user_errors) = settle(ctx, result)?;
        Ok(CampaignResumePayload { campaign, user_errors })
    }

    /// Ends a campaign for good; its history stays. Needs `market:buy`.
    async fn campaign_archive(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: CampaignArchiveInput,
    ) -> async_graphql::Result<CampaignArchivePayload> {
        let id = parse_id(&input.campaign_id, "campaignId");
        let result = match permitted(ctx, Permission::Buy, id) {
            Ok(id) => shown(ctx, campaigns::campaign_archive_by(app(ctx), caller(ctx), id).await).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (campaign, user_errors) = settle(ctx, result)?;
        Ok(CampaignArchivePayload { campaign, user_errors })
    }
}

async fn shown(ctx: &Context<'_>, changed: Result<StoredCampaign, AppError>) -> Result<CampaignObject, AppError> {
    let view = campaigns::viewed(app(ctx), vec![changed?]).await?.pop();
    view.map(CampaignObject::from).ok_or_else(|| AppError::internal("a campaign without its view"))
}
