//! Addresses at which forms and advertising networks hand leads in: what each of them sends, as columns that a mapping reads.

mod jotform;
mod meta;
mod tiktok;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access::{UnknownText, text_enum};
use crate::id::{LeadHookId, OrganizationId};
use crate::lead::LeadDraft;
use crate::mapping::{Limits, Mapping, RowOutcome};
use crate::refusal::{Code, Refusal};
use crate::text::has_control_character;
use crate::time::Timestamp;
use crate::vertical::Definition;

pub use meta::{MetaNotice, fetch_again_secs, meta_lead, meta_notices};

/// Values that one message may have.
pub const MAX_COLUMNS: usize = 500;

/// How deep a message may nest.
const MAX_DEPTH: usize = 8;

/// The longest id of a message that is kept, in bytes.
const MAX_ID_BYTES: usize = 200;

/// What stands between the items of a list, as mappings cut it.
const BETWEEN: &str = "; ";

text_enum! {
    /// Who sends leads to a hook, and so how they are written down.
    LeadHookKind {
        /// A lead form of Google Ads. The key stands in the message; the values by their `column_id` and `column_name`, such as `FULL_NAME`.
        GoogleAds = "GOOGLE_ADS",
        /// A form of Typeform. The values by the `ref` and the `id` of their fields, hidden ones as `hidden.name`.
        Typeform = "TYPEFORM",
        /// A form of Tally. The values by the `label` and the `key` of their fields.
        Tally = "TALLY",
        /// Lead ads of Meta (Facebook, Instagram). The message names the lead, whose answers are then asked for: each by the name of its question, and `id`, `created_time`, `form_id`, `ad_id`.
        Meta = "META",
        /// Lead forms of TikTok. The values by the `field` of their changes; `id`, `page_id`, `create_time`, `campaign_id`, `adgroup_id`, `ad_id`.
        TikTok = "TIKTOK",
        /// A form of Jotform. The values by the names of their fields, with and without `q3_` before; `formID`, `submissionID`.
        Jotform = "JOTFORM",
        /// Any other form: a JSON object, whose inner values are `outer.inner`, or a form's fields.
        Form = "FORM",
    }
}

text_enum! {
    /// Why a hook cannot hand in what it was told of.
    LeadHookFault {
        /// The page's token is no longer good: give the hook another.
        TokenExpired = "TOKEN_EXPIRED",
        /// The token may not read the page's leads.
        NotAllowed = "NOT_ALLOWED",
        /// The network was asked too often. It is asked again.
        RateLimited = "RATE_LIMITED",
        /// The network cannot be reached, or fails. It is asked again.
        Unreachable = "UNREACHABLE",
        /// The network does not have the lead, or no longer.
        Gone = "GONE",
        /// A lead does not fit the mapping, or is none. It is asked for again once a day for a week.
        Refused = "REFUSED",
    }
}

impl LeadHookKind {
    /// Whether whoever sends to hooks of this kind can sign its messages.
    #[must_use]
    pub const fn signs(self) -> bool {
        matches!(self, Self::Typeform | Self::Tally | Self::TikTok | Self::Form | Self::Meta)
    }
}

/// What keeps a hook from handing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeadHookTrouble {
    /// What it is.
    pub fault: LeadHookFault,
    /// When it was met last.
    pub at: Timestamp,
}

/// An address of a seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadHook {
    /// Its id, which is part of the address.
    pub id: LeadHookId,
    /// Whose leads come there.
    pub organization: OrganizationId,
    /// What it is for.
    pub name: String,
    /// Who sends.
    pub kind: LeadHookKind,
    /// The mapping from what is sent to leads, as its seller wrote it.
    pub mapping: String,
    /// The first characters of the key.
    pub prefix: String,
    /// Whether messages must be signed; then the key is of no use.
    pub signed: bool,
    /// What keeps it from handing in, since the last lead that it handed in.
    pub trouble: Option<LeadHookTrouble>,
    /// Since when.
    pub created_at: Timestamp,
    /// The last change.
    pub updated_at: Timestamp,
    /// Since when nothing is taken there any more.
    pub disabled_at: Option<Timestamp>,
}

