//! Lead ads of Meta: notices that name leads, and the leads as the Graph API answers them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LeadHookFault, Sent, array, listed, plain};
use crate::refusal::{Code, Refusal};

/// Notices in one message: Meta sends up to so many.
const MAX_NOTICES: usize = 1_000;
/// The longest id, in digits.
const MAX_ID_DIGITS: usize = 32;
/// What every answer begins with in a lead of Meta's testing tool.
const TEST_ANSWER: &str = "<test lead:";

const MINUTE_SECS: i64 = 60;
const HOUR_SECS: i64 = 60 * MINUTE_SECS;
const DAY_SECS: i64 = 24 * HOUR_SECS;
/// How long Meta keeps a lead.
const KEPT_SECS: i64 = 90 * DAY_SECS;

/// A lead that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaNotice {
    /// Its id, digits only.
    pub leadgen_id: String,
    /// The form.
    pub form_id: Option<String>,
    /// The page.
    pub page_id: Option<String>,
    /// The ad.
    pub ad_id: Option<String>,
    /// The set of ads.
    pub adgroup_id: Option<String>,
}

/// The leads that a message names, each once. Other news of a page are passed over.
pub fn meta_notices(body: &Value) -> Result<Vec<MetaNotice>, Refusal> {
    let Value::Object(body) = body else { return Err(Refusal::new(Code::Invalid, "the message must be a JSON object")) };
    let mut notices: Vec<MetaNotice> = Vec::new();
    for entry in array(body, "entry")? {
        for change in entry.get("changes").and_then(Value::as_array).into_iter().flatten() {
            if change.get("field").and_then(Value::as_str) != Some("leadgen") {
                continue;
            }
            let id = |name: &str| id_at(change.get("value")?, name);
            let leadgen_id = id("leadgen_id").ok_or_else(|| Refusal::invalid("leadgen_id", "an id of digits"))?;
            if notices.iter().any(|notice| notice.leadgen_id == leadgen_id) {
                continue;
            }
            if notices.len() >= MAX_NOTICES {
                return Err(Refusal::new(Code::TooLarge, format!("a message names at most {MAX_NOTICES} leads")));
            }
            let (form_id, page_id) = (id("form_id"), id("page_id"));
            notices.push(MetaNotice { leadgen_id, form_id, page_id, ad_id: id("ad_id"), adgroup_id: id("adgroup_id") });
        }
    }
    Ok(notices)
}

/// The lead of `notice` as the Graph API answered it.
pub fn meta_lead(notice: &MetaNotice, answer: &Value) -> Result<Sent, Refusal> {
    let Value::Object(answer) = answer else { return Err(Refusal::new(Code::Invalid, "a lead must be a JSON object")) };
    let mut sent = Sent::default();
    let told = [
        ("form_id", &notice.form_id),
        ("page_id", &notice.page_id),
        ("ad_id", &notice.ad_id),
        ("adgroup_id", &notice.adgroup_id),
    ];
    for (name, id) in told {
        sent.put(name, id.clone().unwrap_or_default())?;
    }
    sent.plain(answer)?;
    sent.put("id", notice.leadgen_id.clone())?;
    sent.identify("id");
    for field in array(answer, "field_data")? {
        let (Some(name), Some(values)) = (field.get("name").and_then(Value::as_str), field.get("values")) else { continue };
        let value = listed(values);
        sent.test |= value.starts_with(TEST_ANSWER);
        sent.put(name, value)?;
    }
    for box_ in answer.get("custom_disclaimer_responses").and_then(Value::as_array).into_iter().flatten() {
        let name = box_.get("checkbox_key").and_then(Value::as_str).unwrap_or_default();
        let checked = box_.get("is_checked").and_then(plain).is_some_and(|checked| checked == "true" || checked == "1");
        if !name.is_empty() {
            sent.put(&format!("disclaimer.{name}"), checked.to_string())?;
        }
    }
    Ok(sent)
}

/// How long to wait before a lead is asked for again that met `fault` at its `tries`-th try, and was told of `age_secs` ago; `None`
/// when it is given up.
#[must_use]
pub fn fetch_again_secs(fault: LeadHookFault, tries: u32, age_secs: i64) -> Option<i64> {
    let (pause, at_most) = match fault {
        // Somebody has to do something about it.
        LeadHookFault::TokenExpired | LeadHookFault::NotAllowed => (15 * MINUTE_SECS, KEPT_SECS),
        LeadHookFault::RateLimited => (5 * MINUTE_SECS, KEPT_SECS),
        LeadHookFault::Unreachable => {
            let doubled = 15_i64.checked_shl(tries.min(10)).unwrap_or(HOUR_SECS);
            (doubled.min(HOUR_SECS), KEPT_SECS)
        }
        LeadHookFault::Refused => (DAY_SECS, 7 * DAY_SECS),
        LeadHookFault::Gone => return None,
    };
    (age_secs < at_most).then_some(pause)
}

