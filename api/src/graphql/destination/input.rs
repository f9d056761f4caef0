//! What a client says of destinations.

use std::collections::BTreeMap;

use async_graphql::{ID, InputObject, OneofObject};
use domain::id::DestinationId;
use domain::refusal::Refusal;
use gateways::crm::{self, Destination, Field, Kind, Mapping, Source};
use secrecy::SecretString;

use super::core::LeadField;
use super::http::DestinationHttpInput;
use super::oauth::DestinationOauthInput;
use super::system::{
    DestinationAdfInput, DestinationBitrix24Input, DestinationCsvInput, DestinationEmailInput, DestinationHookInput,
    DestinationHubspotContactInput, DestinationHubspotFormInput, DestinationKommoInput, DestinationPipedriveInput,
    DestinationSalesforceRestInput, DestinationSalesforceWebInput,
};
use crate::app::destinations::{DestinationCreate, DestinationSettings, DestinationUpdate, PlanDraft, in_destination};
use crate::graphql::id::parse_id;

/// The system that leads are brought to, with its own settings: exactly one.
#[derive(OneofObject)]
pub enum DestinationSettingsInput {
    /// A HubSpot form. Secret, if `secure`: `access_token`, or `oauth`.
    HubspotForm(DestinationHubspotFormInput),
    /// HubSpot contacts. Secret: `access_token` of a private app, or `oauth`.
    HubspotContact(DestinationHubspotContactInput),
    /// Salesforce Web-to-Lead. No secret. Salesforce confirms nothing there.
    SalesforceWeb(DestinationSalesforceWebInput),
    /// Salesforce leads over REST. Secret: `access_token`, or `oauth`.
    SalesforceRest(DestinationSalesforceRestInput),
    /// Pipedrive persons and leads. Secret: `api_token`, or `oauth`.
    Pipedrive(DestinationPipedriveInput),
    /// Bitrix24 leads over an incoming webhook. Secret: `webhook_code`, or `oauth`.
    Bitrix24(DestinationBitrix24Input),
    /// Kommo (amoCRM) leads. Secret: `access_token`, or `oauth`.
    Kommo(DestinationKommoInput),
    /// A hook of Zapier, Make, n8n or another. Secret: `url`, and `header_value` if a header is named.
    Hook(DestinationHookInput),
    /// Any HTTP endpoint. Secrets: `url` unless it is given, `token` or `password` by `auth`, and those that templates name.
    Http(Box<DestinationHttpInput>),
    /// ADF/XML for car dealers. No secret.
    Adf(DestinationAdfInput),
    /// E-mail. No secret.
    Email(DestinationEmailInput),
    /// CSV files by a schedule. No secret.
    Csv(DestinationCsvInput),
}

/// Where a field's value comes from: exactly one.
#[derive(OneofObject)]
pub enum DestinationSourceInput {
    /// What every lead has.
    Lead(LeadField),
    /// An answer of the vertical's form, by the attribute's key.
    Attribute(String),
    /// Always this text.
    Constant(String),
    /// Plain text from a template, such as `{{ first_name }} ({{ city }})`.
    Template(String),
    /// One of the destination's secrets, by its name. Only `http` has a place for it.
    Secret(String),
}

/// One field of the destination.
#[derive(InputObject)]
pub struct DestinationFieldInput {
    /// The destination's name for it.
    pub field: String,
    /// Where its value comes from. A field without a value is left out.
    pub source: DestinationSourceInput,
}

/// A secret. It is sealed, and never shown again.
#[derive(InputObject)]
pub struct DestinationSecretInput {
    /// Its name, as the destination's kind calls it.
    pub name: String,
    /// The secret itself, at most 4 kB.
    pub value: String,
}

/// How a destination is reached and what it is given.
#[derive(InputObject)]
pub struct DestinationInput {
    /// The system.
    pub settings: DestinationSettingsInput,
    /// Which values go into which of its fields, at most 100; the usual ones when absent.
    pub mapping: Option<Vec<DestinationFieldInput>>,
    /// The app by which access tokens are got and renewed, for HubSpot, Salesforce over REST, Pipedrive, Bitrix24 and Kommo. Secrets: `client_secret`,
    /// and `refresh_token` unless the app has its own credentials. Without one, somebody gives a token that lasts.
    pub oauth: Option<DestinationOauthInput>,
    /// An address in place of the vendor's own, its token endpoint included, for a private cloud.
    pub base_url: Option<String>,
}

