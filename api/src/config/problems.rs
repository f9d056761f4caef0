//! What is wrong with the settings, gathered so that one start tells all of it.

use std::fmt::Display;

use super::ConfigError;

/// The lines of a [`ConfigError`] in the making.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Notes that `key` (`section.name`) breaks a rule.
    pub fn add(&mut self, key: &str, trouble: impl Display) {
        self.0.push(format!("{key}: {trouble}"));
    }

    /// Notes `key` unless `min <= value <= max`.
    pub fn within<T: PartialOrd + Display>(&mut self, key: &str, value: T, min: T, max: T) {
        if value < min || value > max {
            self.add(key, format_args!("must be within {min} and {max}"));
        }
    }

    /// Nothing, or all that was noted.
    pub fn into_result(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError(self.0)) }
    }
}
