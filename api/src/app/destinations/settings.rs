//! Settings of destinations, checked by the adapter of each system, every finding with its place in the input.

use std::collections::BTreeMap;

use domain::delivery::{DestinationKind, FilePlan, FileSchedule};
use domain::id::OrganizationId;
use domain::refusal::{Code, Refusal};
use gateways::crm::{self, Kind, Policy, Problem, RenderError, Secrets};
use secrecy::{ExposeSecret, SecretString};

use crate::app::{App, AppError};

/// The largest settings of one destination, as JSON, in bytes.
const SETTINGS_MAX_BYTES: usize = 64 << 10;
/// The most secrets of one destination.
const SECRETS_MAX: usize = 20;
/// The longest secret, in bytes.
const SECRET_MAX_BYTES: usize = 4 << 10;

/// How a destination is reached, and what it is given.
#[derive(Debug, Clone)]
pub struct DestinationSettings {
    /// The system, the mapping, and the address in place of the vendor's.
    pub destination: crm::Destination,
    /// When files are written, where leads travel in files.
    pub plan: Option<PlanDraft>,
}

/// When files are to be written.
#[derive(Debug, Clone)]
pub struct PlanDraft {
    /// At which hours.
    pub hours: Vec<i32>,
    /// On which clock; the organization's when absent.
    pub time_zone: Option<String>,
    /// Who is told.
    pub notify: Vec<String>,
}

/// What the operator allows. Any public address can be reached by the generic kind, so another base address is no more than that.
pub(super) fn policy(app: &App) -> Policy {
    Policy { allow_http: app.config.delivery.insecure, allow_base_url: true }
}

/// The checked settings, with the organization's language and clock where none is named, and everything wrong with them.
pub(super) struct Completed {
    pub(super) destination: crm::Destination,
    pub(super) plan: Option<FilePlan>,
}

pub(super) async fn completed(
    app: &App,
    organization: OrganizationId,
    settings: DestinationSettings,
) -> Result<(Completed, Vec<Refusal>), AppError> {
    let DestinationSettings { mut destination, plan } = settings;
    let own = app.store.organizations(&[organization]).await?.pop();
    let (zone, locale) = own.map_or_else(|| ("UTC".to_owned(), "en".to_owned()), |own| (own.time_zone, own.locale));
    if let Kind::Email(email) = &mut destination.kind
        && email.language.is_empty()
    {
        email.language = locale;
    }
    let mut refused = problems(&destination.check(&policy(app)), &destination.kind);
    let plan = plan.and_then(|plan| match FileSchedule::new(&plan.hours, plan.time_zone.as_deref().unwrap_or(&zone)) {
        Ok(schedule) => {
            refused.extend(recipients_refused(&plan.notify));
            Some(FilePlan { schedule, notify: plan.notify })
        }
        Err(refusal) => {
            refused.push(refusal.at("csv").at("settings"));
            None
        }
    });
    if serde_json::to_vec(&destination).map_err(AppError::internal)?.len() > SETTINGS_MAX_BYTES {
        refused.push(Refusal::new(Code::TooLarge, format!("at most {SETTINGS_MAX_BYTES} bytes")).at("settings"));
    }
    Ok((Completed { destination, plan }, refused))
}

/// The same refusals of settings that stand under `destination`.
#[must_use]
pub fn in_destination(refused: Vec<Refusal>) -> Vec<Refusal> {
    refused.into_iter().map(|refusal| refusal.at("destination")).collect()
}

fn recipients_refused(notify: &[String]) -> Vec<Refusal> {
    let at = |refusal: Refusal| refusal.at("notify").at("csv").at("settings");
    if notify.len() > 10 {
        return vec![at(Refusal::new(Code::TooLarge, "at most 10 addresses"))];
    }
    let wrong = notify.iter().enumerate().filter(|(_, address)| !crm::check::is_address(address));
    wrong.map(|(place, _)| at(Refusal::new(Code::Invalid, "an e-mail address is needed").at(place))).collect()
}

pub(super) fn secrets_refused(secrets: &BTreeMap<String, SecretString>) -> Vec<Refusal> {
    if secrets.len() > SECRETS_MAX {
        return vec![Refusal::new(Code::TooLarge, format!("at most {SECRETS_MAX} secrets")).at("secrets")];
    }
    let wrong = |(name, secret): (&String, &SecretString)| {
        if !crm::check::is_id(name, 60) {
            return Some(Refusal::invalid("secrets", "a secret is named by 1 to 60 letters, digits, `-` or `_`"));
        }
        let fits = secret.expose_secret().len() <= SECRET_MAX_BYTES;
        (!fits).then(|| Refusal::new(Code::TooLarge, format!("at most {SECRET_MAX_BYTES} bytes")).at(name).at("secrets"))
    };
    secrets.iter().filter_map(wrong).collect()
}

pub(super) fn with_secrets(secrets: Secrets, more: &BTreeMap<String, SecretString>) -> Secrets {
    more.iter().fold(secrets, |all, (name, secret)| all.with(name, secret.expose_secret()))
}

/// The adapter's findings with their places in the input.
pub(super) fn problems(found: &[Problem], kind: &Kind) -> Vec<Refusal> {
    found.iter().map(|problem| refusal(problem, kind)).collect()
}

fn refusal(problem: &Problem, kind: &Kind) -> Refusal {
    let mut path: Vec<String> = problem.path.split('.').map(camel_case).collect();
    match path.first().map(String::as_str) {
        // A secret is told by its name as the client gave it.
        Some("secrets") => path = problem.path.splitn(2, '.').map(str::to_owned).collect(),
        Some("mapping" | "oauth" | "baseUrl") => {}
        _ => path.splice(0..0, ["settings".to_owned(), camel_case(&kind_of(kind).as_str().to_lowercase())]).for_each(drop),
    }
    let missing = problem.message.contains("is missing") || problem.message.contains("is required");
    Refusal { code: if missing { Code::Required } else { Code::Invalid }, message: problem.message.clone(), path }
}

pub(super) fn unrendered(error: &RenderError) -> Refusal {
    Refusal::new(Code::Invalid, error.to_string())
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

/// The domain's word for a system.
pub(super) const fn kind_of(kind: &Kind) -> DestinationKind {
    match kind {
        Kind::HubspotForm(_) => DestinationKind::HubspotForm,
        Kind::HubspotContact(_) => DestinationKind::HubspotContact,
        Kind::SalesforceWeb(_) => DestinationKind::SalesforceWeb,
        Kind::SalesforceRest(_) => DestinationKind::SalesforceRest,
        Kind::Pipedrive(_) => DestinationKind::Pipedrive,
        Kind::Bitrix24(_) => DestinationKind::Bitrix24,
        Kind::Kommo(_) => DestinationKind::Kommo,
        Kind::Hook(_) => DestinationKind::Hook,
        Kind::Http(_) => DestinationKind::Http,
        Kind::Adf(_) => DestinationKind::Adf,
        Kind::Email(_) => DestinationKind::Email,
        Kind::Csv(_) => DestinationKind::Csv,
    }
}
