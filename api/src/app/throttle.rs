//! Counting attempts before they are made, by account and by address, in the database: several processes count together.

use std::net::IpAddr;

use domain::account::Email;
use domain::id::{FormId, OrganizationId};
use domain::refusal::{Code, Refusal};
use store::WriteError;

use super::{App, AppError};

const HOUR_SECS: i64 = 3_600;
const MINUTE_SECS: i64 = 60;

/// One thing that is counted. The database sees a keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub subject: [u8; 32],
    pub max: i64,
    pub window_secs: i64,
}

impl App {
    /// Log-ins from an address, then those of an account.
    pub(super) fn login_limits(&self, email: &Email, address: Option<IpAddr>) -> Vec<Limit> {
        address_first(self.login_address_limit(address), self.login_limit(email))
    }

    /// Log-ins of an account. Whether it exists makes no difference.
    pub(super) fn login_limit(&self, email: &Email) -> Limit {
        let auth = &self.config.auth;
        let subject = self.keys.keyed_hash("throttle.login.account", email.as_str());
        Limit { subject, max: auth.account_failures_max, window_secs: auth.failures_window_secs }
    }

    /// Log-ins from an address.
    pub(super) fn login_address_limit(&self, address: Option<IpAddr>) -> Option<Limit> {
        let auth = &self.config.auth;
        self.address_limit("throttle.login.address", address, auth.address_failures_max, auth.failures_window_secs)
    }

    /// Registrations from an address.
    pub(super) fn registration_limit(&self, address: Option<IpAddr>) -> Option<Limit> {
        self.address_limit("throttle.register", address, self.config.auth.registrations_per_hour_max, HOUR_SECS)
    }

    /// Mails about a forgotten password: from an address, and for an account.
    pub(super) fn reset_limits(&self, email: &Email, address: Option<IpAddr>) -> Vec<Limit> {
        let max = self.config.auth.resets_per_hour_max;
        let account =
            Limit { subject: self.keys.keyed_hash("throttle.reset.account", email.as_str()), max, window_secs: HOUR_SECS };
        address_first(self.address_limit("throttle.reset.address", address, max, HOUR_SECS), account)
    }

    /// Mails that prove an address: from an address on the net, and to one.
    pub(super) fn email_verification_limits(&self, email: &Email, address: Option<IpAddr>) -> Vec<Limit> {
        let max = self.config.auth.resets_per_hour_max;
        let account =
            Limit { subject: self.keys.keyed_hash("throttle.verify.account", email.as_str()), max, window_secs: HOUR_SECS };
        address_first(self.address_limit("throttle.verify.address", address, max, HOUR_SECS), account)
    }

    /// Invitations by `organization`, and to `email` by whomever: both are mail to somebody who has not asked for it.
    pub(super) fn invitation_limits(&self, organization: OrganizationId, email: &Email) -> Vec<Limit> {
        let auth = &self.config.auth;
        let limit = |kind: &str, of: &str, max| Limit { subject: self.keys.keyed_hash(kind, of), max, window_secs: HOUR_SECS };
        vec![
            limit("throttle.invitation.organization", &organization.to_string(), auth.invitations_per_hour_max),
            limit("throttle.invitation.recipient", email.as_str(), auth.invitations_per_recipient_hour_max),
        ]
    }

    /// Previews of campaigns by `organization`: each reads much, and many together could tell more than one may.
    pub(super) fn preview_limit(&self, organization: OrganizationId) -> Limit {
        let subject = self.keys.keyed_hash("throttle.preview.organization", &organization.to_string());
        Limit { subject, max: self.config.campaigns.previews_per_hour_max, window_secs: HOUR_SECS }
    }

    /// Test deliveries by `organization`: each is a request, or a mail, to wherever it says.
    pub(super) fn delivery_test_limit(&self, organization: OrganizationId) -> Limit {
        let subject = self.keys.keyed_hash("throttle.delivery_test.organization", &organization.to_string());
        Limit { subject, max: self.config.delivery.tests_per_hour_max, window_secs: HOUR_SECS }
    }

    /// Sends of a form from an address.
    pub(super) fn form_address_limit(&self, form: FormId, address: Option<IpAddr>) -> Option<Limit> {
        let kind = format!("throttle.form.address.{form}");
        self.address_limit(&kind, address, self.config.forms.address_sends_hour_max, HOUR_SECS)
    }

    /// Sends of a form, from which on it is under attack.
    pub(super) fn form_attack_limit(&self, form: FormId) -> Limit {
        let subject = self.keys.keyed_hash("throttle.form", &form.to_string());
        Limit { subject, max: self.config.forms.attack_sends_minute, window_secs: MINUTE_SECS }
    }

    /// Counts an attempt; whether the limit was spent before it.
    pub(super) async fn throttle_counted(&self, limit: Limit) -> Result<bool, AppError> {
        let spent = self.store.write("throttle", move |tx| async move {
            Ok::<_, WriteError>(tx.throttle_take(&limit.subject, limit.max, limit.window_secs).await?.is_some())
        });
        Ok(spent.await?)
    }

    /// Whether the limit is spent, without counting an attempt.
    pub(super) async fn throttle_is_spent(&self, limit: Limit) -> Result<bool, AppError> {
        Ok(self.store.throttle_is_spent(&limit.subject, limit.max, limit.window_secs, self.now()).await?)
    }

    /// Counts an attempt on each of `limits`, in this order; refused at the first that is spent.
    pub(super) async fn throttle(&self, limits: Vec<Limit>) -> Result<(), AppError> {
        // A refusal would take the counting back with it, so the spent limit is an answer here.
        let spent = self
            .store
            .write("throttle", move |tx| {
                let limits = limits.clone();
                async move {
                    for limit in limits {
                        if let Some(until) = tx.throttle_take(&limit.subject, limit.max, limit.window_secs).await? {
                            return Ok(Some(until));
                        }
                    }
                    Ok::<_, WriteError>(None)
                }
            })
            .await?;
        spent.map_or(Ok(()), |until| {
            let message = format!("too many attempts; try again after {}", until.format("%Y-%m-%dT%H:%M:%SZ"));
            Err(Refusal::new(Code::RateLimited, message).into())
        })
    }

    fn address_limit(&self, kind: &str, address: Option<IpAddr>, max: i64, window_secs: i64) -> Option<Limit> {
        let network = match address? {
            IpAddr::V4(v4) => v4.to_string(),
            // A provider hands whole /64 networks to one customer.
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => v4.to_string(),
                None => format!("{:x?}", v6.segments().into_iter().take(4).collect::<Vec<_>>()),
            },
        };
        Some(Limit { subject: self.keys.keyed_hash(kind, &network), max, window_secs })
    }
}

/// A spent address must not go on spending other people's accounts, so it is counted first.
fn address_first(address: Option<Limit>, account: Limit) -> Vec<Limit> {
    address.into_iter().chain([account]).collect()
}
