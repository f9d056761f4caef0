//! What becomes of a campaign: made, changed, paused, resumed, ended, and who may do and see that.

use api::app::campaigns::follow::campaigns_reconcile;
use domain::access::{Role, StaffRole};
use serde_json::{Value, json};

use super::stand::{CAMPAIGN, create, created, draft, money, seen, turn, update};
use crate::harness::{Exchange, on_each_backend};
use crate::market::stand::{errors, one, vertical};

fn full() -> Value {
    draft(json!({
        "filter": { "all": [
            { "country": ["NO", "PT"] },
            { "not": { "city": ["Oslo"] } },
            { "attribute": { "key": "horsepower", "min": "90" } },
            { "any": [{ "score": { "min": 40, "max": 90 } }, { "minLevel": "REACHABLE" }] },
        ] },
        "priceRules": [{ "when": { "region": ["Lisboa"] }, "price": { "shared": money("12.00"), "exclusive": money("40.00") } }],
        "caps": [{ "period": "DAY", "leads": 20, "spend": money("200.00") }, { "period": "TOTAL", "leads": 1000 }],
        "throttlePerMinute": 3,
        "timeZone": "Europe/Berlin",
        "schedule": [{ "days": ["MONDAY", "FRIDAY"], "from": "08:00", "until": "24:00" }],
        "duplicateWindowSecs": 86400,
        "trialLeads": 5,
        "shareBp": 7500,
        "tieWeight": 9,
        "pauseAfterFailures": 4,
        "callOut": { "url": "https://bids.example/ask", "deadlineMillis": 200 },
    }))
}