/// A destination to make.
#[derive(InputObject)]
pub struct DestinationCreateInput {
    /// What you call it, at most 120 characters.
    pub name: String,
    /// How it is reached and what it is given.
    pub destination: DestinationInput,
    /// Its secrets, at most 20.
    #[graphql(default)]
    pub secrets: Vec<DestinationSecretInput>,
    /// Whether leads go there that no campaign sends elsewhere: those of campaigns without destinations, and what is bought by hand. It takes
    /// the place of the default before.
    #[graphql(default)]
    pub is_default: bool,
}

/// A destination to change; what is absent stays.
#[derive(InputObject)]
pub struct DestinationUpdateInput {
    /// Which.
    pub destination_id: ID,
    /// What you call it.
    pub name: Option<String>,
    /// How it is reached and what it is given, all at once. The system stays the same.
    pub destination: Option<DestinationInput>,
    /// Secrets to replace or to add.
    #[graphql(default)]
    pub secrets: Vec<DestinationSecretInput>,
    /// Whether leads go there that no campaign sends elsewhere.
    pub is_default: Option<bool>,
}

/// A destination to disable.
#[derive(Debug, InputObject)]
pub struct DestinationDisableInput {
    /// Which.
    pub destination_id: ID,
}

/// A destination to enable.
#[derive(Debug, InputObject)]
pub struct DestinationEnableInput {
    /// Which.
    pub destination_id: ID,
}

impl DestinationInput {
    /// As the use cases take it, or every refusal with its place.
    pub(super) fn parse(self) -> Result<DestinationSettings, Vec<Refusal>> {
        let (kind, plan) = self.settings.parse().map_err(|refusal| vec![refusal])?;
        let mapping = self.mapping.map(|fields| Mapping(fields.into_iter().map(Field::from).collect()));
        Ok(DestinationSettings {
            destination: Destination { kind, mapping, oauth: self.oauth.map(Into::into), base_url: self.base_url },
            plan,
        })
    }
}

impl DestinationCreateInput {
    pub(super) fn parse(self) -> Result<DestinationCreate, Vec<Refusal>> {
        let settings = self.destination.parse().map_err(in_destination)?;
        Ok(DestinationCreate { name: self.name, settings, secrets: secrets(self.secrets), is_default: self.is_default })
    }
}

impl DestinationUpdateInput {
    pub(super) fn parse(self) -> Result<DestinationUpdate, Vec<Refusal>> {
        let id: DestinationId = parse_id(&self.destination_id, "destinationId")?;
        let settings = self.destination.map(DestinationInput::parse).transpose().map_err(in_destination)?;
        Ok(DestinationUpdate { id, name: self.name, settings, secrets: secrets(self.secrets), is_default: self.is_default })
    }
}

impl DestinationSettingsInput {
    fn parse(self) -> Result<(Kind, Option<PlanDraft>), Refusal> {
        Ok((
            match self {
                Self::HubspotForm(input) => Kind::HubspotForm(input.into()),
                Self::HubspotContact(input) => Kind::HubspotContact(input.into()),
                Self::SalesforceWeb(input) => Kind::SalesforceWeb(input.into()),
                Self::SalesforceRest(input) => Kind::SalesforceRest(input.into()),
                Self::Pipedrive(input) => Kind::Pipedrive(input.parse()?),
                Self::Bitrix24(input) => Kind::Bitrix24(input.parse()?),
                Self::Kommo(input) => Kind::Kommo(input.parse()?),
                Self::Hook(input) => Kind::Hook(input.into()),
                Self::Http(input) => Kind::Http(Box::new(input.parse()?)),
                Self::Adf(input) => Kind::Adf(input.parse()?),
                Self::Email(input) => Kind::Email(input.into()),
                Self::Csv(input) => {
                    let (csv, plan) = input.parse()?;
                    return Ok((Kind::Csv(csv), Some(plan)));
                }
            },
            None,
        ))
    }
}

impl From<DestinationFieldInput> for Field {
    fn from(DestinationFieldInput { field, source }: DestinationFieldInput) -> Self {
        let source = match source {
            DestinationSourceInput::Lead(name) => Source::Core { name: crm::Core::from(name) },
            DestinationSourceInput::Attribute(key) => Source::Attribute { key },
            DestinationSourceInput::Constant(value) => Source::Constant { value },
            DestinationSourceInput::Template(template) => Source::Template { template },
            DestinationSourceInput::Secret(name) => Source::Secret { name },
        };
        Self { field, source }
    }
}

fn secrets(given: Vec<DestinationSecretInput>) -> BTreeMap<String, SecretString> {
    given.into_iter().map(|secret| (secret.name, secret.value.into())).collect()
}
