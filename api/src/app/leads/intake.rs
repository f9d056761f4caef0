//! Intake: a batch of drafts becomes leads in one transaction, each judged by what was there before it.

use std::collections::HashSet;

use domain::access::{Mode, Permission};
use domain::certificate::Certificate;
use domain::id::{LeadHookId, LeadId, OrganizationId};
use domain::lead::{LeadDraft, LeadState, Temperature};
use domain::refusal::{Code, Refusal};
use domain::scoring::{Score, score};
use domain::time::{Timestamp, plus_secs};
use domain::verification::{Check, CheckKind, Level, Outcome, Verdict, checks_at_intake, verdict};
use domain::vertical::Definition;
use serde_json::json;
use store::job::Lane;
use store::leads::{LeadScope, NewLead, StoredLead};
use store::{Tx, WriteError};

use super::mail_domain::MAIL_DOMAIN_CHECK;
use super::prepare::{Incoming, Prepared, lead_prepare};
use super::{check_policy, reach};
use crate::app::certificates::CERTIFICATE_CHECK;
use crate::app::{App, AppError, Caller};

/// Leads in one job of mail domains.
const JOB_LEADS: usize = 100;
/// How long the same content is the same lead, in seconds.
pub(in crate::app) const AGAIN_SECS: i64 = 60;

/// A lead that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadTaken {
    /// Its id.
    pub id: LeadId,
    /// What verification made of it.
    pub state: LeadState,
    /// How far it is verified.
    pub level: Level,
    /// Points, 0..=100.
    pub score: i64,
    /// What the points mean.
    pub temperature: Temperature,
    /// The check that rejected it, if one did.
    pub rejected_by: Option<CheckKind>,
}

struct Judgement {
    checks: Vec<Check>,
    verdict: Verdict,
    score: Score,
}

/// Takes drafts of `seller` in one transaction, best some hundreds at a time; each is answered in its place. A draft that the
/// seller has brought before is refused with `TAKEN` and an empty path, a used reference with `TAKEN` at `sellerReference`.
pub async fn lead_intake(
    app: &App,
    seller: OrganizationId,
    drafts: Vec<Incoming>,
) -> Result<Vec<Result<LeadTaken, Vec<Refusal>>>, AppError> {
    let prepared = lead_prepare(app, seller, drafts).await?;
    let (ready, mut answers) = part(prepared);
    if ready.is_empty() {
        return Ok(answers.into_iter().flatten().map(Err).collect());
    }
    let ready = &ready;
    let taken = app.store.write("lead_intake", |tx| async move { lead_record(app, &tx, seller, ready).await }).await?;
    let mut taken = taken.into_iter();
    Ok(answers.iter_mut().filter_map(|slot| slot.take().map_or_else(|| taken.next(), |refused| Some(Err(refused)))).collect())
}

/// Takes one draft of the caller's organization.
pub async fn lead_submit(app: &App, caller: &Caller, draft: LeadDraft) -> Result<StoredLead, AppError> {
    let seller = caller.principal.require(Permission::LeadsWrite)?;
    let taken = lead_intake(app, seller, vec![draft.into()]).await?;
    kept(app, seller, only(taken)??.id).await
}

/// The answer about the one draft that was handed in.
fn only<T>(answers: Vec<T>) -> Result<T, AppError> {
    answers.into_iter().next().ok_or_else(|| AppError::internal("an intake without an answer"))
}

/// The lead that was taken: whoever may hand it in is told what became of it, also with a key that may not read leads.
async fn kept(app: &App, seller: OrganizationId, taken: LeadId) -> Result<StoredLead, AppError> {
    let lead = app.store.lead(LeadScope::Seller(seller), taken).await?;
    lead.ok_or_else(|| AppError::internal("a lead that was taken is gone"))
}

/// What became of a lead that was handed in by record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeadBrought {
    /// It is in the seller's stock.
    Taken(Box<StoredLead>),
    /// The same content came a moment ago: this is that lead.
    Again(Box<StoredLead>),
    /// It would have been taken: a test key tried it.
    Tried,
}

impl LeadBrought {
    /// The lead, unless it was only tried.
    #[must_use]
    pub fn lead(&self) -> Option<&StoredLead> {
        match self {
            Self::Taken(lead) | Self::Again(lead) => Some(lead),
            Self::Tried => None,
        }
    }

    /// The check that rejected it, if one did, in a vertical with this definition.
    #[must_use]
    pub fn rejected_by(&self, definition: &Definition) -> Option<CheckKind> {
        self.lead().and_then(|lead| verdict(&lead.checks, definition.required_level).rejected_by)
    }
}

/// Takes one draft as [`lead_submit`] does, for senders that send again when they are in doubt: the same content within
/// a minute is the same lead. A test key's is only admitted.
pub async fn lead_bring(app: &App, caller: &Caller, draft: LeadDraft) -> Result<LeadBrought, AppError> {
    let (seller, mode) = caller.principal.supplier()?;
    lead_bring_for(app, seller, mode, draft, None).await
}

