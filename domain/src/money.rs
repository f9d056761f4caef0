//! Amounts of money: whole minor units with an ISO 4217 currency, and checked arithmetic.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The largest amount that one input may name, in minor units: far above any lead, far below overflow.
pub const MAX_INPUT_MINOR: i64 = 1_000_000_000_000;

/// Basis points in a whole.
pub const BP_WHOLE: i64 = 10_000;

/// Why an amount or a currency was refused, or a sum could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not the code of a currency in ISO 4217.
    #[error("`{0}` is not an ISO 4217 currency code")]
    UnknownCurrency(String),
    /// Not a decimal number.
    #[error("`{0}` is not a decimal number")]
    NotDecimal(String),
    /// More decimal places than the currency has.
    #[error("{currency} has {allowed} decimal places")]
    TooPrecise {
        /// The currency.
        currency: Currency,
        /// Its number of decimal places.
        allowed: u32,
    },
    /// Beyond [`MAX_INPUT_MINOR`], or beyond `i64`.
    #[error("the amount is too large")]
    TooLarge,
    /// Two currencies in one sum.
    #[error("{0} and {1} cannot be mixed")]
    CurrencyMismatch(Currency, Currency),
}

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro, the default of the exchange.
    pub const EUR: Self = Self(*b"EUR");

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// The number of decimal places: 2 for EUR, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u32 {
        iso_currency::Currency::from_code(self.code()).and_then(|c| c.exponent()).map_or(2, u32::from)
    }

    /// Minor units in one major unit.
    #[must_use]
    pub fn scale(self) -> i64 {
        10_i64.checked_pow(self.exponent()).unwrap_or(1)
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        let unknown = || MoneyError::UnknownCurrency(code.chars().take(8).collect());
        let known = iso_currency::Currency::from_code(code).ok_or_else(unknown)?;
        known.exponent().ok_or_else(unknown)?;
        <[u8; 3]>::try_from(code.as_bytes()).map(Self).map_err(|_| unknown())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount in whole minor units of one currency. It may be negative only as a balance or a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: cents for EUR.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// `minor` units of `currency`.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads a decimal text such as `12.50`: an optional minus, digits, and at most as many decimal places as the
    /// currency has. No exponent, no grouping, no plus.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let not_decimal = || MoneyError::NotDecimal(amount.chars().take(40).collect());
        let (negative, digits) = match amount.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, amount),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let dangling_point = digits.contains('.') && fraction.is_empty();
        if whole.is_empty() || dangling_point || !all_digits(whole) || !all_digits(fraction) {
            return Err(not_decimal());
        }
        let exponent = currency.exponent();
        let places = u32::try_from(fraction.len()).map_err(|_| not_decimal())?;
        let padding = exponent.checked_sub(places).ok_or(MoneyError::TooPrecise { currency, allowed: exponent })?;
        let joined = format!("{whole}{fraction}");
        let value: i64 = joined.parse().map_err(|_| MoneyError::TooLarge)?;
        let scale = 10_i64.checked_pow(padding).ok_or(MoneyError::TooLarge)?;
        let minor = value.checked_mul(scale).filter(|&m| m <= MAX_INPUT_MINOR).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor: if negative { minor.checked_neg().ok_or(MoneyError::TooLarge)? } else { minor }, currency })
    }

    /// The decimal text, with as many places as the currency has: `12.50`.
    #[must_use]
    pub fn decimal(self) -> String {
        let exponent = usize::try_from(self.currency.exponent()).unwrap_or(0);
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = exponent.saturating_add(1));
        let point = digits.len().saturating_sub(exponent);
        let (whole, fraction) = digits.split_at(point);
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    /// The sum; refused for two currencies or beyond `i64`.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, ..self })
    }

    /// The difference; refused for two currencies or beyond `i64`.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, ..self })
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch(self.currency, other.currency)) }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

/// The share `bp` (basis points, clamped to 0..=10000) of `minor`, rounded down.
#[must_use]
pub fn share_bp(minor: i64, bp: i64) -> i64 {
    let product = i128::from(minor).saturating_mul(i128::from(bp.clamp(0, BP_WHOLE)));
    i64::try_from(product.div_euclid(i128::from(BP_WHOLE))).unwrap_or(minor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    #[test]
    fn decimals_follow_the_currency() {
        let jpy: Currency = "JPY".parse().unwrap();
        let kwd: Currency = "KWD".parse().unwrap();
        assert_eq!(Money::parse("12.5", Currency::EUR), Ok(eur(1250)));
        assert_eq!(Money::parse("1500", jpy).unwrap().decimal(), "1500");
        assert_eq!(Money::parse("0.005", kwd).unwrap().decimal(), "0.005");
        assert_eq!(Money::parse("1.5", jpy), Err(MoneyError::TooPrecise { currency: jpy, allowed: 0 }));
        assert_eq!(eur(-5).decimal(), "-0.05");
    }

    #[test]
    fn texts_that_are_not_amounts_are_refused() {
        for bad in ["", "-", ".5", "5.", "1e3", "+1", "1,000", " 1", "0x1", "NaN", "1.2.3", "--1", "١"] {
            assert!(matches!(Money::parse(bad, Currency::EUR), Err(MoneyError::NotDecimal(_))), "{bad}");
        }
        assert_eq!(Money::parse("10000000000.01", Currency::EUR), Err(MoneyError::TooLarge));
        assert_eq!(Money::parse("99999999999999999999", Currency::EUR), Err(MoneyError::TooLarge));
        for bad in ["eur", "EU", "EURO", "", "XXX"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_survives_the_text(minor in -MAX_INPUT_MINOR..=MAX_INPUT_MINOR) {
            prop_assert_eq!(Money::parse(&eur(minor).decimal(), Currency::EUR), Ok(eur(minor)));
        }

        #[test]
        fn a_share_never_exceeds_the_whole(minor in 0..=i64::MAX, bp in -5i64..20_000) {
            let share = share_bp(minor, bp);
            prop_assert!(share >= 0 && share <= minor);
        }
    }
}
