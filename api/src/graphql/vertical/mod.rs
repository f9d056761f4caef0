//! Kinds of demand and their schemas.

pub mod input;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use chrono::{DateTime, NaiveDate, Utc};
use domain::id::VerticalId;
use domain::lead::Audience;
use domain::refusal::Refusal;
use domain::scoring::{FitRule, Weights};
use domain::verification::Level;
use domain::vertical::{Attribute, AttributeKind, Definition, EnumValue, Labels};
use store::verticals::StoredVertical;

use super::connection::list_cost;
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::word::Word;
use super::{app, caller};
use crate::app::verticals;
use crate::mutation_errors;

pub use input::{VerticalCreateInput, VerticalVersionAddInput};

/// Queries about kinds of demand.
#[derive(Debug, Default)]
pub struct VerticalQuery;

/// Mutations of kinds of demand.
#[derive(Debug, Default)]
pub struct VerticalMutation;

mutation_errors!(VerticalCreate: [Invalid, Required, TooLarge, NotFound, Taken]);
mutation_errors!(VerticalVersionAdd: [Invalid, Required, TooLarge, NotFound, Taken, Conflict]);

/// A kind of demand, in one version of its schema.
#[derive(Debug, SimpleObject)]
#[graphql(complex, name = "Vertical")]
pub struct VerticalObject {
    /// The id.
    pub id: ID,
    /// Its place in the tree, such as "insurance/auto/comprehensive".
    pub path: String,
    /// The place of the vertical above.
    pub parent_path: Option<String>,
    /// The version, from 1.
    pub version: i32,
    /// The newest version.
    pub current_version: i32,
    /// When this version was added.
    pub created_at: DateTime<Utc>,
    #[graphql(skip)]
    definition: Definition,
}

/// A text for people in one language.
#[derive(Debug, SimpleObject)]
pub struct Label {
    /// The language: ISO 639-1.
    pub language: String,
    /// The text.
    pub text: String,
}

/// One value that an ENUM attribute may take.
#[derive(Debug, SimpleObject)]
pub struct VerticalAttributeValue {
    /// The value in data.
    pub value: String,
    /// The value for people.
    #[graphql(complexity = "list_cost(2, child_complexity)")]
    pub labels: Vec<Label>,
}

/// One attribute of a vertical's schema.
#[derive(Debug, SimpleObject)]
pub struct VerticalAttribute {
    /// Its name in data.
    pub key: String,
    /// Its type.
    pub kind: Word<AttributeKind>,
    /// Its name for people.
    #[graphql(complexity = "list_cost(2, child_complexity)")]
    pub labels: Vec<Label>,
    /// Whether every lead must carry it.
    pub required: bool,
    /// Whether buyers may filter by it.
    pub filterable: bool,
    /// Whether it tells who the person is, and is hidden like the contact details.
    pub identifying: bool,
    /// What an ENUM may be.
    #[graphql(complexity = "list_cost(8, child_complexity)")]
    pub values: Vec<VerticalAttributeValue>,
    /// Least INT, as a text: it may be larger than an Int holds.
    pub min: Option<String>,
    /// Greatest INT, as a text: it may be larger than an Int holds.
    pub max: Option<String>,
    /// Earliest DATE.
    pub earliest: Option<NaiveDate>,
    /// Latest DATE.
    pub latest: Option<NaiveDate>,
    /// Longest TEXT, in characters.
    pub max_length: Option<i32>,
    /// Unit of an INT, for people.
    pub unit: Option<String>,
}

/// What a score is made of: the most points of each factor.
#[derive(Debug, SimpleObject)]
pub struct ScoreWeights {
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
    /// For each check that is INCONCLUSIVE.
    pub odd_check: i32,
    /// For each check that failed.
    pub failed_check: i32,
    /// From this score on a lead is WARM; null where the exchange's own threshold holds.
    pub warm_from: Option<i32>,
    /// From this score on a lead is HOT; null where the exchange's own threshold holds.
    pub hot_from: Option<i32>,
    /// Points for single attributes.
    pub rules: Vec<ScoreRule>,
}

/// Points for leads whose attribute has some value.
#[derive(Debug, SimpleObject)]
pub struct ScoreRule {
    /// The attribute.
    pub key: String,
    /// The condition, for people.
    pub condition: String,
    /// The points, below zero to punish.
    pub points: i32,
}

#[ComplexObject]
impl VerticalObject {
    /// Its name for people.
    #[graphql(complexity = "list_cost(2, child_complexity)")]
    async fn labels(&self) -> Vec<Label> {
        labels(&self.definition.labels)
    }

    /// Whether it only gathers the verticals below it, and takes no leads itself.
    async fn group(&self) -> bool {
        self.definition.group
    }

    /// For whom its leads stand.
    async fn audiences(&self) -> Vec<Word<Audience>> {
        self.definition.audiences.iter().copied().map(Word).collect()
    }

    /// The level at which a lead becomes VERIFIED.
    async fn required_level(&self) -> Word<Level> {
        self.definition.required_level.into()
    }

    /// The least age of the person in years.
    async fn minimum_age(&self) -> Option<i32> {
        self.definition.minimum_age.map(i32::from)
    }

