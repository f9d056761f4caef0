//! Pings: what is matched, what is offered, what is reserved, and what a ping may not hold.

use serde_json::{Value, json};

use super::stand::{buyer, campaign, campaign_create, euros, ledger_holds, offered, ping, ping_input, wallet};
use crate::harness::on_each_backend;
use crate::ledger::market::fund;

fn codes(payload: &Value) -> Vec<(String, String)> {
    let error = |error: &Value| {
        let path: Vec<&str> = error["path"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        (error["code"].as_str().unwrap().to_owned(), path.join("."))
    };
    payload["userErrors"].as_array().unwrap().iter().map(error).collect()
}

fn change(input: &mut Value, pointer: &str, value: Value) {
    *input.pointer_mut(pointer).unwrap() = value;
}

on_each_backend! {
    async fn the_best_campaign_wins_at_the_second_price(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (first, _) = buyer(&x, "First", 10_000, campaign(None, Some("20"), json!({}))).await;
        let (second, _) = buyer(&x, "Second", 10_000, campaign(None, Some("12"), json!({}))).await;
        let norway = json!({ "filter": { "not": { "country": ["NO"] } } });
        let (third, _) = buyer(&x, "Third", 10_000, campaign(None, Some("50"), norway)).await;
        let offer = offered(&x, &seller, ping_input(&x, 1)).await;
        assert_eq!((&offer["state"], &offer["kind"], &offer["copies"]), (&json!("OPEN"), &json!("EXCLUSIVE"), &json!(1)));
        // The commission of 10% is the exchange's.
        assert_eq!((&offer["gross"]["amount"], &offer["net"]["amount"]), (&json!("12.00"), &json!("10.80")));
        assert_eq!(wallet(&x, &first).await, ("88.00".into(), "12.00".into()));
        assert_eq!(wallet(&x, &second).await, ("100.00".into(), "0.00".into()));
        assert_eq!(wallet(&x, &third).await, ("100.00".into(), "0.00".into()));
        // The same ping again gets the same offer, and reserves nothing more.
        assert_eq!(offered(&x, &seller, ping_input(&x, 1)).await["id"], offer["id"]);
        assert_eq!(wallet(&x, &first).await, ("88.00".into(), "12.00".into()));
        ledger_holds(&x).await;
        x.clock.advance_secs(60);
        assert_eq!(api::app::offers::offers_expire(&x.app).await.unwrap(), 1);
        assert_eq!(wallet(&x, &first).await, ("100.00".into(), "0.00".into()));
        let again = seller.run(&x, "query ($id: ID!) { offer(id: $id) { state } }", json!({ "id": offer["id"] })).await;
        assert_eq!(again["offer"]["state"], "EXPIRED");
        assert_ne!(offered(&x, &seller, ping_input(&x, 1)).await["id"], offer["id"]);
        ledger_holds(&x).await;
    }

    async fn the_same_ping_after_the_offer_is_over_gets_another_at_once(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (first, id) = buyer(&x, "First", 600, campaign(None, Some("6"), json!({}))).await;
        let before = offered(&x, &seller, ping_input(&x, 1)).await;
        assert_eq!(wallet(&x, &first).await, ("1.00".into(), "5.00".into()));
        x.clock.advance_secs(60);
        // No worker has looked at the first one; what it held pays for the second.
        let again = offered(&x, &seller, ping_input(&x, 1)).await;
        assert_ne!(again["id"], before["id"]);
        assert_eq!(wallet(&x, &first).await, ("1.00".into(), "5.00".into()));
        let state = seller.run(&x, "query ($id: ID!) { offer(id: $id) { state } }", json!({ "id": before["id"] })).await;
        assert_eq!(state["offer"]["state"], "EXPIRED");
        assert_eq!(api::app::offers::offers_expire(&x.app).await.unwrap(), 0);
        let leads = "query ($id: ID!) { campaign(id: $id) { leads spend { amount } } }";
        let used = first.run(&x, leads, json!({ "id": id })).await["campaign"].clone();
        assert_eq!(used, json!({ "leads": 1, "spend": { "amount": "5.00" } }));
        ledger_holds(&x).await;
    }

    async fn shared_copies_go_to_several(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        for (name, price) in [("A", "9"), ("B", "8"), ("C", "7"), ("D", "6")] {
            buyer(&x, name, 10_000, campaign(Some(price), None, json!({}))).await;
        }
        let mut input = ping_input(&x, 1);
        input["maxSales"] = 3.into();
        input["terms"] = json!({ "sharedReserve": euros("5"), "exclusiveReserve": euros("5") });
        let offer = offered(&x, &seller, input).await;
        assert_eq!((&offer["kind"], &offer["copies"]), (&json!("SHARED"), &json!(3)));
        assert_eq!(offer["gross"]["amount"], "18.00");
    }

    async fn a_ping_without_a_buyer_gets_nothing(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let before = x.row_counts().await;
        let nobody = ping(&x, &seller, ping_input(&x, 1)).await;
        assert_eq!(nobody, json!({ "offer": null, "userErrors": [] }));
        assert_eq!(x.row_counts().await, before);
        // Its own campaign, one with an empty wallet, one below the reserve, one in dollars, one of another vertical.
        campaign_create(&x, &seller, "own", campaign(None, Some("90"), json!({}))).await;
        fund(&x.app, seller.org(), 100_000).await;
        buyer(&x, "Poor", 100, campaign(None, Some("80"), json!({}))).await;
        buyer(&x, "Stingy", 10_000, campaign(None, Some("4.99"), json!({}))).await;
        buyer(&x, "Insurer", 10_000, campaign(None, Some("70"), json!({ "vertical": "insurance" }))).await;
        assert_eq!(ping(&x, &seller, ping_input(&x, 1)).await["offer"], Value::Null);
        assert_eq!(x.count("offer").await, 0);
        buyer(&x, "Real", 10_000, campaign(None, Some("6"), json!({}))).await;
        assert_eq!(offered(&x, &seller, ping_input(&x, 1)).await["gross"]["amount"], "5.00");
        ledger_holds(&x).await;
    }

    async fn whoever_has_the_person_is_not_asked_again(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        buyer(&x, "Buyer", 10_000, campaign(None, Some("9"), json!({}))).await;
        // The person stands in another seller's stock already.
        let other = x.organization("Other agency").await;
        x.verified_lead(&other, 1).await;
        assert_eq!(ping(&x, &seller, ping_input(&x, 1)).await, json!({ "offer": null, "userErrors": [] }));
        offered(&x, &seller, ping_input(&x, 2)).await;
    }

    async fn what_would_tell_the_person_is_refused(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        buyer(&x, "Buyer", 10_000, campaign(None, Some("9"), json!({}))).await;
        let before = x.row_counts().await;
        let refused = async |pointer: &str, value: Value| {
            let mut input = ping_input(&x, 1);
            change(&mut input, pointer, value);
            codes(&ping(&x, &seller, input).await)
        };
        let invalid = |path: &str| vec![("INVALID".to_owned(), path.to_owned())];
        assert_eq!(refused("/lead/geography/city", "call +47 912 34 567".into()).await, invalid("lead.geography.city"));
        assert_eq!(refused("/digests/0", "+4791200001".into()).await, invalid("digests.0"));
        assert_eq!(refused("/digests", json!([])).await, [("REQUIRED".to_owned(), "digests".to_owned())]);
        let many = Value::from(vec!["0".repeat(64); 7]);
        assert_eq!(refused("/digests", many).await, [("TOO_LARGE".to_owned(), "digests".to_owned())]);
        assert_eq!(refused("/lead/vertical", "travel/nowhere".into()).await, [("NOT_FOUND".into(), "lead.vertical".into())]);
        assert_eq!(refused("/lead/geography", json!({})).await, [("REQUIRED".into(), "lead.geography.country".into())]);
        assert_eq!(refused("/terms", json!({})).await, [("REQUIRED".into(), "terms".into())]);
        assert_eq!(x.row_counts().await, before);
    }

    async fn caps_budgets_and_schedules_hold(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let caps = json!({ "caps": [{ "period": "DAY", "leads": 2 }], "timeZone": "Europe/Oslo" });
        let (capped, id) = buyer(&x, "Capped", 10_000, campaign(None, Some("20"), caps)).await;
        let night = json!({ "schedule": [{ "from": "00:00", "until": "06:00" }] });
        buyer(&x, "Night", 10_000, campaign(None, Some("30"), night)).await;
        let budget = json!({ "caps": [{ "period": "TOTAL", "spend": euros("12") }] });
        buyer(&x, "Budget", 10_000, campaign(None, Some("7"), budget)).await;
        let won = async |n: u32| ping(&x, &seller, ping_input(&x, n)).await.pointer("/offer/gross/amount").cloned();
        assert_eq!(won(1).await, Some("7.00".into()));
        assert_eq!(won(2).await, Some("7.00".into()));
        // The cap of the first is used up by what it was promised; the second pays the reserve, twice, and then its budget is.
        assert_eq!(won(3).await, Some("5.00".into()));
        assert_eq!(won(4).await, Some("5.00".into()));
        assert_eq!(won(5).await, None);
        let used = "query ($id: ID!) { campaign(id: $id) { caps { usedLeads usedSpend { amount } } leads } }";
        let used = capped.run(&x, used, json!({ "id": id })).await["campaign"].clone();
        assert_eq!(used, json!({ "caps": [{ "usedLeads": 2, "usedSpend": { "amount": "14.00" } }], "leads": 2 }));
        // What comes to nothing is free again.
        x.clock.advance_secs(60);
        assert_eq!(api::app::offers::offers_expire(&x.app).await.unwrap(), 4);
        assert_eq!(won(6).await, Some("7.00".into()));
        ledger_holds(&x).await;
    }
}
