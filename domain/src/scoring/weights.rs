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
    /// From this score on a lead is WARM; the exchange's own threshold where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_from: Option<i64>,
    /// From this score on a lead is HOT; the exchange's own threshold where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hot_from: Option<i64>,
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
            warm_from: None,
            hot_from: None,
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
    /// These weights with the points and thresholds of the exchange's settings: `points` by the name of a factor or of a
    /// doubt takes the place of the vertical's own, the thresholds stand in where the vertical says nothing. The sum may
    /// then differ from 100; the score is cut all the same.
    #[must_use]
    pub fn under(mut self, points: &BTreeMap<String, i32>, warm_from: i64, hot_from: i64) -> Self {
        for (name, value) in points {
            if let Some(place) = self.place(name) {
                *place = i64::from(*value);
            }
        }
        self.warm_from.get_or_insert(warm_from);
        self.hot_from.get_or_insert(hot_from);
        self
    }

    /// Whether `name` is one that [`Weights::under`] knows.
    #[must_use]
    pub fn knows(name: &str) -> bool {
        Self::default().place(name).is_some()
    }

    fn place(&mut self, name: &str) -> Option<&mut i64> {
        Some(match name {
            "verification" => &mut self.verification,
            "intent" => &mut self.intent,
            "recency" => &mut self.recency,
            "source" => &mut self.source,
            "completeness" => &mut self.completeness,
            "engagement" => &mut self.engagement,
            "odd_check" => &mut self.odd_check,
            "failed_check" => &mut self.failed_check,
            _ => return None,
        })
    }

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
        let (warm, hot) = (self.warm_from.unwrap_or(1), self.hot_from.unwrap_or(100));
        if !(0 < warm && warm < hot && hot <= 100) {
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
