//! What tells who the person is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contact::Contact;
use crate::time::Timestamp;
use crate::vertical::AttributeValue;

/// What tells who the person is: kept encrypted, and shown only to those who may see the contact.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Who it is and how to reach them.
    pub contact: Contact,
    /// Age in whole years; the band is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<u8>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Values of the vertical's identifying attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identifying: BTreeMap<String, AttributeValue>,
    /// The person's comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comments: Option<String>,
    /// When the person asked to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_me_at: Option<Timestamp>,
    /// The traces that the person's device left.
    #[serde(default)]
    pub trace: Trace,
}

/// Traces of the person's device.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trace {
    /// Address at the consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_ip: Option<String>,
    /// Browser at the consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_user_agent: Option<String>,
    /// Address when the form was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Browser when the form was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The seller's identifier of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
}

silent_debug!(Sealed, Trace);
