use chrono::DateTime;
use gateways::payments::{
    Card, CheckoutStatus, GatewayError, Metadata, Mode, NewCheckout, NewCustomer, PaymentGateway, PaymentStatus, Presence,
    RefundStatus,
};
use stripe_double::PaymentBehavior;

use crate::harness::{START, all, bench, checkout, confirmation, id, key, note, on_session, payment, refund, usd};

#[tokio::test]
async fn customers_have_cards_that_can_be_listed_and_forgotten() {
    let bench = bench().await;
    let new = NewCustomer { email: Some("ada@example.com".to_owned()), name: None, metadata: note("org-1") };
    let customer = bench.gateway.customer_create(&key("c"), &new).await.unwrap();
    let made = (customer.mode, customer.created, customer.metadata.clone());
    assert_eq!(made, (Mode::Test, DateTime::from_timestamp(START, 0).unwrap(), note("org-1")));
    let bare = bench.gateway.customer_create(&key("d"), &NewCustomer::default()).await.unwrap();
    assert_eq!(bare.metadata, Metadata::new());

    let card = id(&bench.double.create_payment_method(Some(&customer.id), PaymentBehavior::Succeeds).unwrap());
    let saved = Card {
        id: card.clone(),
        brand: "visa".to_owned(),
        last_four: "4242".to_owned(),
        expiry_month: 12,
        expiry_year: 2034,
        customer: Some(customer.id.clone()),
        created: customer.created,
    };
    assert_eq!(bench.gateway.card_list(&customer.id, &all()).await.unwrap().items, std::slice::from_ref(&saved));
    let detached = bench.gateway.card_detach(&key("e"), &card).await.unwrap();
    assert_eq!(detached, Card { customer: None, ..saved });
    assert_eq!(bench.gateway.card_list(&customer.id, &all()).await.unwrap().items, []);
    assert_eq!(bench.gateway.card_list("cus_none", &all()).await, Err(GatewayError::NotFound));
}

