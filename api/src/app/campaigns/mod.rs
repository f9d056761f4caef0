//! Campaigns: a buyer's standing orders, their life and their history.

pub mod book;
mod explain;
mod facts;
pub mod follow;
pub mod meet;
mod preview;
mod read;

use domain::access::Permission;
use domain::campaign::{
    CallOut, CampaignChange, CampaignState, MAX_NAME, PauseReason, Terms, TermsDraft, campaign_archive, campaign_change,
    campaign_pause, campaign_resume, terms,
};
use domain::id::{CampaignId, DestinationId, OrganizationId};
use domain::money::Currency;
use domain::refusal::{Code, Refusal};
use domain::vertical::VerticalPath;
use serde::{Deserialize, Serialize};
use store::campaigns::{CampaignNext, NewCampaign, StoredCampaign};
use store::job::Lane;
use store::verticals::StoredVertical;
use store::{Tx, WriteError};

pub use explain::{Explained, Subject, match_explain};
use follow::book_put;
pub use preview::{CampaignPreviewed, campaign_preview};
pub use read::{CampaignView, campaign_history, campaigns, campaigns_many, viewed};

use super::email_verification::require_verified_email;
use super::idempotency::idempotency_key;
use super::{App, AppError, Caller};

/// What a buyer asks for.
#[derive(Debug, Clone, Serialize)]
pub struct CampaignDraft {
    /// What its buyer calls it.
    pub name: String,
    /// The path of the vertical; a node covers everything below it.
    pub vertical: String,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What it says. An empty zone is the organization's.
    pub terms: TermsDraft,
    /// Where its leads are brought; as before, or by default, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinations: Option<Vec<DestinationId>>,
}

/// A campaign to be made.
#[derive(Debug, Clone)]
pub struct CampaignCreate {
    /// What is asked for.
    pub draft: CampaignDraft,
    /// The caller's key.
    pub idempotency_key: String,
}

/// New terms of a campaign.
#[derive(Debug, Clone)]
pub struct CampaignUpdate {
    /// The campaign.
    pub campaign: CampaignId,
    /// The version that the caller saw; refused when there is a later one.
    pub version: Option<i64>,
    /// All of its terms.
    pub draft: CampaignDraft,
}

/// What a repeated call answers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Answer {
    campaign: CampaignId,
}

/// A draft that was checked.
struct Checked {
    name: String,
    vertical: StoredVertical,
    terms: Terms,
}

/// Makes a campaign, which buys from now on.
pub async fn campaign_create(app: &App, caller: &Caller, input: CampaignCreate) -> Result<StoredCampaign, AppError> {
    let buyer = caller.principal.require(Permission::Buy)?;
    require_verified_email(app, caller).await?;
    let key = idempotency_key(buyer, &input.idempotency_key, "campaign_create", &input.draft)?;
    let most = app.config.campaigns.per_buyer_max;
    let new = checked(app, buyer, &input.draft).await?.map(|Checked { name, vertical, terms }| NewCampaign {
        organization: buyer,
        vertical: vertical.id,
        name,
        currency: input.draft.currency,
        terms,
        created_by: caller.principal.user(),
    });
    let (new, key, destinations) = (&new, &key, input.draft.destinations.as_deref());
    let made = app.store.write("campaign_create", |tx| async move {
        if let Some(Answer { campaign }) = tx.replayed(key).await? {
            return Ok::<_, WriteError>(campaign);
        }
        // A repeated call answers like the first, also when the vertical has changed since.
        let new = new.as_ref().map_err(|refusals| below(refusals.clone()))?;
        // Of two that would be the last, one waits.
        tx.organization_lock(buyer).await?;
        if tx.campaigns_open_count(buyer).await? >= most {
            return Err(Refusal::new(Code::LimitReached, format!("at most {most} campaigns that are not archived")).into());
        }
        let made = tx.campaign_insert(new).await?;
        destinations_set(&tx, buyer, made.id, destinations).await?;
        meet_later(&tx, made.id).await?;
        tx.remember(key, &Answer { campaign: made.id }).await?;
        Ok(made.id)
    });
    let made = own(app.store.campaign_any(made.await?).await?, buyer)?;
    book_put(app, &made).await?;
    Ok(made)
}

