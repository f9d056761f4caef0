//! Hosted forms, as people see and send them.

mod answers;
mod ticket;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use domain::certificate::Statement;
use domain::form::language::chosen;
use domain::form::{Report, work_done};
use domain::id::{CertificateId, FormId, LeadId};
use domain::lead::{ConsentEvidence, LeadDraft};
use domain::refusal::{Code, Refusal};
use domain::time::{Timestamp, plus_secs, secs_until};
use store::forms::{LiveForm, StoredText};

use super::certificates::certified;
use super::leads::{AGAIN_SECS, Certified, Incoming, LeadBrought, lead_bring_certified};
use super::posting::named;
use super::verticals::vertical_at;
use super::{App, AppError};
use crate::auth::SigningKey;

pub use answers::{Answers, CONSENT, Fault, TRAP};
pub use ticket::Ticket;

const HOUR_SECS: i64 = 3_600;

/// Who is before the browser, as far as the request tells.
#[derive(Clone, Default)]
pub struct Visitor {
    /// The address on the net.
    pub address: Option<IpAddr>,
    /// The browser.
    pub user_agent: Option<String>,
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Visitor(..)")
    }
}

/// How a form is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormAsked {
    /// The language that was asked for.
    pub language: Option<String>,
    /// The languages of the browser.
    pub accepted: Option<String>,
    /// Whether it stands inside another page.
    pub embedded: bool,
    /// The page from which the browser comes, without its query.
    pub from_page: Option<String>,
}

/// A form ready to be shown.
#[derive(Debug, Clone)]
pub struct FormShown {
    /// The form.
    pub live: LiveForm,
    /// What it says.
    pub text: StoredText,
    /// What the page brings back when it is sent.
    pub ticket: Ticket,
}

/// What came of a form that was sent.
#[derive(Debug)]
pub enum FormSent {
    /// It is taken; whether it is a good lead the sender is not told.
    Taken {
        /// The form.
        shown: Box<FormShown>,
        /// The certificate, unless the same person had sent the same long ago.
        certificate: Option<CertificateId>,
    },
    /// It must be sent once more.
    Again {
        /// The form, with a new ticket.
        shown: Box<FormShown>,
        /// Why, if not for single answers.
        notice: Option<Notice>,
        /// What is wrong, by the names of fields.
        faults: BTreeMap<String, Fault>,
    },
}

/// Why a form must be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The page was open for too long, or is none of the exchange's.
    Expired,
    /// It was sent too often from one address.
    TooMany,
    /// It is under attack, and wants a proof of work.
    Work,
    /// The form does not fit its vertical any more.
    Failed,
}

/// A form that was sent.
#[derive(Debug)]
pub struct FormSend {
    /// Which.
    pub form: FormId,
    /// What was answered.
    pub answers: Answers,
    /// What the page brought back.
    pub ticket: String,
    /// The proof of work.
    pub work: String,
    /// What the page's script wrote.
    pub report: String,
    /// How it would be asked for anew.
    pub asked: FormAsked,
}

/// The form as it is shown now.
pub async fn form_show(app: &App, id: FormId, asked: &FormAsked) -> Result<FormShown, AppError> {
    let live = form_open(app, id, None).await?;
    let bits = attacked_bits(app, id).await?;
    shown(app, live, asked, bits).await
}

/// The form, in the version that is shown or another, unless it takes nothing: then NOT_FOUND or SUSPENDED.
async fn form_open(app: &App, id: FormId, version: Option<i64>) -> Result<LiveForm, AppError> {
    let live = app.store.form_live(id, version).await?.ok_or_else(|| Refusal::not_found("formId", "form"))?;
    if live.suspended { Err(Refusal::new(Code::Suspended, "the organization is suspended").into()) } else { Ok(live) }
}

async fn shown(app: &App, live: LiveForm, asked: &FormAsked, bits: u32) -> Result<FormShown, AppError> {
    let offered: Vec<&str> = live.languages.iter().map(String::as_str).collect();
    let language = chosen(&offered, asked.language.as_deref(), asked.accepted.as_deref()).unwrap_or("en").to_owned();
    let text = app.store.form_text(live.form.id, live.version, &language).await?;
    let text = text.ok_or_else(|| AppError::internal("a version of a form without its words"))?;
    let ticket = Ticket::new(app, &live, &language, asked, bits)?;
    Ok(FormShown { live, text, ticket })
}

/// The bits of work that a send of the form must bring now.
async fn attacked_bits(app: &App, id: FormId) -> Result<u32, AppError> {
    let spent = app.throttle_is_spent(app.form_attack_limit(id)).await?;
    Ok(if spent { app.config.forms.work_bits } else { 0 })
}