/// One message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Its values by name.
    pub columns: BTreeMap<String, String>,
    /// The key, where it stands in the message.
    pub key: Option<String>,
    /// What its sender calls it: the same id is the same message, however often it comes.
    pub id: Option<String>,
    /// Whether the sender only tries the address.
    pub test: bool,
}

/// What a message says: usually one lead, and from TikTok several.
pub fn sent(kind: LeadHookKind, body: &Value) -> Result<Vec<Sent>, Refusal> {
    let Value::Object(body) = body else { return Err(Refusal::new(Code::Invalid, "the message must be a JSON object")) };
    let mut sent = Sent::default();
    match kind {
        LeadHookKind::GoogleAds => google_ads(body, &mut sent)?,
        LeadHookKind::Typeform => typeform(object(body, "form_response")?, &mut sent)?,
        LeadHookKind::Tally => tally(object(body, "data")?, &mut sent)?,
        LeadHookKind::Jotform => jotform::submission(body, &mut sent)?,
        LeadHookKind::TikTok => return tiktok::entries(body),
        LeadHookKind::Meta => return Err(Refusal::new(Code::Invalid, "a notice of Meta holds no answers")),
        LeadHookKind::Form => sent.flatten("", body, MAX_DEPTH)?,
    }
    Ok(vec![sent])
}

