//! A do-not-contact list as a file: one column of phone numbers, e-mail addresses or SHA-256 digests.

use domain::access::StaffRole;
use domain::id::UploadId;
use domain::import::ImportKind;
use domain::mapping::{FileFormat, RowRefusal};
use domain::refusal::{Code, Refusal};
use domain::upload::UploadPurpose;
use serde::{Deserialize, Serialize};
use store::imports::Import;

use super::source::{Rules, Source, Taken};
use super::{Queued, limits, queue, upload_stored};
use crate::app::suppressions::short;
use crate::app::{App, AppError, Caller};

/// A list that was put as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionFileImport {
    /// The file.
    pub upload: UploadId,
    /// What is known of it.
    pub list: List,
}

/// What is known of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// The column, by its name or its place such as `#2`; the first one otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// As in a mapping; found out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// As in a mapping; found out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// ISO 3166-1 alpha-2, for phone numbers without a country code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Why these people are on it.
    pub reason: String,
    /// Where it comes from.
    pub source: String,
}

/// The column in which the people stand.
#[derive(Debug, Clone)]
pub(super) struct Column {
    index: usize,
    name: Option<String>,
}

/// Queues the import of a list. Operators only. The same file with the same words is the same import.
pub async fn suppression_file_import(app: &App, caller: &Caller, input: SuppressionFileImport) -> Result<Import, AppError> {
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    list_queue(app, Some(operator), input).await
}

/// Queues the import of a list, for the command line too.
pub(crate) async fn list_queue(
    app: &App,
    by: Option<domain::id::UserId>,
    input: SuppressionFileImport,
) -> Result<Import, AppError> {
    let list = List { reason: short(&input.list.reason, "reason")?, source: short(&input.list.source, "source")?, ..input.list };
    let (upload, content) = upload_stored(app, None, input.upload, UploadPurpose::Suppressions).await?;
    let mut source = Source::open(app, upload.id, &content, Rules::List(list.clone()), limits(app)).await?;
    tokio::task::spawn_blocking(move || source.begin().map(|_| ())).await.map_err(AppError::internal)?.map_err(at_input)?;
    let rules = serde_json::to_string(&list).map_err(AppError::internal)?;
    queue(app, Queued { kind: ImportKind::Suppressions, owner: None, upload, content, rules, by }).await
}

/// A list has no mapping: its format is told in the input itself.
fn at_input(error: AppError) -> AppError {
    let place = |mut refusal: Refusal| {
        refusal.path.retain(|segment| !matches!(segment.as_str(), "mapping" | "file"));
        refusal
    };
    match error {
        AppError::Refused(refusals) => AppError::Refused(refusals.into_iter().map(place).collect()),
        other => other,
    }
}

impl List {
    pub(super) fn format(&self) -> FileFormat {
        let told = |text: &Option<String>, otherwise: String| text.clone().unwrap_or(otherwise);
        let usual = FileFormat::default();
        FileFormat {
            delimiter: told(&self.delimiter, usual.delimiter.clone()),
            encoding: told(&self.encoding, usual.encoding.clone()),
            ..usual
        }
    }

    /// The column in a file that begins with these cells, and whether they name the columns.
    pub(super) fn bind(&self, first: &[String]) -> Result<(Column, bool), Refusal> {
        let wanted = self.column.as_deref().map(str::trim);
        let place = match wanted {
            None => Some(0),
            Some(name) => {
                name.strip_prefix('#').and_then(|place| place.parse::<usize>().ok()).and_then(|place| place.checked_sub(1))
            }
        };
        let named = |wanted: &str| first.iter().position(|cell| cell.trim().to_lowercase() == wanted.to_lowercase());
        let index = place.filter(|index| *index < first.len()).or_else(|| wanted.and_then(named));
        let index = index.ok_or_else(|| Refusal::invalid("column", "the file has no such column"))?;
        let name = first.get(index).map(|cell| cell.trim()).unwrap_or_default();
        // A name of a column has no digit and no @; everybody on a list has one of them.
        let is_header = !name.contains(|c: char| c.is_ascii_digit() || c == '@') || place.is_none();
        Ok((Column { index, name: is_header.then(|| name.to_owned()) }, is_header))
    }
}

impl Column {
    pub(super) fn take(&self, cells: &[String]) -> Taken {
        match cells.get(self.index).map(|cell| cell.trim()) {
            Some("") => Taken::Skipped,
            None if cells.iter().all(|cell| cell.trim().is_empty()) => Taken::Skipped,
            Some(contact) => Taken::Contact(contact.to_owned()),
            None => Taken::Refused(vec![self.refusal(Refusal::new(Code::Required, "the row ends before this column"))]),
        }
    }

    /// A refused row of this column.
    pub(super) fn refusal(&self, refusal: Refusal) -> RowRefusal {
        RowRefusal { column: self.name.clone(), code: refusal.code, reason: refusal.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(column: Option<&str>) -> List {
        let column = column.map(str::to_owned);
        List { column, delimiter: None, encoding: None, country: None, reason: "r".into(), source: "s".into() }
    }

    fn bound(column: Option<&str>, first: &[&str]) -> Option<(usize, bool)> {
        let first: Vec<String> = first.iter().map(ToString::to_string).collect();
        list(column).bind(&first).ok().map(|(column, is_header)| (column.index, is_header))
    }

    #[test]
    fn the_column_is_found_by_name_by_place_or_is_the_first() {
        assert_eq!(bound(None, &["contact", "note"]), Some((0, true)));
        assert_eq!(bound(None, &["+4791200001"]), Some((0, false)));
        assert_eq!(bound(Some("e-mail"), &["Phone 1", "E-Mail"]), Some((1, true)));
        assert_eq!(bound(Some("phone 1"), &["Phone 1", "E-Mail"]), Some((0, true)), "a name with a digit is a name");
        assert_eq!(bound(Some("#2"), &["x", "a@b.example"]), Some((1, false)));
        assert_eq!(bound(Some("#3"), &["x", "y"]), None);
        assert_eq!(bound(Some("fax"), &["x", "y"]), None);
    }
}