/// Gives a campaign new terms, all at once.
pub async fn campaign_update(app: &App, caller: &Caller, input: CampaignUpdate) -> Result<StoredCampaign, AppError> {
    let buyer = caller.principal.require(Permission::Buy)?;
    require_verified_email(app, caller).await?;
    let Checked { name, vertical, terms } = checked(app, buyer, &input.draft).await?.map_err(below)?;
    let (name, terms, input) = (&name, &terms, &input);
    let vertical = vertical.id;
    let changed = app.store.write("campaign_update", |tx| async move {
        let before = own_locked(&tx, buyer, input.campaign).await?;
        campaign_change(before.standing.state).map_err(|refusal| refusal.at("campaignId"))?;
        if input.version.is_some_and(|version| version != before.version) {
            return Err(Refusal::new(Code::Conflict, "the campaign changed meanwhile").at("version").into());
        }
        // What it has bought is counted in one currency, and its history stands for one kind of demand.
        if before.currency != input.draft.currency {
            let message = format!("the campaign is in {}", before.currency);
            return Err(Refusal::new(Code::CurrencyMismatch, message).at("currencyCode").at("campaign").into());
        }
        if before.vertical != vertical {
            return Err(Refusal::invalid("vertical", "a campaign keeps its vertical: make another").at("campaign").into());
        }
        // Another number of leads is another trial.
        let trial_confirmed = before.standing.trial_confirmed && before.standing.terms.trial_leads == terms.trial_leads;
        let next = CampaignNext::of(&before, CampaignChange::Updated);
        let next = CampaignNext { name: name.clone(), terms: terms.clone(), trial_confirmed, ..next };
        let mut after = tx.campaign_change(&before, next, caller.principal.user()).await?;
        destinations_set(&tx, buyer, after.id, input.draft.destinations.as_deref()).await?;
        if before.standing.terms.zone != terms.zone {
            // On another clock the periods begin at other instants: what was bought in them is counted again.
            after.standing.usage = tx.campaign_recount(&after).await?;
            tx.campaigns_count(&[&after]).await?;
        }
        meet_later(&tx, after.id).await?;
        Ok::<_, WriteError>(after)
    });
    let changed = changed.await?;
    book_put(app, &changed).await?;
    Ok(changed)
}

/// Stops a campaign from buying. Offers that it has made stand.
pub async fn campaign_pause_by(app: &App, caller: &Caller, id: CampaignId) -> Result<StoredCampaign, AppError> {
    moved(app, caller, id, "campaign_pause", |before| {
        let state = campaign_pause(before.standing.state)?;
        let next = CampaignNext::of(before, CampaignChange::Paused);
        Ok(CampaignNext { state, pause_reason: Some(PauseReason::Buyer), ..next })
    })
    .await
}

/// Lets a paused campaign buy again. After a trial this confirms it, after failed deliveries it counts them anew.
pub async fn campaign_resume_by(app: &App, caller: &Caller, id: CampaignId) -> Result<StoredCampaign, AppError> {
    require_verified_email(app, caller).await?;
    moved(app, caller, id, "campaign_resume", |before| {
        let state = campaign_resume(before.standing.state)?;
        let over = before.standing.trial_is_over() || before.pause_reason == Some(PauseReason::TrialOver);
        let trial_confirmed = before.standing.trial_confirmed || over;
        let next = CampaignNext::of(before, CampaignChange::Resumed);
        Ok(CampaignNext { state, pause_reason: None, trial_confirmed, failures: 0, ..next })
    })
    .await
}

/// Ends a campaign for good.
pub async fn campaign_archive_by(app: &App, caller: &Caller, id: CampaignId) -> Result<StoredCampaign, AppError> {
    moved(app, caller, id, "campaign_archive", |before| {
        let state = campaign_archive(before.standing.state)?;
        Ok(CampaignNext { state, pause_reason: None, ..CampaignNext::of(before, CampaignChange::Archived) })
    })
    .await
}

async fn moved(
    app: &App,
    caller: &Caller,
    id: CampaignId,
    name: &'static str,
    decide: impl Fn(&StoredCampaign) -> Result<CampaignNext, Refusal> + Send + Sync,
) -> Result<StoredCampaign, AppError> {
    let buyer = caller.principal.require(Permission::Buy)?;
    let decide = &decide;
    let moved = app.store.write(name, |tx| async move {
        let before = own_locked(&tx, buyer, id).await?;
        let next = decide(&before).map_err(|refusal| refusal.at("campaignId"))?;
        let after = tx.campaign_change(&before, next, caller.principal.user()).await?;
        if after.standing.state == CampaignState::Active {
            meet_later(&tx, after.id).await?;
        }
        Ok::<_, WriteError>(after)
    });
    let moved = moved.await?;
    book_put(app, &moved).await?;
    Ok(moved)
}

