//! The do-not-contact list. Who is on it is known only as keyed hashes.

use std::collections::BTreeSet;

use domain::access::StaffRole;
use domain::contact::{DuplicateKey, Email, KeyKind, Phone, normalise_email, normalise_phone};
use domain::id::{SuppressionId, UserId};
use domain::refusal::{Code, Refusal};
use store::Tx;
use store::page::{Page, Slice};
use store::suppressions::StoredSuppression;

use super::imports::first_cell;
use super::leads::digest_hash;
use super::{App, AppError, Caller};

/// Lines of one list that is handed in as text.
pub const MAX_LINES: usize = 20_000;
const MAX_REASON: usize = 200;
/// Refused lines that one answer names.
const MAX_REFUSALS: usize = 20;

/// What a list was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuppressionsImported {
    /// Entries that are new.
    pub added: u64,
    /// Entries that were there.
    pub known: u64,
}

/// Adds one person by phone, e-mail address or SHA-256 (lower-case hexadecimal, of the E.164 number or the lower-case address).
/// Operators only. Open leads of the person are checked again.
pub async fn suppression_add(
    app: &App,
    caller: &Caller,
    contact: &str,
    country: Option<&str>,
    reason: &str,
) -> Result<SuppressionsImported, AppError> {
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    let reason = reason_of(reason)?;
    let entry = entry_of(app, contact, country).map_err(|refusal| refusal.at("contact"))?;
    add(app, "suppression_add", vec![entry], &reason, "an operator", operator).await
}

/// Adds a list: CSV, one person a line in the first column, written like in [`suppression_add`]; a first line that is no contact is taken as a header.
/// Operators only. A list with a line that is none of these is refused whole, with the lines.
pub async fn suppression_import(
    app: &App,
    caller: &Caller,
    csv: &str,
    country: Option<&str>,
    reason: &str,
    source: &str,
) -> Result<SuppressionsImported, AppError> {
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    let reason = reason_of(reason)?;
    let source = short(source, "source")?;
    let entries = entries_of(app, csv, country)?;
    add(app, "suppression_import", entries, &reason, &source, operator).await
}

/// Entries, the newest first. Operators only.
pub async fn suppression_list(
    app: &App,
    caller: &Caller,
    page: &Page<SuppressionId>,
) -> Result<Slice<StoredSuppression>, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    Ok(app.store.suppressions(page).await?)
}

/// Whether somebody is on the list. Operators only: anybody else could ask for whom they like.
pub async fn suppression_check(app: &App, caller: &Caller, contact: &str, country: Option<&str>) -> Result<bool, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    let entry = entry_of(app, contact, country).map_err(|refusal| refusal.at("contact"))?;
    let mut hashes = vec![entry.hash];
    hashes.extend(entry.digest_hash);
    Ok(app.store.is_suppressed(&hashes).await?)
}

/// Somebody about to enter the list.
pub(super) struct Entry {
    kind: &'static str,
    hash: [u8; 32],
    /// The hash under which a list of digests would hold the same person.
    digest_hash: Option<[u8; 32]>,
}

async fn add(
    app: &App,
    name: &'static str,
    entries: Vec<Entry>,
    reason: &str,
    source: &str,
    by: UserId,
) -> Result<SuppressionsImported, AppError> {
    let entries = &entries;
    let ground = Ground { reason, source, by: Some(by) };
    app.store.write(name, |tx| async move { entries_record(&tx, entries, ground).await }).await
}

/// Why people enter the list, where that comes from, and who says so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub reason: &'a str,
    pub source: &'a str,
    pub by: Option<UserId>,
}

/// Adds entries inside a running transaction, and has the open leads of these people checked again.
pub(super) async fn entries_record(tx: &Tx, entries: &[Entry], ground: Ground<'_>) -> Result<SuppressionsImported, AppError> {
    let given = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    let now = tx.now().await?;
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| StoredSuppression {
            id: tx.id(),
            kind: entry.kind.to_owned(),
            hash: entry.hash,
            reason: ground.reason.to_owned(),
            source: ground.source.to_owned(),
            added_by: ground.by,
            created_at: now,
        })
        .collect();
    let added = tx.suppress_and_reverify(&rows).await?;
    Ok(SuppressionsImported { added, known: given.saturating_sub(added) })
}

fn entries_of(app: &App, csv: &str, country: Option<&str>) -> Result<Vec<Entry>, AppError> {
    let text = csv.strip_prefix('\u{feff}').unwrap_or(csv);
    let (mut entries, mut seen, mut refused) = (Vec::new(), BTreeSet::new(), Vec::new());
    let lines = (1_usize..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    for (index, (number, line)) in lines.enumerate() {
        if index > MAX_LINES {
            return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_LINES} lines at a time")).at("csv").into());
        }
        let contact = first_cell(line);
        match entry_of(app, &contact, country) {
            _ if contact.trim().is_empty() => {}
            Ok(entry) if seen.insert(entry.hash) => entries.push(entry),
            Ok(_) => {}
            Err(_) if index == 0 => {}
            Err(refusal) => refused.push(refusal.at(number).at("csv")),
        }
        if refused.len() >= MAX_REFUSALS {
            break;
        }
    }
    if !refused.is_empty() {
        return Err(refused.into());
    }
    if entries.is_empty() { Err(Refusal::required("csv").into()) } else { Ok(entries) }
}

pub(super) fn entry_of(app: &App, contact: &str, country: Option<&str>) -> Result<Entry, Refusal> {
    use sha2::{Digest, Sha256};
    let contact = contact.trim();
    let keyed = |kind: KeyKind, canonical: &str, plain: &str| Entry {
        kind: kind.as_str(),
        hash: app.keys.keyed_hash(kind.as_str(), canonical),
        digest_hash: Some(digest_hash(app, &hex::encode(Sha256::digest(plain.as_bytes())))),
    };
    if contact.len() == 64 && contact.bytes().all(|b| b.is_ascii_hexdigit()) {
        let hash = digest_hash(app, &contact.to_ascii_lowercase());
        return Ok(Entry { kind: "SHA256", hash, digest_hash: None });
    }
    if contact.contains('@') {
        let email: Email = normalise_email(contact)?;
        if !email.valid {
            return Err(Refusal::new(Code::Invalid, "not an e-mail address"));
        }
        return Ok(keyed(KeyKind::Email, &DuplicateKey::of_email(&email).canonical, &email.address));
    }
    let phone: Phone = normalise_phone(contact, country)?;
    if !phone.valid {
        return Err(Refusal::new(Code::Invalid, "not a phone number that any plan assigns"));
    }
    Ok(keyed(KeyKind::Phone, &DuplicateKey::of_phone(&phone).canonical, &phone.e164))
}

fn reason_of(text: &str) -> Result<String, Refusal> {
    short(text, "reason")
}

/// A short text that is there.
pub(super) fn short(text: &str, field: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::required(field));
    }
    if text.chars().nth(MAX_REASON).is_some() || text.chars().any(char::is_control) {
        return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_REASON} printable characters")).at(field));
    }
    Ok(text.to_owned())
}
