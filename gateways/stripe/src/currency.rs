//! Amounts as Stripe counts them, which for three currencies is not as ISO 4217 does.
//!
//! Stripe keeps two decimal places for ISK and UGX, which have none, and none for MGA, which has two:
//! <https://docs.stripe.com/currencies#special-cases>.

use gateways::payments::{GatewayError, Money};
use stripe_types::Currency;

/// Stripe's unit is a hundredth of ISO's for ISK and UGX, and a hundred of them for MGA.
const FACTOR: i64 = 100;

/// An amount on its way to Stripe.
pub(crate) fn to_stripe(money: &Money) -> Result<(i64, Currency), GatewayError> {
    let minor = match money.currency.as_str() {
        "ISK" | "UGX" => money.minor.checked_mul(FACTOR),
        "MGA" if money.minor.checked_rem(FACTOR) == Some(0) => money.minor.checked_div(FACTOR),
        "MGA" => None,
        _ => Some(money.minor),
    };
    match (minor, code(&money.currency)) {
        (Some(minor), Some(code)) => Ok((minor, code)),
        _ => Err(GatewayError::Refused {
            code: "amount_unsupported".to_owned(),
            message: format!("Stripe has no such amount of {}", money.currency),
        }),
    }
}

/// An amount that came from Stripe.
pub(crate) fn from_stripe(minor: i64, currency: &Currency) -> Money {
    let currency = currency.to_string().to_ascii_uppercase();
    Money { minor: minor_from_stripe(minor, &currency), currency }
}

/// The same of an amount whose currency stands elsewhere, as an upper-case code.
pub(crate) fn minor_from_stripe(minor: i64, currency: &str) -> i64 {
    match currency {
        // Stripe takes and gives multiples of a hundred only.
        "ISK" | "UGX" => minor.checked_div(FACTOR).unwrap_or_default(),
        "MGA" => minor.saturating_mul(FACTOR),
        _ => minor,
    }
}

fn code(currency: &str) -> Option<Currency> {
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    currency.to_ascii_lowercase().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_go_there_and_back() {
        for (minor, currency, stripe) in [
            (1_234, "EUR", 1_234),
            (500, "JPY", 500),
            (500, "ISK", 50_000),
            (7, "UGX", 700),
            (1_200, "MGA", 12),
            (1_230, "KWD", 1_230),
        ] {
            let money = Money::new(minor, currency);
            let (there, code) = to_stripe(&money).unwrap();
            assert_eq!((there, code.to_string()), (stripe, currency.to_ascii_lowercase()));
            assert_eq!(from_stripe(there, &code), money);
        }
    }

    #[test]
    fn what_stripe_cannot_count_is_refused() {
        for money in [Money::new(1_250, "MGA"), Money::new(i64::MAX, "ISK"), Money::new(1, "eur"), Money::new(1, "")] {
            assert!(
                matches!(to_stripe(&money), Err(GatewayError::Refused { code, .. }) if code == "amount_unsupported"),
                "{money:?}"
            );
        }
    }
}
