//! Numbers as people write them in files: grouping, decimal commas, units.

use serde::Deserialize;

/// The longest text read as a number, in bytes.
const MAX_NUMBER_LEN: usize = 48;

/// Decimal places kept; the ones behind them are refused rather than rounded away.
const MAX_PLACES: u32 = 12;

/// How a file writes its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumberFormat {
    /// The decimal mark: a point or a comma.
    pub(super) decimal: char,
}

/// A unit in which a file may state a number, and what one of it is worth in the unit of the lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// As it stands.
    #[default]
    Ones,
    /// Hundredths: 1250 is 12.50.
    Cents,
    /// 12.5 is 12,500.
    Thousands,
    /// Indian 100,000.
    Lakhs,
    /// 1.2 is 1,200,000.
    Millions,
    /// Months where the lead has years.
    MonthsAsYears,
    /// Years where the lead has months.
    YearsAsMonths,
    /// Minutes where the lead has seconds.
    MinutesAsSeconds,
    /// Milliseconds where the lead has seconds.
    MillisAsSeconds,
    /// Wholes where the lead has hundredths: 2.5 is 250.
    WholesAsHundredths,
}

/// What becomes of a fraction where the lead has a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Round {
    /// To the nearest; halves away from zero.
    #[default]
    Nearest,
    /// Towards minus infinity.
    Down,
    /// Refused.
    Refuse,
}

/// Why a text is not the number asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NumberError {
    /// Not a number in this format.
    #[error("is not a number")]
    NotNumber,
    /// A fraction where only whole numbers are taken.
    #[error("is not a whole number")]
    Fraction,
    /// Beyond 64 bits.
    #[error("is too large")]
    TooLarge,
}

/// A decimal number: `mantissa / 10^places`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    mantissa: i128,
    places: u32,
}

impl NumberFormat {
    /// Reads a number: optional sign (or accounting parentheses), digits with or without grouping, optional fraction.
    /// Groups are separated by spaces, apostrophes, or whichever of point and comma is not the decimal mark; the last
    /// group has three digits, the ones between two or three (India), so that `1,5` is never taken for fifteen.
    pub(super) fn read(self, text: &str) -> Result<Decimal, NumberError> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_NUMBER_LEN {
            return Err(NumberError::NotNumber);
        }
        let accounting = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let (negative, digits) = match (accounting, text.strip_prefix(['-', '\u{2212}'])) {
            (Some(inner), _) => (true, inner),
            (None, Some(rest)) => (true, rest),
            (None, None) => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once(self.decimal).unwrap_or((digits, ""));
        let places = u32::try_from(fraction.len()).map_err(|_| NumberError::NotNumber)?;
        let dangling = digits.contains(self.decimal) && fraction.is_empty();
        if dangling || places > MAX_PLACES || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NumberError::NotNumber);
        }
        let whole = self.ungroup(whole).ok_or(NumberError::NotNumber)?;
        let mantissa: i128 = format!("{whole}{fraction}").parse().map_err(|_| NumberError::TooLarge)?;
        Ok(Decimal { mantissa: if negative { mantissa.checked_neg().ok_or(NumberError::TooLarge)? } else { mantissa }, places })
    }

    fn ungroup(self, whole: &str) -> Option<String> {
        let other = if self.decimal == ',' { '.' } else { ',' };
        let is_group = |c: char| c == other || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '\u{2019}');
        let groups: Vec<&str> = whole.split(is_group).collect();
        if !groups.iter().all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit())) {
            return None;
        }
        if let [first, between @ .., last] = groups.as_slice() {
            let fits = first.len() <= 3 && last.len() == 3 && between.iter().all(|group| matches!(group.len(), 2 | 3));
            return fits.then(|| groups.concat());
        }
        Some(whole.to_owned())
    }
}

impl Decimal {
    /// The whole number in the lead's unit.
    pub(super) fn to_whole(self, unit: Unit, round: Round) -> Result<i64, NumberError> {
        let (times, over) = unit.factor();
        let scale = 10_i128.checked_pow(self.places).and_then(|scale| scale.checked_mul(over)).ok_or(NumberError::TooLarge)?;
        let value = self.mantissa.checked_mul(times).ok_or(NumberError::TooLarge)?;
        let floor = value.checked_div_euclid(scale).ok_or(NumberError::TooLarge)?;
        let rest = value.checked_rem_euclid(scale).ok_or(NumberError::TooLarge)?;
        let twice = rest.checked_mul(2).ok_or(NumberError::TooLarge)?;
        let up = match round {
            Round::Refuse if rest != 0 => return Err(NumberError::Fraction),
            Round::Refuse | Round::Down => false,
            Round::Nearest => twice > scale || (twice == scale && value > 0),
        };
        let rounded = floor.checked_add(i128::from(up)).ok_or(NumberError::TooLarge)?;
        i64::try_from(rounded).map_err(|_| NumberError::TooLarge)
    }

