//! What the adapters' tests share.

use serde_json::Value;

use super::{Answer, Delivery, Destination, Kind, Lead, Next, Outcome, RenderError, Request, Secrets, Stage, Step};

pub(crate) const KEY: &str = "dlv-1";
pub(crate) const SENDER: &str = "Clearlead";

/// A bought lead that is no sample.
pub(crate) fn lead() -> Lead {
    Lead { test: false, ..Lead::sample() }
}

pub(crate) fn render(destination: &Destination, secrets: &Secrets, lead: &Lead, stage: &Stage) -> Result<Step, RenderError> {
    Delivery { destination, secrets, lead, idempotency_key: KEY, sender: SENDER }.render(stage)
}

pub(crate) fn request(kind: impl Into<Destination>, secrets: &Secrets, stage: &Stage) -> Request {
    match render(&kind.into(), secrets, &lead(), stage).unwrap() {
        Step::Http(request) => request,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn headers(request: &Request) -> Vec<(String, String)> {
    request.headers.iter().map(|(name, value)| (name.clone(), value.expose())).collect()
}

pub(crate) fn header(request: &Request, name: &str) -> Option<String> {
    request.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.expose())
}

pub(crate) fn json(request: &Request) -> Value {
    serde_json::from_slice(&request.body.bytes).unwrap()
}

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

pub(crate) fn next(kind: &Kind, stage: &Stage, status: u16, body: &str) -> Next {
    Destination::from(kind.clone()).next(stage, &answer(status, body))
}

pub(crate) fn outcome(kind: &Kind, status: u16, body: &str) -> Outcome {
    match next(kind, &Stage::First, status, body) {
        Next::Done(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn accepted(id: &str) -> Outcome {
    Outcome::Accepted { external_id: Some(id.into()) }
}

pub(crate) fn retry(secs: u64) -> Outcome {
    Outcome::Retry { after: Some(std::time::Duration::from_secs(secs)) }
}

/// Words in a reason, whatever stands around them.
pub(crate) fn is_rejected(outcome: &Outcome, words: &str) -> bool {
    matches!(outcome, Outcome::Rejected { reason } if reason.contains(words))
}

pub(crate) fn is_broken(outcome: &Outcome, words: &str) -> bool {
    matches!(outcome, Outcome::Broken { reason } if reason.contains(words))
}
