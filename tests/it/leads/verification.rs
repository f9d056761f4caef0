//! Checks after intake: mail domains, calls, samples; scores.

use std::collections::HashMap;
use std::sync::Arc;

use api::app::App;
use api::app::jobs::{jobs_run, lane_run};
use api::app::leads::scores_age;
use api::ports::KnownMailDomains;
use domain::verification::MailDomain;
use serde_json::json;
use store::job::Lane;

use super::{act, errors, lead, outcome};
use crate::harness::{Exchange, on_each_backend};
use crate::market::stand::{listed, money};

const EXPLAIN: &str = "query($id: ID!) { scoreExplain(leadId: $id) {
    score temperature storedScore contributions { factor points reason } weights { intent warmFrom hotFrom rules { condition points } } } }";

fn knowing(x: &Exchange, domain: &str, found: MailDomain) -> App {
    let known = KnownMailDomains(HashMap::from([(domain.to_owned(), found)]));
    App { mail_domains: Arc::new(known), ..(*x.app).clone() }
}

on_each_backend! {
    async fn a_mail_domain_is_looked_up_behind_the_commit(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let id = x.verified_lead(&seller, 1).await;
        assert_eq!(outcome(&lead(&x, &seller, &id).await, "MAIL_DOMAIN"), None);
        assert_eq!(jobs_run(&x.app).await.unwrap(), 1);
        let unknown = lead(&x, &seller, &id).await;
        assert_eq!((outcome(&unknown, "MAIL_DOMAIN"), &unknown["level"]), (Some("INCONCLUSIVE".into()), &json!("FORMAT")));
        x.clock.advance_secs(60);
        act(&x, &seller, "leadVerify", json!({ "leadId": id })).await;
        assert_eq!(jobs_run(&knowing(&x, "fjelltur.no", MailDomain::Exchangers(2))).await.unwrap(), 1);
        let reached = lead(&x, &seller, &id).await;
        assert_eq!((outcome(&reached, "MAIL_DOMAIN"), &reached["level"]), (Some("PASS".into()), &json!("REACHABLE")));
        let history = reached["checkHistory"].as_array().unwrap();
        let domains: Vec<_> = history.iter().filter(|check| check["kind"] == "MAIL_DOMAIN").map(|check| &check["outcome"]).collect();
        assert_eq!(domains, ["INCONCLUSIVE", "PASS"]);
    }

    async fn a_look_up_that_fails_takes_nothing_back(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let id = x.verified_lead(&seller, 1).await;
        jobs_run(&knowing(&x, "fjelltur.no", MailDomain::Exchangers(2))).await.unwrap();
        act(&x, &seller, "leadVerify", json!({ "leadId": id })).await;
        assert_eq!(jobs_run(&x.app).await.unwrap(), 1);
        let after = lead(&x, &seller, &id).await;
        assert_eq!((outcome(&after, "MAIL_DOMAIN"), &after["level"]), (Some("PASS".into()), &json!("REACHABLE")));
        let history = after["checkHistory"].as_array().unwrap();
        let told: Vec<_> = history.iter().map(|check| (&check["kind"], &check["outcome"])).collect();
        let kind = json!("MAIL_DOMAIN");
        assert_eq!(told, [(&kind, &json!("PASS")), (&kind, &json!("INCONCLUSIVE"))], "what did not change is not told again");
    }

    async fn a_domain_that_does_not_answer_is_looked_up_again_later(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let mut config = (*x.app.config).clone();
        config.dns.enabled = true;
        let config = Arc::new(config);
        let silent = App { config: config.clone(), ..(*x.app).clone() };
        let answering = App { config, ..knowing(&x, "fjelltur.no", MailDomain::Exchangers(2)) };
        let ids = [x.verified_lead(&seller, 1).await, x.verified_lead(&seller, 2).await];
        assert_eq!((jobs_run(&silent).await.unwrap(), x.count("job").await), (2, 2));
        x.clock.advance_secs(299);
        assert_eq!(jobs_run(&silent).await.unwrap(), 0);
        x.clock.advance_secs(1);
        assert_eq!(jobs_run(&silent).await.unwrap(), 2);
        x.clock.advance_secs(599);
        assert_eq!(jobs_run(&silent).await.unwrap(), 0, "the pauses grow");
        x.clock.advance_secs(1);
        assert_eq!((jobs_run(&answering).await.unwrap(), x.count("job").await), (2, 0));
        for id in ids {
            assert_eq!(lead(&x, &seller, &id).await["level"], "REACHABLE");
        }
    }

    async fn what_somebody_waits_for_does_not_wait_for_look_ups(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let id = x.verified_lead(&seller, 1).await;
        let send = "mutation($input: ConfirmationSendInput!) { confirmationSend(input: $input) { userErrors { code } } }";
        seller.run(&x, send, json!({ "input": { "leadId": id, "channel": "PHONE" } })).await;
        assert_eq!(lane_run(&x.app, Lane::Prompt).await.unwrap(), 1);
        assert_eq!((x.outbox.sms.take().len(), x.count("job").await), (1, 1));
    }

    async fn a_lead_below_its_verticals_level_is_unqualified(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let mut input = x.lead_input(1);
        input["vertical"] = json!("finance/loan");
        input["attributes"] = json!([
            { "key": "amount", "value": "12000" }, { "key": "purpose", "value": "CAR" }, { "key": "employment", "value": "PERMANENT" },
            { "key": "national_id", "value": "01018012345" },
        ]);
        let payload = x.lead_submit(&seller, input).await;
        assert_eq!((&payload["lead"]["state"], &payload["lead"]["level"]), (&json!("UNQUALIFIED"), &json!("FORMAT")));
        assert!(!payload["lead"]["attributes"].to_string().contains("01018012345"), "an identifying answer is hidden");
        jobs_run(&knowing(&x, "fjelltur.no", MailDomain::AddressOnly)).await.unwrap();
        let id = payload["lead"]["id"].as_str().unwrap();
        assert_eq!(lead(&x, &seller, id).await["state"], "VERIFIED");
    }

    async fn a_call_speaks_for_a_lead_or_against_it(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        let id = x.verified_lead(&seller, 1).await;
        let call = |disposition: &str| json!({ "leadId": id, "disposition": disposition, "durationSecs": 95 });
        let missed = act(&x, &seller, "callRecord", call("NO_ANSWER")).await;
        assert_eq!((&missed["lead"]["state"], &missed["lead"]["level"]), (&json!("VERIFIED"), &json!("FORMAT")));
        let spoken = act(&x, &operator, "callRecord", call("CONFIRMED_INTEREST")).await;
        assert_eq!((&spoken["lead"]["state"], &spoken["lead"]["level"]), (&json!("VERIFIED"), &json!("SPOKEN")));
        let denied = act(&x, &operator, "callRecord", call("DENIES_REQUEST")).await;
        assert_eq!((&denied["lead"]["state"], &denied["lead"]["level"]), (&json!("REJECTED"), &json!("FORMAT")));
        let mut early = call("NO_ANSWER");
        early["calledAt"] = json!("2026-03-02T08:59:59Z");
        assert_eq!(errors(&act(&x, &seller, "callRecord", early).await), [("INVALID".to_owned(), "calledAt".to_owned())]);
    }

    async fn an_operators_sample_overrules_appearance(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        let mut hurried = x.lead_input(1);
        hurried["session"]["timeOnPageSecs"] = json!(1);
        let payload = x.lead_submit(&seller, hurried).await;
        assert_eq!((&payload["lead"]["state"], outcome(&payload["lead"], "FORM_TIMING")), (&json!("REJECTED"), Some("FAIL".into())));
        let id = payload["lead"]["id"].clone();
        let sample = |verdict: &str| json!({ "leadId": id, "verdict": verdict });
        assert_eq!(act(&x, &operator, "sampleCheckRecord", sample("GENUINE")).await["lead"]["state"], "VERIFIED");
        assert_eq!(act(&x, &operator, "sampleCheckRecord", sample("HIRED")).await["lead"]["state"], "REJECTED");
        let refused = seller.execute(&x, "mutation($input: SampleCheckRecordInput!) { sampleCheckRecord(input: $input) {
            userErrors { code } } }", json!({ "input": sample("GENUINE") })).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }

    async fn operators_look_at_a_random_sample(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        let ids = [x.verified_lead(&seller, 1).await, x.verified_lead(&seller, 2).await];
        let queue = "{ sampleQueue { edges { node { id } } } }";
        let waiting = async || {
            let page = operator.run(&x, queue, json!({})).await["sampleQueue"]["edges"].clone();
            page.as_array().unwrap().iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        x.tamper("UPDATE lead SET drawn = FALSE").await.unwrap();
        assert_eq!(waiting().await, Vec::<String>::new());
        x.tamper("UPDATE lead SET drawn = TRUE").await.unwrap();
        assert_eq!(waiting().await, ids);
        act(&x, &operator, "sampleCheckRecord", json!({ "leadId": ids[0], "verdict": "UNCLEAR" })).await;
        assert_eq!(waiting().await, ids[1..]);
        x.clock.advance_secs(14 * 86_400);
        assert_eq!(waiting().await, Vec::<String>::new());
    }

    async fn a_listed_lead_grows_cold(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let id = x.verified_lead(&seller, 1).await;
        let other = x.verified_lead(&seller, 2).await;
        let terms = json!({ "fixed": { "exclusivePrice": money("40") } });
        listed(&x, &seller, id.parse().unwrap(), 1, Some(2_000_000), terms).await;
        assert_eq!(scores_age(&x.app).await.unwrap(), 0);
        x.clock.advance_secs(3_600);
        assert_eq!(scores_age(&x.app).await.unwrap(), 0);
        x.clock.advance_secs(1);
        assert_eq!((scores_age(&x.app).await.unwrap(), scores_age(&x.app).await.unwrap()), (1, 0));
        assert_eq!((&lead(&x, &seller, &id).await["score"], &lead(&x, &seller, &other).await["score"]), (&json!(56), &json!(59)));
        x.clock.advance_secs(8 * 86_400);
        assert_eq!(scores_age(&x.app).await.unwrap(), 1);
        assert_eq!(lead(&x, &seller, &id).await["score"], 47, "20 of 100 for a lead of more than a week");
    }

    async fn pseudo_leads_of_each_kind_leave_their_mark(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let cases = [
            (json!({ "contact": { "name": "Kari Nordmann", "phones": ["+47 9120000"] } }), "PHONE", "FAIL", "REJECTED"),
            (json!({ "contact": { "name": "Kari Nordmann", "phones": ["+47 9120000"], "emails": ["k@fjelltur.no"] } }), "PHONE", "FAIL", "VERIFIED"),
            (json!({ "contact": { "name": "Kari Nordmann", "emails": ["k2@mailinator.com"] } }), "DISPOSABLE_DOMAIN", "FAIL", "REJECTED"),
            (json!({ "contact": { "name": "Mickey Mouse", "emails": ["k3@fjelltur.no"] } }), "NAME", "FAIL", "REJECTED"),
            (json!({ "consent": null }), "CONSENT", "FAIL", "REJECTED"),
            (json!({ "session": { "typedFields": 1, "pastedFields": 6 } }), "VELOCITY", "INCONCLUSIVE", "VERIFIED"),
            (json!({ "comments": "asdfghjkl" }), "ANSWERS", "INCONCLUSIVE", "VERIFIED"),
        ];
        for (n, (patch, kind, found, state)) in cases.into_iter().enumerate() {
            let mut input = x.lead_input(100 + u32::try_from(n).unwrap());
            for (key, value) in patch.as_object().unwrap() {
                input[key] = value.clone();
            }
            let payload = x.lead_submit(&seller, input).await;
            assert_eq!((outcome(&payload["lead"], kind).as_deref(), &payload["lead"]["state"]), (Some(found), &json!(state)), "{patch}");
        }
    }

    async fn a_traders_own_people_are_competitors(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        x.tamper("UPDATE account_user SET email = 'boss@rival-tours.no'").await.unwrap();
        let mut input = x.lead_input(1);
        input["contact"]["emails"] = json!(["spy@rival-tours.no"]);
        let payload = x.lead_submit(&seller, input).await;
        assert_eq!((&payload["lead"]["state"], outcome(&payload["lead"], "COMPETITOR")), (&json!("REJECTED"), Some("FAIL".into())));
    }

    async fn a_domain_of_many_traders_is_a_providers(x: Exchange) {
        x.verticals().await;
        let (seller, _other) = (x.organization("Seller").await, x.organization("Other").await);
        let moved = "UPDATE account_user SET email = 'u' || CAST(id AS TEXT) || '@little-provider.no'";
        x.tamper(if x.database == crate::harness::Database::Sqlite { "UPDATE account_user SET email = 'u' || hex(id) || '@little-provider.no'" } else { moved })
            .await
            .unwrap();
        let mut input = x.lead_input(1);
        input["contact"]["emails"] = json!(["kari@little-provider.no"]);
        let payload = x.lead_submit(&seller, input).await;
        let found = outcome(&payload["lead"], "COMPETITOR");
        assert_eq!((&payload["lead"]["state"], found), (&json!("VERIFIED"), Some("INCONCLUSIVE".into())));
        x.tamper("UPDATE account_user SET email = REPLACE(email, 'little-provider.no', 'btinternet.com')").await.unwrap();
        let mut input = x.lead_input(2);
        input["contact"]["emails"] = json!(["kari@btinternet.com"]);
        let payload = x.lead_submit(&seller, input).await;
        assert_eq!(outcome(&payload["lead"], "COMPETITOR"), Some("PASS".into()), "everybody can write from there");
    }

    async fn a_score_is_the_sum_of_its_explanation(x: Exchange) {
        x.verticals().await;
        let (seller, other) = (x.organization("Seller").await, x.organization("Other").await);
        let mut input = x.lead_input(1);
        input["attributes"].as_array_mut().unwrap().push(json!({ "key": "budget", "value": "2500" }));
        let id = x.lead_submit(&seller, input).await["lead"]["id"].as_str().unwrap().to_owned();
        let explained = seller.run(&x, EXPLAIN, json!({ "id": id })).await["scoreExplain"].clone();
        let points: Vec<_> = explained["contributions"].as_array().unwrap().iter()
            .map(|part| (part["factor"].as_str().unwrap(), part["points"].as_i64().unwrap())).collect();
        assert_eq!(points, [
            ("VERIFICATION", 12), ("INTENT", 18), ("RECENCY", 15), ("SOURCE", 8), ("COMPLETENESS", 4), ("ENGAGEMENT", 3), ("FIT", 6),
        ]);
        assert_eq!(explained["score"], points.iter().map(|(_, points)| points).sum::<i64>());
        assert_eq!((&explained["temperature"], &explained["weights"]["hotFrom"]), (&json!("WARM"), &json!(70)));
        x.clock.advance_secs(40 * 86_400);
        let later = seller.run(&x, EXPLAIN, json!({ "id": id })).await["scoreExplain"].clone();
        assert_eq!((&later["score"], &later["storedScore"]), (&json!(51), &json!(66)), "an old lead loses the points of its freshness");
        assert!(other.run(&x, EXPLAIN, json!({ "id": id })).await["scoreExplain"].is_null());
    }
}
