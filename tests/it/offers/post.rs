//! Posts: the lead must be the one that was pinged, and is sold to those who were promised it, or to the next.

use serde_json::{Value, json};

use super::stand::{buyer, campaign, digest, euros, ledger_holds, offered, ping_input, post, wallet};
use crate::harness::on_each_backend;

on_each_backend! {
    async fn a_posted_lead_is_sold_at_the_price_that_was_offered(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (first, id) = buyer(&x, "First", 10_000, campaign(None, Some("20"), json!({}))).await;
        buyer(&x, "Second", 10_000, campaign(None, Some("12"), json!({}))).await;
        let offer = offered(&x, &seller, ping_input(&x, 1)).await;
        let posted = post(&x, &seller, &offer, x.lead_input(1)).await;
        assert_eq!(posted["userErrors"], json!([]), "{posted:#}");
        assert_eq!((&posted["leadState"], &posted["offer"]["state"]), (&json!("VERIFIED"), &json!("CONCLUDED")));
        assert_eq!((&posted["sales"][0]["price"]["amount"], &posted["sales"][0]["net"]["amount"]), (&json!("12.00"), &json!("10.80")));
        assert_eq!(wallet(&x, &first).await, ("88.00".into(), "0.00".into()));
        // The buyer sees who it is from now on.
        let reveal = "mutation ($input: ContactRevealInput!) { contactReveal(input: $input) { contact { phones } userErrors { code } } }";
        let trade = &posted["sales"][0]["tradeId"];
        let seen = first.run(&x, reveal, json!({ "input": { "tradeId": trade } })).await;
        assert_eq!(seen["contactReveal"]["contact"]["phones"], json!(["+4791200001"]));
        let count = "query ($id: ID!) { campaign(id: $id) { leads spend { amount } } }";
        let count = first.run(&x, count, json!({ "id": id })).await["campaign"].clone();
        assert_eq!(count, json!({ "leads": 1, "spend": { "amount": "12.00" } }));
        // The same post again answers the same and does nothing.
        let rows = x.row_counts().await;
        assert_eq!(post(&x, &seller, &offer, x.lead_input(1)).await, posted);
        assert_eq!(x.row_counts().await, rows);
        // The clearing can be replayed from its receipt.
        let receipt = "query ($id: ID!) { clearingReceipt(listingId: $id) { replays } }";
        let receipt = seller.run(&x, receipt, json!({ "id": posted["offer"]["listingId"] })).await;
        assert_eq!(receipt["clearingReceipt"]["replays"], true);
        let bidder = "query ($id: ID!) { clearingReceipt(listingId: $id) { replays } }";
        let bidder = first.run(&x, bidder, json!({ "id": posted["offer"]["listingId"] })).await;
        assert_eq!(bidder["clearingReceipt"]["replays"], true);
        ledger_holds(&x).await;
    }

    async fn another_lead_than_was_pinged_is_refused(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (first, _) = buyer(&x, "First", 10_000, campaign(None, Some("20"), json!({}))).await;
        let offer = offered(&x, &seller, ping_input(&x, 1)).await;
        let rows = x.row_counts().await;
        let mut lead = x.lead_input(2);
        lead["attributes"][1]["value"] = "9".into();
        lead["geography"]["city"] = "Oslo".into();
        let posted = post(&x, &seller, &offer, lead).await;
        let errors = posted["userErrors"].as_array().unwrap().iter();
        let errors: Vec<String> = errors.map(|error| format!("{} {}", error["code"].as_str().unwrap(), error["path"])).collect();
        assert_eq!(errors, [
            r#"CONFLICT ["lead","geography","city"]"#,
            r#"CONFLICT ["lead","attributes","nights"]"#,
            r#"CONFLICT ["lead","contact"]"#,
        ]);
        assert_eq!(x.row_counts().await, rows);
        assert_eq!(wallet(&x, &first).await.1, "5.00");
        // Somebody else's offer is none.
        let other = x.organization("Other agency").await;
        let posted = post(&x, &other, &offer, x.lead_input(1)).await;
        assert_eq!(posted["userErrors"][0]["code"], "NOT_FOUND");
        // The offer is good until its time is over.
        x.clock.advance_secs(60);
        let posted = post(&x, &seller, &offer, x.lead_input(1)).await;
        assert_eq!(posted["userErrors"][0]["code"], "OUTSIDE_WINDOW");
    }

    async fn a_lead_that_is_not_verified_is_kept_and_not_sold(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (first, _) = buyer(&x, "First", 10_000, campaign(None, Some("20"), json!({}))).await;
        let offer = offered(&x, &seller, ping_input(&x, 1)).await;
        let mut lead = x.lead_input(1);
        lead["session"] = json!({ "timeOnPageSecs": 1, "typedFields": 6, "honeypotFilled": true });
        let posted = post(&x, &seller, &offer, lead).await;
        assert_eq!((&posted["leadState"], &posted["offer"]["state"]), (&json!("REJECTED"), &json!("REFUSED")), "{posted:#}");
        assert_eq!((&posted["sales"], &posted["fallen"]), (&json!([]), &json!(["FILTER_MISMATCH"])));
        assert_eq!(wallet(&x, &first).await, ("100.00".into(), "0.00".into()));
        ledger_holds(&x).await;
    }

    async fn the_next_bidder_takes_the_place_of_one_that_has_the_person(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (first, _) = buyer(&x, "First", 10_000, campaign(None, Some("20"), json!({}))).await;
        let (second, _) = buyer(&x, "Second", 10_000, campaign(None, Some("12"), json!({}))).await;
        let offer = offered(&x, &seller, ping_input(&x, 1)).await;
        assert_eq!(post(&x, &seller, &offer, x.lead_input(1)).await["sales"][0]["price"]["amount"], "12.00");
        // The person comes again when nobody's window holds it any more, under an address that the exchange has not seen: only
        // the post shows that it is the same.
        x.clock.advance_secs(31 * 86_400);
        let mut lead = x.lead_input(1);
        lead["contact"]["emails"] = json!(["kari@nordmann.no"]);
        let mut ping = ping_input(&x, 1);
        ping["digests"] = json!([digest("kari@nordmann.no")]);
        let offer = offered(&x, &seller, ping).await;
        assert_eq!((wallet(&x, &first).await.1, wallet(&x, &second).await.1), ("12.00".into(), "0.00".into()));
        let posted = post(&x, &seller, &offer, lead).await;
        assert_eq!(posted["sales"][0]["instead"], "DUPLICATE_FOR_BUYER", "{posted:#}");
        assert_eq!((&posted["sales"][0]["price"]["amount"], &posted["fallen"]), (&json!("5.00"), &json!(["DUPLICATE_FOR_BUYER"])));
        assert_eq!(wallet(&x, &first).await, ("88.00".into(), "0.00".into()));
        assert_eq!(wallet(&x, &second).await, ("95.00".into(), "0.00".into()));
        ledger_holds(&x).await;
    }

    async fn a_lead_is_not_sold_under_two_offers(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (first, _) = buyer(&x, "First", 10_000, campaign(None, Some("20"), json!({}))).await;
        let (second, _) = buyer(&x, "Second", 10_000, campaign(None, Some("12"), json!({}))).await;
        // Two pings of one person, by its phone alone and by its address alone, each get an offer; the first to be posted is sold.
        let mut by_phone = ping_input(&x, 1);
        by_phone["digests"].as_array_mut().unwrap().truncate(1);
        let mut by_mail = ping_input(&x, 1);
        by_mail["digests"].as_array_mut().unwrap().remove(0);
        let one = offered(&x, &seller, by_phone).await;
        let two = offered(&x, &seller, by_mail).await;
        assert_eq!(post(&x, &seller, &one, x.lead_input(1)).await["sales"][0]["price"]["amount"], "12.00");
        let posted = post(&x, &seller, &two, x.lead_input(1)).await;
        assert_eq!((&posted["userErrors"][0]["code"], &posted["userErrors"][0]["path"]), (&json!("SOLD_OUT"), &json!(["lead"])));
        x.clock.advance_secs(60);
        assert_eq!(api::app::offers::offers_expire(&x.app).await.unwrap(), 1);
        assert_eq!(wallet(&x, &first).await, ("88.00".into(), "0.00".into()));
        assert_eq!(wallet(&x, &second).await, ("100.00".into(), "0.00".into()));
        ledger_holds(&x).await;
    }

    async fn a_trial_ends_with_its_last_lead(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (first, id) = buyer(&x, "First", 10_000, campaign(None, Some("20"), json!({ "trialLeads": 1 }))).await;
        let offer = offered(&x, &seller, ping_input(&x, 1)).await;
        post(&x, &seller, &offer, x.lead_input(1)).await;
        let state = "query ($id: ID!) { campaign(id: $id) { state pauseReason history(first: 1) { edges { node { change userId } } } } }";
        let seen = first.run(&x, state, json!({ "id": id })).await["campaign"].clone();
        assert_eq!((&seen["state"], &seen["pauseReason"]), (&json!("PAUSED"), &json!("TRIAL_OVER")));
        assert_eq!(seen["history"]["edges"][0]["node"], json!({ "change": "PAUSED", "userId": null }));
        assert_eq!(crate::offers::stand::ping(&x, &seller, ping_input(&x, 2)).await["offer"], Value::Null);
        let resume = "mutation ($input: CampaignResumeInput!) { campaignResume(input: $input) { campaign { state trialConfirmed } } }";
        let resumed = first.run(&x, resume, json!({ "input": { "campaignId": id } })).await;
        assert_eq!(resumed["campaignResume"]["campaign"], json!({ "state": "ACTIVE", "trialConfirmed": true }));
        offered(&x, &seller, ping_input(&x, 2)).await;
    }

    async fn a_lead_is_posted_directly(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let direct = "mutation ($input: LeadDirectPostInput!) { leadDirectPost(input: $input) {
            leadId leadState offer { state } sales { tradeId price { amount } } userErrors { code path } } }";
        let input = |n: u32| json!({ "input": { "lead": x.lead_input(n), "terms": { "exclusiveReserve": euros("5") } } });
        let nobody = seller.run(&x, direct, input(1)).await["leadDirectPost"].clone();
        assert_eq!((&nobody["leadState"], &nobody["offer"], &nobody["sales"]), (&json!("VERIFIED"), &Value::Null, &json!([])));
        buyer(&x, "First", 10_000, campaign(None, Some("20"), json!({}))).await;
        let sold = seller.run(&x, direct, input(2)).await["leadDirectPost"].clone();
        assert_eq!((&sold["offer"]["state"], &sold["sales"][0]["price"]["amount"]), (&json!("CONCLUDED"), &json!("5.00")), "{sold:#}");
        assert_eq!(seller.run(&x, direct, input(2)).await["leadDirectPost"], sold);
        ledger_holds(&x).await;
    }
}
