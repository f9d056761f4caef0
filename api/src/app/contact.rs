//! Contact details: sealed at rest, opened for those who may see them, each look recorded.

use domain::access::{Permission, StaffRole};
use domain::id::{LeadId, RevealId, TradeId, TypedId};
use domain::lead::Sealed;
use domain::refusal::Refusal;
use domain::time::Timestamp;
use store::contacts::{self, Reveal, RevealOf};
use store::entity::lead_contact;
use store::leads::LeadScope;
use store::page::{Page, Slice};
use store::trades::Trade;

use super::{App, AppError, Caller};
use crate::crypto::{Binding, KeyRing, Sealed as Envelope};

/// What a look at contact details showed.
#[derive(Debug, Clone)]
pub struct ContactRevealed {
    /// The lead.
    pub lead: LeadId,
    /// The trade under which the buyer looked; `None` when the seller did.
    pub trade: Option<Trade>,
    /// Who the person is.
    pub person: Sealed,
    /// When.
    pub at: Timestamp,
}

/// To what the envelope of a lead's contact details is bound.
#[must_use]
pub fn contact_binding(lead: LeadId) -> Binding {
    Binding { purpose: "lead.contact", object: lead.uuid() }
}

/// Opens the envelope of a lead's contact details.
pub fn contact_open(keys: &KeyRing, row: &lead_contact::Model) -> Result<Sealed, AppError> {
    let lead_contact::Model { lead_id, key_id, wrapped_key, ciphertext } = row;
    let envelope = Envelope { key_id: key_id.clone(), wrapped_key: wrapped_key.clone(), ciphertext: ciphertext.clone() };
    let opened = keys.open(contact_binding((*lead_id).into()), &envelope).map_err(AppError::internal)?;
    // The parser's message could quote what it read.
    serde_json::from_slice(&opened).map_err(|_| AppError::internal("a lead's contact details are not of their form"))
}

/// Shows the contact details behind a trade or a lead (exactly one is named) to the lead's seller, or to a buyer with a
/// live trade, and records the look. The buyer's first look starts the hold.
pub async fn contact_reveal(
    app: &App,
    caller: &Caller,
    trade: Option<TradeId>,
    lead: Option<LeadId>,
) -> Result<ContactRevealed, AppError> {
    let organization = caller.principal.require(Permission::ContactsReveal)?;
    let of = match (trade, lead) {
        (Some(id), None) => RevealOf::Trade(id),
        (None, Some(id)) => RevealOf::Lead(id),
        (None, None) => return Err(Refusal::required("tradeId").into()),
        (Some(_), Some(_)) => return Err(Refusal::invalid("leadId", "name the trade or the lead, not both").into()),
    };
    let principal = caller.principal.clone();
    let revealed = app
        .store
        .write("contact_reveal", move |tx| {
            let principal = principal.clone();
            async move { contacts::contact_reveal(&tx, of, organization, &principal).await }
        })
        .await?;
    let person = contact_open(&app.keys, &revealed.sealed)?;
    Ok(ContactRevealed { lead: revealed.lead, trade: revealed.trade, person, at: revealed.at })
}

/// A page of the recorded looks at contact details, newest first. The seller of `lead` sees every look at it; any other
/// organization its own looks, at `lead` or at all; an operator every look at `lead`. Which person or key looked stays within
/// its organization.
pub async fn contact_reveals(
    app: &App,
    caller: &Caller,
    lead: Option<LeadId>,
    page: &Page<RevealId>,
) -> Result<Slice<Reveal>, AppError> {
    if caller.principal.require_staff(StaffRole::Operator).is_ok() {
        let lead = lead.ok_or_else(|| Refusal::required("leadId"))?;
        return Ok(app.store.contact_reveals(Some(lead), None, page).await?);
    }
    let own = caller.principal.require(Permission::MembersWrite)?;
    let sells = match lead {
        Some(lead) => app.store.lead(LeadScope::Seller(own), lead).await?.is_some(),
        None => false,
    };
    let by = (!sells).then_some(own);
    app.store.contact_reveals(lead, by, page).await?.try_map(|look| {
        let theirs = look.organization != Some(own);
        Ok(if theirs { Reveal { user: None, key: None, ..look } } else { look })
    })
}
