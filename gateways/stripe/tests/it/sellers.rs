use chrono::DateTime;
use gateways::payments::{Capability, GatewayError, NewAccountLink, NewReversal, PaymentGateway, PayoutStatus};

use crate::harness::{START, account, all, bench, id, key, note, transfer, usd, window};

#[tokio::test]
async fn an_account_says_what_is_still_required_until_it_is_onboarded() {
    let bench = bench().await;
    let made = bench.gateway.account_create(&key("a"), &account()).await.unwrap();
    assert_eq!(
        (made.country.as_deref(), made.currency.as_deref(), made.organization.as_deref()),
        (Some("US"), Some("USD"), Some("org-1"))
    );
    assert_eq!((made.details_submitted, made.payouts_enabled, made.transfers), (false, false, Capability::Inactive));
    assert!(made.requirements.currently_due.contains(&"external_account".to_owned()));
    assert_eq!(made.requirements.disabled_reason.as_deref(), Some("requirements.past_due"));
    assert_eq!((made.created, &made.metadata), (DateTime::from_timestamp(START, 0), &note("seller-1")));

    let new = NewAccountLink {
        account: made.id.clone(),
        refresh_url: "https://exchange.test/again".to_owned(),
        return_url: "https://exchange.test/done".to_owned(),
    };
    let link = bench.gateway.account_link_create(&key("b"), &new).await.unwrap();
    assert!(link.url.starts_with(&bench.double.url));
    assert_eq!(link.expires_at, DateTime::from_timestamp(START + 300, 0).unwrap());
    assert!(!format!("{link:?}").contains("http"));

    bench.double.complete_onboarding(&made.id).unwrap();
    let onboarded = bench.gateway.account_retrieve(&made.id).await.unwrap();
    assert_eq!((onboarded.details_submitted, onboarded.payouts_enabled, onboarded.transfers), (true, true, Capability::Active));
    assert_eq!((&onboarded.requirements.currently_due, onboarded.requirements.disabled_reason), (&Vec::new(), None));

    bench.double.require_of_account(&made.id, &["individual.verification.document"], true).unwrap();
    let disabled = bench.gateway.account_retrieve(&made.id).await.unwrap();
    assert_eq!(
        (disabled.payouts_enabled, disabled.requirements.past_due.as_slice()),
        (false, ["individual.verification.document".to_owned()].as_slice())
    );
    assert_eq!(bench.gateway.account_retrieve("acct_none").await, Err(GatewayError::NotFound));
}

#[tokio::test]
async fn transfers_go_to_onboarded_accounts_from_what_is_there() {
    let bench = bench().await;
    let early = bench.gateway.account_create(&key("a"), &account()).await.unwrap().id;
    let refused = bench.gateway.transfer_create(&key("b"), &transfer(&early, 100)).await;
    assert!(matches!(refused, Err(GatewayError::Refused { code, .. }) if code == "insufficient_capabilities_for_transfer"));
    let seller = bench.seller().await;
    let made = bench.gateway.transfer_create(&key("c"), &transfer(&seller, 4_000)).await.unwrap();
    assert_eq!((&made.amount, made.reversed_minor, made.account.as_ref()), (&usd(4_000), 0, Some(&seller)));
    assert_eq!((made.group.as_deref(), &made.metadata), (Some("withdrawal-1"), &note("withdrawal-1")));
    assert_eq!(bench.gateway.transfer_retrieve(&made.id).await.unwrap(), made);
    let beyond = bench.gateway.transfer_create(&key("d"), &transfer(&seller, 6_001)).await;
    assert!(matches!(beyond, Err(GatewayError::Refused { code, .. }) if code == "balance_insufficient"));
    let balance = bench.gateway.balance().await.unwrap();
    assert_eq!((balance.available, balance.pending), (vec![usd(6_000)], vec![usd(0)]));
}

#[tokio::test]
async fn reversals_take_back_no_more_than_was_transferred() {
    let bench = bench().await;
    let seller = bench.seller().await;
    let made = bench.gateway.transfer_create(&key("a"), &transfer(&seller, 4_000)).await.unwrap();
    let reversal = |minor| NewReversal { transfer: made.id.clone(), amount: usd(minor), metadata: note("withdrawal-1") };
    let part = bench.gateway.transfer_reversal_create(&key("b"), &reversal(1_000)).await.unwrap();
    assert_eq!((&part.transfer, &part.amount, &part.metadata), (&made.id, &usd(1_000), &note("withdrawal-1")));
    let beyond = bench.gateway.transfer_reversal_create(&key("c"), &reversal(3_001)).await;
    assert!(matches!(beyond, Err(GatewayError::Refused { message, .. }) if message.contains("3000")));
    let rest = bench.gateway.transfer_reversal_create(&key("d"), &reversal(3_000)).await.unwrap();
    assert_eq!(bench.gateway.transfer_retrieve(&made.id).await.unwrap().reversed_minor, 4_000);
    assert_eq!(bench.gateway.transfer_reversal_list(&made.id, &all()).await.unwrap().items, [rest, part]);
    bench.double.check().unwrap();
}

#[tokio::test]
async fn payouts_are_seen_through_their_account() {
    let bench = bench().await;
    let seller = bench.seller().await;
    bench.gateway.transfer_create(&key("a"), &transfer(&seller, 4_000)).await.unwrap();
    let payout = id(&bench.double.pay_out(&seller, "usd").unwrap());
    let pending = bench.gateway.payout_retrieve(&seller, &payout).await.unwrap();
    assert_eq!((&pending.status, &pending.amount, pending.automatic), (&PayoutStatus::Pending, &usd(4_000), true));
    assert_eq!(pending.arrival, DateTime::from_timestamp(START + 2 * 24 * 3600, 0).unwrap());
    assert_eq!(bench.gateway.payout_list(&seller, &window(), &all()).await.unwrap().items, [pending]);

    bench.double.settle_payout(&payout).unwrap();
    assert_eq!(bench.gateway.payout_retrieve(&seller, &payout).await.unwrap().status, PayoutStatus::Paid);
    bench.double.fail_payout(&payout, "account_closed").unwrap();
    let failed = bench.gateway.payout_retrieve(&seller, &payout).await.unwrap();
    assert_eq!((failed.status, failed.failure_code.as_deref()), (PayoutStatus::Failed, Some("account_closed")));

    let other = bench.gateway.account_create(&key("b"), &account()).await.unwrap().id;
    assert_eq!(bench.gateway.payout_retrieve(&other, &payout).await, Err(GatewayError::NotFound));
    assert_eq!(bench.gateway.payout_list("acct_none", &window(), &all()).await, Err(GatewayError::NotFound));
}
