//! What operators hand in to define a kind of demand.

use async_graphql::{ID, InputObject};
use chrono::NaiveDate;
use domain::lead::Audience;
use domain::refusal::Refusal;
use domain::scoring::{FitRule, Weights};
use domain::verification::Level;
use domain::vertical::{Attribute, AttributeKind, AttributeValue, Definition, EnumValue, Labels};

use super::super::word::Word;

/// A text for people in one language.
#[derive(Debug, InputObject)]
pub struct LabelInput {
    /// The language: ISO 639-1.
    pub language: String,
    /// The text, at most 120 characters.
    pub text: String,
}

/// One value that an ENUM attribute may take.
#[derive(Debug, InputObject)]
pub struct VerticalAttributeValueInput {
    /// The value in data: upper-case letters, digits and underscores.
    pub value: String,
    /// The value for people.
    #[graphql(default)]
    pub labels: Vec<LabelInput>,
}

/// One attribute of a vertical's schema.
#[derive(Debug, InputObject)]
pub struct VerticalAttributeInput {
    /// Its name in data: lower-case letters, digits and underscores.
    pub key: String,
    /// Its type.
    pub kind: Word<AttributeKind>,
    /// Its name for people; English at the least.
    pub labels: Vec<LabelInput>,
    /// Whether every lead must carry it.
    #[graphql(default)]
    pub required: bool,
    /// Whether buyers may filter by it.
    #[graphql(default)]
    pub filterable: bool,
    /// Whether it tells who the person is; then it cannot be filterable.
    #[graphql(default)]
    pub identifying: bool,
    /// What an ENUM may be.
    #[graphql(default)]
    pub values: Vec<VerticalAttributeValueInput>,
    /// Least INT, as a text.
    pub min: Option<String>,
    /// Greatest INT, as a text.
    pub max: Option<String>,
    /// Earliest DATE.
    pub earliest: Option<NaiveDate>,
    /// Latest DATE.
    pub latest: Option<NaiveDate>,
    /// Longest TEXT, in characters, at most 2,000.
    pub max_length: Option<i32>,
    /// Unit of an INT, for people.
    pub unit: Option<String>,
}

/// Points for leads whose attribute is one of some values, or lies in a range.
#[derive(Debug, InputObject)]
pub struct ScoreRuleInput {
    /// The attribute: one of the vertical's, or one that every lead has, such as "age_band".
    pub key: String,
    /// Any of these values.
    #[graphql(default)]
    pub any_of: Vec<String>,
    /// An INT of at least this.
    pub at_least: Option<String>,
    /// An INT of at most this.
    pub at_most: Option<String>,
    /// The points, from -50 to 50.
    pub points: i32,
}

/// What a score is made of. The first six add up to 100.
#[derive(Debug, InputObject)]
pub struct ScoreWeightsInput {
    /// For the level of verification.
    pub verification: i32,
    /// For what the person asked for.
    pub intent: i32,
    /// For how fresh the lead is.
    pub recency: i32,
    /// For where it came from.
    pub source: i32,
    /// For how much is answered.
    pub completeness: i32,
    /// For comments, a time to call, visits.
    pub engagement: i32,
    /// For each check that is INCONCLUSIVE, from -50 to 0.
    pub odd_check: i32,
    /// For each check that failed, from -50 to 0.
    pub failed_check: i32,
    /// From this score on a lead is WARM.
    pub warm_from: Option<i32>,
    /// From this score on a lead is HOT.
    pub hot_from: Option<i32>,
    /// Points for single attributes.
    #[graphql(default)]
    pub rules: Vec<ScoreRuleInput>,
}

/// What a version of a vertical says.
#[derive(Debug, InputObject)]
pub struct VerticalDefinitionInput {
    /// Its name for people; English at the least.
    pub labels: Vec<LabelInput>,
    /// Whether it only gathers the verticals below it, and takes no leads itself.
    #[graphql(default)]
    pub group: bool,
    /// For whom its leads stand; both, if nothing is said.
    pub audiences: Option<Vec<Word<Audience>>>,
    /// The level at which a lead becomes VERIFIED; FORMAT, if nothing is said.
    pub required_level: Option<Word<Level>>,
    /// The least age of the person in years.
    pub minimum_age: Option<i32>,
    /// The schema.
    #[graphql(default)]
    pub attributes: Vec<VerticalAttributeInput>,
    /// What a lead's score is made of; the usual weights, if nothing is said.
    pub weights: Option<ScoreWeightsInput>,
}

