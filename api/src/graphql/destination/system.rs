//! The settings of each system, but for the generic one.

use async_graphql::{Enum, InputObject, OneofObject};
use domain::refusal::Refusal;
use gateways::crm::{adf, bitrix24, csv_file, email, hook, hubspot, kommo, pipedrive, salesforce};

use crate::app::destinations::PlanDraft;

/// A HubSpot form. Mapped fields are the names of its fields.
#[derive(Debug, InputObject)]
pub struct DestinationHubspotFormInput {
    /// The id of the portal (Hub ID).
    pub portal_id: String,
    /// The id of the form.
    pub form_guid: String,
    /// Whether the authenticated endpoint is used, which needs the secret `access_token` and has a higher limit.
    #[graphql(default)]
    pub secure: bool,
    /// The page that is named as the source.
    pub page_url: Option<String>,
    /// The text that the person agreed to, where the form asks for consent.
    pub consent_text: Option<String>,
}

/// HubSpot contacts. Mapped fields are the internal names of properties.
#[derive(Debug, InputObject)]
pub struct DestinationHubspotContactInput {
    /// Whether a contact that is there already gets the new values.
    #[graphql(default = true)]
    pub update_existing: bool,
}

/// Salesforce Web-to-Lead. Mapped fields are the names in the form that Salesforce generates.
#[derive(Debug, InputObject)]
pub struct DestinationSalesforceWebInput {
    /// The id of the organization (`oid`).
    pub organization_id: String,
    /// The page named as `retURL`.
    pub return_url: Option<String>,
}

/// Salesforce leads over REST. Mapped fields are API names.
#[derive(Debug, InputObject)]
pub struct DestinationSalesforceRestInput {
    /// The address of the organization, such as `https://acme.my.salesforce.com`; with `oauth`, tokens are got there too.
    pub instance_url: String,
    /// The version of the API.
    #[graphql(default = "62.0")]
    pub api_version: String,
    /// The API name of an external id field of the lead, which gets the id of the delivery: repeats are harmless then.
    pub external_id_field: Option<String>,
}

/// Pipedrive. Mapped fields are `person.name`, `person.email`, `person.phone`, `lead.title`, `lead.value`, `lead.currency`, and `person.` or
/// `lead.` with the key of a custom field.
#[derive(Debug, InputObject)]
pub struct DestinationPipedriveInput {
    /// The company's part of `{domain}.pipedrive.com`.
    pub domain: String,
    /// Whether persons are made over the older version of the API.
    #[graphql(default)]
    pub version_1: bool,
    /// The number of the user who owns both.
    pub owner_id: Option<i64>,
    /// The ids of the lead's labels.
    #[graphql(default)]
    pub label_ids: Vec<String>,
}

/// Bitrix24. Mapped fields are the vendor's, such as `TITLE` or `UF_CRM_1`.
#[derive(Debug, InputObject)]
pub struct DestinationBitrix24Input {
    /// The address of the portal, such as `https://acme.bitrix24.com`.
    pub portal_url: String,
    /// The number of the user in the webhook's address; none with `oauth`.
    #[graphql(default)]
    pub user_id: i64,
    /// The first stage of the lead.
    #[graphql(default = "NEW")]
    pub status_id: String,
    /// The source of the lead in the portal's list.
    pub source_id: Option<String>,
    /// The number of the user who gets the lead.
    pub assigned_by_id: Option<i64>,
}

/// Kommo. Mapped fields are `lead.name`, `lead.price`, `contact.name`, `contact.first_name`, `contact.last_name`, `contact.PHONE`,
/// `contact.EMAIL`, and `lead.` or `contact.` with the number of a custom field.
#[derive(Debug, InputObject)]
pub struct DestinationKommoInput {
    /// The address of the account, such as `https://acme.kommo.com`.
    pub account_url: String,
    /// The number of the lead's pipeline.
    pub pipeline_id: Option<i64>,
    /// The number of its stage there.
    pub status_id: Option<i64>,
    /// The number of the user who gets the lead.
    pub responsible_user_id: Option<i64>,
    /// Tags of the lead, at most 20.
    #[graphql(default)]
    pub tags: Vec<String>,
}

/// Platforms with hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "gateways::crm::hook::Platform")]
pub enum HookPlatform {
    /// Zapier.
    Zapier,
    /// Make.
    Make,
    /// n8n, in its own cloud or anywhere.
    N8n,
    /// Any other.
    Other,
}

/// A hook: one flat JSON object is posted to the secret `url`. Any field can be mapped.
#[derive(Debug, InputObject)]
pub struct DestinationHookInput {
    /// Whose.
    #[graphql(default_with = "HookPlatform::Other")]
    pub platform: HookPlatform,
    /// A header that carries the secret `header_value`.
    pub header: Option<String>,
    /// Whether each answer of the form is added as `attribute_` and its key.
    #[graphql(default = true)]
    pub attributes: bool,
}

/// How ADF travels: exactly one.
#[derive(Debug, OneofObject)]
pub enum DestinationAdfTransportInput {
    /// Mailed as plain text to these addresses, at most 10.
    Email(Vec<String>),
    /// Posted to this address.
    Url(String),
}

/// ADF/XML. Mapped fields are `customer.first`, `customer.phone`, `vehicle.make` and so on.
#[derive(Debug, InputObject)]
pub struct DestinationAdfInput {
    /// How it travels.
    pub transport: DestinationAdfTransportInput,
    /// The name of the dealer.
    pub vendor: String,
}