/// A message of a hook, by what its sender calls it.
#[derive(Debug, Clone, Copy)]
pub struct HookMessage<'a> {
    /// The hook.
    pub hook: LeadHookId,
    /// The sender's id.
    pub id: &'a str,
}

/// As [`lead_bring`], for the seller whose address was used. The same message is the same lead, whenever it comes.
pub async fn lead_bring_for(
    app: &App,
    seller: OrganizationId,
    mode: Mode,
    draft: LeadDraft,
    message: Option<HookMessage<'_>>,
) -> Result<LeadBrought, AppError> {
    let prepared = only(lead_prepare(app, seller, vec![draft.into()]).await?)??;
    if mode == Mode::Test {
        return Ok(LeadBrought::Tried);
    }
    let beside = message.map_or(Beside::Nothing, Beside::Message);
    bring(app, seller, prepared, &beside, plus_secs(app.now(), AGAIN_SECS.saturating_neg())).await
}

/// A certificate that is kept with the lead of which it is, and the keyed hash of where it comes from.
pub(in crate::app) type Certified = (Certificate, [u8; 32]);

/// Takes one draft of a hosted form with the certificate that `certify` makes for the lead, both or neither. The same content
/// is the same lead if it came after `since`.
pub(in crate::app) async fn lead_bring_certified(
    app: &App,
    seller: OrganizationId,
    incoming: Incoming,
    certify: &(impl Fn(LeadId) -> Result<Certified, AppError> + Sync),
    since: Timestamp,
) -> Result<LeadBrought, AppError> {
    let prepared = only(lead_prepare(app, seller, vec![incoming]).await?)??;
    let beside = Beside::Certificate(Box::new(certify(prepared.id)?));
    bring(app, seller, prepared, &beside, since).await
}

/// What is written down with a lead, both or neither.
enum Beside<'a> {
    Nothing,
    Message(HookMessage<'a>),
    Certificate(Box<Certified>),
}

async fn bring(
    app: &App,
    seller: OrganizationId,
    prepared: Prepared,
    beside: &Beside<'_>,
    since: Timestamp,
) -> Result<LeadBrought, AppError> {
    let (id, fingerprint) = (prepared.id, prepared.fingerprint);
    let ready = &[prepared];
    let recorded = app.store.write("lead_bring", |tx| async move {
        if let Beside::Message(message) = beside
            && let Some(before) = tx.lead_hook_message_take(message.hook, message.id, id).await?
        {
            return Ok::<_, AppError>(Recorded::Before(before));
        }
        let taken = only(lead_record(app, &tx, seller, ready).await?)??;
        if let Beside::Certificate(certified) = beside {
            let (certificate, origin) = certified.as_ref();
            tx.certificate_insert(certificate, origin).await?;
        }
        Ok(Recorded::Now(taken))
    });
    match recorded.await {
        Ok(Recorded::Now(taken)) => Ok(LeadBrought::Taken(Box::new(kept(app, seller, taken.id).await?))),
        Ok(Recorded::Before(lead)) => Ok(LeadBrought::Again(Box::new(kept(app, seller, lead).await?))),
        Err(AppError::Refused(refused)) => {
            let again = app.store.lead_brought(seller, &fingerprint, since).await?;
            again.map(|lead| LeadBrought::Again(Box::new(lead))).ok_or_else(|| refused.into())
        }
        Err(error) => Err(error),
    }
}

/// What a message came to.
enum Recorded {
    Now(LeadTaken),
    Before(LeadId),
}

