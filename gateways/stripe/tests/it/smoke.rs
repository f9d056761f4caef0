//! Stripe's own test mode, if `STRIPE_TEST_KEY` is in the environment.

use gateways::payments::{
    CheckoutStatus, GatewayError, IdempotencyKey, Mode, NewAccountLink, NewCustomer, PaymentGateway, PaymentStatus, Presence,
    RefundStatus,
};
use gateways_stripe::{Settings, StripeGateway};

use crate::harness::{account, all, checkout, payment, refund, usd};

#[tokio::test]
#[expect(clippy::print_stderr, reason = "whoever runs the tests must see that this one did nothing")]
async fn stripes_own_test_mode_answers_as_the_double_does() {
    let Ok(secret_key) = std::env::var("STRIPE_TEST_KEY") else {
        eprintln!("NOT RUN: the smoke test against Stripe's test mode needs STRIPE_TEST_KEY=sk_test_...");
        return;
    };
    let gateway = StripeGateway::new(&Settings::new(secret_key.into())).unwrap();
    assert_eq!(gateway.mode(), Mode::Test, "STRIPE_TEST_KEY must be a key of test mode");
    // Stripe remembers keys for a day, and each run must make objects of its own.
    let run = tokio::time::Instant::now();
    let unique = format!("{}-{run:?}", std::process::id()).replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let key = |name: &str| IdempotencyKey::new(format!("smoke-{name}-{unique}")).unwrap();

    let customer = gateway.customer_create(&key("customer"), &NewCustomer::default()).await.unwrap().id;
    assert_eq!(gateway.card_list(&customer, &all()).await.unwrap().items, []);
    let open = gateway.checkout_create(&key("checkout"), &checkout(&customer)).await.unwrap();
    assert_eq!((open.status, &open.amount, open.url.is_some()), (CheckoutStatus::Open, &usd(5_000), true));
    assert_eq!(gateway.checkout_create(&key("checkout"), &checkout(&customer)).await.unwrap(), open);
    assert_eq!(gateway.checkout_expire(&key("expire"), &open.id).await.unwrap().status, CheckoutStatus::Expired);

    let new = payment(&customer, "pm_card_visa", Presence::OffSession);
    let paid = gateway.payment_create(&key("payment"), &new).await.unwrap();
    assert_eq!((&paid.status, paid.received_minor, paid.receipt_url.is_some()), (&PaymentStatus::Succeeded, 2_500, true));
    let back = gateway.refund_create(&key("refund"), &refund(&paid.id, 2_500)).await.unwrap();
    assert!(matches!(back.status, RefundStatus::Succeeded | RefundStatus::Pending));
    let declined =
        gateway.payment_create(&key("declined"), &payment(&customer, "pm_card_chargeDeclined", Presence::OffSession)).await;
    assert!(matches!(declined, Err(GatewayError::Declined { authentication: false, .. })), "{declined:?}");
    assert_eq!(gateway.payment_retrieve("pi_none").await, Err(GatewayError::NotFound));
    gateway.balance().await.unwrap();

    // Only keys of platforms that use Connect may make accounts.
    match gateway.account_create(&key("account"), &account()).await {
        Ok(seller) => {
            let link = NewAccountLink {
                account: seller.id,
                refresh_url: "https://example.com/again".to_owned(),
                return_url: "https://example.com/done".to_owned(),
            };
            assert!(gateway.account_link_create(&key("link"), &link).await.unwrap().url.starts_with("https://"));
        }
        Err(refused) => eprintln!("NOT RUN: connected accounts, since this key may not make them ({refused})"),
    }
}
