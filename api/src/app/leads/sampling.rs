//! The sample of leads at which operators look: drawn when a lead is taken, by a hash that no seller can foresee.

use domain::access::StaffRole;
use domain::id::LeadId;
use domain::time::plus_secs;
use domain::verification::is_drawn;
use store::leads::StoredLead;
use store::page::{Page, Slice};

use crate::app::{App, AppError, Caller};

/// The leads that were drawn, are verified, and at which nobody has looked yet, the oldest first. Operators only.
pub async fn sample_queue(app: &App, caller: &Caller, page: &Page<LeadId>) -> Result<Slice<StoredLead>, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    let since = plus_secs(app.now(), app.config.verification.sample_window_secs.saturating_neg());
    Ok(app.store.leads_drawn(since, page).await?)
}

/// Whether a lead is drawn into the sample. One whose person is made up tells nothing.
pub(super) fn drawn(app: &App, lead: LeadId, synthetic: bool) -> bool {
    let hash = app.keys.keyed_hash("SAMPLE", &lead.to_string());
    let random = hash.first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head));
    !synthetic && is_drawn(random, app.config.verification.sample_bp)
}
