//! Asking the keepers of certificates of consent: TrustedForm and Jornaya.

use std::time::Duration;

use domain::time::Timestamp;
use domain::verification::CertificateFound;
use futures::future::BoxFuture;
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::outside::whole;
use crate::config::Certificates;

/// The longest answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 64 << 10;
/// The user that goes with an API key of TrustedForm.
const TRUSTED_FORM_USER: &str = "API";

/// What a keeper is asked about.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateQuestion {
    /// The keeper's id of the certificate.
    pub id: String,
    /// The person's phone number, E.164: TrustedForm compares it with what was typed.
    pub phone: Option<String>,
    /// The person's e-mail address.
    pub email: Option<String>,
    /// The present instant.
    pub now: Timestamp,
}

impl std::fmt::Debug for CertificateQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CertificateQuestion(..)")
    }
}

/// Asks the keepers of certificates.
pub trait ConsentCertificates: Send + Sync {
    /// What TrustedForm says.
    fn trusted_form<'a>(&'a self, question: &'a CertificateQuestion) -> BoxFuture<'a, CertificateFound>;
    /// What Jornaya says.
    fn jornaya<'a>(&'a self, question: &'a CertificateQuestion) -> BoxFuture<'a, CertificateFound>;
}

/// Over HTTPS, with the exchange's accounts.
pub struct HttpConsentCertificates {
    client: Client,
    trusted_form_url: String,
    trusted_form_api_key: Option<SecretString>,
    jornaya_url: String,
    jornaya_account: Option<SecretString>,
    jornaya_token: Option<SecretString>,
}

impl HttpConsentCertificates {
    /// Under the settings.
    pub fn new(settings: &Certificates) -> Result<Self, reqwest::Error> {
        let timeout = Duration::from_millis(settings.timeout_millis);
        // A redirect could lead the account's key elsewhere.
        let client =
            Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(timeout).user_agent("clearlead").build()?;
        let set = |secret: &SecretString| (!secret.expose_secret().is_empty()).then(|| secret.clone());
        Ok(Self {
            client,
            trusted_form_url: settings.trusted_form_url.trim_end_matches('/').to_owned(),
            trusted_form_api_key: set(&settings.trusted_form_api_key),
            jornaya_url: settings.jornaya_url.trim_end_matches('/').to_owned(),
            jornaya_account: set(&settings.jornaya_account),
            jornaya_token: set(&settings.jornaya_token),
        })
    }

    async fn ask_trusted_form(&self, question: &CertificateQuestion) -> CertificateFound {
        let Some(key) = &self.trusted_form_api_key else { return CertificateFound::NotConfigured };
        let body = json!({
            "match_lead": { "phone": question.phone, "email": question.email },
            "insights": { "properties": ["created_at", "expires_at"] },
        });
        let request = self
            .client
            .post(format!("{}/{}", self.trusted_form_url, question.id))
            .basic_auth(TRUSTED_FORM_USER, Some(key.expose_secret()))
            .header("api-version", "4.0")
            .json(&body);
        match answered(request).await {
            Some((StatusCode::OK, answer)) => trusted_form_says(&answer, question.now),
            Some((StatusCode::NOT_FOUND, _)) => CertificateFound::Unknown,
            Some((StatusCode::GONE, _)) => CertificateFound::Expired,
            Some((StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PAYMENT_REQUIRED, _)) => {
                CertificateFound::Refused
            }
            Some(_) | None => CertificateFound::NoAnswer,
        }
    }

    async fn ask_jornaya(&self, question: &CertificateQuestion) -> CertificateFound {
        let Some(account) = &self.jornaya_account else { return CertificateFound::NotConfigured };
        let query = [("lac", account.expose_secret()), ("id", question.id.as_str())];
        let Ok(url) = url::Url::parse_with_params(&format!("{}/Authenticate", self.jornaya_url), query) else {
            return CertificateFound::NoAnswer;
        };
        let request = self.client.get(url).header("accept", "application/json");
        let request = match &self.jornaya_token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        };
        match answered(request).await {
            Some((StatusCode::OK, answer)) => jornaya_says(&answer),
            Some((StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _)) => CertificateFound::Refused,
            Some(_) | None => CertificateFound::NoAnswer,
        }
    }
}

impl ConsentCertificates for HttpConsentCertificates {
    fn trusted_form<'a>(&'a self, question: &'a CertificateQuestion) -> BoxFuture<'a, CertificateFound> {
        Box::pin(self.ask_trusted_form(question))
    }

    fn jornaya<'a>(&'a self, question: &'a CertificateQuestion) -> BoxFuture<'a, CertificateFound> {
        Box::pin(self.ask_jornaya(question))
    }
}

/// The status and the JSON of an answer that came in time. The errors of the library may name the address, which holds an account.
async fn answered(request: RequestBuilder) -> Option<(StatusCode, Value)> {
    let response = request.send().await.ok()?;
    let status = response.status();
    let text = whole(response, ANSWER_MAX_BYTES).await.ok()??;
    Some((status, serde_json::from_slice(&text).unwrap_or_default()))
}

fn trusted_form_says(answer: &Value, now: Timestamp) -> CertificateFound {
    let expires_at = answer.pointer("/insights/properties/expires_at").and_then(Value::as_str);
    let expired = expires_at.and_then(|at| at.parse::<Timestamp>().ok()).is_some_and(|at| at <= now);
    let matched = answer.pointer("/match_lead/result/success").and_then(Value::as_bool);
    match (answer.get("outcome").and_then(Value::as_str), matched) {
        _ if expired => CertificateFound::Expired,
        (Some("success"), Some(true) | None) => CertificateFound::Valid,
        (Some("success" | "failure"), Some(false)) => CertificateFound::AnotherLead,
        _ => CertificateFound::NoAnswer,
    }
}

/// The numbers are those of the documentation: 1 expired or not found, 2 asked more than a hundred times, 3 opted out, 4 none of theirs.
fn jornaya_says(answer: &Value) -> CertificateFound {
    let number = |name: &str| answer.pointer(name).and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
    match (number("/audit/authentic"), number("/audit/reason")) {
        (Some(1), _) => CertificateFound::Valid,
        (Some(0), Some(1)) => CertificateFound::Expired,
        (Some(0), Some(2)) => CertificateFound::AskedTooOften,
        (Some(0), Some(3)) => CertificateFound::OptedOut,
        (Some(0), Some(4)) => CertificateFound::Unknown,
        _ => CertificateFound::NoAnswer,
    }
}
