//! What shows that the person asked, and how the form was filled.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Channel;
use crate::time::Timestamp;

/// What the person agreed to, when and where.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsentEvidence {
    /// The words shown to the person; at most 4,000 characters.
    pub text: String,
    /// The seller's version of those words.
    pub text_version: Option<String>,
    /// When the person agreed.
    pub captured_at: Option<Timestamp>,
    /// The page on which the person agreed.
    pub page_url: Option<String>,
    /// The person's address on the net at that moment.
    pub ip: Option<String>,
    /// The person's browser.
    pub user_agent: Option<String>,
    /// A certificate kept by a third party.
    pub certificate_url: Option<String>,
    /// Length of the session that ended in the consent, in seconds.
    pub session_secs: Option<u32>,
    /// Ways on which the person does not wish to be reached.
    pub refused_channels: BTreeSet<Channel>,
}

/// How the form was filled, as the seller's page saw it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionSignals {
    /// Seconds between opening the page and sending the form.
    pub time_on_page_secs: Option<u32>,
    /// Fields filled by typing.
    pub typed_fields: Option<u32>,
    /// Fields filled by pasting.
    pub pasted_fields: Option<u32>,
    /// Whether the field that people do not see was filled.
    pub honeypot_filled: Option<bool>,
    /// The seller's identifier of the device.
    pub device_id: Option<String>,
    /// The person's address on the net.
    pub ip: Option<String>,
    /// The person's browser.
    pub user_agent: Option<String>,
    /// The page with the form.
    pub page_url: Option<String>,
    /// Visits to the site so far.
    pub visits: Option<u32>,
    /// Seconds on the site over all visits.
    pub site_secs: Option<u32>,
    /// How a form of the exchange's own was filled. Left out where there is none, so that the hash of such a draft stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filling: Option<FormFilling>,
}

/// How a form of the exchange's own was filled, as its script counted and the exchange saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FormFilling {
    /// Whether the page's script ran; without it nothing was counted.
    pub script: bool,
    /// Keys pressed in fields.
    pub keys: u32,
    /// Times that a field got the focus, clicks and touches.
    pub focuses: u32,
    /// Signs that a program drove the browser.
    pub hints: Vec<String>,
    /// Other forms that were sent from the same address and browser within the hour before.
    pub recent: u32,
}

silent_debug!(ConsentEvidence, SessionSignals);
