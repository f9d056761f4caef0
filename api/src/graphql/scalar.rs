//! Money and the scalars of the graph.

use async_graphql::{InputObject, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use domain::money::{Currency, Money, MoneyError};
use domain::refusal::{Code, Refusal};

use super::written::written;

/// Declares a scalar that is a text in JSON; what it means is checked where it is used.
macro_rules! text_scalar {
    ($(#[$meaning:meta])* $name:ident) => {
        $(#[$meaning])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub String);

        $(#[$meaning])*
        #[Scalar]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                match value {
                    Value::String(text) => Ok(Self(text)),
                    other => Err(InputValueError::expected_type(other)),
                }
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.clone())
            }
        }
    };
}

text_scalar! {
    /// A decimal number as a string, such as "12.50": an optional minus, digits, an optional point with digits. Never a float.
    Decimal
}

text_scalar! {
    /// An ISO 4217 currency code, such as "EUR".
    CurrencyCode
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
#[graphql(name = "Money")]
pub struct MoneyObject {
    /// The amount in major units, with as many decimal places as the currency has.
    pub amount: Decimal,
    /// The currency.
    pub currency_code: CurrencyCode,
}

written!(MoneyObject: amount, currency_code);

impl From<Money> for MoneyObject {
    fn from(money: Money) -> Self {
        Self { amount: Decimal(money.decimal()), currency_code: CurrencyCode(money.currency.to_string()) }
    }
}

/// An amount of money that is handed in.
#[derive(Debug, Clone, PartialEq, Eq, InputObject)]
pub struct MoneyInput {
    /// The amount in major units, with at most as many decimal places as the currency has.
    pub amount: Decimal,
    /// The currency.
    pub currency_code: CurrencyCode,
}

impl MoneyInput {
    /// The amount, if it is one and greater than zero; a refusal at `field` otherwise.
    pub fn positive(&self, field: &str) -> Result<Money, Refusal> {
        let money = self.parse(field)?;
        if money.minor > 0 {
            Ok(money)
        } else {
            Err(Refusal::invalid("amount", "the amount must be greater than zero").at(field))
        }
    }

    /// The amount, if it is one; a refusal at `field` otherwise.
    pub fn parse(&self, field: &str) -> Result<Money, Refusal> {
        let refused = |error: MoneyError, place: &str| {
            let code = if error == MoneyError::TooLarge { Code::TooLarge } else { Code::Invalid };
            Refusal::new(code, error.to_string()).at(place).at(field)
        };
        let currency: Currency = self.currency_code.0.parse().map_err(|error| refused(error, "currencyCode"))?;
        Money::parse(&self.amount.0, currency).map_err(|error| refused(error, "amount"))
    }
}
