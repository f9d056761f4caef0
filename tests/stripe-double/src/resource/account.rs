//! Connected accounts of the type Express: what they may do, and what is still required of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::customer::changed;
use crate::error::ApiError;
use crate::state::{Answer, Call, State};
use crate::table::{Object, list};

const KNOWN: &[&str] = &[
    "account_token",
    "business_profile",
    "business_type",
    "capabilities",
    "company",
    "controller",
    "country",
    "default_currency",
    "email",
    "external_account",
    "individual",
    "metadata",
    "settings",
    "tos_acceptance",
    "type",
];
/// What Stripe asks of a person with an Express account that may receive transfers.
const ONBOARDING: &[&str] = &[
    "business_type",
    "external_account",
    "individual.dob.day",
    "individual.email",
    "individual.first_name",
    "individual.last_name",
    "tos_acceptance.date",
];

/// A connected account.
#[derive(Debug)]
pub(crate) struct Account {
    id: String,
    created: i64,
    country: String,
    currency: String,
    email: Option<String>,
    business_type: Option<String>,
    requests_transfers: bool,
    requests_card_payments: bool,
    details_submitted: bool,
    currently_due: Vec<String>,
    /// Whether what is due is past its deadline, so that transfers and payouts are disabled.
    disabled: bool,
    metadata: BTreeMap<String, String>,
}

impl Account {
    /// Whether the account may receive transfers.
    pub(crate) fn can_receive(&self) -> bool {
        self.requests_transfers && self.enabled()
    }

    /// Whether the account's balance can be paid out.
    pub(crate) fn can_be_paid_out(&self) -> bool {
        self.enabled()
    }

    fn enabled(&self) -> bool {
        self.details_submitted && !self.disabled
    }

    fn capability(&self) -> &'static str {
        if self.enabled() { "active" } else { "inactive" }
    }

    fn capabilities(&self) -> Value {
        let mut capabilities = serde_json::Map::new();
        for (name, requested) in [("transfers", self.requests_transfers), ("card_payments", self.requests_card_payments)] {
            if requested {
                capabilities.insert(name.to_owned(), self.capability().into());
            }
        }
        Value::Object(capabilities)
    }

    fn requirements(&self) -> Value {
        let reason = match (self.enabled(), self.details_submitted) {
            (true, _) => None,
            (false, true) => Some("requirements.past_due"),
            (false, false) => Some("requirements.past_due").filter(|_| !self.currently_due.is_empty()),
        };
        let past_due = if self.enabled() { [].as_slice() } else { self.currently_due.as_slice() };
        json!({
            "alternatives": [], "current_deadline": null, "currently_due": self.currently_due, "disabled_reason": reason, "errors": [],
            "eventually_due": self.currently_due, "past_due": past_due, "pending_verification": [],
        })
    }

    fn external_accounts(&self) -> Value {
        let url = format!("/v1/accounts/{}/external_accounts", self.id);
        let bank = json!({
            "id": self.id.replacen("acct_", "ba_", 1), "object": "bank_account", "account": self.id, "account_holder_name": null,
            "account_holder_type": "individual", "account_type": null, "available_payout_methods": ["standard"],
            "bank_name": "STRIPE DOUBLE BANK", "country": self.country, "currency": self.currency, "default_for_currency": true,
            "fingerprint": "double", "last4": "6789", "metadata": {}, "routing_number": "110000000", "status": "new",
        });
        list(&url, if self.details_submitted { vec![bank] } else { Vec::new() }, false)
    }
}

impl Object for Account {
    const NAME: &'static str = "account";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        json!({
            "id": self.id, "object": "account", "business_profile": {
                "annual_revenue": null, "estimated_worker_count": null, "mcc": null, "name": null, "product_description": null,
                "support_address": null, "support_email": null, "support_phone": null, "support_url": null, "url": null,
            },
            "business_type": self.business_type, "capabilities": self.capabilities(), "charges_enabled": self.enabled(), "controller": {
                "fees": { "payer": "application_express" }, "is_controller": true, "losses": { "payments": "application" },
                "requirement_collection": "stripe", "stripe_dashboard": { "type": "express" }, "type": "application",
            },
            "country": self.country, "created": self.created, "default_currency": self.currency, "details_submitted": self.details_submitted,
            "email": self.email, "external_accounts": self.external_accounts(), "future_requirements": {
                "alternatives": [], "current_deadline": null, "currently_due": [], "disabled_reason": null, "errors": [], "eventually_due": [],
                "past_due": [], "pending_verification": [],
            },
            "metadata": self.metadata, "payouts_enabled": self.enabled(), "requirements": self.requirements(), "settings": {
                "branding": { "icon": null, "logo": null, "primary_color": null, "secondary_color": null },
                "card_payments": { "statement_descriptor_prefix": null }, "dashboard": { "display_name": null, "timezone": "Etc/UTC" },
                "payments": { "statement_descriptor": null, "statement_descriptor_kana": null, "statement_descriptor_kanji": null },
                "payouts": {
                    "debit_negative_balances": true, "schedule": { "delay_days": 2, "interval": "manual" }, "statement_descriptor": null,
                },
            },
            "tos_acceptance": { "date": self.details_submitted.then_some(self.created) }, "type": "express",
        })
    }
}

