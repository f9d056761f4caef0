use super::*;
use crate::crm::testing::{answer, is_broken, is_rejected, retry};

fn with(status: u16, headers: &[(&str, &str)]) -> Answer {
    Answer { status, headers: headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(), body: Vec::new() }
}

#[test]
fn statuses_mean_what_http_says() {
    let of = |status| answer(status, "").by_status("why");
    assert_eq!(of(204), Outcome::Accepted { external_id: None });
    assert!(is_broken(&of(302), "redirect"));
    for status in [401, 402, 403, 404, 405, 407, 410, 415] {
        assert!(is_broken(&of(status), &format!("answered {status}: why")), "{status}");
    }
    assert_eq!(of(409), Outcome::Duplicate);
    assert!(is_rejected(&of(422), "answered 422: why"));
    for status in [100, 408, 425, 429, 500, 502, 503, 504, 599] {
        assert_eq!(of(status), Outcome::Retry { after: None }, "{status}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date_by_the_answers_own_clock() {
    assert_eq!(with(429, &[("Retry-After", "7")]).by_status(""), retry(7));
    let dated = [("date", "Thu, 26 Nov 2026 10:00:00 GMT"), ("retry-after", "Thu, 26 Nov 2026 10:01:30 GMT")];
    assert_eq!(with(503, &dated).by_status(""), retry(90));
    let past = [("date", "Thu, 26 Nov 2026 10:00:00 GMT"), ("retry-after", "Thu, 26 Nov 2026 09:00:00 GMT")];
    assert_eq!(with(503, &past).by_status(""), retry(0));
    assert_eq!(with(503, &[("retry-after", "soon")]).by_status(""), Outcome::Retry { after: None });
    assert_eq!(with(503, &[("retry-after", "99999999999")]).by_status(""), retry(86_400));
}

#[test]
fn reasons_are_one_short_line_without_contact_data() {
    let reason = "no\r\n  such <erika@example.com>\u{0}, call +12025550143 or (202) 555-0143 by 2026";
    assert_eq!(rejected(reason), Outcome::Rejected { reason: "no such […] , call […] or (202) […] by 2026".into() });
    assert_eq!(rejected(&"é".repeat(1_000)), Outcome::Rejected { reason: "é".repeat(300) });
}

#[test]
fn ids_are_short_texts_or_numbers() {
    let body = serde_json::json!({ "n": 7, "t": "a", "e": "", "o": {}, "c": "a\nb", "l": "x".repeat(201) });
    let at = |pointer| id_at(&body, pointer);
    assert_eq!((at("/n"), at("/t")), (Some("7".into()), Some("a".into())));
    assert_eq!((at("/e"), at("/o"), at("/c"), at("/l"), at("/none")), (None, None, None, None, None));
}

#[test]
fn outcomes_and_stages_are_stored_as_json() {
    let stage = Stage::PipedriveLead { person_id: 7 };
    let stored = serde_json::to_string(&stage).unwrap();
    assert_eq!(stored, r#"{"stage":"pipedrive_lead","person_id":7}"#);
    assert_eq!(serde_json::from_str::<Stage>(&stored).unwrap(), stage);
    let outcome = retry(5);
    assert_eq!(serde_json::from_str::<Outcome>(&serde_json::to_string(&outcome).unwrap()).unwrap(), outcome);
}

#[test]
fn a_shown_answer_is_short_and_has_no_secret() {
    let secrets = Secrets::new().with("token", "t0ken").with("short", "ok");
    assert_eq!(answer(401, "ok: t0ken is not valid").shown(&secrets), "ok: *** is not valid");
    assert_eq!(answer(200, &"é".repeat(2_000)).shown(&secrets).chars().count(), 1_024);
}
