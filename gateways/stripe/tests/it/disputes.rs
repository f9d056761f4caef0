use chrono::DateTime;
use gateways::payments::{DisputeStatus, Evidence, GatewayError, PaymentGateway};
use stripe_double::{Command, Options};

use crate::harness::{START, bench, bench_with, id, key, usd};

#[tokio::test]
async fn evidence_is_kept_then_sent_once_and_a_dispute_that_is_won_returns_the_money() {
    let bench = bench_with(Options { dispute_fee_minor: 1_500, ..Options::default() }).await;
    let paid = bench.paid().await;
    let charge = paid.charge.clone().unwrap();
    let dispute = id(&bench.double.open_dispute(&charge, "product_not_received").unwrap());
    let open = bench.gateway.dispute_retrieve(&dispute).await.unwrap();
    assert_eq!(
        (&open.status, &open.amount, open.reason.as_str()),
        (&DisputeStatus::NeedsResponse, &usd(2_500), "product_not_received")
    );
    assert_eq!((&open.charge, &open.payment), (&charge, &Some(paid.id)));
    assert_eq!(
        (open.evidence_due, open.past_due, open.submissions),
        (DateTime::from_timestamp(START + 9 * 24 * 3600, 0), false, 0)
    );
    let [withdrawn] = open.entries.as_slice() else { panic!("{open:?}") };
    assert_eq!((&withdrawn.amount, withdrawn.fee_minor, withdrawn.net_minor), (&usd(-2_500), 1_500, -4_000));
    assert_eq!((withdrawn.kind.as_str(), withdrawn.category.as_str()), ("adjustment", "dispute"));
    assert!(bench.gateway.charge_retrieve(&charge).await.unwrap().disputed);

    let evidence = Evidence {
        customer_name: Some("Ada Lovelace".to_owned()),
        product_description: Some("Contact details of 12 people".to_owned()),
        uncategorized: Some("Consent given on 2027-01-01".to_owned()),
        ..Evidence::default()
    };
    let kept = bench.gateway.dispute_submit_evidence(&key("a"), &dispute, &evidence, false).await.unwrap();
    assert_eq!((kept.status, kept.submissions), (DisputeStatus::NeedsResponse, 0));
    let sent = bench.gateway.dispute_submit_evidence(&key("b"), &dispute, &evidence, true).await.unwrap();
    assert_eq!((sent.status, sent.submissions), (DisputeStatus::UnderReview, 1));
    let twice = bench.gateway.dispute_submit_evidence(&key("c"), &dispute, &evidence, true).await;
    assert!(matches!(twice, Err(GatewayError::Refused { message, .. }) if message == "see the parameter evidence"));

    bench.double.decide_dispute(&dispute, true).unwrap();
    let won = bench.gateway.dispute_retrieve(&dispute).await.unwrap();
    let net: Vec<_> = won.entries.iter().map(|entry| entry.net_minor).collect();
    assert_eq!((won.status, net), (DisputeStatus::Won, vec![-4_000, 2_500]));
}

#[tokio::test]
async fn a_dispute_can_be_accepted_as_lost() {
    let bench = bench().await;
    let charge = bench.paid().await.charge.unwrap();
    let dispute = id(&bench.double.open_dispute(&charge, "fraudulent").unwrap());
    let lost = bench.gateway.dispute_close(&key("a"), &dispute).await.unwrap();
    assert_eq!(lost.status, DisputeStatus::Lost);
    assert!(matches!(bench.gateway.dispute_close(&key("b"), &dispute).await, Err(GatewayError::Refused { .. })));
    assert_eq!(bench.gateway.dispute_retrieve("du_none").await, Err(GatewayError::NotFound));
}

#[tokio::test]
async fn an_inquiry_moves_no_money() {
    let bench = bench().await;
    let charge = bench.paid().await.charge.unwrap();
    let inquiry = Command::OpenDispute { charge, amount: Some(700), reason: "general".to_owned(), inquiry: true };
    let dispute = id(&bench.double.apply(inquiry).unwrap());
    let open = bench.gateway.dispute_retrieve(&dispute).await.unwrap();
    assert!(open.status.is_inquiry());
    assert_eq!((&open.status, &open.amount, &open.entries), (&DisputeStatus::WarningNeedsResponse, &usd(700), &Vec::new()));
    bench.double.decide_dispute(&dispute, false).unwrap();
    assert_eq!(bench.gateway.dispute_retrieve(&dispute).await.unwrap().status, DisputeStatus::WarningClosed);
}

#[tokio::test]
async fn evidence_beyond_what_is_taken_is_not_sent() {
    let bench = bench().await;
    let charge = bench.paid().await.charge.unwrap();
    let dispute = id(&bench.double.open_dispute(&charge, "fraudulent").unwrap());
    let evidence = |chars: usize| Evidence { uncategorized: Some("ä".repeat(chars)), ..Evidence::default() };
    let path = format!("/v1/disputes/{dispute}");
    let refused = bench.gateway.dispute_submit_evidence(&key("a"), &dispute, &evidence(150_001), true).await;
    assert!(matches!(refused, Err(GatewayError::Refused { code, .. }) if code == "evidence_too_long"));
    assert_eq!(bench.requests(&path), 0);
    bench.gateway.dispute_submit_evidence(&key("b"), &dispute, &evidence(150_000), true).await.unwrap();
    assert_eq!(bench.requests(&path), 1);
}
