//! What is taken, what is refused, and who was first.

use api::app::leads::{Incoming, lead_intake};
use domain::lead::{LeadDraft, LeadState};
use domain::refusal::Code;
use serde_json::{Value, json};

use super::{act, errors, lead, outcome};
use crate::harness::{Exchange, on_each_backend};

const DAY_SECS: i64 = 86_400;

fn draft(x: &Exchange, n: u32) -> LeadDraft {
    serde_json::from_value(json!({
        "vertical": "travel/tour", "audience": "CONSUMER", "contact_kind": "QUICK", "interest": "CALLBACK",
        "offering": "CONSUMER_DEMOGRAPHIC", "target_organization": null,
        "contact": { "name": "Ola Nordmann", "phones": [format!("+47913{n:05}")] },
        "attributes": { "destination_country": "Spain", "nights": 7, "adults": 2 },
        "source": { "kind": "DIRECT", "origin": "OWN_ACCORD" },
        "consent": { "text": "Yes, call me about tours that fit my answers.", "page_url": "https://tours.example/form",
            "captured_at": x.app.now() },
        "captured_at": x.app.now(),
    }))
    .unwrap()
}

on_each_backend! {
    async fn a_lead_is_taken_checked_and_scored(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Fjord Leads").await;
        let payload = x.lead_submit(&seller, x.lead_input(1)).await;
        assert_eq!(errors(&payload), []);
        let lead = &payload["lead"];
        let checks: Vec<_> = lead["checks"].as_array().unwrap().iter()
            .map(|check| format!("{}={}", check["kind"].as_str().unwrap(), check["outcome"].as_str().unwrap())).collect();
        assert_eq!(checks, [
            "STRUCTURE=PASS", "PHONE=PASS", "EMAIL_SYNTAX=PASS", "DISPOSABLE_DOMAIN=PASS", "DUPLICATE=PASS",
            "SUPPRESSION=PASS", "CONSENT=PASS", "NAME=PASS", "ANSWERS=PASS", "FORM_TIMING=PASS", "HONEYPOT=PASS",
            "VELOCITY=PASS", "COMPETITOR=PASS",
        ]);
        assert_eq!((&lead["state"], &lead["level"]), (&json!("VERIFIED"), &json!("FORMAT")));
        assert_eq!(lead["channels"], json!(["PHONE", "EMAIL"]));
        let attributes: Vec<_> = lead["attributes"].as_array().unwrap().iter()
            .map(|each| format!("{}={}", each["key"].as_str().unwrap(), each["value"].as_str().unwrap())).collect();
        assert_eq!(attributes, [
            "adults=2", "age_band=FROM_35", "destination_country=Greece", "gender=FEMALE", "language=no", "nights=7",
        ]);
        // 12 verification, 18 intent, 15 recency, 8 source, 3 completeness, 3 engagement.
        assert_eq!((&lead["score"], &lead["temperature"]), (&json!(59), &json!("WARM")));
        assert_eq!(x.count("lead").await, 1);
        assert_eq!(x.count("lead_contact").await, 1);
        assert_eq!(x.count("lead_key").await, 4, "phone and address, and their digests");
        assert_eq!(x.count("job").await, 1, "the look-up of the mail domain");
    }

    async fn what_is_no_lead_is_refused_and_changes_nothing(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Fjord Leads").await;
        let before = x.row_counts().await;
        let cases = [
            (json!({ "contact": { "name": "Anonymous", "phones": ["+4791234567"] } }), "NOT_A_LEAD", "contact.name"),
            (json!({ "contact": { "name": "Kari Nordmann", "phones": ["hidden"] } }), "NOT_A_LEAD", "contact.phones.0"),
            (json!({ "contact": { "name": "Kari Nordmann", "phones": ["+1 800 253 0000"] } }), "NOT_A_LEAD", "contact.phones.0"),
            (json!({ "contact": { "name": "Kari Nordmann" } }), "REQUIRED", "contact.phones"),
            (json!({ "contact": { "name": "Reception", "phones": ["+4791234567"] } }), "NOT_A_LEAD", "contact.name"),
            (json!({ "source": { "kind": "EMAIL", "origin": "PURCHASED_DATABASE" }, "consent": null }), "NOT_A_LEAD", "source.origin"),
            (json!({ "vertical": "travel/moon" }), "NOT_FOUND", "vertical"),
            (json!({ "vertical": "travel" }), "INVALID", "vertical"),
            (json!({ "offering": "TARGETED" }), "REQUIRED", "targetOrganizationId"),
            (json!({ "offering": "TARGETED", "targetOrganizationId": "org_00000000000000000000000009" }), "NOT_FOUND", "targetOrganizationId"),
            (json!({ "offering": "TARGETED", "targetOrganizationId": seller.org().to_string() }), "INVALID", "targetOrganizationId"),
            (json!({ "capturedAt": "2026-03-02T09:05:01Z" }), "INVALID", "capturedAt"),
            (json!({ "source": { "kind": "EMAIL", "spend": { "amount": "1.234", "currencyCode": "EUR" } } }), "INVALID", "source.spend.amount"),
        ];
        for (patch, code, path) in cases {
            let mut input = x.lead_input(1);
            for (key, value) in patch.as_object().unwrap() {
                input[key] = value.clone();
            }
            let payload = x.lead_submit(&seller, input).await;
            let found = errors(&payload);
            assert!(found.contains(&(code.to_owned(), path.to_owned())), "{patch}: {found:?}");
            assert!(payload["lead"].is_null());
        }
        assert_eq!(x.row_counts().await, before);
    }

    async fn a_value_that_does_not_fit_names_its_key(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Fjord Leads").await;
        let mut input = x.lead_input(1);
        input["attributes"] = json!([
            { "key": "nights", "value": "121" }, { "key": "board", "value": "BRUNCH" }, { "key": "moon", "value": "1" },
            { "key": "departs_from", "value": "1.7.2026" }, { "key": "has_visa", "value": "perhaps" },
        ]);
        let payload = x.lead_submit(&seller, input).await;
        let invalid = |key: &str| ("INVALID".to_owned(), format!("attributes.{key}"));
        let required = |key: &str| ("REQUIRED".to_owned(), format!("attributes.{key}"));
        assert_eq!(errors(&payload), [
            invalid("board"), invalid("departs_from"), invalid("has_visa"), invalid("moon"), invalid("nights"),
            required("destination_country"), required("adults"),
        ]);
    }

    async fn the_seller_who_brings_a_person_first_wins(x: Exchange) {
        x.verticals().await;
        let (first, second) = (x.organization("First").await, x.organization("Second").await);
        let operator = x.operator().await;
        let id = x.verified_lead(&first, 7).await;
        x.clock.advance_secs(3 * DAY_SECS);
        let again = x.lead_submit(&second, x.lead_input(7)).await;
        assert_eq!(again["lead"]["state"], "REJECTED");
        let of = |lead: &Value, kind: &str| lead["checks"].as_array().unwrap().iter().find(|check| check["kind"] == kind).unwrap().clone();
        for kind in ["DUPLICATE", "SUPPRESSION"] {
            let told = of(&again["lead"], kind);
            let neutral = json!([{ "fact": "reason", "value": "NOT_AVAILABLE" }]);
            assert_eq!((&told["outcome"], &told["evidence"]), (&json!("FAIL"), &neutral), "a seller learns nothing of others");
        }
        let known = lead(&x, &operator, again["lead"]["id"].as_str().unwrap()).await;
        assert_eq!(of(&known, "DUPLICATE")["evidence"], json!([
            { "fact": "broughtBy", "value": "ANOTHER_SELLER" }, { "fact": "daysAgo", "value": "3" },
            { "fact": "shared", "value": "PHONE,EMAIL" },
        ]));
        let verified = act(&x, &first, "leadVerify", json!({ "leadId": id })).await;
        assert_eq!(verified["lead"]["state"], "VERIFIED", "the later lead takes nothing from the first");
        // The window is half open: thirty days after the first the person is free again.
        x.clock.advance_secs(27 * DAY_SECS - 1);
        assert_eq!(x.lead_submit(&second, x.lead_input(7)).await["lead"]["state"], "REJECTED");
        x.clock.advance_secs(1);
        assert_eq!(x.lead_submit(&second, x.lead_input(7)).await["lead"]["state"], "VERIFIED");
    }

    async fn a_withdrawn_lead_frees_its_person(x: Exchange) {
        x.verticals().await;
        let (first, second) = (x.organization("First").await, x.organization("Second").await);
        let id = x.verified_lead(&first, 7).await;
        let refused = act(&x, &second, "leadWithdraw", json!({ "leadId": id })).await;
        assert_eq!(errors(&refused), [("NOT_FOUND".to_owned(), "leadId".to_owned())], "another's lead does not exist");
        assert_eq!(act(&x, &first, "leadWithdraw", json!({ "leadId": id })).await["lead"]["state"], "WITHDRAWN");
        let twice = act(&x, &first, "leadWithdraw", json!({ "leadId": id })).await;
        assert_eq!(errors(&twice), [("WRONG_STATE".to_owned(), String::new())]);
        x.verified_lead(&second, 7).await;
    }

    async fn the_same_draft_and_the_same_reference_are_taken_once(x: Exchange) {
        x.verticals().await;
        let (seller, other) = (x.organization("First").await, x.organization("Second").await);
        let mut input = x.lead_input(1);
        input["sellerReference"] = json!("A-1");
        input["capturedAt"] = json!(x.app.now());
        assert_eq!(errors(&x.lead_submit(&seller, input.clone()).await), []);
        let before = x.row_counts().await;
        assert_eq!(errors(&x.lead_submit(&seller, input.clone()).await), [("TAKEN".to_owned(), String::new())]);
        let mut renamed = x.lead_input(2);
        renamed["sellerReference"] = json!("A-1");
        assert_eq!(errors(&x.lead_submit(&seller, renamed.clone()).await), [("TAKEN".to_owned(), "sellerReference".to_owned())]);
        assert_eq!(x.row_counts().await, before);
        assert_eq!(errors(&x.lead_submit(&other, renamed).await), [], "another seller has references of its own");
    }

    async fn a_batch_answers_each_draft_in_its_place(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Batch").await.org();
        let mut nameless = draft(&x, 2);
        nameless.contact.name = String::new();
        let mut twin = draft(&x, 1);
        twin.contact.name = "Ola N. Nordmann".into();
        let drafts = [draft(&x, 1), nameless, twin, draft(&x, 3), draft(&x, 3)].map(Incoming::from);
        let answers = lead_intake(&x.app, seller, drafts.into()).await.unwrap();
        let shown: Vec<_> = answers
            .iter()
            .map(|answer| answer.as_ref().map(|taken| taken.state).map_err(|refused| (refused[0].code, refused[0].path.join("."))))
            .collect();
        assert_eq!(shown, [
            Ok(LeadState::Verified),
            Err((Code::Required, "contact.name".to_owned())),
            Ok(LeadState::Rejected),
            Ok(LeadState::Verified),
            Err((Code::Taken, String::new())),
        ]);
        let again = lead_intake(&x.app, seller, vec![draft(&x, 1).into()]).await.unwrap();
        assert_eq!(again[0].as_ref().unwrap_err()[0].code, Code::Taken, "a second run of the same file adds nothing");
        assert_eq!(x.count("lead").await, 3);
    }

    async fn two_sellers_at_the_same_moment_do_not_both_bring_one_person(x: Exchange) {
        x.verticals().await;
        let (one, two) = (x.organization("One").await.org(), x.organization("Two").await.org());
        let other = x.second_process().await;
        let (first, second) = tokio::join!(
            lead_intake(&x.app, one, vec![draft(&x, 5).into()]),
            lead_intake(&other, two, vec![draft(&x, 5).into()]),
        );
        let mut states = [first, second].map(|answer| answer.unwrap().remove(0).unwrap().state);
        states.sort();
        assert_eq!(states, [LeadState::Verified, LeadState::Rejected]);
    }

    async fn many_leads_of_one_device_are_a_form_fillers(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Farm").await;
        let mut states = Vec::new();
        for n in 0..6 {
            let mut input = x.lead_input(n);
            input["session"]["deviceId"] = json!("device-1");
            let payload = x.lead_submit(&seller, input).await;
            states.push((payload["lead"]["state"].as_str().unwrap().to_owned(), outcome(&payload["lead"], "VELOCITY").unwrap()));
        }
        let good = ("VERIFIED".to_owned(), "PASS".to_owned());
        let bad = ("REJECTED".to_owned(), "FAIL".to_owned());
        assert_eq!(states, [good.clone(), good.clone(), good.clone(), good, bad.clone(), bad]);
    }

    async fn a_key_that_may_only_hand_in_leads_is_told_what_became_of_them(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let scopes = [domain::access::Permission::LeadsWrite].into_iter().collect();
        let key = domain::access::Principal::Key { key: x.app.store.id(), organization: seller.org(), scopes };
        let response = x.execute(key, crate::harness::SUBMIT, json!({ "input": x.lead_input(1) })).await;
        assert!(response.get("errors").is_none(), "{response:#}");
        assert_eq!(response["data"]["leadSubmit"]["lead"]["state"], "VERIFIED");
    }

    async fn leads_are_listed_for_their_seller_only(x: Exchange) {
        x.verticals().await;
        let (seller, other, operator) = (x.organization("Own").await, x.organization("Other").await, x.operator().await);
        for n in 0..3 {
            x.verified_lead(&seller, n).await;
        }
        let mut robot = x.lead_input(9);
        robot["session"]["honeypotFilled"] = json!(true);
        let id = x.lead_submit(&seller, robot).await["lead"]["id"].as_str().unwrap().to_owned();
        let leads = "query($filter: LeadFilterInput, $first: Int, $after: String) { leads(filter: $filter, first: $first, after: $after) {
            edges { cursor node { id state } } pageInfo { hasNextPage hasPreviousPage endCursor } } }";
        let page = seller.run(&x, leads, json!({ "first": 3 })).await["leads"].clone();
        assert_eq!(page["edges"].as_array().unwrap().len(), 3);
        assert_eq!(page["pageInfo"]["hasNextPage"], true);
        let rest = seller.run(&x, leads, json!({ "first": 3, "after": page["pageInfo"]["endCursor"] })).await["leads"].clone();
        assert_eq!((rest["edges"].as_array().unwrap().len(), &rest["pageInfo"]["hasNextPage"]), (1, &json!(false)));
        let count = |filter: serde_json::Value| {
            let (x, seller) = (&x, &seller);
            async move { seller.run(x, leads, json!({ "filter": filter })).await["leads"]["edges"].as_array().unwrap().len() }
        };
        assert_eq!(count(json!({ "states": ["REJECTED"] })).await, 1);
        assert_eq!(count(json!({ "vertical": "travel", "levelFrom": "FORMAT" })).await, 4);
        assert_eq!(count(json!({ "vertical": "finance" })).await, 0);
        assert_eq!(count(json!({ "scoreFrom": 50, "country": "NO", "sources": ["SEARCH_AD"], "synthetic": false })).await, 3);
        assert_eq!(other.run(&x, leads, json!({})).await["leads"]["edges"], json!([]));
        assert!(lead(&x, &other, &id).await.is_null());
        assert_eq!(lead(&x, &operator, &id).await["state"], "REJECTED");
        let beyond = seller.execute(&x, leads, json!({ "first": 101 })).await;
        assert_eq!(beyond["errors"][0]["extensions"]["code"], "TOO_LARGE");
    }
}