    /// Minor units of a currency with `exponent` decimal places.
    pub(super) fn to_minor(self, unit: Unit, exponent: u32) -> Result<i64, NumberError> {
        let scale = 10_i128.checked_pow(exponent).ok_or(NumberError::TooLarge)?;
        let mantissa = self.mantissa.checked_mul(scale).ok_or(NumberError::TooLarge)?;
        Self { mantissa, ..self }.to_whole(unit, Round::Nearest)
    }
}

impl Unit {
    const fn factor(self) -> (i128, i128) {
        match self {
            Self::Ones => (1, 1),
            Self::Cents => (1, 100),
            Self::Thousands => (1_000, 1),
            Self::Lakhs => (100_000, 1),
            Self::Millions => (1_000_000, 1),
            Self::MonthsAsYears => (1, 12),
            Self::YearsAsMonths => (12, 1),
            Self::MinutesAsSeconds => (60, 1),
            Self::MillisAsSeconds => (1, 1_000),
            Self::WholesAsHundredths => (100, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POINT: NumberFormat = NumberFormat { decimal: '.' };
    const COMMA: NumberFormat = NumberFormat { decimal: ',' };

    fn whole(format: NumberFormat, text: &str, unit: Unit) -> Result<i64, NumberError> {
        format.read(text).and_then(|number| number.to_whole(unit, Round::Nearest))
    }

    #[test]
    fn grouping_and_decimal_marks_of_several_countries() {
        assert_eq!(whole(POINT, "1,234,567.50", Unit::Ones), Ok(1_234_568));
        assert_eq!(whole(POINT, "12,34,567", Unit::Ones), Ok(1_234_567));
        assert_eq!(whole(COMMA, "1.234,49", Unit::Ones), Ok(1_234));
        assert_eq!(whole(COMMA, "1\u{202f}234", Unit::Ones), Ok(1_234));
        assert_eq!(whole(POINT, "1'000", Unit::Ones), Ok(1_000));
        assert_eq!(whole(POINT, "(1,200)", Unit::Ones), Ok(-1_200));
        assert_eq!(whole(POINT, "-8019", Unit::Ones), Ok(-8_019));
        assert_eq!(COMMA.read("12,50").and_then(|n| n.to_minor(Unit::Ones, 2)), Ok(1_250));
    }

    #[test]
    fn units_and_rounding() {
        assert_eq!(whole(POINT, "12.5", Unit::Thousands), Ok(12_500));
        assert_eq!(whole(POINT, "1250", Unit::Cents), Ok(13));
        assert_eq!(whole(POINT, "30", Unit::MonthsAsYears), Ok(3));
        assert_eq!(whole(POINT, "-0.5", Unit::Ones), Ok(-1));
        assert_eq!(whole(POINT, "0.5", Unit::Ones), Ok(1));
        assert_eq!(POINT.read("30").and_then(|n| n.to_whole(Unit::MonthsAsYears, Round::Down)), Ok(2));
        assert_eq!(POINT.read("2.5").and_then(|n| n.to_whole(Unit::Ones, Round::Refuse)), Err(NumberError::Fraction));
    }

    #[test]
    fn texts_that_are_not_numbers() {
        for bad in ["", "abc", "1,5", "1.2.3", "5.", "--1", "1e5", "1,,000", ",100", "0x10", "1 2"] {
            assert_eq!(whole(POINT, bad, Unit::Ones), Err(NumberError::NotNumber), "{bad}");
        }
        assert_eq!(whole(POINT, "99999999999999999999", Unit::Ones), Err(NumberError::TooLarge));
    }

    proptest! {
        #[test]
        fn never_panics_and_plain_integers_survive(text in ".{0,60}", number: i64) {
            let _ = whole(POINT, &text, Unit::Millions);
            let _ = COMMA.read(&text).and_then(|n| n.to_minor(Unit::Cents, 3));
            prop_assert_eq!(whole(POINT, &number.to_string(), Unit::Ones), Ok(number));
        }
    }
}
