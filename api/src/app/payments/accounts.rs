//! The accounts at the provider through which organizations are paid, and their onboarding.

use domain::access::Permission;
use domain::id::OrganizationId;
use gateways::payments::{Account, Capability, NewAccount, NewAccountLink};
use store::payments::connected_accounts::{ConnectedAccount, connected_account_save};

use super::{key_of, provider, return_url, stripe, unavailable};
use crate::app::email_verification::require_verified_email;
use crate::app::wallet::wallet_owner;
use crate::app::{App, AppError, Caller};

/// How often an account that lacks nothing is looked at again, in seconds; one that lacks something as often as all that is open.
const READY_CHECK_SECS: i64 = 86_400;

/// An onboarding that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnboardingStarted {
    /// The account.
    pub account: ConnectedAccount,
    /// Where a person of the organization goes on; it works once and for minutes.
    pub url: String,
}

/// Makes the organization's account at the provider, if it has none, and a link at which a person goes on with it.
pub async fn payout_onboarding_start(app: &App, caller: &Caller) -> Result<OnboardingStarted, AppError> {
    let organization = caller.principal.require(Permission::WalletWrite)?;
    provider(app)?;
    require_verified_email(app, caller).await?;
    let account = match app.store.connected_account(organization).await? {
        Some(account) => account,
        None => account_make(app, organization).await?,
    };
    let link = NewAccountLink {
        account: account.account.clone(),
        refresh_url: return_url(app, "state=onboarding"),
        return_url: return_url(app, "state=onboarding"),
    };
    // Each link works once, so that each call makes another.
    let key = key_of(&["link", &account.account, &app.entropy.uuid(app.now()).to_string()])?;
    let made = stripe(app)?.account_link_create(&key, &link).await.map_err(unavailable)?;
    Ok(OnboardingStarted { account, url: made.url })
}

/// What the provider still needs of the organization before it is paid; `None` before the onboarding began.
pub async fn payout_onboarding(
    app: &App,
    caller: &Caller,
    organization: Option<OrganizationId>,
) -> Result<Option<ConnectedAccount>, AppError> {
    Ok(app.store.connected_account(wallet_owner(caller, organization)?).await?)
}

async fn account_make(app: &App, organization: OrganizationId) -> Result<ConnectedAccount, AppError> {
    let known = app.store.organization(organization).await?.ok_or_else(|| AppError::internal("an organization is gone"))?;
    let new = NewAccount {
        country: known.country,
        email: None,
        organization: organization.to_string(),
        metadata: gateways::payments::Metadata::new(),
    };
    let key = key_of(&["account", &organization.to_string()])?;
    let made = stripe(app)?.account_create(&key, &new).await.map_err(unavailable)?;
    save(app, organization, &made).await
}

async fn save(app: &App, organization: OrganizationId, seen: &Account) -> Result<ConnectedAccount, AppError> {
    let requirements = &seen.requirements;
    let mut due: Vec<String> = [&requirements.past_due, &requirements.currently_due].into_iter().flatten().cloned().collect();
    due.sort_unstable();
    due.dedup();
    let account = ConnectedAccount {
        organization,
        account: seen.id.clone(),
        details_submitted: seen.details_submitted,
        transfers_enabled: seen.transfers == Capability::Active,
        payouts_enabled: seen.payouts_enabled,
        requirements: due,
        disabled_reason: requirements.disabled_reason.clone(),
        updated_at: app.now(),
    };
    let is_ready = account.transfers_enabled && account.payouts_enabled && account.requirements.is_empty();
    let check_secs = if is_ready { READY_CHECK_SECS } else { app.config.stripe.poll_secs };
    app.store
        .write("connected_account_save", move |tx| {
            let account = account.clone();
            async move { Ok::<_, AppError>(connected_account_save(&tx, account, check_secs).await?) }
        })
        .await
}

/// Asks the provider about an organization's account.
pub(super) async fn account_refresh(app: &App, organization: OrganizationId) -> Result<(), AppError> {
    let Some(known) = app.store.connected_account(organization).await? else { return Ok(()) };
    let seen = stripe(app)?.account_retrieve(&known.account).await.map_err(unavailable)?;
    save(app, organization, &seen).await.map(drop)
}

/// Something happened to an account: its state now counts.
pub(super) async fn account_happened(app: &App, account: &str) -> Result<(), AppError> {
    match app.store.connected_account_by_id(account).await? {
        Some(known) => account_refresh(app, known.organization).await,
        None => Ok(()),
    }
}
