//! Connected accounts of the type Express, and links to their onboarding.

use gateways::payments::{Account, AccountLink, Capability, NewAccount, NewAccountLink, Requirements};
use stripe_connect::account::{CreateAccount, CreateAccountCapabilities, CreateAccountCapabilitiesTransfers, CreateAccountType};
use stripe_connect::account_link::{CreateAccountLink, CreateAccountLinkType};
use stripe_shared::{AccountCapabilitiesStatus, AccountRequirements};

use crate::value::{metadata, moment};

/// The note that says whose account it is.
const ORGANIZATION: &str = "organization";

pub(crate) fn create(account: &NewAccount) -> CreateAccount {
    let mut transfers = CreateAccountCapabilitiesTransfers::new();
    transfers.requested = Some(true);
    let mut capabilities = CreateAccountCapabilities::new();
    capabilities.transfers = Some(transfers);
    let mut notes: std::collections::HashMap<_, _> = account.metadata.clone().into_iter().collect();
    notes.insert(ORGANIZATION.to_owned(), account.organization.clone());
    let request = CreateAccount::new()
        .type_(CreateAccountType::Express)
        .country(&account.country)
        .capabilities(capabilities)
        .metadata(notes);
    match &account.email {
        Some(email) => request.email(email),
        None => request,
    }
}

pub(crate) fn create_link(link: &NewAccountLink) -> CreateAccountLink {
    CreateAccountLink::new(&link.account, CreateAccountLinkType::AccountOnboarding)
        .refresh_url(&link.refresh_url)
        .return_url(&link.return_url)
}

pub(crate) fn read(account: stripe_shared::Account) -> Account {
    let mut metadata = metadata(account.metadata);
    Account {
        id: account.id.to_string(),
        country: account.country,
        currency: account.default_currency.map(|currency| currency.to_string().to_ascii_uppercase()),
        details_submitted: account.details_submitted.unwrap_or_default(),
        charges_enabled: account.charges_enabled.unwrap_or_default(),
        payouts_enabled: account.payouts_enabled.unwrap_or_default(),
        transfers: match account.capabilities.and_then(|capabilities| capabilities.transfers) {
            None => Capability::NotRequested,
            Some(AccountCapabilitiesStatus::Active) => Capability::Active,
            Some(AccountCapabilitiesStatus::Pending) => Capability::Pending,
            Some(_) => Capability::Inactive,
        },
        requirements: account.requirements.map(requirements).unwrap_or_default(),
        organization: metadata.remove(ORGANIZATION),
        created: account.created.map(moment),
        metadata,
    }
}

pub(crate) fn read_link(link: stripe_connect::AccountLink) -> AccountLink {
    AccountLink { url: link.url, expires_at: moment(link.expires_at) }
}

fn requirements(requirements: AccountRequirements) -> Requirements {
    Requirements {
        currently_due: requirements.currently_due.unwrap_or_default(),
        past_due: requirements.past_due.unwrap_or_default(),
        eventually_due: requirements.eventually_due.unwrap_or_default(),
        pending_verification: requirements.pending_verification.unwrap_or_default(),
        deadline: requirements.current_deadline.map(moment),
        disabled_reason: requirements.disabled_reason.map(|reason| reason.as_str().to_owned()),
    }
}
