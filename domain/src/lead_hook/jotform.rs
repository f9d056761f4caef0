//! What Jotform sends: fields called `q3_name`, whose values are texts, lists of choices, or objects of parts.

use serde_json::{Map, Value};

use super::{MAX_DEPTH, Sent, listed};
use crate::refusal::Refusal;

/// The parts of a name, in the order in which they are written.
const NAME: &[&str] = &["prefix", "first", "middle", "last", "suffix"];
/// The parts of a telephone number.
const PHONE: &[&str] = &["country", "area", "phone"];
/// The parts of a date.
const DATE: &[&str] = &["year", "month", "day"];
/// The parts of an address, which stand on their own only.
const ADDRESS: &str = "addr_line1";

/// Reads a submission: the fields of its form, beside the ids of form and submission.
pub(super) fn submission(body: &Map<String, Value>, sent: &mut Sent) -> Result<(), Refusal> {
    for (name, value) in body {
        match value {
            Value::Object(parts) => {
                sent.flatten(name, parts, MAX_DEPTH)?;
                put(sent, name, whole(parts))?;
                if let Some(plain) = plain_name(name) {
                    sent.flatten(plain, parts, MAX_DEPTH)?;
                }
            }
            value => put(sent, name, listed(value))?,
        }
    }
    sent.identify("submissionID");
    Ok(())
}

/// Puts a value under the name of its field, and under what the form's author called it.
fn put(sent: &mut Sent, name: &str, text: String) -> Result<(), Refusal> {
    if let Some(plain) = plain_name(name).filter(|plain| !sent.columns.contains_key(*plain)) {
        sent.put(plain, text.clone())?;
    }
    sent.put(name, text)
}

/// `name` of `q3_name`.
fn plain_name(name: &str) -> Option<&str> {
    let (number, plain) = name.strip_prefix('q')?.split_once('_')?;
    let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    numbered.then_some(plain)
}

/// The parts of one value together, as people write them; nothing of what has no such form.
fn whole(parts: &Map<String, Value>) -> String {
    let text = |part: &&str| parts.get(*part).map(listed).filter(|text| !text.trim().is_empty());
    let joined = |order: &[&str], between: &str| order.iter().filter_map(text).collect::<Vec<_>>().join(between);
    if let Some(full) = text(&"full") {
        full
    } else if parts.contains_key(ADDRESS) {
        String::new()
    } else if parts.contains_key("first") || parts.contains_key("last") {
        joined(NAME, " ")
    } else if parts.contains_key("phone") {
        joined(PHONE, " ")
    } else if DATE.iter().all(|part| text(part).is_some()) {
        joined(DATE, "-")
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{LeadHookKind, sent};

    #[test]
    fn parts_are_read_alone_and_together() {
        let body = json!({
            "formID": "230001", "submissionID": "500001", "q3_name": { "first": "Ola", "last": "Nordmann" },
            "q4_email": "ola@example.no", "q5_phone": { "area": "912", "phone": "00001" }, "q6_mobile": { "full": "+47 912 00 001" },
            "q7_born": { "day": "09", "month": "03", "year": "1980" }, "q8_hobbies": ["sailing", "golf"],
            "q9_address": { "addr_line1": "Storgata 1", "city": "Bergen" }, "slug": "submit/1", "q_odd": "x",
        });
        let sent = sent(LeadHookKind::Jotform, &body).unwrap().remove(0);
        assert_eq!(sent.id.as_deref(), Some("500001"));
        let of = |name: &str| sent.columns.get(name).map(String::as_str);
        assert_eq!((of("q3_name"), of("name"), of("name.first")), (Some("Ola Nordmann"), Some("Ola Nordmann"), Some("Ola")));
        assert_eq!((of("email"), of("phone"), of("mobile")), (Some("ola@example.no"), Some("912 00001"), Some("+47 912 00 001")));
        assert_eq!((of("born"), of("hobbies")), (Some("1980-03-09"), Some("sailing; golf")));
        assert_eq!((of("address"), of("address.city"), of("q9_address.city")), (None, Some("Bergen"), Some("Bergen")));
        assert_eq!((of("formID"), of("slug"), of("q_odd"), of("odd")), (Some("230001"), Some("submit/1"), Some("x"), None));
    }
}
