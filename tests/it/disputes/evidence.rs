//! Evidence: files, logged calls, and who reads them.

use api::app::Caller;
use api::app::dispute::evidence_read;
use api::http::{evidence, uploads};
use domain::access::Role;
use domain::id::{EvidenceId, UploadId};
use reqwest::Method;
use serde_json::{Value, json};

use super::case::{CALL, Case, HOUR, OPEN, case, claim, in_charge, rule, uploaded};
use crate::harness::{Actor, Exchange, get, on_each_backend, send};
use crate::imports::announce;
use crate::ledger::market::DAY;

const ADD: &str = "mutation ($input: DisputeEvidenceAddInput!) { disputeEvidenceAdd(input: $input) {
    dispute { id files { id fileName mediaType party } } userErrors { code path } } }";

async fn add(x: &Exchange, who: &Actor, dispute: &str, upload: UploadId) -> Value {
    let input = json!({ "disputeId": dispute, "uploadIds": [upload.to_string()] });
    who.run(x, ADD, json!({ "input": input })).await["disputeEvidenceAdd"].clone()
}

async fn read(x: &Exchange, who: &Actor, id: EvidenceId) -> Option<Vec<u8>> {
    let caller = Caller { principal: who.principal.clone(), request_id: "test".into(), address: None };
    evidence_read(&x.app, &caller, id).await.unwrap().map(|file| file.content.to_vec())
}

async fn call(x: &Exchange, case: &Case, disposition: &str) {
    let input = json!({ "tradeId": case.trade.id.to_string(), "at": x.app.now(), "durationSecs": 0, "disposition": disposition });
    let answer = case.buyer.run(x, CALL, json!({ "input": input })).await;
    assert_eq!(answer["callAttemptLog"]["userErrors"], json!([]));
}

