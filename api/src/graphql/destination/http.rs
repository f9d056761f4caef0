//! The settings of the generic HTTP endpoint.

use async_graphql::{Enum, InputObject, OneofObject};
use domain::refusal::Refusal;
use gateways::crm::http::{Auth, Content, Header, Http};
use gateways::crm::success::{Rule, Success};

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "gateways::crm::Method")]
pub enum DestinationHttpMethod {
    /// The mapped fields travel in the query.
    Get,
    /// The usual one.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
}

/// How to authenticate: exactly one.
#[derive(Debug, OneofObject)]
pub enum DestinationHttpAuthInput {
    /// With this user name and the secret `password`.
    Basic(String),
    /// With the secret `token` as a bearer token, if true.
    Bearer(bool),
}

/// What is sent: exactly one.
#[derive(Debug, OneofObject)]
pub enum DestinationHttpBodyInput {
    /// The mapped fields as a form, if true; as one flat JSON object otherwise.
    FormFields(bool),
    /// JSON from this template. Each value is written as a whole JSON value, quotes included: `{ "name": {{ full_name }} }`.
    Json(String),
    /// A form from this template.
    Form(String),
    /// XML from this template.
    Xml(String),
}

/// A header.
#[derive(Debug, InputObject)]
pub struct DestinationHttpHeaderInput {
    /// Its name.
    pub name: String,
    /// Its value: a plain template, in which secrets stand as `{{ secrets.name }}`.
    pub value: String,
}

/// What an answer must hold: exactly one.
#[derive(Debug, OneofObject)]
pub enum DestinationHttpRuleInput {
    /// A JSON value at a pointer.
    Equals(DestinationHttpEqualsInput),
    /// This text anywhere, without regard to case.
    Contains(String),
}

/// A JSON value at a pointer, compared as text.
#[derive(Debug, InputObject)]
pub struct DestinationHttpEqualsInput {
    /// A JSON pointer, such as `/result/status`.
    pub pointer: String,
    /// The text, number or truth value as text.
    pub value: String,
}

/// Any HTTP endpoint.
#[derive(Debug, InputObject)]
pub struct DestinationHttpInput {
    /// The method.
    #[graphql(default_with = "DestinationHttpMethod::Post")]
    pub method: DestinationHttpMethod,
    /// The address, unless it is the secret `url`.
    pub url: Option<String>,
    /// How to authenticate; not at all when absent.
    pub auth: Option<DestinationHttpAuthInput>,
    /// Further headers, at most 20.
    #[graphql(default)]
    pub headers: Vec<DestinationHttpHeaderInput>,
    /// What is sent; the mapped fields as one flat JSON object when absent.
    pub body: Option<DestinationHttpBodyInput>,
    /// The lowest status that counts as success.
    #[graphql(default = 200)]
    pub success_from: i32,
    /// The highest status that counts as success.
    #[graphql(default = 299)]
    pub success_to: i32,
    /// What the answer must hold besides to count as success.
    pub success_rule: Option<DestinationHttpRuleInput>,
    /// What an answer that is no success must hold to count as a duplicate.
    pub duplicate_rule: Option<DestinationHttpRuleInput>,
    /// A JSON pointer to the other side's id.
    pub external_id: Option<String>,
    /// A JSON pointer to the reason of a refusal.
    pub reject_reason: Option<String>,
}

impl DestinationHttpInput {
    pub(super) fn parse(self) -> Result<Http, Refusal> {
        let status = |status: i32, field: &str| {
            u16::try_from(status).map_err(|_| Refusal::invalid(field, "a status from 100 to 599").at("http").at("settings"))
        };
        let success = Success {
            from: status(self.success_from, "successFrom")?,
            to: status(self.success_to, "successTo")?,
            rule: self.success_rule.map(Rule::from),
        };
        Ok(Http {
            method: self.method.into(),
            url: self.url,
            auth: match self.auth {
                Some(DestinationHttpAuthInput::Basic(username)) => Auth::Basic { username },
                Some(DestinationHttpAuthInput::Bearer(true)) => Auth::Bearer,
                Some(DestinationHttpAuthInput::Bearer(false)) | None => Auth::None,
            },
            headers: self.headers.into_iter().map(|header| Header { name: header.name, value: header.value }).collect(),
            body: match self.body {
                Some(DestinationHttpBodyInput::FormFields(true)) => Content::FormFields,
                Some(DestinationHttpBodyInput::FormFields(false)) | None => Content::JsonFields,
                Some(DestinationHttpBodyInput::Json(template)) => Content::Json { template },
                Some(DestinationHttpBodyInput::Form(template)) => Content::Form { template },
                Some(DestinationHttpBodyInput::Xml(template)) => Content::Xml { template },
            },
            success,
            duplicate: self.duplicate_rule.map(Rule::from),
            external_id: self.external_id,
            reject_reason: self.reject_reason,
        })
    }
}

impl From<DestinationHttpRuleInput> for Rule {
    fn from(input: DestinationHttpRuleInput) -> Self {
        match input {
            DestinationHttpRuleInput::Equals(DestinationHttpEqualsInput { pointer, value }) => Self::Equals { pointer, value },
            DestinationHttpRuleInput::Contains(text) => Self::Contains { text },
        }
    }
}