/// Says where a campaign's leads are brought, if that is asked for.
async fn destinations_set(
    tx: &Tx,
    buyer: OrganizationId,
    campaign: CampaignId,
    ids: Option<&[DestinationId]>,
) -> Result<(), WriteError> {
    let Some(ids) = ids else { return Ok(()) };
    super::destinations::own_check(tx, buyer, ids).await?;
    tx.campaign_destinations_set(campaign, ids).await
}

/// Sends the campaign to the open listings behind this commit.
async fn meet_later(tx: &Tx, id: CampaignId) -> Result<(), WriteError> {
    let (kind, payload) = meet::meeting(id);
    tx.enqueue_once(Lane::Meetings, kind, payload, tx.now().await?).await?;
    Ok(())
}

async fn own_locked(tx: &Tx, buyer: OrganizationId, id: CampaignId) -> Result<StoredCampaign, WriteError> {
    Ok(own(tx.campaign_locked(id).await?, buyer)?)
}

fn own(found: Option<StoredCampaign>, buyer: OrganizationId) -> Result<StoredCampaign, Refusal> {
    found.filter(|campaign| campaign.organization == buyer).ok_or_else(|| Refusal::not_found("campaignId", "campaign"))
}

/// The draft's terms, fitted to the schemas of its verticals, or every refusal with its place in the draft.
async fn checked(app: &App, buyer: OrganizationId, draft: &CampaignDraft) -> Result<Result<Checked, Vec<Refusal>>, AppError> {
    let name = draft.name.trim();
    let mut refusals = Vec::new();
    if name.is_empty() {
        refusals.push(Refusal::required("name"));
    } else if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        refusals.push(Refusal::invalid("name", format!("1 to {MAX_NAME} printable characters")));
    }
    refusals.extend(draft.terms.call_out.as_ref().and_then(|call_out| call_out_refusal(app, call_out)));
    let path: Option<VerticalPath> = draft.vertical.parse().ok();
    let vertical = match &path {
        Some(path) => app.store.vertical_at(path).await?,
        None => None,
    };
    let Some(vertical) = vertical else {
        refusals.push(Refusal::not_found("vertical", "vertical at this path"));
        return Ok(Err(refusals));
    };
    let schemas = app.store.attributes_filterable(Some(vertical.path.as_str())).await?;
    let mut asked = draft.terms.clone();
    if asked.zone.is_empty() {
        let organization = app.store.organizations(&[buyer]).await?.pop();
        asked.zone = organization.map_or_else(|| "UTC".to_owned(), |organization| organization.time_zone);
    }
    match terms(&asked, draft.currency, &schemas) {
        Ok(terms) if refusals.is_empty() => Ok(Ok(Checked { name: name.to_owned(), vertical, terms })),
        found => {
            refusals.extend(found.err().into_iter().flatten());
            Ok(Err(refusals))
        }
    }
}

fn call_out_refusal(app: &App, call_out: &CallOut) -> Option<Refusal> {
    let settings = &app.config.campaigns;
    let refusal = |message: String| Some(Refusal::invalid("url", message).at("callOut"));
    let Ok(url) = call_out.url.parse::<url::Url>() else { return refusal("an absolute address".to_owned()) };
    let allowed = url.scheme() == "https" || (settings.call_out_insecure && url.scheme() == "http");
    if !allowed || url.host().is_none() || call_out.url.len() > 2_000 || !url.username().is_empty() || url.password().is_some() {
        return refusal("an https address without user and password, at most 2,000 characters".to_owned());
    }
    if !(20..=settings.call_out_millis).contains(&call_out.deadline_millis) {
        let message = format!("20 to {}", settings.call_out_millis);
        return Some(Refusal::invalid("deadlineMillis", message).at("callOut"));
    }
    None
}

fn below(refusals: Vec<Refusal>) -> Vec<Refusal> {
    refusals.into_iter().map(|refusal| refusal.at("campaign")).collect()
}