#[tokio::test]
async fn a_checkout_is_paid_once_and_saves_the_card() {
    let bench = bench().await;
    let customer = bench.customer().await;
    let open = bench.gateway.checkout_create(&key("c"), &checkout(&customer)).await.unwrap();
    assert_eq!((open.status, open.paid, open.amount.clone()), (CheckoutStatus::Open, false, usd(5_000)));
    assert_eq!(
        (open.reference.as_deref(), open.customer.as_ref(), &open.metadata),
        (Some("topup-1"), Some(&customer), &note("topup-1"))
    );
    assert_eq!(open.expires_at, DateTime::from_timestamp(START + 24 * 3600, 0).unwrap());
    assert!(open.url.as_ref().is_some_and(|url| url.starts_with(&bench.double.url)));

    bench.double.complete_checkout(&open.id).unwrap();
    let complete = bench.gateway.checkout_retrieve(&open.id).await.unwrap();
    assert_eq!((complete.status, complete.paid, complete.url), (CheckoutStatus::Complete, true, None));
    let payment = bench.gateway.payment_retrieve(&complete.payment.unwrap()).await.unwrap();
    assert_eq!((payment.status, payment.received_minor, payment.metadata), (PaymentStatus::Succeeded, 5_000, note("topup-1")));
    assert_eq!(bench.gateway.card_list(&customer, &all()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_checkout_that_is_closed_cannot_be_paid() {
    let bench = bench().await;
    let customer = bench.customer().await;
    let soon = DateTime::from_timestamp(START + 1800, 0);
    let new = NewCheckout { expires_at: soon, save_card: false, locale: Some("tlh".to_owned()), ..checkout(&customer) };
    let open = bench.gateway.checkout_create(&key("c"), &new).await.unwrap();
    assert_eq!(Some(open.expires_at), soon);
    let closed = bench.gateway.checkout_expire(&key("d"), &open.id).await.unwrap();
    assert_eq!((closed.status, closed.paid), (CheckoutStatus::Expired, false));
    assert!(bench.double.complete_checkout(&open.id).is_err());
    assert!(matches!(bench.gateway.checkout_expire(&key("e"), &open.id).await, Err(GatewayError::Refused { .. })));
    assert_eq!(bench.gateway.checkout_retrieve("cs_none").await, Err(GatewayError::NotFound));
    assert_eq!(bench.gateway.checkout_retrieve("cs_1/expire").await, Err(GatewayError::NotFound));
}

#[tokio::test]
async fn a_saved_card_pays_with_the_customer_there_or_away() {
    let bench = bench().await;
    let (customer, card) = bench.cardholder(PaymentBehavior::Succeeds).await;
    for (name, presence) in [("a", Presence::OffSession), ("b", on_session())] {
        let paid = bench.gateway.payment_create(&key(name), &payment(&customer, &card, presence)).await.unwrap();
        assert_eq!((&paid.status, &paid.amount, paid.received_minor), (&PaymentStatus::Succeeded, &usd(2_500), 2_500));
        assert_eq!((paid.customer.as_ref(), paid.card.as_ref(), &paid.failure), (Some(&customer), Some(&card), &None));
        assert_eq!(paid.metadata, note("topup-2"));
        let receipt = paid.receipt_url.clone().unwrap();
        assert!(receipt.starts_with(&bench.double.url), "{receipt}");
        assert_eq!(bench.gateway.payment_retrieve(&paid.id).await.unwrap(), paid);
        let charge = bench.gateway.charge_retrieve(paid.charge.as_ref().unwrap()).await.unwrap();
        assert_eq!((charge.paid, charge.refunded_minor, charge.disputed), (true, 0, false));
        assert_eq!((charge.payment.as_ref(), charge.receipt_url), (Some(&paid.id), Some(receipt)));
        assert!(charge.balance_entry.is_some());
    }
}

#[tokio::test]
async fn a_declined_card_names_the_banks_reason_and_leaves_the_payment_unpaid() {
    let bench = bench().await;
    let declined = PaymentBehavior::Declined { decline_code: "insufficient_funds".to_owned() };
    let (customer, card) = bench.cardholder(declined).await;
    let new = payment(&customer, &card, Presence::OffSession);
    let refusal = bench.gateway.payment_create(&key("a"), &new).await.unwrap_err();
    let GatewayError::Declined { code, authentication: false, payment: Some(unpaid) } = &refusal else { panic!("{refusal:?}") };
    assert_eq!(code, "insufficient_funds");
    let left = bench.gateway.payment_retrieve(unpaid).await.unwrap();
    assert_eq!((left.status, left.received_minor, left.card), (PaymentStatus::RequiresCard, 0, None));
    let failure = left.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.authentication, failure.card), ("insufficient_funds", false, Some(card)));
    let charge = bench.gateway.charge_retrieve(&left.charge.unwrap()).await.unwrap();
    assert_eq!((charge.paid, charge.failure_code.as_deref(), charge.receipt_url), (false, Some("card_declined"), None));
    // The same key gives the same refusal, and nothing is tried again.
    assert_eq!(bench.gateway.payment_create(&key("a"), &new).await, Err(refusal.clone()));
    assert!(!refusal.is_open());
    let canceled = bench.gateway.payment_cancel(&key("b"), unpaid).await.unwrap();
    assert_eq!(canceled.status, PaymentStatus::Canceled);
}

#[tokio::test]
async fn a_bank_that_asks_for_authentication_is_satisfied_by_the_customer() {
    let bench = bench().await;
    let (customer, card) = bench.cardholder(PaymentBehavior::RequiresAuthentication).await;
    let away = bench.gateway.payment_create(&key("a"), &payment(&customer, &card, Presence::OffSession)).await;
    let Err(GatewayError::Declined { code, authentication: true, payment: Some(unpaid) }) = away else { panic!("{away:?}") };
    assert_eq!(code, "authentication_required");
    assert!(bench.gateway.payment_retrieve(&unpaid).await.unwrap().failure.unwrap().authentication);

    let waiting = bench.gateway.payment_confirm(&key("b"), &unpaid, &confirmation(&card)).await.unwrap();
    let PaymentStatus::RequiresAction(authentication) = &waiting.status else { panic!("{waiting:?}") };
    assert!(authentication.url.as_ref().is_some_and(|url| url.starts_with(&bench.double.url)));
    assert_eq!(authentication.client_secret.expose(), format!("{unpaid}_secret_double"));
    assert!(!format!("{waiting:?}").contains("_secret_"));

    bench.double.complete_authentication(&unpaid, true).unwrap();
    assert_eq!(bench.gateway.payment_retrieve(&unpaid).await.unwrap().status, PaymentStatus::Succeeded);
    let again = bench.gateway.payment_confirm(&key("c"), &unpaid, &confirmation(&card)).await;
    assert!(matches!(again, Err(GatewayError::Refused { code, .. }) if code == "payment_intent_unexpected_state"));
}

#[tokio::test]
async fn a_present_customer_authenticates_at_once_or_fails_to() {
    let bench = bench().await;
    let (customer, card) = bench.cardholder(PaymentBehavior::RequiresAuthentication).await;
    let waiting = bench.gateway.payment_create(&key("a"), &payment(&customer, &card, on_session())).await.unwrap();
    assert!(matches!(waiting.status, PaymentStatus::RequiresAction(_)));
    bench.double.complete_authentication(&waiting.id, false).unwrap();
    let failed = bench.gateway.payment_retrieve(&waiting.id).await.unwrap();
    assert_eq!(failed.status, PaymentStatus::RequiresCard);
    assert_eq!(failed.failure.unwrap().code, "payment_intent_authentication_failure");
}

#[tokio::test]
async fn refunds_go_to_the_card_and_never_exceed_the_payment() {
    let bench = bench().await;
    let paid = bench.paid().await;
    let part = bench.gateway.refund_create(&key("a"), &refund(&paid.id, 1_000)).await.unwrap();
    assert_eq!((&part.status, &part.amount, &part.payment), (&RefundStatus::Succeeded, &usd(1_000), &Some(paid.id.clone())));
    assert_eq!((&part.charge, &part.metadata), (&paid.charge, &note("refund-1")));
    assert_eq!(bench.gateway.refund_retrieve(&part.id).await.unwrap(), part);

    let beyond = bench.gateway.refund_create(&key("b"), &refund(&paid.id, 1_501)).await.unwrap_err();
    assert!(matches!(&beyond, GatewayError::Refused { message, .. } if message.contains("1500")), "{beyond:?}");
    bench.gateway.refund_create(&key("c"), &refund(&paid.id, 1_500)).await.unwrap();
    let over = bench.gateway.refund_create(&key("d"), &refund(&paid.id, 1)).await;
    assert!(matches!(over, Err(GatewayError::Refused { code, .. }) if code == "charge_already_refunded"));
    assert_eq!(bench.gateway.charge_retrieve(&paid.charge.unwrap()).await.unwrap().refunded_minor, 2_500);

    bench.double.fail_refund(&part.id, "expired_or_canceled_card").unwrap();
    let failed = bench.gateway.refund_retrieve(&part.id).await.unwrap();
    assert_eq!((failed.status, failed.failure_reason.as_deref()), (RefundStatus::Failed, Some("expired_or_canceled_card")));
    assert_eq!(bench.gateway.refund_create(&key("e"), &refund("pi_none", 1)).await, Err(GatewayError::NotFound));
    bench.double.check().unwrap();
}
