//! What the webhook of TikTok's lead forms sends: several leads in one message, each with its answers as `changes`.

use serde_json::{Map, Value};

use super::{Sent, array, listed};
use crate::refusal::{Code, Refusal};

/// Leads in one message.
const MAX_ENTRIES: usize = 100;

/// The leads of a message.
pub(super) fn entries(body: &Map<String, Value>) -> Result<Vec<Sent>, Refusal> {
    let entries = array(body, "entry")?;
    if entries.is_empty() {
        return Err(Refusal::required("entry"));
    }
    if entries.len() > MAX_ENTRIES {
        return Err(Refusal::new(Code::TooLarge, format!("a message has at most {MAX_ENTRIES} leads")).at("entry"));
    }
    entries.iter().map(entry).collect()
}

fn entry(entry: &Value) -> Result<Sent, Refusal> {
    let Value::Object(entry) = entry else { return Err(Refusal::invalid("entry", "a list of objects")) };
    let mut sent = Sent::default();
    sent.plain(entry)?;
    sent.identify("id");
    for change in array(entry, "changes")? {
        if let (Some(field), Some(value)) = (change.get("field").and_then(Value::as_str), change.get("value")) {
            sent.put(field, listed(value))?;
        }
    }
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{LeadHookKind, sent};
    use super::*;

    #[test]
    fn each_entry_is_a_lead() {
        let entry = |id: &str, name: &str| {
            json!({ "id": id, "page_id": 70_i64, "create_time": 1_700_000_000, "campaign_id": "c",
                "changes": [{ "field": "Name", "value": name }, { "field": "Interests", "value": ["a", "b"] }] })
        };
        let body = json!({ "object": 1, "time": 1, "request_id": "r", "entry": [entry("l1", "Ola"), entry("l2", "Kari")] });
        let sent = sent(LeadHookKind::TikTok, &body).unwrap();
        assert_eq!(sent.iter().map(|lead| lead.id.as_deref()).collect::<Vec<_>>(), [Some("l1"), Some("l2")]);
        let expected = json!({ "id": "l2", "page_id": "70", "create_time": "1700000000", "campaign_id": "c", "Name": "Kari", "Interests": "a; b" });
        assert_eq!(json!(sent[1].columns), expected);
    }

    #[test]
    fn a_message_without_leads_or_with_too_many_is_refused() {
        let code = |body: Value| sent(LeadHookKind::TikTok, &body).unwrap_err().code;
        assert_eq!(code(json!({})), Code::Required);
        assert_eq!(code(json!({ "entry": [] })), Code::Required);
        assert_eq!(code(json!({ "entry": ["x"] })), Code::Invalid);
        let entries: Vec<Value> = (0..=MAX_ENTRIES).map(|id| json!({ "id": id, "changes": [] })).collect();
        assert_eq!(code(json!({ "entry": entries })), Code::TooLarge);
    }
}