/// Takes a form that was sent, or says what is wrong with it.
pub async fn form_send(app: &App, send: FormSend, visitor: &Visitor) -> Result<FormSent, AppError> {
    let now = app.now();
    let ticket = Ticket::read(app, &send.ticket).filter(|ticket| ticket.form == send.form);
    // Whoever had the page open when another version was published has agreed to the one that was shown.
    let live = form_open(app, send.form, ticket.as_ref().map(|ticket| ticket.version)).await?;
    let of_address = app.form_address_limit(send.form, visitor.address);
    let too_many = match of_address {
        Some(limit) => app.throttle_counted(limit).await?,
        None => false,
    };
    let attacked = app.throttle_counted(app.form_attack_limit(send.form)).await?;
    let bits = if attacked { app.config.forms.work_bits } else { 0 };
    let open = |ticket: &Ticket| now < plus_secs(ticket.issued_at, app.config.forms.open_secs);
    let asked = ticket.as_ref().map_or_else(|| send.asked.clone(), |ticket| ticket.asked(&send.asked));
    let again = async |notice: Option<Notice>, faults: BTreeMap<String, Fault>| {
        // What is sent the next time is the present version.
        let live = form_open(app, send.form, None).await?;
        let shown = Box::new(shown(app, live, &asked, bits).await?);
        Ok(FormSent::Again { shown, notice, faults })
    };
    if too_many {
        return again(Some(Notice::TooMany), BTreeMap::new()).await;
    }
    let Some(ticket) = ticket.filter(open) else { return again(Some(Notice::Expired), BTreeMap::new()).await };
    let text = app.store.form_text(send.form, ticket.version, &ticket.language).await?;
    let text = text.ok_or_else(|| AppError::internal("a ticket of words that are not there"))?;
    let zone = Report::read(&send.report, &BTreeSet::new()).and_then(|report| report.zone);
    let read = match send.answers.read(&text.page, &live.content, zone.as_deref()) {
        Ok(read) => read,
        Err(faults) => return again(None, faults).await,
    };
    if bits > 0 && !worked(app, &ticket, &send.work, bits, now).await? {
        return again(Some(Notice::Work), BTreeMap::new()).await;
    }
    let names: BTreeSet<&str> = text.page.fields().map(|field| field.name.as_str()).collect();
    let report = Report::read(&send.report, &names);
    let arrival = Arrival { live: &live, text: &text, ticket: &ticket, report, visitor, trapped: send.answers.trapped(), now };
    match bring(app, &arrival, &read).await {
        Ok(certificate) => Ok(FormSent::Taken { shown: Box::new(FormShown { live, text, ticket }), certificate }),
        Err(AppError::Refused(refusals)) => {
            let faults = answers::faults_of(&refusals, &text.page);
            let notice = faults.is_empty().then_some(Notice::Failed);
            if notice.is_some() {
                tracing::warn!(form = %send.form, codes = ?refusals.iter().map(|refusal| refusal.code).collect::<Vec<_>>(), "a form does not fit its vertical");
            }
            again(notice, faults).await
        }
        Err(error) => Err(error),
    }
}

/// Whether a ticket's challenge was answered in time, and never before.
async fn worked(app: &App, ticket: &Ticket, work: &str, bits: u32, now: Timestamp) -> Result<bool, AppError> {
    let fresh = now < plus_secs(ticket.issued_at, app.config.forms.work_secs);
    if !fresh || ticket.work_bits < bits || !work_done(&ticket.challenge, work, ticket.work_bits) {
        return Ok(false);
    }
    let hash = &app.keys.keyed_hash("form.challenge", &ticket.challenge);
    let spent =
        app.store.write("form_challenge_spend", |tx| async move { Ok::<_, AppError>(tx.form_challenge_spend(hash).await?) });
    spent.await
}

/// A form that was sent and can be read.
struct Arrival<'a> {
    live: &'a LiveForm,
    text: &'a StoredText,
    ticket: &'a Ticket,
    report: Option<Report>,
    visitor: &'a Visitor,
    trapped: bool,
    now: Timestamp,
}