on_each_backend! {
    async fn files_are_read_by_the_parties_and_the_arbiter_in_charge(x: Exchange) {
        let arbiters = [x.arbiter().await, x.arbiter().await];
        let case = case(&x, 1_000).await;
        let stranger = x.organization("Stranger").await;
        let id = case.open(&x).await;
        let file = uploaded(&x, &case.buyer, b"bounced", 7).await;
        let before = x.row_counts().await;
        assert_eq!(add(&x, &case.seller, &id, file).await["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["uploadIds", "0"] }]));
        assert_eq!(add(&x, &stranger, &id, file).await["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["disputeId"] }]));
        let huge = uploaded(&x, &case.buyer, b"huge", 10 * 1024 * 1024 + 1).await;
        assert_eq!(add(&x, &case.buyer, &id, huge).await["userErrors"][0]["code"], "TOO_LARGE");
        let files = add(&x, &case.buyer, &id, file).await["dispute"]["files"].clone();
        assert_eq!(x.count("evidence").await, before["evidence"].as_i64().unwrap() + 1);
        assert_eq!((files[0]["fileName"].clone(), files[0]["party"].clone()), (json!("call.txt"), json!("BUYER")));
        let evidence: EvidenceId = files[0]["id"].as_str().unwrap().parse().unwrap();
        let same = uploaded(&x, &case.buyer, b"bounced", 7).await;
        assert_eq!(add(&x, &case.buyer, &id, same).await["userErrors"][0]["code"], "TAKEN");
        case.respond(&x, &id, "CONTEST", Some("no")).await;
        let chosen = in_charge(&x, &arbiters, &id).await;
        for who in [&case.buyer, &case.seller, chosen] {
            assert_eq!(read(&x, who, evidence).await.as_deref(), Some(b"bounced".as_slice()));
        }
        let looks = x.dump(&["dispute_entry"]).await.lines().filter(|row| row.contains("SEEN") && row.contains(&evidence.to_string())).count();
        assert_eq!(looks, 1, "the arbiter's look is logged, those of the parties are not");
        assert!(x.tamper("UPDATE evidence SET side = 'SELLER'").await.is_err(), "evidence is only added to");
        let other = arbiters.iter().find(|arbiter| arbiter.user != chosen.user).unwrap();
        for who in [&stranger, other] {
            assert_eq!(read(&x, who, evidence).await, None);
        }
    }

    async fn neither_side_keeps_the_other_from_being_heard(x: Exchange) {
        let arbiters = [x.arbiter().await, x.arbiter().await];
        let case = case(&x, 1_000).await;
        let id = case.open(&x).await;
        let say = async |who: &Actor, n: i32| {
            let input = json!({ "disputeId": id, "statement": format!("piece {n}") });
            who.run(&x, ADD, json!({ "input": input })).await["disputeEvidenceAdd"]["userErrors"].clone()
        };
        let mut files = Vec::new();
        for n in 0..20_u8 {
            files.push(uploaded(&x, &case.buyer, vec![b'a' + n; 32].leak(), 32).await.to_string());
        }
        let input = json!({ "disputeId": id, "uploadIds": files });
        assert_eq!(case.buyer.run(&x, ADD, json!({ "input": input })).await["disputeEvidenceAdd"]["userErrors"], json!([]));
        let one_more = uploaded(&x, &case.buyer, b"one more", 8).await;
        assert_eq!(add(&x, &case.buyer, &id, one_more).await["userErrors"], json!([{ "code": "TOO_LARGE", "path": ["uploadIds"] }]));
        for n in 0..79 {
            assert_eq!(say(&case.buyer, n).await, json!([]), "{n}");
        }
        assert_eq!(say(&case.buyer, 79).await, json!([{ "code": "TOO_LARGE", "path": ["disputeId"] }]));
        let same = uploaded(&x, &case.seller, vec![b'a'; 32].leak(), 32).await;
        assert_eq!(add(&x, &case.seller, &id, same).await["userErrors"], json!([]), "each side shows what it has");
        assert_eq!(case.respond(&x, &id, "CONTEST", Some("no")).await["dispute"]["status"], "UNDER_REVIEW");
        rule(&x, in_charge(&x, &arbiters, &id).await, &id, 0).await;
        assert_eq!(case.appeal(&x, &case.buyer, &id).await["dispute"]["status"], "UNDER_REVIEW");
    }

    async fn a_file_goes_up_and_comes_down_over_http(x: Exchange) {
        let arbiters = [x.arbiter().await];
        let case = case(&x, 1_000).await;
        let (stranger, viewer) = (x.organization("Stranger").await, x.member(case.seller.org(), Role::Viewer).await);
        let id = case.open(&x).await;
        let people = [("buyer", &case.buyer), ("seller", &case.seller), ("stranger", &stranger), ("viewer", &viewer), ("arbiter", &arbiters[0])];
        let server = x.listen(|door| uploads::routes(door.clone()).merge(evidence::routes(door)), &people).await;
        let announced = announce(&x, &case.buyer, "EVIDENCE", "call \"1\".txt").await;
        let (path, token) = (announced["path"].as_str().unwrap(), announced["token"].as_str().unwrap());
        let put = async |text: &'static [u8]| send(Method::PUT, &format!("{server}{path}"), Some(token), text.to_vec()).await.0;
        assert_eq!(put(b"<script>alert(1)</script>").await, 422, "a page of script is no evidence");
        assert_eq!(put(b"the number belongs to a bakery").await, 201);
        let upload = announced["upload"]["id"].as_str().unwrap().parse().unwrap();
        let file = add(&x, &case.buyer, &id, upload).await["dispute"]["files"][0]["id"].as_str().unwrap().to_owned();
        let url = format!("{server}/evidence/{file}");
        let answer = reqwest::Client::new().get(&url).bearer_auth("buyer").send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-disposition"), "attachment; filename=\"call _1_.txt\"");
        assert_eq!((header("content-type").as_str(), header("x-content-type-options").as_str()), ("text/plain", "nosniff"));
        assert_eq!((header("cache-control").as_str(), header("content-security-policy").as_str()), ("private, no-store", "sandbox; default-src 'none'"));
        assert_eq!(answer.text().await.unwrap(), "the number belongs to a bakery");
        assert_eq!(get(&url, Some("arbiter")).await.0, 404, "nobody rules yet");
        case.respond(&x, &id, "CONTEST", Some("no")).await;
        for (who, status) in [(None, 401), (Some("nobody"), 401), (Some("stranger"), 404), (Some("seller"), 200), (Some("viewer"), 404), (Some("arbiter"), 200)] {
            assert_eq!(get(&url, who).await.0, status, "{who:?}");
        }
        for other in ["evd_00000000000000000000000009", "what"] {
            assert_eq!(get(&format!("{server}/evidence/{other}"), Some("buyer")).await.0, 404);
        }
    }

    async fn that_nobody_can_be_reached_takes_three_calls_on_two_days(x: Exchange) {
        let case = case(&x, 1_000).await;
        let try_open = async || {
            let input = claim(&case.trade, "MISTAKE", "DEAD_NUMBER");
            case.buyer.run(&x, OPEN, json!({ "input": input })).await["disputeOpen"].clone()
        };
        assert_eq!(try_open().await["userErrors"][0]["code"], "OUTSIDE_WINDOW", "younger than a day");
        call(&x, &case, "NO_ANSWER").await;
        x.clock.advance_secs(HOUR);
        call(&x, &case, "BUSY").await;
        x.clock.advance_secs(DAY);
        assert_eq!(try_open().await["userErrors"][0]["code"], "REQUIRED", "two calls on one day");
        call(&x, &case, "OUT_OF_SERVICE").await;
        assert_eq!(try_open().await["dispute"]["status"], "OPEN");
    }

    async fn a_call_before_the_trade_or_of_others_is_refused(x: Exchange) {
        let case = case(&x, 1_000).await;
        let before = x.row_counts().await;
        let log = async |who: &Actor, at: chrono::DateTime<chrono::Utc>| {
            let input = json!({ "tradeId": case.trade.id.to_string(), "at": at, "durationSecs": 0, "disposition": "BUSY" });
            who.run(&x, CALL, json!({ "input": input })).await["callAttemptLog"]["userErrors"][0].clone()
        };
        let now = x.app.now();
        assert_eq!(log(&case.buyer, now - chrono::TimeDelta::seconds(1)).await, json!({ "code": "INVALID", "path": ["at"] }));
        assert_eq!(log(&case.buyer, now + chrono::TimeDelta::seconds(1)).await, json!({ "code": "INVALID", "path": ["at"] }));
        assert_eq!(log(&case.seller, now).await, json!({ "code": "NOT_FOUND", "path": ["tradeId"] }));
        assert_eq!(x.row_counts().await, before);
    }
}
