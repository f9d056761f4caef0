//! Settings of hosted forms and of certificates of consent.

use secrecy::SecretString;
use serde::Deserialize;

use super::Problems;

/// `[forms]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forms {
    /// The most forms of one organization that are not disabled.
    pub per_organization_max: u64,
    /// How long a page may stay open, in seconds.
    pub open_secs: i64,
    /// How often one form may be sent from one address in an hour.
    pub address_sends_hour_max: i64,
    /// Sends of one form in a minute, from which on it is under attack.
    pub attack_sends_minute: i64,
    /// How many zero bits a proof of work begins with.
    pub work_bits: u32,
    /// How long a challenge is good for, in seconds.
    pub work_secs: i64,
    /// Other forms from one address and browser in an hour, from which on they come from a paid form-filler.
    pub fills_hour: u64,
}

/// `[certificates]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificates {
    /// Where TrustedForm answers.
    pub trusted_form_url: String,
    /// The key of the exchange's account there; empty: none.
    pub trusted_form_api_key: SecretString,
    /// Where Jornaya answers.
    pub jornaya_url: String,
    /// The exchange's account code there; empty: none.
    pub jornaya_account: SecretString,
    /// The bearer token of that account; empty: none is asked for.
    pub jornaya_token: SecretString,
    /// How long one question may take, in milliseconds.
    pub timeout_millis: u64,
}

impl Forms {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("forms.per_organization_max", self.per_organization_max, 1, 100_000);
        problems.within("forms.open_secs", self.open_secs, 60, 30 * 86_400);
        problems.within("forms.address_sends_hour_max", self.address_sends_hour_max, 1, 1_000_000);
        problems.within("forms.attack_sends_minute", self.attack_sends_minute, 0, 1_000_000);
        problems.within("forms.work_bits", self.work_bits, 1, 32);
        problems.within("forms.work_secs", self.work_secs, 10, 86_400);
        problems.within("forms.fills_hour", self.fills_hour, 1, 1_000_000);
    }
}

impl Certificates {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("certificates.timeout_millis", self.timeout_millis, 1, 60_000);
        for (key, url) in
            [("certificates.trusted_form_url", &self.trusted_form_url), ("certificates.jornaya_url", &self.jornaya_url)]
        {
            if url::Url::parse(url).is_err() {
                problems.add(key, "must be a URL");
            }
        }
    }
}