/// A vertical to create.
#[derive(Debug, InputObject)]
pub struct VerticalCreateInput {
    /// Its place: one to three segments of lower-case letters, digits and hyphens, joined by "/".
    pub path: String,
    /// Its first version.
    pub definition: VerticalDefinitionInput,
}

/// A version to add.
#[derive(Debug, InputObject)]
pub struct VerticalVersionAddInput {
    /// The vertical.
    pub vertical_id: ID,
    /// The newest version that the caller has seen.
    pub expected_version: i32,
    /// What the new version says.
    pub definition: VerticalDefinitionInput,
}

impl VerticalDefinitionInput {
    /// The definition; whether it makes sense is for the domain to say.
    pub(super) fn parse(&self) -> Result<Definition, Refusal> {
        let audiences = match &self.audiences {
            Some(words) => words.iter().map(|word| word.0).collect(),
            None => Audience::ALL.iter().copied().collect(),
        };
        let minimum_age = self.minimum_age.map(u8::try_from).transpose();
        let attributes = self.attributes.iter().enumerate();
        Ok(Definition {
            labels: pairs(&self.labels),
            group: self.group,
            audiences,
            required_level: self.required_level.map_or(Level::Format, |word| word.0),
            minimum_age: minimum_age.map_err(|_| Refusal::invalid("minimumAge", "from 0 to 100").at("definition"))?,
            weights: self.weights.as_ref().map_or_else(|| Ok(Weights::default()), ScoreWeightsInput::parse)?,
            attributes: attributes
                .map(|(index, each)| each.parse().map_err(|refusal| refusal.at(index).at("attributes").at("definition")))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl VerticalAttributeInput {
    fn parse(&self) -> Result<Attribute, Refusal> {
        let value =
            |listed: &VerticalAttributeValueInput| EnumValue { value: listed.value.clone(), labels: pairs(&listed.labels) };
        let max_length = self.max_length.map(u32::try_from).transpose();
        Ok(Attribute {
            key: self.key.clone(),
            kind: self.kind.0,
            labels: pairs(&self.labels),
            required: self.required,
            filterable: self.filterable,
            identifying: self.identifying,
            values: self.values.iter().map(value).collect(),
            min: whole(self.min.as_deref(), "min")?,
            max: whole(self.max.as_deref(), "max")?,
            earliest: self.earliest,
            latest: self.latest,
            max_length: max_length.map_err(|_| Refusal::invalid("maxLength", "from 1 to 2000"))?,
            unit: self.unit.clone(),
        })
    }
}

impl ScoreWeightsInput {
    fn parse(&self) -> Result<Weights, Refusal> {
        let rule = |(index, rule): (usize, &ScoreRuleInput)| -> Result<FitRule, Refusal> {
            let place = |refusal: Refusal| refusal.at(index).at("rules").at("weights").at("definition");
            Ok(FitRule {
                key: rule.key.clone(),
                any_of: rule.any_of.iter().map(|text| literal(text)).collect(),
                at_least: whole(rule.at_least.as_deref(), "atLeast").map_err(place)?,
                at_most: whole(rule.at_most.as_deref(), "atMost").map_err(place)?,
                points: rule.points.into(),
            })
        };
        Ok(Weights {
            verification: self.verification.into(),
            intent: self.intent.into(),
            recency: self.recency.into(),
            source: self.source.into(),
            completeness: self.completeness.into(),
            engagement: self.engagement.into(),
            odd_check: self.odd_check.into(),
            failed_check: self.failed_check.into(),
            warm_from: self.warm_from.map(i64::from),
            hot_from: self.hot_from.map(i64::from),
            rules: self.rules.iter().enumerate().map(rule).collect::<Result<_, _>>()?,
        })
    }
}

/// A value as its text says: a rule compares with values that are fitted to their schema.
fn literal(text: &str) -> AttributeValue {
    match (text.parse(), text.parse()) {
        (Ok(flag), _) => AttributeValue::Bool(flag),
        (_, Ok(number)) => AttributeValue::Int(number),
        _ => AttributeValue::text(text),
    }
}

fn pairs(labels: &[LabelInput]) -> Labels {
    labels.iter().map(|label| (label.language.clone(), label.text.clone())).collect()
}

fn whole(text: Option<&str>, field: &str) -> Result<Option<i64>, Refusal> {
    let read = |text: &str| text.parse().map_err(|_| Refusal::invalid(field, "a whole number"));
    text.map(read).transpose()
}