on_each_backend! {
    async fn a_campaign_reads_as_it_was_written(x: Exchange) {
        vertical(&x, "auto").await;
        let buyer = x.organization("Buyer").await;
        let payload = create(&x, &buyer, "k", full()).await;
        let nothing = json!({ "amount": "0.00" });
        let attribute = json!({ "key": "horsepower", "equals": null, "in": null, "min": "90", "max": null, "missing": null });
        let condition = |more: Value| {
            let mut leaf = json!({ "country": null, "not": null, "attribute": null, "any": null });
            leaf.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            leaf
        };
        let expected = json!({
            "id": payload["campaign"]["id"], "name": "Vans", "vertical": "auto", "currencyCode": "EUR", "state": "ACTIVE",
            "pauseReason": null,
            "filter": { "all": [
                condition(json!({ "country": ["NO", "PT"] })),
                condition(json!({ "not": { "city": ["Oslo"] } })),
                condition(json!({ "attribute": attribute })),
                condition(json!({ "any": [
                    { "score": { "min": 40, "max": 90 }, "minLevel": null }, { "score": null, "minLevel": "REACHABLE" },
                ] })),
            ] },
            "priceRules": [{
                "when": { "country": null, "region": ["Lisboa"] },
                "price": { "shared": { "amount": "12.00" }, "exclusive": { "amount": "40.00" } },
            }],
            "price": { "shared": { "amount": "10.00" }, "exclusive": null },
            "caps": [
                { "period": "DAY", "leads": 20, "spend": { "amount": "200.00" }, "usedLeads": 0, "usedSpend": nothing },
                { "period": "TOTAL", "leads": 1000, "spend": null, "usedLeads": 0, "usedSpend": nothing },
                { "period": "MINUTE", "leads": 3, "spend": null, "usedLeads": 0, "usedSpend": nothing },
            ],
            "timeZone": "Europe/Berlin",
            "schedule": [
                { "day": "MONDAY", "from": "08:00", "until": "24:00" }, { "day": "FRIDAY", "from": "08:00", "until": "24:00" },
            ],
            "duplicateWindowSecs": 86400, "trialLeads": 5, "trialConfirmed": false, "shareBp": 7500, "tieWeight": 9,
            "pauseAfterFailures": 4, "failures": 0, "callOut": { "url": "https://bids.example/ask", "deadlineMillis": 200 },
            "leads": 0, "spend": { "amount": "0.00", "currencyCode": "EUR" }, "version": 1,
        });
        assert_eq!(payload, json!({ "campaign": expected, "userErrors": [] }));
        assert_eq!(seen(&x, &buyer, expected["id"].as_str().unwrap()).await, expected);
        let plain = created(&x, &buyer, draft(json!({}))).await;
        let plain = seen(&x, &buyer, &plain).await;
        let defaults = ["filter", "timeZone", "shareBp", "tieWeight", "schedule"].map(|field| plain[field].clone());
        assert_eq!(json!(defaults), json!([null, "Europe/Lisbon", 10_000, 1, []]));
    }

    async fn a_repeated_call_makes_nothing_more(x: Exchange) {
        vertical(&x, "auto").await;
        let buyer = x.organization("Buyer").await;
        let first = create(&x, &buyer, "k", full()).await;
        let before = x.row_counts().await;
        assert_eq!(create(&x, &buyer, "k", full()).await, first);
        let other = create(&x, &buyer, "k", draft(json!({}))).await;
        assert_eq!(errors(&other), one("IDEMPOTENCY_MISMATCH", "idempotencyKey"));
        assert_eq!(x.row_counts().await, before);
    }

    async fn terms_change_if_nobody_changed_them_meanwhile(x: Exchange) {
        vertical(&x, "auto").await;
        vertical(&x, "boats").await;
        let buyer = x.organization("Buyer").await;
        let id = created(&x, &buyer, full()).await;
        let cheap = || draft(json!({ "name": " Cheap ", "price": { "exclusive": money("1.00") } }));
        let changed = update(&x, &buyer, &id, Some(1), cheap()).await;
        assert_eq!(changed["campaign"]["version"], 2, "{changed:#}");
        assert_eq!((&changed["campaign"]["name"], &changed["campaign"]["caps"]), (&json!("Cheap"), &json!([])));
        assert_eq!(changed["campaign"], seen(&x, &buyer, &id).await);
        let before = x.row_counts().await;
        assert_eq!(errors(&update(&x, &buyer, &id, Some(1), cheap()).await), one("CONFLICT", "version"));
        let dollars = draft(json!({ "currencyCode": "USD", "price": { "shared": { "amount": "1", "currencyCode": "USD" } } }));
        assert_eq!(errors(&update(&x, &buyer, &id, None, dollars).await), one("CURRENCY_MISMATCH", "campaign.currencyCode"));
        let boats = draft(json!({ "vertical": "boats" }));
        assert_eq!(errors(&update(&x, &buyer, &id, None, boats).await), one("INVALID", "campaign.vertical"));
        assert_eq!(x.row_counts().await, before);
        assert_eq!(seen(&x, &buyer, &id).await, changed["campaign"]);
        assert_eq!(update(&x, &buyer, &id, None, cheap()).await["campaign"]["version"], 3);
    }

    async fn a_campaign_pauses_resumes_and_ends_and_its_history_tells(x: Exchange) {
        vertical(&x, "auto").await;
        let buyer = x.organization("Buyer").await;
        let id = created(&x, &buyer, full()).await;
        let paused = turn(&x, &buyer, "Pause", &id).await;
        assert_eq!(paused["campaign"], json!({ "state": "PAUSED", "pauseReason": "BUYER", "version": 2 }));
        assert_eq!(errors(&turn(&x, &buyer, "Pause", &id).await), one("WRONG_STATE", "campaignId"));
        let resumed = turn(&x, &buyer, "Resume", &id).await;
        assert_eq!(resumed["campaign"], json!({ "state": "ACTIVE", "pauseReason": null, "version": 3 }));
        assert_eq!(errors(&turn(&x, &buyer, "Resume", &id).await), one("WRONG_STATE", "campaignId"));
        assert_eq!(update(&x, &buyer, &id, None, draft(json!({ "caps": [{ "period": "WEEK", "leads": 7 }] }))).await["userErrors"], json!([]));
        let archived = turn(&x, &buyer, "Archive", &id).await;
        assert_eq!(archived["campaign"], json!({ "state": "ARCHIVED", "pauseReason": null, "version": 5 }));
        let before = x.row_counts().await;
        for verb in ["Pause", "Resume", "Archive"] {
            assert_eq!(errors(&turn(&x, &buyer, verb, &id).await), one("WRONG_STATE", "campaignId"));
        }
        assert_eq!(errors(&update(&x, &buyer, &id, None, full()).await), one("WRONG_STATE", "campaignId"));
        assert_eq!(x.row_counts().await, before);

        let query = "query($id: ID!, $after: String) { campaign(id: $id) { history(first: 3, after: $after) {
            pageInfo { hasNextPage endCursor } edges { node { version change pauseReason shareBp userId
                caps { period leads spend { amount } } } } } } }";
        let page = |after: Value| {
            let (x, buyer, id) = (&x, &buyer, &id);
            async move {
                let answer = buyer.run(x, query, json!({ "id": id, "after": after })).await["campaign"]["history"].clone();
                let told = |edge: &Value| {
                    let node = &edge["node"];
                    assert_eq!(node["userId"], buyer.user.to_string());
                    json!([node["version"], node["change"], node["pauseReason"], node["shareBp"], node["caps"].as_array().unwrap().len()])
                };
                let rows: Vec<Value> = answer["edges"].as_array().unwrap().iter().map(told).collect();
                (rows, answer["pageInfo"].clone())
            }
        };
        let (rows, info) = page(Value::Null).await;
        assert_eq!(json!(rows), json!([[5, "ARCHIVED", null, 10_000, 1], [4, "UPDATED", null, 10_000, 1], [3, "RESUMED", null, 7_500, 3]]));
        let (rows, info) = page(info["endCursor"].clone()).await;
        assert_eq!(json!(rows), json!([[2, "PAUSED", "BUYER", 7_500, 3], [1, "CREATED", null, 7_500, 3]]));
        assert_eq!(info["hasNextPage"], false);
    }

    async fn the_list_is_the_buyers_own(x: Exchange) {
        vertical(&x, "auto").await;
        let (buyer, other) = (x.organization("Buyer").await, x.organization("Other").await);
        let mut ids = Vec::new();
        for name in ["A", "B", "C"] {
            ids.push(created(&x, &buyer, draft(json!({ "name": name }))).await);
        }
        turn(&x, &buyer, "Pause", &ids[1]).await;
        let list = |who: crate::harness::Actor, states: Value| {
            let x = &x;
            async move {
                let query = "query($states: [CampaignState!]) { campaigns(states: $states, first: 2) {
                    pageInfo { hasNextPage } edges { node { name } } } }";
                let answer = who.run(x, query, json!({ "states": states })).await["campaigns"].clone();
                let names: Vec<Value> = answer["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["name"].clone()).collect();
                json!([names, answer["pageInfo"]["hasNextPage"]])
            }
        };
        assert_eq!(list(buyer.clone(), Value::Null).await, json!([["C", "B"], true]));
        assert_eq!(list(buyer.clone(), json!(["PAUSED"])).await, json!([["B"], false]));
        assert_eq!(list(buyer.clone(), json!(["ACTIVE", "ARCHIVED"])).await, json!([["C", "A"], false]));
        assert_eq!(list(other, Value::Null).await, json!([[], false]));
    }

    async fn what_is_anothers_does_not_exist(x: Exchange) {
        vertical(&x, "auto").await;
        let (buyer, other) = (x.organization("Buyer").await, x.organization("Other").await);
        let id = created(&x, &buyer, full()).await;
        let before = (x.row_counts().await, seen(&x, &buyer, &id).await);
        assert_eq!(seen(&x, &other, &id).await, Value::Null);
        let node = "query($id: ID!) { node(id: $id) { id ... on Campaign { name } } }";
        assert_eq!(buyer.run(&x, node, json!({ "id": id })).await["node"]["name"], "Vans");
        assert_eq!(other.run(&x, node, json!({ "id": id })).await["node"], Value::Null);
        for verb in ["Pause", "Resume", "Archive"] {
            assert_eq!(errors(&turn(&x, &other, verb, &id).await), one("NOT_FOUND", "campaignId"));
        }
        assert_eq!(errors(&update(&x, &other, &id, None, full()).await), one("NOT_FOUND", "campaignId"));
        let explain = format!("{{ matchExplain(campaignId: \"{id}\", listingId: \"lst_00000000000000000000000000\") {{ matches }} }}");
        let answer = other.execute(&x, &explain, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"], json!({ "code": "NOT_FOUND", "argument": "campaignId" }));
        assert_eq!((x.row_counts().await, seen(&x, &buyer, &id).await), before);
        for role in [StaffRole::Operator, StaffRole::Arbiter] {
            let staff = x.staff(role).await;
            let answer = staff.execute(&x, &format!("{{ campaign(id: \"{id}\") {{ name }} }}"), json!({})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer:#}");
        }
    }

    async fn members_see_what_their_roles_allow(x: Exchange) {
        vertical(&x, "auto").await;
        let owner = x.organization("Buyer").await;
        let id = created(&x, &owner, full()).await;
        for role in Role::ALL {
            let member = x.member(owner.org(), *role).await;
            let buys = role.permissions().contains(&domain::access::Permission::Buy);
            assert_eq!(seen(&x, &member, &id).await["name"], "Vans", "{role:?}");
            let pause = format!("mutation {{ campaignPause(input: {{ campaignId: \"{id}\" }}) {{ userErrors {{ code }} }} }}");
            let answer = member.execute(&x, &pause, json!({})).await;
            assert_eq!(answer.get("errors").is_none(), buys, "{role:?} {answer:#}");
            if buys {
                turn(&x, &owner, "Resume", &id).await;
            }
        }
    }

    async fn a_buyer_has_so_many_campaigns_at_most(x: Exchange) {
        vertical(&x, "auto").await;
        let buyer = x.organization("Buyer").await;
        let first = created(&x, &buyer, full()).await;
        // Ten thousand are allowed: the others are copies of the first in other names.
        let columns = "organization_id, vertical_id, name, state, currency, terms, usage, created_at, updated_at";
        let id = match x.database {
            crate::harness::Database::Postgres => "gen_random_uuid()",
            crate::harness::Database::Sqlite => "randomblob(16)",
        };
        let copies = format!(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) \
             INSERT INTO campaign (id, {columns}) SELECT {id}, {columns} FROM campaign, n"
        );
        x.tamper(&copies).await.unwrap();
        let last = create(&x, &buyer, "last", full()).await;
        assert_eq!(last["userErrors"], json!([]));
        assert_eq!(x.count("campaign").await, 10_000);
        let before = x.row_counts().await;
        assert_eq!(errors(&create(&x, &buyer, "more", full()).await), one("LIMIT_REACHED", ""));
        assert_eq!(x.row_counts().await, before);
        turn(&x, &buyer, "Archive", &first).await;
        assert_eq!(create(&x, &buyer, "more", full()).await["userErrors"], json!([]));
    }

    async fn another_clock_counts_again_what_was_bought(x: Exchange) {
        vertical(&x, "auto").await;
        let buyer = x.organization("Buyer").await;
        let daily = |zone: &str| draft(json!({ "timeZone": zone, "caps": [{ "period": "DAY", "leads": 1 }] }));
        let id = created(&x, &buyer, daily("UTC")).await;
        // Nothing was bought: a count without a purchase does not survive the counting.
        let usage = |began: &str| json!({ "began": began, "leads": 1, "spend_minor": 500 });
        let counted = json!({ "counts": [
            usage("2026-03-02T09:00:00Z"), usage("2026-03-02T09:00:00Z"), usage("2026-03-02T00:00:00Z"),
            usage("2026-03-02T00:00:00Z"), usage("2026-03-01T00:00:00Z"), usage("1970-01-01T00:00:00Z"),
        ] });
        x.tamper(&format!("UPDATE campaign SET usage = '{counted}'")).await.unwrap();
        assert_eq!(seen(&x, &buyer, &id).await["caps"][0]["usedLeads"], 1);
        assert_eq!(update(&x, &buyer, &id, None, daily("UTC")).await["campaign"]["caps"][0]["usedLeads"], 1);
        assert_eq!(update(&x, &buyer, &id, None, daily("Asia/Tokyo")).await["campaign"]["leads"], 0);
    }

    async fn counts_that_are_wrong_are_counted_again(x: Exchange) {
        vertical(&x, "auto").await;
        let buyer = x.organization("Buyer").await;
        let id = created(&x, &buyer, draft(json!({}))).await;
        assert_eq!(campaigns_reconcile(&x.app).await.unwrap(), 0);
        let total = json!({ "began": "1970-01-01T00:00:00Z", "leads": 1, "spend_minor": 500 });
        let counted = json!({ "counts": [total, total, total, total, total, total] });
        x.tamper(&format!("UPDATE campaign SET usage = '{counted}'")).await.unwrap();
        assert_eq!(seen(&x, &buyer, &id).await["leads"], 1);
        assert_eq!(campaigns_reconcile(&x.app).await.unwrap(), 1);
        assert_eq!(seen(&x, &buyer, &id).await["leads"], 0);
        assert_eq!(campaigns_reconcile(&x.app).await.unwrap(), 0);
    }

    async fn resuming_confirms_a_trial_that_is_over(x: Exchange) {
        vertical(&x, "auto").await;
        let buyer = x.organization("Buyer").await;
        let trial = |leads: i64| draft(json!({ "trialLeads": leads }));
        let id = created(&x, &buyer, trial(1)).await;
        turn(&x, &buyer, "Pause", &id).await;
        turn(&x, &buyer, "Resume", &id).await;
        assert_eq!(seen(&x, &buyer, &id).await["trialConfirmed"], false, "it has bought nothing yet");
        let total = json!({ "began": "1970-01-01T00:00:00Z", "leads": 1, "spend_minor": 500 });
        let counted = json!({ "counts": [total, total, total, total, total, total] });
        x.tamper(&format!("UPDATE campaign SET usage = '{counted}'")).await.unwrap();
        turn(&x, &buyer, "Pause", &id).await;
        turn(&x, &buyer, "Resume", &id).await;
        assert_eq!(seen(&x, &buyer, &id).await["trialConfirmed"], true, "whoever paused it");
        assert_eq!(update(&x, &buyer, &id, None, trial(1)).await["campaign"]["trialConfirmed"], true);
        assert_eq!(update(&x, &buyer, &id, None, trial(2)).await["campaign"]["trialConfirmed"], false, "another trial");
    }
}

#[tokio::test]
async fn a_page_of_campaigns_costs_what_it_shows() {
    let x = Exchange::start(crate::harness::Database::Sqlite).await;
    let buyer = x.organization("Buyer").await;
    let page = |first: i32| format!("{{ campaigns(first: {first}) {{ edges {{ node {{ {CAMPAIGN} }} }} }} }}");
    assert!(buyer.execute(&x, &page(20), json!({})).await.get("errors").is_none());
    let dear = buyer.execute(&x, &page(100), json!({})).await;
    assert!(dear["errors"][0]["message"].as_str().unwrap().contains("complex"), "{dear:#}");
}
