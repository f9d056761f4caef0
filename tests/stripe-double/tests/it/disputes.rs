use serde_json::json;
use stripe_double::{Command, Options};

use crate::harness::{double, double_with, event_types, get, id, paid, platform, post, text};

#[tokio::test]
async fn withdraw_the_money_and_a_fee_and_give_back_what_is_won() {
    let double = double_with(Options { dispute_fee_minor: 1_500, ..Options::default() }).await;
    let charge = text(&paid(&double, 5_000).await, "latest_charge");
    let dispute = double.open_dispute(&charge, "fraudulent").unwrap();
    assert_eq!(
        (&dispute["status"], &dispute["amount"], &dispute["charge"]),
        (&json!("needs_response"), &json!(5_000), &json!(charge))
    );
    assert_eq!((&dispute["balance_transactions"][0]["net"], platform(&double)), (&json!(-6_500), -1_500));
    assert_eq!(get(&double, &format!("/v1/charges/{charge}")).ok().await["disputed"], true);
    assert_eq!(post(&double, "/v1/refunds", &format!("charge={charge}")).send().await.refusal(), (400, "charge_disputed"));
    assert!(double.open_dispute(&charge, "fraudulent").is_err());

    let path = format!("/v1/disputes/{}", id(&dispute));
    let staged = post(&double, &path, "evidence[uncategorized_text]=proof&submit=false").ok().await;
    assert_eq!((&staged["status"], &staged["evidence_details"]["has_evidence"]), (&json!("needs_response"), &json!(true)));
    assert_eq!(staged["evidence_details"]["submission_count"], 0);
    let submitted = post(&double, &path, "evidence[customer_name]=Ada&submit=true&metadata[case]=1").ok().await;
    assert_eq!((&submitted["status"], &submitted["evidence"]["uncategorized_text"]), (&json!("under_review"), &json!("proof")));
    assert_eq!((&submitted["evidence_details"]["submission_count"], &submitted["metadata"]["case"]), (&json!(1), &json!("1")));
    assert_eq!(post(&double, &path, "evidence[customer_name]=Eve").send().await.status, 400);

    // Metadata can be changed whatever the status, and submit nothing.
    assert_eq!(post(&double, &path, "metadata[case]=2").ok().await["metadata"]["case"], "2");

    let won = double.decide_dispute(&id(&dispute), true).unwrap();
    assert_eq!((&won["status"], platform(&double)), (&json!("won"), 3_500));
    assert_eq!(
        event_types(&double).await[3..],
        [
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.updated",
            "charge.dispute.updated",
            "charge.dispute.updated",
            "charge.dispute.funds_reinstated",
            "charge.dispute.closed"
        ]
    );
    assert!(double.decide_dispute(&id(&dispute), false).is_err());
    double.check().unwrap();
}

#[tokio::test]
async fn are_lost_by_decision_by_closing_and_by_silence() {
    let double = double().await;
    let mut disputes = Vec::new();
    for _ in 0..3 {
        let charge = text(&paid(&double, 100).await, "latest_charge");
        disputes.push(id(&double.open_dispute(&charge, "product_not_received").unwrap()));
    }
    assert_eq!(double.decide_dispute(&disputes[0], false).unwrap()["status"], "lost");
    let close = format!("/v1/disputes/{}/close", disputes[1]);
    assert_eq!(post(&double, &close, "").ok().await["status"], "lost");
    assert_eq!(post(&double, &close, "").send().await.status, 400);
    double.advance_clock(9 * 24 * 3600 + 1);
    let silent = get(&double, &format!("/v1/disputes/{}", disputes[2])).ok().await;
    assert_eq!((&silent["status"], &silent["evidence_details"]["past_due"]), (&json!("lost"), &json!(true)));
    assert_eq!(platform(&double), 0);
    assert_eq!(event_types(&double).await.iter().filter(|one| *one == "charge.dispute.closed").count(), 3);
    double.check().unwrap();
}

#[tokio::test]
async fn take_part_of_a_charge_or_only_inquire() {
    let double = double().await;
    let charge = text(&paid(&double, 1_000).await, "latest_charge");
    post(&double, "/v1/refunds", &format!("charge={charge}&amount=300")).ok().await;
    let open = |amount, inquiry| {
        let (charge, reason) = (charge.clone(), "general".to_owned());
        double.apply(Command::OpenDispute { charge, amount, reason, inquiry })
    };
    assert!(open(Some(701), false).is_err());
    assert!(open(Some(0), false).is_err());
    let inquiry = open(Some(200), true).unwrap();
    assert_eq!((&inquiry["status"], platform(&double)), (&json!("warning_needs_response"), 700));
    assert_eq!(post(&double, "/v1/refunds", &format!("charge={charge}&amount=100")).send().await.status, 200);
    assert_eq!(double.decide_dispute(&id(&inquiry), true).unwrap()["status"], "warning_closed");
    assert_eq!(platform(&double), 600);
    assert!(!event_types(&double).await.contains(&"charge.dispute.funds_withdrawn".to_owned()));
    double.check().unwrap();
}

#[tokio::test]
async fn limit_the_evidence() {
    let double = double().await;
    let charge = text(&paid(&double, 100).await, "latest_charge");
    let path = format!("/v1/disputes/{}", id(&double.open_dispute(&charge, "fraudulent").unwrap()));
    let evidence = |chars: usize| format!("submit=false&evidence[uncategorized_text]={}", "x".repeat(chars));
    assert_eq!(post(&double, &path, &evidence(150_000)).send().await.status, 200);
    assert_eq!(post(&double, &path, &evidence(150_001)).send().await.status, 400);
    assert_eq!(post(&double, &path, "evidence[no_such_field]=x").send().await.refusal(), (400, "parameter_unknown"));
}