/// `POST /v1/accounts`: of the type `express`, or with a controller whose dashboard is Express.
pub(crate) fn create(state: &mut State, call: &Call) -> Answer {
    let params = &call.params;
    params.only(KNOWN)?;
    let dashboard = params.object("controller").object("stripe_dashboard").text("type");
    if params.text("type").or(dashboard).as_deref() != Some("express") {
        return Err(ApiError::invalid("The double knows Express accounts only.", "type"));
    }
    let country = params.text("country").unwrap_or_else(|| "US".to_owned());
    if country.len() != 2 || !country.chars().all(|letter| letter.is_ascii_uppercase()) {
        return Err(ApiError::invalid(&format!("Country '{country}' is unknown."), "country"));
    }
    let currency =
        if params.has("default_currency") { params.currency("default_currency")? } else { home_currency(&country).to_owned() };
    let capabilities = params.object("capabilities");
    let requests = |name: &str| capabilities.object(name).boolean("requested");
    let account = Account {
        country,
        currency,
        email: params.text("email"),
        business_type: params.text("business_type"),
        // An Express account of which nothing is requested may receive transfers, by the defaults of Connect's settings.
        requests_transfers: requests("transfers")?.unwrap_or(!params.has("capabilities")),
        requests_card_payments: requests("card_payments")?.unwrap_or(false),
        details_submitted: false,
        currently_due: ONBOARDING.iter().map(|&due| due.to_owned()).collect(),
        disabled: false,
        metadata: params.metadata()?,
        created: state.now(),
        id: state.new_id("acct"),
    };
    let rendered = account.render();
    state.accounts.insert(account);
    Ok(rendered)
}

/// `GET /v1/accounts/{id}`.
pub(crate) fn retrieve(state: &State, id: &str) -> Answer {
    // Stripe answers 403 here, so that a key learns nothing of accounts that are not its own.
    state.accounts.find(id).map(Object::render).ok_or_else(|| ApiError::unknown_account(id))
}

/// `POST /v1/accounts/{id}`: the fields that a platform may still set on an Express account.
pub(crate) fn update(state: &mut State, call: &Call, id: &str) -> Answer {
    call.params.only(&["business_profile", "email", "metadata", "settings"])?;
    let mut metadata = state.accounts.find(id).ok_or_else(|| ApiError::unknown_account(id))?.metadata.clone();
    call.params.merge_metadata(&mut metadata)?;
    change(state, id, |account| {
        call.params.replace("email", &mut account.email);
        account.metadata = metadata;
    })
}

/// The person gives all that is required, and Stripe verifies it.
pub(crate) fn complete_onboarding(state: &mut State, id: &str) -> Answer {
    change(state, id, |account| {
        account.details_submitted = true;
        account.disabled = false;
        account.currently_due.clear();
        account.business_type.get_or_insert_with(|| "individual".to_owned());
    })
}

/// Stripe asks for more, now or past a deadline that disables transfers and payouts.
pub(crate) fn require(state: &mut State, id: &str, requirements: &[String], disabled: bool) -> Answer {
    change(state, id, |account| {
        let new = requirements.iter().filter(|due| !account.currently_due.contains(due)).cloned().collect::<Vec<_>>();
        account.currently_due.extend(new);
        account.disabled = disabled;
    })
}

fn change(state: &mut State, id: &str, how: impl FnOnce(&mut Account)) -> Answer {
    let account = state.accounts.get_mut(id, "account")?;
    let before = account.render();
    how(account);
    let after = account.render();
    state.emit_for(Some(id.to_owned()), "account.updated", after.clone(), Some(changed(&before, &after)));
    Ok(after)
}

fn home_currency(country: &str) -> &'static str {
    match country {
        "GB" => "gbp",
        "CA" => "cad",
        "AU" => "aud",
        "CH" => "chf",
        "AT" | "BE" | "DE" | "ES" | "FI" | "FR" | "GR" | "IE" | "IT" | "LU" | "NL" | "PT" => "eur",
        _ => "usd",
    }
}