/// E-mail. There is no mapping: templates name what they want.
#[derive(Debug, InputObject)]
pub struct DestinationEmailInput {
    /// Recipients, at most 10.
    pub to: Vec<String>,
    /// The language of our texts: `en`, `de`, `pt` or `ru`; your organization's when absent.
    pub language: Option<String>,
    /// Whether the message tells who the person is. By default it says that there is a lead and where it is opened.
    #[graphql(default)]
    pub personal_data: bool,
    /// A subject of your own, as a template.
    pub subject: Option<String>,
    /// A plain body of your own, as a template.
    pub text: Option<String>,
    /// An HTML body of your own, as a template; only beside a plain one.
    pub html: Option<String>,
}

/// CSV files: the leads of a destination are gathered, and a file of them is ready at each hour of the schedule. Any column can be mapped.
#[derive(Debug, InputObject)]
pub struct DestinationCsvInput {
    /// What stands between cells: a comma, a semicolon, `|` or a tab.
    #[graphql(default = ",")]
    pub delimiter: String,
    /// Whether cells are guarded against being taken for formulas.
    #[graphql(default = true)]
    pub guard: bool,
    /// At which full hours a file is written, 0 to 23.
    pub hours: Vec<i32>,
    /// On which clock, such as `Europe/Berlin`; your organization's when absent.
    pub time_zone: Option<String>,
    /// Addresses that get a mail with a link to each file, at most 10.
    #[graphql(default)]
    pub notify: Vec<String>,
}

impl From<DestinationHubspotFormInput> for hubspot::Form {
    fn from(input: DestinationHubspotFormInput) -> Self {
        let DestinationHubspotFormInput { portal_id, form_guid, secure, page_url, consent_text } = input;
        Self { portal_id, form_guid, secure, page_url, consent_text }
    }
}

impl From<DestinationHubspotContactInput> for hubspot::Contact {
    fn from(DestinationHubspotContactInput { update_existing }: DestinationHubspotContactInput) -> Self {
        Self { update_existing }
    }
}

impl From<DestinationSalesforceWebInput> for salesforce::Web {
    fn from(DestinationSalesforceWebInput { organization_id, return_url }: DestinationSalesforceWebInput) -> Self {
        Self { organization_id, return_url }
    }
}

impl From<DestinationSalesforceRestInput> for salesforce::Rest {
    fn from(input: DestinationSalesforceRestInput) -> Self {
        let DestinationSalesforceRestInput { instance_url, api_version, external_id_field } = input;
        Self { instance_url, api_version, external_id_field }
    }
}

impl From<DestinationHookInput> for hook::Hook {
    fn from(DestinationHookInput { platform, header, attributes }: DestinationHookInput) -> Self {
        Self { platform: platform.into(), header, attributes }
    }
}

impl From<DestinationEmailInput> for email::Email {
    fn from(DestinationEmailInput { to, language, personal_data, subject, text, html }: DestinationEmailInput) -> Self {
        Self { to, language: language.unwrap_or_default(), personal_data, subject, text, html }
    }
}

impl DestinationPipedriveInput {
    pub(super) fn parse(self) -> Result<pipedrive::Pipedrive, Refusal> {
        Ok(pipedrive::Pipedrive {
            domain: self.domain,
            version: if self.version_1 { pipedrive::Version::V1 } else { pipedrive::Version::V2 },
            owner_id: number(self.owner_id, "pipedrive", "ownerId")?,
            label_ids: self.label_ids,
        })
    }
}

impl DestinationBitrix24Input {
    pub(super) fn parse(self) -> Result<bitrix24::Bitrix24, Refusal> {
        Ok(bitrix24::Bitrix24 {
            portal_url: self.portal_url,
            user_id: number(Some(self.user_id), "bitrix24", "userId")?.unwrap_or(0),
            status_id: self.status_id,
            source_id: self.source_id,
            assigned_by_id: number(self.assigned_by_id, "bitrix24", "assignedById")?,
        })
    }
}

impl DestinationKommoInput {
    pub(super) fn parse(self) -> Result<kommo::Kommo, Refusal> {
        Ok(kommo::Kommo {
            account_url: self.account_url,
            pipeline_id: number(self.pipeline_id, "kommo", "pipelineId")?,
            status_id: number(self.status_id, "kommo", "statusId")?,
            responsible_user_id: number(self.responsible_user_id, "kommo", "responsibleUserId")?,
            tags: self.tags,
        })
    }
}

impl DestinationAdfInput {
    pub(super) fn parse(self) -> Result<adf::Adf, Refusal> {
        let transport = match self.transport {
            DestinationAdfTransportInput::Email(to) => adf::Transport::Email { to },
            DestinationAdfTransportInput::Url(url) => adf::Transport::Http { url },
        };
        Ok(adf::Adf { transport, vendor: self.vendor })
    }
}

impl DestinationCsvInput {
    pub(super) fn parse(self) -> Result<(csv_file::Csv, PlanDraft), Refusal> {
        let mut letters = self.delimiter.chars();
        let (Some(delimiter), None) = (letters.next(), letters.next()) else {
            return Err(Refusal::invalid("delimiter", "one of `,`, `;`, `|` or a tab is needed").at("csv").at("settings"));
        };
        let plan = PlanDraft { hours: self.hours, time_zone: self.time_zone, notify: self.notify };
        Ok((csv_file::Csv { delimiter, guard: self.guard }, plan))
    }
}

/// A number of another system.
fn number(given: Option<i64>, system: &str, field: &str) -> Result<Option<u64>, Refusal> {
    let parsed = given.map(u64::try_from).transpose();
    parsed.map_err(|_| Refusal::invalid(field, "not below zero").at(system).at("settings"))
}
