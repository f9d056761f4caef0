use gateways::payments::{EventKind, GatewayError, PageRequest, PaymentGateway, Presence};
use stripe_double::PaymentBehavior;

use crate::harness::{Bench, START, all, bench, checkout, id, key, payment, refund, seconds, transfer, usd, window};

/// Five payments, a second apart.
async fn payments(bench: &Bench) -> Vec<String> {
    let (customer, card) = bench.cardholder(PaymentBehavior::Succeeds).await;
    let mut made = Vec::new();
    for number in 0..5 {
        let new = payment(&customer, &card, Presence::OffSession);
        made.push(bench.gateway.payment_create(&key(&format!("p{number}")), &new).await.unwrap().id);
        bench.double.advance_clock(1);
    }
    made.reverse();
    made
}

#[tokio::test]
async fn pages_follow_each_other_from_the_newest_without_gap_or_double() {
    let bench = bench().await;
    let made = payments(&bench).await;
    let everything = seconds(START, START + 5);
    let mut request = PageRequest::first(2);
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = bench.gateway.payment_list(&everything, &request).await.unwrap();
        sizes.push(page.items.len());
        seen.extend(page.items.into_iter().map(|payment| payment.id));
        match page.next {
            Some(cursor) => request = PageRequest::first(2).after(cursor),
            None => break,
        }
    }
    assert_eq!((seen, sizes), (made, vec![2, 2, 1]));
}

#[tokio::test]
async fn a_window_includes_its_first_second_and_excludes_its_last() {
    let bench = bench().await;
    let made = payments(&bench).await;
    let listed = bench.gateway.payment_list(&seconds(START + 1, START + 3), &all()).await.unwrap();
    let ids: Vec<_> = listed.items.into_iter().map(|payment| payment.id).collect();
    assert_eq!((ids.as_slice(), listed.next), (&made[2..4], None));
    let charges = bench.gateway.charge_list(&seconds(START + 1, START + 3), &all()).await.unwrap();
    let of: Vec<_> = charges.items.into_iter().filter_map(|charge| charge.payment).collect();
    assert_eq!(of, made[2..4]);
}

#[tokio::test]
async fn everything_that_moves_money_can_be_listed() {
    let bench = bench().await;
    let paid = bench.paid().await;
    let session = bench.gateway.checkout_create(&key("s"), &checkout(paid.customer.as_ref().unwrap())).await.unwrap();
    assert_eq!(bench.gateway.checkout_list(&window(), &all()).await.unwrap().items, [session]);
    let refund = bench.gateway.refund_create(&key("r"), &refund(&paid.id, 500)).await.unwrap();
    assert_eq!(bench.gateway.refund_list(&window(), &all()).await.unwrap().items, std::slice::from_ref(&refund));
    let dispute = id(&bench.double.open_dispute(&paid.charge.clone().unwrap(), "fraudulent").unwrap());
    let disputes = bench.gateway.dispute_list(&window(), &all()).await.unwrap().items;
    assert_eq!((disputes.len(), &disputes[0].id), (1, &dispute));
    let seller = bench.seller().await;
    let transfer = bench.gateway.transfer_create(&key("t"), &transfer(&seller, 300)).await.unwrap();
    assert_eq!(bench.gateway.transfer_list(&window(), &all()).await.unwrap().items, std::slice::from_ref(&transfer));

    let entries = bench.gateway.balance_entry_list(&window(), &all()).await.unwrap().items;
    let moved: Vec<_> = entries.iter().map(|entry| (entry.category.as_str(), entry.amount.minor, entry.source.clone())).collect();
    let expected = [
        ("transfer", -300, Some(transfer.id)),
        ("topup", 10_000, moved[1].2.clone()),
        ("dispute", -2_000, Some(dispute)),
        ("refund", -500, Some(refund.id)),
        ("charge", 2_500, paid.charge),
    ];
    assert_eq!(moved, expected);
    assert_eq!(bench.gateway.balance().await.unwrap().available, [usd(9_700)]);
}

#[tokio::test]
async fn events_are_listed_with_their_objects_for_the_platform_and_for_accounts() {
    let bench = bench().await;
    let paid = bench.paid().await;
    let events = bench.gateway.event_list(None, &window(), &all()).await.unwrap().items;
    let types: Vec<_> = events.iter().map(|event| event.event_type.as_str()).collect();
    let expected =
        ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created", "payment_method.attached", "customer.created"];
    assert_eq!(types, expected);
    assert!(matches!(&events[0].kind, EventKind::Payment(payment) if payment.id == paid.id && payment.receipt_url.is_none()));
    assert!(matches!(&events[1].kind, EventKind::Charge(charge) if Some(&charge.id) == paid.charge.as_ref()));
    assert!(matches!(&events[4].kind, EventKind::Unknown(unknown) if unknown == "customer.created"));

    let seller = bench.seller().await;
    let own = bench.gateway.event_list(Some(&seller), &window(), &PageRequest::first(1)).await.unwrap();
    assert_eq!((own.items[0].account.as_ref(), own.items[0].event_type.as_str()), (Some(&seller), "account.updated"));
    assert!(matches!(&own.items[0].kind, EventKind::Account(account) if account.id == seller && account.payouts_enabled));
    assert_eq!(bench.gateway.event_list(Some("acct none"), &window(), &all()).await, Err(GatewayError::NotFound));
}
