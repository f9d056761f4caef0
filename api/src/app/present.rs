//! Who a caller is by now: what a request may do was looked up when it began, and a subscription goes on for hours.

use domain::access::Principal;
use domain::refusal::{Code, Refusal};
use domain::time::{Timestamp, plus_secs};

use super::{App, AppError, Caller};

/// A caller that is looked up again whenever what is known of it is older than a request would believe.
#[derive(Debug, Clone)]
pub struct Present {
    caller: Caller,
    at: Timestamp,
}

impl Present {
    /// The caller of a request that was admitted just now.
    #[must_use]
    pub fn new(app: &App, caller: Caller) -> Self {
        Self { caller, at: app.now() }
    }

    /// Names the request in the log and in masked errors.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.caller.request_id
    }

    /// The caller with the role that it has now; refused when it has lost its access.
    pub async fn caller(&mut self, app: &App) -> Result<&Caller, AppError> {
        let now = app.now();
        if now >= plus_secs(self.at, app.config.auth.access_cache_secs) {
            self.caller.principal = principal(app, &self.caller.principal).await?;
            self.at = now;
        }
        Ok(&self.caller)
    }
}

/// Who this is now.
async fn principal(app: &App, was: &Principal) -> Result<Principal, AppError> {
    let gone = || AppError::from(Refusal::new(Code::Unauthenticated, "the access has ended: log in again"));
    let stopped = |suspended: bool| match suspended {
        true => Err(AppError::from(Refusal::new(Code::Suspended, "the organization is suspended"))),
        false => Ok(()),
    };
    match *was {
        Principal::Anonymous => Ok(Principal::Anonymous),
        Principal::Member { user, organization, .. } => {
            let access = app.store.present_access(user, Some(organization), None).await?.ok_or_else(gone)?;
            stopped(access.suspended)?;
            let (organization, role) = access.member.ok_or_else(gone)?;
            Ok(Principal::Member { user, organization, role })
        }
        Principal::Staff { user, role } => {
            let access = app.store.present_access(user, None, Some(role)).await?.ok_or_else(gone)?;
            let role = access.staff_role.ok_or_else(gone)?;
            Ok(Principal::Staff { user, role })
        }
        Principal::Key { key, .. } | Principal::TestKey { key, .. } => {
            let access = app.store.present_key_access(key).await?.ok_or_else(gone)?;
            stopped(access.suspended)?;
            Ok(access.key.principal())
        }
    }
}
