//! Files that clients put on the exchange: CSV files of leads, do-not-contact lists, and evidence in disputes.

use std::cmp::Ordering;
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
        /// Removed some time after its last use; only what is known of it is left.
        Removed = "REMOVED",
    }
}

impl UploadState {
    /// Whether the file may be put now. It may be put once, before the deadline.
    pub fn admit(self, expires_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        match self {
            Self::Stored | Self::Removed => {
                Err(Refusal::wrong_state("the file is there already; make another upload for another file"))
            }
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

/// The byte order of UTF-16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The low byte first.
    Little,
    /// The high byte first.
    Big,
}

/// The byte order of a file that is UTF-16 by its zeros: Latin letters have one in every other place, and hardly any letter
/// has one in the other. `None` when `head`, the beginning of the file, is not like that.
#[must_use]
pub fn utf16_by_zeros(head: &[u8]) -> Option<ByteOrder> {
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    // An eighth of the bytes: text in other scripts has its spaces, digits and separators.
    let many = head.len().checked_div(8).unwrap_or(0).max(1);
    match (even.cmp(&odd), even.max(odd) >= many && even.min(odd).saturating_mul(16) <= even.max(odd)) {
        (Ordering::Less, true) => Some(ByteOrder::Little),
        (Ordering::Greater, true) => Some(ByteOrder::Big),
        _ => None,
    }
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
    fn wide_text_shows_by_its_zeros() {
        let little: Vec<u8> = "Имя;City\n1;Rome\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "Name;City\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!((utf16_by_zeros(&little), utf16_by_zeros(&big)), (Some(ByteOrder::Little), Some(ByteOrder::Big)));
        for other in
            [b"a;b\n".as_slice(), b"", &[0; 64], &[0, 1, 2, 0, 0, 9, 0, 0], &[1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6]]
        {
            assert_eq!(utf16_by_zeros(other), None, "{other:?}");
        }
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
