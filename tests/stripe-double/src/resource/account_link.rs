//! Account links: where a person goes to give what is required of a connected account. Each works once, for minutes.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::state::{Answer, Call, State};
use crate::table::Object;

/// Stripe's links expire within minutes.
const VALID_SECS: i64 = 300;

/// An account link. Stripe gives it no id; the double has one for its page.
#[derive(Debug)]
pub(crate) struct AccountLink {
    id: String,
    created: i64,
    pub(crate) account: String,
    pub(crate) return_url: String,
    pub(crate) refresh_url: String,
    used: bool,
    url: String,
}

impl AccountLink {
    pub(crate) fn is_valid_at(&self, now: i64) -> bool {
        !self.used && now < self.expires_at()
    }

    fn expires_at(&self) -> i64 {
        self.created.saturating_add(VALID_SECS)
    }
}

impl Object for AccountLink {
    const NAME: &'static str = "account_link";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        json!({ "object": "account_link", "created": self.created, "expires_at": self.expires_at(), "url": self.url })
    }
}

/// `POST /v1/account_links`.
pub(crate) fn create(state: &mut State, call: &Call) -> Answer {
    let params = &call.params;
    params.only(&["account", "collect", "collection_options", "refresh_url", "return_url", "type"])?;
    let account = params.required("account")?;
    let kind = params.required("type")?;
    if kind != "account_onboarding" && kind != "account_update" {
        return Err(ApiError::invalid("Invalid type: must be one of account_onboarding or account_update", "type"));
    }
    if kind == "account_update" {
        return Err(ApiError::invalid("An Express account cannot be updated by an account link.", "type"));
    }
    state.accounts.get(&account, "account")?;
    let (return_url, refresh_url) = (params.required("return_url")?, params.required("refresh_url")?);
    let id = state.new_id("link");
    let link = AccountLink {
        url: format!("{}/setup/{id}", state.base_url),
        id,
        created: state.now(),
        account,
        return_url,
        refresh_url,
        used: false,
    };
    let rendered = link.render();
    state.account_links.insert(link);
    Ok(rendered)
}

/// Uses a link up: a person completes the onboarding on its page.
pub(crate) fn complete(state: &mut State, id: &str) -> Answer {
    let now = state.now();
    let link = state.account_links.get_mut(id, "id")?;
    if !link.is_valid_at(now) {
        return Err(ApiError::control("the link was used before, or has expired"));
    }
    link.used = true;
    let account = link.account.clone();
    super::account::complete_onboarding(state, &account)
}
