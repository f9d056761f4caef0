//! What a page brings back when its form is sent: when it was made, of which version, and how much work it must bring. The exchange
//! signs it, so that its own clock decides every time, and nobody can make one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use domain::id::FormId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::forms::LiveForm;

use super::FormAsked;
use crate::app::{App, AppError};
use crate::crypto::tokens_match;

const NONCE_BYTES: usize = 16;
/// The longest text of a ticket.
const MAX_CHARS: usize = 4_096;

/// A ticket that the exchange has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The form.
    pub form: FormId,
    /// The version that is shown.
    pub version: i64,
    /// The language in which it is shown.
    pub language: String,
    /// When the page was made.
    pub issued_at: Timestamp,
    /// How many zero bits its proof of work begins with; 0 when none is asked for.
    pub work_bits: u32,
    /// Whether the page was asked for inside another.
    pub embedded: bool,
    /// The page that led to it.
    pub from_page: Option<String>,
    /// What the work is done on: the ticket's own signature, which nobody can foresee.
    pub challenge: String,
    /// The ticket as it stands in the page.
    pub text: String,
}

#[derive(Serialize, Deserialize)]
struct Written {
    f: FormId,
    v: i64,
    l: String,
    t: i64,
    n: String,
    w: u32,
    e: bool,
    p: Option<String>,
}

impl Ticket {
    pub(super) fn new(app: &App, live: &LiveForm, language: &str, asked: &FormAsked, work_bits: u32) -> Result<Self, AppError> {
        let mut nonce = [0; NONCE_BYTES];
        app.entropy.fill(&mut nonce);
        let written = Written {
            f: live.form.id,
            v: live.version,
            l: language.to_owned(),
            t: app.now().timestamp_micros(),
            n: hex::encode(nonce),
            w: work_bits,
            e: asked.embedded,
            p: asked.from_page.clone(),
        };
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&written).map_err(AppError::internal)?);
        let challenge = signature(app, &body);
        Self::of(written, challenge.clone(), format!("{body}.{challenge}"))
            .ok_or_else(|| AppError::internal("a clock beyond time"))
    }

    /// How the form is asked for anew, when it must be sent once more.
    pub(super) fn asked(&self, now: &FormAsked) -> FormAsked {
        FormAsked {
            language: Some(self.language.clone()),
            accepted: now.accepted.clone(),
            embedded: self.embedded,
            from_page: self.from_page.clone(),
        }
    }

    /// The ticket in `text`, if the exchange made it.
    pub(super) fn read(app: &App, text: &str) -> Option<Self> {
        let (body, challenge) = text.split_once('.').filter(|_| text.len() <= MAX_CHARS)?;
        if !tokens_match(signature(app, body).as_bytes(), challenge.as_bytes()) {
            return None;
        }
        let written: Written = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        Self::of(written, challenge.to_owned(), text.to_owned())
    }

    fn of(written: Written, challenge: String, text: String) -> Option<Self> {
        Some(Self {
            form: written.f,
            version: written.v,
            language: written.l,
            issued_at: DateTime::from_timestamp_micros(written.t)?,
            work_bits: written.w,
            embedded: written.e,
            from_page: written.p,
            challenge,
            text,
        })
    }
}

fn signature(app: &App, body: &str) -> String {
    hex::encode(app.keys.keyed_hash("form.ticket", body))
}