/// An id that is sent as digits or as a text of digits.
fn id_at(value: &Value, name: &str) -> Option<String> {
    let id = plain(value.get(name)?)?;
    let digits = !id.is_empty() && id.len() <= MAX_ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(leadgen_id: &Value) -> Value {
        json!({ "field": "leadgen", "value": { "leadgen_id": leadgen_id, "page_id": "7", "form_id": 8, "ad_id": "9", "created_time": 1 } })
    }

    #[test]
    fn a_message_names_leads_and_each_once() {
        let body = json!({ "object": "page", "entry": [
            { "id": "7", "time": 1, "changes": [change(&json!("100")), { "field": "feed", "value": {} }, change(&json!(101))] },
            { "id": "7", "changes": [change(&json!("100"))] }, { "id": "7", "messaging": [] },
        ] });
        let notices = meta_notices(&body).unwrap();
        assert_eq!(notices.iter().map(|notice| notice.leadgen_id.as_str()).collect::<Vec<_>>(), ["100", "101"]);
        assert_eq!(
            (notices[0].form_id.as_deref(), notices[0].ad_id.as_deref(), &notices[0].adgroup_id),
            (Some("8"), Some("9"), &None)
        );
        // What becomes part of an address holds digits only.
        for id in [json!("../me"), json!(""), json!(null), json!("1".repeat(33)), json!(-5)] {
            let body = json!({ "entry": [{ "changes": [change(&id)] }] });
            assert_eq!(meta_notices(&body).unwrap_err().path, ["leadgen_id"], "{id}");
        }
        let many: Vec<Value> = (0..=MAX_NOTICES).map(|id| change(&json!(id))).collect();
        assert_eq!(meta_notices(&json!({ "entry": [{ "changes": many }] })).unwrap_err().code, Code::TooLarge);
    }

    #[test]
    fn a_lead_has_its_answers_by_their_questions() {
        let notice = MetaNotice {
            leadgen_id: "100".into(),
            form_id: Some("8".into()),
            page_id: None,
            ad_id: Some("9".into()),
            adgroup_id: None,
        };
        let answer = json!({
            "id": "100", "created_time": "2026-03-02T09:00:00+0000", "is_organic": false,
            "field_data": [{ "name": "full_name", "values": ["Ola Nordmann"] }, { "name": "hobbies", "values": ["sailing", "golf"] }],
            "custom_disclaimer_responses": [{ "checkbox_key": "marketing", "is_checked": "1" }, { "checkbox_key": "third", "is_checked": "" }],
        });
        let sent = meta_lead(&notice, &answer).unwrap();
        let expected = json!({
            "id": "100", "created_time": "2026-03-02T09:00:00+0000", "is_organic": "false", "form_id": "8", "ad_id": "9",
            "full_name": "Ola Nordmann", "hobbies": "sailing; golf", "disclaimer.marketing": "true", "disclaimer.third": "false",
        });
        assert_eq!((json!(sent.columns), sent.id.as_deref(), sent.test), (expected, Some("100"), false));
        let test = json!({ "field_data": [{ "name": "full_name", "values": ["<test lead: dummy data for full_name>"] }] });
        assert!(meta_lead(&notice, &test).unwrap().test);
        assert_eq!(meta_lead(&notice, &json!({ "id": "100" })).unwrap_err().path, ["field_data"]);
    }

    #[test]
    fn what_may_come_right_is_asked_for_again() {
        let pauses: Vec<_> = (0..10).map(|tries| fetch_again_secs(LeadHookFault::Unreachable, tries, 0)).collect();
        assert_eq!(pauses, [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600].map(Some));
        assert_eq!(fetch_again_secs(LeadHookFault::TokenExpired, 500, 0), Some(900));
        assert_eq!(fetch_again_secs(LeadHookFault::TokenExpired, 500, KEPT_SECS), None);
        assert_eq!(fetch_again_secs(LeadHookFault::RateLimited, 0, 0), Some(300));
        assert_eq!(fetch_again_secs(LeadHookFault::Refused, 0, 7 * DAY_SECS), None);
        assert_eq!(fetch_again_secs(LeadHookFault::Gone, 0, 0), None);
    }
}
