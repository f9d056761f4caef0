//! Meta's Graph API, as far as leads of lead ads are read from it: the request, and what its answers mean.
//!
//! The token travels in a header and never in an address. `appsecret_proof` shows that who asks knows the app's secret, for apps that
//! demand it. Only fields are asked for that the permission `leads_retrieval` opens; ids of ads stand in the notice.

use serde_json::Value;

/// What is asked of a lead.
const FIELDS: &str = "id,created_time,form_id,platform,is_organic,field_data,custom_disclaimer_responses";

/// Why there is no lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The token is expired, revoked or malformed.
    #[error("the token is no longer good")]
    TokenExpired,
    /// The token's owner may not read this.
    #[error("the token does not allow this")]
    NotAllowed,
    /// Too many calls.
    #[error("asked too often")]
    RateLimited,
    /// Nothing has this id, or it is gone.
    #[error("there is no such lead")]
    Gone,
    /// A failure of the other side, which may pass.
    #[error("the other side fails")]
    Unavailable,
}

/// The address at which the lead `id` (digits) is read. `proof` is HMAC-SHA256 of the token under the app's secret, in hexadecimal.
#[must_use]
pub fn lead_address(graph_url: &str, version: &str, id: &str, proof: &str) -> String {
    format!("{}/{version}/{id}?fields={FIELDS}&appsecret_proof={proof}", graph_url.trim_end_matches('/'))
}

/// The lead of an answer.
pub fn lead_of(status: u16, body: &[u8]) -> Result<Value, Fault> {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let error = answer.as_ref().and_then(|answer| answer.get("error"));
    match (status, error, answer.as_ref()) {
        (200..=299, None, Some(Value::Object(_))) => answer.ok_or(Fault::Unavailable),
        (status, Some(error), _) => Err(fault_of(status, error)),
        (429, None, _) => Err(Fault::RateLimited),
        _ => Err(Fault::Unavailable),
    }
}

/// By the codes of Meta's documentation; what has no meaning there is tried again.
fn fault_of(status: u16, error: &Value) -> Fault {
    let number = |name: &str| error.get(name).and_then(Value::as_i64);
    let transient = error.get("is_transient").and_then(Value::as_bool).unwrap_or_default();
    match (number("code"), number("error_subcode")) {
        (Some(102 | 190), _) => Fault::TokenExpired,
        (Some(4 | 17 | 32 | 341 | 613 | 80_000..=80_014), _) => Fault::RateLimited,
        _ if transient || status >= 500 => Fault::Unavailable,
        (Some(10 | 200..=299), _) => Fault::NotAllowed,
        // "Unsupported get request": no object of this id, or none that the token may see.
        (Some(100), Some(33)) | (Some(803), _) => Fault::Gone,
        _ if status == 429 => Fault::RateLimited,
        _ => Fault::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_token_is_in_no_address() {
        let address = lead_address("https://graph.facebook.com/", "v24.0", "100", "ab12");
        assert_eq!(
            address,
            "https://graph.facebook.com/v24.0/100?fields=id,created_time,form_id,platform,is_organic,field_data,custom_disclaimer_responses&appsecret_proof=ab12"
        );
    }

    #[test]
    fn answers_mean_what_the_documentation_says() {
        let lead = json!({ "id": "100", "field_data": [] });
        assert_eq!(lead_of(200, lead.to_string().as_bytes()), Ok(lead));
        let cases = [
            (400, 190, 463, false, Fault::TokenExpired),
            (401, 190, 460, false, Fault::TokenExpired),
            (400, 102, 0, false, Fault::TokenExpired),
            (400, 4, 0, true, Fault::RateLimited),
            (400, 17, 0, false, Fault::RateLimited),
            (403, 32, 0, false, Fault::RateLimited),
            (400, 613, 0, false, Fault::RateLimited),
            (400, 80_005, 0, false, Fault::RateLimited),
            (403, 10, 0, false, Fault::NotAllowed),
            (403, 200, 0, false, Fault::NotAllowed),
            (400, 100, 33, false, Fault::Gone),
            (400, 803, 0, false, Fault::Gone),
            (500, 1, 0, true, Fault::Unavailable),
            (500, 2, 0, false, Fault::Unavailable),
            (400, 100, 0, false, Fault::Unavailable),
        ];
        for (status, code, subcode, is_transient, fault) in cases {
            let error =
                json!({ "error": { "message": "m", "code": code, "error_subcode": subcode, "is_transient": is_transient } });
            assert_eq!(lead_of(status, error.to_string().as_bytes()), Err(fault), "{status} {code}");
        }
        for (status, body, fault) in [
            (200, "not JSON", Fault::Unavailable),
            (200, "[]", Fault::Unavailable),
            (503, "", Fault::Unavailable),
            (302, "", Fault::Unavailable),
            (429, "{}", Fault::RateLimited),
        ] {
            assert_eq!(lead_of(status, body.as_bytes()), Err(fault), "{status} {body}");
        }
    }
}
