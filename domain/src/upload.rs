//! Files that clients put on the exchange: CSV files of leads, do-not-contact lists, and evidence in disputes.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

/// The longest name of a file, in characters.
pub const MAX_FILE_NAME: usize = 200;

/// Media types of evidence: pictures, sound, documents. Nothing that a browser would run.
const EVIDENCE_TYPES: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/heif",
    "application/pdf",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/x-wav",
    "audio/m4a",
    "audio/amr",
    "video/mp4",
    "video/webm",
    "text/plain",
];

text_enum! {
    /// What a file is for.
    UploadPurpose {
        /// A CSV file of leads.
        Leads = "LEADS",
        /// A CSV file of people who must not be contacted; for operators.
        Suppressions = "SUPPRESSIONS",
        /// Evidence in a dispute.
        Evidence = "EVIDENCE",
    }
}

text_enum! {
    /// Whether the file is there.
    UploadState {
        /// Awaited.
        Open = "OPEN",
        /// There, whole, and never to change.
        Stored = "STORED",
    }
}

impl UploadState {
    /// Whether the file may be put now. It may be put once, before the deadline.
    pub fn admit(self, expires_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        match self {
            Self::Stored => Err(Refusal::wrong_state("the file is there already; make another upload for another file")),
            Self::Open if now >= expires_at => Err(Refusal::new(Code::OutsideWindow, "the upload has expired; make another one")),
            Self::Open => Ok(()),
        }
    }
}

/// The name of a file as it is kept: without folders and control characters. Refused when nothing is left or it is too long.
pub fn file_name(name: &str) -> Result<String, Refusal> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    if clean.is_empty() || matches!(clean, "." | "..") {
        return Err(Refusal::required("fileName"));
    }
    if clean.chars().count() > MAX_FILE_NAME {
        return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_FILE_NAME} characters")).at("fileName"));
    }
    Ok(clean.to_owned())
}

impl UploadPurpose {
    /// The media type under which a file is kept, from what its first bytes show (`None`: nothing known, so perhaps text)
    /// and whether those bytes can be text. Refused when it cannot serve this purpose.
    pub fn media_type(self, sniffed: Option<&str>, can_be_text: bool) -> Result<String, Refusal> {
        match (self, sniffed) {
            (Self::Leads | Self::Suppressions, Some("application/gzip")) => Ok("application/gzip".to_owned()),
            (Self::Leads | Self::Suppressions, None) if can_be_text => Ok("text/csv".to_owned()),
            (Self::Leads | Self::Suppressions, Some(other)) => Err(Refusal::new(
                Code::Invalid,
                format!("a CSV file is needed, plain or gzip; this is {other}. Export it as CSV"),
            )),
            (Self::Leads | Self::Suppressions, None) => {
                Err(Refusal::new(Code::Invalid, "a CSV file is needed, plain or gzip; this is not text"))
            }
            (Self::Evidence, Some(known)) if EVIDENCE_TYPES.contains(&known) => Ok(known.to_owned()),
            (Self::Evidence, None) if can_be_text => Ok("text/plain".to_owned()),
            (Self::Evidence, _) => {
                let message = "evidence is a picture, sound, video, PDF or plain text; this file's content is none of them";
                Err(Refusal::new(Code::Invalid, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_put_once_and_in_time() {
        let at = |secs: i64| chrono::DateTime::from_timestamp(secs, 0).unwrap();
        assert_eq!(UploadState::Open.admit(at(10), at(9)), Ok(()));
        assert_eq!(UploadState::Open.admit(at(10), at(10)).unwrap_err().code, Code::OutsideWindow);
        assert_eq!(UploadState::Stored.admit(at(10), at(9)).unwrap_err().code, Code::WrongState);
    }

    #[test]
    fn names_lose_folders_and_control_characters() {
        assert_eq!(file_name("C:\\leads\\mai\n.csv").as_deref(), Ok("mai.csv"));
        assert_eq!(file_name("../../etc/passwd").as_deref(), Ok("passwd"));
        assert!(file_name("a/").is_err() && file_name("..").is_err() && file_name("\u{0}").is_err());
        assert_eq!(file_name(&"x".repeat(200)).map(|name| name.len()), Ok(200));
        assert_eq!(file_name(&"x".repeat(201)).unwrap_err().code, Code::TooLarge);
    }

    #[test]
    fn content_must_serve_the_purpose() {
        assert_eq!(UploadPurpose::Leads.media_type(None, true).as_deref(), Ok("text/csv"));
        assert!(UploadPurpose::Leads.media_type(None, false).is_err());
        assert!(UploadPurpose::Leads.media_type(Some("application/zip"), false).is_err());
        assert_eq!(UploadPurpose::Evidence.media_type(Some("image/png"), false).as_deref(), Ok("image/png"));
        assert!(UploadPurpose::Evidence.media_type(Some("text/html"), true).is_err());
        assert!(UploadPurpose::Evidence.media_type(Some("application/vnd.microsoft.portable-executable"), false).is_err());
    }
}
