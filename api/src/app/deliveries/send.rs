//! One step of a delivery: made, sent, and its answer understood.

use std::time::Duration;

use gateways::crm::{Answer, Destination, Lead, Next, Outcome, RenderError, Secrets, Shown, Stage, Step};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::app::{App, AppError};
use crate::ports::{NoAnswer, SendError};

/// A destination with its secrets, and who is named as the sender.
pub(super) struct Target {
    pub(super) destination: Destination,
    pub(super) secrets: Secrets,
    pub(super) sender: String,
}

/// What a step came to.
pub(super) struct Tried {
    /// What was sent, without secrets and without who the person is.
    pub(super) request: Value,
    /// The answer, if there was one.
    pub(super) answer: Option<Answer>,
    /// How long it took.
    pub(super) took: Duration,
    /// What follows.
    pub(super) next: Next,
    /// Why, where the outcome does not say it.
    pub(super) reason: Option<String>,
    /// Whether what was sent may have arrived.
    pub(super) left: bool,
    /// Whether the destination itself is in trouble, whatever it is sent.
    pub(super) ails: bool,
}

impl Target {
    pub(super) fn open(app: &App, destination: &store::destinations::Destination) -> Result<Self, AppError> {
        Ok(Self {
            destination: crate::app::destinations::target(destination)?,
            secrets: crate::app::destinations::opened(app, destination)?,
            sender: app.config.delivery.sender.clone(),
        })
    }

    pub(super) fn render(&self, lead: &Lead, key: &str, stage: &Stage) -> Result<Step, RenderError> {
        let delivery = gateways::crm::Delivery {
            destination: &self.destination,
            secrets: &self.secrets,
            lead,
            idempotency_key: key,
            sender: &self.sender,
        };
        delivery.render(stage)
    }

    /// What is sent, with marks in the place of everything that tells the person.
    pub(super) fn redacted(&self, lead: &Lead, key: &str, stage: &Stage) -> Value {
        match self.render(&lead.redacted(), key, stage) {
            Ok(step) => shown_json(&step.shown()),
            // A template can want what a mark is not, such as a number.
            Err(_) => json!({ "method": "", "target": "", "headers": [], "body": "" }),
        }
    }

    /// Sends the step of `stage`.
    pub(super) async fn send(&self, app: &App, lead: &Lead, key: &str, stage: &Stage) -> Tried {
        let step = match self.render(lead, key, stage) {
            Ok(step) => step,
            Err(error) => return self.unrendered(lead, key, stage, &error),
        };
        let began = Instant::now();
        let answer = match &step {
            Step::Http(request) => app.outward.send(request).await,
            Step::Email(message) => mailed(app.mailer.send_lead(message).await),
            // A row waits for its file, and arrives with it.
            Step::Row(_) => Ok(Answer { status: 200, headers: Vec::new(), body: Vec::new() }),
        };
        let took = began.elapsed();
        let request = self.redacted(lead, key, stage);
        match answer {
            Ok(answer) => {
                let next = self.destination.next(stage, &answer);
                let next = masked(next, lead, &self.secrets);
                let asked = matches!(next, Next::Done(Outcome::Retry { after: Some(_) } | Outcome::Broken { .. }));
                let reason = Some(match &step {
                    Step::Email(_) if !answer.body.is_empty() => answer.text(),
                    _ => format!("answered {}", answer.status),
                });
                Tried { request, answer: Some(answer), took, next, reason, left: true, ails: asked }
            }
            Err(error) => {
                let left = matches!(error, NoAnswer::TimedOut | NoAnswer::BrokenOff);
                let next = Next::Done(match error {
                    NoAnswer::NotAllowed => Outcome::Broken { reason: error.to_string() },
                    _ => Outcome::Retry { after: None },
                });
                Tried { request, answer: None, took, next, reason: Some(error.to_string()), left, ails: true }
            }
        }
    }

    fn unrendered(&self, lead: &Lead, key: &str, stage: &Stage, error: &RenderError) -> Tried {
        let reason = error.to_string();
        let outcome = match error {
            RenderError::MissingField { .. } | RenderError::BadValue { .. } => Outcome::Rejected { reason },
            _ => Outcome::Broken { reason },
        };
        let request = self.redacted(lead, key, stage);
        Tried { request, answer: None, took: Duration::ZERO, next: Next::Done(outcome), reason: None, left: false, ails: false }
    }
}

/// What was sent, as it is kept.
pub(super) fn shown_json(shown: &Shown) -> Value {
    json!({ "method": shown.method, "target": shown.target, "headers": shown.headers, "body": shown.body })
}

/// The reply of the mail server, as adapters read it.
fn mailed(sent: Result<(), SendError>) -> Result<Answer, NoAnswer> {
    let (status, text) = match sent {
        Ok(()) => (250, String::new()),
        Err(SendError::Later(reason)) => (451, reason),
        Err(SendError::Never(reason)) => (550, reason),
    };
    Ok(Answer { status, headers: Vec::new(), body: text.into_bytes() })
}

/// Without the person and the secrets in the other side's words.
fn masked(next: Next, lead: &Lead, secrets: &Secrets) -> Next {
    let mask = |reason: String| secrets.mask(&lead.mask(&reason));
    match next {
        Next::Done(Outcome::Rejected { reason }) => Next::Done(Outcome::Rejected { reason: mask(reason) }),
        Next::Done(Outcome::Broken { reason }) => Next::Done(Outcome::Broken { reason: mask(reason) }),
        other => other,
    }
}