    /// The schema.
    #[graphql(complexity = "list_cost(10, child_complexity)")]
    async fn attributes(&self) -> Vec<VerticalAttribute> {
        self.definition.attributes.iter().map(VerticalAttribute::from).collect()
    }

    /// What a lead's score is made of.
    async fn weights(&self) -> ScoreWeights {
        (&self.definition.weights).into()
    }
}

impl From<StoredVertical> for VerticalObject {
    fn from(vertical: StoredVertical) -> Self {
        Self {
            id: to_id(vertical.id),
            parent_path: vertical.path.parent().map(String::from),
            path: vertical.path.into(),
            version: int(vertical.version),
            current_version: int(vertical.current_version),
            created_at: vertical.created_at,
            definition: vertical.definition,
        }
    }
}

impl From<&Attribute> for VerticalAttribute {
    fn from(attribute: &Attribute) -> Self {
        let value = |listed: &EnumValue| VerticalAttributeValue { value: listed.value.clone(), labels: labels(&listed.labels) };
        Self {
            key: attribute.key.clone(),
            kind: attribute.kind.into(),
            labels: labels(&attribute.labels),
            required: attribute.required,
            filterable: attribute.filterable,
            identifying: attribute.identifying,
            values: attribute.values.iter().map(value).collect(),
            min: attribute.min.map(|min| min.to_string()),
            max: attribute.max.map(|max| max.to_string()),
            earliest: attribute.earliest,
            latest: attribute.latest,
            max_length: attribute.max_length.map(|length| int(length.into())),
            unit: attribute.unit.clone(),
        }
    }
}

impl From<&Weights> for ScoreWeights {
    fn from(weights: &Weights) -> Self {
        let rule = |rule: &FitRule| ScoreRule { key: rule.key.clone(), condition: rule.reason(), points: int(rule.points) };
        Self {
            verification: int(weights.verification),
            intent: int(weights.intent),
            recency: int(weights.recency),
            source: int(weights.source),
            completeness: int(weights.completeness),
            engagement: int(weights.engagement),
            odd_check: int(weights.odd_check),
            failed_check: int(weights.failed_check),
            warm_from: weights.warm_from.map(int),
            hot_from: weights.hot_from.map(int),
            rules: weights.rules.iter().map(rule).collect(),
        }
    }
}

/// The answer of `verticalCreate`.
#[derive(Debug, SimpleObject)]
pub struct VerticalCreatePayload {
    /// The new vertical.
    pub vertical: Option<VerticalObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<VerticalCreate>>,
}

/// The answer of `verticalVersionAdd`.
#[derive(Debug, SimpleObject)]
pub struct VerticalVersionAddPayload {
    /// The vertical in its new version.
    pub vertical: Option<VerticalObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<VerticalVersionAdd>>,
}

#[Object]
impl VerticalQuery {
    /// Every kind of demand in its newest version, in the order of the paths. Needs no log-in.
    #[graphql(complexity = "list_cost(50, child_complexity)")]
    async fn verticals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only this one and those below it.")] within: Option<String>,
    ) -> async_graphql::Result<Vec<VerticalObject>> {
        let within = within.map(|path| path.parse()).transpose().map_err(top_level)?;
        let all = answer(ctx, verticals::vertical_list(app(ctx), within.as_ref()).await)?;
        Ok(all.into_iter().map(VerticalObject::from).collect())
    }

    /// One kind of demand. Needs no log-in.
    async fn vertical(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its place, such as \"finance/loan\".")] path: String,
        #[graphql(desc = "A version; the newest, if nothing is said.")] version: Option<i32>,
    ) -> async_graphql::Result<Option<VerticalObject>> {
        let path = path.parse().map_err(top_level)?;
        let found = verticals::vertical_get(app(ctx), &path, version.map(i64::from)).await;
        Ok(answer(ctx, found)?.map(VerticalObject::from))
    }
}

#[Object]
impl VerticalMutation {
    /// Creates a kind of demand. Operators only.
    async fn vertical_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: VerticalCreateInput,
    ) -> async_graphql::Result<VerticalCreatePayload> {
        let result = match input.definition.parse() {
            Ok(definition) => verticals::vertical_create(app(ctx), caller(ctx), &input.path, &definition).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (vertical, user_errors) = settle(ctx, result)?;
        Ok(VerticalCreatePayload { vertical: vertical.map(VerticalObject::from), user_errors })
    }

    /// Adds a version to a kind of demand. Leads keep the version that they fit. Operators only.
    async fn vertical_version_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: VerticalVersionAddInput,
    ) -> async_graphql::Result<VerticalVersionAddPayload> {
        let parsed = || -> Result<(VerticalId, Definition), Refusal> {
            Ok((parse_id(&input.vertical_id, "verticalId")?, input.definition.parse()?))
        };
        let result = match parsed() {
            Ok((id, definition)) => {
                let expected = input.expected_version.into();
                verticals::vertical_version_add(app(ctx), caller(ctx), id, expected, &definition).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (vertical, user_errors) = settle(ctx, result)?;
        Ok(VerticalVersionAddPayload { vertical: vertical.map(VerticalObject::from), user_errors })
    }
}

fn labels(labels: &Labels) -> Vec<Label> {
    labels.iter().map(|(language, text)| Label { language: language.clone(), text: text.clone() }).collect()
}

/// What the graph can say of a number that is small by its rules.
fn int(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}
