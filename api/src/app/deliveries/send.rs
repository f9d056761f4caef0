//! One step of a delivery: made, sent, and its answer understood.

use std::time::Duration;

use domain::time::Timestamp;
use gateways::crm::oauth::ACCESS_TOKEN;
use gateways::crm::{Answer, Destination, Lead, Next, Outcome, RenderError, Secrets, Shown, Stage, Step};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::app::destinations::tokens::{Access, Denied, access};
use crate::app::{App, AppError};
use crate::ports::{NoAnswer, SendError};

/// What a system answers that does not take an access token.
const UNAUTHORIZED: u16 = 401;

/// A destination with its secrets, and who is named as the sender.
pub(super) struct Target {
    pub(super) destination: Destination,
    pub(super) secrets: Secrets,
    pub(super) sender: String,
    /// The version of its access token, where it is reached by OAuth.
    token: Option<i64>,
}

/// A destination that is to be reached now.
pub(super) enum Reached {
    /// It can be.
    Ready(Box<Target>),
    /// Somebody gets an access token for it: come back then.
    Wait(Timestamp),
    /// There is no access token for it.
    Denied(Box<Denied>),
}

/// What a step came to.
pub(super) struct Tried {
    /// What was sent, without secrets and without who the person is.
    pub(super) request: Value,
    /// The status of the answer and its beginning without secrets, if there was one.
    pub(super) answer: Option<(u16, String)>,
    /// How long it took.
    pub(super) took: Duration,
    /// What follows.
    pub(super) next: Next,
    /// Why, where the outcome does not say it.
    pub(super) reason: Option<String>,
    /// Whether somebody may have been told who the person is.
    pub(super) tells: bool,
    /// Whether the destination itself is in trouble, whatever it is sent.
    pub(super) ails: bool,
    /// The version of an access token that was not taken: with another one the same step is tried at once.
    pub(super) refused: Option<i64>,
}

impl Target {
    /// As the settings have it. A destination that is reached by OAuth is no place for leads without [`Target::reach`].
    pub(super) fn open(app: &App, destination: &store::destinations::Destination) -> Result<Self, AppError> {
        Ok(Self {
            destination: crate::app::destinations::target(destination)?,
            secrets: crate::app::destinations::opened(app, destination)?,
            sender: app.config.delivery.sender.clone(),
            token: None,
        })
    }

    /// With an access token where one is needed. `refused` is the version of one that was not taken; whoever is `hurried` heeds no pause.
    pub(super) async fn reach(
        app: &App,
        destination: &store::destinations::Destination,
        refused: Option<i64>,
        hurried: bool,
    ) -> Result<Reached, AppError> {
        let mut target = Self::open(app, destination)?;
        if target.destination.oauth.is_some() {
            let token = match access(app, destination, refused, hurried).await? {
                Access::Granted(token) => token,
                Access::Wait(at) => return Ok(Reached::Wait(at)),
                Access::Denied(denied) => return Ok(Reached::Denied(Box::new(denied))),
            };
            target.secrets = target.secrets.with(ACCESS_TOKEN, token.access_token.expose_secret());
            target.token = Some(token.version);
            // The vendor knows best where the account lies.
            target.destination.base_url = token.api_url.or(target.destination.base_url);
        }
        Ok(Reached::Ready(Box::new(target)))
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
            Err(_) => nothing_shown(),
        }
    }

    /// Sends the step of `stage`. The first time that an access token is not taken, the step is tried again with another.
    pub(super) async fn send(&self, app: &App, lead: &Lead, key: &str, stage: &Stage, is_first_token: bool) -> Tried {
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
        let tells = self.destination.tells_person();
        match answer {
            Ok(answer) => {
                let refused = self.token.filter(|_| is_first_token && answer.status == UNAUTHORIZED);
                let next = match refused {
                    Some(_) => Next::Continue(stage.clone()),
                    None => masked(self.destination.next(stage, &answer), lead, &self.secrets),
                };
                let ails = matches!(next, Next::Done(Outcome::Retry { after: Some(_) } | Outcome::Broken { .. }));
                let reason = Some(match &step {
                    Step::Email(_) if !answer.body.is_empty() => answer.text(),
                    _ => format!("answered {}", answer.status),
                });
                let answer = Some((answer.status, answer.shown(&self.secrets)));
                Tried { request, answer, took, next, reason, tells, ails, refused }
            }
            Err(error) => {
                let left = matches!(error, NoAnswer::TimedOut | NoAnswer::BrokenOff);
                let next = Next::Done(match error {
                    NoAnswer::NotAllowed => Outcome::Broken { reason: error.to_string() },
                    _ => Outcome::Retry { after: None },
                });
                let (reason, tells) = (Some(error.to_string()), tells && left);
                Tried { request, answer: None, took, next, reason, tells, ails: true, refused: None }
            }
        }
    }

    fn unrendered(&self, lead: &Lead, key: &str, stage: &Stage, error: &RenderError) -> Tried {
        let reason = error.to_string();
        let outcome = match error {
            RenderError::MissingField { .. } | RenderError::BadValue { .. } => Outcome::Rejected { reason },
            _ => Outcome::Broken { reason },
        };
        let (request, next) = (self.redacted(lead, key, stage), Next::Done(outcome));
        let took = Duration::ZERO;
        Tried { request, answer: None, took, next, reason: None, tells: false, ails: false, refused: None }
    }
}

impl From<Denied> for Tried {
    /// Nothing of the lead has left: what was sent, if anything, is the question for a token.
    fn from(denied: Denied) -> Self {
        let Denied { fault, reason, request, answer, took, after } = denied;
        let is_final = fault.is_final();
        let outcome = if is_final { Outcome::Broken { reason: reason.clone() } } else { Outcome::Retry { after } };
        Self {
            request: request.as_ref().map_or_else(nothing_shown, shown_json),
            answer,
            took,
            next: Next::Done(outcome),
            reason: Some(reason),
            tells: false,
            ails: true,
            refused: None,
        }
    }
}

fn nothing_shown() -> Value {
    json!({ "method": "", "target": "", "headers": [], "body": "" })
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
