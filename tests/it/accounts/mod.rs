//! Accounts: registering, logging in, staying in, losing access.

mod api_keys;
mod email_verification;
mod key_ring;
mod members;
mod organizations;
mod passwords;
mod sessions;
mod staff;
mod tokens;
mod users;

use api::app::jobs::jobs_run;
use api::app::session::authenticate;
use api::app::{App, AppError, Caller};
use domain::access::Principal;
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::harness::Exchange;

pub const PASSWORD: &str = "correct horse battery";

const REGISTER: &str = "mutation($input: OrganizationRegisterInput!) { organizationRegister(input: $input) {
    organization { id name status } session { accessToken refreshToken viewer { role } } userErrors { code path } } }";
const LOG_IN: &str = "mutation($input: SessionCreateInput!) { sessionCreate(input: $input) {
    session { id accessToken refreshToken viewer { role staffRole organization { name } } } userErrors { code message path } } }";
const REFRESH: &str = "mutation($input: SessionRefreshInput!) { sessionRefresh(input: $input) {
    session { accessToken refreshToken } userErrors { code path } } }";

/// The tokens of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl Tokens {
    pub fn of(session: &Value) -> Self {
        let text = |field: &str| session[field].as_str().unwrap_or_else(|| panic!("no {field} in {session}")).to_owned();
        Self { access: text("accessToken"), refresh: text("refreshToken") }
    }
}

pub fn registration(email: &str) -> Value {
    json!({ "name": "Nordic Leads", "country": "NO", "timeZone": "Europe/Oslo", "ownerName": "Ada", "email": email, "password": PASSWORD })
}

/// Registers an organization whose owner logs in with `email`.
pub async fn register(x: &Exchange, email: &str) -> Tokens {
    let answer = x.anonymous(REGISTER, json!({ "input": registration(email) })).await;
    assert_eq!(answer["data"]["organizationRegister"]["userErrors"], json!([]), "{answer}");
    Tokens::of(&answer["data"]["organizationRegister"]["session"])
}

/// The payload of a log-in.
pub async fn log_in(x: &Exchange, email: &str, password: &str) -> Value {
    let answer = x.anonymous(LOG_IN, json!({ "input": { "email": email, "password": password } })).await;
    answer["data"]["sessionCreate"].clone()
}

/// The payload of a refresh.
pub async fn refresh(x: &Exchange, token: &str) -> Value {
    let answer = x.anonymous(REFRESH, json!({ "input": { "refreshToken": token } })).await;
    answer["data"]["sessionRefresh"].clone()
}

/// Who a bearer token stands for, or the code of the refusal.
pub async fn bearer(app: &App, token: &str) -> Result<Principal, Code> {
    match authenticate(app, Some(token)).await {
        Ok(known) => Ok(known.principal),
        Err(AppError::Refused(refusals)) => Err(refusals[0].code),
        Err(error) => panic!("{error}"),
    }
}

/// Runs an operation with a bearer token, as the HTTP side does.
pub async fn as_bearer(x: &Exchange, token: &str, query: &str, variables: Value) -> Value {
    let principal = bearer(&x.app, token).await.unwrap();
    x.execute(principal, query, variables).await
}

/// A request from one place.
pub fn caller_at(address: &str) -> Caller {
    Caller { principal: Principal::Anonymous, request_id: "test".into(), address: Some(address.parse().unwrap()) }
}

/// Does every job that is due.
pub async fn work(x: &Exchange) {
    while jobs_run(&x.app).await.unwrap() > 0 {}
}

/// The token in the one mail that was sent since the last look.
pub async fn mailed_token(x: &Exchange, to: &str) -> String {
    work(x).await;
    let mails = x.outbox.mail.take();
    assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), [to]);
    let line = mails[0].text.lines().find(|line| line.starts_with("    ")).unwrap();
    line.trim().to_owned()
}

/// The code and path of the only user error.
pub fn only_error(payload: &Value) -> (String, Value) {
    let errors = payload["userErrors"].as_array().unwrap_or_else(|| panic!("{payload}"));
    assert_eq!(errors.len(), 1, "{payload}");
    (errors[0]["code"].as_str().unwrap().to_owned(), errors[0]["path"].clone())
}