/// Judges and keeps `prepared` leads of `seller` inside a running transaction: for those who write more in the same one.
pub async fn lead_record(
    app: &App,
    tx: &Tx,
    seller: OrganizationId,
    prepared: &[Prepared],
) -> Result<Vec<Result<LeadTaken, Vec<Refusal>>>, WriteError> {
    let (policy, reach) = (check_policy(app), reach(app));
    let probes: Vec<_> = prepared.iter().map(|ready| ready.probe.clone()).collect();
    tx.leads_lock(&probes).await?;
    let fingerprints: Vec<[u8; 32]> = prepared.iter().map(|ready| ready.fingerprint).collect();
    let references: Vec<&str> = prepared.iter().filter_map(|ready| ready.lead.seller_reference.as_deref()).collect();
    let before = tx.leads_taken(seller, &fingerprints, &references).await?;
    let mut around = tx.leads_around(&probes, &reach).await?;
    let now = tx.now().await?;
    let mut fingerprints = before.fingerprints;
    let mut references = before.references;
    let mut judged = Vec::with_capacity(prepared.len());
    for ready in prepared {
        if let Some(refusal) = taken_before(ready, &mut fingerprints, &mut references) {
            judged.push(Err(vec![refusal]));
            continue;
        }
        let definition = &ready.kind.vertical.definition;
        let facts = around.facts(&ready.probe, now, &reach);
        let checks = checks_at_intake(&ready.lead, definition, &facts, &policy, now);
        let verdict = verdict(&checks, definition.required_level);
        let score = score(&ready.lead, definition, &ready.kind.weights, &checks, verdict.level, now);
        around.add(&ready.probe, verdict.state != LeadState::Rejected, now);
        judged.push(Ok(Judgement { checks, verdict, score }));
    }
    let kept: Vec<(&Prepared, &Judgement)> =
        prepared.iter().zip(&judged).filter_map(|(ready, judgement)| Some((ready, judgement.as_ref().ok()?))).collect();
    let rows: Vec<NewLead<'_>> = kept.iter().map(|(ready, judgement)| new_lead(seller, ready, judgement)).collect();
    tx.leads_insert(&rows, now).await?;
    for chunk in with_mail(&kept).chunks(JOB_LEADS) {
        tx.enqueue_in(Lane::LookUps, MAIL_DOMAIN_CHECK, json!({ "leads": chunk }), now).await?;
    }
    for chunk in with_certificate(&kept).chunks(JOB_LEADS) {
        tx.enqueue_in(Lane::LookUps, CERTIFICATE_CHECK, json!({ "leads": chunk }), now).await?;
    }
    Ok(prepared.iter().zip(judged).map(|(ready, judgement)| judgement.map(|judgement| taken(ready, &judgement))).collect())
}

fn part(prepared: Vec<Result<Prepared, Vec<Refusal>>>) -> (Vec<Prepared>, Vec<Option<Vec<Refusal>>>) {
    let mut ready = Vec::with_capacity(prepared.len());
    let mut answers = Vec::with_capacity(prepared.len());
    for each in prepared {
        match each {
            Ok(lead) => {
                ready.push(lead);
                answers.push(None);
            }
            Err(refused) => answers.push(Some(refused)),
        }
    }
    (ready, answers)
}

fn taken_before(ready: &Prepared, fingerprints: &mut HashSet<Vec<u8>>, references: &mut HashSet<String>) -> Option<Refusal> {
    if fingerprints.contains(ready.fingerprint.as_slice()) {
        return Some(Refusal::new(Code::Taken, "this lead was brought before, with the same content"));
    }
    if let Some(reference) = &ready.lead.seller_reference
        && !references.insert(reference.clone())
    {
        return Some(Refusal::new(Code::Taken, "another lead has this reference").at("sellerReference"));
    }
    fingerprints.insert(ready.fingerprint.to_vec());
    None
}

fn new_lead<'a>(seller: OrganizationId, ready: &'a Prepared, judgement: &'a Judgement) -> NewLead<'a> {
    NewLead {
        id: ready.id,
        seller,
        vertical: ready.kind.vertical.id,
        vertical_version: ready.kind.vertical.version,
        lead: &ready.lead,
        envelope: &ready.envelope,
        keys: &ready.probe.keys,
        fingerprint: ready.fingerprint,
        import: ready.import,
        checks: &judgement.checks,
        level: judgement.verdict.level,
        state: judgement.verdict.state,
        score: &judgement.score,
        drawn: ready.drawn,
    }
}

/// The leads whose mail domain is worth a look-up: real ones with a usable address, not yet rejected.
fn with_mail(kept: &[(&Prepared, &Judgement)]) -> Vec<LeadId> {
    let usable = |(ready, judgement): &&(&Prepared, &Judgement)| {
        let passed = |kind| judgement.checks.iter().any(|check| check.kind == kind && check.outcome != Outcome::Fail);
        !ready.lead.synthetic
            && judgement.verdict.state != LeadState::Rejected
            && passed(CheckKind::EmailSyntax)
            && passed(CheckKind::DisposableDomain)
    };
    kept.iter().filter(usable).map(|(ready, _)| ready.id).collect()
}

/// The leads that name a certificate, real ones, not yet rejected.
fn with_certificate(kept: &[(&Prepared, &Judgement)]) -> Vec<LeadId> {
    let named = |(ready, judgement): &&(&Prepared, &Judgement)| {
        let certificate = ready.lead.consent.as_ref().and_then(|consent| consent.certificate_url.as_ref());
        certificate.is_some() && !ready.lead.synthetic && judgement.verdict.state != LeadState::Rejected
    };
    kept.iter().filter(named).map(|(ready, _)| ready.id).collect()
}

fn taken(ready: &Prepared, judgement: &Judgement) -> LeadTaken {
    LeadTaken {
        id: ready.id,
        state: judgement.verdict.state,
        level: judgement.verdict.level,
        score: judgement.score.points,
        temperature: judgement.score.temperature,
        rejected_by: judgement.verdict.rejected_by,
    }
}