/// The draft that a message makes; `None` when the mapping leaves it out. What the message lacks counts as not answered.
pub fn draft(
    mapping: &Mapping,
    definition: &Definition,
    columns: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Option<LeadDraft>, Vec<Refusal>> {
    let mut cells: BTreeMap<String, &str> = mapping.columns().into_iter().map(|name| (name, "")).collect();
    cells.extend(columns.iter().map(|(name, text)| (name.clone(), text.as_str())));
    let names: Vec<String> = cells.keys().cloned().collect();
    let bound = mapping.bind(&names, definition, Limits::default())?;
    match bound.apply(&cells.into_values().collect::<Vec<_>>(), 0, now) {
        RowOutcome::Lead(draft) => Ok(Some(*draft)),
        RowOutcome::Skipped => Ok(None),
        RowOutcome::Refused(found) => Err(found.into_iter().map(Refusal::from).collect()),
    }
}

/// Reads a hook's mapping; real people come there, and none are made up.
pub fn mapping_of(text: &str) -> Result<Mapping, Refusal> {
    let mapping = Mapping::parse(text)?;
    if mapping.synthetic.is_some() {
        return Err(Refusal::invalid("synthetic", "a hook brings real people: leave `synthetic` out"));
    }
    Ok(mapping)
}

impl Sent {
    /// Notes the column `name` as the message's id.
    fn identify(&mut self, name: &str) {
        self.id = self.columns.get(name).filter(|id| id.len() <= MAX_ID_BYTES).cloned();
    }

    fn put(&mut self, name: &str, text: String) -> Result<(), Refusal> {
        if name.is_empty() || text.trim().is_empty() {
            return Ok(());
        }
        if has_control_character(&text) {
            return Err(Refusal::invalid(name, "printable text"));
        }
        self.columns.insert(name.to_owned(), text);
        let fits = self.columns.len() <= MAX_COLUMNS;
        if fits { Ok(()) } else { Err(Refusal::new(Code::TooLarge, format!("a message has at most {MAX_COLUMNS} values"))) }
    }

    /// The plain values of an object.
    fn plain(&mut self, object: &Map<String, Value>) -> Result<(), Refusal> {
        object.iter().try_for_each(|(name, value)| plain(value).map_or(Ok(()), |text| self.put(name, text)))
    }

    fn flatten(&mut self, above: &str, object: &Map<String, Value>, depth: usize) -> Result<(), Refusal> {
        let Some(below) = depth.checked_sub(1) else {
            return Err(Refusal::new(Code::TooLarge, format!("a message nests at most {MAX_DEPTH} deep")));
        };
        for (name, value) in object {
            let name = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            match value {
                Value::Object(inner) => self.flatten(&name, inner, below)?,
                Value::Array(items) if items.iter().any(Value::is_object) => {
                    let items = items.iter().enumerate().map(|(at, item)| (at.to_string(), item.clone())).collect();
                    self.flatten(&name, &items, below)?;
                }
                value => self.put(&name, listed(value))?,
            }
        }
        Ok(())
    }
}

fn google_ads(body: &Map<String, Value>, sent: &mut Sent) -> Result<(), Refusal> {
    sent.plain(body)?;
    sent.key = sent.columns.remove("google_key");
    sent.test = sent.columns.remove("is_test").is_some_and(|flag| flag == "true");
    sent.identify("lead_id");
    for column in array(body, "user_column_data")? {
        let Some(value) = column.get("string_value").and_then(plain) else { continue };
        for name in ["column_name", "column_id"].into_iter().filter_map(|name| column.get(name)?.as_str()) {
            sent.put(name, value.clone())?;
        }
    }
    Ok(())
}

fn typeform(response: &Map<String, Value>, sent: &mut Sent) -> Result<(), Refusal> {
    sent.plain(response)?;
    sent.identify("token");
    if let Some(Value::Object(hidden)) = response.get("hidden") {
        sent.flatten("hidden", hidden, MAX_DEPTH)?;
    }
    for answer in array(response, "answers")? {
        let kind = answer.get("type").and_then(Value::as_str).unwrap_or_default();
        let value = match (kind, answer.get(kind)) {
            (_, None) => continue,
            ("choice", Some(choice)) => choice.get("label").or_else(|| choice.get("other")).map(listed).unwrap_or_default(),
            ("choices", Some(choices)) => choices.get("labels").map(listed).unwrap_or_default(),
            (_, Some(value)) => listed(value),
        };
        for name in ["id", "ref"].into_iter().filter_map(|name| answer.get("field")?.get(name)?.as_str()) {
            sent.put(name, value.clone())?;
        }
    }
    Ok(())
}

fn tally(data: &Map<String, Value>, sent: &mut Sent) -> Result<(), Refusal> {
    sent.plain(data)?;
    sent.identify("responseId");
    for field in array(data, "fields")? {
        let Some(value) = field.get("value") else { continue };
        // A choice is told by the id of its option.
        let text_of = |chosen: &Value| {
            let options = field.get("options").and_then(Value::as_array);
            let option = options.and_then(|options| options.iter().find(|option| option.get("id") == Some(chosen)));
            option.and_then(|option| option.get("text")).cloned().unwrap_or_else(|| chosen.clone())
        };
        let value = match value {
            Value::Array(chosen) => Value::Array(chosen.iter().map(text_of).collect()),
            chosen => text_of(chosen),
        };
        for name in ["key", "label"].into_iter().filter_map(|name| field.get(name)?.as_str()) {
            sent.put(name.trim(), listed(&value))?;
        }
    }
    Ok(())
}

fn object<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a Map<String, Value>, Refusal> {
    body.get(name).and_then(Value::as_object).ok_or_else(|| Refusal::required(name))
}

fn array<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], Refusal> {
    body.get(name).and_then(Value::as_array).map(Vec::as_slice).ok_or_else(|| Refusal::required(name))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A plain value, or several with something between.
fn listed(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().filter_map(plain).collect::<Vec<_>>().join(BETWEEN),
        value => plain(value).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn only(sent: Result<Vec<Sent>, Refusal>) -> Sent {
        let mut sent = sent.unwrap();
        assert_eq!(sent.len(), 1);
        sent.remove(0)
    }

    fn columns(kind: LeadHookKind, body: &Value) -> Value {
        json!(only(sent(kind, body)).columns)
    }

    #[test]
    fn a_lead_form_of_google_has_its_key_and_its_answers() {
        let body = json!({
            "lead_id": "TeSter-1", "form_id": 40_000_000_000_i64, "gcl_id": "abc", "api_version": "1.0", "google_key": "secret", "is_test": true,
            "user_column_data": [
                { "column_id": "FULL_NAME", "column_name": "Full Name", "string_value": "Ola Nordmann" },
                { "column_id": "EMAIL", "string_value": "ola@example.no" },
                { "column_id": "CITY", "string_value": "" },
            ],
            "something_new": { "unknown": 1 },
        });
        let sent = only(sent(LeadHookKind::GoogleAds, &body));
        assert_eq!((sent.key.as_deref(), sent.id.as_deref(), sent.test), (Some("secret"), Some("TeSter-1"), true));
        let expected = json!({
            "lead_id": "TeSter-1", "form_id": "40000000000", "gcl_id": "abc", "api_version": "1.0",
            "FULL_NAME": "Ola Nordmann", "Full Name": "Ola Nordmann", "EMAIL": "ola@example.no",
        });
        assert_eq!(json!(sent.columns), expected);
        assert_eq!(super::sent(LeadHookKind::GoogleAds, &json!({})).unwrap_err().path, ["user_column_data"]);
    }

    #[test]
    fn forms_are_read_by_the_names_of_their_fields() {
        let typeform = json!({ "event_type": "form_response", "form_response": {
            "token": "t1", "submitted_at": "2026-03-02T09:00:00Z", "hidden": { "campaign": "spring" },
            "answers": [
                { "type": "text", "text": "Ola", "field": { "id": "f1", "ref": "name" } },
                { "type": "choice", "choice": { "label": "Call me" }, "field": { "id": "f2", "ref": "interest" } },
                { "type": "choices", "choices": { "labels": ["sailing", "golf"] }, "field": { "ref": "hobbies" } },
                { "type": "number", "number": 7, "field": { "ref": "nights" } },
                { "type": "boolean", "boolean": true, "field": { "ref": "agreed" } },
            ],
        } });
        let expected = json!({
            "token": "t1", "submitted_at": "2026-03-02T09:00:00Z", "hidden.campaign": "spring", "f1": "Ola", "name": "Ola",
            "f2": "Call me", "interest": "Call me", "hobbies": "sailing; golf", "nights": "7", "agreed": "true",
        });
        assert_eq!(columns(LeadHookKind::Typeform, &typeform), expected);
        let tally = json!({ "eventId": "e", "data": { "responseId": "r1", "fields": [
            { "key": "q1", "label": "Your name", "type": "INPUT_TEXT", "value": "Ola" },
            { "key": "q2", "label": "Interest", "type": "DROPDOWN", "value": ["o2"], "options": [{ "id": "o1", "text": "Info" }, { "id": "o2", "text": "Callback" }] },
            { "key": "q3", "label": "Empty", "type": "INPUT_TEXT", "value": null },
        ] } });
        let expected = json!({ "responseId": "r1", "q1": "Ola", "Your name": "Ola", "q2": "Callback", "Interest": "Callback" });
        assert_eq!(columns(LeadHookKind::Tally, &tally), expected);
        let form = json!({ "person": { "name": "Ola", "phones": ["1", "2"] }, "trips": [{ "to": "Greece" }], "none": null });
        let expected = json!({ "person.name": "Ola", "person.phones": "1; 2", "trips.0.to": "Greece" });
        assert_eq!(columns(LeadHookKind::Form, &form), expected);
    }

    #[test]
    fn what_is_too_much_or_no_text_is_refused() {
        let code = |body: Value| sent(LeadHookKind::Form, &body).unwrap_err().code;
        assert_eq!(code(json!([])), Code::Invalid);
        assert_eq!(code(json!({ "a": "x\u{0}" })), Code::Invalid);
        let many: Map<String, Value> = (0..=MAX_COLUMNS).map(|at| (format!("c{at}"), json!(1))).collect();
        assert_eq!(code(Value::Object(many)), Code::TooLarge);
        let deep = (0..20).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert_eq!(code(deep), Code::TooLarge);
        assert!(mapping_of("vertical = \"travel/tour\"\n[synthetic]\nseed = 1\n").is_err());
    }
}
