//! What an adapter asks to be done: a request to send, a message to mail, or a row to write.

use serde::Serialize;

use super::guarded::Guarded;

/// Longest body shown in a preview, in characters.
const SHOWN_BODY_CHARS: usize = 8_192;

/// One thing to do for a delivery.
#[derive(Clone, Debug)]
pub enum Step {
    /// Send this HTTP request and hand its answer back.
    Http(Request),
    /// Mail this message; the SMTP reply is the answer.
    Email(Message),
    /// Add this row to the destination's file.
    Row(Row),
}

/// Method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Fields travel in the query.
    Get,
    /// The usual one.
    #[default]
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
}

impl Method {
    /// As it stands in the request line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

/// A body with the text that stands for it in previews, which has the secrets masked.
#[derive(Clone, Default)]
pub struct Body {
    /// The bytes for the wire.
    pub bytes: Vec<u8>,
    shown: Option<String>,
}

impl Body {
    /// A body without secrets.
    #[must_use]
    pub fn clear(text: String) -> Self {
        Self { bytes: text.into_bytes(), shown: None }
    }

    /// A body with secrets, and the same body with them masked.
    #[must_use]
    pub fn masked(text: String, shown: String) -> Self {
        Self { bytes: text.into_bytes(), shown: Some(shown) }
    }

    /// The body with its secrets masked.
    #[must_use]
    pub fn shown(&self) -> String {
        let text = self.shown.clone().unwrap_or_else(|| String::from_utf8_lossy(&self.bytes).into_owned());
        text.chars().take(SHOWN_BODY_CHARS).collect()
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}

/// An HTTP request, complete but for the connection. `Debug` shows neither secrets nor personal data.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Absolute address.
    pub url: Guarded,
    /// Headers in order; names are lower case, values hold no control characters.
    pub headers: Vec<(String, Guarded)>,
    /// Body, empty for `GET`.
    pub body: Body,
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: Method, url: Guarded) -> Self {
        Self { method, url, headers: Vec::new(), body: Body::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: Guarded) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value));
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Body::clear(body.to_string());
        self.header("content-type", Guarded::clear("application/json"))
    }

    /// The request without its secrets, for the owner of the lead: its body holds personal data.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown {
            method: self.method.as_str().into(),
            target: self.url.shown(),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), value.shown())).collect(),
            body: self.body.shown(),
        }
    }
}

/// A message to mail. The sender's address is the operator's and is added by whoever mails it.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Recipients.
    pub to: Vec<String>,
    /// Subject: one line.
    pub subject: String,
    /// Plain body.
    pub text: String,
    /// HTML body.
    pub html: Option<String>,
    /// MIME type of the plain body: `text/plain` unless the format has another.
    pub content_type: String,
    /// Left part of the `Message-ID`, the same for every attempt, so that a mailbox can tell repeats.
    pub message_id: String,
    /// Further headers: names are tokens, values one line.
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("to", &self.to.len()).field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

/// A row of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Cells in their order, already guarded against formulas.
    pub cells: Vec<String>,
    /// Delimiter of the file.
    pub delimiter: char,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// A step as its owner may see it: no secrets, but the lead's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// `POST` and so on, `MAIL` or `ROW`.
    pub method: String,
    /// Address, recipients or nothing.
    pub target: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body as text.
    pub body: String,
}

impl Step {
    /// The step without its secrets.
    #[must_use]
    pub fn shown(&self) -> Shown {
        match self {
            Self::Http(request) => request.shown(),
            Self::Email(message) => Shown {
                method: "MAIL".into(),
                target: message.to.join(", "),
                headers: std::iter::once(("subject".to_owned(), message.subject.clone()))
                    .chain(message.headers.clone())
                    .collect(),
                body: match &message.html {
                    Some(html) => format!("{}\n\n{html}", message.text),
                    None => message.text.clone(),
                },
            },
            Self::Row(row) => Shown {
                method: "ROW".into(),
                target: String::new(),
                headers: row.columns.iter().cloned().zip(row.cells.iter().cloned()).collect(),
                body: super::csv_file::file(std::slice::from_ref(row)),
            },
        }
    }
}
