//! Weights of a vertical's score.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::shown;
use crate::refusal::{Code, Refusal};
use crate::vertical::{AttributeKind, AttributeValue, CORE_KEYS, Definition};

/// Rules that one set of weights may hold.
const MAX_RULES: usize = 40;

/// The most points that one rule or one doubt gives or takes.
const MAX_RULE_POINTS: i64 = 50;

/// The most points of each factor, rules over attributes, and the thresholds of temperature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// For the level of verification.
    pub verification: i64,
    /// For what the person asked for.
    pub intent: i64,
    /// For how fresh the lead is.
    pub recency: i64,
    /// For where it came from.
    pub source: i64,
    /// For how much is answered.
    pub completeness: i64,
    /// For comments, a time to call, visits.
    pub engagement: i64,
    /// For each check that is INCONCLUSIVE; not above zero.
    pub odd_check: i64,
    /// For each check that failed; not above zero.
    pub failed_check: i64,
    /// From this score on a lead is WARM.
    pub warm_from: i64,
    /// From this score on a lead is HOT.
    pub hot_from: i64,
    /// Points for single attributes.
    pub rules: Vec<FitRule>,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            verification: 30,
            intent: 25,
            recency: 15,
            source: 10,
            completeness: 10,
            engagement: 10,
            odd_check: -5,
            failed_check: -20,
            warm_from: 40,
            hot_from: 65,
            rules: Vec::new(),
        }
    }
}

/// Points for a lead whose attribute is one of some values, or lies in a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitRule {
    /// Key of a public attribute: of the vertical, or a core key such as `age_band`.
    pub key: String,
    /// Any of these values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<AttributeValue>,
    /// An INT of at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<i64>,
    /// An INT of at most this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<i64>,
    /// Points, below zero to punish.
    pub points: i64,
}

impl FitRule {
    /// Whether the rule holds for these values.
    #[must_use]
    pub fn holds(&self, values: &BTreeMap<String, AttributeValue>) -> bool {
        let Some(value) = values.get(&self.key) else { return false };
        let listed = self.any_of.is_empty() || self.any_of.contains(value);
        let inside = match value {
            AttributeValue::Int(number) => {
                self.at_least.is_none_or(|least| *number >= least) && self.at_most.is_none_or(|most| *number <= most)
            }
            _ => self.at_least.is_none() && self.at_most.is_none(),
        };
        listed && inside
    }

    /// The rule in words; it repeats the rule and never the lead's value.
    #[must_use]
    pub fn reason(&self) -> String {
        let listed = self.any_of.iter().map(shown).collect::<Vec<_>>().join(" or ");
        let parts = [
            (!self.any_of.is_empty()).then(|| format!("is {listed}")),
            self.at_least.map(|least| format!("at least {least}")),
            self.at_most.map(|most| format!("at most {most}")),
        ];
        format!("{} {}", self.key, parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl Weights {
    /// What is wrong with the weights under `definition`; paths are relative to the weights.
    #[must_use]
    pub fn problems(&self, definition: &Definition) -> Vec<Refusal> {
        let mut found = Vec::new();
        let factors = [
            ("verification", self.verification),
            ("intent", self.intent),
            ("recency", self.recency),
            ("source", self.source),
            ("completeness", self.completeness),
            ("engagement", self.engagement),
        ];
        for (field, points) in factors {
            if !(0..=100).contains(&points) {
                found.push(Refusal::invalid(field, "from 0 to 100"));
            }
        }
        let sum = factors.iter().fold(0_i64, |sum, (_, points)| sum.saturating_add(*points));
        if sum != 100 {
            found.push(Refusal::new(Code::Invalid, format!("the six factors add up to 100, not to {sum}")));
        }
        for (field, points) in [("oddCheck", self.odd_check), ("failedCheck", self.failed_check)] {
            if !(-MAX_RULE_POINTS..=0).contains(&points) {
                found.push(Refusal::invalid(field, format!("from -{MAX_RULE_POINTS} to 0")));
            }
        }
        if !(0 < self.warm_from && self.warm_from < self.hot_from && self.hot_from <= 100) {
            found.push(Refusal::invalid("hotFrom", "0 < warmFrom < hotFrom <= 100"));
        }
        if self.rules.len() > MAX_RULES {
            found.push(Refusal::new(Code::TooLarge, format!("at most {MAX_RULES} rules")).at("rules"));
        }
        for (index, rule) in self.rules.iter().enumerate() {
            found.extend(rule_problem(rule, definition).map(|refusal| refusal.at(index).at("rules")));
        }
        found
    }
}

fn rule_problem(rule: &FitRule, definition: &Definition) -> Option<Refusal> {
    if !(-MAX_RULE_POINTS..=MAX_RULE_POINTS).contains(&rule.points) {
        return Some(Refusal::invalid("points", format!("from -{MAX_RULE_POINTS} to {MAX_RULE_POINTS}")));
    }
    if rule.any_of.is_empty() && rule.at_least.is_none() && rule.at_most.is_none() {
        return Some(Refusal::required("anyOf"));
    }
    let ranged = rule.at_least.is_some() || rule.at_most.is_some();
    let Some(attribute) = definition.attribute(&rule.key) else {
        let known = CORE_KEYS.contains(&rule.key.as_str());
        let fault = if !known {
            Some("this vertical has no such attribute")
        } else if ranged {
            Some("a range belongs to an INT")
        } else {
            None
        };
        return fault.map(|message| Refusal::invalid("key", message));
    };
    if attribute.identifying {
        return Some(Refusal::invalid("key", "an identifying attribute gives no points: the explanation would tell it"));
    }
    if ranged && attribute.kind != AttributeKind::Int {
        return Some(Refusal::invalid("key", "a range belongs to an INT"));
    }
    rule.any_of.iter().find_map(|value| attribute.fit(value).err()).map(|refusal| refusal.at("anyOf"))
}