impl Arrival<'_> {
    fn secs(&self) -> u32 {
        u32::try_from(secs_until(self.ticket.issued_at, self.now)).unwrap_or(u32::MAX)
    }

    /// The address and the browser as one keyed hash; `of` keeps those of different purposes apart.
    fn origin(&self, app: &App, of: &str) -> [u8; 32] {
        let address = self.visitor.address.map(|address| address.to_string()).unwrap_or_default();
        let agent = self.visitor.user_agent.as_deref().unwrap_or_default();
        app.keys.keyed_hash("form.origin", &format!("{of}\n{address}\n{agent}"))
    }

    /// The page on which the form was filled: the one that embeds it, or its own.
    fn page_url(&self, app: &App) -> String {
        let reported = self.report.as_ref().and_then(|report| report.page.clone());
        let own = || format!("{}/f/{}", app.config.server.public_url, self.live.form.id);
        reported.or_else(|| self.ticket.from_page.clone().filter(|_| self.ticket.embedded)).unwrap_or_else(own)
    }

    fn statement(&self, app: &App, id: CertificateId, lead: LeadId) -> Statement {
        Statement {
            id,
            issuer: app.config.server.public_url.clone(),
            lead,
            form: self.live.form.id,
            form_version: self.text.version,
            language: self.text.language.clone(),
            text_sha256: hex::encode(&self.text.sha256),
            consent_version: self.text.page.consent_version.clone(),
            shown_at: self.ticket.issued_at,
            submitted_at: self.now,
            origin_hmac: hex::encode(self.origin(app, &id.to_string())),
            embedded: self.ticket.embedded,
            from_page: self.ticket.from_page.clone(),
            honeypot_filled: self.trapped,
            report: self.report.clone(),
        }
    }

    /// The draft with what the exchange itself saw of the consent and of the filling.
    fn witnessed(&self, app: &App, mut draft: LeadDraft, certificate_url: String, recent: u32) -> LeadDraft {
        let (address, agent) = (self.visitor.address.map(|address| address.to_string()), self.visitor.user_agent.clone());
        let page_url = Some(self.page_url(app));
        draft.consent = Some(ConsentEvidence {
            text: self.text.page.consent.clone(),
            text_version: Some(self.text.page.consent_version.clone()),
            captured_at: Some(self.now),
            page_url: page_url.clone(),
            ip: address.clone(),
            user_agent: agent.clone(),
            certificate_url: Some(certificate_url),
            session_secs: Some(self.secs()),
            ..ConsentEvidence::default()
        });
        let session = &mut draft.session;
        session.time_on_page_secs = Some(self.secs());
        session.typed_fields = self.report.as_ref().map(Report::typed_fields);
        session.pasted_fields = self.report.as_ref().map(Report::pasted_fields);
        session.honeypot_filled = Some(self.trapped);
        session.filling = Some(Report::filling(self.report.as_ref(), recent));
        (session.ip, session.user_agent) = (address, agent);
        session.page_url.clone_from(&page_url);
        draft.source.page_url = page_url;
        draft.captured_at = Some(self.now);
        draft
    }
}

/// Makes a lead of what was sent, in the stock of the form's seller. The same answers within a minute are the same lead, and so
/// are those of one page however often it is sent; from another page later they are another, which the check of duplicates sees.
async fn bring(app: &App, arrival: &Arrival<'_>, record: &BTreeMap<String, String>) -> Result<Option<CertificateId>, AppError> {
    let form = &arrival.live.form;
    let vertical = vertical_at(app, &form.vertical).await??;
    let draft = answers::draft(record, &vertical, app.config.exchange.default_currency, arrival.now)?;
    let origin = arrival.origin(app, "");
    let recent = app.store.certificates_from(&origin, plus_secs(arrival.now, HOUR_SECS.saturating_neg())).await?;
    let id: CertificateId = app.store.id();
    let url = format!("{}/certificates/{id}", app.config.server.public_url);
    let draft = arrival.witnessed(app, draft, url, u32::try_from(recent).unwrap_or(u32::MAX));
    let key = app.certificate_key().await?;
    let certify = |lead: LeadId| sign(app, &key, arrival, (id, lead), origin);
    let text = serde_json::to_string(&(form.id, record)).map_err(AppError::internal)?;
    let of_page = format!("{text}\n{}", arrival.ticket.challenge);
    let minute_ago = plus_secs(arrival.now, AGAIN_SECS.saturating_neg());
    let mut brought = None;
    let since = minute_ago.min(arrival.ticket.issued_at);
    for same in [text, of_page] {
        let fingerprint = Some(app.keys.keyed_hash("FORM", &same));
        let incoming = Incoming { draft: draft.clone(), import: None, fingerprint };
        match lead_bring_certified(app, form.organization, incoming, &certify, since).await {
            Ok(found) => {
                brought = Some(found);
                break;
            }
            Err(AppError::Refused(refusals)) if refusals.iter().all(|refusal| refusal.code == Code::Taken) => {}
            Err(error) => return Err(named(error)),
        }
    }
    match brought {
        Some(LeadBrought::Taken(_)) => Ok(Some(id)),
        Some(LeadBrought::Again(lead)) => {
            Ok(app.store.certificates_of(&[lead.id]).await?.pop().map(|certificate| certificate.id))
        }
        Some(LeadBrought::Tried) | None => Ok(None),
    }
}

fn sign(
    app: &App,
    key: &SigningKey,
    arrival: &Arrival<'_>,
    (id, lead): (CertificateId, LeadId),
    origin: [u8; 32],
) -> Result<Certified, AppError> {
    certified(key, &arrival.statement(app, id, lead), origin)
}
