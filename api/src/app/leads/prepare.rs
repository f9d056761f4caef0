//! From drafts to leads that are ready to be kept: admission, hashes and sealing need no transaction.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::id::{ImportId, LeadId, OrganizationId};
use domain::lead::{Lead, LeadDraft, admit};
use domain::refusal::{Code, Refusal};
use domain::scoring::Weights;
use store::leads::{Envelope, Probe};
use store::verticals::StoredVertical;

use super::sampling::drawn;
use super::{probe, seal, weights};
use crate::app::{App, AppError};

/// A draft on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// What the seller hands in.
    pub draft: LeadDraft,
    /// The import and the line that bring it.
    pub import: Option<(ImportId, i64)>,
    /// What makes it the same lead when it comes again; the whole draft where nothing is said.
    pub fingerprint: Option<[u8; 32]>,
}

impl From<LeadDraft> for Incoming {
    fn from(draft: LeadDraft) -> Self {
        Self { draft, import: None, fingerprint: None }
    }
}

/// A lead that is ready to be judged and kept.
#[derive(Debug)]
pub struct Prepared {
    pub(in crate::app) id: LeadId,
    pub(in crate::app) lead: Lead,
    pub(in crate::app) kind: Arc<Kind>,
    pub(in crate::app) probe: Probe,
    pub(super) envelope: Envelope,
    pub(in crate::app) fingerprint: [u8; 32],
    pub(super) import: Option<(ImportId, i64)>,
    pub(super) drawn: bool,
}

/// A vertical with its weights under the settings.
#[derive(Debug)]
pub(in crate::app) struct Kind {
    pub(in crate::app) vertical: StoredVertical,
    pub(super) weights: Weights,
}

/// Admits, hashes and seals drafts of `seller`, each in its place: a lead or every reason why it is none.
pub async fn lead_prepare(
    app: &App,
    seller: OrganizationId,
    drafts: Vec<Incoming>,
) -> Result<Vec<Result<Prepared, Vec<Refusal>>>, AppError> {
    let paths: BTreeSet<&str> = drafts.iter().map(|incoming| incoming.draft.vertical.as_str()).collect();
    let paths: Vec<&str> = paths.into_iter().collect();
    let mut kinds = HashMap::new();
    for vertical in store::verticals::verticals_at(app.store.read(), &paths).await? {
        let weights = weights(app, &vertical);
        kinds.insert(vertical.path.as_str().to_owned(), Arc::new(Kind { vertical, weights }));
    }
    let targets: BTreeSet<OrganizationId> = drafts.iter().filter_map(|incoming| incoming.draft.target_organization).collect();
    let targets: Vec<OrganizationId> = targets.into_iter().collect();
    let known = if targets.is_empty() { Vec::new() } else { app.store.organizations(&targets).await? };
    let known: BTreeSet<OrganizationId> = known.into_iter().map(|organization| organization.id).collect();
    drafts
        .into_iter()
        .map(|incoming| {
            let Some(kind) = kinds.get(&incoming.draft.vertical) else {
                return Ok(Err(Refusal::not_found("vertical", "vertical at this path").into()));
            };
            prepare(app, seller, kind, incoming, &known)
        })
        .collect()
}

fn prepare(
    app: &App,
    seller: OrganizationId,
    kind: &Arc<Kind>,
    incoming: Incoming,
    known: &BTreeSet<OrganizationId>,
) -> Result<Result<Prepared, Vec<Refusal>>, AppError> {
    let draft = &incoming.draft;
    let vertical = &kind.vertical;
    let mut refused: Vec<Refusal> = target_refusal(draft, seller, known).into_iter().collect();
    let lead = match admit(draft, &vertical.path, &vertical.definition, app.now()) {
        Ok(lead) if refused.is_empty() => lead,
        Ok(_) => return Ok(Err(refused)),
        Err(more) => {
            refused.extend(more);
            return Ok(Err(refused));
        }
    };
    let id: LeadId = app.store.id();
    let envelope = seal(app, id, &lead.sealed)?;
    let probe = probe(app, seller, &lead, None);
    let text = serde_json::to_string(draft).map_err(|_| AppError::internal("a draft that has no text"))?;
    let fingerprint = incoming.fingerprint.unwrap_or_else(|| app.keys.keyed_hash("DRAFT", &text));
    let drawn = drawn(app, id, lead.synthetic);
    Ok(Ok(Prepared { id, lead, drawn, kind: Arc::clone(kind), probe, envelope, fingerprint, import: incoming.import }))
}

fn target_refusal(draft: &LeadDraft, seller: OrganizationId, known: &BTreeSet<OrganizationId>) -> Option<Refusal> {
    let target = draft.target_organization?;
    if target == seller {
        return Some(Refusal::new(Code::Invalid, "a seller does not sell to itself").at("targetOrganizationId"));
    }
    (!known.contains(&target)).then(|| Refusal::not_found("targetOrganizationId", "organization"))
}
