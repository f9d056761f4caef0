//! Certificates of consent: the statement that the exchange signs about a form of its own, and the ones that others keep.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::form::Report;
use crate::id::{CertificateId, FormId, LeadId};
use crate::time::{Timestamp, secs_until};

/// Where TrustedForm keeps its certificates.
const TRUSTED_FORM: &str = "https://cert.trustedform.com/";

/// Whose certificate a lead names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeper {
    /// The exchange itself.
    Own(CertificateId),
    /// TrustedForm, under this id.
    TrustedForm(String),
    /// Jornaya, under this LeadiD.
    Jornaya(String),
    /// Somebody else.
    Unknown,
}

impl Keeper {
    /// Who keeps what a lead calls its certificate: an address of the exchange at `public_url` or of TrustedForm, or a bare LeadiD.
    #[must_use]
    pub fn of(text: &str, public_url: &str) -> Self {
        let own = text.strip_prefix(public_url.trim_end_matches('/')).and_then(|rest| rest.strip_prefix("/certificates/"));
        if let Some(id) = own.and_then(|id| id.parse().ok()) {
            return Self::Own(id);
        }
        if let Some(id) = text.strip_prefix(TRUSTED_FORM) {
            let id = id.split(['?', '#']).next().unwrap_or_default();
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            let fits = !id.is_empty() && id.len() <= 255 && id.bytes().all(plain);
            return if fits { Self::TrustedForm(id.to_owned()) } else { Self::Unknown };
        }
        let leadid = text.len() == 36 && text.parse::<uuid::Uuid>().is_ok();
        if leadid { Self::Jornaya(text.to_ascii_uppercase()) } else { Self::Unknown }
    }

    /// Its name in evidence.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Own(_) => "CLEARLEAD",
            Self::TrustedForm(_) => "TRUSTED_FORM",
            Self::Jornaya(_) => "JORNAYA",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// What the exchange signs about a form that was sent. It names nobody: the person is behind the lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The certificate.
    pub id: CertificateId,
    /// The exchange, by its address.
    pub issuer: String,
    /// The lead that it is of.
    pub lead: LeadId,
    /// The form.
    pub form: FormId,
    /// Its version.
    pub form_version: i64,
    /// The language.
    pub language: String,
    /// SHA-256 of the words that were shown, in hexadecimal digits.
    pub text_sha256: String,
    /// The seller's version of the words of the consent.
    pub consent_version: String,
    /// When the page was made, by the exchange's clock.
    pub shown_at: Timestamp,
    /// When the form came, by the exchange's clock.
    pub submitted_at: Timestamp,
    /// From where, as the exchange's keyed hash of this certificate, the address and the browser.
    pub origin_hmac: String,
    /// Whether the page was asked for inside another.
    pub embedded: bool,
    /// The page that led to the form, as the browser's request named it, without its query.
    pub from_page: Option<String>,
    /// Whether the field that people do not see was filled.
    pub honeypot_filled: bool,
    /// What the page's script said.
    pub report: Option<Report>,
}

/// A certificate as it can be checked by anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its id.
    pub id: CertificateId,
    /// The lead.
    pub lead: LeadId,
    /// The form.
    pub form: FormId,
    /// The form's version.
    pub form_version: i64,
    /// The language.
    pub language: String,
    /// Which key signed it.
    pub key_id: String,
    /// What was signed: JSON, byte for byte.
    pub payload: String,
    /// The Ed25519 signature of these bytes.
    pub signature: Vec<u8>,
    /// When.
    pub issued_at: Timestamp,
}

impl Statement {
    /// What is signed: JSON without blanks, with its keys in alphabetical order.
    #[must_use]
    pub fn payload(&self) -> String {
        let seconds = secs_until(self.shown_at, self.submitted_at);
        let reported = self.report.as_ref().map(|report| {
            json!({
                "fields": report.fields, "focus_changes": report.focus_changes, "hints": report.hints, "millis": report.millis,
                "page": report.page, "pointers": report.pointers, "referrer": report.referrer, "returns": report.returns,
            })
        });
        let statement = json!({
            "v": 1, "id": self.id, "issuer": self.issuer, "lead": self.lead, "language": self.language,
            "form": self.form, "form_version": self.form_version,
            "shown": { "at": self.shown_at, "text_sha256": self.text_sha256, "consent_version": self.consent_version },
            "submitted": { "at": self.submitted_at, "seconds_after_shown": seconds, "honeypot_filled": self.honeypot_filled },
            "from": { "hmac": self.origin_hmac, "page": self.from_page, "embedded": self.embedded },
            "browser_report": reported,
        });
        let mut text = String::new();
        write_sorted(&statement, &mut text);
        text
    }
}

/// Writes JSON with the keys of objects in order, whatever order the library keeps them in.
fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_sorted(object.get(key).unwrap_or(&Value::Null), out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_sorted(item, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_keeper_is_known_by_its_address() {
        let of = |text: &str| Keeper::of(text, "https://exchange.example/");
        let id = CertificateId(Uuid::from_u128(7));
        assert_eq!(of(&format!("https://exchange.example/certificates/{id}")), Keeper::Own(id));
        assert_eq!(of("https://cert.trustedform.com/eb9fc4dd9bed?x=1"), Keeper::TrustedForm("eb9fc4dd9bed".into()));
        assert_eq!(of("58990313-03fb-43b8-ad0b-08cef791d49b"), Keeper::Jornaya("58990313-03FB-43B8-AD0B-08CEF791D49B".into()));
        for other in [
            "",
            "https://cert.trustedform.com/",
            "https://cert.trustedform.com/a/../b",
            "https://cert.trustedform.com.evil.example/a",
            "https://exchange.example.evil/certificates/x",
            "https://proof.example/1",
            "5899031303fb43b8ad0b08cef791d49b",
        ] {
            assert_eq!(of(other), Keeper::Unknown, "{other}");
        }
    }

    #[test]
    fn what_is_signed_is_one_text() {
        let at = |text: &str| text.parse().unwrap();
        let statement = Statement {
            id: CertificateId(Uuid::from_u128(1)),
            issuer: "https://exchange.example".into(),
            lead: LeadId(Uuid::from_u128(2)),
            form: FormId(Uuid::from_u128(3)),
            form_version: 4,
            language: "en".into(),
            text_sha256: "ab".into(),
            consent_version: "1".into(),
            shown_at: at("2026-03-02T09:00:00Z"),
            submitted_at: at("2026-03-02T09:01:00Z"),
            origin_hmac: "cd".into(),
            embedded: false,
            from_page: None,
            honeypot_filled: false,
            report: None,
        };
        let expected = "{\"browser_report\":null,\"form\":\"form_00000000000000000000000003\",\"form_version\":4,\
            \"from\":{\"embedded\":false,\"hmac\":\"cd\",\"page\":null},\"id\":\"cert_00000000000000000000000001\",\
            \"issuer\":\"https://exchange.example\",\"language\":\"en\",\"lead\":\"lead_00000000000000000000000002\",\
            \"shown\":{\"at\":\"2026-03-02T09:00:00Z\",\"consent_version\":\"1\",\"text_sha256\":\"ab\"},\
            \"submitted\":{\"at\":\"2026-03-02T09:01:00Z\",\"honeypot_filled\":false,\"seconds_after_shown\":60},\"v\":1}";
        assert_eq!(statement.payload(), expected);
    }
}
